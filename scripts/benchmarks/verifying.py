"""How long a walk over a million rows of evidence takes, in a process of its own, beside hashing the same texts."""

import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from mcp_server.domain.call import Receipt
from mcp_server.store.chain import FIRST, line_of, linked
from mcp_server.store.database import open_database
from mcp_server.store.queries import sql
from mcp_server.store.seal import Seal
from mcp_server.store.sqlite_store import FILE
from scripts.benchmarks.evidence import entry
from scripts.benchmarks.rows import Row

ROWS: Final = 1_000_000
_LIMIT_S: Final = 4.0
_OF_PEER: Final = 3.0
_LIMIT_MIB: Final = 100
_WALK: Final = """
import asyncio, hashlib, json, resource, sqlite3, sys, time
from pathlib import Path
from mcp_server.clock import SystemClock
from mcp_server.store.seal import Seal
from mcp_server.store.sqlite_store import SqliteStore

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

home, key = Path(sys.argv[1]), bytes.fromhex(sys.argv[2])
store = SqliteStore.open(home, Seal(key), SystemClock())
idle, began = peak(), time.process_time()
problem = asyncio.run(store.verify_chain())
took, grown = time.process_time() - began, peak() - idle
store.close()
began = time.process_time()
for _, doc, digest in sqlite3.connect(home / "store.db").execute("SELECT seq, doc, hash FROM audit ORDER BY seq"):
    hashlib.sha256(doc.encode()).hexdigest() == digest
print(json.dumps([str(problem), took, grown, time.process_time() - began]))
"""


def rows(count: int = ROWS) -> list[Row]:
    """Seconds and MiB of the walk. CPU time, so that a neighbour's load does not count."""
    key = secrets.token_bytes(32)
    with TemporaryDirectory() as directory:
        _fill(Path(directory), Seal(key), count)
        command = [sys.executable, "-c", _WALK, directory, key.hex()]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    problem, took, grown, peer = json.loads(done.stdout)
    limit = _LIMIT_S * count / ROWS
    return [
        Row(
            f"verify of {count:,} rows, CPU s",
            f"{took:.2f}",
            f"{peer:.2f} SHA-256 alone",
            f"{limit:.1f}, or {_OF_PEER:.0f} x peer",
            problem == "None" and took <= max(limit, _OF_PEER * peer),
        ),
        Row(f"verify of {count:,} rows, MiB above idle", f"{grown:.0f}", "-", str(_LIMIT_MIB), grown <= _LIMIT_MIB),
    ]


def _fill(directory: Path, seal: Seal, count: int) -> None:
    """So many linked rows and their head, in one transaction."""
    head = Receipt(0, FIRST)

    def lines() -> Iterator[tuple[int, str, str]]:
        nonlocal head
        for number in range(count):
            stored = linked(line_of(entry(number)), head)
            head = Receipt(stored.seq, stored.hash)
            yield stored.seq, stored.doc, stored.hash

    connection = open_database(directory / FILE, 10.0)
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        connection.executemany(sql("append_audit"), lines())
        tag = seal.tag(f"{head.seq} {head.hash}".encode(), "audit head")
        connection.execute(sql("write_head"), {"seq": head.seq, "hash": head.hash, "tag": tag})
    connection.close()
