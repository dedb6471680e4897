"""What a job costs the model that does it: the calls it writes and the answers it reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scripts.benchmarks.rows import Row
from tests.support.approving import approve
from tests.support.stage import Stage
from tests.support.tokens import tokens


@dataclass(frozen=True)
class Spent:
    """One call: o200k_base tokens of its name and arguments, and of its answer's text block."""

    tool: str
    asked: int
    answered: int


@dataclass
class Job:
    """One job on a stage, and what each of its calls took."""

    stage: Stage
    spent: list[Spent] = field(default_factory=list)

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The answer of a call, counted."""
        answer = await self.stage.call(tool, **arguments)
        self.spent.append(Spent(tool, tokens({"name": tool, "arguments": arguments}), tokens(answer)))
        return answer

    async def carried_out(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The end of a change: asked in the client, or approved outside it and called again, both counted.

        RuntimeError when it did not end well, so that no failure counts as a cheap job.
        """
        answer = await self.call(tool, **arguments)
        if answer["status"] == "needs_approval":
            await approve(self.stage.settings.home, answer["plan_id"])
            answer = await self.call(tool, **arguments)
        if answer["status"] not in ("applied", "rolled_back"):
            raise RuntimeError(f"{tool} ended as {answer['status']}: {answer['summary']}")
        return answer

    async def find(self, query: str, what: str) -> dict[str, Any]:
        """The network or device of that name, found by a search."""
        answer = await self.call("meraki_search", query=query, what=what)
        match: dict[str, Any] = answer["matches"][0]
        return match

    async def learn(self, words: str, operation: str) -> None:
        """What a model reads before it writes a plan: the ranked operations, and the schema of the right one."""
        found = await self.call("meraki_search", query=words)
        if operation not in [one["id"] for one in found["operations"]]:
            raise RuntimeError(f"{words!r} does not find {operation}")
        await self.call("meraki_search", operation=operation)


def total(spent: Sequence[Spent]) -> int:
    """Tokens of all calls, arguments and answers."""
    return sum(one.asked + one.answered for one in spent)


def row(name: str, spent: Sequence[Spent], bounds: Mapping[str, int]) -> Row:
    """The job's row: tokens, calls, the dearest answer, and the bound that was set for it."""
    count, dearest = total(spent), max(spent, key=lambda one: one.answered)
    return Row(
        f"job: {name}, tokens (calls)",
        f"{count:,} ({len(spent)})",
        "-",
        f"{bounds[name]:,}; dearest answer {dearest.tool} {dearest.answered:,}",
        count <= bounds[name],
    )
