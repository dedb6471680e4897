"""Step 7: is there room for this call in the organization's budget of requests?

The budget paces every request by itself; this step keeps a call from starting when nothing could be sent for long.
"""

from typing import Final

from mcp_server.domain.call import Allow, Attempt, Refuse, Verdict, Warned
from mcp_server.domain.limits.rate import CAPACITY
from mcp_server.world import World

LONGEST_WAIT_S: Final = 5.0  #: that is waited here
REFUSED_FROM_S: Final = 60.0
_CALLS_PER_STEP: Final = 3  #: of an apply: read, write, read back


async def check_rate_limit(attempt: Attempt, world: World) -> Verdict:
    """Sets rate_wait_s and rate_safe; waits up to 5 s, refuses when nothing could be sent for over 60 s.

    A call that is long because it is big is not refused: how long it takes is told instead.
    """
    organization = attempt.facts.organization
    calls = estimated_calls(attempt)
    if organization is None or not calls:
        return Allow()
    room_s = await world.api.wait_estimate_s(organization.id, min(calls, int(CAPACITY)))
    if room_s > REFUSED_FROM_S:
        return Refuse(
            "rate_limit",
            f"The request budget of organization {organization.id} is used up for {room_s:.0f} s.",
            "Other programs share this budget (10 requests/s); try again later.",
            retry_after_s=room_s,
        )
    if room_s > 0:
        await world.clock.sleep(min(room_s, LONGEST_WAIT_S))
    whole_s = room_s if calls <= CAPACITY else await world.api.wait_estimate_s(organization.id, calls)
    warnings = attempt.facts.warnings
    if whole_s > REFUSED_FROM_S:
        text = f"About {calls} requests at 10 a second: this takes {whole_s:.0f} s or more."
        warnings = (*warnings, Warned("rate_limit", "info", text))
    return Allow({"rate_wait_s": whole_s, "rate_safe": room_s == 0, "warnings": warnings})


def estimated_calls(attempt: Attempt) -> int:
    """The requests that the call will send: one for each read, three for each step that is carried out."""
    blocked = {one.touch for one in attempt.facts.blocked}
    writes = sum(touch.is_write and index not in blocked for index, touch in enumerate(attempt.touches))
    reads = sum(not touch.is_write for touch in attempt.touches)
    return reads + writes * (_CALLS_PER_STEP if attempt.is_apply else 1)
