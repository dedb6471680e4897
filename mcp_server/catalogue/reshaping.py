"""Transforms of resources whose read form and written form are built differently.

Each is one direction of a pair in ``transforms.TRANSFORMS``, which says what the argument of a row's word is. What has
not the form that a direction starts from is left as it is, so that applying one twice changes nothing.
"""

from collections.abc import Callable, Mapping
from typing import Any

from mcp_server.catalogue.overlay import Row
from mcp_server.domain.call import Json
from mcp_server.domain.state.merge import merged


def taken_out(value: Json, argument: str, _row: Row) -> Json:
    """``{"geolocation": {...}}`` is read, its inside written; of a list its only element."""
    inner = value.get(argument) if isinstance(value, Mapping) else None
    if isinstance(inner, list) and len(inner) == 1:
        inner = inner[0]
    return inner if isinstance(inner, Mapping) else value


def put_inside(value: Json, argument: str, _row: Row, before: Json) -> Json:
    """The written fields in the field that they are read in."""
    live = before.get(argument) if isinstance(before, Mapping) else None
    if isinstance(live, list) and len(live) == 1 and isinstance(value, Mapping):
        return {argument: [merged(live[0], value)]}
    return {argument: value}


def held(value: Json, argument: str, _row: Row) -> Json:
    """Fields that are read bare, in the one field that the write wants them in."""
    if not isinstance(value, Mapping) or isinstance(value.get(argument), Mapping):
        return value
    return {argument: dict(value)}


def let_go(value: Json, argument: str, _row: Row, _before: Json) -> Json:
    """The fields inside, as they are read."""
    inner = value.get(argument) if isinstance(value, Mapping) else None
    return inner if isinstance(inner, Mapping) else value


def flagged(value: Json, argument: str, _row: Row) -> Json:
    """``object.list[].flag``: each element says false where it does not say, because the write demands the flag."""
    return _each_element(value, argument, lambda element, flag: {flag: False, **element})


def unflagged(value: Json, argument: str, _row: Row, _before: Json) -> Json:
    """``object.list[].flag``: the elements without the flag, which is never read."""
    return _each_element(value, argument, lambda element, flag: {k: v for k, v in element.items() if k != flag})


def _each_element(value: Json, argument: str, change: Callable[[Mapping[str, Json], str], Json]) -> Json:
    place, _, flag = argument.partition("[].")
    holder, _, name = place.partition(".")
    inner = value.get(holder) if isinstance(value, Mapping) else None
    elements = inner.get(name) if isinstance(inner, Mapping) else None
    if not isinstance(value, Mapping) or not isinstance(inner, Mapping) or not isinstance(elements, list):
        return value
    changed = [change(element, flag) if isinstance(element, Mapping) else element for element in elements]
    return {**value, holder: {**inner, name: changed}}


def lifted(value: Json, argument: str, _row: Row) -> Json:
    """``list[].field``: elements that are read inside that field and written without it."""
    name, _, inner = argument.partition("[].")
    if not isinstance(value, Mapping) or not isinstance(value.get(name), list):
        return value
    elements = [e[inner] if isinstance(e, Mapping) and isinstance(e.get(inner), Mapping) else e for e in value[name]]
    return {**value, name: elements}


def lowered(value: Json, argument: str, _row: Row, _before: Json) -> Json:
    """``list[].field``: each element inside that field, as it is read."""
    name, _, inner = argument.partition("[].")
    if not isinstance(value, Mapping) or not isinstance(value.get(name), list):
        return value
    return {**value, name: [e if isinstance(e, Mapping) and inner in e else {inner: e} for e in value[name]]}


def rows_to_write(value: Json, argument: str, _row: Row) -> Json:
    """``list by key key having field``: the rows of a list read, those that have all of these, in the field written."""
    name, keys = _parts(argument)
    needed = [*keys, *argument.partition(" having ")[2].split()]
    if not isinstance(value, list):
        return value
    return {name: [row for row in value if None not in _key(row, needed)]}


def rows_to_read(value: Json, argument: str, _row: Row, before: Json) -> Json:
    """``list by key key``: the live rows with what the written ones say of those with the same keys."""
    name, keys = _parts(argument)
    written = value.get(name) if isinstance(value, Mapping) else None
    if not isinstance(written, list) or not isinstance(before, list):
        return value
    changes = {_key(row, keys): row for row in written}
    return [merged(row, changes.get(_key(row, keys), {})) for row in before]


def renamed(value: Json, argument: str, _row: Row) -> Json:
    """``list[].written by read``: a field of list elements that is written under another name than it is read."""
    path, keys = _parts(argument)
    return _with_field(value, path, keys[0], path.rpartition(".")[2])


def named_as_read(value: Json, argument: str, _row: Row, _before: Json) -> Json:
    """``list[].written by read``: the field under the name that it is read by."""
    path, keys = _parts(argument)
    return _with_field(value, path, path.rpartition(".")[2], keys[0])


def _with_field(value: Json, path: str, old: str, new: str) -> Json:
    name = path.partition("[]")[0]
    if not isinstance(value, Mapping) or not isinstance(value.get(name), list):
        return value
    elements = [{new if k == old else k: v for k, v in e.items()} if isinstance(e, Mapping) else e for e in value[name]]
    return {**value, name: elements}


def virtual_addresses(value: Json, _argument: str, _row: Row) -> Json:
    """A warm spare's virtual addresses, which are read as the ``ip`` of its uplinks and written by number.

    Only with virtual addresses in use: else the uplinks show their own (facts: round trip of the warm spare).
    """
    if not isinstance(value, Mapping) or value.get("uplinkMode") != "virtual":
        return value
    shown = {f"virtualIp{n}": _field(value.get(f"wan{n}"), "ip") for n in (1, 2)}
    return {**{name: ip for name, ip in shown.items() if ip}, **value}


def shown_addresses(value: Json, _argument: str, _row: Row, _before: Json) -> Json:
    """The virtual addresses as the ``ip`` of the uplinks."""
    if not isinstance(value, Mapping):
        return value
    shown = {f"wan{n}": {"ip": value[f"virtualIp{n}"]} for n in (1, 2) if value.get(f"virtualIp{n}")}
    return {name: item for name, item in value.items() if not name.startswith("virtualIp")} | shown


def settled_spare(value: Json, _argument: str, _row: Row) -> Json:
    """The state without what the cloud decides: own addresses of the uplinks, and everything of a spare that is off."""
    if not isinstance(value, Mapping):
        return value
    is_off, is_virtual = value.get("enabled") is False, value.get("uplinkMode") == "virtual"
    gone = ("spareSerial", "uplinkMode") if is_off else ()
    shown = () if is_virtual and not is_off else ("wan1", "wan2")
    return {name: item for name, item in value.items() if name not in (*gone, *shown)}


def _parts(argument: str) -> tuple[str, list[str]]:
    name, _, words = argument.partition(" by ")
    return name, words.partition(" having ")[0].split()


def _key(row: Json, keys: list[str]) -> tuple[Any, ...]:
    return tuple(_field(row, key) for key in keys)


def _field(value: Json, path: str) -> Json:
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
