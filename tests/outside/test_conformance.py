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
        "tasks-status-notifications",
    },
}


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
    explained = set(re.findall(r"^  - (\S+)", (BASELINES / f"{revision}.yml").read_text(), re.MULTILINE))
    assert result.code == 0, result.out[-3000:]
    assert failed <= explained
    assert passed >= VACUOUS[revision]


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
