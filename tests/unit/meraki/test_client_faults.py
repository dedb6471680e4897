"""Broken connections over real sockets: what is known to be done, and what is not."""

import asyncio
import json
import socket
from dataclasses import dataclass, replace
from typing import Any

import pytest

from mcp_server.domain.ports import Request
from mcp_server.errors import BadAnswer, OutcomeUnknown, Rejected, Unreachable
from mcp_server.meraki.client import HttpLimits, MerakiClient
from tests.support.fake_clock import FakeClock
from tests.support.fault_server import (
    Fault,
    FaultServer,
    answers,
    closes,
    drips,
    fault_server,
    floods,
    is_silent,
    resets,
    talks_no_http,
)
from tests.support.longest import LONGEST_S
from tests.support.loop_time import let_pass
from tests.support.scripted_cloud import KEY, client_on
from tests.support.waiting import wait_until

READ = Request("GET", "/organizations/1/networks")
WRITE = Request("POST", "/organizations/1/networks", body={"name": "x"})
#: No answer that comes is too late, however busy the machine is; a text that never ends is not waited for.
LONG = HttpLimits(connect_s=LONGEST_S, read_s=LONGEST_S, total_s=LONGEST_S, error_body_s=0.2)


def client_of(server: FaultServer, limits: HttpLimits = LONG, **more: Any) -> tuple[MerakiClient, FakeClock]:
    """A client on a server that may see the key because the operator allowed loopback."""
    return client_on(None, base_url=server.url, allow_loopback=True, limits=limits, **more)


@dataclass(frozen=True, slots=True)
class Loss:
    """A way in which an answer is lost, and how often a read is tried then."""

    fault: Fault
    tries: int = 3
    limits: HttpLimits = LONG


LOST: dict[str, Loss] = {
    "reset before the answer": Loss(resets()),
    "reset in the body": Loss(resets(b'[{"id": ')),
    "closed before the answer": Loss(closes()),
    "body cut short": Loss(closes(b'[{"id": ')),
    "no HTTP": Loss(talks_no_http),
    "accepted, then silence": Loss(is_silent, 2, replace(LONG, read_s=0.2)),
}


@pytest.mark.parametrize("name", LOST)
async def test_a_write_whose_answer_is_lost_is_unknown_and_sent_once(name: str) -> None:
    """It may have taken place."""
    lost = LOST[name]
    async with fault_server(lost.fault) as server, client_of(server, lost.limits)[0] as client:
        with pytest.raises(OutcomeUnknown) as unknown:
            await client.write(WRITE)
        assert unknown.value.sent
        await wait_until(lambda: bool(server.requests))
        assert len(server.requests) == 1


@pytest.mark.parametrize("name", LOST)
async def test_a_read_whose_answer_is_lost_is_asked_again(name: str) -> None:
    """As often as the table says, then unknown."""
    lost = LOST[name]
    async with fault_server(lost.fault) as server, client_of(server, lost.limits)[0] as client:
        with pytest.raises(OutcomeUnknown):
            await client.read(READ)
        await wait_until(lambda: len(server.requests) >= lost.tries)
        assert len(server.requests) == lost.tries


async def test_a_read_gets_its_answer_after_a_broken_connection() -> None:
    """The second try opens a new one."""
    async with fault_server(resets(b"[1"), answers([1])) as server, client_of(server)[0] as client:
        reply = await client.read(READ)
    assert (reply.data, reply.calls) == ([1], 2)


async def test_calls_cancelled_while_a_connection_opens_leave_their_places_free() -> None:
    """Httpcore 1.0 keeps a place for ever that went to a call in line and was never opened (encode/httpcore #1093)."""
    limits = HttpLimits(connections=1, pool_s=0.5, total_s=2.0)
    async with fault_server(answers([1])) as server, client_of(server, limits)[0] as client:
        calls = [asyncio.create_task(client.read(READ)) for _ in range(3)]
        await asyncio.sleep(0)  # the first opens the only connection, the others stand in line for it
        for call in calls:
            call.cancel()
        ended = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(end) for end in ended] == [asyncio.CancelledError] * 3
        assert server.requests == []
        assert (await client.read(READ)).data == [1]


async def test_when_nobody_listens_nothing_was_sent_and_a_write_is_tried_again() -> None:
    """The connection was never opened."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        client, clock = client_on(None, base_url=f"http://127.0.0.1:{port}", allow_loopback=True)
        async with client:
            with pytest.raises(Unreachable) as unreachable:
                await client.write(WRITE)
    assert not unreachable.value.sent
    assert clock.slept == [1.0, 2.0]


async def test_an_answer_that_drips_ends_with_the_total_time() -> None:
    """No phase is slow, the whole is."""

    async def drips_for_long(server: FaultServer, writer: asyncio.StreamWriter) -> None:
        let_pass(LONGEST_S)
        await drips()(server, writer)

    limits = replace(LONG, read_s=2 * LONGEST_S)
    async with fault_server(drips_for_long) as server, client_of(server, limits)[0] as client:
        with pytest.raises(OutcomeUnknown, match=r"within 120 s"):
            await client.write(WRITE)
        assert len(server.requests) == 1


async def test_a_refusal_whose_text_drips_is_still_a_refusal() -> None:
    """The status alone decides."""
    async with fault_server(drips(status=400)) as server, client_of(server)[0] as client:
        with pytest.raises(Rejected) as rejected:
            await client.write(WRITE)
    assert (rejected.value.status, rejected.value.errors) == (400, ())


@pytest.mark.parametrize("announced", [True, False])
async def test_fifty_megabytes_are_refused_without_being_read(announced: bool) -> None:
    """By the header, or once the limit is passed; the connection is closed."""
    limits = replace(LONG, body_bytes=1_000_000)
    async with fault_server(floods(50_000_000, announced=announced)) as server, client_of(server, limits)[0] as client:
        with pytest.raises(BadAnswer, match="longer than"):
            await client.read(READ)
        assert server.sent_bytes < 25_000_000
        assert len(server.requests) == 1


async def test_an_endless_error_text_does_not_hide_the_status() -> None:
    """Only its beginning would be read."""
    async with fault_server(floods(50_000_000, announced=False, status=409)) as server, client_of(server)[0] as client:
        with pytest.raises(Rejected) as rejected:
            await client.write(WRITE)
    assert rejected.value.status == 409


async def test_connections_are_kept_and_used_again() -> None:
    """One connection for calls after one another."""
    async with fault_server(answers([1])) as server, client_of(server)[0] as client:
        for _ in range(5):
            await client.read(READ)
        assert (server.connections, len(server.requests)) == (1, 5)


async def test_what_arrives_is_one_whole_request_with_the_key() -> None:
    """Body, length, key and name of this program."""
    async with fault_server(answers({"id": "N_1"}, 201)) as server, client_of(server)[0] as client:
        reply = await client.write(WRITE)
        head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert reply.status == 201
    assert head.startswith(b"POST /api/v1/organizations/1/networks HTTP/1.1")
    assert f"authorization: bearer {KEY}".encode() in head.lower()
    assert b"merakispecialistmcp/" in head.lower()
    assert json.loads(body) == {"name": "x"}


async def test_a_redirect_to_another_server_does_not_take_the_key_there() -> None:
    """The other server is never called (the official SDK 4.7.0 sends it the whole key)."""
    async with fault_server(answers([])) as other:
        there = answers(None, 302, Location=f"http://127.0.0.1:{other.port}/api/v1/organizations")
        async with fault_server(there) as server, client_of(server)[0] as client:
            with pytest.raises(BadAnswer, match="redirect"):
                await client.read(READ)
        assert other.requests == []


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key does not pass through it."""
    async with fault_server(answers([])) as proxy, fault_server(answers([1])) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", "")
        async with client_of(server)[0] as client:
            assert (await client.read(READ)).data == [1]
        assert proxy.requests == []


async def test_many_reads_at_once_share_the_pool() -> None:
    """None is lost."""
    async with fault_server(answers([1])) as server, client_of(server, replace(LONG, connections=3))[0] as client:
        replies = await asyncio.gather(*(client.read(READ) for _ in range(20)))
    assert [reply.data for reply in replies] == [[1]] * 20
