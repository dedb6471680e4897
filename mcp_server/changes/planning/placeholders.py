"""Values of the plan language that are filled in when a step is sent: $secret, $generate, $ref, $text, $created.

None of them passes through the model (design 3.1.1).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from mcp_server.catalogue.transforms import coerced
from mcp_server.domain.call import Json
from mcp_server.domain.operation import Schema
from mcp_server.errors import Refused

_REFERENCE: Final = re.compile(r"^step-(\d+)\.([A-Za-z0-9_.]+)$")
_IN_PATH: Final = re.compile(r"\{(step-\d+\.[A-Za-z0-9_.]+)\}")


@dataclass(frozen=True, slots=True)
class Sources:
    """Where values come from. ``created`` is by step number; ``secret`` and ``generate`` reach outside."""

    secret: Callable[[str], str | None]
    generate: Callable[[int], str]
    created: Mapping[int, Mapping[str, Json]] = field(default_factory=dict)
    own: Mapping[str, Json] = field(default_factory=dict)  #: what the step that is undone created


def filled(value: Json, sources: Sources) -> Json:
    """The value with every placeholder replaced; Refused when a secret or a reference is missing."""
    if isinstance(value, list | tuple):
        return [filled(item, sources) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        name, argument = next(iter(value.items()))
        if name in _FILL:
            return _FILL[name](argument, sources)
    return {name: filled(item, sources) for name, item in value.items()}


def typed(asked: Json, value: Json, schema: Schema | None) -> Json:
    """The filled ``value`` with what stood as a reference in ``asked`` in the kind in which the schema writes it.

    One id is a text where it is made and a number where it is named: a group policy's, in an SSID's device types.
    """
    if schema is None or asked == value:
        return value
    if isinstance(asked, Mapping) and set(asked) & {"$ref", "$created"}:
        return coerced(value, schema.kind)
    if isinstance(asked, Mapping) and isinstance(value, Mapping):
        return {name: typed(asked.get(name), item, schema.fields.get(name)) for name, item in value.items()}
    if isinstance(asked, list | tuple) and isinstance(value, list):
        return [typed(one, item, schema.items) for one, item in zip(asked, value, strict=True)]
    return value


def filled_path(path: str, sources: Sources) -> str:
    """A step's path with ``{step-1.id}`` replaced by what that step created."""
    return _IN_PATH.sub(lambda found: str(_reference(found.group(1), sources)), path)


def renumbered(value: Json, numbers: Mapping[int, int]) -> Json:
    """The value with its references to steps by their new numbers; Refused when a step referred to is left out."""
    if isinstance(value, list | tuple):
        return [renumbered(item, numbers) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"$text"}:
        return {"$text": _IN_PATH.sub(lambda found: _renamed(found.group(1), numbers), str(value["$text"]))}
    parts = _REFERENCE.match(str(value["$ref"])) if set(value) == {"$ref"} else None
    if parts is None:
        return {name: renumbered(item, numbers) for name, item in value.items()}
    number = numbers.get(int(parts.group(1)))
    if number is None:
        raise Refused(
            f"Step {parts.group(1)}, which another step refers to, is blocked and left out.",
            "Leave out the step that refers to it too, or remove what blocks the first.",
            code="reference_blocked",
        )
    return {"$ref": f"step-{number}.{parts.group(2)}"}


def _renamed(name: str, numbers: Mapping[int, int]) -> str:
    return "{" + str(renumbered({"$ref": name}, numbers)["$ref"]) + "}"


def referred(value: Json) -> frozenset[int]:
    """The numbers of the steps that the value refers to."""
    found = (_REFERENCE.match(str(argument)) for argument in placeholders(value, "$ref"))
    return frozenset(int(parts.group(1)) for parts in found if parts)


def texts_shown(value: Json) -> Json:
    """The value with each ``$text`` as the text that it is, ids of later aside: what the rules judge."""
    if isinstance(value, list | tuple):
        return [texts_shown(item) for item in value]
    if not isinstance(value, dict):
        return value
    return value["$text"] if set(value) == {"$text"} else {name: texts_shown(item) for name, item in value.items()}


def measured(value: Json, secret: Callable[[str], str | None]) -> Json:
    """The value with each ``$secret`` that is set saying how long it is: what the rules may know of it."""
    if isinstance(value, list | tuple):
        return [measured(item, secret) for item in value]
    if not isinstance(value, dict):
        return value
    found = secret(str(value["$secret"])) if set(value) == {"$secret"} else None
    if found is not None:
        return {**value, "length": len(found)}
    return {name: measured(item, secret) for name, item in value.items()}


def placeholders(value: Json, name: str) -> tuple[Json, ...]:
    """The arguments of every placeholder of that name inside the value."""
    if isinstance(value, list | tuple):
        return tuple(found for item in value for found in placeholders(item, name))
    if not isinstance(value, dict):
        return ()
    if len(value) == 1 and name in value:
        return (value[name],)
    return tuple(found for item in value.values() for found in placeholders(item, name))


def _secret(name: Json, sources: Sources) -> str:
    found = sources.secret(str(name))
    if found is None:
        raise Refused(
            f"The secret {str(name)[:64]!r} is not set.",
            f"A person runs: meraki-specialist secret set {str(name)[:64]}",
            code="secret_missing",
        )
    return found


def _reference(argument: Json, sources: Sources) -> Json:
    parts = _REFERENCE.match(str(argument))
    value: Json = sources.created.get(int(parts.group(1)), {}) if parts else {}
    for name in parts.group(2).split(".") if parts else ():
        value = value.get(name) if isinstance(value, dict) else None
    if value is None or value == {}:
        raise Refused(
            f"The reference {str(argument)[:64]!r} has no value.",
            "Name a field of the answer of an earlier step that creates something, as step-1.id.",
            code="reference_missing",
        )
    return value


def _own(name: Json, sources: Sources) -> Json:
    value = sources.own.get(str(name))
    if value is None:
        raise Refused(
            "What this step created is not known, so it cannot be taken back by id.",
            "Look it up with meraki_read and plan its removal.",
            code="created_id_unknown",
        )
    return value


_FILL: Final[Mapping[str, Callable[[Json, Sources], Json]]] = {
    "$secret": _secret,
    "$generate": lambda length, sources: sources.generate(int(length)),
    "$ref": _reference,
    "$created": _own,
    "$text": lambda text, sources: filled_path(str(text), sources),
}
