"""What the trials of an operation say of its promise, and all verdicts as a table."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from scripts.sweeping.runner import Result
from scripts.sweeping.trial import Trial

CLASSES: Final = ("reversible", "new_id", "with_caveats", "none")
VERDICTS: Final = ("kept", "stated", "refused", "no effect", "unreached", "broken")
#: operations that no body can try in the sandbox, each with the reason; they rest on their schema alone
UNREACHED: Final[Mapping[str, str]] = json.loads((Path(__file__).parent / "unreached.json").read_text("utf-8"))
_LONGEST: Final = 120  #: characters of a refusal that are kept
_PROVEN: Final = ("kept", "stated")


@dataclass(frozen=True, slots=True)
class Verdict:
    """One operation: the class that its plan promised, what became of it, and what came of each body."""

    operation: str
    undo: str  #: the overlay's word for the way back
    promised: str  #: one of CLASSES
    verdict: str  #: one of VERDICTS
    bodies: Mapping[str, int]  #: outcome -> how many
    broken: tuple[str, ...] = ()
    stated: tuple[str, ...] = ()  #: differences that were announced, each field once
    never: str = ""  #: why it can never be planned, and what a person does instead
    let_through: Mapping[str, int] = field(default_factory=dict)  #: why the sandbox refused what was planned -> bodies
    odd: tuple[str, ...] = ()  #: where plan and sandbox did not agree about a body, the first of each kind

    def row(self) -> dict[str, Any]:
        """The verdict as it is kept; empty parts left out."""
        told = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in told.items() if value or name == "bodies"}


def verdict_of(result: Result) -> Verdict:
    """The verdict: a promise counts as kept only when some body changed the state and all that did were taken back."""
    trials = result.trials
    counts = Counter(trial.outcome for trial in trials)
    broken = tuple(f"[{trial.variant}] {line}" for trial in trials for line in trial.broken)
    proof = next((trial for trial in trials if trial.outcome in _PROVEN), None)
    promised = _promised(result.undo, trials)
    if result.undo == "none":
        word = (
            "refused"
            if counts["irreversible"]
            else "no effect"
            if counts["no_effect"]
            else proof.outcome
            if proof
            else ""
        )
    else:
        word = ("stated" if counts["stated"] else "kept") if proof else ""
    if not word and counts["never"]:
        word = "refused"
    if not word and not broken and result.operation in UNREACHED:
        word = "unreached"
    if not word and not broken:
        broken = (result.fault or _why_never(result.undo, trials),)
    return Verdict(
        result.operation,
        result.undo,
        promised,
        "broken" if broken else word,
        dict(sorted(counts.items())),
        broken,
        tuple(dict.fromkeys(_field(line) for trial in trials for line in trial.stated)),
        next((trial.plan for trial in trials if trial.outcome == "never"), "") if _is_never_planned(trials) else "",
        dict(Counter(trial.cloud[:_LONGEST] for trial in trials if trial.outcome == "let_through")),
        _odd(trials),
    )


def _is_never_planned(trials: Sequence[Trial]) -> bool:
    return {trial.outcome for trial in trials} == {"never"}


def _promised(undo: str, trials: Sequence[Trial]) -> str:
    """The weakest class that a plan promised for a body that was carried out."""
    if _is_never_planned(trials):
        return "none"
    told = [trial.undo_class for trial in trials if trial.outcome in (*_PROVEN, "broken", "unchanged", "unseen")]
    found = [word for word in CLASSES if word in told]
    return "none" if undo == "none" else found[-1] if found else "reversible"


def _why_never(undo: str, trials: Sequence[Trial]) -> str:
    """Why no body of an operation proved anything."""
    last = next((one for one in trials if one.note or one.plan or one.cloud), None)
    why = f"{last.note or last.plan} {last.cloud}".strip() if last else "nothing was tried"
    what = "no body was refused for want of irreversible" if undo == "none" else "no body changed the cloud"
    return f"{what}; the first: {why}"


def _field(line: str) -> str:
    return line.partition(": ")[0].rpartition("/")[2]


def _odd(trials: Sequence[Trial]) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for trial in trials:
        if trial.outcome in ("otherwise", "stricter", "let_through", "not_applied"):
            why = " / ".join(word for word in (trial.plan, trial.note, trial.cloud) if word)
            found.setdefault(trial.outcome, f"{trial.outcome} [{trial.variant}]: {why[:240]}")
    return tuple(found.values())


def table(verdicts: Sequence[Verdict]) -> list[str]:
    """Lines: class by verdict."""
    counts = Counter((one.promised, one.verdict) for one in verdicts)
    head = f"{'promised':14}{'operations':>12}" + "".join(f"{word:>12}" for word in VERDICTS)
    lines = [head]
    for promised in CLASSES:
        cells = [counts[promised, word] for word in VERDICTS]
        lines.append(f"{promised:14}{sum(cells):>12}" + "".join(f"{cell:>12}" for cell in cells))
    lines.append(
        f"{'all':14}{len(verdicts):>12}"
        + "".join(f"{sum(1 for one in verdicts if one.verdict == word):>12}" for word in VERDICTS)
    )
    return lines
