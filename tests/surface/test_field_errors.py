"""What a wrong value is told, for every input field: of the tools, and of the operations behind them.

Made from the schemas, so that a field that is added later is asked about too. One fault in each call.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest

from mcp_server.catalogue.expand import expand, read_touch
from mcp_server.catalogue.operations import Catalogue
from mcp_server.catalogue.validation.rules import rule_faults, rules
from mcp_server.domain.actor import Actor
from mcp_server.domain.operation import Kind, Operation, Schema
from mcp_server.errors import CallerError, InvalidArguments
from mcp_server.registry import ORDER, Registry
from tests.support.tokens import tokens
from tests.surface.test_errors import FOREIGN, MOST

SECRET: Final = "hunter2-of-the-cellar"  #: short enough to be shown where values are
#: What does not fit a kind of JSON Schema, and how it is told.
UNFIT: Final[Mapping[str, tuple[Any, str]]] = {
    "string": (7, "found integer 7"),
    "integer": ("many", 'found string "many"'),
    "boolean": ("yes", 'found string "yes"'),
    "array": (f'["{SECRET}"]', "found string"),
    "object": (f'{{"psk": "{SECRET}"}}', "found string"),
}
WHOLE: Final[Mapping[str, Mapping[str, Any]]] = {
    "meraki_read": {"operation": "getNetwork"},
    "meraki_plan": {"operations": [{"operation": "updateNetwork"}], "intent": "x"},
    "meraki_apply": {"plan_id": "x"},
    "request_audit": {"plan_id": "x"},
}
Wrong = tuple[Any, str, str]  #: a value, what is told of it, what is told to be allowed


@pytest.mark.parametrize("name", ORDER)
def test_each_field_of_a_tool_names_itself_what_it_was_given_and_what_it_takes(name: str) -> None:
    """A wrong type, one out of range, one too long, no choice of its list, missing, empty, unknown: in 60 tokens."""
    registry = Registry.load()
    tool = registry.find(name, Actor("ana", "stdio"))
    whole = WHOLE.get(name, {})
    asked = 0
    for field, rule in tool.parameters["properties"].items():
        for value, given, allowed in [*unfit(rule), *([("", "empty", "")] if rule.get("type") == "string" else [])]:
            assert_told(registry, name, {**whole, field: value}, (field, given, allowed))
            asked += 1
    for field in tool.parameters.get("required", ()):
        assert_told(registry, name, {key: whole[key] for key in whole if key != field}, ("missing", field, field))
    assert_told(
        registry, name, {**whole, "approve": SECRET}, ("Unknown argument approve", *tool.parameters["properties"])
    )
    assert asked >= len(tool.parameters["properties"])


def test_each_field_inside_an_operation_of_a_plan_is_told_alike() -> None:
    """By its place, ``operations[0].body``; what the operation takes is listed."""
    registry = Registry.load()
    rule = registry.find("meraki_plan", Actor("ana", "stdio")).parameters["properties"]["operations"]["items"]
    one = {"operation": "updateNetwork"}
    for field, inner in rule["properties"].items():
        for value, given, allowed in unfit(inner):
            asked = {"operations": [{**one, field: value}], "intent": "x"}
            assert_told(registry, "meraki_plan", asked, (f"operations[0].{field}", given, allowed))
    unknown = {"operations": [{**one, "approve": SECRET}], "intent": "x"}
    assert_told(registry, "meraki_plan", unknown, ("approve", "operations[0]", *rule["properties"]))
    assert_told(registry, "meraki_plan", {"operations": [{}], "intent": "x"}, ("operations[0]", "missing operation"))


def test_many_faults_do_not_make_a_long_answer() -> None:
    """A thousand operations with a fault each: ten are said, forty listed."""
    registry = Registry.load()
    asked = {"operations": [{"operation": 7, "x" * 3000: 1}] * 1000, "intent": "x"}
    with pytest.raises(InvalidArguments) as refused:
        registry.check(registry.find("meraki_plan", Actor("ana", "stdio")), asked)
    assert len(refused.value.message) < 3000
    assert len(refused.value.details["faults"]) == 40  # type: ignore[arg-type]  # a list of texts


def unfit(rule: Mapping[str, Any]) -> Iterator[Wrong]:
    """Values that a field with that schema refuses."""
    kinds = [rule["type"]] if "type" in rule else [one["type"] for one in rule.get("anyOf", ())]
    if kinds:
        value, given = UNFIT[kinds[0]]
        yield value, given, " or ".join(kinds)
        yield None, "found null", " or ".join(kinds)
    if "enum" in rule:
        yield "clients", 'found string "clients"', ", ".join(rule["enum"])
        yield SECRET * 9, f"found string of {len(SECRET) * 9} characters", ", ".join(rule["enum"])
    if "maxLength" in rule:
        most = rule["maxLength"]
        yield "x" * (most + 1), f"found {most + 1}", f"at most {most} characters"
    if "minimum" in rule:
        yield rule["minimum"] - 1, f"found integer {rule['minimum'] - 1}", f"at least {rule['minimum']}"
    if "maximum" in rule:
        yield rule["maximum"] + 1, f"found integer {rule['maximum'] + 1}", f"at most {rule['maximum']}"
    if "minItems" in rule:
        yield [], "found 0", f"at least {rule['minItems']}"
    if "maxItems" in rule:
        fitting = {"string": "x", "integer": 1, "object": {"operation": "updateNetwork"}}[rule["items"]["type"]]
        yield [fitting] * (rule["maxItems"] + 1), f"found {rule['maxItems'] + 1}", f"at most {rule['maxItems']}"
    if rule.get("items", {}).get("type") in ("string", "integer"):
        for value, given, allowed in unfit(rule["items"]):
            yield [value], given, allowed


def assert_told(registry: Registry, tool: str, arguments: Mapping[str, Any], words: tuple[str, ...]) -> None:
    """The refusal holds the words, no secret, nothing foreign, and fits."""
    with pytest.raises(InvalidArguments) as refused:
        registry.check(registry.find(tool, Actor("ana", "stdio")), arguments)
    told = f"{refused.value.message} {refused.value.remedy}"
    assert len(refused.value.details["faults"]) == 1, told  # type: ignore[arg-type]  # a list of texts
    assert [word for word in words if word not in told] == [], told
    assert_fits(told)


def assert_fits(told: str) -> None:
    """In at most 60 tokens, in our own words, without the secret."""
    assert SECRET not in told
    assert FOREIGN.search(told) is None, told
    assert tokens(told) <= MOST, told


#: What does not fit a kind of the catalogue.
WRONG: Final[Mapping[Kind, tuple[Any, ...]]] = {
    Kind.STRING: (7, True, {"a": 1}, ["x"]),
    Kind.INTEGER: ("seven", 1.5, True, {}, [], 10**40),
    Kind.NUMBER: ("seven", True, {}),
    Kind.BOOLEAN: ("yes", 1, {}),
    Kind.ARRAY: ("x", 7, {"a": 1}),
    Kind.OBJECT: ("x", 7, ["x"]),
}


def test_each_field_of_an_operation_names_itself_and_what_it_was_given() -> None:
    """Of every fourth operation: body fields at every depth, query and path parameters."""
    catalogue = Catalogue.load()
    seen = 0
    for operation_id in list(catalogue.rows())[::4]:
        operation = catalogue.find(operation_id)
        for name, value, call in faulty(operation):
            with pytest.raises(CallerError) as refused:
                given(catalogue, operation, call)
            told = f"{refused.value.message} {refused.value.remedy}"
            assert_fits(told)
            if refused.value.reason == "invalid_arguments":
                assert len(refused.value.details["faults"]) == 1, told  # type: ignore[arg-type]  # a list of texts
                assert name[-20:] in told, (operation_id, name, value, told)
                assert "found " in told or "no such field" in told, told
            seen += 1
    assert seen > 4_000


def given(catalogue: Catalogue, operation: Operation, call: Any) -> None:
    """Ask for the operation with that body, or with those parameters."""
    params: dict[str, Any] = dict.fromkeys(operation.path_params, "1")
    if operation.is_write:
        expand(catalogue, [{"operation": operation.id, "params": params, "body": call}])
    else:
        read_touch(catalogue, operation.id, {**params, **call})


def faulty(operation: Operation) -> Iterator[tuple[str, Any, Any]]:
    """A field's name, a value that it cannot take, and the body or parameters that give it."""
    if operation.is_write:
        yield from _in_body(operation.body) if operation.body is not None else ()
        return
    needed = {name: legal(operation.query[name]) for name in operation.required_query}
    for name, schema in operation.query.items():
        wrong = ({"a": 1},) if schema.kind in (Kind.STRING, Kind.NUMBER, Kind.INTEGER) else WRONG.get(schema.kind, ())
        for value in (*wrong, *(("no such choice",) if schema.enum else ())):
            yield name, value, {**needed, name: value}
    for name in operation.path_params:
        for value in ({"a": 1}, ["x"], True, 1.5, "..", "x" * 3000):
            yield name, value, {**needed, name: value}


def _in_body(body: Schema) -> Iterator[tuple[str, Any, Any]]:
    for path, schema in fields(body, ()):
        for value in (
            ("no such choice", *((7,) if schema.kind is Kind.STRING else ()))
            if schema.enum
            else WRONG.get(schema.kind, ())
        ):
            yield str(path[-1]), value, put(body, path, value)
    if body.fields:
        yield "fieldThatThereIsNot", SECRET, {**legal(body), "fieldThatThereIsNot": SECRET}


def fields(schema: Schema, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Schema]]:
    """Every field below, by its path; 0 stands for the element of a list."""
    for name, field in schema.fields.items():
        yield (*path, name), field
        yield from fields(field, (*path, name))
        if field.items is not None:
            yield from fields(field.items, (*path, name, 0))


def put(schema: Schema, path: tuple[str | int, ...], value: Any) -> Any:
    """A body that fits but for that value at that path."""
    if not path:
        return value
    first, rest = path[0], path[1:]
    if first == 0:
        assert schema.items is not None
        return [put(schema.items, rest, value)]
    return {**legal(schema), str(first): put(schema.fields[str(first)], rest, value)}


def legal(schema: Schema) -> Any:
    """The least value that fits."""
    if schema.enum:
        return int(schema.enum[0]) if schema.kind is Kind.INTEGER else schema.enum[0]
    if schema.kind is Kind.OBJECT:
        return {name: legal(schema.fields[name]) for name in schema.required}
    return {Kind.STRING: "x", Kind.BOOLEAN: True, Kind.ARRAY: []}.get(schema.kind, 1)


def test_each_rule_beyond_the_schema_is_told_in_as_few_words() -> None:
    """Of every row of rules.toml: the field, what it was given where it was given something, in 60 tokens."""
    told = {
        f"step 1 {operation}: {fault}. Correct it and plan again."
        for operation, own in rules().items()
        for rule in own
        for path in (*rule.filled, *rule.between, *rule.length, *rule.among, *rule.form)
        for value in ("", 10**9, -5, "x" * 500, "no such choice of them", [], ["x"] * 500)
        for fault in rule_faults(operation, placed(path, value), None, dict(NO_FACTS), {operation: (rule,)})
    }
    for words in told:
        assert_fits(words)
    said = [words for words in told if "must" in words or "not allowed" in words]
    unsaid = [words for words in said if "found" not in words and "empty" not in words and "8 to 256" not in words]
    assert len(said) > 200
    assert unsaid == []  # a certificate's password is told by its bounds alone


NO_FACTS: Final[Mapping[str, str]] = {"$bound": "", "$model": "", "$template": "false"}


def placed(path: str, value: Any) -> Any:
    """A body with the value at a path such as ``rules[].port``."""
    for part in reversed(path.split(".")):
        value = {part.removesuffix("[]"): [value]} if part.endswith("[]") else {part: value}
    return value
