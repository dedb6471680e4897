"""Which part of the chain may be sealed and pruned: whole segments, each up to a signed checkpoint.

A segment's tombstone names its first and last row and the last row's hash, so the chain that is left still verifies:
its first row follows that hash. The rows themselves verify in their archive.
"""

from collections.abc import Sequence
from dataclasses import replace

from mcp_server.store.evidence.statements import CHECKPOINT, TOMBSTONE, Statement, standing


def seal_before(statements: Sequence[Statement], moment: str) -> Statement | None:
    """The tombstone (time, author and reason still empty) of all rows signed before the moment; None: there is none.

    The newest checkpoint is never sealed: the chain keeps at least one row behind its last signature.
    """
    sealed = max((one.seq for one in statements if one.kind == TOMBSTONE), default=0)
    signed = [one for one in standing(statements) if one.kind == CHECKPOINT and one.seq > sealed]
    old = [one for one in signed[:-1] if one.at < moment]
    if not old:
        return None
    last = max(old, key=lambda one: one.seq)
    return replace(last, kind=TOMBSTONE, first=sealed + 1, at="", public_key="", previous="", signature="")


def archived(statements: Sequence[Statement], tombstone: Statement) -> list[Statement]:
    """The statements that go with an archive: all up to its own seal, whose time and author are those given."""
    made = [(one.kind, one.seq, one.at) for one in statements]
    return list(statements[: made.index((TOMBSTONE, tombstone.seq, tombstone.at)) + 1])
