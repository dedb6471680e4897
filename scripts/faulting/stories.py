"""What is being done when the server is killed: each story is a change that passes the write protocol's points."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import anyio

from mcp_server.cli.approve import _judge, _open_audit
from mcp_server.cli.local import opened
from mcp_server.domain.actor import Role
from mcp_server.domain.change_state import FINAL, ChangeState
from mcp_server.domain.record import Change, Deadline, StoredPlan
from mcp_server.gate.keys import Keyring
from scripts.faulting.cloud import Cloud
from scripts.faulting.life import Caller, Payload
from tests.support.approving import _QUICK_SCRYPT_N, PASSPHRASE, approve
from tests.support.places import CORE, NET
from tests.support.story import step

Json = Any
PSK: Final = "canary-psk-of-the-guests"
SETTLE_S: Final = 20.0
_UNSETTLED: Final = frozenset({"applying", "verifying", "partial", "rolling_back"})
_VLAN: Final = {"id": "77", "name": "Cameras", "subnet": "10.77.0.0/24", "applianceIp": "10.77.0.1"}
_RULE: Final = {"vlan": 100, "protocol": "TCP", "dstPort": 2000, "dscp": 46}


class Refused(RuntimeError):
    """The story ends here: its plan was not made."""


@dataclass(frozen=True, slots=True)
class Story:
    """``before`` is done by others before the run begins, ``first`` by a server that is not killed."""

    name: str
    tell: Callable[[Caller], Awaitable[None]]
    before: Callable[[Cloud], None] = lambda _cloud: None
    first: Callable[[Caller], Awaitable[None]] | None = None
    writes: int = 1
    never: tuple[str, ...] = ()  #: points that it does not pass
    ahead_s: float = 0.0  #: by so much later than ``first`` it begins


def ssid(number: int, **body: Json) -> dict[str, Json]:
    """A plan's step that changes an SSID."""
    return step("updateNetworkWirelessSsid", body, networkId=NET, number=str(number))


async def changed(caller: Caller, *operations: dict[str, Json], audited: bool = False) -> None:
    """Plan, have it approved as it must be, apply."""
    plan = await caller.call("meraki_plan", operations=list(operations), intent="tried by a harness")
    if plan["status"] != "ok":
        raise Refused(plan)
    if audited:
        asked = await caller.call("request_audit", plan_id=plan["plan_id"])
        await _verdict(caller, asked["audit_id"])
    await applied(caller, "meraki_apply", plan_id=plan["plan_id"])


async def applied(caller: Caller, tool: str, **arguments: Json) -> Payload:
    """The end of a change, signed by a person in a terminal when the client may not decide."""
    answer = await caller.call(tool, **arguments)
    if answer["status"] != "needs_approval":
        return answer
    await approve(caller.server.settings.home, answer["plan_id"])
    return await caller.call(tool, **arguments)


async def _verdict(caller: Caller, audit_id: str) -> None:
    """An auditor with a key says yes; the first key is an approver's."""
    async with opened({"home": caller.server.settings.home, "profile": "solo"}) as local:
        ring = Keyring(local.settings.home, scrypt_n=_QUICK_SCRYPT_N)
        if ring.find("carla") is None:
            ring.enroll(Role.APPROVER, "carla", PASSPHRASE, now=local.clock.now(), ids=local.ids)
        if ring.find("otto") is None:
            signed_by = ("carla", PASSPHRASE)
            ring.enroll(Role.AUDITOR, "otto", PASSPHRASE, signed_by=signed_by, now=local.clock.now(), ids=local.ids)
        audit, stored = await _open_audit(local, audit_id)
        await _judge(local, audit, stored, ring.unlock("otto", PASSPHRASE), ("approve", "fits the window"))


async def _one(caller: Caller) -> None:
    body = {"name": "Rede", "authMode": "psk", "encryptionMode": "wpa", "wpaEncryptionMode": "WPA2 only"}
    await changed(caller, ssid(1, **body, psk={"$secret": "GUEST"}))


async def _audited(caller: Caller) -> None:
    await changed(caller, ssid(1, name="Rede"), audited=True)


async def _five(caller: Caller) -> None:
    await changed(caller, *(ssid(number, name=f"Rede {number}") for number in range(5)))


async def _batch(caller: Caller) -> None:
    await changed(caller, step("updateDeviceSwitchPort", {"vlan": 20}, serial=CORE, for_each={"portId": ["3-6"]}))


async def _create(caller: Caller) -> None:
    await changed(caller, step("createNetworkApplianceVlan", _VLAN, networkId=NET))


async def _rule(caller: Caller) -> None:
    """A create that no natural key tells from the others: settled by the list taken before."""
    await changed(caller, step("createNetworkSwitchQosRule", _RULE, networkId=NET))


async def _delete(caller: Caller) -> None:
    await changed(caller, step("deleteNetworkApplianceVlan", None, networkId=NET, vlanId="77"))


def _with_vlan(cloud: Cloud) -> None:
    cloud.ask("POST", f"/networks/{NET}/appliance/vlans", _VLAN)


async def _back(caller: Caller) -> None:
    await applied(caller, "rollback", last=1)


async def _unkept(caller: Caller) -> None:
    """A change of two steps that waits to be kept when its server ends."""
    steps = [ssid(number, name=f"Rede {number}") for number in range(2)]
    plan = await caller.call("meraki_plan", operations=steps, intent="tried by a harness")
    await applied(caller, "meraki_apply", plan_id=plan["plan_id"], confirm_within_minutes=1)


async def settle(caller: Caller) -> None:
    """Until nothing is left to do for the server; what waits for a person may wait."""
    server = caller.server
    await server.recovery.go_on()
    with anyio.fail_after(SETTLE_S):
        while True:
            changes = await server.store.list(Change, {}, limit=100)
            is_open = any(change.state.value in _UNSETTLED for change in changes)
            if not server.changes.under_way() and not is_open and not await _is_overdue(caller):
                return
            await anyio.sleep(0.02)


async def _is_overdue(caller: Caller) -> bool:
    """Whether the time of a change that waits to be kept has passed."""
    waiting = await caller.server.store.list(Deadline, {"state": "open"}, limit=100)
    return any(one.due_at <= caller.server.clock.now() for one in waiting)


STORIES: Final[Mapping[str, Story]] = {
    story.name: story
    for story in (
        Story("one", _one),
        Story("audited", _audited),
        Story("five", _five, writes=5),
        Story("batch", _batch, writes=4),
        Story("create", _create),
        Story("rule", _rule),
        Story("delete", _delete, before=_with_vlan),
        Story("rollback", _back, first=_five, writes=5),
        Story("deadline", settle, first=_unkept, writes=2, ahead_s=120.0),
    )
}


async def look(caller: Caller) -> None:
    """After a restart: the server settles what it finds; the assistant asks again and is told the truth."""
    await settle(caller)
    for plan in await caller.server.store.list(StoredPlan, {}, limit=100):
        if plan.change_id is None and plan.state not in FINAL:
            await applied(caller, "meraki_apply", plan_id=plan.key)
    for change in await caller.server.store.list(Change, {}, limit=100):
        await caller.call("history", change_id=change.key)
        if change.state is not ChangeState.IN_DOUBT:
            await caller.call("meraki_apply" if not change.rolls_back else "rollback", **_same(change))
    await settle(caller)


def _same(change: Change) -> dict[str, Json]:
    """The arguments of the call that a client repeats when its answer was lost."""
    return {"plan_id": change.plan_id} if not change.rolls_back else {"change_id": change.rolls_back[0]}
