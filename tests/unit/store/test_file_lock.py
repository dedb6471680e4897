"""The lock that processes share: exclusive, and taken in turns."""

import os
import threading
from pathlib import Path

import filelock
import pytest

from mcp_server.errors import StoreUnavailable
from mcp_server.store.connection import FileLock


def somebody_waits(path: Path) -> bool:
    """Whether the turn is taken."""
    descriptor = os.open(path.with_suffix(".turn"), os.O_RDWR)
    try:
        is_free = filelock.lock_descriptor(descriptor, blocking=False)
        if is_free:
            filelock.unlock_descriptor(descriptor)
        return not is_free
    finally:
        os.close(descriptor)


def test_a_holder_who_wants_it_again_stands_behind_the_one_who_waits(tmp_path: Path) -> None:
    """However fast it is: a busy server never keeps another one out."""
    path = tmp_path / "store.lock"
    busy, other, order = FileLock(path), FileLock(path), []
    pause = threading.Event()

    def wait() -> None:
        with other.held():
            order.append("waiting")

    for _ in range(20):
        waiting = threading.Thread(target=wait)
        with busy.held():
            waiting.start()
            while not somebody_waits(path):
                pause.wait(0.001)
        with busy.held():
            order.append("busy")
        waiting.join()
    busy.close()
    other.close()
    assert order == ["waiting", "busy"] * 20


def test_a_lock_that_does_not_come_free_is_unavailable_and_the_turn_is_passed_on(tmp_path: Path) -> None:
    """The next one may try at once, and has it when it is free."""
    path = tmp_path / "store.lock"
    holder, hasty = FileLock(path), FileLock(path, timeout_s=0.01)
    with holder.held():
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="another process holds the database"), hasty.held():
                pass
        assert not somebody_waits(path)
    with hasty.held():
        pass
    holder.close()
    hasty.close()


def test_a_lock_file_that_cannot_be_opened_leaves_nothing_open(tmp_path: Path) -> None:
    """Each try begins where the last one stopped."""
    path = tmp_path / "store.lock"
    path.symlink_to(tmp_path / "elsewhere")
    lock = FileLock(path)
    before = len([*Path("/dev/fd").iterdir()])
    for _ in range(5):
        with pytest.raises(StoreUnavailable, match="cannot be locked"), lock.held():
            pass
    lock.close()
    assert len([*Path("/dev/fd").iterdir()]) == before


def test_a_lock_is_had_at_once_or_not_at_all(tmp_path: Path) -> None:
    """Nobody is waited for; what stands in the way is no error, and nothing is kept of a try that failed."""
    path = tmp_path / "store.lock"
    holder, other = FileLock(path), FileLock(path)
    with holder.held():
        assert not other.take_at_once()
        assert not somebody_waits(path)
    assert other.take_at_once()
    assert not holder.take_at_once()
    other.release()
    assert holder.take_at_once()
    holder.release()
    holder.close()
    other.close()


def test_who_holds_it_may_hold_it_again_and_gives_it_back_with_the_last_one(tmp_path: Path) -> None:
    """Nested blocks are one hold."""
    path = tmp_path / "store.lock"
    holder, other = FileLock(path), FileLock(path, timeout_s=0.01)
    assert holder.take_at_once()
    with holder.held():
        pass
    with pytest.raises(StoreUnavailable), other.held():
        pass
    holder.release()
    with other.held():
        pass
    holder.close()
    other.close()
