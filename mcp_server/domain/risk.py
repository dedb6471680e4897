"""How dangerous a step or a plan is (design 3.3)."""

from collections.abc import Iterable
from enum import IntEnum


class Risk(IntEnum):
    """Ordered: the higher counts."""

    LOW = 1
    MODERATE = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def word(self) -> str:
        """The word used in answers: low, moderate, high or critical."""
        return self.name.lower()

    @classmethod
    def of(cls, word: str) -> "Risk":
        """The risk of that word; ``KeyError`` for any other."""
        return cls[word.upper()]


def highest(risks: Iterable[Risk]) -> Risk:
    """The highest of them; LOW when there is none."""
    return max(risks, default=Risk.LOW)
