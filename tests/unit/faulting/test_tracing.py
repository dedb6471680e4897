"""What strace wrote, read: which call was hit, and what nothing sweeps."""

import shutil

import pytest

from scripts.faulting import tracing
from scripts.faulting.tracing import EIO, ENOSPC, KILL, LINES, Injection, counted, is_ci, missing, reached, read_trace

FSYNC, FDATASYNC, CHECKPOINT, SEND, LOG = LINES
#: As strace 6.1 writes it: two threads, a call that another one interrupts, a kill.
TRACE = r"""
11 sendto(7<TCP:[127.0.0.1:1->127.0.0.1:2]>, "GET /x"..., 260, 0, NULL, 0) = 260
12 pwrite64(19</d/store.db-wal>, "..."..., 24, 32) = 24
12 fdatasync(19</d/store.db-wal> <unfinished ...>
13 fsync(20</d/anchors.jsonl>)     = 0
12 <... fdatasync resumed>)        = 0
12 sendto(6<UNIX-STREAM:[4->5]>, "\0", 1, 0, NULL, 0) = 1
12 fdatasync(9</d/store.db>)        = -1 EIO (Input/output error) (INJECTED)
11 sendto(7<TCP:[127.0.0.1:1->127.0.0.1:2]>, "PUT /x"..., 333, 0, NULL, 0) = ?
12 fdatasync(19</d/store.db-wal> <unfinished ...>) = ?
13 +++ killed by SIGKILL +++
"""


def test_every_call_is_read_with_its_place_in_its_thread_and_how_it_ended() -> None:
    """Also one that another thread's line cut in two."""
    assert [(call.thread, call.name, call.what, call.nth, call.result) for call in read_trace(TRACE)] == [
        (11, "sendto", "TCP:[127.0.0.1:1->127.0.0.1:2]", 1, "260"),
        (12, "pwrite64", "/d/store.db-wal", 1, "24"),
        (12, "fdatasync", "/d/store.db-wal", 1, "0"),
        (13, "fsync", "/d/anchors.jsonl", 1, "0"),
        (12, "sendto", "UNIX-STREAM:[4->5]", 1, "1"),
        (12, "fdatasync", "/d/store.db", 2, "-1 EIO (Input/output error) (INJECTED)"),
        (11, "sendto", "TCP:[127.0.0.1:1->127.0.0.1:2]", 2, "?"),
        (12, "fdatasync", "/d/store.db-wal", 3, "?"),
    ]


def test_a_trace_of_one_thread_names_no_thread() -> None:
    """As strace writes it without -f."""
    assert [(call.thread, call.what) for call in read_trace("fsync(3</d/a>)   = 0\n")] == [(0, "/d/a")]


@pytest.mark.parametrize(
    ("injection", "was_killed", "hit"),
    [
        (Injection(SEND, KILL, 2), True, "sendto TCP:[127.0.0.1:1->127.0.0.1:2]"),
        (Injection(FDATASYNC, KILL, 3), True, "fdatasync /d/store.db-wal"),
        (Injection(SEND, KILL, 2), False, ""),
        (Injection(SEND, KILL, 1), True, ""),
        (Injection(SEND, KILL, 3), True, ""),
        (Injection(FSYNC, KILL, 1), True, ""),
        (Injection(FDATASYNC, EIO, 2), False, "fdatasync /d/store.db"),
        (Injection(FDATASYNC, EIO, 1), False, ""),
        (Injection(FDATASYNC, ENOSPC, 2), False, ""),
        (Injection(FSYNC, EIO, 1), False, ""),
    ],
)
def test_a_hit_is_proved_by_the_trace_or_there_was_none(injection: Injection, was_killed: bool, hit: str) -> None:
    """The call of that number, never returned in a process that was killed, or returned with what was injected."""
    assert reached(injection, read_trace(TRACE), was_killed=was_killed) == hit


def test_calls_are_counted_in_one_thread_and_sends_in_the_one_that_sends() -> None:
    """As strace counts them; the checkpoint is the syncs of one file."""
    calls = read_trace(TRACE)
    assert [counted(line, calls) for line in LINES] == [1, 3, 1, 2, 1]
    assert [counted(line, ()) for line in LINES] == [0, 0, 0, 0, 0]


def test_what_no_line_sweeps_is_told() -> None:
    """Another way to sync or to send, and sends from a second thread."""
    assert tracing.unswept(read_trace(TRACE)) == []
    more = '12 sendmsg(7<TCP:[1->2]>, {}, 0) = 5\n13 msync(4</d/x>, 1) = 0\n11 write(3</d/log>, "x", 1) = 1\n'
    assert tracing.unswept(read_trace(TRACE + more)) == ["msync", "sendmsg", "sends of thread 12"]


@pytest.mark.parametrize(
    ("injection", "words"),
    [
        (Injection(FSYNC, KILL, 4), "inject=fsync:signal=KILL:when=4"),
        (Injection(FDATASYNC, EIO, 4), "inject=fdatasync:error=EIO:when=4"),
        (Injection(FDATASYNC, ENOSPC, 4), "inject=fdatasync:error=ENOSPC:when=4+"),
        (Injection(CHECKPOINT, KILL, 4), "inject=fdatasync:signal=KILL:when=4"),
        (Injection(LOG, ENOSPC, 4), "inject=pwrite64:error=ENOSPC:when=4+"),
        (Injection(SEND, ENOSPC, 4), "inject=sendto:error=ENOSPC:when=4"),
    ],
)
def test_a_full_disk_stays_full_and_everything_else_happens_once(injection: Injection, words: str) -> None:
    """As strace is told."""
    assert injection.words == ("-e", words)


def test_without_strace_the_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its absence on the path."""
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    assert missing() == "strace is not installed"


@pytest.mark.parametrize(("value", "is_one"), [("true", True), ("1", True), ("True", True), ("", False), ("no", False)])
def test_a_machine_that_runs_for_everybody_says_so(value: str, is_one: bool) -> None:
    """CI=true, as the usual services set it."""
    assert is_ci({"CI": value}) == is_one
    assert not is_ci({})
