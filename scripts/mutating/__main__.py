"""Switches off each field of each overlay row, and of each rule by path, in turn: which test sees that it is missing?

Run by hand: ``python -m scripts.mutating [--quick] [--write]``. A rule is noticed when the overlay no longer loads
without it, when a case of the simulated cloud fails, when a unit test fails, when a plan would say something else than
the tables of tests/contract/plan_says have, or last, when the page of all rows (docs/reference/overlay-rows.md) would
be another. ``--quick`` leaves out cloud and unit tests. ``--write`` makes docs/quality/overlay-rules.md anew. Exit
status 1: a rule has no effect, or nothing notices it.
"""

import sys
from collections import Counter
from collections.abc import Sequence
from typing import Final

from scripts.mutating.judges import JUDGED, ORDER, ROOT, noticed
from scripts.mutating.rules import BASE, Rule, rules

PAGE: Final = ROOT / "docs" / "quality" / "overlay-rules.md"
_HEAD: Final = """# Overlay rules that a test would miss

Made by `python -m scripts.mutating --write`: each field of each row is switched off in turn, each of the rules by path
too, and what sees it first, from left to right, is counted.

- *load*: the overlay is refused without it.
- *cloud*: a case of the simulated cloud fails, which knows nothing of the overlay.
- *unit*: a unit test that names one of its operations fails.
- *plan*: a plan says something else than the tables in `tests/contract/plan_says` have: the wording of caveats, the
  downtime, the way back, what reads it, what goes with it, which fields move alone. The tables hold what was decided,
  by kind of statement; no cloud contradicts them.
- *page*: nothing of that, but the page of all rows (docs/reference/overlay-rows.md) is another: seen, not judged.
- *no effect*: the row is the same without it. *unnoticed*: nothing fails. Both have to be 0.

Flow tests and the sweep are not part of this run; they judge dependants, order, secrets and references.
"""


def main() -> int:
    """0, or 1 when a rule says nothing or nothing notices that it is missing."""
    BASE.check()
    quick = "--quick" in sys.argv
    found = [(rule, noticed(rule, quick=quick)) for rule in rules()]
    page = report(found)
    sys.stdout.write(page)
    if "--write" in sys.argv and not quick:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(page, encoding="utf-8")
    return int(any(how in ("", "no effect") for _, how in found))


def report(found: Sequence[tuple[Rule, str]]) -> str:
    """The page: counts by field, then every rule that no test judges."""
    lines = [_HEAD, f"| field | rules | {' | '.join(how or 'unnoticed' for how in ORDER)} |"]
    lines.append("|---" * (len(ORDER) + 2) + "|")
    fields = sorted({rule.field for rule, _ in found})
    lines += [_counts(field, [how for rule, how in found if rule.field == field]) for field in fields]
    lines += [_counts("**all**", [how for _, how in found]), ""]
    listed = [f"- {_line(rule)}: {how or 'unnoticed'}" for rule, how in found if how not in JUDGED]
    return "\n".join([*lines, "## Judged by no test", "", *(listed or ["None."]), ""])


def _counts(name: str, hows: Sequence[str]) -> str:
    counted = Counter(hows)
    return f"| {name} | {len(hows)} | {' | '.join(str(counted.get(how, 0)) for how in ORDER)} |"


def _line(rule: Rule) -> str:
    more = " and more" if len(rule.operations) > 3 else ""
    return f"{rule.where}: `{rule.field}` of {', '.join(rule.operations[:3])}{more}"


if __name__ == "__main__":
    sys.exit(main())
