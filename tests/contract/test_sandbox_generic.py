"""Every read of the API is answered by the simulated cloud with what the catalogue says it looks like."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import httpx
import pytest

from mcp_server.sandbox.app import PREFIX, create_app
from mcp_server.sandbox.routes import Route, key_field, parameters, routes
from tests.support.simulated import Simulated

Json = Any
READS = sorted(name for name, route in routes().by_operation.items() if route.method == "GET")
_PRODUCTS = {"appliance", "switch", "wireless", "camera", "sensor", "cellularGateway"}
_WHENCE = {"t0": "2026-11-01T08:00:00Z", "t1": "2026-11-02T08:00:00Z", "timespan": "3600", "perPage": "10"}
_WITHOUT_VLANS = {"getNetworkApplianceSingleLan"}
_PER_DEVICE_LICENCES = {"getOrganizationLicenses", "getOrganizationLicense"}


@cache
def _cloud() -> Simulated:
    """One world for all reads: reading changes nothing, which a test below holds it to. It has one of each kind."""
    return _furnished()


def _furnished() -> Simulated:
    cloud = Simulated()
    here = f"/networks/{cloud.campus}"
    cloud.post(f"{here}/switch/qosRules", {"vlan": 10, "dscp": 46})
    cloud.post(f"{here}/webhooks/httpServers", {"name": "Painel", "url": "https://hooks.example.com/a"})
    cloud.post(f"{here}/appliance/trafficShaping/customPerformanceClasses", {"name": "Voz", "maxLatency": 100})
    action = {"resource": f"{here}/switch/qosRules", "operation": "create", "body": {"vlan": 20}}
    cloud.post(f"/organizations/{cloud.organization}/actionBatches", {"confirmed": False, "actions": [action]})
    _swap(cloud)
    _start_jobs(cloud)
    cloud.ask("POST", f"/organizations/{cloud.organization}/sase/integrations", {"api": {"key": "k", "secret": "s"}})
    core = next(one for one in cloud.world.devices_in(cloud.campus) if one["productType"] == "switch")
    cloud.put(f"/devices/{core['serial']}/switch/ports/51", {"enabled": False})
    cloud.world.advance(60)
    return cloud


def _swap(cloud: Simulated) -> None:
    """A switch of the laboratory is replaced by one of the inventory."""
    owned = cloud.get(f"/organizations/{cloud.organization}/inventory/devices")
    switches = [one for one in owned if one["model"] == "MS120-8LP"]
    old, new = (next(one["serial"] for one in switches if bool(one["networkId"]) is used) for used in (True, False))
    swap = {"devices": {"old": old, "new": new}, "afterAction": "remove from network"}
    cloud.ask("POST", f"/organizations/{cloud.organization}/inventory/devices/swaps/bulk", {"swaps": [swap]})


def _start_jobs(cloud: Simulated) -> None:
    """A stack, and jobs that are read by their id alone."""
    here, org = f"/networks/{cloud.campus}", f"/organizations/{cloud.organization}"
    devices = cloud.world.devices_in(cloud.campus)
    switches, radios = ([one["serial"] for one in devices if one["productType"] == p] for p in ("switch", "wireless"))
    cloud.post(f"{here}/switch/stacks", {"name": "Pilha", "serials": switches[:2]})
    cloud.ask("POST", f"/devices/{radios[0]}/wireless/zigbee/enrollments")
    locks = cloud.get(f"{org}/wireless/zigbee/doorLocks")
    cloud.ask("POST", f"{org}/wireless/zigbee/disenrollments", {"doorLockIds": [locks[0]["doorLockId"]]})
    managed = cloud.get(f"{here}/sm/devices")
    cloud.ask("POST", f"{here}/sm/bypassActivationLockAttempts", {"ids": [managed[0]["id"]]})


def _place(cloud: Simulated, route: Route) -> str:
    """A concrete path of the route with ids that exist."""
    world = cloud.world
    organization = cloud.organization
    if route.operation in _PER_DEVICE_LICENCES:
        organization = next(id_ for id_ in world.organizations if id_ != organization)
    network = cloud.branch if route.operation in _WITHOUT_VLANS else cloud.campus
    path = route.template.replace("{organizationId}", organization).replace("{networkId}", network)
    path = path.replace("{serial}", _serial(cloud, route)).replace("{configTemplateId}", next(iter(world.templates)))
    while "{" in path:
        before, name = re.match(r"(.*?)/\{(\w+)\}", path).groups()  # type: ignore[union-attr]  # a brace is there
        path = path.replace("{" + name + "}", _item(cloud, before, name), 1)
    return path


def _serial(cloud: Simulated, route: Route) -> str:
    words = [word for word in route.words if word in _PRODUCTS]
    wanted = words[0] if words and route.template.startswith("/devices") else "switch"
    found = [one for one in cloud.world.devices_in(cloud.campus) if one["productType"] == wanted]
    return str(found[0]["serial"])


def _item(cloud: Simulated, collection: str, name: str) -> str:
    """The id of the first item of a collection, where it can be listed; else any text."""
    listing = routes().match(collection).get("GET")
    if listing is None:
        cloud.ask("GET", f"{collection}/0")  # what has no list is made when one of it is first looked for
        return str(next(iter(cloud.world.get(collection) or ["1"])))
    answer = cloud.ask("GET", collection).body
    rows = answer["items"] if isinstance(answer, dict) and "items" in answer else answer
    rows = next((v for v in rows.values() if isinstance(v, list)), []) if isinstance(rows, dict) else rows
    stored = cloud.world.get(collection)
    if isinstance(stored, dict) and stored:
        return str(next(iter(stored)))
    if not rows:
        return "1"
    row = rows[0]
    own = next((field for field in row if field.lower().endswith(name.lower())), name)
    return str(row.get(own) or row.get(key_field(listing.template, row)) or "1")


def _misfits(value: Json, tree: Json, where: str) -> Iterator[str]:
    """Where a value is not of the shape that the catalogue says; null fits anything."""
    if value is None or tree in ("object", "any"):
        return
    if isinstance(tree, dict):
        yield from _object_misfits(value, tree, where)
    elif isinstance(tree, list):
        if not isinstance(value, list):
            yield f"{where}: not a list"
            return
        for number, item in enumerate(value[:3]):
            yield from _misfits(item, tree[0], f"{where}[{number}]")
    else:
        kinds: Mapping[str, tuple[type, ...]] = {"i": (int,), "n": (int, float), "b": (bool,)}
        loose = isinstance(value, dict | list) and where.endswith("value")
        if not isinstance(value, kinds.get(tree, (str,))) and not loose:
            yield f"{where}: {value!r} is not {tree}"


def _object_misfits(value: Json, tree: Json, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where}: not an object"
        return
    nodes = {name.removesuffix("!"): node for name, node in tree.items()}
    yield from (f"{where}.{name}: not documented" for name in value if name not in nodes)
    for name, node in tree.items():
        plain = name.removesuffix("!")
        if name.endswith("!") and plain not in value:
            yield f"{where}.{plain}: missing"
        yield from _misfits(value.get(plain), node, f"{where}.{plain}")


@pytest.mark.parametrize("operation", READS)
def test_every_read_is_answered_with_the_documented_shape(operation: str) -> None:
    """200, and no field of another name or kind than the catalogue has."""
    cloud = _cloud()
    route = routes().by_operation[operation]
    query = {name.removesuffix("[]"): _WHENCE.get(name, "1") for name in route.required_query}
    path = _place(cloud, route)
    answer = cloud.ask("GET", path, None, **query)
    assert answer.status == 200, (path, answer.body)
    body = answer.body
    if route.is_wrapped:
        assert set(body) == {"items", "meta"}, path
        body = body["items"]
    assert list(_misfits(body, route.response, operation)) == []


@pytest.mark.parametrize("operation", [name for name in READS if "{" in routes().by_operation[name].template])
def test_a_read_with_ids_that_do_not_exist_is_not_found(operation: str) -> None:
    """404 for an unknown parent: what is there is not leaked, what is not there is not made up."""
    route = routes().by_operation[operation]
    names = parameters(route.template, route.template)
    path = re.sub(r"\{\w+\}", "X404", route.template)
    known = {"organizationId", "networkId", "serial"} & set(names)
    assert known, route.template
    assert _cloud().ask("GET", path).status == 404


@pytest.mark.parametrize("operation", [name for name in READS if "{" not in routes().by_operation[name].template])
async def test_a_read_of_the_caller_is_of_nobody_without_the_key(operation: str) -> None:
    """What has no id in its path belongs to the key: 401 for another, and nothing shown."""
    transport = httpx.ASGITransport(app=create_app())
    headers = {"Authorization": "Bearer somebody"}
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox", headers=headers) as http:
        answer = await http.get(f"{PREFIX}{routes().by_operation[operation].template}")
    assert (answer.status_code, answer.json()) == (401, {"errors": ["Invalid API key"]})


def test_reading_everything_changes_nothing() -> None:
    """The canonical state after 557 reads is the one before."""
    cloud = _furnished()
    before, logged = cloud.world.dump()["configuration"], len(cloud.world.changes)
    for operation in READS:
        cloud.ask("GET", _place(cloud, routes().by_operation[operation]))
    assert cloud.world.dump()["configuration"] == before
    assert len(cloud.world.changes) == logged


def test_the_same_seed_gives_the_same_world() -> None:
    """Two worlds of one seed answer alike, in bytes."""
    first, second = _furnished(), _furnished()
    for operation in READS[::7]:
        path = _place(first, routes().by_operation[operation])
        assert first.ask("GET", path).body == second.ask("GET", path).body
