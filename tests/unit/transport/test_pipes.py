"""The standard pipes without threads: lines as they come, and a reader that does not read holds up nobody else."""

import asyncio
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from mcp_server.transport.pipes import Lines, Output
from tests.support.longest import LONGEST_S

BIG = 3_000_000


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """The reading and the writing end; the test may close the writing end itself."""
    reading, writing = os.pipe()
    yield reading, writing
    for descriptor in (reading, writing):
        try:
            os.close(descriptor)
        except OSError:
            continue  # closed by the test


async def _all(lines: Lines) -> list[str]:
    return [line async for line in lines]


async def test_lines_come_whole_however_the_bytes_were_cut(pipe: tuple[int, int]) -> None:
    """A line in three pieces, two lines in one piece, a last line without an end."""
    reading, writing = pipe
    got: list[str] = []

    async def read() -> None:
        got.extend(await _all(Lines(reading)))

    async with anyio.create_task_group() as group:
        group.start_soon(read)
        for piece in (b'{"a', b'":"\xc3', b'\xa9"}\n{"b":1}\n\n{"c"', b":2}"):
            os.write(writing, piece)
            await anyio.wait_all_tasks_blocked()
        os.close(writing)
    assert got == ['{"a":"é"}\n', '{"b":1}\n', "\n", '{"c":2}']


async def test_bytes_that_are_no_text_are_replaced(pipe: tuple[int, int]) -> None:
    """The protocol answers such a line; the transport does not end with it."""
    reading, writing = pipe
    os.write(writing, b"\xff\xfe\n")
    os.close(writing)
    assert await _all(Lines(reading)) == ["\ufffd\ufffd\n"]


async def test_a_file_is_read_to_its_end(tmp_path: Path) -> None:
    """What no loop can wait for is always readable: a file, and the null device."""
    file = tmp_path / "input"
    file.write_bytes(b"one\n" + b"x" * BIG + b"\n")
    for path, lengths in ((file, [4, BIG + 1]), (Path(os.devnull), [])):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            assert [len(line) for line in await _all(Lines(descriptor))] == lengths
        finally:
            os.close(descriptor)


async def test_what_is_longer_than_a_line_may_be_is_not_kept(pipe: tuple[int, int]) -> None:
    """Its end is waited for, and a line that nobody can read stands for it; what follows comes as it is."""
    reading, writing = pipe
    sent = b"x" * (4 << 20) + b"\n" + b"y" * ((4 << 20) + 1) + b'\n{"a":1}\n' + b"z" * (5 << 20)
    got: list[str] = []

    async def read() -> None:
        got.extend(await _all(Lines(reading)))

    with anyio.fail_after(LONGEST_S):
        async with anyio.create_task_group() as group:
            group.start_soon(read)
            await Output(writing).write(sent)
            os.close(writing)
    assert [len(got[0]), *got[1:]] == [(4 << 20) + 1, "longer than 4 MiB\n", '{"a":1}\n', "longer than 4 MiB"]


async def _most_waiting(lines: Lines) -> int:
    """How many lines had come, at most, before what one of them asks for was begun."""
    waiting = most = 0

    async def begin() -> None:
        nonlocal waiting
        waiting -= 1

    async with anyio.create_task_group() as group:
        async for _ in lines:
            waiting += 1
            most = max(most, waiting)
            group.start_soon(begin)
    return most


async def test_lines_that_come_together_are_begun_one_by_one(pipe: tuple[int, int]) -> None:
    """Else the end of the input, right behind them, would find none of them answered."""
    reading, writing = pipe
    os.write(writing, b"12345678\n" * 100)
    os.close(writing)
    assert await _most_waiting(Lines(reading)) <= 2


async def test_a_file_is_not_read_ahead_of_what_its_lines_ask_for(tmp_path: Path) -> None:
    """It never has to be waited for: nothing else would be done until its end."""
    file = tmp_path / "input"
    file.write_bytes((b"x" * 65_535 + b"\n") * 20)
    descriptor = os.open(file, os.O_RDONLY)
    assert await _most_waiting(Lines(descriptor)) <= 2
    os.close(descriptor)


async def test_what_comes_while_nobody_waits_stays_in_the_pipe(pipe: tuple[int, int]) -> None:
    """Whoever is not read on is held up; and it is there for the next one who asks."""
    reading, writing = pipe
    coming = aiter(Lines(reading))
    os.write(writing, b"one\n")
    assert await anext(coming) == "one\n"
    os.write(writing, b"two\n")
    for _ in range(3):
        await anyio.lowlevel.checkpoint()
    assert select.select((reading,), (), (), 0)[0] == [reading]
    assert await anext(coming) == "two\n"
    os.close(writing)
    assert [line async for line in coming] == []


async def test_a_pipe_that_is_no_longer_read_is_no_longer_watched(pipe: tuple[int, int]) -> None:
    """The loop would be woken by it for ever, also once its descriptor is closed here and open elsewhere."""
    reading, writing = pipe
    again = os.dup(reading)
    lines = Lines(again)
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:
            group.start_soon(_all, lines)
            await anyio.wait_all_tasks_blocked()
            scope.cancel()
    lines.close()
    os.close(again)
    os.write(writing, b"x")
    assert asyncio.get_running_loop()._selector.select(0) == []  # type: ignore[attr-defined]  # no public way


async def test_a_fault_of_the_pipe_reaches_whoever_reads() -> None:
    """A descriptor that can be waited for and not read: the writing end."""
    reading, writing = os.pipe()
    os.close(reading)  # the writing end is told of it as readable
    with pytest.raises(OSError, match="Bad file descriptor"), anyio.fail_after(30):
        await _all(Lines(writing))
    os.close(writing)


async def test_a_long_line_passes_while_the_loop_goes_on(pipe: tuple[int, int]) -> None:
    """Writer and reader live in one loop: either one that blocked it would end this test never."""
    reading, writing = pipe
    text = "é" * (BIG // 2) + "\n"
    got: list[str] = []

    async def write() -> None:
        await Output(writing).write(text.encode())
        os.close(writing)

    async def read() -> None:
        got.extend(await _all(Lines(reading)))

    with anyio.fail_after(LONGEST_S):
        async with anyio.create_task_group() as group:
            group.start_soon(write)
            group.start_soon(read)
    assert got == [text]


async def test_a_write_waits_for_a_reader_that_does_not_read(pipe: tuple[int, int]) -> None:
    """A full pipe holds up the one who writes, and whoever ends him ends him at once."""
    _, writing = pipe
    written: list[bool] = []

    async def write() -> None:
        await Output(writing).write(b"x" * BIG)
        written.append(True)

    async with anyio.create_task_group() as group:
        group.start_soon(write)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    assert written == []


async def test_the_other_side_gone_is_an_error(pipe: tuple[int, int]) -> None:
    """Nothing is taken for written."""
    reading, writing = pipe
    os.close(reading)
    with pytest.raises(BrokenPipeError):
        await Output(writing).write(b"x\n")


async def test_what_would_have_to_wait_is_not_begun(pipe: tuple[int, int]) -> None:
    """Nothing of it stands in the pipe, so that whoever waits in turn writes it whole."""
    reading, writing = pipe
    output = Output(writing)
    assert output.write_at_once(b"short\n") == b""
    assert output.write_at_once(b"x" * BIG) == b"x" * BIG
    assert os.read(reading, BIG) == b"short\n"
    while select.select((), (writing,), (), 0)[1]:
        os.write(writing, b"x" * select.PIPE_BUF)
    assert output.write_at_once(b"short\n") == b"short\n"
    os.close(reading)
    assert output.write_at_once(b"short\n") == b"short\n"


_PRINTING = """
import os, sys, anyio
from mcp_server.transport.pipes import standard

async def main():
    with standard() as (lines, output):
        print("stray", flush=True)
        os.write(1, b"stray too\\n")
        assert os.read(0, 10) == b""
        async for line in lines:
            await output.write(line.upper().encode())
    print("afterwards", os.read(0, 10))

anyio.run(main)
"""


def test_only_the_protocol_reaches_the_wire() -> None:
    """While it is served, prints go to stderr and other readers find the end; afterwards both are as before."""
    done = subprocess.run(
        [sys.executable, "-c", _PRINTING], input=b"hello\nyou\n", capture_output=True, check=True, timeout=LONGEST_S
    )
    assert done.stdout == b"HELLO\nYOU\nafterwards b''\n"
    assert done.stderr == b"stray\nstray too\n"
