"""What a web page of somebody else could send to a server on this machine: refused by its Host or Origin."""

from pathlib import Path
from typing import Final

import httpx
import pytest

from mcp_server.errors import SettingsError
from mcp_server.transport.http import refuse_open_bind
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


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.7", "example.net", ""])  # noqa: S104  they are refused
def test_any_other_address_is_refused(address: str) -> None:
    """Nobody is authenticated; a name may mean anything."""
    with pytest.raises(SettingsError, match="loopback"):
        refuse_open_bind(address)
