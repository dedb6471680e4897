"""What may be done next: one turn of a run, drawn with all that it needs, so that the turns of a run can be shrunk.

One rule with many turns, not many rules: Hypothesis leaves rules out at random, and a run without a change shows
nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from hypothesis import strategies as st

POINTS: Final = ("K3", "K4", "K5", "K6", "K7H", "K7", "K8", "K9", "K10", "K11", "K12", "K13", "K14")
TO_RECOVER: Final = ("R1", "R2", "R3", "R4", "K6", "K7", "K9", "K11")
KINDS: Final = ("ssid", "ssids", "mixed", "port", "vlan")
_WRITES: Final = ("PUT", "POST", "DELETE")
#: What goes wrong with the next requests of some methods.
FAULTS: Final[Sequence[tuple[Sequence[str], Mapping[str, Any]]]] = (
    (_WRITES, {"kind": "status", "status": 502, "when": "before"}),
    (_WRITES, {"kind": "status", "status": 502, "when": "after"}),
    (_WRITES, {"kind": "status", "status": 400, "errors": ["refused by a harness"]}),
    (_WRITES, {"kind": "status", "status": 429, "retry_after": 1}),
    (_WRITES, {"kind": "drop", "when": "before"}),
    (_WRITES, {"kind": "drop", "when": "after"}),
    (_WRITES, {"kind": "cut"}),
    (_WRITES, {"kind": "not_applied"}),
    (("GET",), {"kind": "status", "status": 503, "count": 4}),
    (("GET",), {"kind": "stale", "count": 2}),
)


class Turn(NamedTuple):
    """The machine's method of that name, with these arguments."""

    what: str
    given: Mapping[str, Any]


def _turn(what: str, **given: st.SearchStrategy[Any]) -> st.SearchStrategy[Turn]:
    return st.builds(Turn, st.just(what), st.fixed_dictionaries(given))


_NTH: Final = st.sampled_from([1, 1, 1, 2])


def _armed(points: Sequence[str]) -> st.SearchStrategy[str]:
    """Nothing, or a point at which the server is killed or stopped."""
    one = st.builds("{}:{}:{}".format, st.sampled_from(points), st.sampled_from(["kill", "stop"]), _NTH)
    return st.one_of(st.just(""), one, one)


_WHICH: Final = st.integers(0, 5)
_ANSWER: Final = st.sampled_from(["accept", "accept", "accept", "decline"])
_VERDICT: Final = st.sampled_from(["approve", "approve", "reject"])
_SAID: Final = st.sampled_from(["truth", "lie"])
_MINUTES: Final = st.sampled_from([None, None, 1, 5])
_APPLY: Final = {"number": _WHICH, "answer": _ANSWER, "at": _armed(POINTS), "minutes": _MINUTES}

_TURNS: Final[Mapping[str, st.SearchStrategy[Turn]]] = {
    "resume": _turn("resume", number=_WHICH),
    "change": _turn("change", kind=st.sampled_from(KINDS), one=_WHICH, **_APPLY),
    "plan": _turn("plan", kind=st.sampled_from(KINDS), one=_WHICH, number=_WHICH, at=_armed(("K0",))),
    "audit": _turn("audit", kind=st.sampled_from(KINDS), one=_WHICH, number=_WHICH, at=_armed(("K1",))),
    "judge": _turn("judge", one=_WHICH, number=_WHICH, said=_VERDICT, at=_armed(("K2",))),
    "doubted": _turn(
        "doubted", one=_WHICH, number=_WHICH, said=_SAID, at=_armed(("R1", "K11", "K12")), is_put_there=st.booleans()
    ),
    "resolve": _turn("resolve", number=_WHICH, said=_SAID, at=_armed(("R1", "K11", "K12"))),
    "apply": _turn("apply", one=_WHICH, **_APPLY),
    "keep": _turn("keep", number=_WHICH, answer=_ANSWER, at=_armed(POINTS)),
    "back": _turn("back", one=_WHICH, number=_WHICH, answer=_ANSWER, at=_armed(POINTS)),
    "start": _turn("start", at=_armed(TO_RECOVER)),
    "leave": _turn("leave", number=_WHICH, is_told=st.booleans()),
    "tick": _turn("tick", seconds=st.sampled_from([35.0, 70.0, 150.0, 400.0, 1200.0]), at=_armed(TO_RECOVER)),
    "jump": _turn("jump", seconds=st.sampled_from([90.0, -90.0, 7200.0, -7200.0])),
    "drift": _turn("drift", kind=st.sampled_from(["same", "other", "port", "vlan"]), one=_WHICH),
    "fault": _turn("fault", fault=st.sampled_from(FAULTS), skip=st.sampled_from([0, 0, 1])),
    "freeze": _turn("freeze", number=_WHICH),
    "thaw": _turn("thaw", number=_WHICH),
}
#: How often each, beside the others.
_WEIGHTS: Final = {
    "resume": 3, "change": 12, "apply": 4, "plan": 2, "audit": 2, "judge": 3, "resolve": 2, "doubted": 2, "keep": 3,
    "back": 4, "start": 4, "leave": 2, "tick": 6, "jump": 2, "drift": 4, "fault": 3, "freeze": 1, "thaw": 3,
}  # fmt: skip
#: The first does nothing while no server stands still, so it is what runs shrink to.
TURNS: Final = st.sampled_from([name for name, times in _WEIGHTS.items() for _ in range(times)]).flatmap(
    _TURNS.__getitem__
)
