"""What the bridge says in its own words, where the SDK would say too little or name its own types."""

import json
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, Final

import anyio
import mcp_types as types
import pytest
from mcp.server.lowlevel import Server

from mcp_server.domain.actor import Actor
from mcp_server.domain.call import ToolCall
from mcp_server.domain.outcome import Asking, ToolResult
from mcp_server.transport.opening import Opening
from mcp_server.transport.sdk_bridge import Bridge, open_pipes
from mcp_server.transport.stdio import over
from tests.support.longest import LONGEST_S
from tests.support.sdk_session import Talk, answered, host
from tests.unit.transport.test_opening import LISTS, hello, modern, request

ASKABLE: Final[dict[str, Any]] = {"elicitation": {"form": {}}}
SEARCH: Final = {"name": "meraki_search", "arguments": {"query": "ssid"}}


async def _told(*messages: Any) -> Any:
    """The last answer's error, or its result."""
    *_, answer = await answered([json.dumps(message) for message in messages])
    return answer.get("error") or answer["result"]


@pytest.mark.parametrize("method", ["tools/list", "tools/call"])
async def test_a_client_that_did_not_open_its_session_is_told_how(method: str) -> None:
    """Its parameters are not at fault."""
    error = await _told(request(method, SEARCH if method == "tools/call" else {}))
    assert error["code"] == -32602
    assert error["message"] == "Send initialize first, or with each request the _meta of 2026-07-28."


@pytest.mark.parametrize("method", LISTS)
async def test_a_page_that_there_is_not_is_refused(method: str) -> None:
    """A client that pages would take the first one for the next (specification, pagination: invalid cursors)."""
    error = await _told(hello(), request(method, {"cursor": "x"}, 2))
    assert (error["code"], "no such page" in error["message"]) == (-32602, True)
    for first in ({}, {"cursor": None}, {"cursor": ""}):
        assert "code" not in await _told(hello(), request(method, first, 2))


async def test_a_message_that_does_not_fit_is_told_where_by_its_own_names() -> None:
    """No type of a library stands in the place."""
    call = modern("tools/call")
    for wrong in (5, {"action": "accept", "content": []}):
        given = {**call["params"], **SEARCH, "inputResponses": {"approval": wrong}}
        error = await _told(modern("server/discover"), {**call, "params": given})
        assert error["message"] == "tools/call does not fit the protocol at params.inputResponses.approval."
    error = await _told(modern("server/discover"), modern("tools/list", clientCapabilities={"roots": 5}))
    assert "params._meta.io.modelcontextprotocol/clientCapabilities.roots" in error["message"]


async def _refusing(_call: ToolCall) -> ToolResult:
    told = {"error": {"message": "No such thing.", "remedy": "Ask for another."}}
    return ToolResult(told, json.dumps(told), is_error=True)


@pytest.mark.parametrize(
    ("method", "params", "named"),
    [
        ("resources/read", {"uri": "plan://x"}, {"uri": "plan://x"}),
        ("resources/read", {"uri": "plan://" + "x" * 300}, None),
        ("prompts/get", {"name": "x", "arguments": {"psk": "hunter22"}}, None),
        (
            "completion/complete",
            {"ref": {"type": "ref/prompt", "name": "x"}, "argument": {"name": "x", "value": "hunter22"}},
            None,
        ),
    ],
    ids=str,
)
async def test_a_refused_look_up_sends_back_nothing_of_what_was_given_but_its_uri(
    method: str, params: Any, named: Any
) -> None:
    """It was the whole of the arguments, however long, secrets included."""
    lines = [json.dumps(one) for one in (hello(), request(method, params, 2))]
    *_, answer = await answered(lines, of=replace(host(), handle=_refusing))
    assert answer["error"]["message"] == "No such thing. Ask for another."
    assert answer["error"].get("data") == named


@pytest.mark.parametrize("is_error", [False, True])
async def test_a_result_is_on_the_wire_what_the_sdk_makes_of_its_own_model(*, is_error: bool) -> None:
    """In both eras: its text, the same as data with what is null in it, and whether it is an error."""
    payload = {"status": "ok", "cursor": None, "rows": [{"a": 1.5, "b": [True, "é"]}], "receipt": {"seq": 1}}
    text = json.dumps(payload)

    async def tell(_call: ToolCall) -> ToolResult:
        return ToolResult(payload, text, is_error=is_error)

    model = types.CallToolResult(content=[types.TextContent(text=text)], structured_content=payload, is_error=is_error)
    made = model.model_dump(by_alias=True, mode="json", exclude_none=True)
    stateless = modern("tools/call")
    for first, call, left_out in (
        (hello(), request("tools/call", SEARCH, 9), "resultType"),
        (modern("server/discover"), {**stateless, "id": 9, "params": {**stateless["params"], **SEARCH}}, ""),
    ):
        *_, answer = await answered([json.dumps(first), json.dumps(call)], of=replace(host(), handle=tell))
        answer["result"].pop("_meta", None)
        assert answer["result"] == {name: value for name, value in made.items() if name != left_out}


@pytest.mark.parametrize(
    ("arguments", "size"),
    [({}, 2), ({"query": "né"}, 15), ({"query": "\ud800"}, 19), ({"query": [[[1]], None]}, 22)],
    ids=["none", "text", "half a character", "nested"],
)
async def test_the_size_of_what_a_client_sends_is_known(arguments: Any, size: int) -> None:
    """As JSON: it is what the client's model has written."""
    seen: list[ToolCall] = []

    async def look(call: ToolCall) -> ToolResult:
        seen.append(call)
        return ToolResult({}, "{}", is_error=False)

    context: Any = SimpleNamespace(
        session=SimpleNamespace(client_capabilities=None, client_params=None), protocol_version="2025-11-25"
    )
    bridge = Bridge(replace(host(), handle=look), "http")
    await bridge._call_tool(context, types.CallToolRequestParams(name="meraki_search", arguments=arguments))
    assert [call.argument_bytes for call in seen] == [size]


class Replying(Talk):
    """A client that answers the server's question with whatever it is given."""

    def __init__(self, said: Any, *messages: Any) -> None:
        self._coming = [json.dumps(message) for message in messages]
        super().__init__(self._coming)
        self._said = said

    async def write(self, line: bytes) -> None:
        """What is answered, and pings during which the call goes on."""
        message = json.loads(line)
        if message.get("method") == "elicitation/create":
            reply = {"jsonrpc": "2.0", "id": message["id"], "result": self._said}
            self._coming += [json.dumps(one) for one in (reply, *(request("ping", number=n) for n in range(20, 40)))]
        await super().write(line)


async def _asking(call: ToolCall) -> ToolResult:
    told = {"action": call.answer.action if call.answer else "asked"}
    question = None if call.answer else Asking("Apply?", {"type": "object", "properties": {}}, "state")
    return ToolResult(told, json.dumps(told), is_error=False, asking=question)


@pytest.mark.parametrize(
    ("said", "counts_as"),
    [
        ({"action": "accept", "content": {"approve": True}}, "accept"),
        ({"action": "yes"}, "cancel"),
        ({"action": "accept", "content": {"approve": True, "more": {"a": [1]}}}, "cancel"),
        ({}, "cancel"),
    ],
    ids=str,
)
async def test_an_answer_that_is_none_counts_as_no_answer(said: Any, counts_as: str) -> None:
    """The call that asked is not blamed for it: it goes on as after a question that nobody answered."""
    talk: Any = Replying(said, hello(capabilities=ASKABLE), request("tools/call", SEARCH, 9))
    with anyio.fail_after(LONGEST_S):
        await over(replace(host(), handle=_asking), talk, talk, Opening({}))
    (answer,) = [one for one in map(json.loads, talk.answers) if one.get("id") == 9]
    assert answer["result"]["structuredContent"] == {"action": counts_as}


async def test_a_server_that_ends_asks_no_more_and_answers_the_call() -> None:
    """As after a question that nobody answered; it was a connection cut in mid-call, six seconds later."""

    class Ending(Talk):
        async def write(self, line: bytes) -> None:
            if json.loads(line).get("method") == "elicitation/create":
                bridge.stop_asking()
            await super().write(line)

    bridge = Bridge(replace(host(), handle=_asking, question_s=3_600), "stdio")
    messages = (hello(capabilities=ASKABLE), request("tools/call", SEARCH, 9), request("ping", number=10))
    talk: Any = Ending([json.dumps(message) for message in messages])
    with anyio.fail_after(LONGEST_S):
        await bridge.serve(open_pipes(aiter(talk), talk, "none"))
    (answer,) = [one for one in map(json.loads, talk.answers) if one.get("id") == 9]
    assert answer["result"]["structuredContent"] == {"action": "cancel"}


def test_the_sdk_looks_through_the_schemas_whose_arguments_stand_in_a_header() -> None:
    """And through no other: there is nothing that it could find."""
    (plain, *_) = host().listed(Actor("ana", "http"))
    schema = {"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}}
    headed = replace(plain, name="headed", parameters=schema)
    find: Any = Bridge(replace(host(), listed=lambda _actor: [plain, headed]), "http").server.get_tool_input_schema
    assert (find(plain.name), find("headed"), find("unknown")) == (None, schema, None)


_TRACED: Final = """
import json, sys, anyio
from opentelemetry import trace
from tests.support.sdk_session import answered
from tests.unit.transport.test_opening import hello, request

class Printing(trace.NoOpTracer, trace.TracerProvider):
    def get_tracer(self, *_names, **_more):
        return self

    def start_as_current_span(self, name, **more):
        print(name)
        return super().start_as_current_span(name, **more)

trace.set_tracer_provider(Printing())
call = request("tools/call", {"name": "meraki_search", "arguments": {"query": "ssid"}}, 2)
anyio.run(answered, [json.dumps(one) for one in (hello(), call)])
"""


def test_whoever_has_tracing_set_up_gets_the_spans_of_the_sdk() -> None:
    """A provider belongs to its process: this one runs in another."""
    done = subprocess.run(
        [sys.executable, "-c", _TRACED], capture_output=True, text=True, check=True, timeout=LONGEST_S
    )
    assert done.stdout.split("\n") == ["initialize", "tools/call meraki_search", ""]


def test_nothing_but_the_spans_of_the_sdk_is_left_out_when_nobody_traces() -> None:
    """The SDK calls its list provisional: whatever else it may put there one day has to be looked at first."""
    before = Server("any").middleware
    assert [type(one).__name__ for one in before] == ["OpenTelemetryMiddleware"]
    assert "OpenTelemetryMiddleware" not in {type(one).__name__ for one in Bridge(host(), "stdio").server.middleware}
