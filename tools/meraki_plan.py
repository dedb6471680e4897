"""meraki_plan: a stored, hashed plan with a field-level diff; changes no network."""

from collections.abc import Mapping

from mcp_server.toolkit import Desk, Effect, Hints, Json, Outcome, Tool, Touch, closed


async def reach(desk: Desk, arguments: Mapping[str, Json]) -> tuple[Touch, ...]:
    """Every write of the plan, ``for_each`` expanded; all faults at once."""
    return desk.operations.expand(arguments["operations"])


async def run(desk: Desk, arguments: Mapping[str, Json]) -> Outcome:
    """The stored plan: plan_id, code, plan_hash, diff, impact, risk, warnings, undo, requires, expires_at."""
    return await desk.planning.plan(desk.attempt, str(arguments["intent"]))


TOOL = Tool(
    name="meraki_plan",
    title="Plan a change",
    description="Plan writes: live diff, risk, impact, undo. Nothing is changed. List fields may be edits: "
    '{"$insert":[..],"before"|"after":MATCH|"at":"first"|"last"}, {"$remove":MATCH}, {"$update":MATCH,"set":{}}. '
    'Values: {"$secret":"NAME"}, {"$generate":20}, {"$ref":"step-1.id"}, {"$text":"OBJ({step-1.id})"}. '
    'for_each: {"portId":["1-24"]}.',
    effect=Effect.READ,
    hints=Hints(read_only=True, destructive=False, idempotent=False, open_world=True),
    parameters=closed(
        {
            "operations": {
                "type": "array",
                "minItems": 1,
                "maxItems": 1000,
                "items": closed(
                    {
                        "operation": {"type": "string"},
                        "params": {"type": "object"},
                        "body": {"type": "object"},
                        "for_each": {"anyOf": [{"type": "object"}, {"type": "array"}]},
                        "irreversible": {"type": "boolean"},
                    },
                    required=["operation"],
                ),
            },
            "intent": {"type": "string", "maxLength": 2000},
            "skip_blocked": {"type": "boolean"},
        },
        required=["operations", "intent"],
    ),
    run=run,
    reach=reach,
)
