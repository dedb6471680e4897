"""A stand-in for the port Store that keeps records in memory; it may be told to fail."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, TypeVar

from mcp_server.domain.call import Json, Receipt
from mcp_server.domain.ports import Append, NotFrozen, Put, StoreWrite
from mcp_server.domain.record import Freeze
from mcp_server.errors import RecordConflict, StoreUnavailable

R = TypeVar("R")


class MemoryStore:
    """Records by class and key, in the order in which they were last written; ``commits`` lists what was committed.

    ``failing`` makes each commit raise StoreUnavailable; ``conflicts`` makes so many of the next ones raise
    RecordConflict, as if another call had been first.
    """

    def __init__(self, *records: Any) -> None:
        self.records: dict[tuple[type[Any], str], Any] = {(type(record), record.key): record for record in records}
        self.commits: list[tuple[StoreWrite, ...]] = []
        self.failing = False
        self.conflicts = 0

    async def commit(self, *writes: StoreWrite) -> tuple[Receipt, ...]:
        """All writes or none."""
        if self.failing:
            raise StoreUnavailable("told to fail")
        if self.conflicts:
            self.conflicts -= 1
            raise RecordConflict("told to conflict")
        for write in writes:
            if isinstance(write, Put):
                self._check(write)
            if isinstance(write, NotFrozen):
                self._refuse_frozen(write)
        self.commits.append(writes)
        for write in writes:
            if isinstance(write, Put):
                place = (type(write.record), write.record.key)
                self.records.pop(place, None)
                self.records[place] = write.record
        return tuple(Receipt(len(self.commits), "0" * 64) for write in writes if isinstance(write, Append))

    def _refuse_frozen(self, wanted: NotFrozen) -> None:
        for key in wanted.keys:
            found = self.records.get((Freeze, key))
            if found is not None and found.lifted_at is None:
                raise RecordConflict("frozen", found)

    def _check(self, put: Put) -> None:
        found = self.records.get((type(put.record), put.record.key))
        if put.expect is None and found is not None:
            raise RecordConflict("exists", found)
        if put.expect and (found is None or not _fits(found, put.expect)):
            raise RecordConflict("not as expected", found)

    async def get(self, kind: type[R], key: str) -> R | None:
        """The record of that key, or None."""
        found: R | None = self.records.get((kind, key))
        return found

    async def list(
        self, kind: type[R], where: Mapping[str, Json] | None = None, *, limit: int = 100, before: str | None = None
    ) -> Sequence[R]:
        """Records whose fields equal ``where``, the last written first."""
        found = [
            record for (stored, _), record in self.records.items() if stored is kind and _fits(record, where or {})
        ]
        assert before is None
        return found[::-1][:limit]


def _fits(record: Any, where: Mapping[str, Json]) -> bool:
    return all(_is(_plain(getattr(record, name)), value) for name, value in where.items())


def _is(found: Any, value: Any) -> bool:
    return found in map(_plain, value) if isinstance(value, list) else bool(found == _plain(value))


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return value.casefold() if isinstance(value, str) else value
