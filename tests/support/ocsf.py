"""What the published schema of OCSF asks of an API Activity event, as far as our export uses it; written by hand.

From ocsf/ocsf-schema, version 1.3.0 (events/application/api_activity.json and what it extends and includes,
objects/{actor,api,metadata,network_endpoint,product,request,resource_details,service,user,_entity}.json), and its
CHANGELOG.md up to 1.9.0, which takes none of it back (read in November 2026).
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

Json = Any
CLASS_UID: Final = 6003
ACTIVITIES: Final = {0: "Unknown", 1: "Create", 2: "Read", 3: "Update", 4: "Delete", 99: None}
STATUSES: Final = {0: "Unknown", 1: "Success", 2: "Failure", 99: None}  #: None: the sibling holds the source's word
SEVERITIES: Final = {0: "Unknown", 1: "Informational", 2: "Low", 3: "Medium", 4: "High", 5: "Critical", 6: "Fatal"}
REQUIRED: Final[Mapping[str, type]] = {
    "activity_id": int, "category_uid": int, "class_uid": int, "type_uid": int, "severity_id": int, "time": int,
    "metadata": dict, "actor": dict, "api": dict, "src_endpoint": dict,
}  #: of every event  # fmt: skip
#: By the place in the event: what it must have, and of what it must have one at least.
OBJECTS: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "metadata": (("product", "version"), ()),
    "metadata.product": (("vendor_name",), ("name", "uid")),
    "actor": ((), ("process", "user", "invoked_by", "session", "app_name", "app_uid")),
    "actor.user": ((), ("account", "name", "uid")),
    "api": (("operation",), ()),
    "api.request": (("uid",), ()),
    "api.service": ((), ("name", "uid")),
    "src_endpoint": ((), ("ip", "uid", "name", "hostname", "svc_name", "instance_uid", "interface_uid")),
    "resources": ((), ("name", "uid")),
}


def differences_from_schema(event: Mapping[str, Json]) -> Iterator[str]:
    """Each thing in which an event is not as the schema has it."""
    yield from (f"{name} is no {kind.__name__}" for name, kind in REQUIRED.items() if type(event.get(name)) is not kind)
    if (event["category_uid"], event["class_uid"]) != (CLASS_UID // 1000, CLASS_UID):
        yield f"class {event['class_uid']} of category {event['category_uid']}"
    if event["type_uid"] != event["class_uid"] * 100 + event["activity_id"]:
        yield f"type {event['type_uid']}"
    for name, sibling, known in (
        ("activity_id", "activity_name", ACTIVITIES),
        ("status_id", "status", STATUSES),
        ("severity_id", "severity", SEVERITIES),
    ):
        yield from _enumerated(event, name, sibling, known)
    for place, (required, one_of) in OBJECTS.items():
        for found in _at(event, place.split(".")):
            yield from (f"{place} has no {name}" for name in required if not found.get(name))
            if one_of and not any(found.get(name) for name in one_of):
                yield f"{place} has none of {', '.join(one_of)}"
    yield from _empty(event, "")


def _enumerated(event: Mapping[str, Json], name: str, sibling: str, known: Mapping[int, str | None]) -> Iterator[str]:
    if event[name] not in known:
        yield f"{name} {event[name]}"
    elif event[name] == 99 and not event.get(sibling):
        yield f"{name} is Other, and {sibling} does not say what"
    elif event[name] != 99 and event.get(sibling, known[event[name]]) != known[event[name]]:
        yield f"{sibling} of {name} {event[name]} is {event[sibling]}"


def _at(found: Json, names: list[str]) -> list[Mapping[str, Json]]:
    """The objects at a place, none when it is left out."""
    if not names:
        return list(found) if isinstance(found, list) else [found]
    return _at(found[names[0]], names[1:]) if names[0] in found else []


def _empty(found: Json, place: str) -> Iterator[str]:
    """What is there and says nothing: an attribute without a value is left out."""
    if isinstance(found, dict):
        for name, value in found.items():
            if name != "unmapped":
                yield from _empty(value, f"{place}.{name}".lstrip("."))
    elif found in ("", None):
        yield f"{place} is empty"
