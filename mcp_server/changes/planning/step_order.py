"""The order of a plan's steps: refused when it is known to fail, put right in a way back that nobody ordered."""

from collections.abc import Sequence
from dataclasses import replace

from mcp_server.catalogue.related.order import Placed, working_order, wrong_order
from mcp_server.changes.planning.draft import Draft
from mcp_server.changes.planning.placeholders import renumbered
from mcp_server.errors import Refused
from mcp_server.world import World


def refuse_wrong_order(drafts: Sequence[Draft], world: World) -> None:
    """Refused (step_order) with the order that works, when the cloud would refuse a step where it stands."""
    placed = [_placed(draft, world) for draft in drafts]
    wrong = wrong_order(placed)
    if not wrong:
        return
    order = working_order(placed)
    told = "; ".join(f"step {one.first} must come before step {one.second}: {one.why}" for one in wrong[:5])
    raise Refused(
        f"This order of steps fails: {told}.",
        f"Plan them in the order {', '.join(map(str, order))}." if order else "No order works; plan them apart.",
        code="step_order",
        details={"order": list(order), "wrong": [[one.first, one.second] for one in wrong[:50]]},
    )


def in_working_order(drafts: Sequence[Draft], world: World) -> Sequence[Draft]:
    """The drafts of a way back in an order that works; as they are when they stand right or nothing helps."""
    placed = [_placed(draft, world) for draft in drafts]
    order = working_order(placed) if wrong_order(placed) else ()
    if not order:
        return drafts
    numbers = {old: new for new, old in enumerate(order, 1)}
    return [_renumbered(drafts[old - 1], numbers) for old in order]


def _renumbered(draft: Draft, numbers: dict[int, int]) -> Draft:
    touch = draft.touch
    return replace(
        draft,
        touch=replace(touch, params=renumbered(dict(touch.params), numbers), body=renumbered(touch.body, numbers)),
        expected=renumbered(draft.expected, numbers),
    )


def _placed(draft: Draft, world: World) -> Placed:
    operation = draft.operation
    maker = world.overlay.places.parent("POST", operation) if draft.kind == "delete" else None
    name = draft.row.inverse if draft.kind == "delete" and draft.row.inverse else maker.id if maker else ""
    after = draft.expected if draft.expected is not None or draft.kind == "delete" else draft.touch.body
    return Placed(operation.id, operation.path, draft.kind, draft.touch.params, draft.before, after, name)
