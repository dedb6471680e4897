"""May a write whose answer was lost still take effect? Until then nothing may be built on its not being there.

Rules: what reads as before is not applied only when the look began after the request can last have arrived. A request
that nobody waits for any more can still be on its way: no part of a connection lives longer than two minutes (RFC 9293,
3.4.1, maximum segment lifetime), and a gateway that gave up (504) has passed it on. How long ago it was given up is
told by the uptime of the machine, so that setting the wall clock does not end the wait early.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from mcp_server.domain.call import Json
from mcp_server.domain.holds.moment import Moment, surely_since_s
from mcp_server.domain.record import Asked, ChangeStep
from mcp_server.domain.recovery.listed import newcomer
from mcp_server.domain.recovery.settle import Settled, settle

_NO_ANSWER = (None, 504)
_OPEN = ("intent", "unknown")


def given_up(record: ChangeStep, now: Moment) -> ChangeStep:
    """The write, which nobody waits for from now on."""
    return replace(record, ended_at=now.at, ended_s=now.uptime_s, boot=now.boot)


def is_unanswered(http_status: int | None) -> bool:
    """Whether a write that left with that answer may be on its way still."""
    return http_status in _NO_ANSWER


def may_arrive(record: ChangeStep) -> bool:
    """Whether a write was not there when it was looked for, too early to be called not applied."""
    is_before = record.verified.get("settled") == Settled.NOT_APPLIED
    return record.state == "unknown" and is_before and record.ended_at is not None


def on_its_way_s(record: ChangeStep, now: Moment, late_s: float) -> float:
    """The seconds for which a write that was not answered may still arrive, whatever was read; 0.0 or less: no more."""
    if record.ended_at is None:
        raise ValueError(f"{record.key} has no end")
    return late_s - surely_since_s(Moment(record.ended_at, record.ended_s, record.boot), now)


def last_arrival(records: Sequence[ChangeStep], now: Moment, late_s: float) -> datetime | None:
    """When the last of the writes in doubt that nobody answered has arrived; None when there is none.

    Also of one that reads as neither before nor after, or that nothing reads: nobody knows that it has arrived.
    """
    lost = [one for one in records if one.state in _OPEN and one.ended_at and is_unanswered(one.http_status)]
    left_s = [on_its_way_s(one, now, late_s) for one in lost]
    return now.at + timedelta(seconds=max(0.0, *left_s)) if left_s else None


def shown(asked: Asked, live: Json) -> Settled:
    """What the live state says of a write, or the live list of a create that nothing tells from the others."""
    return newcomer(asked, live).settled if asked.listed is not None else settle(asked, live)
