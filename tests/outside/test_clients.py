"""Clients that others wrote, in both protocol eras: each plans, declines, applies and takes back."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from fastmcp import Client
from fastmcp.client.elicitation import ElicitResult
from fastmcp.client.transports import StdioTransport

from tests.outside.node_tools import FOLDER, ran_script
from tests.support.places import NET
from tests.support.stage import ERAS, Stage, environment, staged
from tests.support.story import step

RENAMED: Final = step("updateNetworkWirelessSsid", {"name": "Recepção"}, networkId=NET, number="1")
WAYS: Final = [(transport, era) for transport in ("stdio", "http") for era in ERAS]
pytestmark = pytest.mark.parametrize(("transport", "era"), WAYS)


async def test_the_typescript_sdk_changes_a_network_and_takes_it_back(tmp_path: Path, transport: str, era: str) -> None:
    """Four answers, three questions; the sandbox's journal holds the write and its undo."""
    async with staged(tmp_path / "home") as stage:
        reached = {"url": f"{stage.address}/mcp"} if transport == "http" else {"stdio": command(stage)}
        told = await ran_script(FOLDER / "typescript.mjs", json.dumps({"era": era, "operation": RENAMED, **reached}))
        assert told.code == 0, told.err
        answer = json.loads(told.out)
        names = written(stage)
    assert (answer["version"], answer["statuses"]) == (era, ["ok", "declined", "applied", "rolled_back"])
    assert names == ["Recepção", "Visitantes"]
    assert {"meraki_plan", "meraki_apply", "rollback"} <= set(answer["tools"])
    assert_asked(answer["questions"])


async def test_the_fastmcp_client_changes_a_network_and_takes_it_back(tmp_path: Path, transport: str, era: str) -> None:
    """The same story, told by another client library."""
    questions: list[str] = []
    says = ["decline"]

    async def answered(message: str, _type: Any, _params: Any, _context: Any) -> Any:
        questions.append(message)
        code = message.split("Apply plan ", 1)[1].split(" ", 1)[0]
        return {"approve": True, "code": code} if says[0] == "accept" else ElicitResult(action="decline")

    async with staged(tmp_path / "home") as stage:
        target: Any = f"{stage.address}/mcp" if transport == "http" else StdioTransport(**command(stage))
        mode: Any = "legacy" if era == "2025-11-25" else "auto"
        async with Client(target, elicitation_handler=answered, mode=mode) as client:
            plan = await called(client, "meraki_plan", operations=[RENAMED], intent="tried with fastmcp")
            declined = await called(client, "meraki_apply", plan_id=plan["plan_id"])
            says[0] = "accept"
            done = await called(client, "meraki_apply", plan_id=plan["plan_id"])
            undone = await called(client, "rollback", change_id=done["change_id"])
            version = client.protocol_version
        names = written(stage)
    statuses = [answer["status"] for answer in (plan, declined, done, undone)]
    assert (version, statuses) == (era, ["ok", "declined", "applied", "rolled_back"])
    assert names == ["Recepção", "Visitantes"]
    assert_asked(questions)


async def called(client: Client[Any], tool: str, **arguments: Any) -> Mapping[str, Any]:
    """The structured content of a tool's answer, also of a refusal."""
    result = await client.call_tool(tool, arguments, raise_on_error=False)
    content: Mapping[str, Any] = result.structured_content or {}
    return content


def written(stage: Stage) -> list[str]:
    """The names that were written, in order, as the sandbox saw them."""
    return [entry["body"]["name"] for entry in stage.writes()]


def assert_asked(questions: list[str]) -> None:
    """The two questions before the write are the same words; the third is about the way back."""
    assert len(questions) == 3
    assert questions[0] == questions[1]
    assert "name: Visitantes -> Recepção" in questions[0]
    assert "name: Recepção -> Visitantes" in questions[2]


def command(stage: Stage) -> dict[str, Any]:
    """How a client starts the server itself."""
    args = ["-m", *stage.program]
    return {
        "command": sys.executable,
        "args": args,
        "env": environment(stage.settings),
        "cwd": str(stage.settings.home),
    }
