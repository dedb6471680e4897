"""Subscriptions, orders and API keys."""

import pytest

from mcp_server.sandbox.behaviours.estate.claims import CLAIM_KEYS, KEY_SUFFIX, ORDERS, opens
from tests.support.simulated import Simulated

SUBSCRIPTIONS = "/administered/licensing/subscription/subscriptions"
KEYS = "/administered/identities/me/api/keys"


@pytest.fixture
def cloud() -> Simulated:
    """A fresh cloud."""
    return Simulated()


def test_a_claim_key_gives_one_subscription_once(cloud: Simulated) -> None:
    """A key that the cloud did not issue, or that was claimed, is refused; looking at one claims nothing."""
    body = {"claimKey": CLAIM_KEYS[0], "organizationId": cloud.organization}
    before = cloud.state()
    assert cloud.ask("POST", f"{SUBSCRIPTIONS}/claimKey/validate", {"claimKey": CLAIM_KEYS[0]}).status == 200
    assert cloud.state() == before
    cloud.refused("POST", f"{SUBSCRIPTIONS}/claim", {**body, "claimKey": "guessed"})
    made = cloud.ask("POST", f"{SUBSCRIPTIONS}/claim", body).body
    cloud.refused("POST", f"{SUBSCRIPTIONS}/claim", body)
    bind = f"{SUBSCRIPTIONS}/{made['subscriptionId']}/bind"
    cloud.refused("POST", bind, {"networkIds": [cloud.twin]})
    cloud.ask("POST", bind, {"networkIds": [cloud.campus]})
    rows = cloud.ask("GET", SUBSCRIPTIONS, None, organizationIds=[cloud.organization]).body
    listed = {one["subscriptionId"]: one for one in rows}
    assert listed[made["subscriptionId"]]["counts"]["networks"] == 1


def test_an_order_brings_its_devices_into_the_inventory_once(cloud: Simulated) -> None:
    """Its preview brings none."""
    claim_id, (model, _product, count) = next(iter(ORDERS.items()))
    home = f"/organizations/{cloud.organization}/inventory"
    before = len(cloud.get(f"{home}/devices"))
    assert cloud.ask("POST", f"{home}/orders/preview", {"claimId": claim_id}).body["devices"][0]["model"] == model
    assert len(cloud.get(f"{home}/devices")) == before
    assert cloud.ask("POST", f"{home}/orders/claim", {"claimId": claim_id}).status == 200
    assert len(cloud.get(f"{home}/devices")) == before + count
    cloud.refused("POST", f"{home}/orders/claim", {"claimId": claim_id})


def test_a_generated_key_opens_until_it_is_revoked(cloud: Simulated) -> None:
    """At most two; a revoked one opens nothing, the first one included."""
    made = cloud.ask("POST", f"{KEYS}/generate").body
    assert opens(cloud.world, made["key"], "sandbox")
    assert [one["suffix"] for one in cloud.get(KEYS)] == [KEY_SUFFIX, made["suffix"]]
    cloud.refused("POST", f"{KEYS}/generate")
    assert cloud.ask("POST", f"{KEYS}/{made['suffix']}/revoke").status == 200
    assert not opens(cloud.world, made["key"], "sandbox")
    assert cloud.ask("POST", f"{KEYS}/{made['suffix']}/revoke").status == 404
    cloud.ask("POST", f"{KEYS}/{KEY_SUFFIX}/revoke")
    assert not opens(cloud.world, "sandbox", "sandbox")
