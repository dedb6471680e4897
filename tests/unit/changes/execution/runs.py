"""A change under way in front of a stand-in of the cloud, for the tests of single parts of the engine."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mcp_server.catalogue.shared_reads import SharedReads
from mcp_server.changes.execution.run import Run
from mcp_server.changes.means import Times
from mcp_server.domain.plan import Plan
from tests.support.fake_api import FakeApi
from tests.support.hook_world import attempt, world
from tests.support.means import means
from tests.support.memory_store import MemoryStore
from tests.support.plans import plan
from tests.support.records import a_change, a_plan


def a_run(
    of: Plan | None = None, answers: Mapping[str, Any] | None = None, times: Times | None = None
) -> tuple[Run, FakeApi]:
    """A run of the plan in a world whose store is in memory, and the cloud that it asks."""
    seen, api = world(answers)
    seen = replace(seen, store=MemoryStore())
    made = of or plan()
    stored = replace(a_plan(made.plan_id), plan=made)
    run = Run(stored, a_change(), attempt(), seen, means(times=times or Times()))
    run.fences = (1,) * len(run.lease_keys)
    return run, api


def in_front_of(run: Run, cloud: FakeApi) -> None:
    """The run reads and writes that cloud."""
    reads = SharedReads(cloud, run.world.catalogue, run.world.clock, run.plan.organization.id)
    run.world = replace(run.world, api=cloud, reads=reads)
