"""Whether a write took effect is read, never guessed."""

from typing import Any

import pytest

from mcp_server.domain.plan import Reader
from mcp_server.domain.record import Asked
from mcp_server.domain.recovery.settle import Settled, settle

READER = Reader("getNetworkWirelessSsid", {"networkId": "N_1", "number": "3"})
OLD, NEW = {"name": "Old", "seen": 1}, {"name": "New", "seen": 1}


def asked(before: Any = None, expected: Any = None, reader: Reader | None = READER) -> Asked:
    """A write that was to make one of the other."""
    return Asked("updateNetworkWirelessSsid", reader, before, expected, ignore=("seen",), unordered=("tags",))


@pytest.mark.parametrize(
    ("before", "expected", "live", "settled"),
    [
        (OLD, NEW, {"name": "New", "seen": 9}, Settled.APPLIED),
        (OLD, NEW, {"name": "Old", "seen": 9}, Settled.NOT_APPLIED),
        (OLD, NEW, {"name": "Else", "seen": 1}, Settled.DRIFTED),
        (OLD, NEW, None, Settled.DRIFTED),
        (None, NEW, NEW, Settled.APPLIED),
        (None, NEW, None, Settled.NOT_APPLIED),
        (None, NEW, {"name": "Else"}, Settled.DRIFTED),
        (OLD, None, None, Settled.APPLIED),
        (OLD, None, OLD, Settled.NOT_APPLIED),
        (OLD, None, {"name": "Else"}, Settled.DRIFTED),
        ({"tags": ["a", "b"]}, {"tags": ["a"]}, {"tags": ["b", "a"]}, Settled.NOT_APPLIED),
        ({"name": "A"}, {"name": "A", "note": "x"}, {"name": "A", "note": "x"}, Settled.APPLIED),
        ({"name": "A"}, {"name": "A", "note": "x"}, {"name": "A"}, Settled.NOT_APPLIED),
    ],
)
def test_what_the_cloud_holds_says_what_became_of_the_write(
    before: Any, expected: Any, live: Any, settled: Settled
) -> None:
    """Like after: applied; like before: not applied; like neither: somebody else was there."""
    assert settle(asked(before, expected), live) is settled


@pytest.mark.parametrize(
    ("before", "expected", "live"),
    [(OLD, OLD, OLD), ({"name": "A", "note": "x"}, {"name": "A"}, {"name": "A", "note": "x"})],
)
def test_a_write_that_leaves_no_mark_is_not_called_applied(before: Any, expected: Any, live: Any) -> None:
    """What fits before fits after as well: a reboot, or a field that only goes away."""
    assert settle(asked(before, expected), live) is Settled.UNKNOWN


def test_what_nothing_reads_stays_unknown() -> None:
    """Even when the states seem to fit."""
    assert settle(asked(OLD, None, reader=None), None) is Settled.UNKNOWN
