"""meraki_search: find operations, networks and devices; or one operation's whole schema."""

from collections.abc import Mapping

from mcp_server.toolkit import Desk, Effect, Hints, InvalidArguments, Json, Outcome, Tool, closed


async def run(desk: Desk, arguments: Mapping[str, Json]) -> Outcome:
    """Ranked operations, one operation's schema, or networks and devices of the cached inventory."""
    operation, query = arguments.get("operation"), str(arguments.get("query", ""))
    what, limit = arguments.get("what", "operations"), int(arguments.get("limit", 8))
    if operation is not None:
        return Outcome("ok", f"Schema of {operation}.", {"operation": dict(desk.operations.describe(str(operation)))})
    if not query:
        raise InvalidArguments("meraki_search: give query or operation.", "Example: query='update ssid'.")
    if what == "operations":
        return await _operations(desk, query, limit)
    found = await desk.estate.find(str(what), query, limit)
    return Outcome("ok", f"{found['total']} {what} match.", dict(found))


async def _operations(desk: Desk, query: str, limit: int) -> Outcome:
    """The best operations; where organizations differ in their API, those of the ones that the caller means."""
    named = await desk.estate.organizations_in(query) if desk.operations.own_organizations() else ()
    hits = [dict(hit) for hit in desk.operations.search(query, limit, named)]
    meant = list(desk.operations.asked_of(named))
    found: dict[str, Json] = {"operations": hits} | ({"only_in": meant} if meant else {})
    return Outcome("ok", f"{len(hits)} operation(s).", found)


TOOL = Tool(
    name="meraki_search",
    title="Search the Meraki API and inventory",
    description="Find API operations by words (en, pt), or networks and devices by name, tag, model, serial. "
    "With operation: its full schema.",
    effect=Effect.READ,
    hints=Hints(read_only=True, destructive=False, idempotent=True, open_world=True),
    parameters=closed(
        {
            "query": {"type": "string", "maxLength": 200},
            "operation": {"type": "string", "maxLength": 120},
            "what": {"enum": ["operations", "networks", "devices"]},
            "limit": {"type": "integer", "minimum": 1, "maximum": 50},
        }
    ),
    run=run,
)
