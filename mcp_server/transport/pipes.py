"""The process's standard input and output without threads: the event loop waits for the pipe itself.

The SDK's own files cross to a thread and back for each line read, each write and each flush: six changes of thread for
a call, 0.3 to 0.5 ms on a machine of two cores. Here it is none. Not for Windows, whose event loop cannot wait for a
pipe.

Neither pipe is made non-blocking, for that would also hold for whoever shares it (a terminal, the log on stderr): a
read follows only on "readable", a write of at most PIPE_BUF bytes only on "writable" (POSIX, poll and write).
"""

import asyncio
import os
import select
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

import anyio

_CHUNK: Final = 1 << 16
_LONGEST: Final = 4 * 1024 * 1024  #: bytes of a line, as of a body over HTTP
_TOO_LONG: Final = "longer than 4 MiB"  #: stands for such a line: it is answered as one that is no JSON


class Lines:
    """What arrives at one descriptor, line by line; what is no UTF-8, or too long a line, is replaced.

    The event loop is told once of the descriptor and not for each line.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._is_watched = False
        self._wanted: asyncio.Future[bytes]

    async def __aiter__(self) -> AsyncIterator[str]:
        """Each line with its end; the last one also when it has none."""
        # what has come of a line that has not ended; joined once, so that a line of megabytes costs its length
        parts: list[bytes] = []
        size = 0
        while chunk := await self._chunk():
            first, *others = chunk.split(b"\n")
            size += len(first)
            parts.append(first)
            if size > _LONGEST:
                parts.clear()
            for number, other in enumerate(others):
                if number:  # what the line before asks for is begun first, as it is when this one comes later
                    await asyncio.sleep(0)
                yield _text(parts, size) + "\n"
                parts, size = [other], len(other)
        self.close()
        if size:
            yield _text(parts, size)

    async def _chunk(self) -> bytes:
        """The next bytes; none at the end."""
        loop = asyncio.get_running_loop()
        if not self._is_watched:
            try:
                loop.add_reader(self._descriptor, self._arrived)
            except PermissionError:  # a file or /dev/null: never waited for, always readable
                await asyncio.sleep(0)  # whoever else is ready comes first, and is not kept from it by a long file
                return os.read(self._descriptor, _CHUNK)
            self._is_watched = True
        self._wanted = loop.create_future()
        return await self._wanted

    def _arrived(self) -> None:
        """Read for whoever waits; what comes while nobody does stays in the pipe."""
        if self._wanted.done():
            self.close()
            return
        try:
            self._wanted.set_result(os.read(self._descriptor, _CHUNK))
        except OSError as error:
            self._wanted.set_exception(error)

    def close(self) -> None:
        """Watch the descriptor no more; before it is closed, for the system goes on telling of what it leads to."""
        if self._is_watched:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            self._is_watched = False


def _text(parts: Sequence[bytes], size: int) -> str:
    return b"".join(parts).decode(errors="replace") if size <= _LONGEST else _TOO_LONG


class Output:
    """Writes to one descriptor, waiting while the other side does not read."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    async def write(self, line: bytes) -> None:
        """All of it. Raises OSError when the other side is gone."""
        rest = memoryview(line)
        while rest:
            if not self._has_room():
                await anyio.wait_writable(self._descriptor)
            rest = rest[os.write(self._descriptor, rest[: select.PIPE_BUF]) :]

    def write_at_once(self, line: bytes) -> bytes:
        """What could not be written without waiting: nothing, or all of it, or the end if the other side cut it."""
        with suppress(OSError):  # the other side is gone: whoever writes in turn meets it too
            if len(line) <= select.PIPE_BUF and self._has_room():
                # whole or nothing where it is a pipe (POSIX, write); a socket or a terminal may take a part
                return line[os.write(self._descriptor, line) :]
        return line

    def _has_room(self) -> bool:
        return bool(select.select((), (self._descriptor,), (), 0)[1])


@contextmanager
def standard() -> Iterator[tuple[Lines, Output]]:
    """Both pipes for the protocol alone: whoever else reads finds the end, whoever else prints meets stderr."""
    wire_in, wire_out = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    lines = Lines(wire_in)
    try:
        os.dup2(nothing, 0)
        os.dup2(2, 1)
        yield lines, Output(wire_out)
    finally:
        lines.close()
        os.dup2(wire_in, 0)
        os.dup2(wire_out, 1)
        for descriptor in (nothing, wire_in, wire_out):
            os.close(descriptor)
