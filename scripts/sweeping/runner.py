"""All trials of the chosen operations, and what they say of each operation."""

import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.sweeping.bench import Bench, NotPrepared, bench
from scripts.sweeping.bodies import variants
from scripts.sweeping.fixtures import fixtures, guessed
from scripts.sweeping.lab import LabBench, lab
from scripts.sweeping.trial import CONCLUSIVE, Trial, tried
from tests.support.cases import Case


@dataclass(frozen=True, slots=True)
class Result:
    """One operation's trials. ``fault`` is set when none could be made."""

    operation: str
    undo: str  #: the overlay's word
    family: str
    trials: tuple[Trial, ...]
    fault: str = ""
    took_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Wish:
    """Which operations. ``quick`` stops at the first body that shows what becomes of the promise."""

    operations: tuple[str, ...]
    quick: bool = False
    overlay: Path | None = None  #: another folder of overlay files
    live: str = ""  #: a lab organization instead of the sandbox


async def swept(wish: Wish) -> AsyncIterator[Result]:
    """The result of each operation, in order."""
    with TemporaryDirectory() as directory:
        home = Path(directory) / "home"
        async with lab(home, wish.live) if wish.live else bench(home, wish.overlay) as at:
            known = fixtures(at.catalogue, at.overlay)
            for operation in wish.operations:
                cases = known.get(operation) or ([("found", await guessed(at, operation))] if not wish.live else [])
                began = time.perf_counter()
                result = await _result(at, operation, cases, quick=wish.quick)
                yield replace(result, took_s=round(time.perf_counter() - began, 2))


async def _result(at: Bench, operation: str, cases: Sequence[tuple[str, Case]], *, quick: bool) -> Result:
    row = at.overlay.row(operation)
    trials: list[Trial] = []
    fault = ""
    for name, case in _bodies(at, operation, cases):
        if quick and trials and trials[-1].outcome in CONCLUSIVE:
            break
        try:
            touch = await at.prepared(case)
        except NotPrepared as why:
            fault = str(why)
            continue
        trials.append(await tried(at, touch, name))
    return Result(operation, row.undo, row.family, tuple(trials), fault if not trials else "")


def _bodies(at: Bench, operation: str, cases: Sequence[tuple[str, Case]]) -> Iterator[tuple[str, Case]]:
    """Every hand-made case as it is, then the first one with generated bodies; last from a state that is null."""
    for name, case in cases:
        if case.body is not None or at.catalogue.find(operation).body is None:
            yield name, case
    schema = at.catalogue.find(operation).body
    if schema is None or not cases or isinstance(at, LabBench):
        return
    base = cases[0][1]
    for variant in variants(schema, base.body, operation):
        if variant.name != "by hand":
            yield variant.name, Case(operation, base.params, variant.body, base.first)
        if variant.name == "null" and at.overlay.row(operation).kind == "update":
            nothing = {"operation": operation, "params": base.params, "body": variant.body}
            yield "from null", Case(operation, base.params, base.body, (*base.first, nothing))
