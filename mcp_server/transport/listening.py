"""What listens for HTTP on this machine: how it ends, how many connections it takes, how long it waits for a request.

uvicorn raises the signal that stopped it once more when it has shut down, and so ends the process before changes under
way are finished and the record is signed. And it takes connections until the process has no descriptor left for its
store or for Meraki, and waits for ever on one that asks nothing, or asked once and then sends the next request a byte
at a time (uvicorn 0.54, server.py and protocols/http).
"""

import logging
import signal
import socket
import sys
from asyncio import TimerHandle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

log = logging.getLogger(__name__)
MOST: Final = 400  #: connections at a time; fewer where the process may open few files
SLOWEST_S: Final = 30.0  #: from the connection, or from an answer on it, to the whole of the next request's head
_GRACE_S: Final = 1  #: for what is being answered; a change under way is finished after it, whoever asked for it


class Connection(H11Protocol):
    """One connection; it is cut when there are too many, or when nothing has been asked on it for long."""

    most: int = MOST
    slowest_s: float = SLOWEST_S
    _waiting: TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Take it, if there is room."""
        super().connection_made(transport)
        if len(self.connections) > self.most:
            transport.abort()
        else:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        if self._waiting is not None:
            self._waiting.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Wait for the next request; an idle connection ends long before."""
        self._wait()
        super().on_response_complete()

    def _wait(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
        self._waiting = self.loop.call_later(self.slowest_s, self._unasked)

    def _unasked(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()


class Server(uvicorn.Server):
    """Says where it listens, ends when told, and leaves the rest of the process to whoever started it."""

    def __init__(self, config: uvicorn.Config, path: str) -> None:
        """``path`` is where its clients go."""
        super().__init__(config)
        self._path = path
        self.ending: Callable[[], None] | None = None  #: called once, before anything is closed

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so: whoever started it has nothing else to see."""
        await super().startup(sockets)
        if self.started:
            host = f"[{self.config.host}]" if ":" in self.config.host else self.config.host
            port = self.servers[0].sockets[0].getsockname()[1]
            log.info("serving at http://%s:%d%s", host, port, self._path)

    async def shutdown(self, sockets: Any = None) -> None:
        """Take no more requests, and give what is being answered a moment."""
        if self.ending is not None:
            self.ending()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGTERM and Ctrl-C are taken for what they ask, and not raised again."""
        former = {told: signal.signal(told, self.handle_exit) for told in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for told, handler in former.items():
                signal.signal(told, handler)


def server(app: Any, address: tuple[str, int], path: str) -> Server:
    """A server of that ASGI app, whose clients go to ``path``; ``serve`` it from the main thread."""
    connection = type("Bounded", (Connection,), {"most": most_connections()})
    config = uvicorn.Config(
        app,
        host=address[0],
        port=address[1],
        http=connection,
        ws="none",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_GRACE_S,
    )
    return Server(config, path)


def most_connections() -> int:
    """Half of the files that this process may open, and never more than MOST: the rest is for the store and Meraki."""
    if sys.platform == "win32":
        return MOST
    import resource  # noqa: PLC0415 - not on Windows

    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST if allowed == resource.RLIM_INFINITY else min(MOST, max(allowed // 2, 1))
