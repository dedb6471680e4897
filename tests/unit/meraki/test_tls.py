"""Whose certificate is accepted: a server of our own on loopback, whose authority is known or not."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mcp_server.domain.ports import Request
from mcp_server.errors import Unreachable
from tests.support.scripted_cloud import client_on

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n[]"
READ = Request("GET", "/organizations")


def certificate(folder: Path, address: str) -> tuple[Path, Path]:
    """The files of a certificate for that address, its own authority, and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a cloud of our own")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    shown, secret = folder / "cloud.pem", folder / "cloud.key"
    shown.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    secret.write_bytes(private)
    return shown, secret


@asynccontextmanager
async def cloud(folder: Path, address: str = "127.0.0.1") -> AsyncIterator[tuple[str, Path, list[bytes]]]:
    """A server on loopback with a certificate for that address: its URL, its authority and what it was asked."""
    shown, secret = certificate(folder, address)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown, secret)
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(ANSWER)
        await writer.drain()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context) as server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}", shown, asked


async def test_an_authority_that_the_operator_names_is_trusted(tmp_path: Path) -> None:
    """As one who inspects what leaves a company needs."""
    async with cloud(tmp_path) as (url, authority, asked):
        async with client_on(None, base_url=url, allow_loopback=True, ca_file=authority)[0] as client:
            assert (await client.read(READ)).data == []
        assert len(asked) == 1


async def test_without_one_only_the_public_authorities_are(tmp_path: Path) -> None:
    """The key does not leave: the connection is never opened."""
    async with cloud(tmp_path) as (url, _, asked):
        async with client_on(None, base_url=url, allow_loopback=True)[0] as client:
            with pytest.raises(Unreachable):
                await client.read(READ)
        assert asked == []


async def test_a_certificate_for_another_address_is_refused(tmp_path: Path) -> None:
    """Also one of an authority that is trusted."""
    async with cloud(tmp_path, "127.0.0.2") as (url, authority, asked):
        async with client_on(None, base_url=url, allow_loopback=True, ca_file=authority)[0] as client:
            with pytest.raises(Unreachable):
                await client.read(READ)
        assert asked == []
