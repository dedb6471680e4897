"""Connections over real sockets: what is kept, what is never used again, and each way in which one fails."""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mcp_server.meraki.connections import Connections
from tests.support.fault_server import Fault, FaultServer, answers, fault_server, floods, is_silent

OTHERS = b"HTTP/1.1 200 X\r\nContent-Length: 4\r\n\r\nevil"


def _connections(most: int = 2, keepalive_s: float = 15.0, context: ssl.SSLContext | None = None) -> Connections:
    return Connections(context or ssl.create_default_context(), most=most, keepalive_s=keepalive_s)


def _request(server: FaultServer, content: bytes | None = None, **limits: float) -> httpx.Request:
    timeout = {"connect": 5.0, "read": 5.0, "write": 5.0, "pool": 5.0, **limits}
    method = "GET" if content is None else "POST"
    return httpx.Request(method, f"{server.url}/x", content=content, extensions={"timeout": timeout})


async def _asked(connections: Connections, request: httpx.Request) -> bytes:
    """The body of the answer."""
    response = await connections.handle_async_request(request)
    try:
        return await response.aread()
    finally:
        await response.aclose()


def _says(*pieces: bytes, closes: bool = False) -> Fault:
    """These bytes, one after the other."""

    async def fault(_server: FaultServer, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        if closes:
            writer.close()

    return fault


async def _told() -> None:
    """The event loop has looked at its sockets."""
    for _ in range(10):
        await asyncio.sleep(0)


CHUNKED = b"HTTP/1.1 100 X\r\n\r\nHTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
WHOLE: Sequence[tuple[str, Fault]] = [
    ("in chunks, byte by byte, after a 100", _says(*(bytes([one]) for one in CHUNKED))),
    ("up to the end of the connection", _says(b"HTTP/1.0 200 X\r\n\r\nhel", b"lo", closes=True)),
    ("with a length", _says(b"HTTP/1.1 200 X\r\nContent-Length: 5\r\n\r\nhello")),
]


@pytest.mark.parametrize(("name", "fault"), WHOLE, ids=[name for name, _ in WHOLE])
async def test_an_answer_is_whole_however_it_is_framed(name: str, fault: Fault) -> None:
    """By length, in chunks or up to the end."""
    async with fault_server(fault) as server, _connections() as connections:
        assert await _asked(connections, _request(server)) == b"hello", name


NOT_AGAIN: Sequence[tuple[str, Fault]] = [
    ("the other side hung up", _says(b"HTTP/1.1 200 X\r\nContent-Length: 1\r\n\r\n1", closes=True)),
    ("the other side says it will", _says(b"HTTP/1.1 200 X\r\nConnection: close\r\nContent-Length: 1\r\n\r\n1")),
    ("another answer came with it", _says(b"HTTP/1.1 200 X\r\nContent-Length: 1\r\n\r\n1" + OTHERS)),
    ("another answer came after it", _says(b"HTTP/1.1 200 X\r\nContent-Length: 1\r\n\r\n1", OTHERS)),
]


@pytest.mark.parametrize(("name", "first"), NOT_AGAIN, ids=[name for name, _ in NOT_AGAIN])
async def test_a_connection_on_which_something_came_or_ended_is_not_used_again(name: str, first: Fault) -> None:
    """The next request would be lost, or would get an answer that is not its own."""
    async with fault_server(first, answers(2)) as server, _connections() as connections:
        assert await _asked(connections, _request(server)) == b"1"
        await _told()
        assert await _asked(connections, _request(server)) == b"2", name
        assert server.connections == 2


async def test_a_connection_that_is_too_old_is_not_used_again() -> None:
    """Whoever stands between closes it sooner or later."""
    async with fault_server(answers(1)) as server, _connections(keepalive_s=0.0) as connections:
        for _ in range(2):
            assert await _asked(connections, _request(server)) == b"1"
            await _told()
        assert server.connections == 2


async def test_a_body_that_is_not_read_to_its_end_costs_its_connection() -> None:
    """Its rest would stand in front of the next answer."""
    async with fault_server(floods(5_000_000, announced=True), answers(2)) as server, _connections() as connections:
        response = await connections.handle_async_request(_request(server))
        await response.aclose()
        assert await _asked(connections, _request(server)) == b"2"
        assert server.connections == 2


async def test_who_finds_no_free_connection_waits_for_one() -> None:
    """Not for ever; and whoever closes its answer twice frees one place."""
    async with fault_server(answers(1)) as server, _connections(most=1) as connections:
        first = await connections.handle_async_request(_request(server))
        with pytest.raises(httpx.PoolTimeout):
            await connections.handle_async_request(_request(server, pool=0.01))
        waiting = asyncio.create_task(_asked(connections, _request(server)))
        await _told()
        assert not waiting.done()
        await first.aread()
        for _ in range(2):
            await first.aclose()
        assert await waiting == b"1"
        second = await connections.handle_async_request(_request(server))
        with pytest.raises(httpx.PoolTimeout):
            await connections.handle_async_request(_request(server, pool=0.01))
        await second.aclose()


async def test_who_goes_away_leaves_its_place_and_takes_its_connection() -> None:
    """The answer that still comes is nobody else's."""
    async with fault_server(is_silent, answers(2)) as server, _connections(most=1) as connections:
        asking = asyncio.create_task(_asked(connections, _request(server)))
        while not server.requests:
            await _told()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert await _asked(connections, _request(server)) == b"2"
        assert server.connections == 2


async def test_long_bodies_go_and_come_whole() -> None:
    """Longer than what either side takes at once."""
    answer = b"HTTP/1.1 200 X\r\nContent-Length: 5000000\r\n\r\n" + b"y" * 5_000_000
    async with fault_server(_says(answer)) as server, _connections() as connections:
        sent = b"x" * 5_000_000
        assert await _asked(connections, _request(server, content=sent)) == b"y" * 5_000_000
        assert server.requests[0].endswith(sent)


async def test_an_other_side_that_reads_nothing_ends_with_the_time_for_writing() -> None:
    """What was sent of it may have arrived."""
    begun = asyncio.Event()

    async def read_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await begun.wait()
        writer.transport.abort()

    listening = await asyncio.start_server(read_nothing, "127.0.0.1", 0, limit=1_000)
    server = FaultServer([])
    server.port = listening.sockets[0].getsockname()[1]
    async with listening, _connections() as connections:
        with pytest.raises(httpx.WriteTimeout):
            await connections.handle_async_request(_request(server, content=b"x" * 30_000_000, write=0.05))
        begun.set()
        await _told()


FAILED: Sequence[tuple[str, Fault, dict[str, float], type[httpx.TransportError]]] = [
    ("no answer in time", is_silent, {"read": 0.02}, httpx.ReadTimeout),
    ("half of the head", _says(b"HTTP/1.1 200", closes=True), {}, httpx.RemoteProtocolError),
    ("no answer", _says(closes=True), {}, httpx.RemoteProtocolError),
    ("half of the body", _says(b"HTTP/1.1 200 X\r\nContent-Length: 5\r\n\r\nhe", closes=True), {},
     httpx.RemoteProtocolError),
    ("a head without end", _says(b"HTTP/1.1 200 X\r\nX: " + b"x" * 200_000), {}, httpx.RemoteProtocolError),
    ("another protocol by its own wish", _says(b"HTTP/1.1 101 X\r\nUpgrade: x\r\n\r\n"), {}, httpx.RemoteProtocolError),
]  # fmt: skip


@pytest.mark.parametrize(("name", "fault", "limits", "error"), FAILED, ids=[row[0] for row in FAILED])
async def test_each_failure_is_told_in_httpx_s_words(
    name: str, fault: Fault, limits: dict[str, float], error: type[httpx.TransportError]
) -> None:
    """One table says what each of them means; and its place is free again."""
    async with fault_server(fault, answers(2)) as server, _connections(most=1) as connections:
        request = _request(server, None, **limits)
        with pytest.raises(error) as failed:
            await _asked(connections, request)
        assert failed.value.request is request, name
        assert await _asked(connections, _request(server)) == b"2"


async def test_a_connection_that_does_not_open_in_time_is_given_up() -> None:
    """Nothing was sent; and its place is free again."""
    server = FaultServer([])
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server.port = listening.getsockname()[1]
        async with _connections(most=1) as connections:
            for _ in range(2):
                with pytest.raises(httpx.ConnectTimeout):
                    await connections.handle_async_request(_request(server, connect=0.0))


async def test_when_nobody_listens_there_is_no_connection() -> None:
    """Nothing was sent."""
    async with fault_server(answers(1)) as server:
        request = _request(server)
    async with _connections() as connections:
        with pytest.raises(httpx.ConnectError):
            await connections.handle_async_request(request)


async def test_a_certificate_must_be_one_of_those_that_are_trusted(tmp_path: Path) -> None:
    """With another one nothing is sent."""
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(_certificate(tmp_path))
    async with fault_server(answers(1), tls=serving) as server:
        async with _connections(context=ssl.create_default_context(cafile=tmp_path / "cert.pem")) as connections:
            for _ in range(2):
                assert await _asked(connections, _request(server)) == b"1"
        assert (len(server.requests), server.connections) == (2, 1)
        async with _connections() as connections:
            with pytest.raises(httpx.ConnectError, match="certificate"):
                await connections.handle_async_request(_request(server))
        assert len(server.requests) == 2


def _certificate(folder: Path) -> Path:
    """A file with a certificate for 127.0.0.1, which it signed itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    day = timedelta(days=1)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - day, now + day)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    text = made.public_bytes(serialization.Encoding.PEM)
    (folder / "cert.pem").write_bytes(text)
    both = folder / "both.pem"
    pkcs8, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    both.write_bytes(text + key.private_bytes(serialization.Encoding.PEM, pkcs8, plain))
    return both
