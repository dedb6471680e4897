"""Step 1: does Meraki accept the key, and what does it see? Asked once in five minutes, forgotten on a 401.

A 401 or 403 is raised as it is: it is a failure of the class ``auth``, with that class's remedy.
"""

from mcp_server.domain.call import Allow, Attempt, Refuse, Verdict
from mcp_server.world import World


async def validate_credentials(attempt: Attempt, world: World) -> Verdict:
    """Refuses when the key sees no organization, or none that this server may use; raises what the API raised."""
    if not attempt.touches:
        return Allow()
    seen = await world.inventory.visible_organizations()
    if not seen:
        return Refuse(
            "no_organizations",
            "The API key is accepted, and sees no organization.",
            "Give the key's administrator access to an organization, and switch API access on for it.",
        )
    if not await world.inventory.organizations():
        return Refuse(
            "organization_not_allowed",
            f"The API key sees {len(seen)} organization(s), none of which this server may use.",
            "Ask the operator to correct MERAKI_SPECIALIST_ORGANIZATIONS.",
            {"visible": [one.id for one in seen[:20]]},
        )
    return Allow()
