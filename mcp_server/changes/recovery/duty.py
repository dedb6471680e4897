"""The two duties of a server towards changes: keep the leases of its own, go on with those that were left behind."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from mcp_server.catalogue.shared_reads import SharedReads
from mcp_server.changes.carry_out import Changes
from mcp_server.changes.means import Means
from mcp_server.changes.recovery.left_behind import can_be_settled, left_behind, take_over
from mcp_server.changes.recovery.recover import recover
from mcp_server.changes.step_records import steps_of
from mcp_server.domain.ports import moment
from mcp_server.domain.record import Change, ChangeStep
from mcp_server.domain.recovery.arrival import may_arrive, on_its_way_s, shown
from mcp_server.domain.recovery.settle import Settled
from mcp_server.errors import AccessError, MerakiError, MerakiMcpError, RecordConflict, Refused, StoreError
from mcp_server.world import World

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recovery:
    """Both duties of one server."""

    changes: Changes
    means: Means
    world: Callable[[], World]
    behind: dict[str, str] = field(default_factory=dict)  #: changes that nobody can go on with now, each with why

    async def keep_leases(self) -> None:
        """Move on the end of the leases of every change under way, however long one of its requests takes."""
        for run in self.changes.under_way():
            if not run.fences or run.is_over:
                continue  # its leases are being taken, or given up, at this moment
            try:
                await run.commit()
            except RecordConflict:
                log.warning("change %s has lost its leases; it writes no more", run.change.key)

    async def go_on(self) -> None:
        """Take over every change that was left behind and may be gone on with now; each runs in its own task.

        Raises the last error of the cloud or the store, after all had their turn; ``behind`` names the rest.
        """
        world = self.world()
        if not world.limits.has_key:
            return
        running = {run.change.key for run in self.changes.under_way()}
        held: dict[str, MerakiMcpError | None] = {}
        behind: dict[str, str] = {}
        problem: MerakiMcpError | None = None
        for change in await left_behind(world, self.means, running):
            if any(run.change.key == change.key for run in self.changes.under_way()):
                continue  # begun while it was looked for
            organization = change.organization_id
            if organization not in held:
                held[organization] = await _why_not_read(organization, world)
            why = held[organization] or await self._one(change, world)
            if why is not None:
                behind[change.key] = why.message if isinstance(why, Refused) else type(why).sentence
                problem = problem if isinstance(why, Refused) else why
        self.behind.clear()
        self.behind.update(behind)
        if problem is not None:
            raise problem

    async def _one(self, change: Change, world: World) -> MerakiMcpError | None:
        """Why it could not be taken over; None when it was, or need not be."""
        own = replace(world, reads=SharedReads(world.api, world.catalogue, world.clock, change.organization_id))
        if change.ended_at is not None and not await _can_be_settled(change, own, self.means.times.late_s):
            return None  # told before that a person is waited for; nothing new to tell
        try:
            run = await take_over(change, own, self.means)
        except StoreError as problem:
            log.info("change %s was left behind and cannot be taken over: %s", change.key, problem)
            return problem
        if run is not None:
            self.changes.adopt(run, recover)
        return None


async def _can_be_settled(change: Change, world: World, late_s: float) -> bool:
    """Whether what is in doubt can be read now, and not all of it may still be on its way."""
    doubts = [one for one in await steps_of(world.store, change.key) if can_be_settled(one)]
    try:
        on_their_way = [await _is_on_its_way(one, world, late_s) for one in doubts]
    except (MerakiError, AccessError):
        return False
    return not doubts or not all(on_their_way)


async def _is_on_its_way(record: ChangeStep, world: World, late_s: float) -> bool:
    """Whether nothing is seen of a write that may still arrive. Raises what the read raises."""
    if record.asked is None or record.asked.place is None:
        return False
    live = await world.reads.resource(record.asked.place, fresh=True)
    if not may_arrive(record) or on_its_way_s(record, moment(world.clock), late_s) <= 0:
        return False
    return shown(record.asked, live) is Settled.NOT_APPLIED


async def _why_not_read(organization_id: str, world: World) -> MerakiMcpError | None:
    """None when the cloud answers for the organization and this server may go there: else nothing can be settled."""
    allowed = world.limits.organizations
    if allowed and organization_id not in allowed:
        return Refused("This server may not go to its organization.", "Name it in MERAKI_SPECIALIST_ORGANIZATIONS.")
    try:
        await world.reads.read("getOrganization", {"organizationId": organization_id}, fresh=True)
    except (MerakiError, AccessError) as problem:
        log.info("changes in organization %s were left behind; it cannot be read: %s", organization_id, problem)
        return problem
    return None
