"""Between what a GET returns and what a PUT or POST takes.

Each transform is a pure pair: ``to_write`` makes a state or body acceptable to the write, ``to_read`` says how a
written body will read back. A row names them as ``name`` or ``name:field``.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mcp_server.catalogue import reshaping
from mcp_server.catalogue.operations import Catalogue
from mcp_server.catalogue.overlay import Overlay, Row
from mcp_server.domain.call import Json, Touch
from mcp_server.domain.operation import Kind, Schema
from mcp_server.domain.state.json_value import copied
from mcp_server.domain.state.list_edit import explicit, has_edits, is_default, resolved
from mcp_server.domain.state.merge import merged
from mcp_server.errors import InvalidArguments

_MASKED = re.compile(r"[*•●·]{3,}|<(redacted|masked|hidden)>|\[(redacted|masked|hidden)\]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Transform:
    """Both directions. ``to_read`` gets the live state too, which it may need to name what a body only numbers.

    ``settled`` makes of the merged state what the cloud makes of it.
    """

    to_write: Callable[[Json, str, Row], Json]
    to_read: Callable[[Json, str, Row, Json], Json]
    settled: Callable[[Json, str, Row], Json]


def restorable(catalogue: Catalogue, overlay: Overlay, operation_id: str, state: Json, *, over: Json = None) -> Any:
    """The body that writes a state again: transformed, pruned to the operation's schema, without write-only secrets.

    ``over`` is the state that it is written over: what that has and ``state`` has not is cleared by an explicit null
    (Terraform provider #279). Raises InvalidArguments (masked_value) when the state holds a masked value.
    """
    operation = catalogue.find(operation_id)
    refuse_masked(state)
    if operation.body is None:
        return {}
    row = overlay.row(operation_id)
    written = to_write(state, row)
    if isinstance(written, Mapping):
        written = {**_default_logging(state, row), **written}
    body = pruned(written, operation.body)
    if isinstance(body, Mapping) and isinstance(over, Mapping):
        gone = {name: over[name] for name in over if not has(state, name) and over[name] is not None}
        body = pruned(to_write({**body, **_cleared(gone, operation.body)}, row), operation.body)
    return without(body, row.write_only)


def _default_logging(state: Json, row: Row) -> dict[str, Json]:
    """Whether the rule at the very end is logged: read on the rule, written in a field beside the rules."""
    rules = state.get(row.rules_at) if isinstance(state, Mapping) else None
    last = rules[-1] if isinstance(rules, list) and rules else None
    if not row.default_rules or not isinstance(last, Mapping) or not is_default(last, row.default_rules):
        return {}
    return {"syslogDefaultRule": last["syslogEnabled"]} if isinstance(last.get("syslogEnabled"), bool) else {}


def body_to_send(overlay: Overlay, touch: Touch, before: Json) -> Json:
    """The body as it is sent: list edits resolved against the live state, implicit default rules left out, keyed
    lists whole.

    Raises InvalidArguments when an edit fits no element or a value is masked.
    """
    row = overlay.row_for(touch)
    refuse_masked(touch.body)
    body: Json = touch.body
    _refuse_other_defaults(body, row, before)
    if has_edits(body):
        others = replace(row, transforms=tuple(name for name in row.transforms if name != "default_rules"))
        body = resolved(to_write(before, others), body, last=row.default_rules)
    return to_write(_completed(body, row, before), row) if isinstance(body, Mapping) else copied(body)


def _refuse_other_defaults(body: Json, row: Row, before: Json) -> None:
    """Nothing when the implicit rules that a whole list repeats say what the live ones say: they are left out."""
    given, live = (value.get(row.rules_at) if isinstance(value, Mapping) else None for value in (body, before))
    if not row.default_rules or not isinstance(given, list) or not isinstance(live, list):
        return
    implicit = [_implicit(rule, body) for rule in live if is_default(rule, row.default_rules)]
    place = len(explicit(given, row.default_rules))
    for index, rule in enumerate(given[place:] if implicit else (), place):
        if not any(_repeats(rule, shown) for shown in implicit):
            where = f"{row.rules_at}[{index}]"
            said = "it is named as the implicit default rule and says something else; that one cannot be changed"
            remedy = (
                "Leave it out, and put an explicit rule with a comment of its own last (a deny of any to any drops "
                "what no earlier rule allows); syslogDefaultRule and allowLanAccess are fields beside the rules."
            )
            raise InvalidArguments(f"{where}: {said}.", remedy, details={"field": where, "faults": [said]})


def _repeats(rule: Mapping[str, Json], shown: Mapping[str, Json]) -> bool:
    """Whether a rule says nothing that the live one does not; "any" and "Any" are one word."""
    return all(str(value).lower() == str(shown[name]).lower() for name, value in rule.items() if name in shown)


def _cleared(gone: Mapping[str, Json], schema: Schema) -> dict[str, Json]:
    """What empties those fields; choices, switches and objects have no empty form and are left out."""
    plain = {name: schema.fields[name] for name in gone if name in schema.fields and not schema.fields[name].enum}
    scalars = (Kind.STRING, Kind.INTEGER, Kind.NUMBER)
    lists: dict[str, Json] = {name: [] for name, field in plain.items() if field.kind is Kind.ARRAY}
    return lists | {name: None for name, field in plain.items() if field.kind in scalars}


def _completed(body: Mapping[str, Json], row: Row, before: Json) -> dict[str, Json]:
    """The body with its keyed lists whole: what it names by key merged into the live list, the rest as it is."""
    result = dict(body)
    live = before if isinstance(before, Mapping) else {}
    for name, key in row.keyed_lists.items():
        given, stored = body.get(name), live.get(name)
        if isinstance(given, list) and isinstance(stored, list):
            result[name] = _by_key(given, stored, key)
    return result


def _by_key(given: list[Json], stored: list[Json], key: str) -> list[Json]:
    named = {element.get(key): element for element in given if isinstance(element, Mapping)}
    known = {element.get(key) for element in stored}
    kept = [merged(element, named.get(element.get(key), {})) for element in stored]
    return kept + [copied(e) for e in given if not isinstance(e, Mapping) or e.get(key) not in known]


def to_write(value: Json, row: Row) -> Json:
    """A read state or a body in the form that is written."""
    value = copied(value)
    for name in row.transforms:
        transform, argument = named(name)
        value = transform.to_write(value, argument, row)
    return value


def to_read(body: Json, row: Row, before: Json) -> Json:
    """A written body in the form in which it reads back."""
    value = copied(body)
    for name in row.transforms:
        transform, argument = named(name)
        value = transform.to_read(value, argument, row, before)
    return value


def settled(state: Json, row: Row) -> Json:
    """A merged state without what the cloud drops from it."""
    for name in row.transforms:
        transform, argument = named(name)
        state = transform.settled(state, argument, row)
    return state


def named(name: str) -> tuple[Transform, str]:
    """The transform of a row's word, and its argument; KeyError when there is none."""
    word, _, argument = name.partition(":")
    return TRANSFORMS[word], argument


def pruned(value: Json, schema: Schema) -> Json:
    """What of a value the schema knows, in the schema's kinds of scalars (an id read as 7 is written as "7")."""
    if isinstance(value, Mapping) and schema.fields:
        known = {name: pruned(item, schema.fields[name]) for name, item in value.items() if name in schema.fields}
        return {name: item for name, item in known.items() if _is_writable(item, schema.fields[name])}
    if isinstance(value, list) and schema.items is not None:
        return [pruned(item, schema.items) for item in value]
    return copied(value) if schema.enum else coerced(value, schema.kind)


def _is_writable(item: Json, schema: Schema) -> bool:
    """Neither null for a choice, nor an object without what it requires: the API refuses both."""
    if item is None:
        return not schema.enum
    return not isinstance(item, Mapping) or all(item.get(name) is not None for name in schema.required)


def coerced(value: Json, kind: Kind) -> Json:
    """A scalar in the form its kind asks for; anything else as it is."""
    if kind is Kind.STRING and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if kind is Kind.INTEGER and isinstance(value, str) and re.fullmatch(r"-?\d{1,18}", value):
        return int(value)
    return copied(value)


def without(value: Json, paths: tuple[str, ...]) -> Json:
    """A copy without the fields at these paths (``[]`` stands for every element)."""
    for path in paths:
        value = _without(value, path.replace("[]", ".[]").strip(".").split("."))
    return value


def has(value: Json, path: str) -> bool:
    """Whether a field stands at a path; in a list, in any element."""
    return bool(_found(value, path.replace("[]", ".[]").strip(".").split(".")))


def refuse_masked(value: Json) -> None:
    """Raise InvalidArguments when a text is a mask: what the API hides can be neither restored nor written."""
    paths = _masked(value, "")
    if paths:
        raise InvalidArguments(
            f"{', '.join(paths[:5])}: a masked value is no value",
            'Leave the field out to keep what is stored, or give it as {"$secret": "NAME"}.',
            code="masked_value",
            details={"faults": [f"{path} is masked" for path in paths]},
        )


def _masked(value: Json, path: str) -> list[str]:
    if isinstance(value, Mapping):
        return [found for key, item in value.items() for found in _masked(item, f"{path}.{key}" if path else key)]
    if isinstance(value, list):
        return [found for i, item in enumerate(value) for found in _masked(item, f"{path}[{i}]")]
    return [path] if isinstance(value, str) and _MASKED.fullmatch(value) else []


def _without(value: Json, parts: list[str]) -> Json:
    head, rest = parts[0], parts[1:]
    if head == "[]" and isinstance(value, list):
        return [_without(item, rest) if rest else item for item in value]
    if not isinstance(value, Mapping) or head not in value:
        return value
    if not rest:
        return {key: item for key, item in value.items() if key != head}
    return {**value, head: _without(value[head], rest)}


def _found(value: Json, parts: list[str]) -> bool:
    head, rest = parts[0], parts[1:]
    if head == "[]":
        return isinstance(value, list) and any(not rest or _found(item, rest) for item in value)
    if not isinstance(value, Mapping) or head not in value:
        return False
    return not rest or _found(value[head], rest)


def _same(value: Json, _argument: str, _row: Row, _before: Json = None) -> Json:
    return value


def _strip_default_rules(value: Json, _argument: str, row: Row) -> Json:
    """Without the implicit rules that a GET shows at the end: a PUT appends its own (Terraform provider)."""
    if not isinstance(value, Mapping) or not isinstance(value.get(row.rules_at), list):
        return value
    return {**value, row.rules_at: explicit(value[row.rules_at], row.default_rules)}


def _with_default_rules(value: Json, _argument: str, row: Row, before: Json) -> Json:
    """With the implicit rules as the live state shows them, logging and LAN access as the body asks."""
    if not isinstance(value, Mapping) or not isinstance(before, Mapping):
        return value
    live = before.get(row.rules_at) or []
    implicit = [_implicit(rule, value) for rule in live if is_default(rule, row.default_rules)]
    if not implicit:
        return value
    rules = explicit(value.get(row.rules_at, live) or [], row.default_rules)  # null clears a list
    return {**value, row.rules_at: [*rules, *implicit]}


def _implicit(rule: Mapping[str, Json], body: Mapping[str, Json]) -> Json:
    if isinstance(body.get("syslogDefaultRule"), bool) and "syslogEnabled" in rule:
        rule = {**rule, "syslogEnabled": body["syslogDefaultRule"]}
    if isinstance(body.get("allowLanAccess"), bool) and rule.get("destCidr") == "Local LAN":
        rule = {**rule, "policy": "allow" if body["allowLanAccess"] else "deny"}
    return rule


def _ids(value: Json, argument: str, _row: Row) -> Json:
    """A list of objects as the list of their ids (facts: content filtering reads objects and takes ids)."""
    return _with_list(value, argument.split("."), lambda items: [_id_of(item) for item in items])


def _objects(value: Json, argument: str, _row: Row, before: Json) -> Json:
    live = before
    for name in argument.split("."):
        live = live.get(name) if isinstance(live, Mapping) else None
    listed = live if isinstance(live, list) else []
    known = {item["id"]: item for item in listed if isinstance(item, Mapping) and "id" in item}
    return _with_list(
        value,
        argument.split("."),
        lambda items: [known.get(item, {"id": item}) if isinstance(item, str) else item for item in items],
    )


def _id_of(item: Json) -> Json:
    return item.get("id") if isinstance(item, Mapping) else item


def _with_list(value: Json, names: list[str], change: Callable[[list[Json]], list[Json]]) -> Json:
    """A copy with the list at a path of field names changed; as it is when there is no list."""
    if not names:
        return change(value) if isinstance(value, list) else value
    if not isinstance(value, Mapping) or names[0] not in value:
        return value
    return {**value, names[0]: _with_list(value[names[0]], names[1:], change)}


def _wrapped(value: Json, argument: str, _row: Row) -> Json:
    """A bare list under the field that the write wants it in."""
    return {argument: value} if isinstance(value, list) else value


def _unwrapped(value: Json, argument: str, _row: Row, before: Json) -> Json:
    """The list that is read: the live one where the write leaves it out, none where it sends null."""
    if not isinstance(value, Mapping) or not set(value) <= {argument}:
        return value
    return (value[argument] or []) if value else before if isinstance(before, list) else value


def _dropped(value: Json, argument: str, _row: Row) -> Json:
    return {key: item for key, item in value.items() if key != argument} if isinstance(value, Mapping) else value


_RADIUS_MODES = ("8021x-radius", "open-with-radius", "open-enhanced-with-radius", "ipsk-with-radius")
_BRIDGED = ("Bridge mode", "Layer 3 roaming", "Campus Gateway")
_TUNNELLED = ("Layer 3 roaming with a concentrator", "VPN", "Ethernet over GRE")


def _ssid_mode(value: Json, _argument: str, _row: Row) -> Json:
    """A whole SSID without the fields that its modes refuse; a body without them is left alone.

    Facts: fields appear and disappear with authMode, ipAssignmentMode and splashPage, and a PUT refuses those of
    another mode ("encryptionMode" for 802.1X); which is valid where: descriptions of updateNetworkWirelessSsid.
    """
    if not isinstance(value, Mapping) or not {"authMode", "splashPage", "ipAssignmentMode"} <= set(value):
        return value
    return {name: item for name, item in value.items() if _is_of_mode(name, value)}


def _is_of_mode(name: str, ssid: Mapping[str, Json]) -> bool:
    mode, splash, addresses = (str(ssid[key]) for key in ("authMode", "splashPage", "ipAssignmentMode"))
    if name in ("psk", "encryptionMode"):
        return mode == "psk"
    if name in ("wpaEncryptionMode", "dot11w", "dot11r", "security"):
        return mode not in ("open", "open-with-radius", "open-with-nac")
    if name.startswith("radius") or name == "localAuthFallback":
        return mode.startswith(_RADIUS_MODES) or splash == "Password-protected with custom RADIUS"
    if name in ("walledGardenEnabled", "walledGardenRanges"):
        return splash != "None"
    if name in ("adultContentFilteringEnabled", "dnsRewrite"):
        return addresses == "NAT mode"
    if name == "oauth":
        return splash == "Google OAuth"
    if name == "useVlanTagging":
        return addresses in _BRIDGED + _TUNNELLED
    if name in ("defaultVlanId", "apTagsAndVlanIds", "lanIsolationEnabled", "namedVlans"):
        return addresses in _BRIDGED
    if name in ("vlanId", "concentratorNetworkId", "secondaryConcentratorNetworkId"):
        return addresses in _TUNNELLED
    return addresses == {"gre": "Ethernet over GRE", "campusGateway": "Campus Gateway"}.get(name, addresses)


TRANSFORMS: Mapping[str, Transform] = {
    "default_rules": Transform(_strip_default_rules, _with_default_rules, _same),
    "ids_of": Transform(_ids, _objects, _same),
    "wrap": Transform(_wrapped, _unwrapped, _same),
    "drop": Transform(_dropped, _same, _same),
    "ssid_mode": Transform(_ssid_mode, _same, _ssid_mode),
    "inside": Transform(reshaping.taken_out, reshaping.put_inside, _same),
    "holder": Transform(reshaping.held, reshaping.let_go, _same),
    "flag": Transform(reshaping.flagged, reshaping.unflagged, _same),
    "lift": Transform(reshaping.lifted, reshaping.lowered, _same),
    "rows": Transform(reshaping.rows_to_write, reshaping.rows_to_read, _same),
    "rename": Transform(reshaping.renamed, reshaping.named_as_read, _same),
    "warm_spare": Transform(reshaping.virtual_addresses, reshaping.shown_addresses, reshaping.settled_spare),
}
