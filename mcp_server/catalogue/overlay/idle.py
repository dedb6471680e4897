"""Values of the files that say nothing: what the schema and the rules by path give already, or nobody asks for.

A row that repeats its schema looks like knowledge and is none: when the schema changes it contradicts it, and no test
can tell that it is missing. Two fields are stated in any case, because they say that a person looked: ``risk``, and
``why_none`` of what cannot be undone; loading asks for both.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final

from mcp_server.catalogue.overlay.row import Row

ADDED: Final = ("volatile", "unordered", "map_fields")  #: a row adds to what holds everywhere; other fields it replaces
REVIEWED: Final = ("risk", "why_none")  #: stated even where the schema gives the same: a person looked
#: of what kinds of operations a field is ever asked for; of the others it says nothing
_ASKED_OF: Final[Mapping[str, Collection[str]]] = {
    "natural_key": ("create",),
    "client_keyed": ("create", "delete"),
    "dependants": ("update", "delete", "action"),
    "readable": ("create", "update"),
    "unreadable": ("create", "update"),
    "write_only": ("create", "update"),
}


def asked(name: str, row: Row, path: str) -> bool:
    """Whether anything asks the operation of that row and path for the field."""
    if name == "reaches_devices":  # only where a plan counts the devices of a network or template
        return "{serial}" not in path and ("{networkId}" in path or "{configTemplateId}" in path)
    if name == "natural_key" and row.reader is not None:  # its ``match`` is the key
        return False
    return row.kind in _ASKED_OF.get(name, (row.kind,))


def idle_values(
    fields: Mapping[str, Any], places: Mapping[str, str], base: Callable[[str], Row], full: Callable[[str], Row]
) -> Iterator[str]:
    """The fields of one table that change no operation that it is of, list elements that do as ``field: element``.

    ``places`` are the paths of those operations, ``base`` is the row of one as its schema and its path give it,
    ``full`` as it is with all rows.
    """
    for name, value in fields.items():
        known = [getattr(base(one), name) for one, path in places.items() if asked(name, full(one), path)]
        if name in REVIEWED:
            continue
        if name in ADDED:
            yield from (f"{name}: {word}" for word in value if all(word in given for given in known))
        elif all(value == given for given in known):
            yield name
