"""The simulated cloud's protocol: keys, rate, pages, errors, the control side."""

import httpx
import pytest

from mcp_server.sandbox.app import DEFAULT_KEY, Bucket, SandboxApp, create_app
from tests.support.sandbox_client import ORIGIN, asking


@pytest.fixture
def app() -> SandboxApp:
    """A small world without rate limit."""
    return create_app(rate_limit=False)


async def test_a_wrong_key_is_refused_and_the_journal_says_so_without_the_key(app: SandboxApp) -> None:
    """401 with the cloud's text; the row holds whether the key was right, never the key."""
    async with asking(app, "stolen-key-0123") as client:
        reply = await client.get("/organizations")
    assert (reply.status_code, reply.json()) == (401, {"errors": ["Invalid API key"]})
    assert app.world.journal[0]["key_ok"] is False
    assert "stolen-key-0123" not in str(app.world.journal)


async def test_both_ways_to_send_the_key_are_taken(app: SandboxApp) -> None:
    """Bearer and the older header."""
    async with asking(app, "x") as client:
        reply = await client.get("/organizations", headers={"Authorization": "", "X-Cisco-Meraki-API-Key": DEFAULT_KEY})
        assert reply.status_code == 200


async def test_the_twenty_first_request_at_once_is_limited_for_that_organization_only() -> None:
    """20 pass, then 429 with Retry-After; the other organization still answers."""
    app = create_app()
    first, second = app.world.organizations
    async with asking(app) as client:
        replies = [await client.get(f"/organizations/{first}") for _ in range(25)]
        other = await client.get(f"/organizations/{second}")
    limited = [reply for reply in replies if reply.status_code == 429]
    assert [reply.status_code for reply in replies[:20]] == [200] * 20
    assert limited
    assert limited[0].headers["Retry-After"] == "1"
    assert limited[0].json() == {"errors": ["API rate limit exceeded for organization"]}
    assert other.status_code == 200


def test_the_bucket_fills_ten_a_second_up_to_twenty() -> None:
    """After one second of silence ten more may pass, after an hour no more than twenty."""
    bucket = Bucket()
    assert sum(bucket.take(0.0) for _ in range(30)) == 20
    assert sum(bucket.take(1.0) for _ in range(30)) == 10
    assert sum(bucket.take(3600.0) for _ in range(30)) == 20


async def test_pages_are_linked_with_an_unquoted_rel_until_the_last(app: SandboxApp) -> None:
    """Following next gives each network once; the last page has no next; prev leads back."""
    organization = next(iter(app.world.organizations))
    seen: list[str] = []
    url = f"/organizations/{organization}/devices?perPage=5"
    async with asking(app) as client:
        while url:
            reply = await client.get(url)
            seen += [row["serial"] for row in reply.json()]
            link = reply.headers["Link"]
            assert "rel=next" in link or "rel=prev" in link
            assert 'rel="' not in link
            url = next((part.split(">")[0].strip(" <") for part in link.split(",") if "rel=next" in part), "")
    assert (
        len(seen)
        == len(set(seen))
        == sum(app.world.organization_of(one["networkId"]) == organization for one in app.world.devices.values())
    )


@pytest.mark.parametrize("size", ["2", "5001", "many", "-3"])
async def test_a_page_size_outside_its_bounds_is_refused(app: SandboxApp, size: str) -> None:
    """400, as the documentation's range says."""
    organization = next(iter(app.world.organizations))
    async with asking(app) as client:
        assert (await client.get(f"/organizations/{organization}/devices?perPage={size}")).status_code == 400


async def test_what_is_not_json_is_refused(app: SandboxApp) -> None:
    """400 before anything is looked at."""
    async with asking(app) as client:
        reply = await client.put(f"/networks/{next(iter(app.world.networks))}", content=b"{nonsense")
    assert reply.status_code == 400
    assert list(reply.json()) == ["errors"]


async def test_an_unknown_path_is_not_found_and_a_wrong_method_not_allowed(app: SandboxApp) -> None:
    """404 and 405 in the cloud's form."""
    async with asking(app) as client:
        assert (await client.get("/nowhere")).status_code == 404
        assert (await client.delete("/organizations")).status_code == 405


async def _control(client: httpx.AsyncClient, method: str, name: str, body: object = None) -> httpx.Response:
    return await client.request(method, f"{ORIGIN}/_sandbox/{name}", json=body)


async def test_somebody_elses_edit_stands_in_the_state_and_in_the_log_under_their_name(app: SandboxApp) -> None:
    """The edited field changes, the others stay; the log names another admin and no API client."""
    network = next(iter(app.world.networks))
    organization = app.world.organization_of(network)
    async with asking(app) as client:
        edit = {"path": f"/networks/{network}", "value": {"notes": "by hand"}}
        assert (await _control(client, "POST", "edit", edit)).status_code == 200
        read = (await client.get(f"/networks/{network}")).json()
        log = (await client.get(f"/organizations/{organization}/configurationChanges")).json()
    assert (read["notes"], read["name"]) == ("by hand", "Matriz São Paulo")
    assert (log[0]["adminName"], log[0]["page"], log[0]["client"]["type"]) == ("Somebody Else", "Dashboard", None)


async def test_an_edit_of_a_setting_that_nobody_read_yet_keeps_its_other_fields(app: SandboxApp) -> None:
    """The default is made first, then edited."""
    path = f"/networks/{next(iter(app.world.networks))}/wireless/ssids/0"
    async with asking(app) as client:
        await _control(client, "POST", "edit", {"path": path, "value": {"name": "Renamed"}})
        read = (await client.get(path)).json()
    assert (read["name"], read["authMode"]) == ("Renamed", "psk")


async def test_reset_brings_the_seeded_world_back_ids_included(app: SandboxApp) -> None:
    """State, journal, faults and the ids that come next are as at the start."""
    organization = next(iter(app.world.organizations))
    before = app.world.dump()
    made = []
    async with asking(app) as client:
        for _ in range(2):
            body = {"name": "Nova", "productTypes": ["switch"]}
            made.append((await client.post(f"/organizations/{organization}/networks", json=body)).json()["id"])
            await _control(client, "POST", "advance", {"seconds": 60})
            await _control(client, "POST", "reset")
            assert app.world.dump() == before
            assert app.world.journal == []
    assert made[0] == made[1]


async def test_state_shows_the_secrets_that_the_api_hides(app: SandboxApp) -> None:
    """A RADIUS secret that was read by nobody over the API is in the dump once it was written."""
    network = next(iter(app.world.networks))
    servers = [{"host": "10.10.0.53", "port": 1812, "secret": "very-secret-1"}]
    async with asking(app) as client:
        reply = await client.put(f"/networks/{network}/wireless/ssids/2", json={"radiusServers": servers})
        state = (await _control(client, "GET", "state")).text
    assert reply.status_code == 200
    assert "very-secret-1" not in reply.text
    assert "very-secret-1" in state


async def test_the_time_of_the_world_is_the_clock_that_it_was_given() -> None:
    """Stamps come from the clock, moved on by what was advanced."""
    app = create_app(clock=create_app().world.now)
    app.world.advance(90)
    assert app.world.stamp() == "2026-11-02T08:01:30.000000Z"


async def test_a_world_of_600_networks_and_10_000_devices_is_seeded_and_answers() -> None:
    """The same under the same seed, another under another; everything is found page by page."""
    big, again, other = (create_app(seed, 600, 10_000, rate_limit=False) for seed in (7, 7, 8))
    assert (len(big.world.networks), len(big.world.devices)) == (600, 10_000)
    assert (big.world.networks, big.world.devices) == (again.world.networks, again.world.devices)
    assert big.world.devices != other.world.devices
    found: set[str] = set()
    async with asking(big) as api:
        for organization in big.world.organizations:
            url: str | None = f"/organizations/{organization}/devices?perPage=1000"
            while url:
                page = await api.get(url)
                found |= {device["serial"] for device in page.json()}
                url = page.links.get("next", {}).get("url")
    assert found == {serial for serial, device in big.world.devices.items() if device["networkId"]}
