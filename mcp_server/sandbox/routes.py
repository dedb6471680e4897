"""The operations as routes: which operation a method and path are, and what shape its body and answer have.

Reads the catalogue's rows (``operations.json.gz``; how a row is written is said in ``catalogue/operations.py``) and
``shapes.json`` beside this file, which holds what the rows do not carry.
"""

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from mcp_server.catalogue.operations import SHIPPED

Json = Any
SHAPES = Path(__file__).with_name("shapes.json")
#: item key -> the field of the item that holds it, where it is neither the parameter's name nor ``id``
_KEY_FIELDS: Mapping[str, str] = {
    "/networks/{networkId}/appliance/ports": "number",
    "/networks/{networkId}/sensor/alerts/profiles": "profileId",
    "/organizations/{organizationId}/adaptivePolicy/groups": "groupId",
    "/organizations/{organizationId}/adaptivePolicy/policies": "adaptivePolicyId",
    "/organizations/{organizationId}/cellularGateway/esims/inventory": "eid",
}
#: bodies whose ``value`` is text in the rows but an object for applications (parameter texts, official SDK 4.7.0)
_OBJECT_VALUES = frozenset({
    "updateNetworkApplianceFirewallL7FirewallRules", "updateNetworkApplianceTrafficShapingRules",
    "createNetworkGroupPolicy", "updateNetworkGroupPolicy", "updateNetworkWirelessSsidFirewallL7FirewallRules",
    "updateNetworkWirelessSsidTrafficShapingRules",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of the API."""

    operation: str
    method: str
    template: str
    query: tuple[str, ...]  #: names, ``name[]`` for lists
    required_query: tuple[str, ...]
    body: Json  #: tree, None when the operation takes none
    response: Json  #: tree of a GET, else None
    batch: str | None
    batch_resource: str
    is_wrapped: bool  #: answers {items, meta}
    paging: tuple[int, int, int] | None  #: least, most and usual perPage; None: not paged

    @property
    def words(self) -> list[str]:
        """The path's fixed words after its first parameter."""
        return [part for part in self.template.split("/")[2:] if part and not part.startswith("{")]


class Routes:
    """All routes, by operation and by method and concrete path."""

    def __init__(self, rows: list[Json], shapes: Json) -> None:
        """``rows`` as in the shipped file, ``shapes`` as in shapes.json."""
        self.by_operation: dict[str, Route] = {}
        self.at: dict[tuple[str, str], Route] = {}
        self.readers: dict[str, str] = shapes["readers"]
        self._tree: dict[str, Any] = {}
        for row in rows:
            route = _route(row, shapes)
            self.by_operation[route.operation] = route
            self.at[route.method, route.template] = route
            self._plant(route)

    def _plant(self, route: Route) -> None:
        node = self._tree
        for part in route.template.strip("/").split("/"):
            node = node.setdefault("{}" if part.startswith("{") else part, {})
        node.setdefault("=", {})[route.method] = route

    def match(self, path: str) -> Mapping[str, Route]:
        """The routes of a concrete path by method; empty when there is none."""
        found = _walk(self._tree, [part for part in path.strip("/").split("/") if part])
        return found or {}

    def item_routes(self, template: str) -> list[Route]:
        """The routes of the items directly below a collection."""
        depth = template.count("/") + 1
        below = (r for (_m, t), r in self.at.items() if t.startswith(template + "/{") and t.endswith("}"))
        return [route for route in below if route.template.count("/") == depth]


def _walk(node: dict[str, Any], parts: list[str]) -> dict[str, Route] | None:
    if not parts:
        return node.get("=")
    for name in (parts[0], "{}"):
        if name in node and name != "=":
            found = _walk(node[name], parts[1:])
            if found:
                return found
    return None


def _route(row: Json, shapes: Json) -> Route:
    name = row["id"]
    response = row.get("r")
    other = shapes["trees"].get(name)
    if isinstance(other, dict):
        other = {key: response if node == "=row" else node for key, node in other.items()}
    response = other or response
    added = shapes["added"].get(name)
    if added:
        response = [response[0] | added] if isinstance(response, list) else response | added
    paged = "perPage" in row.get("q", ())
    bounds = shapes["paging"].get(name, (3, 1000, 1000)) if paged else None
    return Route(
        operation=name,
        method=row["m"].upper(),
        template=row["p"],
        query=tuple(row.get("q", ())),
        required_query=tuple(row.get("rq", ())),
        body=_with_any_value(row.get("b")) if name in _OBJECT_VALUES else row.get("b"),
        response=response,
        batch=row.get("batch"),
        batch_resource=row.get("br", row["p"]),
        is_wrapped=name in shapes["wrapped"],
        paging=(bounds[0], bounds[1], bounds[2] or 1000) if bounds else None,
    )


def _with_any_value(tree: Json) -> Json:
    if isinstance(tree, list):
        return [_with_any_value(node) for node in tree]
    if not isinstance(tree, dict):
        return tree
    return {name: "any" if name in ("value", "value!") else _with_any_value(node) for name, node in tree.items()}


def _loosened(tree: Json) -> Json:
    """The tree with the value of layer 7 rules free: an application's is an object, which the rows call a string."""
    if isinstance(tree, list):
        return [_loosened(one) for one in tree]
    if not isinstance(tree, dict):
        return tree
    inner = {name: _loosened(node) for name, node in tree.items()}
    plain = {name.removesuffix("!") for name in tree}
    if {"policy", "type", "value"} <= plain <= {"policy", "type", "value"}:
        inner = {name: "any" if name.startswith("value") else node for name, node in inner.items()}
    return inner


@cache
def routes() -> Routes:
    """The routes of the shipped catalogue, loaded once."""
    rows = json.loads(gzip.decompress(SHIPPED.read_bytes()))
    return Routes(rows, json.loads(SHAPES.read_bytes()))


def parameters(template: str, path: str) -> dict[str, str]:
    """The path parameters of a concrete path, unquoted."""
    pairs = zip(template.strip("/").split("/"), path.strip("/").split("/"), strict=True)
    return {name[1:-1]: unquote(value) for name, value in pairs if name.startswith("{")}


def filled(template: str, params: Mapping[str, str]) -> str:
    """The concrete path of a template."""
    for name, value in params.items():
        template = template.replace("{" + name + "}", value)
    return template


def key_field(template: str, tree: Json) -> str:
    """Which field of an item is its key; ``template`` is the collection's, ``tree`` the item's response tree."""
    if template in _KEY_FIELDS:
        return _KEY_FIELDS[template]
    names: list[str] = [name.removesuffix("!") for name in tree] if isinstance(tree, dict) else []
    wanted = [r.template.rsplit("{", 1)[1][:-1] for r in routes().item_routes(template)]
    own = [name for name in names if name.endswith("Id")] if "/liveTools/" in template else []
    for name in (*wanted, "id", *own):
        if name in names:
            return name
    return "id"
