"""Which pages there are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from scripts.reference import (
    change_states,
    command_line,
    errors,
    faults,
    hooks,
    overlay_rows,
    prompts,
    rooms,
    rules,
    sandbox,
    settings,
    tools,
    undo,
)

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "reference"
_MAKERS: Final = (
    tools,
    hooks,
    settings,
    errors,
    faults,
    change_states,
    command_line,
    prompts,
    sandbox,
    rules,
    rooms,
    undo,
    overlay_rows,
)
_NOTE: Final = "<!-- Made by `scripts/build docs`; change the code, not this page. -->\n\n"


def names() -> list[str]:
    """The file name of every page."""
    return [_file_name(maker.__name__) for maker in _MAKERS]


def pages() -> dict[str, str]:
    """The text of every page by file name."""
    return {name: _NOTE + maker.page().strip() + "\n" for name, maker in zip(names(), _MAKERS, strict=True)}


def outdated(made: Mapping[str, str]) -> list[str]:
    """The file names of the pages that are missing or say something else."""
    return [name for name, text in made.items() if not _is_same(FOLDER / name, text)]


def _is_same(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text("utf-8") == text


def _file_name(module: str) -> str:
    return module.rpartition(".")[2].replace("_", "-") + ".md"
