"""The official SDK (meraki 4.7.0) as a client that knows nothing of this project reads and writes the sandbox."""

from collections.abc import Iterator
from typing import Any

import httpx
import meraki
import pytest

from mcp_server.sandbox.app import DEFAULT_KEY, SandboxApp, create_app
from tests.support.sandbox_server import MERAKI, MerakiOnLoopback, served

Json = Any


@pytest.fixture
def app() -> SandboxApp:
    """A small world, rate limit on, as a client meets it."""
    return create_app(rate_limit=False)


@pytest.fixture
def sdk(app: SandboxApp) -> Iterator[Any]:
    """The SDK's client, its HTTP sent to the sandbox."""
    with served(app) as base:
        dashboard = meraki.DashboardAPI(
            DEFAULT_KEY,
            base_url=f"https://{MERAKI}/api/v1",
            suppress_logging=True,
            smart_flow_enabled=False,
            maximum_retries=1,
        )
        session = dashboard._session
        session._client.close()
        session._client = httpx.Client(transport=MerakiOnLoopback(base), headers=session._client.headers, timeout=10)
        yield dashboard
        session._client.close()


def _organization(sdk: Any) -> str:
    return str(sdk.organizations.getOrganizations()[0]["id"])


def test_the_sdk_follows_pages_to_the_end(sdk: Any, app: SandboxApp) -> None:
    """Pages of three, linked as the cloud links them, give every device once."""
    organization = _organization(sdk)
    devices = sdk.organizations.getOrganizationDevices(organization, total_pages="all", perPage=3)
    expected = [
        s for s, one in app.world.devices.items() if app.world.organization_of(one["networkId"]) == organization
    ]
    assert [device["serial"] for device in devices] == expected
    assert len(app.world.journal) > len(expected) // 3


def test_the_sdk_joins_pages_of_wrapped_lists(sdk: Any) -> None:
    """Lists of {items, meta} come together with nothing remaining."""
    organization = _organization(sdk)
    rows = sdk.wireless.getOrganizationWirelessClientsOverviewByDevice(organization, total_pages="all", perPage=3)
    assert rows["meta"]["counts"]["items"]["remaining"] == 0
    assert len(rows["items"]) == rows["meta"]["counts"]["items"]["total"]


def test_the_sdk_writes_what_it_then_reads(sdk: Any, app: SandboxApp) -> None:
    """An SSID renamed through the SDK reads back renamed; the request stands in the journal with the right key."""
    network = next(iter(app.world.networks))
    sdk.wireless.updateNetworkWirelessSsid(network, "4", name="Café", enabled=True)
    assert sdk.wireless.getNetworkWirelessSsid(network, "4")["name"] == "Café"
    written = [row for row in app.world.journal if row["method"] == "PUT"]
    assert [(row["key_ok"], row["took_effect"], row["status"]) for row in written] == [(True, True, 200)]
    assert DEFAULT_KEY not in str(app.world.journal)


def test_the_sdk_creates_and_deletes_a_vlan(sdk: Any, app: SandboxApp) -> None:
    """201 with the VLAN, 204, and a 404 afterwards that the SDK raises."""
    network = next(iter(app.world.networks))
    made = sdk.appliance.createNetworkApplianceVlan(
        network, "77", "Câmeras", subnet="10.77.0.0/24", applianceIp="10.77.0.1"
    )
    assert str(made["id"]) == "77"
    sdk.appliance.deleteNetworkApplianceVlan(network, "77")
    with pytest.raises(meraki.APIError) as gone:
        sdk.appliance.getNetworkApplianceVlan(network, "77")
    assert gone.value.status == 404


def test_the_sdk_runs_an_action_batch(sdk: Any, app: SandboxApp) -> None:
    """A synchronous batch of two port names is done when it is answered."""
    world = app.world
    organization, network = _organization(sdk), next(iter(world.networks))
    switch = next(one["serial"] for one in world.devices_in(network) if one["productType"] == "switch")
    actions = [
        {"resource": f"/devices/{switch}/switch/ports/{port}", "operation": "update", "body": {"name": f"P{port}"}}
        for port in (7, 8)
    ]
    batch = sdk.organizations.createOrganizationActionBatch(organization, actions, confirmed=True, synchronous=True)
    assert batch["status"]["completed"] is True
    assert [port["name"] for port in sdk.switch.getDeviceSwitchPorts(switch)][6:8] == ["P7", "P8"]


def test_the_sdk_reads_the_refusal_of_the_cloud(sdk: Any, app: SandboxApp) -> None:
    """A TrustSec port answers 400 with the text that the product has to know."""
    world = app.world
    managed = next(s for s in world.devices if world.hidden[f"/devices/{s}"]["catalyst"] == "managed")
    with pytest.raises(meraki.APIError) as locked:
        sdk.switch.updateDeviceSwitchPort(managed, "1", name="x")
    assert (locked.value.status, locked.value.message) == (400, {"errors": ["Peer SGT capable is read-only"]})
