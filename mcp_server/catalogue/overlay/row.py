"""One operation's row: what the schema alone does not tell, and how a row of the files becomes one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from mcp_server.domain.call import Json
from mcp_server.domain.risk import Risk

KINDS = ("read", "create", "update", "delete", "action")
UNDOS = ("put_before", "delete_created", "recreate", "inverse_action", "none")
DOWNTIMES = ("none", "brief", "moderate", "extended")
TARGETS = ("network", "device", "organization", "account")
TASKS = ("T1", "T2", "T3", "T4", "T5", "T6")
EVIDENCE = re.compile(r"schema|sandbox|lab \d{4}-\d\d-\d\d")  #: a lab's with the day on which it was seen
TRANSFORM_NAMES = (
    "default_rules", "ids_of", "wrap", "drop", "ssid_mode", "inside", "holder", "flag", "lift", "rows", "rename",
    "warm_spare",
)  # fmt: skip  #: defined in catalogue/transforms.py


class OverlayError(ValueError):
    """A row of the overlay is wrong; says which and what."""


@dataclass(frozen=True, slots=True)
class ReaderRule:
    """Where a resource is read that has no GET of its own.

    In ``params`` and ``match`` a text ``$name`` stands for that parameter of the write, ``$organizationId`` also for
    the organization of its network, ``$body.x.y`` for a field of its body (of each element, where x is a list).
    ``at`` and ``match`` as in domain.plan.Reader. What a create makes is read by the same rule, by its id.
    """

    operation: str
    params: Mapping[str, Json] = field(default_factory=dict)
    at: str = ""
    match: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DependantRule:
    """A read of what a write takes along besides its own resource (catalogue/related/dependants.py).

    Without ``write`` it comes back by the operations at the path of the read; with it each element by that operation:
    ``params`` and ``body`` are templates in which ``$before.x`` is a field of the element. ``named`` (``list.key``)
    takes of a list only the elements whose key an element of that list of the body gives. ``each`` (``param of list``)
    reads once for each id in that list of the body.
    """

    read: str
    write: str = ""
    named: str = ""
    each: str = ""
    params: Mapping[str, Json] = field(default_factory=dict)
    body: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Condition:
    """Fields of a row that are different when the body has these values."""

    body: Mapping[str, Json]
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of one operation.

    Paths of fields are dotted, ``[]`` for list elements; ``volatile``, ``unordered`` and ``map_fields`` also take a
    bare field name that counts anywhere. ``proven`` is False when everything here was computed from the schema.
    """

    operation: str
    kind: str  #: read, create, update, delete or action
    target: str  #: network, device, organization or account
    resource: str  #: the protocol's word: ssid, vlan, acl, firewall_l3, port ...
    task: str  #: T1 to T6
    risk: Risk
    undo: str  #: put_before, delete_created, recreate, inverse_action or none
    proven: bool = False
    why_none: str = ""  #: for people: why it cannot be undone
    inverse: str = ""  #: operation that undoes it; "": found by the paths
    inverse_body: Mapping[str, Json] = field(default_factory=dict)  #: templates: $body.x, $before.x, $each.x
    inverse_params: Mapping[str, Json] = field(default_factory=dict)  #: templates, for path parameters it has not
    caveats: tuple[str, ...] = ()
    evidence: str = "schema"  #: what its undo was seen to do: schema, sandbox, or lab with the day
    reader: ReaderRule | None = None
    transforms: tuple[str, ...] = ()  #: between the form read and the form written: ``name`` or ``name:field``
    write_only: tuple[str, ...] = ()  #: secrets that are never read back
    secret_modes: Mapping[str, str] = field(
        default_factory=dict
    )  #: mode field -> values (pattern) that own such secrets
    unreadable: tuple[str, ...] = ()  #: other fields that are never read back
    readable: tuple[str, ...] = ()  #: fields that are read back though the schema does not say so
    natural_key: tuple[str, ...] = ()  #: fields that tell a created resource from the others
    id_field: str = ""  #: field of the answer that is the id in the path
    client_keyed: bool = False  #: the caller picks the id: it comes back under the same one
    downtime: str = "none"  #: none, brief (< 5 s), moderate (5-60 s), extended (> 60 s)
    settle_s: float = 5.0  #: upper bound until a read shows what was written
    self_isolating: bool = False  #: may cut the path over which it is managed
    reaches_devices: bool = True  #: False: a setting of the cloud alone, no device gets another configuration
    volatile: tuple[str, ...] = ()  #: fields that change on their own
    unordered: tuple[str, ...] = ()  #: lists whose order means nothing
    map_fields: tuple[str, ...] = ()  #: objects that are keyed maps and replaced as a whole
    keyed_lists: Mapping[str, str] = field(
        default_factory=dict
    )  #: lists whose elements are known by this field: sent whole
    default_rules: tuple[Mapping[str, Json], ...] = ()  #: matches of the implicit rules at the end of ``rules_at``
    rules_at: str = "rules"
    dependants: tuple[DependantRule, ...] = ()  #: reads of what it changes besides its own resource, in restore order
    restores_dependants: bool = True  #: False: they are read into the plan, and no undo writes them back
    remade: str = ""  #: id of the element of a dependant list that the undo itself brings about
    expect: Mapping[str, Json] = field(default_factory=dict)  #: what an action makes of the read state (templates)
    #: of an action on rows of a list that the reader reads: ``{list, key}`` name the body's list of row ids and the
    #: field of a row that is its id, ``gone`` that the rows end; ``expect`` and ``inverse_body`` are then by row
    touched: Mapping[str, Json] = field(default_factory=dict)
    family: str = ""  #: off until the operator switches this family on
    carrier: bool = False  #: carries other operations: never planned
    conditions: tuple[Condition, ...] = ()
    sources: tuple[str, ...] = ()

    @property
    def default_rule(self) -> Mapping[str, Json] | None:
        """The match of the implicit rule at the very end; None when there is none."""
        return self.default_rules[-1] if self.default_rules else None

    def given(self, body: Json) -> "Row":
        """The row for one body: its conditions applied."""
        row = self
        for condition in self.conditions:
            if isinstance(body, Mapping) and all(body.get(key) == value for key, value in condition.body.items()):
                row = replace(row, **condition.fields)
        return row


_KNOWN = {f.name for f in fields(Row)} - {"operation", "proven", "sources", "conditions", "target"}
_CHOICES = {"kind": KINDS, "undo": UNDOS, "downtime": DOWNTIMES, "task": TASKS}
_LISTS = {f.name for f in fields(Row) if str(f.type).startswith("tuple")}


def row_fields(where: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of Row that a table of the files sets; OverlayError when one is unknown or has a wrong value."""
    unknown = sorted(set(entry) - _KNOWN)
    if unknown:
        raise OverlayError(f"{where}: unknown field {unknown[0]!r}")
    return {name: _field(f"{where}.{name}", name, value) for name, value in entry.items()}


def condition(where: str, entry: Mapping[str, Any]) -> Condition:
    """The condition of a ``when`` table: ``body`` and the fields that differ then."""
    rest = {name: value for name, value in entry.items() if name != "body"}
    if not isinstance(entry.get("body"), dict) or not entry["body"] or not rest:
        raise OverlayError(f"{where}: a condition needs a body and at least one field")
    return Condition(entry["body"], row_fields(where, rest))


def _field(where: str, name: str, value: Any) -> Any:
    if name in _CHOICES and value not in _CHOICES[name]:
        raise OverlayError(f"{where}: {value!r} is none of {', '.join(_CHOICES[name])}")
    if name == "evidence" and not EVIDENCE.fullmatch(str(value)):
        raise OverlayError(f"{where}: {value!r} is none of schema, sandbox, lab YYYY-MM-DD")
    if name == "risk":
        return _risk(where, value)
    if name == "reader":
        return _reader(where, value)
    if name in _LISTS:
        if not isinstance(value, list):
            raise OverlayError(f"{where}: a list is needed")
        return _words(where, name, value)
    return float(value) if name == "settle_s" else value


def _words(where: str, name: str, value: list[Any]) -> tuple[Any, ...]:
    if name == "dependants":
        return tuple(_dependant(where, one) for one in value)
    unknown = [word for word in value if name == "transforms" and word.partition(":")[0] not in TRANSFORM_NAMES]
    if unknown:
        raise OverlayError(f"{where}: there is no transform {unknown[0]!r}")
    return tuple(value)


def _risk(where: str, value: Any) -> Risk:
    try:
        return Risk.of(value)
    except (KeyError, AttributeError):
        raise OverlayError(f"{where}: {value!r} is no risk") from None


def _dependant(where: str, value: Any) -> DependantRule:
    try:
        return DependantRule(value) if isinstance(value, str) else DependantRule(**value)
    except TypeError as error:
        raise OverlayError(f"{where}: {error}") from None


def _reader(where: str, value: Any) -> ReaderRule:
    try:
        return ReaderRule(**value)
    except TypeError as error:
        raise OverlayError(f"{where}: {error}") from None
