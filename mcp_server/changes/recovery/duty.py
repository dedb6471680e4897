"""The two duties of a server towards changes: keep the leases of its own, go on with those that were left behind."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from mcp_server.catalogue.shared_reads import SharedReads
from mcp_server.changes.carry_out import Changes
from mcp_server.changes.means import Means
from mcp_server.changes.recovery.left_behind import can_be_settled, left_behind, steps_of, take_over
from mcp_server.changes.recovery.recover import recover
from mcp_server.domain.record import Change
from mcp_server.errors import AccessError, MerakiError, RecordConflict, StoreError
from mcp_server.world import World

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recovery:
    """Both duties of one server."""

    changes: Changes
    means: Means
    world: Callable[[], World]

    async def keep_leases(self) -> None:
        """Move on the end of the leases of every change under way, however long one of its requests takes."""
        for run in self.changes.under_way():
            try:
                await run.commit()
            except RecordConflict:
                log.warning("change %s has lost its leases; it writes no more", run.change.key)

    async def go_on(self) -> None:
        """Take over every change that was left behind and may be gone on with now; each runs in its own task."""
        world = self.world()
        if not world.limits.has_key:
            return
        running = {run.change.key for run in self.changes.under_way()}
        readable: dict[str, bool] = {}
        for change in await left_behind(world, self.means, running):
            organization = change.organization_id
            if organization not in readable:
                readable[organization] = await _can_be_read(organization, world)
            if readable[organization]:
                await self._one(change, world)

    async def _one(self, change: Change, world: World) -> None:
        own = replace(world, reads=SharedReads(world.api, world.catalogue, world.clock))
        if change.ended_at is not None and not await _can_be_settled(change, own):
            return  # told before that a person is waited for; nothing new to tell
        try:
            run = await take_over(change, own, self.means)
        except StoreError as problem:
            log.warning("change %s was left behind and cannot be taken over: %s", change.key, problem)
            return
        if run is not None:
            self.changes.adopt(run, recover)


async def _can_be_settled(change: Change, world: World) -> bool:
    """Whether what is in doubt can be read now."""
    readers = [one.asked.reader for one in await steps_of(change, world) if can_be_settled(one) and one.asked]
    try:
        for reader in readers:
            if reader is not None:
                await world.reads.resource(reader, fresh=True)
    except (MerakiError, AccessError):
        return False
    return True


async def _can_be_read(organization_id: str, world: World) -> bool:
    """Whether the cloud answers for the organization, and this server may go there: else nothing can be settled."""
    allowed = world.limits.organizations
    if allowed and organization_id not in allowed:
        return False
    try:
        await world.reads.read("getOrganization", {"organizationId": organization_id}, fresh=True)
    except (MerakiError, AccessError) as problem:
        log.warning(
            "changes in organization %s were left behind; the cloud cannot be read: %s", organization_id, problem
        )
        return False
    return True
