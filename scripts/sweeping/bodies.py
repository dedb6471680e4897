"""Bodies from the schema: the same seed makes the same bodies.

The schema has no numeric or length bounds, so the boundaries are those of its kinds: nothing but the required fields,
every field, empty lists and texts, zero, large numbers, long texts, null, and each value of each enum.
"""

import copy
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mcp_server.domain.operation import Kind, Schema
from tests.support.cases import PLACES

Json = Any
_TEXTS: Final[Mapping[str, str]] = {  #: what a field of that name, or ending so, takes
    "email": "sweep@example.com", "timezone": "Europe/Lisbon", "mac": "00:11:22:33:44:55", "url": "https://example.com/",
    "subnet": "10.123.4.0/24", "cidr": "10.123.4.0/24", "prefix": "2001:db8:1::/64", "mask": "255.255.255.0",
    "ip": "10.123.4.9", "host": "10.123.4.9", "address": "10.123.4.9", "gateway": "10.123.4.1", "port": "443",
    "publichostname": "vpn.example.com", "hostname": "vpn.example.com", "domain": "example.com",
    "start": "08:00", "from": "08:00", "end": "18:00", "to": "18:00", "color": "#00ff00", "vlan": "10", "vlanid": "10",
    "psk": "a-long-password", "passphrase": "a-long-phrase", "password": "a-Long-password1", "secret": "a-long-secret",
    "serial": PLACES["MS"], "networkid": PLACES["NET"], "organizationid": PLACES["ORG"], "themeidentifier": "1",
    "date": "2027-03-01", "at": "2027-03-01T00:00:00Z", "ts": "2027-03-01T00:00:00Z", "slot": "sim1",
}  # fmt: skip
_NUMBERS: Final[Mapping[str, int]] = {"port": 443, "vlan": 10, "vlanid": 10, "priority": 10, "number": 1, "ttl": 60}
_LONG: Final = "x" * 300


@dataclass(frozen=True, slots=True)
class Variant:
    """One body to try."""

    name: str
    body: Json


def variants(schema: Schema | None, given: Json, seed: str) -> Iterator[Variant]:
    """Bodies for an operation whose hand-made valid body is ``given`` (None when nobody made one); the first is valid.

    A list edit of the plan language in ``given`` stays as it is.
    """
    if schema is None or not schema.fields:
        yield Variant("as it is", given)
        return
    made = _Maker(random.Random(seed))
    needed = {name: made.value(schema.fields[name], name) for name in sorted(schema.required)}
    base = needed if given is None else {**needed, **given}
    seen: list[Json] = []
    for one in _all(schema, base, given is not None, made):
        if one.body not in seen:
            seen.append(one.body)
            yield one


def _all(schema: Schema, base: Mapping[str, Json], by_hand: bool, made: "_Maker") -> Iterator[Variant]:
    every = {name: made.value(field, name) for name, field in schema.fields.items()}
    required = {name: value for name, value in base.items() if name in schema.required}
    optional = {name: field for name, field in schema.fields.items() if name not in schema.required}
    if by_hand or not optional:
        yield Variant("by hand" if by_hand else "required", dict(base))
    yield Variant("generated", {**every, **required} if not by_hand else {**required, **_few(every, optional)})
    yield Variant("required", required)
    yield Variant("every field", {**every, **base})
    yield Variant("lower bounds", {**base, **_edge(optional, low=True)})
    yield Variant("upper bounds", {**base, **_edge(optional, low=False)})
    yield Variant("null", {**base, **dict.fromkeys(optional)})
    for path, field in _enums(schema, ()):
        for value in field.enum:
            word: Json = int(value) if field.kind is Kind.INTEGER else value
            yield Variant(f"{'.'.join(path)}={value}", _set(copy.deepcopy(dict(base)), schema, path, word, made))


class _Maker:
    """Values of the documented kinds."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def value(self, schema: Schema, name: str, *, only_required: bool = False) -> Json:
        """A plausible value of a field; ``name`` is its own, or its holder's and its own: networkId for network.id."""
        if schema.enum:
            word = self._chance.choice(schema.enum)
            return int(word) if schema.kind is Kind.INTEGER else word
        if schema.kind is Kind.ARRAY:
            return [self.value(schema.items, name.removesuffix("s"))] if schema.items is not None else []
        if schema.fields:
            chosen = schema.required if only_required and schema.required else schema.fields
            names = {inner: f"{name}Id" if inner == "id" else inner for inner in schema.fields if inner in chosen}
            return {inner: self.value(schema.fields[inner], called) for inner, called in names.items()}
        return self._scalar(schema.kind, name)

    def _scalar(self, kind: Kind, name: str) -> Json:
        low = name.lower()
        if kind is Kind.BOOLEAN:
            return self._chance.random() < 0.5
        if kind in (Kind.INTEGER, Kind.NUMBER):
            return _NUMBERS.get(low, self._chance.randint(1, 30))
        if kind in (Kind.OBJECT, Kind.ANY):
            return {}
        fits = [word for word in _TEXTS if low.endswith(word)]
        return _TEXTS[max(fits, key=len)] if fits else f"sweep {self._chance.randint(100, 999)}"


def _few(every: Mapping[str, Json], optional: Mapping[str, Schema]) -> dict[str, Json]:
    """The optional fields that are plain: a body that somebody would write."""
    return {name: every[name] for name, field in optional.items() if not field.fields and field.kind is not Kind.ARRAY}


def _edge(fields: Mapping[str, Schema], *, low: bool) -> dict[str, Json]:
    """The boundary of each field of a plain kind, and of lists."""
    edges: Mapping[Kind, Json] = (
        {Kind.STRING: "", Kind.INTEGER: 0, Kind.NUMBER: 0, Kind.BOOLEAN: False, Kind.ARRAY: []}
        if low
        else {Kind.STRING: _LONG, Kind.INTEGER: 2**31, Kind.NUMBER: 1e9, Kind.BOOLEAN: True}
    )
    return {name: edges[field.kind] for name, field in fields.items() if field.kind in edges and not field.enum}


def _enums(schema: Schema, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Schema]]:
    """Every enum of a body with its path; ``[]`` stands for the elements of a list."""
    if schema.enum and path:
        yield path, schema
    for name, field in schema.fields.items():
        yield from _enums(field, (*path, name))
    if schema.items is not None:
        yield from _enums(schema.items, (*path, "[]"))


def _set(holder: Json, schema: Schema, path: tuple[str, ...], value: Json, made: _Maker) -> Json:
    """The holder with a value at a path; what is missing on the way is made."""
    if not path:
        return value
    first, rest = path[0], path[1:]
    if first == "[]":
        inner = schema.items or Schema(Kind.ANY)
        rows = holder if isinstance(holder, list) and holder else [made.value(inner, "", only_required=True)]
        return [_set(rows[0], inner, rest, value, made), *rows[1:]]
    found = holder if isinstance(holder, dict) and not any(name.startswith("$") for name in holder) else {}
    needed = {name: made.value(schema.fields[name], name) for name in schema.required if name not in found}
    field = schema.fields[first]
    return {**needed, **found, first: _set(found.get(first), field, rest, value, made)}
