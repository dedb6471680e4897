"""meraki_apply: carry out a stored plan after a person agreed."""

from collections.abc import Mapping

from mcp_server.toolkit import CarryOut, Desk, Effect, Hints, Json, Outcome, Tool, Touch, closed


async def reach(desk: Desk, arguments: Mapping[str, Json]) -> tuple[Touch, ...]:
    """What the stored plan touches."""
    return await desk.planning.touches_of(str(arguments["plan_id"]), desk.attempt)


async def run(desk: Desk, arguments: Mapping[str, Json]) -> Outcome | CarryOut:
    """The wish to carry out the plan; the engine asks a person, writes, verifies, undoes when it must."""
    plan = await desk.planning.find(str(arguments["plan_id"]), desk.attempt)
    minutes = arguments.get("confirm_within_minutes")
    whole = None if minutes is None else int(minutes)  # 5.0 is a whole number of JSON
    return CarryOut(plan, keep=bool(arguments.get("keep", False)), confirm_within_minutes=whole)


TOOL = Tool(
    name="meraki_apply",
    title="Apply a plan",
    description="Apply a plan once a person approved it: writes, verifies, undoes on failure. No argument approves. "
    "confirm_within_minutes: undone unless a person keeps it in time; keep=true asks them.",
    effect=Effect.CHANGE,
    hints=Hints(read_only=False, destructive=True, idempotent=True, open_world=True),
    parameters=closed(
        {
            "plan_id": {"type": "string", "maxLength": 64},
            "confirm_within_minutes": {"type": "integer", "minimum": 1, "maximum": 60},
            "keep": {"type": "boolean"},
        },
        required=["plan_id"],
    ),
    run=run,
    reach=reach,
    is_apply=True,
)
