"""The tools as the outside sees them: schemas, hints, order, cost in tokens, on every transport and in both eras."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from mcp_server.registry import ORDER
from mcp_server.toolkit import Tool
from mcp_server.transport.sdk_bridge import INSTRUCTIONS
from tests.support.stage import ERAS, TRANSPORTS, Stage, staged
from tests.support.tokens import tokens
from tests.surface.snapshot import FOLDER, declared, differing, shipped

ROOT = Path(__file__).resolve().parents[2]
TOKENS_OF_ALL_TOOLS = 1_400
TOKENS_OF_INSTRUCTIONS = 150
HINTS = {"read_only", "destructive", "idempotent", "open_world"}


async def _listed(stage: Stage) -> dict[str, Any]:
    result = await stage.client.list_tools()
    return result.model_dump(mode="json", by_alias=True, exclude_none=True)


@pytest.mark.parametrize("tool", shipped(), ids=lambda tool: str(tool.name))
def test_a_tool_is_declared_as_its_snapshot_says(tool: Tool) -> None:
    """A change of what the outside sees is deliberate: ``scripts/build snapshots``, and a line in the changelog."""
    path = FOLDER / f"{tool.name}.json"
    assert path.is_file(), f"no snapshot of {tool.name}: run scripts/build snapshots"
    assert declared(tool) == json.loads(path.read_text("utf-8"))


def test_every_snapshot_is_there_and_stands_for_something() -> None:
    """Neither a missing nor a left-over file."""
    assert differing() == []


def test_the_order_of_the_tools_is_fixed() -> None:
    """Clients cache the list by its text; models learn its order."""
    names = ["meraki_search", "meraki_read", "meraki_plan", "meraki_apply", "rollback", "health_check"]
    assert [tool.name for tool in shipped()] == [*names, "request_audit", "history"] == list(ORDER)


@pytest.mark.parametrize("name", ORDER)
def test_a_tool_states_all_four_hints_in_its_source(name: str) -> None:
    """None is left to a default: MCP's defaults would call every tool destructive and open."""
    tree = ast.parse((ROOT / "tools" / f"{name}.py").read_text("utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    stated = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Hints"]
    assert len(stated) == 1
    assert {keyword.arg for keyword in stated[0].keywords} == HINTS
    assert all(isinstance(keyword.value, ast.Constant) for keyword in stated[0].keywords)


def test_only_the_two_tools_that_change_networks_are_destructive() -> None:
    """A client that asks before destructive tools asks for exactly these."""
    assert {tool.name for tool in shipped() if tool.hints.destructive} == {"meraki_apply", "rollback"}
    assert {tool.name for tool in shipped() if not tool.hints.read_only} == {
        "meraki_apply",
        "rollback",
        "request_audit",
    }


@pytest.mark.parametrize("tool", shipped(), ids=lambda tool: str(tool.name))
def test_a_schema_is_closed_at_every_level_that_is_ours(tool: Tool) -> None:
    """Objects with named properties take no others; bodies and parameters are checked against the catalogue."""
    open_ones = [path for path, schema in _objects(dict(tool.parameters), tool.name) if "properties" in schema]
    closed_ones = [path for path, schema in _objects(dict(tool.parameters), tool.name) if _is_closed(schema)]
    assert open_ones == closed_ones


def _is_closed(schema: dict[str, Any]) -> bool:
    return schema.get("additionalProperties") is False


def _objects(schema: Any, path: str) -> list[tuple[str, dict[str, Any]]]:
    if not isinstance(schema, dict):
        return []
    below = [("items", schema.get("items")), *schema.get("properties", {}).items()]
    found = [(path, schema)] if schema.get("type") == "object" else []
    return found + [one for name, part in below for one in _objects(part, f"{path}.{name}")]


def test_the_instructions_cost_at_most_150_tokens() -> None:
    """They stand in every conversation."""
    assert tokens(INSTRUCTIONS) <= TOKENS_OF_INSTRUCTIONS


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_the_list_is_the_same_everywhere_and_under_1400_tokens(tmp_path: Path, transport: str, era: str) -> None:
    """What a client sees, hints included, is what the source declares, on three transports and in both eras."""
    async with staged(tmp_path / "home", transport=transport, era=era) as stage:
        result = await _listed(stage)
        assert result["tools"] == [declared(tool) for tool in shipped()]
        assert tokens(result) <= TOKENS_OF_ALL_TOOLS
        assert stage.client.instructions == INSTRUCTIONS


async def test_a_server_without_a_key_lists_its_tools_and_says_what_is_missing(tmp_path: Path) -> None:
    """It starts, so that the client can show the remedy."""
    async with staged(tmp_path / "home", given={"api_key": None}) as stage:
        assert [tool["name"] for tool in (await _listed(stage))["tools"]] == list(ORDER)
        answer = await stage.call("meraki_read", operation="getOrganizations")
        assert "MERAKI_DASHBOARD_API_KEY" in answer["error"]["remedy"]


@pytest.mark.parametrize("name", ORDER)
async def test_an_unknown_argument_is_refused_by_name(tmp_path: Path, name: str) -> None:
    """No misspelt argument is silently ignored, in no tool."""
    async with staged(tmp_path / "home") as stage:
        answer = await stage.call(name, approve_now=True)
        assert answer["status"] == "refused"
        assert answer["error"]["code"] == "invalid_arguments"
        assert "Unknown argument approve_now" in answer["error"]["message"]
        assert stage.sandbox.world.journal == []


def test_no_argument_of_any_tool_is_named_like_an_approval() -> None:
    """Approval comes from a person, never from an argument."""
    names = [name for tool in shipped() for name in tool.parameters["properties"]]
    words = ("approve", "approval", "confirmed", "force", "yes", "code", "passphrase", "key", "token")
    assert [name for name in names if any(word in name.split("_") for word in words)] == []
