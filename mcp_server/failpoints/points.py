"""Where the write protocol can be made to stop (safety facts 5.2), to show that nothing is lost or doubled there.

Rules: a point that is not armed costs one look at an empty list; settings arm it only for an API on this machine or
the sandbox; that a point was reached is written down before anything else happens there.
"""

import os
import re
import signal
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

#: Every point, in the order in which a change passes it.
POINTS: Final[Mapping[str, str]] = {
    "K0": "the plan is saved",
    "K1": "an audit is requested",
    "K2": "the auditor's verdict is saved",
    "K3": "a person's approval is saved",
    "K4": "leases taken, approval consumed, change applying",
    "K5": "the live state of a step was compared with the plan",
    "K6": "the intent of a step is on disk; no byte has left",
    "K7H": "half of the request has left: its head without its body",
    "K7": "the whole request has left; nothing was answered",
    "K8": "the answer has come",
    "K9": "the outcome of a step is on disk",
    "K10": "a step was read back, and what was found is on disk",
    "K11": "the end of the change is on disk",
    "K12": "the leases are given up",
    "K13": "the call is recorded; the reply is about to be sent",
    "K14": "whoever is told of the end of a change was told",
    "R1": "recovery has taken a change over",
    "R2": "its writes without outcome are on record as in doubt",
    "R3": "a write was settled by reading back, and that is on disk",
    "R4": "it is decided how the change comes to its end",
}
_NTH: Final = re.compile(r"([1-9][0-9]{0,5})?")
ACTIONS: Final = ("kill", "stop", "fail", "pass")


class Failed(RuntimeError):
    """What the action ``fail`` raises."""


@dataclass(frozen=True, slots=True)
class Spec:
    """What happens at which reach (from 1) of a point."""

    point: str
    action: str
    nth: int = 1


@dataclass(slots=True)
class _Armed:
    specs: tuple[Spec, ...]
    trace: Path | None  #: one line for each point reached: its name and how often so far
    reached: Counter[str] = field(default_factory=Counter)


_ARMED: list[_Armed] = []


def failpoint(name: str) -> None:
    """Nothing, unless a test has armed the points; KeyError then for a name that is none."""
    if _ARMED:
        _reach(_ARMED[0], name)


def is_armed() -> bool:
    """Whether any point is armed or traced in this process."""
    return bool(_ARMED)


def arm(specs: tuple[Spec, ...], trace: Path | None) -> None:
    """From now on these points do what they say; with neither specs nor trace none does anything."""
    _ARMED[:] = [_Armed(specs, trace)] if specs or trace else []


def parse(text: str) -> tuple[Spec, ...]:
    """Points as ``POINT:ACTION`` or ``POINT:ACTION:NTH``, separated by commas; ValueError for anything else."""
    return tuple(_spec(part.strip()) for part in text.split(",") if part.strip())


def _spec(text: str) -> Spec:
    point, _, rest = text.partition(":")
    action, _, nth = rest.partition(":")
    if point not in POINTS or action not in ACTIONS or not _NTH.fullmatch(nth):
        raise ValueError(text)
    return Spec(point, action, int(nth or "1"))


def _reach(armed: _Armed, name: str) -> None:
    if name not in POINTS:
        raise KeyError(name)
    armed.reached[name] += 1
    if armed.trace is not None:
        with armed.trace.open("a") as trace:
            trace.write(f"{name} {armed.reached[name]}\n")
    for spec in armed.specs:
        if (spec.point, spec.nth) == (name, armed.reached[name]):
            _act(spec)


def _act(spec: Spec) -> None:
    """What the spec says: the process ends or stands still at once, or an error of no known class is raised."""
    if spec.action == "fail":
        raise Failed(spec.point)
    if spec.action != "pass":
        os.kill(os.getpid(), signal.SIGKILL if spec.action == "kill" else signal.SIGSTOP)
