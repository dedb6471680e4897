"""What documentation says of a body beyond its schema: blanks, ranges, words, forms, and which fields go together.

Rules: a value that the cloud already holds is never refused, null clears unless a rule says that the field must be
filled, and what a placeholder will stand for is not judged. The rows stand in ``rules.toml``, each with its source.
"""

import functools
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from mcp_server.catalogue.validation.fault import Fault, is_secret
from mcp_server.catalogue.validation.forms import FORMS
from mcp_server.catalogue.validation.plan_language import is_edit_of_list, is_placeholder
from mcp_server.domain import given
from mcp_server.domain.call import Json
from mcp_server.domain.state.merge import merged

FILE: Final = Path(__file__).resolve().parent / "rules.toml"
#: of the target: whether its network is bound to a template, the device's model, whether it is itself a template
FACTS: Final = ("$bound", "$model", "$template")


_FACT_WORDS: Final = {("$bound", "false"): "the network is not bound to a configuration template"}


class RuleError(ValueError):
    """A row of the file is wrong; ``str`` names it."""


@dataclass(frozen=True, slots=True)
class BodyRule:
    """One row. Paths are dotted, ``list[].field`` for each element; a row applies while ``when`` and not ``unless``."""

    operations: tuple[str, ...]
    source: str
    when: Mapping[str, Sequence[str]] = field(default_factory=dict)  #: field or fact -> values (patterns), all of them
    unless: Mapping[str, Sequence[str]] = field(default_factory=dict)  #: as ``when``; any of them
    filled: Sequence[str] = ()  #: may not be sent as null, blank or empty
    between: Mapping[str, Sequence[float]] = field(default_factory=dict)  #: lowest and highest number
    length: Mapping[str, Sequence[int]] = field(default_factory=dict)  #: of a text or list, lowest and highest
    among: Mapping[str, Sequence[Json]] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)  #: a word of ``forms.FORMS``
    apart: Sequence[Sequence[str]] = ()  #: at most one of these is filled afterwards
    needs: Sequence[Sequence[str]] = ()  #: at least one of these is filled afterwards
    without: Sequence[str] = ()  #: may not be sent with something in it


@dataclass(frozen=True, slots=True)
class Reference:
    """A field that holds the id of something else, and the list of all there are: its GET and the field of the id."""

    operations: tuple[str, ...]
    source: str
    field: str
    listed: str
    id: str


@functools.cache
def references(file: Path = FILE) -> Mapping[str, tuple[Reference, ...]]:
    """The references by operation; RuleError when a row is wrong."""
    found: dict[str, tuple[Reference, ...]] = {}
    for number, row in enumerate(tomllib.loads(file.read_text("utf-8")).get("references", []), 1):
        if set(row) != {one.name for one in fields(Reference)}:
            raise RuleError(f"{file.name} reference {number}: fields are missing or unknown")
        reference = Reference(**row)
        for operation in reference.operations:
            found[operation] = (*found.get(operation, ()), reference)
    return found


def referred_ids(operation: str, sent: Json, before: Json) -> list[tuple[str, str, Reference]]:
    """Where a body names something else by an id that the cloud does not hold there already, and the id."""
    own = references().get(operation, ())
    if not isinstance(sent, Mapping):
        return []
    was = before if isinstance(before, Mapping) else {}
    return [
        (where, str(value), one)
        for one in own
        for where, value in _new(sent, was, one.field)
        if isinstance(value, str | int) and str(value)
    ]


@functools.cache
def rules(file: Path = FILE) -> Mapping[str, tuple[BodyRule, ...]]:
    """The rows by operation; RuleError when one is wrong."""
    found: dict[str, tuple[BodyRule, ...]] = {}
    for number, row in enumerate(tomllib.loads(file.read_text("utf-8")).get("rules", []), 1):
        rule = _rule(f"{file.name} row {number}", row)
        for operation in rule.operations:
            found[operation] = (*found.get(operation, ()), rule)
    return found


def _rule(where: str, row: Mapping[str, Any]) -> BodyRule:
    unknown = sorted(set(row) - {one.name for one in fields(BodyRule)})
    if unknown or not row.get("operations") or not row.get("source"):
        raise RuleError(
            f"{where}: {f'unknown field {unknown[0]!r}' if unknown else 'operations and source are needed'}"
        )
    if any(word not in FORMS for word in row.get("form", {}).values()):
        raise RuleError(f"{where}: there is no such form")
    return BodyRule(**row)


def rule_faults(
    operation: str,
    sent: Json,
    before: Json,
    facts: Mapping[str, str],
    known: Mapping[str, tuple[BodyRule, ...]] | None = None,
) -> tuple[Fault, ...]:
    """What is wrong with a body that is sent over a state (None: a creation); ``facts`` are those of FACTS."""
    own = (rules() if known is None else known).get(operation, ())
    if not own or not isinstance(sent, Mapping):
        return ()
    was = before if isinstance(before, Mapping) else {}
    after = {**merged(was, sent), **facts}
    return tuple(fault for rule in own if _applies(rule, after) for fault in _faults(rule, sent, was, after))


def _applies(rule: BodyRule, after: Mapping[str, Json]) -> bool:
    holds = all(_is_one_of(after, path, values) for path, values in rule.when.items())
    return holds and not any(_is_one_of(after, path, values) for path, values in rule.unless.items())


def _is_one_of(after: Mapping[str, Json], path: str, values: Sequence[str]) -> bool:
    found = next((value for _, value in _at(after, path)), None)
    text = "" if found is None else str(found).lower() if isinstance(found, bool) else str(found)
    return any(fnmatchcase(text, pattern) for pattern in values)


def _faults(
    rule: BodyRule, sent: Mapping[str, Json], was: Mapping[str, Json], after: Mapping[str, Json]
) -> Iterator[Fault]:
    for path in rule.filled:
        yield from (Fault(where, "must not be empty") for where, value in _new(sent, was, path) if _is_blank(value))
    for path, (low, high) in rule.between.items():
        yield from _outside(_numbers(sent, was, path), low, high)
    for path, (low, high) in rule.length.items():
        yield from _wrong_length(sent, was, path, low, high)
    for path, allowed in rule.among.items():
        words = tuple(map(str, allowed))
        yield from (
            Fault(where, f"not allowed, {_given(where, value)}", words)
            for where, value in _new(sent, was, path)
            if value is not None and value not in allowed
        )
    for path, form in rule.form.items():
        name, fits = FORMS[form]
        yield from (
            Fault(where, f"must be {name}, {_given(where, value)}")
            for where, value in _new(sent, was, path)
            if value is not None and not fits(value)
        )
    yield from _together(rule, sent, was, after)


def _together(
    rule: BodyRule, sent: Mapping[str, Json], was: Mapping[str, Json], after: Mapping[str, Json]
) -> Iterator[Fault]:
    why = _condition(rule, after)
    for path in rule.without:
        yield from (Fault(where, f"is not allowed{why}") for where, value in _at(sent, path, "body") if value)
    for paths in rule.apart:
        filled = [path for path in paths if _is_filled(after, path)]
        if len(filled) > 1 and _touches(filled, sent, was):
            yield Fault(f"body.{filled[0]}", f"only one of {' and '.join(filled)} can be set")
    for paths in rule.needs:
        holders = [path for path in paths if _is_filled(after, path)]
        asked = [*paths, *(name for name in rule.when if not name.startswith("$"))]
        if not holders and (not was or _touches(asked, sent, was)):
            yield Fault(f"body.{paths[0]}", f"{'one of ' + ', '.join(paths) if paths[1:] else 'it'} is needed{why}")


def _condition(rule: BodyRule, after: Mapping[str, Json]) -> str:
    """Under which condition a rule applies, for people: `` when authMode is open``."""
    names = [name for name in (*rule.when, *rule.unless) if not name.startswith("$")]
    found = [f"{name} is {_shown(next((v for _, v in _at(after, name)), None))}" for name in names]
    found += [_FACT_WORDS[name, after[name]] for name in rule.when if (name, after.get(name)) in _FACT_WORDS]
    return f" when {' and '.join(found)}" if found else ""


def _shown(value: Json) -> str:
    return "not set" if value is None else str(value).lower() if isinstance(value, bool) else repr(str(value)[:40])


def _is_filled(after: Mapping[str, Json], path: str) -> bool:
    """Whether something stands there afterwards; a placeholder or an edit of a list stands for something."""
    name, _, rest = path.partition(".")
    value = after.get(name)
    if is_placeholder(value) or is_edit_of_list(value):
        return True
    return (_is_filled(value, rest) if isinstance(value, Mapping) else False) if rest else not _is_blank(value)


def _touches(paths: Sequence[str], sent: Mapping[str, Json], was: Mapping[str, Json]) -> bool:
    return any(True for path in paths for _ in _new(sent, was, path))


def _new(sent: Mapping[str, Json], was: Mapping[str, Json], path: str) -> Iterator[tuple[str, Json]]:
    """The places of a path in a body and their values, those left out that the cloud holds already."""
    held = dict(_at(was, path, "body"))
    for where, value in _at(sent, path, "body"):
        if where not in held or held[where] != value:
            yield where, value


def _at(value: Json, path: str, where: str = "") -> Iterator[tuple[str, Json]]:
    """Each place that a path leads to; what a placeholder or an edit of a list stands for is not known."""
    if is_placeholder(value) or is_edit_of_list(value):
        return
    if not path:
        yield where, value
        return
    name, _, rest = path.partition(".")
    each = name.endswith("[]")
    name = name.removesuffix("[]")
    if not isinstance(value, Mapping) or name not in value:
        return
    inner = value[name]
    if each and isinstance(inner, list) and not is_edit_of_list(inner):
        for number, element in enumerate(inner):
            yield from _at(element, rest, f"{where}.{name}[{number}]")
    elif not each:
        yield from _at(inner, rest, f"{where}.{name}")


def _numbers(sent: Mapping[str, Json], was: Mapping[str, Json], path: str) -> Iterator[tuple[str, float]]:
    for where, value in _new(sent, was, path):
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield where, value


def _outside(found: Iterator[tuple[str, float]], low: float, high: float) -> Iterator[Fault]:
    for where, number in found:
        if not low <= number <= high:
            yield Fault(where, f"must be between {low} and {high}, {_given(where, number)}")


def _wrong_length(sent: Mapping[str, Json], was: Mapping[str, Json], path: str, low: int, high: int) -> Iterator[Fault]:
    for where, value in _new(sent, was, path):
        if isinstance(value, str | list) and not low <= len(value) <= high:
            unit = "characters" if isinstance(value, str) else "elements"
            count = "" if _is_secret(where) else f", found {len(value)}"
            yield Fault(where, f"must have {low} to {high} {unit}{count}")


def _given(where: str, value: Json) -> str:
    """What was given there; the value of a secret is not shown."""
    return given.found(value, secret=_is_secret(where))


def _is_secret(where: str) -> bool:
    return is_secret(where.rsplit(".", 1)[-1])


def _is_blank(value: Json) -> bool:
    return (
        value is None
        or (isinstance(value, str) and not value.strip())
        or (isinstance(value, list | dict) and not value)
    )
