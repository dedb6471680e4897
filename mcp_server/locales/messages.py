"""Texts for people in their language: English and Brazilian Portuguese, one TOML file each.

The wording of the protocol's messages is kept as it is. Values come from outside: each is cleaned and capped.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from mcp_server.domain.redaction import clean

DEFAULT = "en"
LOCALES = ("en", "pt-BR")
VALUE_LIMIT = 300  #: characters of one value


@cache
def texts(locale: str) -> Mapping[str, str]:
    """All texts of a locale by dotted key; those of English for a locale that does not exist."""
    known = locale if locale in LOCALES else DEFAULT
    tables = tomllib.loads(Path(__file__).with_name(f"{known}.toml").read_text("utf-8"))
    return {f"{table}.{key}": text for table, entries in tables.items() for key, text in entries.items()}


def message(locale: str, key: str, **values: object) -> str:
    """The text of that key with its values, cleaned, put in; KeyError when the key or a value is missing."""
    shown = {name: clean(value, VALUE_LIMIT) for name, value in values.items()}
    return texts(locale)[key].format_map(shown)
