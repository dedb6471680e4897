"""Did the change make the network worse? Hard signals only, sampled for a short time after the last write."""

from collections.abc import Mapping
from typing import Final

from mcp_server.catalogue.shared_reads import SharedReads
from mcp_server.changes.execution.run import Run
from mcp_server.domain.call import Json
from mcp_server.domain.plan import Plan
from mcp_server.health.compare import delta
from mcp_server.health.reader import read_signals
from mcp_server.health.signals import Signals

_TIMES_SEEN: Final = 2  #: a hard signal counts when two samples in a row show it


async def sample(run: Run) -> Signals | None:
    """The hard signals now, what could not be read as unknown; None when there is nothing to watch."""
    serials = run.plan.impact.device_serials[:100]
    networks = [network.id for network in run.plan.networks]
    if not (networks or serials):
        return None
    reads = SharedReads(run.world.api, run.world.catalogue, run.world.clock, run.plan.organization.id)
    return await read_signals(reads, run.plan.organization.id, networks, serials, scope="gate")


async def watch(run: Run, before: Signals | None, settle_s: float | None = None) -> Mapping[str, Json]:
    """What got worse: {verdict: worse|fine|unknown, findings, samples}. Ends early on a fault seen twice.

    ``settle_s`` replaces the setting; with 0.0 a network that is well is looked at once.
    """
    if before is None:
        return {"verdict": "unknown", "findings": [], "samples": 0}
    clock, times = run.world.clock, run.means.times
    deadline, samples, seen = clock.monotonic() + (times.health_settle_s if settle_s is None else settle_s), 0, 0
    findings: list[Json] = []
    is_blind = False
    while True:
        began_at = clock.monotonic()  # the last look begins after the settle time, however long one takes
        after = await sample(run)
        if after is None:
            break
        samples += 1
        compared = delta(before, after, expected_down=meant_to_go_down(run.plan))
        seen = seen + 1 if compared.hard else 0
        findings, is_blind = [finding.to_json() for finding in compared.hard], compared.is_blind
        if seen >= _TIMES_SEEN or (began_at >= deadline and not seen):
            break
        await clock.sleep(times.health_poll_s)
    verdict = "worse" if findings else "unknown" if is_blind else "fine"
    return {"verdict": verdict, "findings": findings, "samples": samples}


def meant_to_go_down(plan: Plan) -> frozenset[str]:
    """The switch ports (serial/port) that the plan itself shuts."""
    return frozenset(
        f"{step.serial}/{step.write.params.get('portId')}"
        for step in plan.steps
        if isinstance(step.expected, dict) and step.expected.get("enabled") is False and "portId" in step.write.params
    )
