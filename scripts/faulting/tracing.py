"""strace around a life: which of its system calls is to fail or to kill it, and what the trace says of that.

Rule: strace counts a call for each thread. So a life that is swept begins in a home that is made, where all syncs of
the store but the closing ones come from the event loop and from the writer's thread, and sends are counted in the
thread of the event loop alone: the others only wake it.
"""

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scripts.faulting.life import WatchFailed

KILL: Final = "kill"
EIO: Final = "EIO"  #: once
ENOSPC: Final = "ENOSPC"  #: on disk from that call on: a full disk stays full
ACTIONS: Final = (KILL, EIO, ENOSPC)
_LONGEST_S: Final = 10.0  #: strace ends with the last of its threads
_CONNECTION: Final = "TCP"
_CALL: Final = re.compile(r"(?:(?P<thread>\d+) +)?(?P<name>\w+)\(\d+<(?P<what>.*?)>(?=[,) ])(?P<rest>.*)")
_RESUMED: Final = re.compile(r"(?:(?P<thread>\d+) +)?<\.\.\. (?P<name>\w+) resumed>(?P<rest>.*)")


@dataclass(frozen=True, slots=True)
class Line:
    """A row of calls that is swept: those of one system call, perhaps on one file of the home only."""

    name: str
    syscall: str
    file: str = ""
    is_disk: bool = True
    every: int = 1  #: a whole sweep hits each so manieth call


LINES: Final = (
    Line("fsync", "fsync"),
    Line("fdatasync", "fdatasync"),
    Line("checkpoint", "fdatasync", file="store.db"),
    Line("send", "sendto", is_disk=False),
    Line("log", "pwrite64", file="store.db-wal", every=29),  #: where a disk is really full, and a commit is torn
)
#: Every call that can make something durable or send it; one that the product makes and no line sweeps is a gap.
WATCHED: Final = (
    "pwrite64,fsync,fdatasync,msync,sync,syncfs,sync_file_range,sendto,sendmsg,sendmmsg,write,writev,sendfile"
)
SWEPT: Final = frozenset(line.syscall for line in LINES)


@dataclass(frozen=True, slots=True)
class Injection:
    """The nth call of a line does not take place: it kills the server, or fails with that error."""

    line: Line
    action: str
    nth: int

    @property
    def words(self) -> Sequence[str]:
        """As strace is told."""
        fault = "signal=KILL" if self.action == KILL else f"error={self.action}"
        return (
            "-e",
            f"inject={self.line.syscall}:{fault}:when={self.nth}{'+' if self.stays else ''}",
        )

    @property
    def stays(self) -> bool:
        """Whether every later call fails too."""
        return self.action == ENOSPC and self.line.is_disk


@dataclass(frozen=True, slots=True)
class Traced:
    """One call as the trace has it. ``nth`` counts from 1 in its thread."""

    thread: int
    name: str
    what: str  #: the file, or the connection
    nth: int
    result: str  #: "?" when the process did not live to see it
    is_injected: bool


def read_trace(text: str) -> Sequence[Traced]:
    """The calls of a trace, in the order in which they began."""
    counts: Counter[tuple[int, str]] = Counter()
    calls: list[Traced] = []
    for line in text.splitlines():
        if found := _CALL.match(line):
            thread, name = int(found["thread"] or 0), found["name"]
            counts[thread, name] += 1
            calls.append(_traced(thread, name, found["what"], counts[thread, name], found["rest"]))
        elif found := _RESUMED.match(line):
            thread, name = int(found["thread"] or 0), found["name"]
            place = next(
                at for at in reversed(range(len(calls))) if (calls[at].thread, calls[at].name) == (thread, name)
            )
            calls[place] = _traced(thread, name, calls[place].what, calls[place].nth, found["rest"])
    return calls


def _traced(thread: int, name: str, what: str, nth: int, rest: str) -> Traced:
    result = rest.rpartition(" = ")[2].strip() if " = " in rest else "?"
    return Traced(thread, name, what, nth, result, is_injected=result.endswith("(INJECTED)"))


def reached(injection: Injection, calls: Sequence[Traced], *, was_killed: bool) -> str:
    """What the injection hit, as the trace names it; "" when the trace shows that it was not reached.

    Of a kill: the nth call of a thread, which never returned, in a process that was killed.
    """
    mine = [call for call in calls if call.name == injection.line.syscall]
    if injection.action == KILL:
        hit = [call for call in mine if was_killed and call.result == "?" and call.nth == injection.nth]
    else:
        hit = [call for call in mine if call.is_injected and injection.action in call.result]
        hit = hit if any(call.nth == injection.nth for call in hit) else []
    return f"{hit[0].name} {hit[0].what}" if hit else ""


def unswept(calls: Sequence[Traced]) -> Sequence[str]:
    """What syncs or sends without being in any line: another system call, a send from a second thread."""
    sends = [call for call in calls if call.what.startswith(_CONNECTION)]
    syncs = [call for call in calls if "sync" in call.name]
    others = sorted({call.name for call in (*sends, *syncs)} - SWEPT)
    return [*others, *(f"sends of thread {thread}" for thread in sorted({call.thread for call in sends})[1:])]


def counted(line: Line, calls: Sequence[Traced]) -> int:
    """How many calls of the line there were, in the thread that made most of them; of sends in the one that sends."""
    mine = [
        call for call in calls if call.name == line.syscall and (not line.file or Path(call.what).name == line.file)
    ]
    if not line.is_disk:
        senders = {call.thread for call in mine if call.what.startswith(_CONNECTION)}
        mine = [call for call in mine if call.thread in senders]
    return max(Counter(call.thread for call in mine).values(), default=0)


def is_ci(environment: Mapping[str, str]) -> bool:
    """Whether a machine runs this for everybody: there, what cannot run has failed."""
    return environment.get("CI", "").lower() in ("true", "1")


def missing() -> str:
    """Why nothing can be traced here; "" when it can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    done = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, text=True, check=False)
    return f"strace cannot trace here: {done.stderr.strip()}" if done.returncode else ""


def strace(home: Path, target: Path, injection: Injection | None) -> Sequence[str]:
    """The command that traces what comes after it into ``target``; without an injection, everything that is watched."""
    if injection is None:
        words = ["-f", "-e", f"trace={WATCHED}"]
    else:
        line = injection.line
        place = ["-P", str(home / line.file)] if line.file else []
        words = [*(["-f"] if line.is_disk else []), *place, "-e", f"trace={line.syscall}", *injection.words]
    return ["strace", "-yy", *words, "-o", str(target)]


@contextmanager
def traced(command: Sequence[str], process: int) -> Iterator[None]:
    """Attaches the strace of that command to the process until it has ended."""
    with subprocess.Popen([*command, "-p", str(process)], stderr=subprocess.PIPE, text=True) as tracer:
        try:
            _wait_attached(tracer)
            yield
            tracer.wait(_LONGEST_S)
        finally:
            tracer.kill()


def _wait_attached(tracer: "subprocess.Popen[str]") -> None:
    """Until strace says that it is attached; its first line is about the file that it watches, if it does."""
    told = ""
    for line in tracer.stderr or ():
        told += line
        if line.rstrip().endswith("attached"):
            return
    raise WatchFailed(told)
