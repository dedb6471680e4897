"""The protocol's own suite, @modelcontextprotocol/conformance, over Streamable HTTP.

With the suite's fixtures on the product's bridge no scored check may fail. Without them the product passes what needs
no fixture; each scenario that it fails stands in ``baselines/`` with its reason. Scenarios that pass although their
fixture is missing prove nothing and are named in ``VACUOUS``.
"""

import re
from pathlib import Path
from typing import Final

import pytest

from mcp_server.assembly import running
from mcp_server.settings import load
from mcp_server.transport.sdk_bridge import Bridge
from tests.outside import fixtures
from tests.outside.fixtures import FixtureBridge
from tests.outside.node_tools import Ran, ran
from tests.support.stage import FreeBudget, web

BASELINES: Final = Path(__file__).resolve().parent / "baselines"
REVISIONS: Final = ("2025-11-25", "2026-07-28")
#: Pass on the plain product because an unknown tool's error satisfies them: no evidence.
VACUOUS: Final = {
    "2025-11-25": {"tools-call-simple-text", "tools-call-error"},
    "2026-07-28": {
        "tools-call-simple-text",
        "tools-call-error",
        "input-required-result-ignore-extra-params",
        "input-required-result-missing-input-response",  # with a warning, for which it stands in the baseline
        "input-required-result-validate-input",  # as above
        "tasks-status-notifications",  # 0 checks
    },
}
#: Pass on the plain product and say something of it: they call no fixture.
EVIDENCE: Final = {
    "2025-11-25": {
        "server-initialize", "server-session-lifecycle", "ping", "completion-complete", "tools-list", "resources-list",
        "prompts-list", "server-sse-multiple-streams", "dns-rebinding-protection",
    },
    "2026-07-28": {
        "completion-complete", "tools-list", "resources-list", "prompts-list", "server-sse-multiple-streams",
        "dns-rebinding-protection", "caching", "http-header-validation", "sep-2164-resource-not-found",
        "input-required-result-unsupported-methods",
    },
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning")  # the fixtures of sampling, logging
@pytest.mark.parametrize("revision", REVISIONS)
async def test_with_the_suites_fixtures_no_scored_check_fails(tmp_path: Path, revision: str) -> None:
    """Exit status 0, and every failing scenario is one of the tasks extension, which is not scored."""
    result = await suite(tmp_path, FixtureBridge, revision)
    passed, failed = scenarios(result)
    assert result.code == 0, result.out[-3000:]
    assert {name for name in failed if not name.startswith("tasks-")} == set()
    assert len(passed) >= {"2025-11-25": 33, "2026-07-28": 40}[revision]


@pytest.mark.parametrize("revision", REVISIONS)
async def test_the_plain_product_fails_only_what_its_baseline_explains(tmp_path: Path, revision: str) -> None:
    """The suite exits 0 with the baseline: nothing else fails, and nothing in the baseline passes by now."""
    result = await suite(tmp_path, Bridge, revision, "--expected-failures", str(BASELINES / f"{revision}.yml"))
    passed, failed = scenarios(result)
    assert result.code == 0, result.out[-3000:]
    assert failed <= reasons(revision).keys()
    assert passed == EVIDENCE[revision] | VACUOUS[revision]


@pytest.mark.parametrize("revision", REVISIONS)
def test_each_reason_of_a_baseline_is_a_fixture_or_what_the_product_does_not_offer(revision: str) -> None:
    """A fixture that is named is one that the suite's own bridge has: with it the same scenario passes."""
    source = Path(fixtures.__file__).read_text("utf-8")
    offered = (
        "not offered",
        "no logging capability",
        "never asks",
        "no subscription",
        "repeats a parameter",
        "as above",
    )
    for scenario, reason in reasons(revision).items():
        named = re.findall(r"test_\w+|test://[\w/-]+|json_schema_2020_12_tool", reason)
        assert named or any(words in reason for words in offered), (scenario, reason)
        assert all(one in source or one.startswith("test://template/") for one in named), (scenario, named)


def reasons(revision: str) -> dict[str, str]:
    """The scenarios of a baseline, each with its reason."""
    found = re.findall(r"^  - (\S+) +# (.+)$", (BASELINES / f"{revision}.yml").read_text("utf-8"), re.MULTILINE)
    assert len(found) == (BASELINES / f"{revision}.yml").read_text("utf-8").count("\n  - ")
    return dict(found)


async def suite(folder: Path, bridge: type[Bridge], revision: str, *more: str) -> Ran:
    """What the suite says of a server with that bridge."""
    home = folder / "home"
    home.mkdir(mode=0o700)
    settings = load({}, overrides={"home": home, "profile": "solo"})
    async with (
        running(settings, channel="http", sandbox=True, budget=FreeBudget()) as server,
        web(server, "http", bridge) as address,
    ):
        asked = ("--url", f"{address}/mcp", "--requirements", revision, "-o", str(folder / "out"))
        return await ran("conformance", "server", *asked, *more)


def scenarios(result: Ran) -> tuple[set[str], set[str]]:
    """The names of the scenarios that passed and of those that failed."""
    summary = result.out.split("=== SUMMARY ===")[1]
    lines = re.findall(r"^(✓|✗) (\S+): \d+ passed", summary, re.MULTILINE)
    return {name for mark, name in lines if mark == "✓"}, {name for mark, name in lines if mark == "✗"}
