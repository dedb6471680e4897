"""Going on with 100 changes whose server is gone: our own time, in front of a cloud that answers at once."""

import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from mcp_server.assembly import Server, running
from mcp_server.catalogue.shared_reads import SharedReads
from mcp_server.changes.recovery.duty import Recovery
from mcp_server.domain.call import Network
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.plan import Reader
from mcp_server.domain.ports import Put, Reply, Request, TakeLeases
from mcp_server.domain.record import Asked, Change, ChangeStep, StoredPlan
from mcp_server.settings import load
from mcp_server.world import World
from scripts.benchmarks.rows import Row
from tests.support.plans import plan, step
from tests.support.stage import FreeBudget

_CHANGES: Final = 100
_BOUND_S: Final = 5.0
_AFTER: Final = {"number": 3, "name": "New", "enabled": True}


@dataclass
class _Cloud:
    """The port MerakiApi: every write has arrived; nothing takes time."""

    reads: int = 0

    async def read(self, request: Request, **_paging: object) -> Reply:
        """The SSID as it was to become; of anything else nothing."""
        self.reads += 1
        data: Any = dict(_AFTER) if "/ssids/" in request.path else {} if request.path.count("/") == 2 else []
        return Reply(200, data)

    async def write(self, request: Request) -> Reply:
        """Never: each change is whole."""
        raise RuntimeError(f"{request.method} {request.path}")

    async def wait_estimate_s(self, _organization_id: str, _calls: int) -> float:
        """No wait."""
        return 0.0


async def rows() -> list[Row]:
    """One row."""
    logging.getLogger("mcp_server").setLevel(logging.ERROR)  # a line for each change, and of what this cloud lacks
    with TemporaryDirectory() as home:
        async with _opened(Path(home) / "data") as server:
            cloud = _Cloud()
            for number in range(_CHANGES):
                await _left_behind(server, number)
            recovery = Recovery(server.changes, server.means, lambda: _world(server, cloud))
            began = time.perf_counter()
            await recovery.go_on()
            await server.changes.finish()
            took_s = time.perf_counter() - began
            found = await server.store.list(Change, {"state": ChangeState.APPLIED.value}, limit=1000)
    is_good = len(found) == _CHANGES and took_s <= _BOUND_S
    measured = f"{took_s:.2f} s, {cloud.reads} reads"
    return [Row("recovery of 100 open changes", measured, "a cloud that takes no time", f"{_BOUND_S:g} s", is_good)]


@asynccontextmanager
async def _opened(home: Path) -> AsyncIterator[Server]:
    given: Mapping[str, Any] = {"home": home, "health_settle_s": 0, "health_poll_s": 0.01, "settle_s": 0, "late_s": 0}
    async with running(load({}, overrides=given), sandbox=True, budget=FreeBudget()) as server:
        yield server


def _world(server: Server, cloud: _Cloud) -> World:
    world = server.world()
    return replace(world, api=cloud, reads=SharedReads(cloud, world.catalogue, world.clock))


async def _left_behind(server: Server, number: int) -> None:
    """A change on a network of its own, killed after its only write had left."""
    network, key, now = f"N_{number}", f"CHG-20261121-120000-{number:04d}", server.clock.now()
    params = {"networkId": network, "number": "3"}
    one = step(network_id=network, reader=Reader("getNetworkWirelessSsid", params))
    one = replace(one, write=replace(one.write, params=params))
    made = plan(one, plan_id=f"plan-{number}", networks=(Network(network, f"Store {number}", "1"),), owner="ana")
    asked = Asked(one.write.operation, one.reader, one.before, one.expected)
    sent = ChangeStep(
        f"{key}/apply/1", key, "apply", 1, "intent", {"method": "PUT", "path": one.path}, now, asked=asked
    )
    change = Change(
        key,
        made.plan_id,
        "ana",
        ChangeState.APPLYING,
        "SES-1",
        "1",
        (network,),
        "approval-1",
        now,
        server="server-gone",
    )
    await server.store.commit(
        Put(StoredPlan(made.plan_id, "ana", ChangeState.APPLYING, made, change_id=key)),
        TakeLeases(made.lease_keys, key, "ana", now, now + timedelta(minutes=2)),
        Put(change),
        Put(sent),
    )
