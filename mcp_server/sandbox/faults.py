"""Scripted faults: what goes wrong, where, and how often.

A fault is data: ``{"kind": ..., "method"?, "path"?, "operation"?, "count": 1, "skip": 0, ...}``. ``path`` is a prefix
below /api/v1 or a shell pattern. The first live fault that fits a request is used up by one.

kind         what happens
latency      the answer comes ``seconds`` later
held         nothing is done and nothing answered until the fault is let go: by itself, or as all faults are cleared
status       ``status`` with ``errors`` (or an HTML page with ``html``), ``retry_after`` as header; ``when``
             "before" (default: nothing done) or "after" (the write took place)
stale        a read is answered as of the moment the fault was set
malformed    200 and JSON that breaks off; the write took place
html         200 and a web page; the write took place
huge         a body of ``megabytes`` (50)
redirect     ``status`` 307 to ``location``; nothing done
not_applied  the answer of a success, and nothing stored
normalised   the write takes place, then the stored value gets the fields in ``set``
drop         TCP only: the connection closes without an answer, ``when`` "before" or "after" the write
cut          TCP only: the connection closes in the middle of the answer (a 204 is not begun); the write took place
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

Json = Any
CONNECTION_KINDS = frozenset({"drop", "cut"})
KINDS = CONNECTION_KINDS | {
    "latency", "held", "status", "stale", "malformed", "html", "huge", "redirect", "not_applied", "normalised",
}  # fmt: skip


@dataclass(slots=True)
class Fault:
    """One scripted fault; ``left`` counts down with each use."""

    number: int
    kind: str
    given: Mapping[str, Json]
    left: int
    skip: int
    snapshot: str = ""  #: of the world when it was set; for stale reads
    used: int = 0
    is_over: asyncio.Event = field(default_factory=asyncio.Event)  #: for what is held

    def let_go(self) -> None:
        """What is held goes on, and nothing more is held."""
        self.is_over.set()

    def fits(self, method: str, path: str, operation: str) -> bool:
        """Whether a request is one of those that the fault is for; a stale read is always a GET."""
        wanted = self.given
        if self.kind == "stale" and method != "GET":
            return False
        if self.kind in ("not_applied", "normalised") and method == "GET":
            return False
        if wanted.get("method") and wanted["method"].upper() != method:
            return False
        if wanted.get("operation") and wanted["operation"] != operation:
            return False
        place = wanted.get("path")
        return not place or path.startswith(place) or fnmatchcase(path, place)

    def get(self, name: str, usual: Json) -> Json:
        """A detail of the fault."""
        return self.given.get(name, usual)

    def shown(self) -> Json:
        """The fault as ``GET /_sandbox/faults`` lists it."""
        return {**self.given, "number": self.number, "left": self.left, "used": self.used}


@dataclass(slots=True)
class Faults:
    """The script: faults in the order in which they were set."""

    live: list[Fault] = field(default_factory=list)
    handed_out: int = 0

    def add(self, given: Mapping[str, Json], snapshot: str = "") -> Fault:
        """The fault that was set; ValueError when it is of no known kind."""
        kind = given.get("kind")
        if kind not in KINDS:
            raise ValueError(f"unknown fault {kind!r}; known: {', '.join(sorted(KINDS))}")
        self.handed_out += 1
        count, skip = int(given.get("count", 1)), int(given.get("skip", 0))
        fault = Fault(self.handed_out, kind, dict(given), count, skip, snapshot)
        self.live.append(fault)
        return fault

    def take(self, method: str, path: str, operation: str) -> Fault | None:
        """The fault of this request, used up by one, or None."""
        for fault in self.live:
            if fault.left <= 0 or not fault.fits(method, path, operation):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            fault.left -= 1
            fault.used += 1
            return fault
        return None

    def clear(self) -> None:
        """Forget all faults; what one of them held goes on."""
        for fault in self.live:
            fault.let_go()
        self.live.clear()
