"""Scripted faults: what the client sees, and what took place behind it."""

from collections.abc import AsyncIterator

import anyio
import httpx
import pytest

from mcp_server.sandbox.app import DEFAULT_KEY, SandboxApp, create_app
from mcp_server.sandbox.server import serving
from tests.support.sandbox_client import ORIGIN, asking
from tests.support.waiting import wait_until

NOTE = {"notes": "changed"}


@pytest.fixture
def app() -> SandboxApp:
    """A small world without rate limit."""
    return create_app(rate_limit=False)


@pytest.fixture
def network(app: SandboxApp) -> str:
    """The path of a network."""
    return f"/networks/{next(iter(app.world.networks))}"


@pytest.fixture
async def client(app: SandboxApp) -> AsyncIterator[httpx.AsyncClient]:
    """An in-process client."""
    async with asking(app) as opened:
        yield opened


def _notes(app: SandboxApp) -> object:
    return next(iter(app.world.networks.values()))["notes"]


async def test_an_error_before_the_write_leaves_nothing(
    app: SandboxApp, client: httpx.AsyncClient, network: str
) -> None:
    """502, nothing stored, and the journal knows; the next request is fine."""
    app.add_fault({"kind": "status", "status": 502, "method": "PUT"})
    assert (await client.put(network, json=NOTE)).status_code == 502
    assert (_notes(app), app.world.journal[-1]["took_effect"]) == (None, False)
    assert (await client.put(network, json=NOTE)).status_code == 200


async def test_an_error_after_the_write_hides_that_it_took_place(
    app: SandboxApp, client: httpx.AsyncClient, network: str
) -> None:
    """502 with HTML, and the value is there; the journal says so."""
    app.add_fault({"kind": "status", "status": 502, "when": "after", "html": True})
    reply = await client.put(network, json=NOTE)
    assert (reply.status_code, reply.headers["content-type"]) == (502, "text/html")
    assert (_notes(app), app.world.journal[-1]["took_effect"]) == ("changed", True)


async def test_a_429_comes_with_and_without_retry_after(
    app: SandboxApp, client: httpx.AsyncClient, network: str
) -> None:
    """The header is there only when the script says so."""
    app.add_fault({"kind": "status", "status": 429, "retry_after": 7})
    app.add_fault({"kind": "status", "status": 429})
    first, second = await client.get(network), await client.get(network)
    assert [reply.status_code for reply in (first, second)] == [429, 429]
    assert (first.headers["Retry-After"], "Retry-After" in second.headers) == ("7", False)


async def test_stale_reads_show_the_past_for_so_many_reads(
    app: SandboxApp, client: httpx.AsyncClient, network: str
) -> None:
    """Two reads show what stood when the fault was set, the third what stands."""
    app.add_fault({"kind": "stale", "count": 2, "path": network})
    await client.put(network, json=NOTE)
    notes = [(await client.get(network)).json()["notes"] for _ in range(3)]
    assert notes == [None, None, "changed"]


async def test_accepted_but_not_applied_answers_success_and_stores_nothing(
    app: SandboxApp, client: httpx.AsyncClient, network: str
) -> None:
    """The answer shows the new value, a read the old one."""
    app.add_fault({"kind": "not_applied"})
    reply = await client.put(network, json=NOTE)
    assert (reply.status_code, reply.json()["notes"]) == (200, "changed")
    assert (await client.get(network)).json()["notes"] is None
    assert app.world.journal[0]["took_effect"] is False


async def test_a_normalised_value_is_stored_in_another_form(
    app: SandboxApp, client: httpx.AsyncClient, network: str
) -> None:
    """What is read back is what the script put, not what was sent."""
    path = f"{network}/wireless/ssids/0"
    app.add_fault({"kind": "normalised", "set": {"name": "corp"}})
    await client.put(path, json={"name": "CORP"})
    assert (await client.get(path)).json()["name"] == "corp"


async def test_a_redirect_names_another_host_and_does_nothing(
    app: SandboxApp, client: httpx.AsyncClient, network: str
) -> None:
    """307 with a location elsewhere; nothing stored."""
    app.add_fault({"kind": "redirect"})
    reply = await client.put(network, json=NOTE)
    assert (reply.status_code, httpx.URL(reply.headers["Location"]).host) == (307, "elsewhere.example.com")
    assert _notes(app) is None


@pytest.mark.parametrize(("kind", "starts"), [("malformed", "{"), ("html", "<html>")])
async def test_an_unreadable_answer_hides_a_write_that_took_place(
    app: SandboxApp, client: httpx.AsyncClient, network: str, kind: str, starts: str
) -> None:
    """200, and nothing that parses as JSON."""
    app.add_fault({"kind": kind})
    reply = await client.put(network, json=NOTE)
    assert (reply.status_code, reply.text.startswith(starts)) == (200, True)
    with pytest.raises(ValueError, match=r".+"):
        reply.json()
    assert _notes(app) == "changed"


async def test_a_huge_body_is_as_big_as_asked(app: SandboxApp, client: httpx.AsyncClient, network: str) -> None:
    """Three megabytes here; fifty unless said otherwise."""
    app.add_fault({"kind": "huge", "megabytes": 3})
    assert len((await client.get(network)).content) > 3_000_000


@pytest.mark.parametrize("by", ["itself", "clearing"])
async def test_a_held_write_takes_place_and_is_answered_when_it_is_let_go(
    app: SandboxApp, client: httpx.AsyncClient, network: str, by: str
) -> None:
    """Until then the journal shows it as not answered, and everything else is; afterwards nothing more is held."""
    held = app.add_fault({"kind": "held", "method": "PUT", "count": 2})
    answers: list[httpx.Response] = []

    async def write() -> None:
        answers.append(await client.put(network, json=NOTE))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(write)
        await wait_until(lambda: bool(held.used))
        assert (await client.get(network)).json()["notes"] is None
        assert ([row["fault"] for row in app.world.journal], app.world.journal[0]["status"]) == (["held", None], None)
        assert answers == []
        if by == "itself":
            held.let_go()
        else:
            await client.delete(f"{ORIGIN}/_sandbox/faults")
    assert [(one.status_code, one.json()["notes"]) for one in answers] == [(200, "changed")]
    assert (await client.put(network, json=NOTE)).status_code == 200


async def test_faults_are_picked_by_operation_skip_and_count(
    app: SandboxApp, client: httpx.AsyncClient, network: str
) -> None:
    """The second read of one operation fails, all else passes."""
    app.add_fault({"kind": "status", "status": 500, "operation": "getNetwork", "skip": 1})
    statuses = [(await client.get(path)).status_code for path in (network, f"{network}/devices", network, network)]
    assert statuses == [200, 200, 500, 200]


async def test_an_unknown_kind_is_refused_over_the_control_side(client: httpx.AsyncClient) -> None:
    """400 that names the known kinds."""
    reply = await client.post(f"{ORIGIN}/_sandbox/faults", json={"kind": "gremlin"})
    assert reply.status_code == 400
    assert "not_applied" in reply.text


@pytest.mark.parametrize(("when", "stored"), [("before", None), ("after", "changed")])
async def test_a_dropped_connection_gives_no_answer_whether_or_not_the_write_took_place(
    app: SandboxApp, network: str, when: str, stored: object
) -> None:
    """Over TCP the client sees the connection go; only the state tells."""
    app.add_fault({"kind": "drop", "when": when, "method": "PUT"})
    async with serving(app) as base, httpx.AsyncClient(headers={"Authorization": f"Bearer {DEFAULT_KEY}"}) as client:
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await client.put(base + network, json=NOTE)
        assert (await client.get(base + network)).json()["notes"] == stored


async def test_an_answer_without_a_body_cannot_be_cut_so_none_comes(
    app: SandboxApp, network: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The delete took place, the connection goes, and the server that carries it has nothing to complain about."""
    vlan = {"id": "77", "name": "Cameras", "subnet": "10.77.0.0/24", "applianceIp": "10.77.0.1"}
    async with serving(app) as base, httpx.AsyncClient(headers={"Authorization": f"Bearer {DEFAULT_KEY}"}) as client:
        place = f"{base}{network}/appliance/vlans"
        assert (await client.post(place, json=vlan)).status_code == 201
        app.add_fault({"kind": "cut", "method": "DELETE"})
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await client.delete(f"{place}/77")
        row = app.world.journal[-1]
        assert (row["status"], row["took_effect"]) == (None, True)
        assert (await client.get(f"{place}/77")).status_code == 404
    assert "LocalProtocolError" not in caplog.text


async def test_a_cut_answer_breaks_off_after_the_write(app: SandboxApp, network: str) -> None:
    """The body ends before its length; the write took place."""
    app.add_fault({"kind": "cut", "method": "PUT"})
    async with serving(app) as base, httpx.AsyncClient(headers={"Authorization": f"Bearer {DEFAULT_KEY}"}) as client:
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await client.put(base + network, json=NOTE)
    assert _notes(app) == "changed"
    assert app.world.journal[-1]["took_effect"] is True
