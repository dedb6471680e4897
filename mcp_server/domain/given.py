"""What a caller gave, as a refusal may show it: its kind, and its value where that is short and no secret."""

import re
from typing import TypeGuard

from mcp_server.domain.call import Json

VALUE_CHARS = 24
DEEPEST = 100  #: levels of nested objects and lists; what walks them by recursion has room for these
_HOLDERS = (dict, list)
_HALF = re.compile(r"[\ud800-\udfff]")


def found(value: Json, *, secret: bool = False) -> str:
    """``found integer 7``; the value of a secret, an object, a list or a long text is not shown."""
    if secret or value is None or not isinstance(value, str | int | float) or is_huge(value):
        return f"found {kind_of(value)}"
    if isinstance(value, str) and len(value) > VALUE_CHARS:  # the beginning of a key is enough to know it by
        return f"found string of {len(value)} characters"
    text = f'"{shown(value)}"' if isinstance(value, str) else str(value).lower()[:VALUE_CHARS]
    return f"found {kind_of(value)} {text}"


def kind_of(value: Json) -> str:
    """The JSON kind of a value, for people."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    for kind, word in ((str, "string"), (int, "integer"), (float, "number"), (dict, "object"), (list, "list")):
        if isinstance(value, kind):
            return word
    return "no JSON value"


def is_huge(value: Json) -> TypeGuard[int]:
    """Whether an integer is beyond 64 bits; Python refuses to print the very long ones."""
    return isinstance(value, int) and not -(2**63) <= value < 2**64


def is_deep(value: Json) -> bool:
    """Whether it is nested deeper than ``DEEPEST``, found without recursion."""
    level = [value] if isinstance(value, _HOLDERS) else []
    for _ in range(DEEPEST):
        if not level:
            return False
        inside = [one.values() if isinstance(one, dict) else one for one in level]
        level = [one for several in inside for one in several if isinstance(one, _HOLDERS)]
    return any(level)


def is_text(value: str) -> bool:
    """Whether it is text: JSON can spell half of a surrogate pair, which no file and no request can hold."""
    return _HALF.search(value) is None


def shown(text: str, limit: int = VALUE_CHARS, *, keep_end: bool = False) -> str:
    """A text as printable ASCII, at most ``limit`` characters; the cut is marked."""
    if len(text) <= limit:
        return _plain(text)
    if keep_end:
        return f"{_plain(text[: limit // 2 - 3])}...{_plain(text[-limit // 2 :])}"
    return f"{_plain(text[: limit - 3])}..."


def _plain(text: str) -> str:
    return "".join(char if " " <= char <= "~" else "?" for char in text)
