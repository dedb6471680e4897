"""The way back of one step: what is written, what stays, and what nobody but a person may decide."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from mcp_server.changes.execution.undo import (
    Done,
    WayBack,
    as_found,
    refuse_conflicts,
    way_back,
)
from mcp_server.changes.planning.draft import reader_key
from mcp_server.changes.undoing.related import renamed
from mcp_server.domain.call import Json
from mcp_server.domain.plan import Inverse, Reader, Step, Write
from mcp_server.errors import Refused, Rejected
from tests.support.hook_world import world
from tests.support.plans import step
from tests.support.records import a_change_step

SSID = "/networks/N_1/wireless/ssids/3"
BEFORE = {"number": 3, "name": "Old", "enabled": True}
AFTER = {**BEFORE, "name": "New"}
READER = Reader("getNetworkWirelessSsid", {"networkId": "N_1", "number": "3"})
POLICIES = "/networks/N_1/groupPolicies"


async def _back(of: Step, live: Mapping[str, Json] | Exception | None, **more: Any) -> WayBack:
    """The way back while the SSID is as given."""
    seen, _ = world({SSID: live})
    return await way_back(Done(of, more.pop("done", a_change_step(sealed=AFTER)), seen, 7, **more))


async def test_a_step_without_an_inverse_has_no_way_back_and_says_so() -> None:
    """Named by its number and operation."""
    way = await _back(step(2, inverse=Inverse("none", "none")), AFTER)
    assert (way.drafts, way.hopeless) == ((), "step 2 (updateNetworkWirelessSsid) cannot be undone")


async def test_what_goes_with_its_creation_needs_no_write_of_its_own() -> None:
    """The step that created it takes it along."""
    assert await _back(step(inverse=Inverse("reversible", "with_creation")), AFTER) == WayBack(())


async def test_an_update_is_put_back_to_what_it_was() -> None:
    """One write, by which the resource is as before."""
    way = await _back(step(), AFTER)
    (draft,) = way.drafts
    assert (draft.touch.operation, draft.touch.body) == ("updateNetworkWirelessSsid", {"name": "Old", "enabled": True})
    assert draft.touch.is_write
    assert (way.conflicts, way.hopeless, way.place) == ((), "", reader_key(READER))
    assert way.leaves() == {reader_key(READER): BEFORE}
    assert [(one.path, one.before, one.after) for one in draft.changes] == [("name", "New", "Old")]
    assert replace(way, place="").leaves() == {}


async def test_nothing_is_written_when_the_state_before_is_there_already() -> None:
    """Somebody was faster."""
    way = await _back(step(), BEFORE)
    assert (way.drafts, way.leaves()) == ((), {})


async def test_what_others_changed_since_stays() -> None:
    """Field by field."""
    (draft,) = (await _back(step(), {**AFTER, "enabled": False})).drafts
    assert draft.touch.body
    assert (draft.touch.body["name"], draft.touch.body["enabled"]) == ("Old", False)


async def test_a_field_that_others_changed_as_well_is_a_conflict() -> None:
    """Named, and not decided here."""
    assert (await _back(step(), {**AFTER, "name": "Third"})).conflicts == ("name",)


async def test_what_the_step_really_left_counts_and_not_what_was_planned() -> None:
    """The read-back; the plan only where there was none."""
    done = a_change_step(sealed={**AFTER, "name": "New (1)"})
    assert (await _back(step(), {**AFTER, "name": "New (1)"}, done=done)).conflicts == ()
    unread = a_change_step(sealed=None)
    assert (await _back(step(), {**AFTER, "name": "New (1)"}, done=unread)).conflicts == ("name",)
    assert (await _back(step(), AFTER, done=unread)).conflicts == ()


async def test_a_state_that_an_earlier_way_back_leaves_is_taken_instead_of_reading() -> None:
    """Several changes of one resource are taken back one after the other."""
    unread = Rejected("must not be read", sent=True, status=500)
    assert (await _back(step(), unread, known={reader_key(READER): BEFORE})).drafts == ()
    gone = await _back(step(), unread, known={reader_key(READER): None})
    assert gone.hopeless == "step 1: the resource is gone"


async def test_a_creation_that_is_gone_and_a_deletion_that_is_back_need_no_write() -> None:
    """The state before is there."""
    reader = Reader("getNetworkGroupPolicies", {"networkId": "N_1"}, match={"groupPolicyId": "101"})
    inverse = Inverse("reversible", "delete_created", (Write("deleteNetworkGroupPolicy", {"networkId": "N_1"}),))
    write = Write("createNetworkGroupPolicy", {"networkId": "N_1"}, {"name": "Guests"})
    made = step(kind="create", write=write, before=None, expected={"name": "Guests"}, inverse=inverse, reader=reader)
    for kind, live in (("create", []), ("delete", [{"groupPolicyId": "101", "name": "Guests"}])):
        seen, _ = world({POLICIES: live})
        assert await way_back(Done(replace(made, kind=kind), a_change_step(), seen, 7)) == WayBack(())


async def test_a_creation_is_deleted_by_the_id_that_the_cloud_gave() -> None:
    """Known from the answer of the step."""
    reader = Reader("getNetworkGroupPolicies", {"networkId": "N_1"}, match={"groupPolicyId": "101"})
    params = {"networkId": "N_1", "groupPolicyId": {"$created": "groupPolicyId"}}
    inverse = Inverse("reversible", "delete_created", (Write("deleteNetworkGroupPolicy", params),))
    write = Write("createNetworkGroupPolicy", {"networkId": "N_1"}, {"name": "Guests"})
    made = step(kind="create", write=write, before=None, expected={"name": "Guests"}, inverse=inverse, reader=reader)
    live = {"groupPolicyId": "101", "name": "Guests"}
    seen, _ = world({POLICIES: [live], f"{POLICIES}/101": live})
    (draft,) = (await way_back(Done(made, a_change_step(created={"groupPolicyId": "101"}), seen, 7))).drafts
    assert (draft.touch.operation, draft.touch.params["groupPolicyId"]) == ("deleteNetworkGroupPolicy", "101")
    assert (draft.kind, draft.before, draft.expected) == ("delete", live, None)


def test_what_a_re_creation_returns_is_named_by_its_step() -> None:
    """At any depth; everything else stays."""
    given = {"id": {"$created": "id"}, "rules": [{"policy": {"$created": "groupPolicyId"}, "n": 1}], "x": "$created"}
    assert renamed(given, 7) == {
        "id": {"$ref": "step-7.id"}, "rules": [{"policy": {"$ref": "step-7.groupPolicyId"}, "n": 1}], "x": "$created",
    }  # fmt: skip


def test_each_step_starts_from_what_an_earlier_one_on_its_resource_really_left() -> None:
    """Not from what was planned; another resource is not touched by it, an undone record neither."""
    elsewhere = step(3, reader=Reader("getNetworkWirelessSsid", {"networkId": "N_1", "number": "4"}))
    steps = (step(1), step(2), elsewhere, step(4, reader=None), step(5), step(6, reader=None))
    left = {**AFTER, "added": "by the cloud"}
    done = {1: a_change_step(sealed=left), 2: a_change_step(sealed=None), 4: a_change_step(sealed=left)}
    assert [one.before for one in as_found(steps, done)] == [BEFORE, left, BEFORE, BEFORE, left, BEFORE]


def test_a_conflict_and_a_step_without_a_way_back_are_left_to_a_person() -> None:
    """Each by its step; conflicts first, at most eight in the sentence and all of them beside it."""
    refuse_conflicts([(step(), WayBack(()))])
    clash = WayBack((), conflicts=tuple(f"f{number}" for number in range(9)))
    hopeless = WayBack((), hopeless="step 2 is gone")
    with pytest.raises(Refused) as caught:
        refuse_conflicts([(step(1), clash), (step(2), hopeless)])
    assert caught.value.reason == "rollback_conflict"
    assert "step 1: f7" in caught.value.message
    assert "step 1: f8" not in caught.value.message
    assert caught.value.details == {"conflicts": [f"step 1: f{number}" for number in range(9)]}
    with pytest.raises(Refused) as caught:
        refuse_conflicts([(step(1), WayBack(())), (step(2), hopeless)])
    assert (caught.value.reason, caught.value.details) == ("not_undoable", {"steps": ["step 2 is gone"]})
