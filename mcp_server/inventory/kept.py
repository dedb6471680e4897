"""Values that are read at most once per age, by whoever asks first.

Two rules: everybody who asks while a read is under way gets that read's answer; a failed read is not kept.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from mcp_server.domain.ports import Clock

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Entry(Generic[T]):
    """One value; ``at``: monotonic seconds when its read began."""

    value: T
    at: float


@dataclass(frozen=True, slots=True)
class Shelf(Generic[T]):
    """All things of one kind in one organization, by id and by group (devices by network, networks by template)."""

    by_id: Mapping[str, T]
    by_group: Mapping[str, tuple[T, ...]]

    @property
    def things(self) -> tuple[T, ...]:
        """All of them, in the order of the cloud's answer."""
        return tuple(self.by_id.values())


def shelved(things: Iterable[T], id_of: Callable[[T], str], group_of: Callable[[T], str | None]) -> Shelf[T]:
    """The shelf that holds those things."""
    by_id: dict[str, T] = {}
    by_group: dict[str, list[T]] = {}
    for thing in things:
        by_id[id_of(thing)] = thing
        by_group.setdefault(group_of(thing) or "", []).append(thing)
    return Shelf(by_id, {group: tuple(members) for group, members in by_group.items()})


class Kept(Generic[T]):
    """Values by key, each at most ``max_age_s`` seconds old."""

    def __init__(self, clock: Clock, max_age_s: float) -> None:
        """Starts empty."""
        self._clock = clock
        self._max_age_s = max_age_s
        self._entries: dict[str, _Entry[T]] = {}
        self._running: dict[str, asyncio.Task[T]] = {}
        self._generation = 0

    def peek(self, key: str = "") -> T | None:
        """The kept value when it is young enough; reads nothing."""
        entry = self._entries.get(key)
        young = entry is not None and self._clock.monotonic() - entry.at < self._max_age_s
        return entry.value if entry is not None and young else None

    def put(self, key: str, value: T) -> None:
        """Keep a value that was read another way."""
        self._entries[key] = _Entry(value, self._clock.monotonic())

    async def get(self, key: str, read: Callable[[], Awaitable[T]], *, fresh: bool = False) -> T:
        """The kept value, or what ``read`` gives; raises what it raises. ``fresh``: however young the kept one is."""
        kept = None if fresh else self.peek(key)
        if kept is not None:
            return kept
        task = self._running.get(key)
        if task is None:
            task = asyncio.create_task(self._read(key, read))
            task.add_done_callback(_seen)
            self._running[key] = task
        return await asyncio.shield(task)

    def drop(self) -> None:
        """Forget everything; a read under way is not kept when it ends."""
        self._generation += 1
        self._entries.clear()
        self._running.clear()

    async def _read(self, key: str, read: Callable[[], Awaitable[T]]) -> T:
        began, generation = self._clock.monotonic(), self._generation
        try:
            value = await read()
        finally:
            if self._running.get(key) is asyncio.current_task():
                del self._running[key]
        if generation == self._generation:
            self._entries[key] = _Entry(value, began)
        return value


def _seen(task: "asyncio.Task[T]") -> None:
    """Take note of a failure whose askers have all gone, so that the event loop does not report it."""
    if not task.cancelled():
        task.exception()
