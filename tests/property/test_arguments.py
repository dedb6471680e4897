"""Arguments are checked by parts: a call passes just when the announced schema as a whole finds no fault."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from mcp_server.desk.lookups import lookups
from mcp_server.domain.actor import Actor
from mcp_server.errors import InvalidArguments
from mcp_server.registry import ORDER, Registry

_ACTOR = Actor("ana", "stdio")
_REGISTRY = Registry.load(lookups())
_TOOLS = [_REGISTRY.find(name, _ACTOR) for name in ORDER] + list(lookups().values())
_VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 200) | st.sampled_from([1.0, 2.5]) | st.text(min_size=1, max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["operation", "x"]), inner, max_size=2),
    max_leaves=4,
)


def _of(schema: Any) -> Any:
    """Values that often fit a schema, and often just do not."""
    if "enum" in schema:
        return st.sampled_from([*schema["enum"], "other"])
    kind = schema.get("type")
    if kind == "string":
        return st.sampled_from(["a", "b" * schema.get("maxLength", 9), "b" * (schema.get("maxLength", 9) + 1)])
    if kind == "integer":
        ends = [schema.get("minimum", 0), schema.get("maximum", 0)]
        return st.sampled_from([*ends, ends[0] - 1, ends[1] + 1, float(ends[0]), True])
    if kind == "array":
        return st.lists(_of(schema.get("items", {})), max_size=2)
    if kind == "object" and schema.get("properties"):
        return _arguments(schema)
    return _VALUES


def _arguments(schema: Any) -> Any:
    """Objects with some of a closed schema's properties, and now and then one more."""
    one_by_one = {name: _of(one) | _VALUES for name, one in schema["properties"].items()}
    needed = {name: one_by_one[name] for name in schema.get("required", ())}
    others = {name: one for name, one in one_by_one.items() if name not in needed}
    whole = st.fixed_dictionaries(needed, optional={**others, "unknown": _VALUES})
    return whole | st.fixed_dictionaries({}, optional=one_by_one)


@pytest.mark.parametrize("tool", _TOOLS, ids=lambda tool: tool.name)
@settings(max_examples=30)
@given(data=st.data())
def test_a_call_passes_just_when_the_whole_schema_finds_no_fault(tool: Any, data: st.DataObject) -> None:
    """What is announced is what is checked, however it is checked."""
    arguments = data.draw(_arguments(tool.parameters))
    faults = list(Draft202012Validator(tool.parameters).iter_errors(arguments))
    try:
        _REGISTRY.check(tool, arguments)
    except InvalidArguments as refused:
        assert faults, refused  # noqa: PT017 - that it is refused is half of what is asked
    else:
        assert not faults


@pytest.mark.parametrize("tool", _TOOLS, ids=lambda tool: tool.name)
def test_an_announced_schema_is_a_closed_object_and_nothing_more(tool: Any) -> None:
    """Another keyword beside these would be seen by the whole schema only."""
    assert set(tool.parameters) - {"required"} == {"type", "properties", "additionalProperties"}
    assert (tool.parameters["type"], tool.parameters["additionalProperties"]) == ("object", False)
