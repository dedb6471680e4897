"""A second process on a store, run as ``python -m tests.support.store_worker TASK DIRECTORY [NUMBER]``."""
# ruff: noqa: T201 - it answers its parent on standard output

import asyncio
import os
import resource
import sys
from pathlib import Path

from mcp_server.domain.ports import Append, Put
from mcp_server.errors import StoreUnavailable
from mcp_server.store.limits.budget import StoreBudget
from mcp_server.store.limits.rate_file import RateFile
from mcp_server.store.seal import Seal
from mcp_server.store.sqlite_store import SqliteStore
from tests.support import records
from tests.support.fake_clock import FakeClock

KEY = b"k" * 32


async def append(directory: Path, number: int) -> None:
    """So many lines of evidence, one commit each; prints their seqs."""
    store = SqliteStore.open(directory, Seal(KEY), FakeClock())
    seqs = [(await store.commit(Append(records.an_entry())))[0].seq for _ in range(number)]
    store.close()
    print(*seqs)


async def append_as_nobody(directory: Path, _: int) -> None:
    """One commit by an account that may not write there; prints what came of it."""
    warm = SqliteStore.open(directory.with_name("warm"), Seal(KEY), FakeClock())
    await warm.commit(Put(records.a_usage()))  # loads every module while they can be read
    warm.close()
    if os.geteuid() == 0:
        os.setuid(65534)
    await _try_to_write(directory)


async def append_until_full(directory: Path, limit_bytes: int) -> None:
    """Commits until no file may grow; prints what came of it, and of a read and a write once there is room again."""
    store = SqliteStore.open(directory, Seal(KEY), FakeClock())
    await store.commit(Append(records.an_entry()))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, resource.RLIM_INFINITY))
    written = 1
    problem: StoreUnavailable | None = None
    while problem is None or (await store.status())["writable"]:  # a failed group makes room once, by a checkpoint
        try:
            await store.commit(Append(records.an_entry(detail={"pad": "x" * 4000})))
            written += 1
        except StoreUnavailable as fault:
            problem = fault
    print(problem)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    (receipt,) = await store.commit(Append(records.an_entry()))
    print(receipt.seq - written, await store.verify_chain())
    store.close()


async def hold_lock(directory: Path, _: int) -> None:
    """Holds the file lock until a line comes on standard input."""
    import filelock

    descriptor = os.open(directory / "store.lock", os.O_RDWR | os.O_CREAT, 0o600)
    filelock.lock_descriptor(descriptor)
    print("held", flush=True)
    await asyncio.to_thread(sys.stdin.readline)


async def reserve(directory: Path, number: int) -> None:
    """So many reservations of one request, at a standing clock; prints how many need not wait."""
    clock = FakeClock()
    file = RateFile(directory, clock)
    budget = StoreBudget(file, clock)
    waits = [await budget.reserve("O_1") for _ in range(number)]
    file.close()
    print(sum(wait == 0.0 for wait in waits), file.problem)


async def _try_to_write(directory: Path) -> None:
    """One commit; prints its receipt or the fault and its cause."""
    store = SqliteStore.open(directory, Seal(KEY), FakeClock(), wait_s=0.1)
    try:
        print(await store.commit(Put(records.a_usage())))
    except StoreUnavailable as problem:
        print(f"{problem} / {type(problem.__cause__).__name__}")
    print((await store.status())["writable"])
    store.close()


TASKS = {task.__name__: task for task in (append, append_as_nobody, append_until_full, hold_lock, reserve)}

if __name__ == "__main__":
    name, home, *rest = sys.argv[1:]
    asyncio.run(TASKS[name](Path(home), int(rest[0]) if rest else 0))
