"""Whether the cloud stored what a change meant to write: comparison by meaning.

Equal are: 1, 1.0 and "1"; a MAC address in any case and separator; "any" and "Any"; a cleared field that is null,
absent or empty; a list known to be a set, in any order. Fields that the cloud adds do not count. A value that was
not known when planned (``{"$secret"}``, ``{"$generate"}``, ``{"$ref"}``) fits everything.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from mcp_server.domain.call import Json
from mcp_server.domain.plan import FieldChange
from mcp_server.domain.state.diff import diff
from mcp_server.domain.state.json_value import label
from mcp_server.domain.state.path import Token, is_named, rendered

PLACEHOLDERS = ("$secret", "$generate", "$ref", "$created", "$text", "$unknown")
_MAC = re.compile(r"[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}")
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,99})(\.\d{1,99})?")
_Path = tuple[Token, ...]


def differences(
    expected: Json, actual: Json, *, ignore: Collection[str] = (), unordered: Collection[str] = ()
) -> tuple[FieldChange, ...]:
    """Each field where the cloud has something else than expected: ``before`` expected, ``after`` found.

    ``ignore`` names volatile fields and ``unordered`` lists without order, by bare name or by path with ``[]``.
    """
    return tuple(_Rules(frozenset(ignore), frozenset(unordered)).values((), expected, actual))


def is_unknown(value: Json) -> bool:
    """Whether a value stands for one that was not known when planned."""
    return isinstance(value, Mapping) and len(value) == 1 and next(iter(value)) in PLACEHOLDERS


@dataclass(frozen=True, slots=True)
class _Rules:
    """What does not count in one comparison."""

    ignore: frozenset[str]
    unordered: frozenset[str]

    def values(self, path: _Path, expected: Json, actual: Json) -> list[FieldChange]:
        """The differences at and below one place."""
        if is_unknown(expected) or is_named(path, self.ignore):
            return []
        if isinstance(expected, Mapping) and isinstance(actual, Mapping):
            return [
                change
                for key, value in expected.items()
                for change in self.values((*path, key), value, actual.get(key))
            ]
        if isinstance(expected, list) and isinstance(actual, list):
            return self._lists(path, expected, actual)
        if _means(expected) == _means(actual):
            return []
        return [FieldChange(rendered(path), expected, actual, "set")]

    def _lists(self, path: _Path, expected: list[Json], actual: list[Json]) -> list[FieldChange]:
        if is_named(path, self.unordered):
            return self._sets(path, expected, actual)
        if len(expected) == len(actual):
            found = [self.values((*path, i), e, a) for i, (e, a) in enumerate(zip(expected, actual, strict=True))]
            if sum(1 for changes in found if changes) <= 1:
                return [change for changes in found for change in changes]
        return self._readable(path, expected, actual)

    def _sets(self, path: _Path, expected: list[Json], actual: list[Json]) -> list[FieldChange]:
        left = dict(enumerate(actual))
        missing: list[FieldChange] = []
        for index, element in enumerate(expected):
            found = next((i for i, a in left.items() if not self.values((*path, index), element, a)), None)
            if found is None:
                note = f"{label(element)} is missing"
                missing.append(FieldChange(rendered((*path, index)), element, None, "removed", note))
            else:
                del left[found]
        extra = [
            FieldChange(rendered((*path, i)), None, a, "added", f"{label(a)} is too much") for i, a in left.items()
        ]
        return missing + extra

    def _readable(self, path: _Path, expected: list[Json], actual: list[Json]) -> list[FieldChange]:
        """The list differences as insertions, removals and moves, of the fields that were expected."""
        wanted = [self._plain((*path, 0), element) for element in expected]
        fields = {key for element in expected if isinstance(element, Mapping) for key in element}
        found = [self._plain((*path, 0), _only(element, fields)) for element in actual]
        prefix = rendered(path)
        changes = [c for c in diff(wanted, found) if not _is_added_field(c)]
        return [FieldChange(prefix + c.path, c.before, c.after, c.how, c.note) for c in changes]

    def _plain(self, path: _Path, value: Json) -> Json:
        """The value in the form in which equal meanings are equal; what does not count left out."""
        if isinstance(value, Mapping) and not is_unknown(value):
            kept = {k: v for k, v in value.items() if not is_named((*path, k), self.ignore) and not is_unknown(v)}
            plain = {k: self._plain((*path, k), v) for k, v in kept.items()}
            return {k: v for k, v in plain.items() if v is not None}
        if isinstance(value, list):
            items = [self._plain((*path, 0), item) for item in value]
            return sorted(items, key=repr) if is_named(path, self.unordered) else items or None
        return _means(value)


def _only(element: Json, fields: set[str]) -> Json:
    return {k: v for k, v in element.items() if k in fields} if isinstance(element, Mapping) else element


def _is_added_field(change: FieldChange) -> bool:
    """Whether the change is a field that only the cloud has, inside an element."""
    return change.how == "added" and not change.path.endswith("]")


def _means(value: Json) -> Json:
    """The plain form of a scalar: what it means, not how it is written."""
    if isinstance(value, bool):
        return f"is {value}"
    if isinstance(value, int | float):
        return value
    if isinstance(value, str):
        return _text_means(value)
    empty = value is None or (isinstance(value, Mapping | Sequence) and not value)
    return None if empty else value


def _text_means(text: str) -> Json:
    if not text:
        return None
    if _NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)  # ids have 18 digits, a float keeps 15 of them
    if _MAC.fullmatch(text):
        return text.lower().replace("-", ":")
    return "any" if text.lower() == "any" else text
