"""From the prepared answers to the SDK's session: a client cannot tell where one ends and the other begins."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, Final

import anyio
import pytest

from mcp_server.domain.call import ToolCall
from mcp_server.domain.outcome import ToolResult
from mcp_server.transport.opening import Opening, prepared
from mcp_server.transport.stdio import _LAST_S, over
from tests.support.longest import LONGEST_S
from tests.support.loop_time import let_pass
from tests.support.sdk_session import Talk, answered, host
from tests.support.waiting import wait_until
from tests.unit.transport.test_opening import INITIALIZED, hello, modern, request

RESULTS: Final = prepared(output_schemas=False)
SEARCH: Final = {"name": "meraki_search", "arguments": {"query": "ssid"}}
ASKABLE: Final[dict[str, Any]] = {"elicitation": {"form": {}}}
CALL: Final = request("tools/call", SEARCH, 9)


def _modern_call(number: Any = 9, **envelope: Any) -> dict[str, Any]:
    call = modern("tools/call", **envelope)
    return {**call, "id": number, "params": {**call["params"], **SEARCH}}


def _cancelled(number: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": number}}


SHAKEN: Final = (hello(capabilities=ASKABLE), INITIALIZED, request("tools/list", number=2))
STATELESS: Final = (modern("server/discover", clientCapabilities=ASKABLE), modern("tools/list"))
TALKS: Final[dict[str, tuple[Any, ...]]] = {
    "a call": (*SHAKEN, CALL),
    "a call without initialized": (hello(), CALL),
    "a call of 2026-07-28": (*STATELESS, _modern_call(clientCapabilities=ASKABLE)),
    "a call whose envelope declares less than the first one": (*STATELESS, _modern_call()),
    "a call first": (CALL,),
    "a call of 2026-07-28 first": (_modern_call(),),
    "a ping first": (request("ping"), *SHAKEN, CALL),
    "a ping between": (SHAKEN[0], request("ping", number=7), *SHAKEN[1:], CALL),
    "an id used again, for a call": (*SHAKEN, {**CALL, "id": 1}, {**CALL, "id": 2}, {**CALL, "id": 1}),
    "an id used again, for a list": (hello(), request("tools/list", number=1), request("prompts/list", number=1), CALL),
    "an id used again in 2026-07-28": (*STATELESS, _modern_call(1), _modern_call(1)),
    "an answered request is cancelled": (*SHAKEN, _cancelled(1), _cancelled(2), CALL),
    "an answered request of 2026-07-28 is cancelled": (*STATELESS, _cancelled(1), _modern_call()),
    "a second handshake": (*SHAKEN, hello("2025-06-18"), CALL),
    "a handshake after 2026-07-28": (*STATELESS, hello(), _modern_call()),
    "no envelope after one": (*STATELESS, request("tools/list"), request("ping"), _modern_call()),
    "an envelope after a handshake": (*SHAKEN, modern("tools/list"), CALL),
    "an unknown version": (hello("2099-01-01"), CALL),
    "a handshake that does not fit": (hello(capabilities=1), hello(), CALL),
    "a method that there is not": (*SHAKEN, request("nothing"), request("logging/setLevel", {"level": "info"}), CALL),
    "a page that there is not": (*SHAKEN, request("tools/list", {"cursor": "x"}, 3), CALL),
    "a token for progress": (*SHAKEN, request("tools/list", {"_meta": {"progressToken": 5}}, 5), CALL),
    "several at once": ([hello()], [hello(), CALL], *SHAKEN, CALL),
    "lists after a call": (*SHAKEN, CALL, request("tools/list", number=10), request("prompts/list", number=11)),
    "roots have changed": (*SHAKEN, {"jsonrpc": "2.0", "method": "notifications/roots/list_changed"}, CALL),
    "nothing after the handshake": (hello(),),
    "nothing after the tools": SHAKEN,
    "nothing at all": (),
}


@pytest.mark.parametrize("name", TALKS)
async def test_a_session_goes_as_if_the_sdk_had_been_there_from_the_start(name: str) -> None:
    """The same answers in the same order: name and capabilities of the client reach the call."""
    lines = [json.dumps(message) + "\n" for message in TALKS[name]]
    assert await answered(lines, RESULTS) == await answered(lines)


@pytest.mark.parametrize("broken", ["", "{", "\ufffd", "{}", "[]", '{"jsonrpc":"2.0","id":1}', "[" * 500, "x" * 9_000])
async def test_a_broken_line_ends_nothing(broken: str) -> None:
    """First, or between: the SDK takes it as ever, and answers the call behind it."""
    session = [json.dumps(message) + "\n" for message in (*SHAKEN, CALL)]
    for lines in ([broken + "\n", *session], [*session[:2], broken + "\n", *session[2:]]):
        assert await answered(lines, RESULTS) == await answered(lines)


@pytest.mark.parametrize(("talk", "can_ask"), [((*SHAKEN, CALL), True), ((hello(), CALL), False)])
async def test_what_the_client_said_of_itself_reaches_the_first_call(talk: tuple[Any, ...], *, can_ask: bool) -> None:
    """It stands in the record, and decides whether a person can be asked."""
    *_, answer = await answered([json.dumps(message) for message in talk], RESULTS)
    told = answer["result"]["structuredContent"]
    assert told == {"tool": "meraki_search", "client": "test", "can_ask": can_ask}


async def test_each_request_is_answered_once() -> None:
    """The SDK's own answer to the first one stays inside."""
    answers = await answered([json.dumps(message) for message in (*SHAKEN, CALL)], RESULTS)
    assert [answer["id"] for answer in answers] == [1, 2, 9]


async def test_the_sdk_is_not_loaded_for_a_client_that_only_looked_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of the input ends the wait for it."""
    loaded: list[str] = []
    monkeypatch.setattr("mcp_server.transport.stdio.load", loaded.append)
    talk: Any = Talk([json.dumps(hello())])
    await over(host(), talk, talk, Opening(RESULTS))
    assert loaded == []


async def test_the_sdk_has_no_part_in_a_session_that_only_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in the answers nor at the end of the input."""
    monkeypatch.setattr("mcp_server.transport.sdk_bridge.Bridge", None)
    talk: Any = Talk([json.dumps(message) for message in SHAKEN])
    await over(host(), talk, talk, Opening(RESULTS))
    assert [json.loads(text)["id"] for text in talk.answers] == [1, 2]


@pytest.mark.parametrize("first", [(), SHAKEN], ids=["first", "after the lists"])
async def test_a_request_whose_id_is_none_is_answered(first: tuple[Any, ...]) -> None:
    """The SDK would take it for a notification: whoever sent it would wait for ever."""
    after = (request("ping", number=7), request("ping", number=8))  # the refusal may come before the first answer
    lines = [json.dumps(message) for message in (*first, {**CALL, "id": None}, *after)]
    told = {answer["id"]: answer for answer in await answered(lines, RESULTS)}
    assert told[None]["error"]["code"] == -32600
    assert told[7]["result"] == {}


class Unreading(Talk):
    """A client that goes on asking and takes nothing after the first answer."""

    async def __aiter__(self) -> AsyncIterator[str]:
        """All lines, each as soon as it is wanted."""
        for line in self._lines:
            yield line

    async def write(self, line: bytes) -> None:
        """Only the first is taken."""
        if self.answers:
            await anyio.sleep_forever()
        self.answers.append(line.decode())


@pytest.mark.parametrize(("asked", "most"), [(30, 10), (2, 2)])
async def test_a_client_that_reads_nothing_is_not_served_without_end(
    monkeypatch: pytest.MonkeyPatch, asked: int, most: int
) -> None:
    """So many calls are begun; after the end of its input its answers are waited for a while, and then no more."""
    monkeypatch.setattr("mcp_server.transport.sdk_bridge.MOST", 3)
    begun: list[ToolCall] = []

    async def told(call: ToolCall) -> ToolResult:
        begun.append(call)
        return ToolResult({}, "{}", is_error=False)

    async def leave_when_held_up(scope: anyio.CancelScope) -> None:
        await wait_until(lambda: len(begun) > min(3, most - 1))
        await anyio.wait_all_tasks_blocked()
        if asked > most:
            scope.cancel()
        else:  # its input has come to its end
            let_pass(_LAST_S)

    lines = [json.dumps(message) for message in (*SHAKEN, *({**CALL, "id": number} for number in range(asked)))]
    talk: Any = Unreading(lines)
    with anyio.fail_after(LONGEST_S):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(leave_when_held_up, tasks.cancel_scope)
            await over(replace(host(), handle=told), talk, talk, Opening({}))
    assert 0 < len(begun) <= most


async def test_a_client_that_is_gone_ends_the_session() -> None:
    """Its answer cannot be written: an error, as in the SDK's session."""

    class Gone(Talk):
        async def write(self, line: bytes) -> None:
            raise BrokenPipeError(line[:10])

    for results in (RESULTS, {}):
        talk: Any = Gone([json.dumps(hello())])
        with pytest.RaisesGroup(BrokenPipeError, flatten_subgroups=True):
            await over(host(), talk, talk, Opening(results))
