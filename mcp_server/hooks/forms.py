"""The three forms of a hook. There is no other."""

from collections.abc import Awaitable, Callable

from mcp_server.domain.call import Attempt, Verdict
from mcp_server.domain.outcome import Outcome
from mcp_server.domain.plan import Plan
from mcp_server.world import World

PreHook = Callable[[Attempt, World], Awaitable[Verdict]]
PlanHook = Callable[[Attempt, Plan, World], Awaitable[Verdict]]
PostHook = Callable[[Attempt, Outcome, World], Awaitable[Outcome]]
