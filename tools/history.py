"""history: change records, newest first."""

from collections.abc import Mapping

from mcp_server.toolkit import Desk, Effect, Hints, Json, Outcome, Tool, closed


async def run(desk: Desk, arguments: Mapping[str, Json]) -> Outcome:
    """Change records that fit the filters; the whole record with ``change_id``."""
    return await desk.ledger.history(arguments)


TOOL = Tool(
    name="history",
    title="Change history",
    description="Change records, newest first; with change_id the whole record or its progress.",
    effect=Effect.READ,
    hints=Hints(read_only=True, destructive=False, idempotent=True, open_world=False),
    parameters=closed(
        {
            "change_id": {"type": "string"},
            "plan_id": {"type": "string"},
            "since": {"type": "string", "format": "date-time"},
            "actor": {"type": "string"},
            "network_id": {"type": "string"},
            "status": {"type": "string"},
            "limit": {"type": "integer", "minimum": 1, "maximum": 100},
            "cursor": {"type": "string"},
        }
    ),
    run=run,
)
