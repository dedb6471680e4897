"""The behaviour of an operation that nobody wrote by hand: state of the documented shape, kept where it is written.

- GET of a collection or singleton that can be written shows the stored state, made from the response tree at first.
- GET of anything else is sampled each time: one row for each device or network of the organization where the rows
  name one. Nothing is stored by reading.
- PUT merges, POST adds an item with a new id, DELETE removes; an unknown id is a 404.
- A POST that is an action (no collection at its path) is answered with its body when it changes nothing
  (``checks/effects.py``). Every other one is written by hand.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import overload

from mcp_server.sandbox.behaviour import Call, CloudError, Json
from mcp_server.sandbox.checks.effects import WITHOUT_EFFECT
from mcp_server.sandbox.routes import Route, filled, key_field, routes
from mcp_server.sandbox.samples import Setting, about, digest, sample
from mcp_server.sandbox.shapes import cut, known, merged
from mcp_server.sandbox.world import World

NOT_FOUND = "Not found"
_ID_KINDS: Mapping[str, str] = {
    "groupPolicies": "group_policy",
    "accessPolicies": "access_policy",
    "floorPlans": "floor_plan",
}
_DEVICE_WORDS: Mapping[str, tuple[str, ...]] = {
    "wirelessController": ("wirelessController",),
    "campusGateway": ("campusGateway",),
    "cellularGateway": ("cellularGateway",),
    "appliance": ("appliance",),
    "switch": ("switch",),
    "wireless": ("wireless",),
    "camera": ("camera",),
    "sensor": ("sensor",),
}


#: fields in which the items that are there at first differ: one is the default, and they have an order
_FIRST: Mapping[str, Mapping[str, Json]] = {
    "1": {"isDefault": True, "priority": 1},
    "2": {"isDefault": False, "priority": 2},
}


class Rows(Sequence[Json]):
    """Rows of a list, each made when it is looked at, so that a page of 10,000 devices costs one page."""

    def __init__(self, keys: Sequence[str], make: Callable[[str], Json]) -> None:
        """``keys`` name the rows and are their paging tokens."""
        self.keys = keys
        self.make = make

    def __len__(self) -> int:
        return len(self.keys)

    @overload
    def __getitem__(self, index: int) -> Json: ...
    @overload
    def __getitem__(self, index: slice) -> "Rows": ...
    def __getitem__(self, index: int | slice) -> Json:
        return Rows(self.keys[index], self.make) if isinstance(index, slice) else self.make(self.keys[index])

    def __iter__(self) -> Iterator[Json]:
        return (self.make(key) for key in self.keys)


def answer(world: World, call: Call) -> Json:
    """What the cloud answers to an operation without a behaviour of its own."""
    route = routes().by_operation[call.operation]
    if call.method == "GET":
        return _get(world, call, route)
    if call.method == "PUT":
        return _put(world, call, route)
    if call.method == "DELETE":
        return _delete(world, call, route)
    return _post(world, call, route)


# Reading


def _get(world: World, call: Call, route: Route) -> Json:
    tree = route.response
    if route.template.endswith("}"):
        return _item(world, call, route)
    if isinstance(tree, list):
        put = routes().at.get(("PUT", route.template))
        if put and "_json" in put.body:  # a bare list is read, {"_json": list} written (facts: section 1.3)
            return world.singleton(call.path, {"_json": []})["_json"] or []  # null leaves no list, not no answer
        if is_collection(route.template):
            return _collection_rows(world, call, route)
        return _reported_rows(world, call, route, tree[0])
    holder = _list_field(route)
    if holder:
        return {holder: list(items_at(world, route.template, call.path, call.params).values())}
    if ("PUT", route.template) in routes().at:
        return world.singleton(call.path, lambda: _first(world, call, route))
    return sample(about(world, call.path, call.params), tree)


def is_collection(template: str) -> bool:
    """Whether a path holds items that are created, written or removed one by one."""
    at = routes().at
    return {("POST", template), ("GET", template)} <= set(at) or bool(routes().item_routes(template))


def _list_field(route: Route) -> str | None:
    """The one list of an object answer that is a collection (rfProfiles ``assigned``, staged events)."""
    if not isinstance(route.response, dict) or ("POST", route.template) not in routes().at:
        return None
    lists = [name.removesuffix("!") for name, node in route.response.items() if isinstance(node, list)]
    return lists[0] if routes().item_routes(route.template) and len(lists) == 1 else None


def _first(world: World, call: Call, route: Route) -> Json:
    put = routes().at["PUT", route.template]
    setting = replace(about(world, call.path, call.params), is_configuration=True)
    return sample(setting, route.response, enums=put.body)


def _listed_first(world: World, call: Call, route: Route) -> Json:
    """What a list of the organization says of a singleton that has no GET and that nobody wrote yet."""
    lister = next((name for name, template in routes().readers.items() if template == route.template), None)
    tree = routes().by_operation[lister].response if lister else None
    if tree is None or isinstance(tree, dict):
        return {}
    setting = replace(about(world, call.path, call.params), is_configuration=True)
    own = (setting.device or setting.network or {}).get("serial" if setting.device else "id", "")
    listed = filled(routes().by_operation[lister or ""].template, {"organizationId": _owner(world, call)})
    return known(sample(replace(setting, path=f"{listed}/{own}"), tree[0]), route.body)


def _owner(world: World, call: Call) -> str:
    network_id = call.params.get("networkId") or world.network_of(call.params.get("serial", ""))
    return world.organization_of(network_id) or ""


def item_tree(template: str) -> Json:
    """The response tree of one item of a collection; None when nothing shows one."""
    for route in routes().item_routes(template):
        if route.method == "GET":
            return route.response
    whole = routes().at.get(("GET", template))
    if whole is None:
        return None
    if isinstance(whole.response, list):
        return whole.response[0]
    holder = _list_field(whole)
    return next((n[0] for k, n in whole.response.items() if k.removesuffix("!") == holder), None)


def items_at(world: World, template: str, path: str, params: Mapping[str, str]) -> dict[str, Json]:
    """The live items of a collection; two are made when nobody wrote it, so that there is something to read."""
    return world.collection(path, lambda: _first_items(world, template, path, params))


def _first_items(world: World, template: str, path: str, params: Mapping[str, str]) -> dict[str, Json]:
    tree = item_tree(template)
    field = key_field(template, tree)
    setting = about(world, path, params)
    if not isinstance(tree, dict):
        return {}
    items: dict[str, Json] = {}
    for number in ("1", "2"):
        own = replace(setting, path=f"{path}/{number}", is_configuration=True)
        item = sample(own, tree, enums=_put_body(template)) | {field: _made_key(own, field, number)}
        item |= {name: made for name, made in _FIRST[number].items() if name in item}
        key = str(item[field])
        if "priority" in item:
            item["priority"] = int(number)  # no two of a list have the same
        items[key] = cut(item, tree) | {field: item[field]}
    return items


def _put_body(template: str) -> Json:
    """The fields that are written to an item, and those that only its creation takes."""
    put = next((route.body for route in routes().item_routes(template) if route.method == "PUT"), None)
    post = routes().at.get(("POST", template))
    return {**(post.body or {}), **put} if post is not None and isinstance(put, dict) else put


def _made_key(setting: Setting, field: str, number: str) -> Json:
    if field in ("number", "portId", "accessPolicyNumber"):
        return int(number) if field != "portId" else number
    return str(575_897_802_340_000_000 + digest(setting, field) % 1_000_000_000)


def _collection_rows(world: World, call: Call, route: Route) -> Json:
    items = items_at(world, route.template, call.path, call.params)
    return Rows(list(items), items.__getitem__)


def _item(world: World, call: Call, route: Route) -> Json:
    template = route.template.rpartition("/")[0]
    parent, _, key = call.path.rpartition("/")
    items = items_at(world, template, parent, call.params)
    found = items.get(_plain(call, route) or key)
    if found is not None:
        return found | {"status": "complete"} if "/liveTools/" in call.path else found
    raise CloudError(404, NOT_FOUND)


def _plain(call: Call, route: Route) -> str | None:
    return call.params.get(route.template.rsplit("{", 1)[1][:-1])


def _reported_rows(world: World, call: Call, route: Route, tree: Json) -> Json:
    names = {name.removesuffix("!"): node for name, node in tree.items()} if isinstance(tree, dict) else {}
    setting = about(world, call.path, call.params)
    reader = routes().readers.get(route.operation)
    if "serial" in names or "device" in names:
        devices = {one["serial"]: one for one in _devices(world, call, route)}
        return Rows(list(devices), lambda key: _about_device(setting, devices[key], tree, reader))
    if "organizationId" in call.params and ("networkId" in names or "network" in names):
        networks = {one["id"]: one for one in _networks(world, call, route)}
        return Rows(list(networks), lambda key: _about_network(setting, networks[key], tree, reader))
    return [sample(replace(setting, path=f"{call.path}/{number}"), tree) for number in (1, 2)]


def _about_device(setting: Setting, device: Json, tree: Json, reader: str | None) -> Json:
    network = setting.world.networks.get(device.get("networkId") or "")
    own = replace(setting, path=f"{setting.path}/{device['serial']}", device=device, network=network)
    written = setting.world.get(filled(reader, {"serial": device["serial"]})) if reader else None
    return merged(sample(own, tree), _placed(written or {}, tree), tree)


def _about_network(setting: Setting, network: Json, tree: Json, reader: str | None) -> Json:
    own = replace(setting, path=f"{setting.path}/{network['id']}", network=network, is_configuration=bool(reader))
    written = setting.world.get(filled(reader, {"networkId": network["id"]})) if reader else None
    return merged(sample(own, tree), _placed(written or {}, tree), tree)


def _placed(written: Json, tree: Json) -> Json:
    """What was written where a row of a list shows it: in the one object of the row that has all of its fields."""
    nodes = {name.removesuffix("!"): node for name, node in tree.items()}
    if set(written) & set(nodes):
        return written
    holders = [name for name, node in nodes.items() if isinstance(node, dict) and set(written) <= _plain_names(node)]
    return {holders[0]: written} if written and len(holders) == 1 else written


def _plain_names(tree: Mapping[str, Json]) -> set[str]:
    return {name.removesuffix("!") for name in tree}


def _devices(world: World, call: Call, route: Route) -> list[Json]:
    wanted = set(call.query.get("serials", ()))
    network_id = call.params.get("networkId")
    organization_id = call.params.get("organizationId")
    families = _DEVICE_WORDS.get(route.words[0]) if route.words else None
    chosen = []
    for device in world.devices.values():
        home = device.get("networkId")
        here = home == network_id if network_id else home and world.organization_of(home) == organization_id
        typed = not families or device["productType"] in families
        if here and typed and (not wanted or device["serial"] in wanted):
            chosen.append(device)
    return chosen


def _networks(world: World, call: Call, route: Route) -> list[Json]:
    wanted = set(call.query.get("networkIds", ()))
    families = _DEVICE_WORDS.get(route.words[0]) if route.words else None
    return [
        one
        for one in world.networks_of(call.params["organizationId"])
        if (not wanted or one["id"] in wanted) and (not families or families[0] in one["productTypes"])
    ]


# Writing


def _put(world: World, call: Call, route: Route) -> Json:
    body = known(call.body or {}, route.body)
    template = route.template.rpartition("/")[0]
    if route.template.endswith("}") and ("GET", template) in routes().at:
        parent = call.path.rpartition("/")[0]
        items = items_at(world, template, parent, call.params)
        key = _plain(call, route) or ""
        if key not in items:
            raise CloudError(404, NOT_FOUND)
        items[key] = merged(items[key], body, route.body)
        return items[key]
    getter = routes().at.get(("GET", route.template))
    old = world.singleton(
        call.path, lambda: _first(world, call, getter) if getter else _listed_first(world, call, route)
    )
    if isinstance(old, list):
        old = {}
    world.resources[call.path] = merged(old, body, route.body)
    return world.resources[call.path]


def _delete(world: World, call: Call, route: Route) -> Json:
    template = route.template.rpartition("/")[0]
    if route.template.endswith("}"):
        items = items_at(world, template, call.path.rpartition("/")[0], call.params)
        key = _plain(call, route) or ""
        if key not in items:
            raise CloudError(404, NOT_FOUND)
        world.forget(call.path)
        items.pop(key, None)
        return None
    world.forget(call.path)
    return None


def _post(world: World, call: Call, route: Route) -> Json:
    body = known(call.body or {}, route.body or {})
    if not is_collection(route.template):
        return _without_effect(call, body)
    tree = item_tree(route.template)
    field = key_field(route.template, tree)
    items = items_at(world, route.template, call.path, call.params)
    key = str(body.get(field) or _new_key(world, route, body))
    if key in items:
        raise CloudError(400, f"{field[:1].upper()}{field[1:]} has already been taken")
    setting = replace(about(world, call.path, call.params), is_configuration=True, device=None)
    base = sample(setting, tree, enums=route.body) if isinstance(tree, dict) else {}
    if "/liveTools/" in call.path:
        base["status"] = "new"
    value = body.get(field, int(key) if isinstance(base.get(field), int) and key.isdigit() else key)
    items[key] = merged(base, body, route.body) | {field: value}
    return items[key]


def _without_effect(call: Call, body: Json) -> Json:
    """The answer of an action that changes nothing; CloudError 501 for one that would, and that nobody wrote."""
    if call.operation not in WITHOUT_EFFECT:
        raise CloudError(501, f"The sandbox does not know what {call.operation} does")
    return body


def _new_key(world: World, route: Route, body: Json) -> str:
    word = route.words[-1] if route.words else ""
    if word == "httpServers" and body.get("url"):
        return world.url_id(body["url"])
    return world.new_id(_ID_KINDS.get(word, "numeric"))
