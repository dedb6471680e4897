"""What a worker of the soak does in a turn. Whatever it is answered is right: the oracle says what was not."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from mcp_server.domain.record import Change
from scripts.faulting.cloud import Cloud
from scripts.faulting.life import Caller, Payload
from scripts.faulting.soaking.schedule import Deed
from scripts.faulting.stories import applied
from tests.support.places import CORE, NET
from tests.support.story import step

Json = Any
#: The fields that only somebody beside the servers edits: one for each worker, so that the last edit is known.
THEIRS: Final = (
    "perClientBandwidthLimitUp", "perClientBandwidthLimitDown", "perSsidBandwidthLimitUp", "perSsidBandwidthLimitDown",
)  # fmt: skip
KEPT_MINUTES: Final = 15  #: of a change that a person keeps; one that nobody keeps waits for one
LONGEST_LIST: Final = 5000


@dataclass(frozen=True, slots=True)
class Turn:
    """One deed of one worker; ``number`` makes what it writes its own."""

    caller: Caller
    cloud: Cloud
    deed: Deed
    worker: int
    number: int

    @property
    def text(self) -> str:
        """What nobody else writes."""
        return f"w{self.worker} t{self.number}"

    @property
    def path(self) -> str:
        """Of the SSID."""
        return f"/networks/{self.deed.network}/wireless/ssids/{self.deed.ssid}"

    def ssid(self, number: str = "", **body: Json) -> dict[str, Json]:
        """A plan's step that changes the SSID, or another one of the network."""
        params = {"networkId": self.deed.network, "number": number or self.deed.ssid}
        return step("updateNetworkWirelessSsid", body, **params)

    async def planned(self, *operations: dict[str, Json]) -> str:
        """The id of a plan; "" when it was refused, as it may be."""
        plan = await self.caller.call("meraki_plan", operations=list(operations), intent="tried by a soak")
        return str(plan["plan_id"]) if plan["status"] == "ok" else ""

    async def applied(self, *operations: dict[str, Json], **more: Json) -> Payload:
        """The end of a change; nothing when there is no plan."""
        plan = await self.planned(*operations)
        return await applied(self.caller, "meraki_apply", plan_id=plan, **more) if plan else {}

    def edited(self, field: str, value: Json, *, is_theirs: bool) -> None:
        """Somebody else edits the SSID; what they alone edit must stand at the end."""
        since = datetime.now(UTC).isoformat()
        told = {"path": self.path, "field": field, "since": since} | ({"value": value} if is_theirs else {})
        self._note({**told, "at": since, "begun": True})
        self.cloud.edit(self.path, {field: value})
        self._note({**told, "at": datetime.now(UTC).isoformat()})

    def _note(self, row: Mapping[str, Json]) -> None:
        """Beside what was told; one file for each worker."""
        with self.caller.told.with_name(f"others-{self.worker}").open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


async def _rename(turn: Turn) -> None:
    await turn.applied(turn.ssid(name=turn.text))


async def _several(turn: Turn) -> None:
    await turn.applied(*(turn.ssid(number, name=f"{turn.text} {number}") for number in ("0", "1", "2")))


async def _secret(turn: Turn) -> None:
    body = {"name": turn.text, "authMode": "psk", "encryptionMode": "wpa", "wpaEncryptionMode": "WPA2 only"}
    await turn.applied(turn.ssid("5", **body, psk={"$secret": "GUEST"}))


async def _ports(turn: Turn) -> None:
    body = {"name": turn.text}
    await turn.applied(step("updateDeviceSwitchPort", body, serial=CORE, for_each={"portId": ["3-5"]}))


async def _vlan(turn: Turn) -> None:
    """Made, and taken back in half of the cases."""
    number = 100 + 20 * turn.worker + turn.deed.chance.randrange(20)
    vlan = {"id": str(number), "name": turn.text, "subnet": f"10.{number}.0.0/24", "applianceIp": f"10.{number}.0.1"}
    done = await turn.applied(step("createNetworkApplianceVlan", vlan, networkId=NET))
    if done.get("change_id") and turn.deed.chance.random() < 0.5:
        await applied(turn.caller, "rollback", change_id=done["change_id"])


async def _keep(turn: Turn) -> None:
    done = await turn.applied(turn.ssid(name=turn.text), confirm_within_minutes=KEPT_MINUTES)
    if done.get("status") == "pending_keep":
        await applied(turn.caller, "meraki_apply", plan_id=done["plan_id"], keep=True)


async def _unkept(turn: Turn) -> None:
    await turn.applied(turn.ssid("6", name=turn.text), confirm_within_minutes=1)


async def _back(turn: Turn) -> None:
    await applied(turn.caller, "rollback", last=1)


async def _beside(turn: Turn) -> None:
    """Applied; somebody edits another field of it; taken back: their edit stays."""
    done = await turn.applied(turn.ssid(name=turn.text))
    turn.edited(THEIRS[turn.worker], turn.number + 1, is_theirs=True)
    if done.get("change_id"):
        await applied(turn.caller, "rollback", change_id=done["change_id"])


async def _clash(turn: Turn) -> None:
    """Planned; somebody edits the same field; applied: the plan is stale."""
    plan = await turn.planned(turn.ssid(name=turn.text))
    turn.edited("name", f"Somebody {turn.number}", is_theirs=False)
    if plan:
        await applied(turn.caller, "meraki_apply", plan_id=plan)


async def _read(turn: Turn) -> None:
    params = {"networkId": turn.deed.network, "number": turn.deed.ssid}
    await turn.caller.call("meraki_read", operation="getNetworkWirelessSsid", params=params)
    await turn.caller.call("meraki_search", query="rename a wireless network")


async def _look(turn: Turn) -> None:
    await turn.caller.call("health_check")
    await turn.caller.call("history", limit=5)


DEEDS: Final[Mapping[str, Callable[[Turn], Awaitable[None]]]] = {
    "rename": _rename, "several": _several, "secret": _secret, "ports": _ports, "vlan": _vlan, "keep": _keep,
    "unkept": _unkept, "back": _back, "beside": _beside, "clash": _clash, "read": _read, "look": _look,
}  # fmt: skip


async def changes(caller: Caller) -> list[Change]:
    """Every change on record."""
    return list(await caller.server.store.list(Change, {}, limit=LONGEST_LIST))
