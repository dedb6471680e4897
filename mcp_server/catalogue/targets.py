"""``for_each``: one operation over many targets."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import prod

from mcp_server.domain.call import Json
from mcp_server.domain.given import shown

MOST_TOUCHES = 1_000  #: of one plan

_RANGE = re.compile(r"([0-9]{1,18})-([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Target:
    """What one turn of a ``for_each`` adds: parameters, and fields to merge into the body."""

    params: Mapping[str, Json] = field(default_factory=dict)
    body: Mapping[str, Json] | None = None


class WrongTargets(ValueError):
    """The ``for_each`` cannot be expanded; ``str`` says why."""


def targets(for_each: Json) -> Sequence[Target]:
    """The turns of a ``for_each``, each target once, in the order given; WrongTargets when it is malformed.

    ``{"portId": ["1-24", "30"]}`` gives every combination of its values; ``[{...}, {...}]`` is taken as it stands.
    """
    if isinstance(for_each, Mapping) and for_each:
        return _combinations(for_each)
    if isinstance(for_each, list) and for_each:
        _bounded(len(for_each))
        return [_listed(entry, index) for index, entry in enumerate(for_each)]
    raise WrongTargets('takes {"portId": ["1-24", "30"]} or a list of such parameter objects, not empty')


def _combinations(keys: Mapping[str, Json]) -> Sequence[Target]:
    values: dict[str, list[Json]] = {}
    for name, given in keys.items():
        one_by_one = given if isinstance(given, list) else [given]
        if not one_by_one:
            raise WrongTargets(f"{shown(str(name))} has no values")
        values[name] = _distinct(name, one_by_one)
    _bounded(prod(len(several) for several in values.values()))
    return [Target(dict(zip(values, turn, strict=True))) for turn in product(*values.values())]


def _listed(entry: Json, index: int) -> Target:
    if not isinstance(entry, Mapping) or not entry:
        raise WrongTargets(f"element {index} is no object of parameters")
    body = entry.get("body")
    if body is not None and not isinstance(body, Mapping):
        raise WrongTargets(f"the body of element {index} is no object")
    return Target({name: value for name, value in entry.items() if name != "body"}, body)


def _distinct(name: str, given: Sequence[Json]) -> list[Json]:
    found: dict[str, Json] = {}
    for value in given:
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise WrongTargets(f"{shown(str(name))} takes ids and ranges of numbers")
        for one in _spread(name, value):
            found.setdefault(one if isinstance(one, str) else str(one), one)
        _bounded(len(found))
    return list(found.values())


def _spread(name: str, value: str | int) -> Iterator[str | int]:
    form = _RANGE.fullmatch(value.strip()) if isinstance(value, str) else None
    if form is None:
        yield value
        return
    first, last = int(form.group(1)), int(form.group(2))
    if first > last:
        raise WrongTargets(f"{shown(str(name))}: the range {form.group(0)} runs backwards")
    _bounded(last - first + 1)
    yield from (str(number) for number in range(first, last + 1))


def _bounded(count: int) -> None:
    if count > MOST_TOUCHES:
        raise WrongTargets(f"reaches {count} targets; a plan takes at most {MOST_TOUCHES}")
