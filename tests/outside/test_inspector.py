"""The MCP Inspector's command line client against the server: stdio, HTTP and SSE, both protocol eras."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import anyio
import pytest

from tests.outside.node_tools import Ran, ran
from tests.support.approving import approve
from tests.support.places import NET, ORG
from tests.support.stage import ERAS, TRANSPORTS, Stage, environment, staged
from tests.support.story import step

KINDS: Final = {"stdio": "stdio", "http": "streamable-http", "sse": "sse"}
RENAMED: Final = step("updateNetworkWirelessSsid", {"name": "Recepção"}, networkId=NET, number="1")
OTHER: Final = step("updateNetworkWirelessSsid", {"name": "Espera"}, networkId=NET, number="2")
REFUSED: Final = 5
SIDE_BY_SIDE: Final = 2  #: programs at once: each waits for its server a good part of its time


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_the_inspector_lists_reads_and_changes(tmp_path: Path, transport: str, era: str) -> None:
    """Every method and every tool exits 0; the change it makes is in the sandbox, and its rollback takes it back."""
    async with staged(tmp_path / "home", transport="http" if transport == "stdio" else transport) as stage:
        inspector = Inspector(stage, configured(stage, tmp_path, transport, era))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(changed_and_taken_back, inspector, stage)  # the longest of them
            for work in (listed, prompted, looked_up, audited):
                tasks.start_soon(work, inspector)
    answers = inspector.answers
    assert [one["protocolVersion"] for one in answers["initialize"]] == [era]
    assert inspector.called == {tool["name"] for tool in answers["tools/list"][0]["tools"]}
    assert {"resources/list", "resources/templates/list", "resources/read", "prompts/list", "prompts/get"} < set(
        answers
    )


@pytest.mark.parametrize("era", ERAS)
async def test_the_inspector_is_told_of_a_refusal(tmp_path: Path, era: str) -> None:
    """A tool error has an exit status of its own, and the answer names the code."""
    async with staged(tmp_path / "home") as stage:
        inspector = Inspector(stage, configured(stage, tmp_path, "http", era))
        result = await inspector.run("tools/call", *calling("meraki_read", operation="getNothing"))
    assert result.code == REFUSED, (result.out, result.err)
    assert "unknown_operation" in result.out


class Inspector:
    """The client, pointed at one server of a configuration file."""

    def __init__(self, stage: Stage, config: Path) -> None:
        self._stage = stage
        self._config = config
        self._room = anyio.CapacityLimiter(SIDE_BY_SIDE)
        self.answers: dict[str, list[dict[str, Any]]] = {}  #: results by method
        self.called: set[str] = set()  #: tools that answered

    async def run(self, method: str, *more: str) -> Ran:
        """One call of the program."""
        environ = {"MCP_INSPECTOR_SECRET_STORE": "memory"}
        base = ("--cli", "--config", str(self._config), "--server", "this", "--format", "json")
        async with self._room:
            return await ran("mcp-inspector", *base, "--method", method, *more, environ=environ)

    async def asked(self, method: str, *more: str) -> dict[str, Any]:
        """The result of a call that must exit 0 and say nothing against the server's schemas."""
        result = await self.run(method, *more)
        assert result.code == 0, (method, more, result.out[-2000:], result.err[-2000:])
        assert "Warning" not in result.err, result.err
        answer: dict[str, Any] = json.loads(result.out)["result"]
        self.answers.setdefault(method, []).append(answer)
        return answer

    async def tool(self, name: str, **arguments: Any) -> dict[str, Any]:
        """The structured content of a tool's answer."""
        answer = await self.asked("tools/call", *calling(name, **arguments))
        content: dict[str, Any] = answer["structuredContent"]
        self.called.add(name)
        return content


async def listed(inspector: Inspector) -> None:
    """What a client asks before it calls anything."""
    await inspector.asked("initialize")
    await inspector.asked("tools/list", "--strict")
    await inspector.asked("resources/list")
    await inspector.asked("resources/templates/list")
    await inspector.asked("resources/read", "--uri", "changelog://session")


async def prompted(inspector: Inspector) -> None:
    """The first prompt of the list."""
    prompts = await inspector.asked("prompts/list")
    await inspector.asked("prompts/get", "--prompt-name", prompts["prompts"][0]["name"])


async def looked_up(inspector: Inspector) -> None:
    """The tools that only look."""
    await inspector.tool("meraki_search", query="guest wifi")
    await inspector.tool("meraki_read", operation="getOrganizationNetworks", params={"organizationId": ORG})
    await inspector.tool("history", limit=5)


async def audited(inspector: Inspector) -> None:
    """A plan that waits for an auditor."""
    plan = await inspector.tool("meraki_plan", operations=[OTHER], intent="to be audited")
    await inspector.tool("request_audit", plan_id=plan["plan_id"])


async def changed_and_taken_back(inspector: Inspector, stage: Stage) -> None:
    """A change and its rollback, approved outside the client, which cannot ask; both are in the sandbox."""
    ssid = f"/networks/{NET}/wireless/ssids/1"
    plan = await inspector.tool("meraki_plan", operations=[RENAMED], intent="tried with the Inspector")
    await approve(stage.settings.home, plan["plan_id"])
    done = await inspector.tool("meraki_apply", plan_id=plan["plan_id"])
    assert (done["status"], stage.sandbox.world.get(ssid)["name"]) == ("applied", "Recepção")
    await inspector.tool("health_check", change_id=done["change_id"])
    waiting = await inspector.run("tools/call", *calling("rollback", last=1))
    told = json.loads(waiting.out)["result"]["structuredContent"]
    assert (waiting.code, told["status"]) == (REFUSED, "needs_approval")
    await approve(stage.settings.home, told["plan_id"])
    undone = await inspector.tool("rollback", last=1)
    assert (undone["status"], stage.sandbox.world.get(ssid)["name"]) == ("rolled_back", "Visitantes")


def calling(name: str, **arguments: Any) -> tuple[str, ...]:
    """The options of one tool call."""
    return ("--tool-name", name, "--tool-args-json", json.dumps(arguments))


def configured(stage: Stage, folder: Path, transport: str, era: str) -> Path:
    """A configuration file with the one server, ``this``."""
    server: Mapping[str, Any] = {"url": f"{stage.address}/{'mcp' if transport == 'http' else 'sse'}"}
    if transport == "stdio":
        command = {"command": sys.executable, "args": ["-m", *stage.program]}
        server = {**command, "env": environment(stage.settings), "cwd": str(stage.settings.home)}
    protocol = "modern" if era == "2026-07-28" else "legacy"
    path = folder / "inspector.json"
    path.write_text(json.dumps({"mcpServers": {"this": {"type": KINDS[transport], **server, "protocolEra": protocol}}}))
    return path
