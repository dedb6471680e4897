"""All trials of the chosen operations, and what they say of each operation."""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.sweeping.bench import Bench, NotPrepared, bench
from scripts.sweeping.bodies import variants
from scripts.sweeping.fixtures import fixtures, guessed
from scripts.sweeping.trial import Trial, tried
from tests.support.cases import Case


@dataclass(frozen=True, slots=True)
class Result:
    """One operation's trials. ``fault`` is set when none could be made."""

    operation: str
    undo: str  #: the overlay's word
    family: str
    trials: tuple[Trial, ...]
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """Which operations, and how many bodies of each at most (0: all)."""

    operations: tuple[str, ...]
    most: int = 0
    overlay: Path | None = None  #: another folder of overlay files


async def swept(wish: Wish) -> AsyncIterator[Result]:
    """The result of each operation, in order."""
    with TemporaryDirectory() as directory:
        async with bench(Path(directory) / "home", wish.overlay) as at:
            known = fixtures(at.catalogue, at.overlay)
            for operation in wish.operations:
                cases = known.get(operation) or [("found", await guessed(at, operation))]
                yield await _result(at, operation, cases, wish.most)


async def _result(at: Bench, operation: str, cases: Sequence[tuple[str, Case]], most: int) -> Result:
    row = at.overlay.row(operation)
    trials: list[Trial] = []
    fault = ""
    for name, case in _bodies(at, operation, cases):
        if most and len(trials) >= most:
            break
        try:
            touch = await at.prepared(case)
        except NotPrepared as why:
            fault = str(why)
            continue
        trials.append(await tried(at, touch, name))
    return Result(operation, row.undo, row.family, tuple(trials), fault if not trials else "")


def _bodies(at: Bench, operation: str, cases: Sequence[tuple[str, Case]]) -> Iterator[tuple[str, Case]]:
    """Every hand-made case as it is, then the first one's with generated bodies."""
    for name, case in cases:
        if case.body is not None or at.catalogue.find(operation).body is None:
            yield name, case
    base = cases[0][1]
    schema = at.catalogue.find(operation).body
    if schema is None:
        return
    for variant in variants(schema, base.body, operation):
        if variant.name != "by hand":
            yield variant.name, Case(operation, base.params, variant.body, base.first)
