"""The row of an operation that no file names, and the start of one that is named: what the schema tells.

Conservative on purpose: critical until its inverse is proven (design 3.3), undo only where a state can be read.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mcp_server.catalogue.overlay.places import Places, leaves
from mcp_server.catalogue.overlay.row import Row
from mcp_server.domain.operation import Operation, Schema
from mcp_server.domain.risk import Risk

_SECRET_ENDS = (
    "secret", "password", "psk", "passphrase", "apikey", "communitystring", "authpass", "privpass", "credentials",
)  # fmt: skip
_TARGETS = {"networks": "network", "devices": "device", "organizations": "organization"}
_VOLATILE = ("createdAt", "updatedAt", "lastUpdatedAt", "url", "imageUrl", "imageUrlExpiresAt")
_UNORDERED = ("tags", "availabilityTags", "networkTags", "productTypes")
_MAPS = ("fixedIpAssignments",)
_UNREADABLE = "nothing reads what it changes, so there is no before-state to go back to"


def default_row(places: Places, operation: Operation, path_rules: Sequence[Mapping[str, Any]]) -> Row:
    """The row computed from the operation's schema and the rules by path."""
    kind = _kind(places, operation)
    undo, why = _undo(places, operation, kind)
    target = _TARGETS.get(operation.path.split("/")[1], "account")
    by_path = {"resource": target, "task": "T6", **_by_path(operation, path_rules)}
    written = operation.body.fields if operation.body else {}
    return Row(
        operation=operation.id,
        kind=kind,
        target=target,
        risk=Risk.CRITICAL if operation.is_write else Risk.LOW,
        undo=undo,
        why_none=why,
        id_field=_id_field(places, operation),
        natural_key=_natural_key(operation, kind),
        volatile=tuple(name for name in _VOLATILE if name not in written),
        unordered=_UNORDERED,
        map_fields=_MAPS,
        **_secrets(places, operation),
        **by_path,
    )


def _kind(places: Places, operation: Operation) -> str:
    if not operation.is_write:
        return "read"
    if operation.method == "POST":
        return "create" if places.item("DELETE", operation.path) else "action"
    return "update" if operation.method == "PUT" else "delete"


def _undo(places: Places, operation: Operation, kind: str) -> tuple[str, str]:
    readable = places.own_get(operation) or places.parent("GET", operation)
    if kind == "update":
        return ("put_before", "") if readable else ("none", _UNREADABLE)
    if kind == "create":
        return "delete_created", ""
    if kind == "delete":
        if not readable:
            return "none", _UNREADABLE
        known = places.parent("POST", operation)
        return ("recreate", "") if known else ("none", "no operation creates it again")
    return "none", "" if kind == "read" else "an action; no inverse action is known"


def _by_path(operation: Operation, rules: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the rules by path say; of each field the first rule that fits counts."""
    found: dict[str, Any] = {}
    for rule in rules:
        fits_path = any(part in f"{operation.path}/" for part in rule["paths"])
        if fits_path and operation.method in rule.get("methods", (operation.method,)):
            found = {**rule["fields"], **found}
    return found


def _natural_key(operation: Operation, kind: str) -> tuple[str, ...]:
    if kind != "create" or operation.body is None:
        return ()
    names = [name for name in ("id", "iname", "name") if name in operation.body.fields]
    return tuple(names[:1]) or tuple(sorted(operation.body.required))


def _id_field(places: Places, operation: Operation) -> str:
    """The field of the read resource that is its id in the path."""
    item = places.item("DELETE", operation.path) or places.item("PUT", operation.path)
    tail = operation.path.rpartition("/")[2]
    param = item.param if operation.method == "POST" and item else tail[1:-1] if tail.startswith("{") else ""
    schema = places.read_schema(operation)
    if not param or schema is None:
        return param
    return param if param in schema.fields or "id" not in schema.fields else "id"


def _secrets(places: Places, operation: Operation) -> dict[str, Any]:
    """Secrets and other fields of the body, by whether the schema says that they are read back."""
    if operation.body is None:
        return {}
    written = leaves(operation.body)
    schema = places.read_schema(operation)
    read: Mapping[str, Schema] = leaves(schema) if schema else {}
    secret = {path for path in written if _is_secret(path)}
    return {
        "write_only": tuple(sorted(secret - set(read))),
        "unreadable": tuple(sorted({_holder(path, read) for path in written if path not in read} - secret))
        if read
        else (),
    }


def _holder(path: str, read: Mapping[str, Schema]) -> str:
    """The outermost field that holds a path and of which nothing is read."""
    parts = path.split(".")
    holders = [".".join(parts[:n]).removesuffix("[]") for n in range(1, len(parts) + 1)]
    return next((name for name in holders if not any(_is_inside(other, name) for other in read)), path)


def _is_inside(path: str, holder: str) -> bool:
    return path == holder or path.startswith((f"{holder}.", f"{holder}[]"))


def _is_secret(path: str) -> bool:
    last = path.rpartition(".")[2].removesuffix("[]").lower()
    return last.endswith(_SECRET_ENDS) or path.lower().endswith(("contents", "api.key"))
