"""What is bought and claimed: subscriptions by their claim key, orders by their claim id; and the caller's API keys.

The cloud refuses a key or order that it did not issue. This one issued those below, and no others.
"""

import copy
from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.checks.tables import network_of_organization, some
from mcp_server.sandbox.samples import about, digest
from mcp_server.sandbox.seed import Unit, stocked_device

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

CLAIM_KEYS = ("S2AA-0001-0001", "S2AA-0002-0002", "S2AA-0003-0003")
ORDERS = {"4C900001": ("MS120-8LP", "switch", 2), "4C900002": ("MR46", "wireless", 3)}  #: model, product, count
KEY_SUFFIX = "dbox"  #: of the API key that every caller of this cloud has
_SUBSCRIPTIONS = "/administered/licensing/subscription/subscriptions"
_KEYS = "/administered/identities/me/api/keys"
_MOST_KEYS = 2  #: an administrator may have two keys (Cisco documentation, API keys)
_SEATS = 50


# Subscriptions


def _subscriptions(world: "World") -> dict[str, Json]:
    return world.collection(_SUBSCRIPTIONS, lambda: {"1000001": _subscription("1000001", "Matriz")})


def _subscription(id_: str, name: str, description: str = "") -> Json:
    seats = {"assigned": 0, "available": _SEATS, "limit": _SEATS}
    return {
        "subscriptionId": id_,
        "name": name,
        "description": description,
        "status": "active",
        "startDate": "2026-03-02T00:00:00Z",
        "endDate": "2029-03-02T00:00:00Z",
        "lastUpdatedAt": "2026-03-02T00:00:00Z",
        "webOrderId": f"W{id_}",
        "type": "termed",
        "smartAccount": {"status": "unlinked", "account": {"id": None, "name": None, "domain": None}},
        "renewalRequested": False,
        "productTypes": ["wireless"],
        "entitlements": [{"sku": "LIC-MR-E", "seats": seats}],
        "counts": {"seats": dict(seats), "networks": 0, "organizations": 1},
        "networks": [],
    }


@behaviour("getAdministeredLicensingSubscriptionSubscriptions")
def list_subscriptions(world: "World", _call: Call) -> Json:
    """All subscriptions of the administrator's organizations."""
    return [{name: v for name, v in one.items() if name != "networks"} for one in _subscriptions(world).values()]


def _check_claim_key(world: "World", key: str) -> None:
    if key not in CLAIM_KEYS:
        raise CloudError(400, "Claim key is invalid")
    if any(one.get("claimKey") == key for one in _subscriptions(world).values()):
        raise CloudError(400, "Claim key has already been claimed")


@behaviour("validateAdministeredLicensingSubscriptionSubscriptionsClaimKey")
def validate_claim_key(world: "World", call: Call) -> Json:
    """What a claim key would give; nothing is claimed."""
    _check_claim_key(world, call.body["claimKey"])
    return _subscription("", "")


@behaviour("claimAdministeredLicensingSubscriptionSubscriptions")
def claim_subscription(world: "World", call: Call) -> Json:
    """The subscription belongs to the organization from now on."""
    body = call.body
    if body["organizationId"] not in world.organizations:
        raise CloudError(404, "Not found")
    _check_claim_key(world, body["claimKey"])
    id_ = world.new_id()
    made = _subscription(id_, body.get("name") or f"Subscription {id_[-4:]}", body.get("description") or "")
    _subscriptions(world)[id_] = made | {"claimKey": body["claimKey"], "organizationId": body["organizationId"]}
    return made


@behaviour("bindAdministeredLicensingSubscriptionSubscription")
def bind_subscription(world: "World", call: Call) -> Json:
    """The networks use the subscription; with ``validate`` in the query it is only said whether they could."""
    found = _subscriptions(world).get(call.params["subscriptionId"])
    if found is None:
        raise CloudError(404, "Not found")
    ids = some((call.body or {}).get("networkIds"), "networkIds")
    owner = found.get("organizationId") or next(iter(world.organizations))
    networks = [network_of_organization(world, owner, id_) for id_ in ids]
    if str(call.query.get("validate", "")).lower() != "true":
        found["networks"] = sorted({*found["networks"], *ids})
        found["counts"]["networks"] = len(found["networks"])
    shown = [{"id": one["id"], "name": one["name"]} for one in networks]
    return {"subscriptionId": found["subscriptionId"], "errors": [], "insufficientEntitlements": [], "networks": shown}


# Orders


def _units(world: "World", claim_id: str) -> Json:
    if claim_id not in ORDERS:
        raise CloudError(400, f"Order {claim_id} not found")
    if claim_id in world.collection("/orders"):
        raise CloudError(400, f"Order {claim_id} has already been claimed")
    return ORDERS[claim_id]


@behaviour("previewOrganizationInventoryOrders")
def preview_order(world: "World", call: Call) -> Json:
    """What an order holds; nothing is claimed."""
    model, _product, count = _units(world, call.body["claimId"])
    return {"claimId": call.body["claimId"], "devices": [{"model": model, "count": count}], "subscriptions": []}


@behaviour("claimOrganizationInventoryOrders")
def claim_order(world: "World", call: Call) -> Json:
    """The order's devices come into the inventory; an order can be claimed once."""
    claim_id = call.body["claimId"]
    model, product, count = _units(world, claim_id)
    if call.body.get("subscriptions"):
        raise CloudError(400, f"Order {claim_id} has no subscriptions")
    organization_id = call.params["organizationId"]
    serials = [stocked_device(world, organization_id, Unit(model, product, "")) for _number in range(count)]
    for serial in serials:
        world.hidden[f"/devices/{serial}"] |= {"claimedAt": world.stamp(), "orderNumber": claim_id}
    world.collection("/orders")[claim_id] = {"organizationId": organization_id, "claimedAt": world.stamp()}
    return {"claimId": claim_id, "devices": [{"serial": serial, "model": model} for serial in serials]}


# API keys


def api_keys(world: "World") -> dict[str, Json]:
    """The caller's API keys by suffix: the one that the world was made with, and those made since."""
    first: Json = {"suffix": KEY_SUFFIX, "createdAt": "2026-03-02T13:00:00Z"}
    return world.collection(_KEYS, lambda: {KEY_SUFFIX: dict(first)})


@behaviour("getAdministeredIdentitiesMeApiKeys")
def list_keys(world: "World", _call: Call) -> Json:
    """Suffix and age of each key; a key itself is shown once, when it is made."""
    return list(api_keys(world).values())


@behaviour("generateAdministeredIdentitiesMeApiKeys")
def generate_key(world: "World", _call: Call) -> Json:
    """A new key, shown this once."""
    keys = api_keys(world)
    if len(keys) >= _MOST_KEYS:
        raise CloudError(400, f"You can have at most {_MOST_KEYS} API keys")
    number = world.new_id("api_key")
    key = f"{digest(about(world, f'/keys/{number}', {}), 'key'):036x}{int(number) % 0x10000:04x}"
    keys[key[-4:]] = {"suffix": key[-4:], "createdAt": world.stamp()}
    world.hidden.setdefault(_KEYS, {})[key[-4:]] = key
    return copy.deepcopy(keys[key[-4:]]) | {"key": key}


@behaviour("revokeAdministeredIdentitiesMeApiKeys")
def revoke_key(world: "World", call: Call) -> None:
    """The key opens nothing any more."""
    if api_keys(world).pop(call.params["suffix"], None) is None:
        raise CloudError(404, "Not found")
    world.hidden.get(_KEYS, {}).pop(call.params["suffix"], None)


def opens(world: "World", key: str, first: str) -> bool:
    """Whether an API key is one of the caller's; ``first`` is the one that the cloud was started with."""
    if key == first:
        return world.get(_KEYS) is None or KEY_SUFFIX in api_keys(world)
    return key != "" and key in world.hidden.get(_KEYS, {}).values()
