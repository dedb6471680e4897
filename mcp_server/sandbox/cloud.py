"""One request, judged as the cloud judges it: route, parents, locks, shape, behaviour, log, answer.

Checks come in the order in which the cloud is seen to make them: what is not there is a 404 before a bad body is a
400. Every refusal is raised before anything changed.
"""

import copy
import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from mcp_server.sandbox import behaviours
from mcp_server.sandbox.behaviour import AFTER_WRITE, BEFORE_REQUEST, BEHAVIOURS, Call, CloudError
from mcp_server.sandbox.behaviours.lan.reachability import fetch
from mcp_server.sandbox.checks.effects import WITHOUT_EFFECT
from mcp_server.sandbox.checks.settings import PAGE
from mcp_server.sandbox.generic import NOT_FOUND, Rows, answer, is_collection, item_tree
from mcp_server.sandbox.paging import page_of
from mcp_server.sandbox.routes import Route, parameters, routes
from mcp_server.sandbox.shapes import SECRETS, body_faults, cut
from mcp_server.sandbox.world import World

Json = Any
_PRODUCTS: Mapping[str, str] = {
    "appliance": "appliance",
    "switch": "switch",
    "wireless": "wireless",
    "camera": "camera",
    "sensor": "sensor",
    "cellularGateway": "cellularGateway",
    "sm": "systemsManager",
}
#: what a network that takes its settings from a template still lets be written (facts: section 2, point 9)
_OWN_OF_BOUND = (
    "",
    "bind",
    "unbind",
    "split",
    "devices",
    "floorPlans",
    "liveTools",
    "clients",
    "webhooks",
    "pii",
    "sm",
)
_UNLOGGED = ("/actionBatches", "/alerts/dismiss", "/alerts/restore")
_METHODS = ("POST ", "PUT ", "DELETE ")
_ROOTS = ("organizationId", "networkId", "serial", "configTemplateId")  #: checked for all calls
_SSIDS = frozenset(str(number) for number in range(15))
BOUND = "This network is bound to a configuration template. Unbind it or change the template instead."
MONITORED = "This switch is monitored only: its configuration comes from the device and is read-only in the dashboard."

for _module in pkgutil.walk_packages(behaviours.__path__, f"{behaviours.__name__}."):
    importlib.import_module(_module.name)  # each file there registers its behaviours when imported


@dataclass(frozen=True, slots=True)
class Answer:
    """What the cloud sends back. ``{base}`` in a Link header stands for the address it was asked at."""

    status: int
    body: Json
    headers: Mapping[str, str] = field(default_factory=dict)
    took_effect: bool = False  #: a write was carried out


class Cloud:
    """The dispatcher over one world."""

    def __init__(self, world: World) -> None:
        """Gives ``world`` the means to carry out further operations (batches)."""
        self.world = world
        world.perform = self.perform

    def ask(self, method: str, path: str, query: Mapping[str, Json], body: Json) -> Answer:
        """The answer to a request that was let in; never raises CloudError."""
        for hook in BEFORE_REQUEST:
            hook(self.world)
        try:
            route, call = self._find(method, path, query, body)
            result = self._carry_out(route, call)
            page, headers = page_of(result, route, call) if method == "GET" else (result, {})
        except CloudError as error:
            return Answer(error.status, {"errors": list(error.errors)})
        return Answer(_status(route), _shown(page, route), headers, took_effect=method != "GET")

    def perform(self, method: str, path: str, body: Json) -> Json:
        """The result of one operation within another; raises CloudError."""
        route, call = self._find(method, path, {}, body)
        return _shown(self._carry_out(route, call), route)

    def _find(self, method: str, path: str, query: Mapping[str, Json], body: Json) -> tuple[Route, Call]:
        found = routes().match(path)
        route = found.get(method)
        if route is None:
            raise CloudError(405 if found else 404, "Method not allowed" if found else NOT_FOUND)
        params = parameters(route.template, path)
        return route, Call(route.operation, method, path.rstrip("/"), params, query, copy.deepcopy(body))

    def _carry_out(self, route: Route, call: Call) -> Json:
        world = self.world
        _check_parents(world, call.params)
        _check_product(world, route, call)
        self._check_items(route, call)
        if call.method != "GET":
            _check_locks(world, route, call)
        _check_shape(route, call)
        written = len(world.changes)
        result = BEHAVIOURS.get(route.operation, answer)(world, call)
        if call.method != "GET":
            self._after(route, call, written)
        return result

    def _check_items(self, route: Route, call: Call) -> None:
        """404 for an item in the middle of a path that is not there; what cannot be asked for is let pass."""
        parts, names = call.path.strip("/").split("/"), route.template.strip("/").split("/")
        for number, name in enumerate(names[:-1]):
            if not name.startswith("{") or name[1:-1] in _ROOTS:
                continue
            if names[number - 1] == "ssids":
                if unquote(parts[number]) not in _SSIDS:
                    raise CloudError(404, NOT_FOUND)
            elif not self._has_item("/".join(["", *names[: number + 1]]), "/".join(["", *parts[: number + 1]])):
                raise CloudError(404, NOT_FOUND)

    def _has_item(self, template: str, path: str) -> bool:
        shown = routes().at.get(("GET", template))
        listed = routes().at.get(("GET", template.rpartition("/")[0]))
        found = shown or listed
        if found is None:
            return True
        asked = path if shown else path.rpartition("/")[0]
        inner = Call(found.operation, "GET", asked, parameters(found.template, asked), {}, None)
        try:
            rows = BEHAVIOURS.get(found.operation, answer)(self.world, inner)
        except CloudError as error:
            if error.status == 404:
                return False
            raise
        key = unquote(path.rpartition("/")[2])
        return shown is not None or any(key in _scalars(row) for row in rows)

    def _after(self, route: Route, call: Call, written: int) -> None:
        world = self.world
        for serial in _configured(world, route, call):
            world.hidden[f"/devices/{serial}"]["configurationAwaited"] = True
            fetch(world, serial)
        unlogged = route.operation in WITHOUT_EFFECT or any(word in call.path for word in _UNLOGGED)
        if len(world.changes) == written and not unlogged:
            network_id = call.params.get("networkId") or world.network_of(call.params.get("serial", ""))
            organization_id = call.params.get("organizationId") or world.organization_of(network_id)
            world.record_change(network_id, PAGE, route.operation, "", call.body or {}, organization_id=organization_id)
        _label(world.changes[written:], call)
        for hook in AFTER_WRITE:
            hook(world, call)


def _label(rows: list[Json], call: Call) -> None:
    """Name each API row by its request (Cisco documentation: label ``PUT /api/v1/organizations/2930418``)."""
    for row in rows:
        if row["page"] == PAGE and not row["label"].startswith(_METHODS):
            row["label"] = f"{call.method} /api/v1{call.path}"


def _scalars(row: Json) -> set[str]:
    return {str(value) for value in row.values() if not isinstance(value, dict | list)}


def _configured(world: World, route: Route, call: Call) -> list[str]:
    """The devices that a write gives another configuration: one, or those of the network that it is for."""
    if f"/devices/{call.params.get('serial')}" in world.hidden:
        return [call.params["serial"]]
    word = _PRODUCTS.get(route.words[0]) if route.words else None
    found = world.devices_in(call.params.get("networkId") or "")
    return [str(one["serial"]) for one in found if word is None or one["productType"] == word]


def _status(route: Route) -> int:
    if route.method == "DELETE":
        return 204
    if route.method != "POST":
        return 200
    creates = route.operation.startswith("create") or ("GET", route.template) in routes().at
    return 201 if creates else 200


# Checks


def _check_parents(world: World, params: Mapping[str, str]) -> None:
    organization_id, network_id, serial = (params.get(n) for n in ("organizationId", "networkId", "serial"))
    if organization_id is not None and organization_id not in world.organizations:
        raise CloudError(404, NOT_FOUND)
    if network_id is not None and network_id not in world.networks and network_id not in world.templates:
        raise CloudError(404, NOT_FOUND)
    if serial is not None and not _is_visible(world, serial, organization_id):
        raise CloudError(404, NOT_FOUND)
    template_id = params.get("configTemplateId")
    if template_id is not None and world.templates.get(template_id, {}).get("organizationId") != organization_id:
        raise CloudError(404, NOT_FOUND)


def _is_visible(world: World, serial: str, organization_id: str | None) -> bool:
    """Whether a device may be asked for: by itself only in a network, in an organization when that owns it."""
    if serial not in world.devices:
        return False
    if organization_id is None:
        return world.network_of(serial) is not None
    return bool(world.hidden[f"/devices/{serial}"]["organizationId"] == organization_id)


def _check_product(world: World, route: Route, call: Call) -> None:
    word = _PRODUCTS.get(route.words[0]) if route.words else None
    if word is None or "organizationId" in call.params:
        return
    if "serial" in call.params:
        if world.devices[call.params["serial"]]["productType"] != word:
            raise CloudError(400, f"This endpoint only supports {word} devices")
        return
    network_id = call.params.get("networkId", "")
    home = world.networks.get(network_id) or world.templates.get(network_id) or {}
    if word not in home.get("productTypes", ()):
        raise CloudError(400, f"This endpoint only supports {word} networks")


def _check_locks(world: World, route: Route, call: Call) -> None:
    serial = call.params.get("serial")
    words = route.words or [""]
    network_id = call.params.get("networkId") or ""
    if network_id and world.is_bound(network_id) and words[0] not in _OWN_OF_BOUND:
        raise CloudError(400, BOUND)
    if serial is None or words[0] != "switch":
        return
    facts = world.hidden.get(f"/devices/{serial}", {})
    if facts.get("catalyst") == "monitored":
        raise CloudError(400, MONITORED)
    if facts.get("switchProfileId") and world.is_bound(world.network_of(serial) or "") and words[1:2] != ["ports"]:
        raise CloudError(400, BOUND)


def _check_shape(route: Route, call: Call) -> None:
    missing = [name for name in route.required_query if name.removesuffix("[]") not in call.query]
    if missing:
        raise CloudError(400, *[f"Missing required parameter '{name}'" for name in missing])
    if call.method not in ("PUT", "POST") or route.body is None:
        return
    body = {} if call.body is None else call.body
    faults = body_faults(body, route.body)
    if faults:
        raise CloudError(400, *faults)


# Answers


def _shown(result: Json, route: Route) -> Json:
    if route.method == "DELETE":
        return None
    tree = _tree_of(route)
    if isinstance(result, Rows):
        result = list(result)
    if route.method == "GET" and isinstance(tree, list) and isinstance(result, dict):
        return {**result, "items": cut(result.get("items", []), tree)}
    return _without_secrets(result) if tree is None else cut(result, tree)


def _tree_of(route: Route) -> Json:
    if route.response is not None:
        return route.response
    if route.method == "PUT":
        whole = routes().at.get(("GET", route.template))
        if whole is not None:
            return whole.response
        return item_tree(route.template.rpartition("/")[0]) if route.template.endswith("}") else None
    if route.method == "POST" and is_collection(route.template):
        return _with_id(route.template, item_tree(route.template))
    return None


def _with_id(template: str, tree: Json) -> Json:
    """The tree of what a creation answers: it always has the id by which the item is asked for."""
    names = {one.template.rsplit("{", 1)[1][:-1] for one in routes().item_routes(template)} | {"id"}
    known = {name.removesuffix("!") for name in tree} if isinstance(tree, dict) else set()
    return tree | dict.fromkeys(sorted(names - known), "s") if isinstance(tree, dict) else tree


def _without_secrets(value: Json) -> Json:
    if isinstance(value, dict):
        return {name: _without_secrets(item) for name, item in value.items() if name not in SECRETS}
    if isinstance(value, list):
        return [_without_secrets(item) for item in value]
    return value
