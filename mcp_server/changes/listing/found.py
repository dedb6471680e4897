"""A create whose answer is lost, read back in its list: waits up to the settle time for the element to be there."""

from dataclasses import replace

from mcp_server.changes.execution.run import Run
from mcp_server.changes.listing.others import maybe_of_others
from mcp_server.domain.call import Json
from mcp_server.domain.record import ChangeStep
from mcp_server.domain.recovery.listed import Newcomer, newcomer
from mcp_server.domain.recovery.settle import Settled
from mcp_server.domain.redaction import clean


async def found_in_list(run: Run, record: ChangeStep, *, settle_s: float) -> ChangeStep:
    """The step's record with what its list says. Raises what the read raises."""
    asked, world, times = record.asked, run.world, run.means.times
    if asked is None or asked.listed is None:
        return record
    deadline = world.clock.monotonic() + min(settle_s, times.settle_s)
    wait_s = times.settle_poll_s
    while True:
        began_at = world.clock.monotonic()  # the last read begins after the settle time, however long one takes
        seen = newcomer(asked, await world.reads.resource(asked.listed.reader, fresh=True))
        if seen.settled is Settled.APPLIED or began_at >= deadline:
            break
        await world.clock.sleep(wait_s)
        wait_s = min(wait_s * 2, 5.0)
    if seen.settled is Settled.APPLIED and (why := await maybe_of_others(run, record, seen.element)):
        seen = Newcomer(Settled.DRIFTED, seen.element, why)
    verified: dict[str, Json] = {
        "matches": seen.settled is Settled.APPLIED,
        "is_before": seen.settled is Settled.NOT_APPLIED,
        "settled": seen.settled.value,
        "differences": [],
        "at": world.clock.now().isoformat(),
    }
    if seen.why:
        verified["why"] = clean(seen.why, 200)
    return replace(record, verified=verified, sealed=seen.element)
