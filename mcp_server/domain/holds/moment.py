"""A moment by both clocks of this machine, and how long ago one was, whoever has set the wall clock since. Pure."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, by both clocks of this machine."""

    at: datetime  #: wall clock, aware UTC
    uptime_s: float  #: since the machine was started; never goes back
    boot: str  #: names that run of the machine


def surely_since_s(then: Moment, now: Moment) -> float:
    """The seconds that have passed for certain; it may have been longer.

    In one run of the machine uptime alone tells. In another it was before that began, so the uptime has passed; but the
    data may have come from a machine that stopped just now: what the wall clock says bounds it, unless it was set back.
    """
    if now.boot == then.boot and now.uptime_s >= then.uptime_s:
        return now.uptime_s - then.uptime_s
    walled_s = (now.at - then.at).total_seconds()
    return now.uptime_s if walled_s < 0 else min(now.uptime_s, walled_s)
