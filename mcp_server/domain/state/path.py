"""Where a value stands inside a JSON document, as words: ``rules[2].destCidr``.

A field whose name would read as something else is quoted: ``["a.b"].c``. The whole document is "".
"""

import json
import re
from collections.abc import Sequence

Token = str | int  #: a field name, or an index from 0
_PLAIN = re.compile(r'[^.\[\]"]+')
_PART = re.compile(r'\.?([^.\[\]"]+)|\[(\d+)\]|\.?\[("(?:[^"\\]|\\.)*")\]')


def rendered(tokens: Sequence[Token]) -> str:
    """The dotted path of those tokens."""
    parts: list[str] = []
    for token in tokens:
        if isinstance(token, int):
            parts.append(f"[{token}]")
        elif _PLAIN.fullmatch(token):
            parts.append(f".{token}" if parts else token)
        else:
            parts.append(f"[{json.dumps(token)}]")
    return "".join(parts)


def parsed(path: str) -> tuple[Token, ...]:
    """The tokens of a dotted path; ``ValueError`` when it is none."""
    tokens: list[Token] = []
    position = 0
    while position < len(path):
        found = _PART.match(path, position)
        if found is None:
            raise ValueError(f"not a path: {path!r}")
        plain, index, quoted = found.groups()
        tokens.append(int(index) if index is not None else json.loads(quoted) if quoted is not None else plain)
        position = found.end()
    return tuple(tokens)


def pattern(tokens: Sequence[Token]) -> str:
    """The path with every index as ``[]``: how overlay rows name a field of list elements."""
    return rendered(tokens) if not any(isinstance(t, int) for t in tokens) else "".join(_pattern_parts(tokens))


def _pattern_parts(tokens: Sequence[Token]) -> list[str]:
    parts: list[str] = []
    for token in tokens:
        parts.append("[]" if isinstance(token, int) else rendered((token,)) if not parts else f".{token}")
    return parts


def is_named(tokens: Sequence[Token], names: frozenset[str]) -> bool:
    """Whether the field at ``tokens`` is in ``names``, by its bare name or its whole pattern."""
    if not names or not tokens:
        return False
    field = next((token for token in reversed(tokens) if isinstance(token, str)), None)
    return field in names or pattern(tokens) in names
