"""Each hook before the tool as it stands in the list that is in force: what a call loses when it is taken out."""

from collections.abc import Mapping
from typing import Any

import pytest

from mcp_server.domain.call import Attempt, Effect
from mcp_server.errors import OutcomeUnknown, Refused
from mcp_server.hooks.pipeline import pre_change, pre_task
from tests.support.fake_clock import START
from tests.support.hook_world import ACME, MANAGED, MONITORED, SITE, attempt, port, port_write, read, world
from tests.support.plans import plan

CHANGE = attempt(port_write(MANAGED, "1"), effect=Effect.CHANGE)
LOOK = attempt(read("getNetwork", networkId=SITE))
SGT_PORT = {f"/devices/{MANAGED}/switch/ports": [port("1", peerSgtCapable=True), port("2")]}
NO_BACKUP = {f"/devices/{MANAGED}/switch/ports/1": OutcomeUnknown("500", sent=True, status=500)}
POLICY = attempt(port_write(MANAGED, "1", adaptivePolicyGroupId="7"), effect=Effect.CHANGE)


async def _refused(tried: Attempt, answers: Mapping[str, Any] | None, wait_s: float, **limits: Any) -> Refused:
    """The refusal by the list in force."""
    seen, api = world(answers, **limits)
    api.wait_s = wait_s
    with pytest.raises(Refused) as caught:
        await pre_task(tried, seen)
    return caught.value


def _told(error: Refused) -> set[str]:
    """Its code, and those of the targets that it names."""
    blocked: Any = error.details.get("blocked", ())
    return {error.reason, *(one["code"] for one in blocked)}


@pytest.mark.parametrize(
    ("code", "tried", "more"),
    [
        ("read_only", CHANGE, {"read_only": True}),  # guard
        ("no_organizations", LOOK, {"answers": {"/organizations": []}}),  # validate_credentials
        ("ambiguous_or_name", attempt(read("getNetwork", networkId="Site")), {}),  # resolve_org_and_network
        ("monitored_catalyst", attempt(port_write(MONITORED, "1"), effect=Effect.CHANGE), {}),  # detect_catalyst_mode
        ("license", POLICY, {}),  # check_license
        ("sgt_locked", CHANGE, {"answers": SGT_PORT}),  # sgt_preflight_check
        ("no_backup", CHANGE, {"answers": NO_BACKUP}),  # backup_current_state
        ("rate_limit", LOOK, {"wait_s": 61.0}),  # check_rate_limit
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_only_this_hook_refuses_is_refused(code: str, tried: Attempt, more: Mapping[str, Any]) -> None:
    """Whatever hook tells it: a blocked target is found by one and told by a later one."""
    limits = {name: value for name, value in more.items() if name not in ("answers", "wait_s")}
    error = await _refused(tried, more.get("answers"), more.get("wait_s", 0.0), **limits)
    assert code in _told(error), error.details


async def test_every_hook_leaves_what_it_found_out_to_the_tool_and_to_the_change_request() -> None:
    """The plan shows it, and the next hook relies on it."""
    seen, api = world()
    facts = (await pre_task(CHANGE, seen)).facts
    assert facts.organization
    assert (facts.organization.id, [one.id for one in facts.networks]) == (ACME, [SITE])
    assert [one.serial for one in facts.devices] == [MANAGED]
    assert facts.catalyst_modes == {MANAGED: "managed"}
    assert facts.license_levels == {MANAGED: "enterprise"}
    assert facts.sgt[MANAGED]["writable_ports"] == ["1", "2", "3"]
    assert facts.backup_at == START
    assert [organization for organization, _ in api.estimates] == [ACME]
    assert await pre_change(attempt(**_given(facts)), plan(), seen) == {
        "catalyst_mode": {MANAGED: "managed"},
        "sgt_restricted": False,
        "writable_ports": {MANAGED: ["1", "2", "3"]},
        "license_level": {MANAGED: "enterprise"},
        "backup_id": START.isoformat(),
        "rate_safe": True,
    }


def _given(facts: Any) -> dict[str, Any]:
    return {name: getattr(facts, name) for name in ("catalyst_modes", "sgt", "license_levels", "backup_at")}
