"""Which story is killed where: a cell is one story, one point, and the how-manieth time that the point is passed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mcp_server.failpoints import POINTS
from scripts.faulting.stories import STORIES

#: Passed once for each write; the others once for each change or call.
OF_A_STEP: Final = ("K5", "K6", "K7H", "K7", "K8", "K9", "K10")
OF_AN_AUDIT: Final = ("K1", "K2")
OF_A_CHANGE: Final = tuple(
    point for point in POINTS if point.startswith("K") and point not in (*OF_A_STEP, *OF_AN_AUDIT)
)
_CALLS: Final = 3  #: to plan, to ask for a yes, to apply: each ends with the reply, K13
#: Where a recovery is killed too: a change taken over (R1), doubt noted (R2), settled (R3), its end decided (R4).
OF_A_RECOVERY: Final = tuple(point for point in POINTS if point.startswith("R"))
#: What it passes when it has steps to undo.
OF_AN_UNDO: Final = ("K6", "K7", "K8", "K9", "K10")
OF_AN_END: Final = ("K11", "K12")


@dataclass(frozen=True, slots=True)
class Cell:
    """``again`` is where the server that recovers is killed too; "" when it is let be."""

    story: str
    point: str
    nth: int = 1
    again: str = ""

    def __str__(self) -> str:
        """Its name in a table and on the command line."""
        times = f"#{self.nth}" if self.nth > 1 else ""
        return f"{self.story}:{self.point}{times}" + (f"+{self.again}" if self.again else "")


def cells(*, quick: bool) -> Sequence[Cell]:
    """Every cell; with ``quick`` each point and each story at least once."""
    return tuple(_quick() if quick else _whole())


def _whole() -> Iterator[Cell]:
    for story in STORIES.values():
        if story.name == "audited":
            yield from (Cell(story.name, point) for point in (*OF_AN_AUDIT, "K3", "K4", "K6"))
            continue
        if story.name == "deadline":
            yield from _of_a_deadline()
            continue
        yield from (Cell(story.name, point) for point in OF_A_CHANGE if point not in story.never)
        yield from (Cell(story.name, "K13", nth) for nth in range(2, _CALLS + (story.first is None)))
        for nth in range(1, story.writes + 1):
            yield from (Cell(story.name, point, nth) for point in OF_A_STEP)
    for point in ("K6", "K7"):
        yield from (Cell("five", point, 3, again) for again in (*OF_A_RECOVERY, *OF_AN_UNDO, *OF_AN_END))
    yield from (Cell("five", "K9", 3, again) for again in ("R1", "R3", "R4", *OF_AN_UNDO, *OF_AN_END))
    yield from (Cell(one, "K7", 1, again) for one in ("create", "delete") for again in (*OF_A_RECOVERY, *OF_AN_END))
    yield from (Cell("rollback", "K7", 1, again) for again in (*OF_A_RECOVERY, *OF_AN_UNDO, *OF_AN_END))


def _of_a_deadline() -> Iterator[Cell]:
    """The undo of what nobody kept: nobody calls, so that only the points of writes and of the end are passed."""
    yield from (Cell("deadline", point, nth) for nth in (1, 2) for point in OF_A_STEP)
    yield from (Cell("deadline", point) for point in (*OF_AN_END, "K14"))
    yield from (Cell("deadline", "K7", 1, again) for again in (*OF_A_RECOVERY, *OF_AN_UNDO, *OF_AN_END))


def _quick() -> Iterator[Cell]:
    yield from (Cell("deadline", "K7"), Cell("deadline", "K7", 2, "R3"))
    yield from (Cell("audited", point) for point in OF_AN_AUDIT)
    yield from (Cell("one", point) for point in (*OF_A_CHANGE, *OF_A_STEP))
    yield from (Cell("five", point, 3) for point in OF_A_STEP)
    yield from (Cell("batch", point, 2) for point in ("K6", "K7", "K9"))
    yield from (Cell(story, point) for story in ("create", "delete") for point in ("K6", "K7H", "K7", "K8", "K9"))
    yield Cell("rule", "K7")
    yield from (Cell("rollback", point, 2) for point in ("K6", "K7", "K9"))
    yield from (Cell("five", "K7", 3, again) for again in (*OF_A_RECOVERY, *OF_AN_UNDO, *OF_AN_END))
