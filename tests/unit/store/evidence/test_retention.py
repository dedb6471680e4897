"""What goes with an archive of pruned rows."""

from dataclasses import replace

from mcp_server.store.evidence.retention import archived
from mcp_server.store.evidence.statements import CHECKPOINT, TOMBSTONE, Statement


def test_an_archive_tells_nothing_of_what_was_signed_after_its_seal() -> None:
    """Also when another server signed before the archive was written; of several seals its own ends it."""
    first = Statement(CHECKPOINT, 3, "a" * 64, "2026-01-01")
    older, own = (Statement(TOMBSTONE, seq, "a" * 64, f"2026-02-0{seq}", first=1) for seq in (1, 3))
    later = replace(first, seq=9, at="2026-03-01")
    assert archived([first, older, own, later], own) == [first, older, own]
