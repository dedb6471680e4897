"""rollback: undo a change of the caller's by an inverse plan, confirmed and applied like any other."""

from collections.abc import Mapping

from mcp_server.toolkit import CarryOut, Desk, Effect, Hints, InvalidArguments, Json, Outcome, Tool, Touch, closed


def _chosen(arguments: Mapping[str, Json]) -> tuple[str | None, int | None, list[int]]:
    change_id, last = arguments.get("change_id"), arguments.get("last")
    if (change_id is None) == (last is None):
        raise InvalidArguments("rollback: give change_id or last.", "Example: last=1.")
    return change_id, None if last is None else int(last), [int(step) for step in arguments.get("steps", [])]


async def reach(desk: Desk, arguments: Mapping[str, Json]) -> tuple[Touch, ...]:
    """The resources that the change wrote."""
    return await desk.planning.touches_to_undo(desk.attempt, *_chosen(arguments))


async def run(desk: Desk, arguments: Mapping[str, Json]) -> Outcome | CarryOut:
    """The wish to carry out the inverse plan; the same call goes on with the same plan after approval."""
    return CarryOut(await desk.planning.invert(desk.attempt, *_chosen(arguments)))


TOOL = Tool(
    name="rollback",
    title="Undo a change",
    description="Undo a change, some of its steps, or your last N. Later edits by others stay. Approved like an apply.",
    effect=Effect.CHANGE,
    hints=Hints(read_only=False, destructive=True, idempotent=True, open_world=True),
    parameters=closed(
        {
            "change_id": {"type": "string", "maxLength": 64},
            "last": {"type": "integer", "minimum": 1, "maximum": 20},
            "steps": {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 1, "maxItems": 1000},
            "reason": {"type": "string", "maxLength": 500},
        }
    ),
    run=run,
    reach=reach,
    is_apply=True,
)
