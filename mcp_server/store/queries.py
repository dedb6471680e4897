"""The SQL of the store: named, described blocks in the .sql files beside this module."""

import re
from functools import cache, lru_cache
from pathlib import Path

_BLOCK = re.compile(r"^-- (?P<name>[a-z0-9_]+): (?P<purpose>.+)$", re.MULTILINE)


@cache
def blocks(file: str) -> dict[str, str]:
    """The SQL of each block of a file, by name."""
    text = Path(__file__).with_name(file).read_text(encoding="utf-8")
    heads = list(_BLOCK.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    found = {head["name"]: text[head.end() : end].strip() for head, end in zip(heads, ends, strict=True)}
    if len(found) != len(heads):
        raise ValueError(f"{file} names a block twice")
    return found


@lru_cache(256)
def sql(name: str, **names: str) -> str:
    """One statement of ``queries.sql``; ``names`` fill in tables and columns, never values."""
    return blocks("queries.sql")[name].format(**names)


def statements(block: str) -> list[str]:
    """The statements of one block of ``schema.sql``; they are parted by empty lines."""
    return [statement.strip() for statement in re.split(r"\n\s*\n", blocks("schema.sql")[block]) if statement.strip()]
