"""Each hook is needed: with the whole list its scenario holds, and with that one entry taken out it does not."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from mcp_server.hooks import order, pipeline
from tests.support.outside import plain
from tests.support.places import NET, ORG
from tests.support.stage import FreeBudget, Stage, accepting, staged
from tests.support.story import Payload, confirmed, step

SHOP: Final = "L_646829496481105402"  #: bound to a template
MANAGED: Final = "Q2YP-HFQV-2111"  #: Catalyst with ports locked by TrustSec
MONITORED: Final = "Q2AW-HFQW-2148"  #: Catalyst
ENTERPRISE: Final = "Q2WS-HFRS-2888"  #: switch without an Advanced licence
Scenario = Callable[[Stage, pytest.MonkeyPatch], Awaitable[bool]]


def _ssid(network: str = NET) -> Payload:
    return step("updateNetworkWirelessSsid", {"name": "X"}, networkId=network, number="1")


async def _planned(stage: Stage, *operations: Payload) -> Payload:
    return await stage.call("meraki_plan", operations=list(operations), intent="tried")


async def _says(stage: Stage, operation: Payload, code: str) -> bool:
    answer = await _planned(stage, operation)
    return code in plain([answer.get("error", {}).get("code"), answer.get("error", {}).get("details")])


async def _changed(stage: Stage) -> Payload:
    plan = await _planned(stage, _ssid())
    return await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"])


async def _family_off(stage: Stage, _patch: pytest.MonkeyPatch) -> bool:
    body = {"email": "eve@example.net", "name": "Eve", "orgAccess": "full"}
    return await _says(stage, step("createOrganizationAdmin", body, organizationId=ORG), "family_off")


async def _no_organization_seen(stage: Stage, _patch: pytest.MonkeyPatch) -> bool:
    stage.sandbox.world.organizations.clear()
    return await _says(stage, _ssid(), "no_organizations")


async def _template_bound(stage: Stage, _patch: pytest.MonkeyPatch) -> bool:
    return await _says(stage, _ssid(SHOP), "template_bound")


async def _monitored(stage: Stage, _patch: pytest.MonkeyPatch) -> bool:
    return await _says(
        stage, step("updateDeviceSwitchPort", {"name": "x"}, serial=MONITORED, portId="1"), "monitored_catalyst"
    )


async def _unlicensed(stage: Stage, _patch: pytest.MonkeyPatch) -> bool:
    port = step("updateDeviceSwitchPort", {"adaptivePolicyGroupId": "1"}, serial=ENTERPRISE, portId="12")
    return await _says(stage, port, "license")


async def _locked_port(stage: Stage, _patch: pytest.MonkeyPatch) -> bool:
    return await _says(stage, step("updateDeviceSwitchPort", {"name": "x"}, serial=MANAGED, portId="1"), "sgt_locked")


async def _masked_backup(stage: Stage, _patch: pytest.MonkeyPatch) -> bool:
    stage.sandbox.edit(f"/networks/{NET}/wireless/ssids/1", {"authMode": "psk", "psk": "********"})
    return await _says(stage, _ssid(), "no_backup")


async def _no_room(stage: Stage, patch: pytest.MonkeyPatch) -> bool:
    async def long(_self: FreeBudget, _organization_id: str, _calls: int) -> float:
        return 120.0

    patch.setattr(FreeBudget, "estimate_s", long)
    answer = await _planned(stage, _ssid())
    return bool(answer.get("error", {}).get("code") == "rate_limit" and answer["error"]["retry_after_s"] == 120)


async def _context(stage: Stage, _patch: pytest.MonkeyPatch) -> bool:
    return bool((await _planned(stage, _ssid()))["context"].get("backup_id"))


async def _record_kept(stage: Stage, _patch: pytest.MonkeyPatch) -> bool:
    done = await _changed(stage)
    kept = await stage.call("history", change_id=done["change_id"])
    return bool(kept["change"].get("request_id"))


async def _changelog(stage: Stage, _patch: pytest.MonkeyPatch) -> bool:
    return "Visitantes" in (await _changed(stage)).get("changelog", "")


async def _handoffs(stage: Stage, _patch: pytest.MonkeyPatch) -> bool:
    return "rollback-available" in [one["reason"] for one in (await _changed(stage))["handoffs"]]


async def _session(stage: Stage, _patch: pytest.MonkeyPatch) -> bool:
    done = await _changed(stage)
    kept: Any = (await stage.client.read_resource("changelog://session")).contents[0]
    return done["change_id"] in kept.text


async def _classified(stage: Stage, _patch: pytest.MonkeyPatch) -> bool:
    stage.sandbox.add_fault({"kind": "status", "status": 404, "operation": "getNetworkWirelessSsids"})
    answer = await stage.call("meraki_read", operation="getNetworkWirelessSsids", params={"networkId": NET})
    return bool(answer["error"].get("class") == "not_found")


SCENARIOS: Final[dict[str, Scenario]] = {
    "guard": _family_off,
    "validate_credentials": _no_organization_seen,
    "resolve_org_and_network": _template_bound,
    "detect_catalyst_mode": _monitored,
    "check_license": _unlicensed,
    "sgt_preflight_check": _locked_port,
    "backup_current_state": _masked_backup,
    "check_rate_limit": _no_room,
    "inject_context": _context,
    "write_audit_log": _record_kept,
    "write_changelog": _changelog,
    "process_handoffs": _handoffs,
    "update_session": _session,
    "on_error": _classified,
}
LISTS: Final[dict[Any, Sequence[Any]]] = {
    pipeline.pre_task: order.PRE_TASK,
    pipeline.pre_change: order.PRE_CHANGE,
    pipeline.post_task: order.POST_TASK,
}


def _taken_out(name: str, patch: pytest.MonkeyPatch) -> None:
    """The pipeline runs its list without that entry from now on."""
    for run, hooks in LISTS.items():
        assert run.__defaults__ == (hooks,)  # what the call path runs is the list of order.py
        left = tuple(hook for hook in hooks if hook.__name__ != name)
        patch.setattr(run, "__defaults__", (left,))


@pytest.mark.parametrize("name", [hook.__name__ for hooks in LISTS.values() for hook in hooks])
@pytest.mark.parametrize("is_in", [True, False], ids=["in", "out"])
async def test_a_hook_that_is_taken_out_is_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, is_in: bool
) -> None:
    """The scenario of each entry holds with it and fails without it."""
    if not is_in:
        _taken_out(name, monkeypatch)
    async with staged(tmp_path / "home", answer=accepting) as stage:
        assert await SCENARIOS[name](stage, monkeypatch) is is_in
