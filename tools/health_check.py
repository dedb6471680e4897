"""health_check: a score with findings, the delta since a change, and this server's own health."""

from collections.abc import Mapping

from mcp_server.toolkit import Desk, Effect, Hints, Json, Outcome, Tool, Touch, closed


async def reach(desk: Desk, arguments: Mapping[str, Json]) -> tuple[Touch, ...]:
    """The organization, network or devices asked about, so that the hooks check them; none for the server itself."""
    touches = []
    if arguments.get("organization_id"):
        touches.append(desk.operations.touch("getOrganization", {"organizationId": arguments["organization_id"]}))
    if arguments.get("network_id"):
        touches.append(desk.operations.touch("getNetwork", {"networkId": arguments["network_id"]}))
    touches += [desk.operations.touch("getDevice", {"serial": serial}) for serial in arguments.get("serials", [])]
    return tuple(touches)


async def run(desk: Desk, arguments: Mapping[str, Json]) -> Outcome:
    """Score 0 to 100, band, findings; with ``change_id`` the delta since that change's baseline."""
    return await desk.doctor.check(
        desk.attempt,
        str(arguments.get("organization_id", "")),
        str(arguments.get("network_id", "")),
        arguments.get("serials", []),
        str(arguments.get("change_id", "")),
    )


TOOL = Tool(
    name="health_check",
    title="Check health",
    description="Health score and findings; with change_id the delta since that change. No arguments: this server.",
    effect=Effect.READ,
    hints=Hints(read_only=True, destructive=False, idempotent=True, open_world=True),
    parameters=closed(
        {
            "organization_id": {"type": "string"},
            "network_id": {"type": "string"},
            "serials": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 100},
            "change_id": {"type": "string"},
        }
    ),
    run=run,
    reach=reach,
)
