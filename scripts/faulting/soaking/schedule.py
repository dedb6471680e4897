"""What happens in a soak, drawn from its seed: who does what, which request goes wrong, which life is killed where.

Rule: each decision depends on the seed and on its own place alone (worker and turn, number of a request, worker and
life), never on time or on what came before; so the same seed gives the same decisions, however they fall together.
"""

import hashlib
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from tests.support.places import BRANCH, NET

Json = Any
LEAST, MOST = 0.02, 0.10  #: the share of reads that go wrong
FOR_A_WRITE: Final = 4.0  #: times the share, for one request in thirty is a write
NETWORKS: Final = (NET, BRANCH, "L_646829496481105403", "L_646829496481105404")
SSIDS: Final = 4  #: that everybody changes
#: What is done, and how often.
DEEDS: Final[Mapping[str, int]] = {
    "rename": 5, "several": 3, "secret": 1, "ports": 2, "vlan": 2, "keep": 2, "back": 3, "beside": 3, "clash": 2,
    "read": 3, "look": 2,
}  # fmt: skip
#: On the line to the cloud: kind, direction, bytes that still pass, seconds.
LINE: Final[Mapping[str, tuple[str, str, int, float]]] = {
    "reset before a byte": ("reset", "toward", 0, 0.0),
    "reset in the request": ("reset", "toward", 100, 0.0),
    "closed in the request": ("truncate", "toward", 100, 0.0),
    "request swallowed": ("black_hole", "toward", 0, 0.0),
    "request late, in time": ("latency", "toward", 0, 0.3),
    "request later than its time": ("latency", "toward", 0, 1.8),
    "reset before the answer": ("reset", "back", 0, 0.0),
    "reset in the answer": ("reset", "back", 200, 0.0),
    "closed in the answer": ("truncate", "back", 200, 0.0),
    "answer swallowed": ("black_hole", "back", 0, 0.0),
    "answer late, in time": ("latency", "back", 0, 0.3),
    "answer later than its time": ("latency", "back", 0, 5.0),
    "answer byte by byte": ("throttle", "back", 0, 0.02),
}
#: In the cloud, whatever is asked.
CLOUD: Final[Mapping[str, Mapping[str, Json]]] = {
    **{f"{status} before": {"kind": "status", "status": status} for status in (500, 502, 503, 504)},
    "429": {"kind": "status", "status": 429, "retry_after": 2},
    "dropped": {"kind": "drop"},
    "cut": {"kind": "cut"},
    "broken JSON": {"kind": "malformed"},
    "web page": {"kind": "html"},
    "redirect": {"kind": "redirect"},
}
#: In the cloud, to a write: it took place and that is not told, or it is told and did not, or not so.
CLOUD_WRITES: Final[Mapping[str, Mapping[str, Json]]] = {
    **CLOUD,
    **{f"{status} after": {"kind": "status", "status": status, "when": "after"} for status in (500, 502, 503, 504)},
    "dropped after": {"kind": "drop", "when": "after"},
    "nothing stored": {"kind": "not_applied"},
    "stored otherwise": {"kind": "normalised", "set": {"name": "Normalised"}},
    "stale reads": {"kind": "stale"},
}
#: Where a server is killed, and how many times it may pass there before.
KILLS: Final[Mapping[str, int]] = {
    "K0": 2, "K4": 2, "K5": 3, "K6": 3, "K7H": 3, "K7": 3, "K8": 3, "K9": 3, "K10": 3, "K11": 2, "K12": 2, "K13": 6,
    "K14": 2, "R1": 1, "R2": 1, "R3": 1, "R4": 1,
}  # fmt: skip
IN_RECOVERY: Final = 0.25  #: how often that is a point of recovery, beside one of a change
KILLED_SHARE: Final = 0.85
STAY: Final = (3, 7)  #: how many deeds a life lasts when nobody kills it


@dataclass(frozen=True, slots=True)
class Deed:
    """What one worker does in one turn: ``chance`` is for what the deed itself has to draw."""

    kind: str
    network: str
    ssid: str
    chance: random.Random = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Every decision of the soak of that seed."""

    seed: int

    @property
    def share(self) -> float:
        """The share of reads that go wrong."""
        return _share(self.seed)

    def deed(self, worker: int, turn: int) -> Deed:
        """What a worker does in a turn, both from 0. The first of the second worker is a change that nobody keeps."""
        chance = self._at(f"deed {worker} {turn}")
        kind = chance.choices(list(DEEDS), list(DEEDS.values()))[0]
        kind = "unkept" if (worker, turn) == (1, 0) else kind
        return Deed(kind, chance.choice(NETWORKS), str(chance.randrange(SSIDS)), chance)

    def on_the_line(self, number: int, *, is_write: bool) -> str:
        """What happens on the line to the request of that number; "": nothing."""
        chance = self._at(f"line {number}")
        return chance.choice(list(LINE)) if chance.random() < self._half(is_write=is_write) else ""

    def in_the_cloud(self, number: int, *, is_write: bool) -> str:
        """What the cloud does to the request of that number; "": as it should."""
        chance = self._at(f"cloud {number}")
        names = list(CLOUD_WRITES if is_write else CLOUD)
        return chance.choice(names) if chance.random() < self._half(is_write=is_write) else ""

    def kill(self, worker: int, life: int) -> str:
        """Where a worker's life ends, as the setting of failpoints has it; "": nowhere. The first worker's never."""
        chance = self._at(f"kill {worker} {life}")
        if worker == 0 or chance.random() >= KILLED_SHARE:
            return ""
        weights = [IN_RECOVERY if point.startswith("R") else 1.0 for point in KILLS]
        point = chance.choices(list(KILLS), weights)[0]
        return f"{point}:kill:{chance.randint(1, KILLS[point])}"

    def stay(self, worker: int, life: int) -> int:
        """After how many deeds a worker's life ends by itself; the first worker's lasts as long as the soak."""
        return 1_000_000 if worker == 0 else self._at(f"stay {worker} {life}").randint(*STAY)

    def digest(self, workers: int, first: int = 1000) -> str:
        """Eight characters that the first decisions of each kind come to."""
        said: list[object] = [self.share]
        for worker in range(workers):
            said += [self.deed(worker, turn) for turn in range(first)]
            said += [(self.kill(worker, life), self.stay(worker, life)) for life in range(first)]
        for is_write in (False, True):
            said += [self.on_the_line(at, is_write=is_write) for at in range(first)]
            said += [self.in_the_cloud(at, is_write=is_write) for at in range(first)]
        return hashlib.sha256(repr(said).encode()).hexdigest()[:8]

    def _half(self, *, is_write: bool) -> float:
        """How likely each of the two places does something to a request."""
        return self.share / 2 * (FOR_A_WRITE if is_write else 1.0)

    def _at(self, place: str) -> random.Random:
        """Chance for one place; seeded by text, which is the same on every machine."""
        return random.Random(f"{self.seed} {place}")


@cache
def _share(seed: int) -> float:
    return random.Random(f"{seed} share").uniform(LEAST, MOST)
