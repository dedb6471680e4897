"""What gets through to no server on this machine: other hosts and pages, requests without an end or an id."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import anyio
import httpx
import pytest

from mcp_server.errors import SettingsError
from mcp_server.transport.http import PlainErrors, app, refuse_open_bind
from mcp_server.transport.sdk_bridge import Bridge, SseApp
from tests.support.longest import LONGEST_S
from tests.support.sdk_session import host
from tests.support.stage import staged
from tests.unit.transport.test_opening import hello

PLACES: Final = {"http": "/mcp", "sse": "/sse"}
PING: Final = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


@pytest.mark.parametrize("transport", PLACES)
@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Host": "evil.example"}, 421), ({"Origin": "http://evil.example"}, 403), ({"Origin": "null"}, 403)],
    ids=str,
)
async def test_a_request_for_another_host_or_from_another_page_is_refused(
    tmp_path: Path, transport: str, headers: dict[str, str], status: int
) -> None:
    """Rebound names and pages of others reach no tool, by any method."""
    usual = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
    async with staged(tmp_path / "home", transport=transport) as stage, httpx.AsyncClient(trust_env=False) as web:
        address = stage.address + PLACES[transport]
        methods = ["GET"] if transport == "sse" else ["POST", "GET"]
        for method in methods:
            body = PING if method == "POST" else None
            answer = await web.request(method, address, json=body, headers={**usual, **headers})
            assert answer.status_code == status, (method, answer.text)


async def test_a_message_to_an_open_stream_is_refused_from_another_page(tmp_path: Path) -> None:
    """The other half of HTTP+SSE is guarded alike."""
    async with staged(tmp_path / "home", transport="sse") as stage, httpx.AsyncClient(trust_env=False) as web:
        address = f"{stage.address}/messages/?session_id={'0' * 32}"
        for headers, status in (({"Host": "evil.example"}, 421), ({"Origin": "http://evil.example"}, 403)):
            answer = await web.post(address, json=PING, headers=headers)
            assert answer.status_code == status, answer.text


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "localhost", "::1"])
def test_a_loopback_address_may_be_bound(address: str) -> None:
    """Nobody but this machine reaches it."""
    refuse_open_bind(address)


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.7", "example.net", "localhost.example.net", ""])  # noqa: S104  they are refused
def test_any_other_address_is_refused(address: str) -> None:
    """Nobody is authenticated; a name may mean anything."""
    with pytest.raises(SettingsError, match="loopback"):
        refuse_open_bind(address)


@pytest.mark.parametrize(
    ("bound", "named"), [("127.0.0.1", "localhost"), ("127.8.8.8", "127.8.8.8:8000"), ("::1", "[::1]:1")]
)
async def test_a_server_answers_under_the_address_that_it_is_bound_to(bound: str, named: str) -> None:
    """And without a port, as clients write it when it is 80; who comes by another name is sent away as ever."""
    assert await _status(bound, {"Host": named}) == 400  # the host is well, the empty body is not
    assert await _status(bound, {"Host": "127.9.9.9:8000"}) == 421


async def _status(bound: str, headers: Mapping[str, str]) -> int:
    async with _web(bound=bound) as web:
        return (await web.post("/mcp", headers=headers, content=b"")).status_code


@asynccontextmanager
async def _web(transport: str = "http", bound: str = "127.0.0.1") -> AsyncIterator[httpx.AsyncClient]:
    """A client in front of the app of that transport."""
    application = app(host(), transport, (bound, 8000))
    asgi = httpx.ASGITransport(application, raise_app_exceptions=False)
    usual = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    with anyio.fail_after(LONGEST_S):
        async with (
            application._app.router.lifespan_context(None),
            httpx.AsyncClient(transport=asgi, base_url="http://127.0.0.1", headers=usual) as web,
        ):
            yield web


async def test_a_client_that_wants_a_stream_resumed_is_told_that_it_cannot() -> None:
    """The protocol's own sign for it, where the SDK gives no answer at all; an unknown session stays unknown."""
    async with _web() as web:
        session = (await web.post("/mcp", json=hello())).headers["mcp-session-id"]
        answer = await web.get("/mcp", headers={"Mcp-Session-Id": session, "Last-Event-ID": "7"})
        unknown = await web.get("/mcp", headers={"Mcp-Session-Id": "0" * 32, "Last-Event-ID": "7"})
    assert (answer.status_code, answer.headers["allow"], unknown.status_code) == (405, "GET, POST, DELETE", 404)
    assert answer.json()["error"]["message"].startswith("Nothing can be resumed")


async def test_a_request_does_not_overtake_the_one_whose_id_it_has() -> None:
    """The SDK would leave the first waiting for ever; another session, or the same one once it is answered, may."""
    goes_on, statuses = anyio.Event(), list[int]()

    async def inner(_scope: Any, _take: Any, send: Any) -> None:
        await goes_on.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})

    app_ = PlainErrors(inner)

    async def ask(session: bytes, number: Any, **more: Any) -> None:
        coming = [_part(json.dumps({**PING, "id": number, **more}).encode())]

        async def take() -> Any:
            return coming.pop()

        async def keep(message: Any) -> None:
            statuses.extend([message["status"]] if "status" in message else [])

        await app_({**SCOPE, "headers": [(b"mcp-session-id", session)] if session else []}, take, keep)

    async with anyio.create_task_group() as tasks:
        for session in (b"a", b"b", b"", b""):
            tasks.start_soon(ask, session, 5)
        await anyio.wait_all_tasks_blocked()
        for number in (5, "5"):
            tasks.start_soon(ask, b"a", number)
        await anyio.wait_all_tasks_blocked()
        assert statuses == [409, 409]  # and nobody waits who came later
        goes_on.set()
    await ask(b"a", 5)
    assert statuses == [409, 409] + [200] * 5


async def test_long_bodies_are_not_gathered_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """503 for one more, from whomever; a short one is taken all the same, and a long one when there is room again."""
    monkeypatch.setattr("mcp_server.transport.http._SMALL", 100)
    monkeypatch.setattr("mcp_server.transport.http._MOST_HELD", 2_000)
    goes_on, statuses = anyio.Event(), list[int]()

    async def inner(_scope: Any, _take: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    app_ = PlainErrors(inner)

    async def send_body(size: int, *, wait: bool = False) -> None:
        coming = [_part(b" " * (size // 2), more=True), _part(b" " * (size // 2))]

        async def take() -> Any:
            if wait and len(coming) == 1:
                await goes_on.wait()
            return coming.pop(0)

        async def keep(message: Any) -> None:
            statuses.extend([message["status"]] if "status" in message else [])

        await app_(SCOPE, take, keep)

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(partial(send_body, 900, wait=True))
        await anyio.wait_all_tasks_blocked()
        await send_body(900)
        await send_body(80)
        assert statuses == [503, 200]
        goes_on.set()
    await send_body(900)
    assert statuses[2:] == [200] * 4


async def test_sessions_that_are_left_open_are_not_taken_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """503 for one more; those before go on, and one that ends makes room."""
    monkeypatch.setattr("mcp_server.transport.sdk_bridge._SESSIONS", 2)
    async with _web() as web:
        opened = [await web.post("/mcp", json=hello()) for _ in range(3)]
        first = {"Mcp-Session-Id": opened[0].headers["mcp-session-id"]}
        pinged = await web.post("/mcp", json=PING, headers=first)
        await web.delete("/mcp", headers=first)
        again = await web.post("/mcp", json=hello())
    assert [one.status_code for one in (*opened, pinged, again)] == [200, 200, 503, 200, 200]


async def test_a_stream_of_http_sse_is_opened_by_get_alone() -> None:
    """A client that tries Streamable HTTP first would wait for an answer on it."""
    async with _web("sse") as web:
        for method in ("POST", "HEAD", "DELETE"):
            answer = await web.request(method, "/sse", json=hello() if method == "POST" else None)
            assert (answer.status_code, answer.headers["allow"]) == (405, "GET"), method


async def test_a_body_that_is_no_message_is_refused_over_sse_and_not_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The SDK would log a traceback that shows what it held; the stream goes on."""
    bodies = [b"{", b"[]", b'{"jsonrpc":"2.0","id":1}', b"[" * 3_000, b'{"a":"\\ud800"}', json.dumps(PING).encode()]
    usual = {"Content-Type": "application/json"}
    async with (
        staged(tmp_path / "home", transport="sse") as stage,
        httpx.AsyncClient(trust_env=False) as web,
        web.stream("GET", f"{stage.address}/sse") as stream,
    ):
        told = (line.removeprefix("data: ") async for line in stream.aiter_lines() if line.startswith("data: "))
        address = stage.address + await anext(told)
        answers = [await web.post(address, content=body, headers=usual) for body in bodies]
        pinged = json.loads(await anext(told))
    assert [one.status_code for one in answers] == [400] * 5 + [202]
    assert {one.json()["error"]["code"] for one in answers[:5]} == {-32600}
    assert pinged["id"] == PING["id"]
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


async def test_a_message_whose_stream_ends_before_it_is_taken_is_not_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that does not read holds up its own messages; when it goes they were for nobody, and no fault."""
    monkeypatch.setattr("mcp_server.transport.sdk_bridge._MESSAGES", 8)
    gone, sent, statuses = anyio.Event(), list[Any](), list[int]()
    sse = SseApp(Bridge(host(), "sse"), ["127.0.0.1"], [])
    scope = {"type": "http", "path": "/", "query_string": b"", "headers": [(b"host", b"127.0.0.1")]}

    async def reads_little(message: Any) -> None:
        sent.append(message)
        if len(sent) > 2:  # the start of the stream, and where to post
            await anyio.sleep_forever()

    async def leaves() -> Any:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def post(message: Any) -> None:
        body, answer = _part(json.dumps(message).encode()), list[Any]()
        headers = [*scope["headers"], (b"content-type", b"application/json")]
        where = {**scope, "method": "POST", "headers": headers, "query_string": sent[1]["body"].split(b"?")[1].strip()}

        async def take() -> Any:
            return body

        async def keep(part: Any) -> None:
            answer.append(part)

        await sse.post(where, take, keep)
        statuses.append(answer[0]["status"])

    with anyio.fail_after(LONGEST_S):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(sse.stream, {**scope, "method": "GET"}, leaves, reads_little)
            await anyio.wait_all_tasks_blocked()
            for _ in range(12):
                tasks.start_soon(post, hello())
            await anyio.wait_all_tasks_blocked()
            taken = statuses.copy()
            gone.set()
    assert (set(taken), taken.count(503), set(statuses[len(taken) :])) == ({202, 503}, 4, {404})


SCOPE: Final = {"type": "http", "method": "POST", "headers": []}


async def _asked(*messages: Mapping[str, Any]) -> tuple[list[Any], list[Any]]:
    """What the app around which ``PlainErrors`` stands receives, and what is sent, when these come and then nothing."""
    coming, received, sent = list(messages), list[Any](), list[Any]()

    async def receive() -> Any:
        if not coming:
            await anyio.sleep_forever()
        return coming.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    async def inner(_scope: Any, take: Any, _send: Any) -> None:
        received.extend([await take() for _ in messages])

    await PlainErrors(inner, slowest_s=0.01)(SCOPE, receive, send)
    return received, sent


def _part(body: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


GONE: Final = {"type": "http.disconnect"}


async def test_a_body_is_handed_on_as_it_came_and_so_is_what_follows() -> None:
    """Its parts, and that the client left after it."""
    parts = (_part(b'{"jsonrpc": "2.0",', more=True), _part(b'"id": 1, "method": "ping"}'), GONE)
    assert await _asked(*parts) == (list(parts), [])


async def test_a_client_that_leaves_in_the_middle_of_a_body_is_nobody_s_fault() -> None:
    """The SDK would log a traceback; nobody is left to answer."""
    assert await _asked(_part(b"{", more=True), GONE) == ([], [])


@pytest.mark.parametrize("come", [(), (_part(b"{", more=True),)], ids=["nothing", "a part"])
async def test_a_body_that_does_not_come_to_its_end_is_not_waited_for(come: tuple[Any, ...]) -> None:
    """408, and the connection is closed."""
    received, (start, body) = await _asked(*come)
    assert received == []
    assert start["status"] == 408
    assert (b"connection", b"close") in start["headers"]
    assert json.loads(body["body"])["error"]["message"] == "The body has not come to its end."


async def test_a_body_that_is_too_long_for_the_sdk_is_not_gathered() -> None:
    """What has come is handed on, and the SDK refuses it."""
    long = _part(b"x" * (4 * 1024 * 1024 + 1), more=True)
    assert await _asked(long) == ([long], [])


async def test_a_request_whose_id_is_none_is_refused_and_not_taken_for_a_notification() -> None:
    """400 under no id, where it was 202 and silence."""
    received, (start, body) = await _asked(_part(b'{"jsonrpc":"2.0","id":null,"method":"tools/list"}'))
    answer = json.loads(body["body"])
    assert (received, start["status"], answer["id"], answer["error"]["code"]) == ([], 400, None, -32600)
