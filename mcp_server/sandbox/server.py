"""The sandbox over TCP, where a connection can be dropped and cut."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from mcp_server.sandbox.app import ABORT, SandboxApp

#: Seconds for which a connection may be idle: longer than clients keep one (ours 15), or a request meets its end.
_IDLE_S: Final = 75


class CuttingProtocol(H11Protocol):
    """HTTP/1.1 that lets the application close the connection under the client's hands."""

    def connection_made(self, transport: Any) -> None:
        """Put the means to abort this connection into the scope of each of its requests."""
        super().connection_made(transport)
        inner: Callable[..., Any] = self.app

        async def with_abort(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                scope.setdefault("extensions", {})[ABORT] = transport.abort
            await inner(scope, receive, send)

        self.app = with_abort


class PromptServer(uvicorn.Server):
    """Stops when told, at once: uvicorn's own looks ten times a second and gives open requests time to end."""

    def __init__(self, config: uvicorn.Config) -> None:
        """Is told by ``stop`` alone."""
        super().__init__(config)
        self._told = asyncio.Event()

    def stop(self) -> None:
        """Let the server end; what it is answering now is cut off."""
        self.should_exit = True
        self._told.set()

    async def main_loop(self) -> None:
        """Until told to stop."""
        await self.on_tick(0)
        await self._told.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close what listens and what is connected, and end what is being answered."""
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        tasks = list(self.server_state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.lifespan.shutdown()


def _config(app: SandboxApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=CuttingProtocol,
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        log_config=None,
        timeout_keep_alive=_IDLE_S,
    )


def listening(host: str, port: int) -> socket.socket:
    """A listener whose connections send at once: without this an answer of two parts waits for the reader's ACK.

    asyncio sets TCP_NODELAY only on sockets whose protocol number is given, and ``create_server`` gives none.
    """
    listener = socket.create_server((host, port))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


async def serve(app: SandboxApp, host: str = "127.0.0.1", port: int = 8765) -> None:
    """Serve until cancelled or interrupted; OSError when the port is taken."""
    with listening(host, port) as listener:
        await uvicorn.Server(_config(app)).serve(sockets=[listener])


@asynccontextmanager
async def serving(app: SandboxApp, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """The base URL (with /api/v1) of the app while it is served; port 0 takes a free one."""
    with listening(host, port) as listener:
        server = PromptServer(_config(app))
        # Without its signal handlers, which are the caller's; the listener keeps who comes before it is up.
        task = asyncio.create_task(server._serve(sockets=[listener]))  # noqa: SLF001  no public way leaves signals alone
        try:
            yield f"http://{host}:{listener.getsockname()[1]}/api/v1"
        finally:
            server.stop()
            await task
