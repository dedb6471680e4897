"""Which of a client's first lines are answered from the document: those that the SDK would answer alike, no others."""

import json
from importlib import metadata
from typing import Any, Final

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

from mcp_server.transport.opening import Opening, prepared
from tests.support.sdk_session import answered

RESULTS: Final = prepared(output_schemas=False)
LATEST, MODERN = HANDSHAKE_PROTOCOL_VERSIONS[-1], MODERN_PROTOCOL_VERSIONS[-1]
KEY: Final = "io.modelcontextprotocol/"
CLIENT: Final = {"name": "test", "version": "1"}
LISTS: Final = ("tools/list", "resources/list", "resources/templates/list", "prompts/list")
INITIALIZED: Final = {"jsonrpc": "2.0", "method": "notifications/initialized"}


def request(method: str, params: Any = None, number: Any = 1) -> dict[str, Any]:
    """One request; without params when none are given."""
    given = {} if params is None else {"params": params}
    return {"jsonrpc": "2.0", "id": number, "method": method, **given}


def hello(version: str = LATEST, **more: Any) -> dict[str, Any]:
    """An ``initialize`` request."""
    return request("initialize", {"protocolVersion": version, "capabilities": {}, "clientInfo": CLIENT, **more})


def modern(method: str, **more: Any) -> dict[str, Any]:
    """A request of 2026-07-28; ``more`` replaces parts of its envelope."""
    envelope = {"protocolVersion": MODERN, "clientCapabilities": {}, "clientInfo": CLIENT, **more}
    return request(method, {"_meta": {KEY + name: value for name, value in envelope.items()}})


def told(session: Opening, message: Any) -> Any:
    """What is answered to a message: a result, "" for none due, None when it is for the SDK."""
    text = session.answer(json.dumps(message, ensure_ascii=False) + "\n")
    return json.loads(text)["result"] if text else text


@pytest.mark.parametrize("version", HANDSHAKE_PROTOCOL_VERSIONS)
def test_a_handshake_and_the_lists_are_answered_in_the_version_that_was_agreed(version: str) -> None:
    """Each under its id."""
    session = Opening(RESULTS)
    assert told(session, hello(version)) == RESULTS[version]["initialize"]
    assert told(session, INITIALIZED) == ""
    for method in LISTS:
        assert told(session, request(method)) == told(session, request(method, {})) == RESULTS[version][method]
    answer = session.answer(json.dumps(request("tools/list", number="é"), ensure_ascii=False) + "\n")
    assert answer is not None
    assert json.loads(answer) == {"jsonrpc": "2.0", "id": "é", "result": RESULTS[version]["tools/list"]}


def test_requests_of_2026_07_28_are_answered_without_a_handshake() -> None:
    """Whatever the first of them is."""
    for method in ("server/discover", *LISTS):
        session = Opening(RESULTS)
        assert told(session, modern(method)) == told(session, modern(method)) == RESULTS[MODERN][method]


CAPABLE: Final = {
    "roots": {"listChanged": True},
    "sampling": {},
    "elicitation": {"form": {"applyDefaults": True}, "url": {}},
    "tasks": {"list": {}, "cancel": {}, "requests": {"elicitation": {"create": {}}}},
    "extensions": {"io.modelcontextprotocol/ui": {"mimeTypes": ["text/html;profile=mcp-app"]}},
}


def test_what_clients_of_today_declare_is_of_the_plain_kind() -> None:
    """Their capabilities and names, with a level for the log."""
    client = {**CLIENT, "title": "Um cliente à mão", "websiteUrl": "https://example.com", "description": "x"}
    assert told(Opening(RESULTS), hello(capabilities=CAPABLE, clientInfo=client)) is not None
    envelope = {"clientCapabilities": CAPABLE, "clientInfo": client, "logLevel": "debug"}
    assert told(Opening(RESULTS), modern("server/discover", **envelope)) is not None


FOREIGN_FIRST: Final = {
    "a list before the handshake": request("tools/list"),
    "a list with an empty envelope": request("tools/list", {"_meta": {}}),
    "a call": request("tools/call", {"name": "meraki_search", "arguments": {}}),
    "a ping": request("ping"),
    "initialized before the handshake": INITIALIZED,
    "an unknown version": hello("2099-01-01"),
    "a version that knows no handshake": hello(MODERN),
    "a version that is no text": request("initialize", {**hello()["params"], "protocolVersion": 1}),
    "a handshake without a client": request("initialize", {"protocolVersion": LATEST, "capabilities": {}}),
    "a client without a version": hello(clientInfo={"name": "test"}),
    "a client with icons": hello(clientInfo={**CLIENT, "icons": []}),
    "a client with more": hello(clientInfo={**CLIENT, "more": "x"}),
    "a client in an envelope whose name is no text": modern("tools/list", clientInfo={**CLIENT, "name": 1}),
    "a client whose name is no text": hello(clientInfo={**CLIENT, "name": 1}),
    "a capability that is no object": hello(capabilities={"elicitation": True}),
    "a flag that is none": hello(capabilities={"roots": {"listChanged": "yes"}}),
    "an extension that is no object": hello(capabilities={"extensions": {"x": []}}),
    "a handshake with more": hello(_meta={"progressToken": 1}),
    "an id that is null": {**hello(), "id": None},
    "an id that is true": {**hello(), "id": True},
    "an id with a fraction": {**hello(), "id": 1.0},
    "an id that not every reader keeps": {**hello(), "id": 2**60},
    "another protocol": {**hello(), "jsonrpc": "1.0"},
    "a message with more": {**hello(), "result": {}},
    "parameters in a list": {**hello(), "params": []},
    "a method that is no text": {**hello(), "method": ["initialize"]},
    "an old version in an envelope": modern("tools/list", protocolVersion=LATEST),
    "a version in an envelope that is no text": modern("tools/list", protocolVersion=[]),
    "an envelope without capabilities": request("tools/list", {"_meta": {KEY + "protocolVersion": MODERN}}),
    "an envelope with more": modern("tools/list", more={}),
    "a trace in the envelope": request("tools/list", {"_meta": {"traceparent": "x", **modern("x")["params"]["_meta"]}}),
    "a level that there is not": modern("tools/list", logLevel="loud"),
    "a level that is no text": modern("tools/list", logLevel=[]),
    "the next page": request("tools/list", {**modern("x")["params"], "cursor": "1"}),
    "several at once": [hello()],
    "a number": 1,
}


@pytest.mark.parametrize("name", FOREIGN_FIRST)
def test_what_is_not_of_the_plain_kind_is_left_to_the_sdk(name: str) -> None:
    """It may refuse it; nothing has to be told again then."""
    session = Opening(RESULTS)
    assert told(session, FOREIGN_FIRST[name]) is None
    assert session.again("x") == []


PLAIN: Final = json.dumps(hello())
UNLIKE: Final = {
    "a name twice": PLAIN[:-1] + ',"id":2}',
    "an escape": PLAIN.replace("test", "t\\u0065st"),
    "half of a pair": PLAIN.replace("test", "\\ud800"),
    "no end": PLAIN[:-1],
    "two in a line": PLAIN + PLAIN,
    "nothing": "",
    "a number that is none": PLAIN.replace('"capabilities": {}', '"capabilities": {"extensions": {"x": {"y": NaN}}}'),
    "a fraction": PLAIN.replace('"capabilities": {}', '"capabilities": {"extensions": {"x": {"y": 1e999}}}'),
    "very deep": PLAIN.replace("{}", '{"x":' * 40 + "{}" + "}" * 40),
    "lists all the way down": "[" * 3_000,
    "very long": PLAIN.replace("test", "t" * 5_000),
    "a mark before it": "\ufeff" + PLAIN,
}


@pytest.mark.parametrize("name", UNLIKE)
def test_a_line_that_readers_of_json_take_differently_is_left_to_the_sdk(name: str) -> None:
    """Both would have to mean the same by it."""
    assert Opening(RESULTS).answer(UNLIKE[name] + "\n") is None


def test_one_session_keeps_to_one_era() -> None:
    """What the SDK refuses on a connection of the other era is left to it."""
    shaken = Opening(RESULTS)
    assert told(shaken, hello()) is not None
    for message in (hello(), request("initialize"), request("server/discover"), modern("tools/list")):
        assert told(shaken, message) is None, message
    stateless = Opening(RESULTS)
    assert told(stateless, modern("tools/list")) is not None
    for message in (hello(), request("tools/list"), INITIALIZED):
        assert told(stateless, message) is None, message


def test_the_sdk_is_told_the_first_request_again_and_that_the_client_is_initialized() -> None:
    """No list: they leave nothing behind."""
    session = Opening(RESULTS)
    first = hello(capabilities=CAPABLE)
    for message in (first, request("tools/list", number=2), INITIALIZED, INITIALIZED):
        assert told(session, message) is not None
    assert [json.loads(line) for line in session.again("ours")] == [{**first, "id": "ours"}, INITIALIZED]


def test_after_the_tools_were_listed_a_call_is_expected() -> None:
    """Then is the time to load what it needs; at once when nothing is answered here anyhow."""
    session = Opening(RESULTS)
    told(session, hello())
    assert not session.is_done
    told(session, request("tools/list"))
    assert session.is_done
    assert Opening({}).is_done


def test_other_lists_or_another_sdk_have_no_prepared_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Announced output schemas change the tools; another SDK may answer anything."""
    assert RESULTS
    assert prepared(output_schemas=True) == {}
    monkeypatch.setattr(metadata, "version", lambda _name: "2.3.1")
    assert prepared(output_schemas=False) == {}

    def untold(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", untold)
    assert prepared(output_schemas=False) == {}


values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=3,
)
names = st.sampled_from(
    ["roots", "sampling", "elicitation", "extensions", "experimental", "tasks", "listChanged", "applyDefaults", "form",
     "url", "tools", "context", "requests", "create", "list", "x"]
)  # fmt: skip
objects: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.just({}), lambda inner: st.dictionaries(names, inner, max_size=3), max_leaves=5
)
capabilities = objects | st.dictionaries(names, objects | values, max_size=3)
clients = st.just(CLIENT) | st.fixed_dictionaries(
    {"name": st.text(max_size=3), "version": st.text(max_size=3)},
    optional={"title": st.text(max_size=3) | values, "websiteUrl": st.text(max_size=3), "x": values},
)
ids = st.integers(-(2**54), 2**54) | st.text("aé✓ ", max_size=3) | values
openings = st.builds(
    hello, st.sampled_from(HANDSHAKE_PROTOCOL_VERSIONS), capabilities=capabilities, clientInfo=clients
) | st.builds(
    modern,
    st.sampled_from(["server/discover", *LISTS]),
    clientCapabilities=capabilities,
    clientInfo=clients,
    logLevel=st.sampled_from(["info", "debug", "loud"]),
)
further = st.builds(
    lambda method, number, params: request(method, params, number),
    st.sampled_from(["server/discover", "initialize", *LISTS]),
    ids,
    st.sampled_from([None, {}, modern("x")["params"]]),
)


@settings(max_examples=40, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(openings, ids, st.lists(further | st.just(INITIALIZED), max_size=2))
def test_whatever_is_answered_the_sdk_answers_alike(first: Any, number: Any, others: list[Any]) -> None:
    """Generated openings: the SDK is asked the same, and the answers are equal."""
    lines, ours = [], []
    session = Opening(RESULTS)
    for message in ({**first, "id": number}, *others):
        line = json.dumps(message, ensure_ascii=False) + "\n"
        answer = session.answer(line)
        if answer is None:
            break
        lines.append(line)
        ours += [json.loads(answer)] if answer else []
    assert ours == anyio.run(answered, lines)
