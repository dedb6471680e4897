"""MCP over the process's standard input and output. Nothing else is ever written to stdout.

The SDK takes half a second to import. What a client asks before its first call is meanwhile answered from a prepared
document (``opening``). The first line that the document does not answer begins the SDK's session: it is told the
client's first request again, under an id of ours so that its answer can be told apart and dropped, and then reads what
follows as if nothing had been before.
"""

import logging
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import anyio
import anyio.to_thread

from mcp_server.transport.host import Host
from mcp_server.transport.loading import SDK, load
from mcp_server.transport.opening import Opening, prepared
from mcp_server.transport.pipes import Lines, Output, standard
from mcp_server.transport.unanswerable import is_unanswerable

log = logging.getLogger(__name__)
_PAUSE_S: Final = 0.1  #: in which a client that goes on opening its session has asked for the next list
_LAST_S: Final = 5.0  #: from the end of the input to that of the session; a change under way is finished after it
_NO_REQUEST: Final = "{}\n"  #: answered as what it is, under no id


async def serve(host: Host) -> None:
    """Serve the one client until its input ends, it no longer reads, or the process is told to stop."""
    try:
        async with anyio.create_task_group() as group:
            if sys.platform == "win32":
                await _session(host)
            else:
                group.start_soon(_stop_when_told, group.cancel_scope)
                with standard() as (lines, output):
                    await over(host, lines, output, Opening(prepared(output_schemas=host.output_schemas)))
            group.cancel_scope.cancel()
    except* BrokenPipeError:
        log.warning("the client is gone: an answer could not be written")


async def over(host: Host, lines: Lines, output: Output, opening: Opening) -> None:
    """Serve over these pipes: from ``opening`` for as long as it answers, then by the SDK."""
    incoming = aiter(lines)
    async with anyio.create_task_group() as group:
        wanted = anyio.Event()
        group.start_soon(_load, wanted)
        if opening.is_done:
            wanted.set()
        async for line in incoming:
            answer = opening.answer(line)
            if answer is None:
                break
            if answer:
                await output.write(answer.encode())
            if opening.is_done:
                wanted.set()
        else:
            group.cancel_scope.cancel()
            return
        wanted.set()
    request_id = host.ids.new("opening")
    with anyio.CancelScope() as scope:
        following = _following([*opening.again(request_id), line], incoming, scope)
        await _session(host, following, output, request_id)
    if scope.cancelled_caught:
        log.warning("the client has closed its side and does not read: answers were left unsent")


async def _load(wanted: anyio.Event) -> None:
    """Import the SDK beside the loop: once it is wanted, or in the first pause."""
    with anyio.move_on_after(_PAUSE_S):
        await wanted.wait()
    await anyio.to_thread.run_sync(load, SDK)


async def _session(host: Host, *pipes: Any) -> None:
    """The SDK's session over these pipes; over the process's own when none are given."""
    from mcp_server.transport.sdk_bridge import Bridge, open_pipes, open_stdio  # noqa: PLC0415 - as above

    await Bridge(host, "stdio").serve(open_pipes(*pipes) if pipes else open_stdio())


async def _following(
    first: Sequence[str], incoming: AsyncIterator[str], session: anyio.CancelScope
) -> AsyncIterator[str]:
    """The first lines, then those that come in; a request that has no id is none for the SDK either.

    After the last one the session has a while to write what it still has to say: the SDK would wait without end for a
    client that does not read.
    """
    for line in first:
        yield _NO_REQUEST if is_unanswerable(line) else line
    async for line in incoming:
        yield _NO_REQUEST if is_unanswerable(line) else line
    session.deadline = anyio.current_time() + _LAST_S


async def _stop_when_told(scope: anyio.CancelScope) -> None:
    """End on SIGTERM as at the end of the input, for whoever comes after: the chain is signed, changes are finished.

    As process 1 of a container nothing else would end it (man 7 pid_namespaces: no default action there).
    """
    with anyio.open_signal_receiver(signal.SIGTERM) as told:
        async for _ in told:
            scope.cancel()
