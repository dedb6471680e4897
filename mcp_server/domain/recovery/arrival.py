"""May a write whose answer was lost still take effect? Until then nothing may be built on its not being there.

Rule: what reads as before is not applied only when the look began after the request can last have arrived. A request
that nobody waits for any more can still be on its way: no part of a connection lives longer than two minutes (RFC 9293,
3.4.1, maximum segment lifetime), and a gateway that gave up (504) has passed it on.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from mcp_server.domain.call import Json
from mcp_server.domain.record import Asked, ChangeStep
from mcp_server.domain.recovery.listed import newcomer
from mcp_server.domain.recovery.settle import Settled, settle

_NO_ANSWER = (None, 504)


def is_unanswered(http_status: int | None) -> bool:
    """Whether a write that left with that answer may be on its way still."""
    return http_status in _NO_ANSWER


def may_arrive(record: ChangeStep) -> bool:
    """Whether a write was not there when it was looked for, too early to be called not applied."""
    is_before = record.verified.get("settled") == Settled.NOT_APPLIED
    return record.state == "unknown" and is_before and record.ended_at is not None


def arrived_by(record: ChangeStep, late_s: float) -> datetime:
    """When such a write has arrived if it ever does; one that has no end of its own was not seen to be given up."""
    if record.ended_at is None:
        raise ValueError(f"{record.key} has no end")
    return record.ended_at + timedelta(seconds=late_s)


def last_arrival(records: Sequence[ChangeStep], late_s: float) -> datetime | None:
    """When the last of the writes that may still arrive has; None when there is none."""
    return max((arrived_by(record, late_s) for record in records if may_arrive(record)), default=None)


def shown(asked: Asked, live: Json) -> Settled:
    """What the live state says of a write, or the live list of a create that nothing tells from the others."""
    return newcomer(asked, live).settled if asked.listed is not None else settle(asked, live)
