"""The pure parts of the table of speed and size: what is counted, and when a bound is passed."""

from dataclasses import replace

from scripts.benchmarks.imports import NAMES, OTHERS, STANDARD, Share, group_of, shares
from scripts.benchmarks.jobs.estate import BOUNDS
from scripts.benchmarks.jobs.tally import Spent, row, total
from scripts.benchmarks.load import callers, planning

PLANNED = planning.Planned(
    operations=100, seconds=2.0, cpu_s=0.4, calls=104, grown_mib=8.0, direct_ms=1.7
)  # 4 ms of CPU each


def test_each_imported_module_counts_for_the_package_it_belongs_to() -> None:
    """By its first name; what is neither ours nor the standard library's is one of the others."""
    assert group_of("mcp_server.store.seal") == "our modules"
    assert group_of("mcp.server.lowlevel") == "SDK"
    assert group_of("pydantic_core._pydantic_core") == "pydantic"
    assert group_of("asyncio.events") == STANDARD
    assert group_of("starlette.routing") == OTHERS


def test_import_times_are_summed_and_other_lines_of_stderr_are_passed_over() -> None:
    """Microseconds of the module alone, never those of what it imports."""
    lines = [
        "import time: self [us] | cumulative | imported package",
        "import time:      1500 |      90000 |   mcp_server.settings",
        "import time:       500 |        500 |     mcp_server.errors",
        "import time:       250 |        250 | click.core",
        "2026-11-21 a line of the log | with | bars",
    ]
    found = shares(lines)
    assert found["our modules"] == Share(2, 2.0)
    assert found["click"] == Share(1, 0.25)
    assert sum(share.modules for share in found.values()) == 3
    assert tuple(found) == NAMES


def test_a_job_costs_what_is_written_and_what_is_read_and_is_over_above_its_bound() -> None:
    """Arguments and answers of every call; the row names the dearest answer."""
    spent = [Spent("meraki_plan", 60, 600), Spent("meraki_apply", 30, 1_400)]
    assert total(spent) == 2_090
    line = row("a job", spent, {"a job": 2_090})
    assert (line.measured, line.holds) == ("2,090 (2)", True)
    assert "meraki_apply 1,400" in line.bound
    assert not row("a job", spent, {"a job": 2_089}).holds


def test_every_job_has_a_bound() -> None:
    """One of the five that the table promises."""
    assert len(BOUNDS) == 5


def test_callers_are_told_by_the_round_in_the_middle() -> None:
    """A round that a neighbour spoiled is not the one that counts; p99 of 100 calls is the slowest."""
    slow, middle, fast = (callers.Load(rate, (1.0, 3.0, 2.0)) for rate in (10.0, 50.0, 90.0))
    assert callers.middle([fast, slow, middle]) is middle
    assert (middle.p50, middle.p99) == (2.0, 3.0)
    assert callers.percentile([float(number) for number in range(100)], 0.99) == 99.0


def test_callers_that_get_too_small_a_share_of_the_bare_servers_rate_are_over_the_bound() -> None:
    """The share, because both are measured in the same run."""
    bare = callers.Load(100.0, (1.0,))
    least = callers.LEAST["meraki_read"] * 100
    assert callers.row("meraki_read", callers.Load(least, (1.0,)), bare).holds
    assert not callers.row("meraki_read", callers.Load(least - 1, (1.0,)), bare).holds


def test_a_plan_is_over_its_bound_by_cpu_by_calls_or_by_memory() -> None:
    """Each of the three is enough."""
    assert planning.row(PLANNED).holds
    assert not planning.row(replace(PLANNED, cpu_s=1.0)).holds
    assert not planning.row(replace(PLANNED, calls=194)).holds
    assert not planning.row(replace(PLANNED, grown_mib=61.0)).holds


def test_a_change_holds_within_its_cpu_and_its_calls() -> None:
    """Beside four direct GETs 5 ms of our own a step, what our client adds, and its part of what is done once."""
    assert planning.apply_row(12.5, 420, 1.0).holds
    assert not planning.apply_row(12.6, 420, 1.0).holds
    assert not planning.apply_row(12.5, 421, 1.0).holds


def test_a_plan_for_measuring_asks_for_no_target_twice() -> None:
    """One write a device, each with another note."""
    asked = planning.renamings(["Q2-1", "Q2-2"])
    assert [one["params"]["serial"] for one in asked] == ["Q2-1", "Q2-2"]
    assert len({one["body"]["notes"] for one in asked}) == 2
