"""Printing for people and for programs. Every text is cleaned first: no control character reaches a terminal."""

import json
import sys
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mcp_server.domain.call import Json
from mcp_server.domain.redaction import clean, cleaned, redacted

_TEXT_LIMIT = 100_000
_WIDE = 220  #: columns when nobody looks: a pipe must not lose the end of a line


def console() -> Console:
    """Standard output with colours only on a terminal, and nothing in a text read as markup."""
    width = None if sys.stdout.isatty() else _WIDE
    return Console(highlight=False, markup=False, emoji=False, soft_wrap=True, width=width)


def as_json(value: Json) -> str:
    """The value as indented JSON, secrets masked, texts made inert."""
    return json.dumps(cleaned(redacted(value), _TEXT_LIMIT), ensure_ascii=False, indent=2, default=_text)


def _text(value: object) -> str:
    return clean(value, _TEXT_LIMIT)


def shown(value: Json, *, is_json: bool, draw: Callable[[Console], None]) -> None:
    """Print the value as JSON, or let ``draw`` print it for people."""
    if is_json:
        sys.stdout.write(as_json(value) + "\n")
    else:
        draw(console())


def table(*columns: str) -> Table:
    """An empty table without lines; nothing in a cell is cut off."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def row(*cells: object) -> list[Text]:
    """The cells of one row, cleaned; None is shown as -."""
    return [Text("-" if cell is None or cell == "" else clean(cell, 400)) for cell in cells]


def line(text: object, style: str = "") -> Text:
    """One line, cleaned."""
    return Text(clean(text, 2_000), style=style)


def lines(out: Console, texts: Sequence[object], style: str = "") -> None:
    """Each text on a line of its own."""
    for text in texts:
        out.print(line(text, style))


def progress(text: str) -> None:
    """What goes on, on stderr."""
    sys.stderr.write(clean(text, 400) + "\n")
    sys.stderr.flush()
