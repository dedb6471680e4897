"""Every write whose end is not known, settled by reading back what it was to do.

May be cut short at any point and begun again: what is on record then says what is still open.
"""

from dataclasses import replace

from mcp_server.changes.execution.run import Run
from mcp_server.changes.execution.write_step import read_back, told, told_by_reading
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.ports import moment
from mcp_server.domain.record import ChangeStep
from mcp_server.domain.recovery.arrival import given_up, may_arrive, on_its_way_s
from mcp_server.failpoints import failpoint


async def settle_open(run: Run) -> None:
    """Each open write of the run with what the cloud says of it, on record; ``unknown`` where it says nothing."""
    await _doubt(run)
    for record in sorted(run.steps, key=lambda one: (one.sent_at or run.change.started_at, one.key)):
        if record.state == "unknown" and (record.verified.get("matches") is None or may_arrive(record)):
            await _settle(run, record)
        elif record.state == "applied" and record.asked is not None and record.verified.get("matches") is None:
            await _verify(run, record)


async def _doubt(run: Run) -> None:
    """Each intent without outcome as in doubt, and with it the change."""
    intents = [record for record in run.steps if record.state == "intent"]
    if not intents:
        return
    writes = [run.set_step(replace(record, state="unknown")) for record in intents]
    detail = {"steps": [f"{record.phase} {record.number}" for record in intents]}
    if run.change.state is ChangeState.IN_DOUBT:
        await run.commit(*writes)
    else:
        await run.move(ChangeState.IN_DOUBT, *writes, detail=detail)
    failpoint("R2")


async def _settle(run: Run, record: ChangeStep) -> None:
    """One write in doubt. Its outcome was never told, or was told as unknown: then the line says reconciled.

    One that its server never saw the end of may have left in the last moment before that server was found to be gone.
    """
    event = "outcome" if record.ended_at is None else "reconciled"
    began = moment(run.world.clock)
    record = record if record.ended_at is not None else given_up(record, began)
    wrote = await read_back(run, record, settle_s=_left_s(run, record))
    is_over = on_its_way_s(record, began, run.means.times.late_s) <= 0
    settled = told_by_reading(wrote.record, is_over=is_over)
    await run.commit(run.set_step(settled), run.entry(event, settled.state, {**told(settled), "reconciled": True}))
    failpoint("R3")
    if settled.state == "applied":
        run.created[settled.number] = settled.created


async def _verify(run: Run, record: ChangeStep) -> None:
    """One write that is known to be applied and was not read back yet."""
    wrote = await read_back(run, record, settle_s=_left_s(run, record))
    await run.commit(run.set_step(wrote.record))
    failpoint("R3")


def _left_s(run: Run, record: ChangeStep) -> float:
    """Seconds until a read must show what was sent, or came late: an older state may be read until then."""
    times = run.means.times
    now = moment(run.world.clock)
    if may_arrive(record):
        return max(0.0, times.settle_s + on_its_way_s(record, now, times.late_s))
    return max(0.0, times.settle_s - (now.at - (record.sent_at or run.change.started_at)).total_seconds())
