"""A change that its server left behind, in front of a stand-in of the cloud: two SSIDs are renamed from Old to New."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from mcp_server.changes.execution.run import Run
from mcp_server.changes.means import Times
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.plan import Inverse, Reader, Step, Write
from mcp_server.domain.ports import Append, Put, ReleaseLeases, StoreWrite, TakeLeases
from mcp_server.domain.record import Asked, ChangeStep, Lease
from tests.support.fake_clock import START
from tests.support.memory_store import MemoryStore
from tests.support.plans import plan, step
from tests.unit.changes.execution.cloud import Cloud
from tests.unit.changes.execution.runs import a_run, in_front_of

SSIDS: Final = "/networks/N_1/wireless/ssids"
OLD: Final = {"name": "Old", "enabled": True}
NEW: Final = {**OLD, "name": "New"}


class Leasing(MemoryStore):
    """One that keeps leases too: taking one again gives the next fence."""

    async def commit(self, *writes: StoreWrite) -> Any:
        """As in memory; a lease that another change has is not taken."""
        done = await super().commit(*writes)
        for write in writes:
            if isinstance(write, TakeLeases):
                for number, key in enumerate(write.keys, 1):
                    self.records[Lease, key] = Lease(
                        key, write.change_id, write.holder, fence=number, until=write.until
                    )
            if isinstance(write, ReleaseLeases):
                self.records = {at: one for at, one in self.records.items() if at[0] is not Lease}
        return done


def renamed(number: int) -> Step:
    """The step that renames the SSID of that number."""
    params = {"networkId": "N_1", "number": str(number)}
    operation = "updateNetworkWirelessSsid"
    return step(
        number,
        write=Write(operation, params, {"name": "New"}),
        path=f"{SSIDS}/{number}",
        reader=Reader("getNetworkWirelessSsid", params),
        before={"number": number, **OLD},
        expected={"number": number, **NEW},
        inverse=Inverse("reversible", "put_before", (Write(operation, params, {"number": number, **OLD}),)),
    )


def asked(number: int) -> Asked:
    """What that step was meant to do."""
    of = renamed(number)
    return Asked(of.write.operation, of.reader, of.before, of.expected)


def record(number: int, state: str, phase: str = "apply", **more: Any) -> ChangeStep:
    """The record of a step, sent when the change began; one that was applied was read back as planned."""
    parts: dict[str, Any] = {"sent_at": START}
    if state == "applied":
        parts |= {"verified": {"matches": True}, "sealed": {"number": number, **NEW}, "ended_at": START}
    if state in ("intent", "unknown"):
        parts["asked"] = asked(number)
    return ChangeStep(f"CHG-1/{phase}/{number}", "CHG-1", phase, number, state, {}, **{**parts, **more})


async def left(
    state: ChangeState,
    records: Sequence[ChangeStep] = (),
    live: Sequence[Mapping[str, Any]] = (OLD, OLD),
    **change: Any,
) -> tuple[Run, Cloud]:
    """The run that has taken it over, with what is on record, while the SSIDs are as given; nothing can come late."""
    cloud = Cloud({f"{SSIDS}/{n}": {"number": n, **one} for n, one in enumerate(live, 1)}, "number")
    run, _ = a_run(plan(renamed(1), renamed(2)), times=Times(late_s=0.0, settle_s=0.0, health_settle_s=0.0))
    in_front_of(run, cloud)
    run.change = replace(run.change, key="CHG-1", **{"state": state, "ended_at": None, "result": {}, **change})
    run.steps, run.is_started, run.is_sent = list(records), True, any(one.sent_at for one in records)
    run.created = {one.number: one.created for one in records if one.state == "applied"}
    run.world = replace(run.world, store=Leasing())
    await run.world.store.commit(Put(run.change), Put(run.stored), *map(Put, records))
    return run, cloud


def signals(status: str) -> Mapping[str, Any]:
    """The cloud's answers about a device."""
    row = {"serial": "Q2-1", "status": status, "network": {"id": "N_1"}, "productType": "switch"}
    return {
        "/organizations/1/devices/availabilities": [row],
        "/organizations/1/uplinks/statuses": [],
        "/organizations/1/appliance/vpn/statuses": [],
        "/organizations/1/switch/ports/statuses/bySwitch": {"items": []},
    }


def entries(run: Run) -> list[Append]:
    """What was put on record of it, in order."""
    commits = run.world.store.commits  # type: ignore[attr-defined]  # a stand-in
    return [write for writes in commits for write in writes if isinstance(write, Append)]


def events(run: Run) -> list[str]:
    """The same, event and status alone."""
    return [f"{one.entry.event} {one.entry.status}" for one in entries(run)]


def names(cloud: Cloud) -> list[tuple[str, str]]:
    """Which SSID was sent which name, in order."""
    return [(one.path.rpartition("/")[2], str((one.body or {}).get("name"))) for one in cloud.writes]
