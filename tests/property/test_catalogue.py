"""Whatever a caller sends, it is checked without a crash, in bounded time and words."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_server.catalogue.expand import expand
from mcp_server.catalogue.search import Search
from mcp_server.catalogue.targets import MOST_TOUCHES, WrongTargets, targets
from mcp_server.catalogue.validation import faults
from mcp_server.domain.call import Touch
from mcp_server.errors import CallerError
from tests.support.shipped import CATALOGUE

WORDS = st.sampled_from(
    ["$ref", "$secret", "$generate", "$insert", "$remove", "$update", "set", "at", "before", "after", "name", "rules",
     "radiusServers", "host", "enabled", "tags", "body", "policy", "****", "step-1.id", "first", "psk"]
)  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | WORDS
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
OPERATIONS = st.sampled_from(CATALOGUE.ids())
WRITES = st.sampled_from([id_ for id_ in CATALOGUE.writes() if CATALOGUE.find(id_).body is not None])
SEARCH = Search(CATALOGUE)


@given(OPERATIONS, st.dictionaries(st.text(max_size=8), JSON, max_size=4), JSON)
def test_validation_never_crashes(operation: str, params: dict[str, Any], body: Any) -> None:
    """On any JSON, and on NaN and infinity, which JSON has not; each fault is one printable line."""
    for fault in faults(CATALOGUE.find(operation), Touch(operation, params, body)):
        assert str(fault).isascii()
        assert str(fault).isprintable()
        assert len(str(fault)) < 260


@given(WRITES, st.data())
def test_any_value_in_a_known_field_is_judged(operation: str, data: st.DataObject) -> None:
    """A field that exists may hold anything: it fits or it is named."""
    body = CATALOGUE.find(operation).body
    assert body is not None
    if body.fields:
        name = data.draw(st.sampled_from(sorted(body.fields)))
        value = data.draw(JSON)
        touch = Touch(operation, dict.fromkeys(CATALOGUE.find(operation).path_params, "1"), {name: value})
        for fault in faults(CATALOGUE.find(operation), touch):
            assert fault.where.startswith("body.")


@given(JSON)
def test_for_each_is_spread_within_bounds_or_refused(for_each: Any) -> None:
    """Never more than a thousand targets, whatever the ranges say."""
    try:
        made = targets(for_each)
    except WrongTargets:
        return
    assert 0 < len(made) <= MOST_TOUCHES


@given(st.integers(0, 10**9), st.integers(-5, 1100))
def test_a_range_gives_every_number_in_it_or_is_refused(first: int, more: int) -> None:
    """Both ends included."""
    last = max(0, first + more)
    try:
        made = [target.params["portId"] for target in targets({"portId": [f"{first}-{last}"]})]
    except WrongTargets:
        assert last < first or last - first + 1 > MOST_TOUCHES
    else:
        assert made == [str(number) for number in range(first, last + 1)]


REQUEST = st.fixed_dictionaries(
    {},
    optional={"operation": OPERATIONS | SCALARS, "params": JSON, "body": JSON, "for_each": JSON, "irreversible": JSON},
)


@given(st.lists(REQUEST | JSON, max_size=3) | JSON)
@settings(max_examples=150)
def test_a_request_is_spread_or_refused_for_the_caller(operations: Any) -> None:
    """Nothing but an error that the caller can act on comes out."""
    try:
        made = expand(CATALOGUE, operations)
    except CallerError as error:
        refused = error
    else:
        assert 0 < len(made) <= MOST_TOUCHES
        return
    assert refused.message
    assert len(str(refused.details)) < 20_000


@given(st.text(max_size=60))
def test_a_search_never_crashes(question: str) -> None:
    """Whatever is typed."""
    assert len(SEARCH.operations(question, limit=5)) <= 5
