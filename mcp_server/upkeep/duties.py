"""The periodic duties of a running server.

Rules: each duty runs at once and then every so often, on its own, so that a slow one delays no other; one that raises
is logged and recorded, and runs again at its next time; all of them end with the server.
"""

import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import anyio
from anyio.abc import TaskGroup

from mcp_server.domain.call import Json
from mcp_server.domain.ports import Append, Clock, Store
from mcp_server.domain.record import AuditEntry
from mcp_server.domain.redaction import clean
from mcp_server.errors import CallerError, MerakiMcpError, StoreError

log = logging.getLogger(__name__)
OWNER: Final = "server"  #: whose rows of evidence these are: nobody asked
_PATIENCE_S: Final = 60.0  #: a duty that is so much later than its time is behind
_SLOW: Final = "its last run has not ended, or its next one has not begun"


@dataclass(frozen=True, slots=True)
class Duty:
    """One thing to do every ``every_s`` seconds; that time begins when the last run has ended."""

    name: str
    every_s: float
    run: Callable[[], Awaitable[None]]


class Upkeep:
    """The duties of one server; ``problems`` names those whose last run failed, with the class of the error."""

    def __init__(self, duties: Sequence[Duty], store: Store, clock: Clock, server: str = "") -> None:
        """Nothing runs before ``start``; ``server`` is named in the rows of evidence."""
        self.duties = tuple(duties)
        self.problems: dict[str, str] = {}
        self._store = store
        self._clock = clock
        self._server = server
        self._failing: dict[str, tuple[datetime, str]] = {}  #: by duty: since when, and the error in words
        self._due: dict[str, float] = {}  #: by duty: when its next run should be over, monotonic seconds
        self._scope = anyio.CancelScope()

    def start(self, tasks: TaskGroup) -> None:
        """Begin; ``tasks`` lives as long as the server."""
        tasks.start_soon(self._all)

    def stop(self) -> None:
        """End every duty where it waits next; before ``start`` none is begun at all."""
        self._scope.cancel()

    def troubles(self) -> list[dict[str, Json]]:
        """The duties that fail or are behind, each with why and since when; none when all is well."""
        found: list[dict[str, Json]] = []
        for duty in self.duties:
            since, why = self._failing.get(duty.name, (None, ""))
            late_s = self._clock.monotonic() - self._due.get(duty.name, math.inf)
            if since is not None:
                at = since.isoformat(timespec="seconds")
                found.append({"duty": duty.name, "state": "failing", "since": at, "why": why})
            elif late_s > 0:
                found.append({"duty": duty.name, "state": "behind", "late_s": round(late_s), "why": _SLOW})
        return found

    async def _all(self) -> None:
        with self._scope:
            async with anyio.create_task_group() as tasks:
                for duty in self.duties:
                    tasks.start_soon(self._kept, duty)

    async def _kept(self, duty: Duty) -> None:
        while True:
            self._due[duty.name] = self._clock.monotonic() + max(duty.every_s, _PATIENCE_S)
            await self._once(duty)
            self._due[duty.name] = self._clock.monotonic() + duty.every_s + _PATIENCE_S
            await self._clock.sleep(duty.every_s)

    async def _once(self, duty: Duty) -> None:
        """One run; the evidence tells when a duty begins to fail and when it is well again, not each time between."""
        why = ""
        try:
            await duty.run()
        except MerakiMcpError as error:
            problem, why = type(error).__name__, _words(error)
            if problem != self.problems.get(duty.name):  # a cloud that is down for an hour is not told every 5 s
                log.warning("duty %s failed: %s", duty.name, error)
        except Exception as error:  # the other duties, and the server, go on
            log.exception("duty %s failed", duty.name)
            problem = why = type(error).__name__
        else:
            problem = ""
            self._failing.pop(duty.name, None)
        if problem:
            self._failing[duty.name] = (self._failing.get(duty.name, (self._clock.now(), ""))[0], why)
        if problem != self.problems.get(duty.name, ""):
            self.problems.pop(duty.name, None)
            if problem:
                self.problems[duty.name] = problem
            await self._tell(duty, problem)

    async def _tell(self, duty: Duty, problem: str) -> None:
        status, detail = ("failed", {"error": problem}) if problem else ("ok", {})
        about = {"duty": duty.name, **({"server": self._server} if self._server else {})}
        entry = AuditEntry("duty", self._clock.now(), OWNER, status, detail={**about, **detail})
        try:
            await self._store.commit(Append(entry))
        except StoreError as error:
            log.warning("what became of duty %s could not be recorded: %s", duty.name, error)


def _words(error: MerakiMcpError) -> str:
    """The error in a sentence of ours: what the cloud said is not repeated."""
    return clean(error.message, 200) if isinstance(error, CallerError) else type(error).sentence
