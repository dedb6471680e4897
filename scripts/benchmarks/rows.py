"""Each row of the table: what, measured, peer, bound, and whether it holds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of the table. ``holds`` is False when the bound is passed."""

    what: str
    measured: str
    peer: str
    bound: str
    holds: bool

    def line(self) -> str:
        """The row as text."""
        mark = "ok  " if self.holds else "OVER"
        return f"{mark} {self.what:52} {self.measured:>22}  peer {self.peer:>22}  bound {self.bound}"
