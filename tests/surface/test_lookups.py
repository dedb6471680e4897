"""Prompts, resources, templates and completion, through a real client."""

import json
from pathlib import Path
from typing import Any

import mcp_types as types
import pytest
from mcp.shared.exceptions import MCPError

from mcp_server.domain.record import AuditEntry
from tests.support.stage import ERAS, Stage, accepting, staged
from tests.surface.snapshot import FOLDER, REQUEST

NAMES = [
    "configure_wireless",
    "configure_switching",
    "configure_security",
    "configure_monitoring",
    "roll_back",
    "specific_task",
]
TEMPLATES = {"plan://{id}", "change://{id}", "audit://{id}"}


async def _network_id(stage: Stage) -> str:
    found = await stage.call("meraki_search", what="networks", query="Matriz")
    return str(found["matches"][0]["id"])


async def _planned(stage: Stage, limit: int = 5000) -> str:
    step = {
        "operation": "updateNetworkWirelessSsid",
        "params": {"networkId": await _network_id(stage), "number": "1"},
        "body": {"perClientBandwidthLimitDown": limit},
    }
    plan = await stage.call("meraki_plan", operations=[step], intent="Limit guests")
    return str(plan["plan_id"])


async def _text(stage: Stage, uri: str) -> str:
    content = (await stage.client.read_resource(uri)).contents[0]
    assert isinstance(content, types.TextResourceContents)
    return content.text


@pytest.mark.parametrize("era", ERAS)
async def test_prompts_and_templates_are_listed_in_a_fixed_order(tmp_path: Path, era: str) -> None:
    """One prompt for each task of the protocol, both with their arguments."""
    async with staged(tmp_path / "home", era=era) as stage:
        prompts = (await stage.client.list_prompts()).prompts
        assert [prompt.name for prompt in prompts] == NAMES
        assert {one.name for prompt in prompts for one in prompt.arguments or []} == {"network_id", "request"}
        templates = (await stage.client.list_resource_templates()).resource_templates
        assert {template.uri_template for template in templates} == TEMPLATES
        resources = (await stage.client.list_resources()).resources
        assert "changelog://session" in {str(resource.uri) for resource in resources}


@pytest.mark.parametrize("name", NAMES)
async def test_a_prompt_reads_as_its_snapshot_says(tmp_path: Path, name: str) -> None:
    """A missing snapshot fails; ``scripts/build snapshots`` writes a changed one."""
    async with staged(tmp_path / "home") as stage:
        content = (await stage.client.get_prompt(name, REQUEST)).messages[0].content
        assert isinstance(content, types.TextContent)
        assert content.text + "\n" == (FOLDER / "prompts" / f"{name}.txt").read_text("utf-8")


async def test_an_unknown_prompt_is_refused_with_the_names(tmp_path: Path) -> None:
    """The refusal names the prompts that there are."""
    async with staged(tmp_path / "home") as stage:
        with pytest.raises(MCPError, match="configure_wireless"):
            await stage.client.get_prompt("configure_everything")


async def test_what_a_prompt_does_not_take_is_refused_and_not_cut_or_passed_on(tmp_path: Path) -> None:
    """An argument that is not listed, and more words than the prompt holds."""
    async with staged(tmp_path / "home") as stage:
        with pytest.raises(MCPError, match="Unknown argument other in arguments; it takes network_id, request"):
            await stage.client.get_prompt("roll_back", {"other": "x"})
        with pytest.raises(MCPError, match=r"arguments\.request: at most 2000 characters, found 2001"):
            await stage.client.get_prompt("roll_back", {"request": "y" * 2_001})


async def test_a_plan_its_audit_its_change_and_the_session_can_be_read_as_resources(tmp_path: Path) -> None:
    """Each by its id; the session's changelog always, empty until something was changed."""
    async with staged(tmp_path / "home", answer=accepting) as stage:
        plan_id = await _planned(stage)
        assert "perClientBandwidthLimitDown" in await _text(stage, f"plan://{plan_id}")
        assert await _text(stage, "changelog://session") == ""
        done = await stage.call("meraki_apply", plan_id=plan_id)
        change = json.loads(await _text(stage, f"change://{done['change_id']}"))["change"]
        assert (change["status"], change["plan_id"]) == ("applied", plan_id)
        assert change["verified_state"]["data"][0]["state"]["perClientBandwidthLimitDown"] == 5000
        assert done["change_id"] in await _text(stage, "changelog://session")
        asked = await stage.call("request_audit", plan_id=await _planned(stage, 4000), note="please look")
        audit = json.loads(await _text(stage, f"audit://{asked['audit_id']}"))
        assert (audit["plan_id"], audit["state"]) == (asked["plan_id"], "audit_requested")


async def test_a_plan_and_an_audit_of_somebody_else_are_no_resources(tmp_path: Path) -> None:
    """Over stdio the caller is another owner."""
    async with staged(tmp_path / "home") as stage:
        plan_id = await _planned(stage)
        audit = await stage.call("request_audit", plan_id=plan_id)
        async with staged(tmp_path / "home", transport="stdio", sandbox=stage.sandbox) as other:
            for uri in (f"plan://{plan_id}", f"audit://{audit['audit_id']}"):
                with pytest.raises(MCPError):
                    await other.client.read_resource(uri)


@pytest.mark.parametrize("uri", ["plan://plan-unknown", "change://CHG-unknown", "audit://audit-unknown", "file:///etc"])
async def test_a_resource_that_is_not_there_is_refused(tmp_path: Path, uri: str) -> None:
    """Neither an empty text nor a file of this machine."""
    async with staged(tmp_path / "home") as stage:
        with pytest.raises(MCPError):
            await stage.client.read_resource(uri)


async def test_ids_of_networks_and_organizations_are_completed(tmp_path: Path) -> None:
    """By the beginning of an id and by name."""
    async with staged(tmp_path / "home") as stage:
        network_id = await _network_id(stage)
        assert network_id in await _completed(stage, "network_id", network_id[:6])
        assert network_id in await _completed(stage, "network_id", "Matriz")
        organizations = await stage.call("meraki_read", operation="getOrganizations")
        some_id = str(organizations["data"][0]["id"])
        assert some_id in await _completed(stage, "organization_id", some_id[:3])


async def _completed(stage: Stage, name: str, value: str) -> list[str]:
    ref = types.PromptReference(name="configure_wireless")
    result: Any = await stage.client.complete(ref, {"name": name, "value": value})
    return list(result.completion.values)


async def test_a_look_up_is_recorded_like_a_call(tmp_path: Path) -> None:
    """Prompts, resources and completion pass the same record as tools."""
    async with staged(tmp_path / "home") as stage:
        assert stage.server is not None
        await stage.client.get_prompt("roll_back")
        await _completed(stage, "network_id", "L_")
        rows = await stage.server.store.list(AuditEntry)
        assert {"prompts/get", "completion/complete"} <= {row.tool for row in rows}
