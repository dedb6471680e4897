"""Whether a chain is as it was written, judged by its links, its signed statements, anchors and receipts.

Pure: rows and statements go in, a verdict comes out. What a verdict proves and does not prove is part of it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mcp_server.domain.call import Receipt
from mcp_server.store.chain import FIRST, Problem, previous_of, walked
from mcp_server.store.evidence.signing import is_signed
from mcp_server.store.evidence.statements import RESTORE, ROTATION, TOMBSTONE, Statement, standing

Line = tuple[int, str, str]  #: seq, text, hash


@dataclass(frozen=True, slots=True)
class Claims:
    """What a chain is judged by besides its rows."""

    statements: Sequence[Statement] = ()  #: of the store or the export, in their order
    anchored: Sequence[Statement] = ()  #: that were kept elsewhere
    receipts: Sequence[Receipt] = ()  #: that somebody kept
    head: Receipt | None = None  #: where the store says that the chain ends; None: not known, as in an export
    first: int = 0  #: the first row of an export of a part; 0: it must begin at its beginning
    key: str = ""  #: the signer's public key when it is known; else the anchors', else the statements' own word


@dataclass(frozen=True, slots=True)
class Verdict:
    """``problem`` names the first bad row, or is None. Rows first..last were walked."""

    problem: Problem | None
    first: int
    last: Receipt
    signed: Statement | None  #: the newest one that holds
    anchored: Statement | None  #: the newest one that was kept elsewhere
    pruned_to: int
    restores: tuple[Statement, ...]
    rotations: tuple[Statement, ...]
    is_store: bool
    is_key_known: bool
    unseen: tuple[int, ...] = ()  #: rows of which a receipt was given, and that are not here

    @property
    def has_rows(self) -> bool:
        """Whether any row was walked."""
        return self.last.seq >= self.first

    def proves(self) -> list[str]:
        """What follows from it, in sentences; [] when a row is bad or there is none."""
        if self.problem or not self.has_rows:
            return []
        told = [
            f"Rows {self.first} to {self.last.seq} follow one from the other: none was changed, lost or added alone."
        ]
        if self.pruned_to:
            told.append(f"Rows 1 to {self.pruned_to} were sealed and pruned; the chain goes on from their last hash.")
        if self.signed:
            told.append(f"Rows up to {self.signed.seq} were signed at {self.signed.at} by {self.signed.public_key}.")
        if self.anchored:
            when = f"at {self.anchored.at} outside the store"
            told.append(f"Rows up to {self.anchored.seq} are those that were anchored {when}.")
        told += [
            f"At {one.at} {one.by} exchanged the key: {one.public_key} signed that {one.next_key} follows: {one.reason}"
            for one in self.rotations
        ]
        return told + [
            f"At {one.at} {one.by} put the store back to row {one.seq}, {_loss(one)}" for one in self.restores
        ]

    def does_not_prove(self) -> list[str]:
        """What it leaves open."""
        if self.problem:
            return [f"Anything about row {max(self.problem.seq, 1)} and later."]
        held = self.anchored.seq if self.anchored else 0
        told = [
            f"That row {seq} is the one of its receipt: that row is not here, but in an archive or another export."
            for seq in self.unseen
        ]
        if held < self.last.seq:
            told.append(
                f"Rows {held + 1} to {self.last.seq}: no anchor was given for them, so whoever has the data directory "
                "with its keys could have written them anew, or cut what came after."
            )
        if not self.has_rows:
            told.append("That no row was ever written: none is here.")
        if not self.is_store:
            told.append(f"That nothing was written after row {self.last.seq}: an export ends where it was made.")
        if self.signed and not self.is_key_known:
            told.append("Who signed: the key was taken from the statements themselves; give anchors or --key.")
        return [*told, "That what was recorded was true: only that it is what was recorded."]


def _loss(back: Statement) -> str:
    """What a restore cost."""
    return "no row was lost." if back.lost_to <= back.seq else f"rows to {back.lost_to} were lost: {back.reason}"


def verdict(lines: Iterable[Line], claims: Claims) -> Verdict:
    """Walk the rows, oldest first, once."""
    key = claims.key or next((one.public_key for one in (*claims.anchored, *claims.statements)), "")
    problems = [_unsound(claims.statements, key), _missing(claims)]
    begun, end, rows = _bounds(claims, iter(lines))
    expected, clash = _expected(claims, end.seq if end and not claims.head else 0)
    at, broken = walked(rows, begun, expected)
    problems += [broken or _ending(at, begun, end, expected), clash]
    found = sorted((one for one in problems if one), key=lambda one: one.seq)
    return Verdict(
        problem=found[0] if found else None,
        first=begun.seq + 1,
        last=at,
        signed=claims.statements[-1] if claims.statements else None,
        anchored=max(_kept(claims), key=lambda one: one.seq, default=None),
        pruned_to=begun.seq if begun.seq in {one.seq for one in claims.statements if one.kind == TOMBSTONE} else 0,
        restores=tuple(one for one in claims.statements if one.kind == RESTORE),
        rotations=tuple(one for one in claims.statements if one.kind == ROTATION),
        is_store=claims.head is not None,
        is_key_known=bool(claims.key or claims.anchored),
        unseen=_unseen(claims, begun, at),
    )


def _bounds(claims: Claims, rows: Iterator[Line]) -> tuple[Receipt, Receipt | None, Iterator[Line]]:
    """What the first row has to follow, where the last one has to stand (None: nobody knows), and the rows.

    A store begins after its last pruned row and ends at its head. An archive of pruned rows stands between two seals.
    A part of an export begins where its reader says, and follows what its first row says.
    """
    tombs = [one for one in claims.statements if one.kind == TOMBSTONE]
    seals = [Receipt(0, FIRST), *(Receipt(one.seq, one.hash) for one in tombs)]
    first = next(rows, None) if claims.head is None else None
    if first is None:
        return seals[-1], claims.head, rows
    rows = _again(first, rows)
    place = next((number for number, one in enumerate(tombs) if one.first == first[0]), None)
    if place is not None:
        return seals[place], seals[place + 1], rows
    if claims.first > seals[-1].seq + 1 and first[0] == claims.first:
        return Receipt(claims.first - 1, previous_of(first[1])), None, rows
    return seals[-1], None, rows


def _unseen(claims: Claims, begun: Receipt, at: Receipt) -> tuple[int, ...]:
    """The rows of receipts that were not walked and that no statement names."""
    named = {one.seq for one in (*standing(claims.statements), *_kept(claims))}
    return tuple(sorted({one.seq for one in claims.receipts if not begun.seq <= one.seq <= at.seq} - named))


def _again(first: Line, rest: Iterator[Line]) -> Iterator[Line]:
    yield first
    yield from rest


def _unsound(statements: Sequence[Statement], known: str) -> Problem | None:
    """The first statement that was not made by the key whose turn it was, or does not follow the one before it.

    The known key must have signed one of them: what came before that one is part of it (``previous``), and after it
    each key names its successor.
    """
    previous, sealed = "", 0
    key = statements[0].public_key if known in {one.public_key for one in statements} else known
    for one in statements:
        if one.public_key != key or not is_signed(one):
            return Problem(one.seq, "the statement about it is not signed with the key of this chain")
        if one.previous != previous:
            return Problem(one.seq, "a signed statement before the one about it is missing")
        if one.kind == TOMBSTONE and one.first != sealed + 1:
            return Problem(one.first, "its seal does not follow the one before")
        previous, sealed = one.digest(), one.seq if one.kind == TOMBSTONE else sealed
        key = one.successor
    return None


def _missing(claims: Claims) -> Problem | None:
    """The first anchored statement that is not genuine, or that the store does not hold."""
    held = {one.digest() for one in claims.statements}
    signers = {one.public_key for one in claims.statements or claims.anchored[:1]}
    for one in _kept(claims):
        if one.public_key not in signers or not is_signed(one):
            return Problem(one.seq, "an anchor of it is not signed with the key of this chain")
        if one.digest() not in held:
            return Problem(one.seq, f"what was anchored about it at {one.at} is not in the store")
    return None


def _kept(claims: Claims) -> list[Statement]:
    """The anchored statements that no restore has made void."""
    restores = [one for one in claims.statements if one.kind == RESTORE]
    kept = {one.digest() for one in claims.anchored}
    return [one for one in standing([*claims.anchored, *restores]) if one.digest() in kept]


def _expected(claims: Claims, up_to: int) -> tuple[Mapping[int, str], Problem | None]:
    """The hash that each witnessed row must have (to the end of an archive), and the first that two dispute."""
    expected: dict[int, str] = {}
    clash: Problem | None = None
    signed = [Receipt(one.seq, one.hash) for one in (*standing(claims.statements), *_kept(claims))]
    for one in (one for one in (*signed, *claims.receipts) if not up_to or one.seq <= up_to):
        if expected.setdefault(one.seq, one.hash) != one.hash and (clash is None or one.seq < clash.seq):
            clash = Problem(one.seq, "two witnesses name different hashes for it")
    return expected, clash


def _ending(at: Receipt, begun: Receipt, end: Receipt | None, expected: Mapping[int, str]) -> Problem | None:
    """What is wrong with the end of a chain whose rows all follow one another."""
    if end is not None and at != end:
        return Problem(min(at.seq, end.seq) + 1, f"the chain ends at {at.seq}, and {end.seq} lines were written")
    if expected.get(begun.seq, begun.hash) != begun.hash:
        return Problem(begun.seq + 1, "it does not follow the row that was sealed before it")
    missing = min((seq for seq in expected if seq > at.seq), default=0)
    return Problem(at.seq + 1, f"row {missing} was witnessed, and the chain ends at {at.seq}") if missing else None
