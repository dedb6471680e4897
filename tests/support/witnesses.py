"""What the oracle is given of a stage: the cloud's journal and state, the exported audit, what the caller was told."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio.to_thread

from mcp_server.cli.program import main as command_line
from mcp_server.sandbox.app import SandboxApp
from tests.faults.oracle import Evidence, Verdict, judge
from tests.support.stage import KEY

Json = Any


@dataclass
class Witnesses:
    """Made before the run begins; ``told`` is added to by whoever calls."""

    cloud: SandboxApp
    home: Path
    before: Mapping[str, Json] = field(default_factory=dict)
    known: int = 0
    told: list[Mapping[str, Json]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """From now on what happens counts."""
        self.before, self.known = self.state(), len(self.cloud.world.journal)

    def state(self) -> Mapping[str, Json]:
        """The cloud's whole state, as JSON."""
        world = self.cloud.world
        whole: Mapping[str, Json] = json.loads(json.dumps({**world.dump(), "defaults": world.defaults()}, default=str))
        return whole

    def note(self, tool: str, payload: Mapping[str, Json], phase: str = "") -> Mapping[str, Json]:
        """The answer, kept for the oracle."""
        self.told.append({"tool": tool, "payload": payload, **({"phase": phase} if phase else {})})
        return payload

    async def verdict(self, **more: Any) -> Verdict:
        """What the oracle says; ``more`` is further evidence."""
        audit = await anyio.to_thread.run_sync(self.audit)
        journal = json.loads(json.dumps(self.cloud.world.journal[self.known :], default=str))
        given: dict[str, Any] = {"canaries": (KEY,), "paced": False, "told": self.told, **more}
        return judge(Evidence(journal=journal, before=self.before, state=self.state(), audit=audit, **given))

    def audit(self) -> list[Mapping[str, Json]]:
        """The audit, exported as a person exports it."""
        target = self.home.parent / f"audit-{len(list(self.home.parent.iterdir()))}.jsonl"
        with suppress(SystemExit):  # the file says whether it went well
            command_line(["--home", str(self.home), "audit", "export", "--to", str(target)])
        return [json.loads(line) for line in target.read_text("utf-8").splitlines()]
