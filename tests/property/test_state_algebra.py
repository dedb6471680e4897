"""Laws of the state algebra that hold for every JSON."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_server.domain.state.compare import differences
from mcp_server.domain.state.diff import diff, patch
from mcp_server.domain.state.json_value import frozen, same
from mcp_server.domain.state.list_edit import has_edits, resolved
from mcp_server.domain.state.merge import merged
from mcp_server.domain.state.path import parsed, rendered
from mcp_server.domain.state.three_way import three_way

SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False, width=16) | st.text(max_size=3)
NAMES = st.sampled_from(["id", "name", "comment", "policy", "rules", "a.b", "", "[0]", 'x"y']) | st.text(max_size=3)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=20
)
OBJECTS = st.dictionaries(NAMES, JSON, max_size=4)
RULES = st.lists(
    st.fixed_dictionaries(
        {"policy": st.sampled_from(["allow", "deny"]), "comment": st.sampled_from(["a", "b", "c", ""])},
        optional={"id": st.integers(0, 5), "port": st.sampled_from(["80", "443", "any"])},
    ),
    max_size=7,
)
STATES = JSON | RULES | st.fixed_dictionaries({"rules": RULES})
TOKENS = st.lists(st.text(max_size=4) | st.integers(0, 99), max_size=5)


@given(STATES, STATES)
@settings(max_examples=500)
def test_patching_with_a_difference_gives_the_after_state(before: Any, after: Any) -> None:
    """patch(before, diff(before, after)) is after, for every two states."""
    assert same(patch(before, diff(before, after)), after)


@given(STATES, STATES)
@settings(max_examples=300)
def test_a_difference_is_empty_exactly_for_equal_states(before: Any, after: Any) -> None:
    """No change is reported for equal states, at least one for others."""
    assert (diff(before, after) == ()) == same(before, after)


@given(RULES, RULES)
@settings(max_examples=300)
def test_the_difference_of_the_difference_goes_back(before: Any, after: Any) -> None:
    """Going there and back again ends where it began."""
    assert same(patch(patch(before, diff(before, after)), diff(after, before)), before)


@given(JSON)
def test_a_patch_leaves_its_argument_alone(before: Any) -> None:
    """The state that is patched is not changed in place."""
    kept = frozen(before)
    patch(before, diff(before, {"new": [1]}))
    assert frozen(before) == kept


@given(st.permutations(list(range(8))))
def test_a_reordered_list_only_moves(order: list[int]) -> None:
    """Reordering adds and removes nothing, and the moves alone give the new order."""
    before: list[Any] = [{"id": n} for n in range(8)]
    after = [{"id": n} for n in order]
    changes = diff(before, after)
    assert {change.how for change in changes} <= {"moved"}
    assert patch(before, changes) == after


@given(TOKENS)
def test_a_path_reads_back_as_its_tokens(tokens: list[str | int]) -> None:
    """Every field name survives the dotted form."""
    assert parsed(rendered(tokens)) == tuple(tokens)


@given(OBJECTS, OBJECTS)
def test_writing_the_same_body_twice_changes_nothing_more(before: Any, body: Any) -> None:
    """A merge is idempotent and never loses a field that the body does not name."""
    once = merged(before, body)
    assert same(merged(once, body), once)
    assert all(same(once[key], before[key]) for key in before if key not in body)


@given(STATES, STATES)
def test_three_ways_with_one_side_idle_give_the_other(base: Any, side: Any) -> None:
    """When only one side changed something there is no conflict, and its state comes out."""
    for merge in (three_way(base, side, base), three_way(base, base, side), three_way(base, side, side)):
        assert same(merge.result, side)
        assert merge.conflicts == ()


@given(OBJECTS, st.dictionaries(st.sampled_from("ABC"), SCALARS), st.dictionaries(st.sampled_from("XYZ"), SCALARS))
def test_edits_of_different_fields_both_stay(base: Any, ours: Any, theirs: Any) -> None:
    """Two sides that touched different fields never conflict."""
    shared = {key: value for key, value in base.items() if key not in "ABCXYZ"}
    merge = three_way(shared, {**shared, **ours}, {**shared, **theirs})
    assert merge.conflicts == ()
    assert same(merge.result, {**shared, **ours, **theirs})


@given(RULES, RULES, RULES)
@settings(max_examples=300)
def test_a_three_way_merge_of_lists_invents_no_element(base: Any, ours: Any, theirs: Any) -> None:
    """Every element of the result stands, in each of its fields, in one of the sides."""
    merge = three_way(base, ours, theirs)
    known = {(key, frozen(value)) for side in (base, ours, theirs) for rule in side for key, value in rule.items()}
    assert {(key, frozen(value)) for rule in merge.result for key, value in rule.items()} <= known


@given(JSON)
def test_a_state_is_as_expected_when_it_is_the_same(state: Any) -> None:
    """A state never differs from itself."""
    assert differences(state, state) == ()


@given(OBJECTS, st.dictionaries(st.sampled_from(["url", "updatedAt"]), SCALARS, min_size=1))
def test_fields_that_the_cloud_adds_do_not_differ(expected: Any, extra: Any) -> None:
    """What was not expected and is there anyway is no difference."""
    assert differences(expected, {**extra, **expected}) == ()


@given(st.lists(st.integers(0, 3), unique=True, min_size=2), st.integers())
def test_any_other_number_differs(numbers: list[int], other: int) -> None:
    """A list of numbers with one of them changed is never as expected."""
    changed = [*numbers[:-1], other if other != numbers[-1] else other + 1]
    assert differences({"ports": numbers}, {"ports": changed}) != ()


@given(RULES, st.integers(0, 7))
def test_an_inserted_element_that_is_removed_again_leaves_the_list(rules: list[Any], at: int) -> None:
    """Insert and remove of one element, wherever it stands, cancel each other."""
    new = {"policy": "deny", "comment": "new", "id": 99}
    place: dict[str, Any] = {"at": "first"} if at % 2 else {"at": "last"}
    edits = [{"$insert": [new], **place}, {"$remove": {"id": 99}}]
    assert has_edits({"rules": edits})
    assert resolved({"rules": rules}, {"rules": edits}) == {"rules": rules}
