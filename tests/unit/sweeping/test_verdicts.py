"""What trials say of a promise."""

from typing import Any

import pytest

from scripts.sweeping.runner import Result
from scripts.sweeping.trial import Trial, names_one_id
from scripts.sweeping.verdicts import table, verdict_of


def told(undo: str, *trials: Trial, fault: str = "") -> Any:
    """The verdict on an operation with those trials."""
    return verdict_of(Result("updateNetworkSnmp", undo, "", trials, fault))


def trial(outcome: str, **more: Any) -> Trial:
    """A trial that ended so."""
    return Trial("by hand", outcome, **{"undo_class": "reversible", **more})


def test_a_promise_is_kept_only_when_some_body_changed_the_cloud() -> None:
    """Refused and unchanged bodies prove nothing."""
    assert told("put_before", trial("alike"), trial("kept")).verdict == "kept"
    unseen = told("put_before", trial("unchanged", note="unchanged"), trial("alike"))
    assert (unseen.verdict, len(unseen.broken)) == ("broken", 1)
    assert told("put_before", fault="its parent is not there").broken == ("its parent is not there",)


def test_one_broken_body_breaks_the_promise_and_is_named() -> None:
    """Whatever the others did."""
    found = told("put_before", trial("kept"), trial("broken", broken=("not restored: name",)))
    assert (found.verdict, found.broken) == ("broken", ("[by hand] not restored: name",))


def test_what_was_announced_is_stated_and_the_weakest_class_counts() -> None:
    """A class with caveats is not made stronger by a body that had none."""
    found = told("put_before", trial("kept"), trial("stated", undo_class="with_caveats", stated=("/x.psk: 1 -> 2",)))
    assert (found.promised, found.verdict, found.stated) == ("with_caveats", "stated", ("x.psk",))


@pytest.mark.parametrize(
    ("outcome", "verdict"), [("irreversible", "refused"), ("no_effect", "no effect"), ("kept", "kept")]
)
def test_without_a_way_back_the_plan_must_refuse_or_nothing_may_change(outcome: str, verdict: str) -> None:
    """A body of which the overlay says more may be taken back all the same."""
    assert told("none", trial(outcome, undo_class="none")).verdict == verdict


def test_the_table_counts_by_class() -> None:
    """One row for each, and all."""
    lines = table([told("put_before", trial("kept")), told("none", trial("irreversible", undo_class="none"))])
    assert [line.split() for line in lines][1] == ["reversible", "1", "1", "0", "0", "0", "0", "0"]
    assert [line.split() for line in lines][-1] == ["all", "2", "1", "0", "1", "0", "0", "0"]


def test_an_id_that_no_list_has_is_one_reason_however_the_two_word_it() -> None:
    """The plan names the field and the list, the cloud the kind of thing."""
    ours = "step 1 x: body.gatewayvlanid: 15 is not in getnetworkappliancevlans."
    assert names_one_id(ours, "400 vlan 15 is not configured on this network")
    assert not names_one_id(ours, "400 gateway ip 10.15.4.150 must be in one of the network's subnets")
    assert not names_one_id("body.dscp: must be between 0 and 63", "400 vlan 15 is not configured on this network")
