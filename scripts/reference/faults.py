"""docs/reference/faults.md: what goes wrong on purpose, what must then hold, and how to make it go wrong again."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from scripts.reference.words import table
from tests.faults.matrix import ROWS, Row
from tests.faults.oracle import MEANING

_ROOT: Final = Path(__file__).resolve().parents[2]


def page() -> str:
    """The page; ValueError when a row has nothing that reproduces it, or names what is not there."""
    faults = table(["fault", "where", "what must hold", "invariants", "reproduced by"], map(_row, ROWS))
    held = table(["invariant", "what it says"], MEANING.items())
    return f"{_HEAD}\n\n{faults}\n\n{_INVARIANTS}\n\n{held}"


_HEAD = """# Faults

What is made to go wrong on purpose, from `tests/faults/matrix.py`. Each command reproduces the fault in its row, with
no network and no key."""

_INVARIANTS = """## Invariants

What the oracle (`tests/faults/oracle.py`) checks from outside: from the simulated cloud's request journal, its state
before and after, and the exported audit. It imports nothing of the product, and an invariant that a run never put to
the test counts as a failure of that run:

```text
python -m tests.faults.oracle --journal F --state F --before F --audit F
```"""


def _row(row: Row) -> tuple[str, str, str, str, str]:
    missing = [test for test in row.tests if not _is_there(test)] + [one for one in row.commands if not _runs(one)]
    if missing or not (row.tests or row.commands):
        raise ValueError(f"nothing reproduces {row.fault!r}: {', '.join(missing) or 'no test is named'}")
    return row.fault, row.where, row.expected, row.invariants, "<br>".join(_commands(row))


def _commands(row: Row) -> Iterator[str]:
    yield from (f"`{command}`" for command in row.commands)
    yield from (f"`scripts/test {test}`" for test in row.tests)


def _is_there(test: str) -> bool:
    file, _, function = test.partition("::")
    return file in _files() and (not function or function in _functions(file))


def _runs(command: str) -> bool:
    return (_ROOT / command.partition(" ")[0]).is_file()


@cache
def _files() -> frozenset[str]:
    return frozenset(str(path.relative_to(_ROOT).as_posix()) for path in (_ROOT / "tests").rglob("test_*.py"))


@cache
def _functions(file: str) -> frozenset[str]:
    tree = ast.parse((_ROOT / file).read_text("utf-8"))
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return frozenset(node.name for node in tree.body if isinstance(node, kinds) and node.name.startswith("test_"))
