"""Writes with valid bodies and everything that must stand before them, from ``tests/contract/overlay_cases*.json``."""

import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mcp_server.domain.call import Json, Touch

FOLDER: Final = Path(__file__).resolve().parents[1] / "contract"
PLACES: Final[Mapping[str, str]] = {  #: of the seeded world
    "ORG": "549236",
    "NET": "L_646829496481105400",
    "MX": "Q2WZ-HFQT-2037",
    "MS": "Q2XG-HFQU-2074",
    "MR": "Q2DT-HFQZ-2259",
    "MV": "Q2HX-HFRD-2407",
    "MT": "Q2JE-HFRE-2444",
    "MG": "Q2KM-HFRF-2481",
}


@dataclass(frozen=True)
class Case:
    """A write to try. ``first`` is asked before it: ``$0.id`` in a value is a field of the first one's answer."""

    operation: str
    params: Mapping[str, Any]
    body: Json = None
    first: tuple[Mapping[str, Any], ...] = ()
    change: Json = None  #: of a create: a body for the update of what it made
    note: str = ""  #: what the case is about, where its name does not say it

    def preparing(self, places: Mapping[str, str] = PLACES) -> Generator[Touch, Json, Touch]:
        """Yields each write that must be sent before, is sent its answer, and returns the write to try."""
        answers: list[Json] = []
        for step in self.first:
            params, body = (with_answers(step.get(part), answers, places) for part in ("params", "body"))
            answers.append((yield Touch(step["operation"], params, body, is_write=True)))
        params, body = (with_answers(part, answers, places) for part in (self.params, self.body))
        return Touch(self.operation, params, body, is_write=True)


def with_answers(value: Any, answers: list[Any], places: Mapping[str, str] = PLACES) -> Any:
    """The value with places by name and ``$number.field`` filled in."""
    if isinstance(value, Mapping):
        return {name: with_answers(item, answers, places) for name, item in value.items()}
    if isinstance(value, list):
        return [with_answers(item, answers, places) for item in value]
    if isinstance(value, str) and value[:1] == "$" and value[1:2].isdigit():
        found: Any = answers
        for name in value[1:].split("."):
            found = found[int(name)] if isinstance(found, list) else found[name]
        return found
    return places.get(value, value) if isinstance(value, str) else value


def cases(kind: str, folder: Path = FOLDER, files: str = "overlay_cases*.json") -> dict[str, Case]:
    """The cases of that kind (updates, creates or actions) of every file, named after it; the first gives no name."""
    found: dict[str, Case] = {}
    for file in sorted(folder.glob(files)):
        for name, case in json.loads(file.read_text(encoding="utf-8")).get(kind, {}).items():
            area = file.stem.removeprefix("overlay_cases").replace("_", " ")
            found[f"{area} {name}".strip()] = Case(**{**case, "first": tuple(case.get("first", ()))})
    return found
