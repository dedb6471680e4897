"""What is wrong with an argument, in a line that is short, plain ASCII and keeps secrets to itself."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches

from mcp_server.domain.call import Json
from mcp_server.domain.given import found, shown
from mcp_server.domain.redaction import is_secret_field
from mcp_server.domain.state.json_value import sounds_secret

WHERE_CHARS = 50
NAMES_CHARS = 40
MOST_FAULTS = 200  #: nobody reads more, and looking for near names costs time

_DOTS = "*\u2022\u25cf\u2219\u00b7\u25aa\u2588"  #: what programs print in place of a character of a secret
_WORDS = "redacted|masked|hidden|removed|filtered|omitted|secret|sanitized|obfuscated"
_MASKED = re.compile(
    rf"[{_DOTS}]{{3,}}"
    rf"|\**[<\[({{]+ ?(?:{_WORDS})(?: [a-z ]{{1,20}})? ?[>\])}}]+\**"
    rf"|[*_]*redacted[*_]*|\*+(?:{_WORDS})\*+",
    re.IGNORECASE,
)
_MASKED_SECRET = re.compile(rf".*[{_DOTS}]{{4,}}.*|[x.]{{4,}}|[{_DOTS}]+|(?:{_WORDS})", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. ``str`` gives at most 60 tokens."""

    where: str  #: "params.networkId", "body.rules[2].policy"
    what: str
    allowed: tuple[str, ...] = ()  #: names or values that would do
    is_nearest: bool = False  #: ``allowed`` holds near names only

    def __str__(self) -> str:
        """``where: what (nearest: a, b)``."""
        words = f"{shown(self.where, WHERE_CHARS, keep_end=True)}: {self.what}"
        if not self.allowed:
            return words
        return f"{words} ({'nearest' if self.is_nearest else 'allowed'}: {listed(self.allowed)})"


@dataclass(slots=True)
class Faults:
    """The faults found so far; ``is_full`` says that looking further is no use."""

    found: list[Fault] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        """Whether ``MOST_FAULTS`` are reached."""
        return len(self.found) >= MOST_FAULTS

    def add(self, where: str, what: str, allowed: Iterable[str] = (), *, is_nearest: bool = False) -> None:
        """Note one more, unless there are too many already."""
        if not self.is_full:
            self.found.append(Fault(where, what, tuple(allowed), is_nearest))

    def add_unknown(self, where: str, name: str, known: Iterable[str], what: str = "no such field") -> None:
        """Note a name that is not known, with the nearest that are, or all of them when none is near."""
        if self.is_full:
            return
        names = tuple(known)
        near = nearest(name, names)
        self.add(f"{where}.{name}" if where else name, what, near or names, is_nearest=bool(near))

    def add_value(self, where: str, value: Json, enum: tuple[str, ...], *, secret: bool) -> None:
        """Note a value that is not one of ``enum``; the nearest ones are named first."""
        near = () if secret or not isinstance(value, str) else nearest(value, enum)
        rest = tuple(allowed for allowed in enum if allowed not in near)
        self.add(where, f"not allowed, {found(value, secret=secret)}", near + rest)


def nearest(name: str, known: Iterable[str], limit: int = 3) -> tuple[str, ...]:
    """The known names that look most like this one, best first; case, ``_`` and ``-`` do not count."""
    folded: dict[str, str] = {}
    for candidate in known:
        folded.setdefault(_folded(candidate), candidate)
    return tuple(folded[hit] for hit in get_close_matches(_folded(name), folded, n=limit, cutoff=0.6))


def is_secret(name: str) -> bool:
    """Whether a field of that name holds something that must not be shown."""
    return is_secret_field(name) or sounds_secret(name)


def is_masked(text: str, *, secret: bool) -> bool:
    """Whether a text is what some program shows in place of a secret; a secret field is judged more strictly."""
    return bool(_MASKED.fullmatch(text) or (secret and _MASKED_SECRET.fullmatch(text)))


def listed(names: tuple[str, ...]) -> str:
    """Names with commas, as many as fit; the number of those left out is said. Numbers in a row: ``0 to 14``."""
    if len(names) > 2 and all(name.isdecimal() for name in names):  # each number would cost two tokens
        values = [int(name) for name in names]
        if values == list(range(values[0], values[-1] + 1)):
            return f"{names[0]} to {names[-1]}"
    kept = list(_fitting(names))
    rest = len(names) - len(kept)
    return ", ".join(kept) + (f" and {rest} more" if rest else "")


def _fitting(names: tuple[str, ...]) -> Iterator[str]:
    room = NAMES_CHARS
    for name in names:
        room -= len(name) + (5 if any(map(str.isdigit, name)) else 2)  # digits take more tokens than letters
        if room < 0:
            return
        yield name


def _folded(name: str) -> str:
    return name[:100].replace("_", "").replace("-", "").replace("[]", "").casefold()
