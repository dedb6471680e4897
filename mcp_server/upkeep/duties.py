"""The periodic duties of a running server.

Rules: each duty runs at once and then every so often, on its own, so that a slow one delays no other; one that raises
is logged and recorded, and runs again at its next time; all of them end with the server.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import anyio
from anyio.abc import TaskGroup

from mcp_server.domain.ports import Append, Clock, Store
from mcp_server.domain.record import AuditEntry
from mcp_server.errors import MerakiMcpError, StoreError

log = logging.getLogger(__name__)
OWNER: Final = "server"  #: whose rows of evidence these are: nobody asked


@dataclass(frozen=True, slots=True)
class Duty:
    """One thing to do every ``every_s`` seconds; that time begins when the last run has ended."""

    name: str
    every_s: float
    run: Callable[[], Awaitable[None]]


class Upkeep:
    """The duties of one server; ``problems`` names those whose last run failed, with the class of the error."""

    def __init__(self, duties: Sequence[Duty], store: Store, clock: Clock) -> None:
        """Nothing runs before ``start``."""
        self.duties = tuple(duties)
        self.problems: dict[str, str] = {}
        self._store = store
        self._clock = clock
        self._scope = anyio.CancelScope()

    def start(self, tasks: TaskGroup) -> None:
        """Begin; ``tasks`` lives as long as the server."""
        tasks.start_soon(self._all)

    def stop(self) -> None:
        """End every duty where it waits next; before ``start`` none is begun at all."""
        self._scope.cancel()

    async def _all(self) -> None:
        with self._scope:
            async with anyio.create_task_group() as tasks:
                for duty in self.duties:
                    tasks.start_soon(self._kept, duty)

    async def _kept(self, duty: Duty) -> None:
        while True:
            await self._once(duty)
            await self._clock.sleep(duty.every_s)

    async def _once(self, duty: Duty) -> None:
        """One run; the evidence tells when a duty begins to fail and when it is well again, not each time between."""
        try:
            await duty.run()
        except MerakiMcpError as error:
            problem = type(error).__name__
            if problem != self.problems.get(duty.name):  # a cloud that is down for an hour is not told every 5 s
                log.warning("duty %s failed: %s", duty.name, error)
        except Exception as error:  # the other duties, and the server, go on
            log.exception("duty %s failed", duty.name)
            problem = type(error).__name__
        else:
            problem = ""
        if problem != self.problems.get(duty.name, ""):
            self.problems.pop(duty.name, None)
            if problem:
                self.problems[duty.name] = problem
            await self._tell(duty, problem)

    async def _tell(self, duty: Duty, problem: str) -> None:
        status, detail = ("failed", {"error": problem}) if problem else ("ok", {})
        entry = AuditEntry("duty", self._clock.now(), OWNER, status, detail={"duty": duty.name, **detail})
        try:
            await self._store.commit(Append(entry))
        except StoreError as error:
            log.warning("what became of duty %s could not be recorded: %s", duty.name, error)
