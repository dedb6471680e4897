"""The kill switch as the engine asks it: before a person is asked, with the leases, and with each intent.

A change under way goes to its safe end: what it has done is undone, and an undo or a rollback is never held back.
"""

from mcp_server.changes.means import Means
from mcp_server.domain.holds.freeze import freeze_keys, organization_of, sentence, those_on
from mcp_server.domain.ports import NotFrozen
from mcp_server.domain.record import Freeze
from mcp_server.errors import Refused
from mcp_server.world import World


async def freezes_on(world: World, means: Means, organization_id: str) -> tuple[Freeze, ...]:
    """The switches that hold back a change in that organization now."""
    found = [await world.store.get(Freeze, key) for key in freeze_keys(organization_id)]
    return those_on(found, means.approvals.is_genuine)


async def refuse_frozen(world: World, means: Means, organization_id: str) -> None:
    """Nothing, or Refused (frozen)."""
    for freeze in await freezes_on(world, means, organization_id):
        raise frozen(freeze, means)


def not_frozen(organization_id: str) -> NotFrozen:
    """The check that goes into a transaction; a lifting's signature was checked before."""
    return NotFrozen(freeze_keys(organization_id))


def frozen(freeze: Freeze, means: Means) -> Refused:
    """The refusal of a change while that switch is on."""
    command = means.unfreeze_command(organization_of(freeze))
    return Refused(sentence(freeze), f"Reads and plans go on. An approver runs in a terminal: {command}", code="frozen")
