"""docs/reference/overlay-rows.md: what is known of each write beyond its schema."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass
from typing import Any, Final

from mcp_server.catalogue.operations import Catalogue
from mcp_server.catalogue.overlay import Overlay
from mcp_server.catalogue.overlay.row import Row

_APART: Final = ("operation", "sources", "risk", "undo", "kind")
_HEAD: Final = """# Overlay

What this server knows of each write beyond the schema of the API, after all rows that apply to it: its kind, risk and
undo, then every field that is not as with most writes, in the words of `mcp_server/catalogue/overlay/`, where the
sources stand. With most writes:
"""


def page() -> str:
    """The page."""
    catalogue = Catalogue.load()
    overlay = Overlay.load(catalogue)
    rows = [overlay.row(name) for name in sorted(catalogue.writes())]
    usual = usual_of(rows)
    by_root: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        by_root[catalogue.find(row.operation).path.split("/")[1]].append(line(row, usual))
    parts = [_HEAD, "\n".join(f"- {name} `{value}`" for name, value in usual.items())]
    for root, lines in sorted(by_root.items()):
        parts += [f"## /{root}", "\n".join(lines)]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def usual_of(rows: Sequence[Row]) -> dict[str, str]:
    """The most frequent value of each field, as shown."""
    names = [one.name for one in fields(Row) if one.name not in _APART]
    return {name: Counter(_shown(getattr(row, name)) for row in rows).most_common(1)[0][0] for name in names}


def line(row: Row, usual: Mapping[str, str]) -> str:
    """One write: every field of its row that is not as usual."""
    shown = {name: _shown(getattr(row, name)) for name in usual}
    known = "".join(f"; {name} `{value}`" for name, value in shown.items() if value != usual[name])
    return f"- `{row.operation}`: {row.kind}, {row.risk.name.lower()}, {row.undo}{known}"


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value or '""'
    return json.dumps(value, default=_plain, ensure_ascii=False, sort_keys=True)


def _plain(value: Any) -> Any:
    """A dataclass or a mapping proxy as JSON takes it."""
    if is_dataclass(value) and not isinstance(value, type):
        return {key: item for key, item in asdict(value).items() if item not in ("", (), {}, None, False)}
    return dict(value)
