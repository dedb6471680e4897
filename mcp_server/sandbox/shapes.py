"""What fits a tree: checking bodies as the cloud does, and cutting answers to what the cloud documents.

Unknown fields of a body are ignored (facts: GET an object, change it, PUT it back works); null clears any field.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Json = Any
_KINDS: Mapping[str, tuple[type, ...]] = {"s": (str,), "i": (int,), "n": (int, float), "b": (bool,), "object": (dict,)}
_WORDS: Mapping[str, str] = {
    "s": "a string",
    "i": "an integer",
    "n": "a number",
    "b": "a boolean",
    "object": "an object",
}


def body_faults(body: Json, tree: Json) -> list[str]:
    """Every fault of a body, as the cloud words them; empty when it fits. Required fields count on creation too."""
    return list(_faults(body, tree, ""))


def _faults(value: Json, tree: Json, where: str) -> Iterator[str]:
    if value is None or tree == "any":
        return
    if isinstance(tree, dict):
        yield from _object_faults(value, tree, where)
    elif isinstance(tree, list):
        yield from _list_faults(value, tree, where)
    elif tree in _KINDS:
        fits = isinstance(value, _KINDS[tree]) and not (tree in ("i", "n") and isinstance(value, bool))
        if not fits:
            yield f"'{where}' must be {_WORDS[tree]}"
    elif isinstance(value, dict | list) or str(value) not in tree.split("|"):
        options = ", ".join(f"'{option}'" for option in tree.split("|"))
        yield f"'{where}' must be one of: {options}"


def _object_faults(value: Json, tree: Mapping[str, Json], where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"'{where}' must be an object" if where else "The request body must be a JSON object"
        return
    for name, node in tree.items():
        plain = name.removesuffix("!")
        inner = f"{where}[{plain}]" if where else plain
        if name.endswith("!") and value.get(plain) is None:
            yield f"Missing required parameter '{inner}'"
        elif plain in value:
            yield from _faults(value[plain], node, inner)


def _list_faults(value: Json, tree: list[Json], where: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"'{where}' must be an array"
        return
    for index, item in enumerate(value):
        if tree and item is None:
            yield f"'{where}[{index}]' must not be null"
        elif tree:
            yield from _faults(item, tree[0], f"{where}[{index}]")


def cut(value: Json, tree: Json) -> Json:
    """A copy of a value with only the documented fields, in the documented kinds (an id written, an object read)."""
    if isinstance(tree, dict):
        return _cut_object(value, tree)
    if isinstance(tree, list):
        items = value if isinstance(value, list) else []
        return [cut(item, tree[0]) if tree else item for item in items] if value is not None else None
    if tree == "object" or value is None:
        return _copy(value)
    if isinstance(value, dict | list):
        return _copy(value)
    return _scalar(value, tree)


def _cut_object(value: Json, tree: Mapping[str, Json]) -> Json:
    if isinstance(value, str | int) and not isinstance(value, bool):
        for name in tree:
            if name.removesuffix("!") == "id":
                return {"id": str(value)}
    if not isinstance(value, dict):
        return None if value is None else value
    return {
        plain: cut(value[plain], node)
        for plain, node in ((name.removesuffix("!"), node) for name, node in tree.items())
        if plain in value
    }


def _scalar(value: Json, tree: str) -> Json:
    if tree == "s" and not isinstance(value, str):
        return str(value).lower() if isinstance(value, bool) else str(value)
    if tree == "i" and isinstance(value, str) and value.lstrip("-").isdigit():
        return int(value)
    return value


def _copy(value: Json) -> Json:
    if isinstance(value, dict):
        return {name: _copy(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_copy(item) for item in value]
    return value


def known(body: Json, tree: Json) -> Json:
    """A copy of a body without the fields that its tree does not know."""
    if isinstance(tree, dict) and isinstance(body, dict):
        nodes = {name.removesuffix("!"): node for name, node in tree.items()}
        return {name: known(item, nodes[name]) for name, item in body.items() if name in nodes}
    if isinstance(tree, list) and isinstance(body, list):
        return [known(item, tree[0]) if tree else _copy(item) for item in body]
    return _copy(body)


def merged(old: Json, new: Json, tree: Json = "object") -> Json:
    """What a PUT makes of the stored value: omitted fields stay, nested objects merge, lists and keyed maps replace.

    ``tree`` is the body's; where it says ``object`` the map is replaced whole (facts: section 1.3, keyed maps).
    null clears a plain field or a list; over an object of settings it changes nothing: they are cleared one by one.
    A write-only field that a list element omits is kept from the element with the same identity (section 1.4).
    """
    if isinstance(new, dict) and isinstance(tree, dict):
        nodes = {name.removesuffix("!"): node for name, node in tree.items()}
        base = dict(old) if isinstance(old, dict) else {}
        said = {name: item for name, item in new.items() if item is not None or not _is_object(nodes.get(name))}
        return base | {name: merged(base.get(name), item, nodes.get(name, "object")) for name, item in said.items()}
    if isinstance(new, list) and isinstance(old, list) and tree and isinstance(tree, list):
        return [_with_secret(item, old) for item in new]
    return _copy(new)


def _is_object(tree: Json) -> bool:
    return isinstance(tree, dict)


def _with_secret(item: Json, old: list[Json]) -> Json:
    if not isinstance(item, dict):
        return _copy(item)
    twin = next((one for one in old if isinstance(one, dict) and identity(one) and identity(one) == identity(item)), {})
    kept = {name: twin[name] for name in SECRETS if name in twin and name not in item}
    return _copy(item) | kept


#: write-only fields of list elements (facts: section 1.4)
SECRETS = ("secret", "password", "sharedSecret", "passphrase", "psk")


def identity(item: Mapping[str, Json]) -> tuple[Json, ...] | None:
    """What makes a list element the same one: its host and port, else its id, else nothing."""
    if item.get("host"):
        return ("host", item["host"], item.get("port"))
    return ("id", item["id"]) if item.get("id") is not None else None
