"""How the other servers are started, and the row that is printed of each."""

import json
from pathlib import Path
from typing import Any

from scripts.comparing.__main__ import Measured, answer_tokens
from scripts.comparing.peers import airlock_command, fabric_aiops, ours

BASE, KEY = "http://127.0.0.1:1/api/v1", "k" * 40


def measured(**more: Any) -> Measured:
    """What was found out about a server, without its client."""
    return Measured("one", None, None, **more)  # type: ignore[arg-type]  # a row needs neither client nor command


def test_a_row_tells_the_requests_of_one_read_and_leaves_out_what_was_not_measured() -> None:
    """Sums are divided by the calls; a dash where there is no start-up."""
    row = measured(tools=8, tokens=1214, taken=[1.0, 2.0, 3.0, 4.0], requests=4, answer='{"id":"1"}')
    assert row.line().startswith("| one | 8 | 1,214 | - | - | 3.0 / 4.0 | 1 | ")
    row.started = (1.5, 69.4)
    assert "| 1500 | 69 |" in row.line()


def test_json_costs_the_same_however_it_is_laid_out() -> None:
    """One server answers compactly, another with line breaks; a text that is no JSON counts as it is."""
    assert answer_tokens('{\n  "id": "1"\n}') == answer_tokens('{"id":"1"}')
    assert answer_tokens("no organization") > 0


def test_every_server_is_pointed_at_the_same_cloud_and_keeps_its_files_in_its_own_home(tmp_path: Path) -> None:
    """No server may reach the real cloud, or write where a person keeps theirs."""
    mine = ours(tmp_path / "ours", BASE, KEY, "1")
    fabric = fabric_aiops(tmp_path / "fabric", BASE, KEY, "1")
    assert mine.env["MERAKI_BASE_URL"] == BASE
    assert mine.env["MERAKI_SPECIALIST_HOME"] == str(tmp_path / "ours")
    (target,) = json.loads((tmp_path / "fabric" / "config.yaml").read_text())["targets"]
    assert (target["base_url"], target["org_id"]) == (BASE, "1")
    assert fabric.env["HOME"] == fabric.env["FABRIC_AIOPS_HOME"] == str(tmp_path / "fabric")


def test_the_proxy_passes_every_tool_through(tmp_path: Path) -> None:
    """What it adds is measured, not what it refuses."""
    command, env = airlock_command(tmp_path, "http://127.0.0.1:2/mcp", ["meraki_read", "rollback"])
    policy = json.loads((tmp_path / "policy.yaml").read_text())
    assert {name: one["tiers"] for name, one in policy["tools"].items()} == {
        "meraki_read": {"dev": "L0"},
        "rollback": {"dev": "L0"},
    }
    assert command[command.index("--upstream") + 1] == "http://127.0.0.1:2/mcp"
    assert env["HOME"] == str(tmp_path)
