"""What gets through to no server on this machine: other hosts and pages, requests without an end or an id."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import anyio
import httpx
import pytest

from mcp_server.errors import SettingsError
from mcp_server.transport.http import PlainErrors, app, refuse_open_bind
from tests.support.sdk_session import host
from tests.support.stage import staged

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
    application = app(host(), "http", (bound, 8000))
    transport = httpx.ASGITransport(application, raise_app_exceptions=False)
    usual = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    async with application._app.router.lifespan_context(None), httpx.AsyncClient(transport=transport) as web:
        return (await web.post("http://127.0.0.1/mcp", headers={**usual, **headers}, content=b"")).status_code


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
