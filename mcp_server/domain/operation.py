"""One operation of the Dashboard API as the catalogue describes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """JSON kinds of a schema node; ANY where the API says nothing."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    OBJECT = "object"
    ARRAY = "array"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Schema:
    """A node of a body or response tree."""

    kind: Kind
    enum: tuple[str, ...] = ()
    fields: Mapping[str, "Schema"] = field(default_factory=dict)  #: of an OBJECT; empty: free-form map
    required: frozenset[str] = frozenset()  #: names of required fields of an OBJECT
    items: "Schema | None" = None  #: of an ARRAY


@dataclass(frozen=True, slots=True)
class Batch:
    """How an action batch names this operation."""

    resource: str
    operation: str


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation. ``method`` is upper case; ``path`` has ``{name}`` for each path parameter."""

    id: str
    method: str
    path: str
    path_params: tuple[str, ...]
    query: Mapping[str, Schema]
    required_query: frozenset[str] = frozenset()
    body: Schema | None = None
    response: Schema | None = None
    batch: Batch | None = None
    stage: str = ""  #: release stage when it is not generally available: beta, early access ...

    @property
    def is_write(self) -> bool:
        """Whether it is anything but a GET."""
        return self.method != "GET"

    @property
    def family(self) -> str:
        """First product word of the path: appliance, switch, wireless, networks, organizations, devices ..."""
        words = [part for part in self.path.split("/") if part and not part.startswith("{")]
        return words[1] if len(words) > 1 and words[0] in ("networks", "devices", "organizations") else words[0]
