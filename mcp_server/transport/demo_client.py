"""A real MCP client over stdio, for the demo alone: it starts the server as a process and answers its questions.

The one place beside the bridge that knows the SDK; nothing of the server is reachable from here but its pipes.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TextIO

import mcp_types as types
from mcp import Client, StdioServerParameters
from mcp.client.session import ClientRequestContext
from mcp.client.stdio import stdio_client
from mcp.shared.exceptions import MCPError

from mcp_server.domain.call import Json

#: (the question's text, its form's JSON Schema) -> what the person filled in; None when the person declines
Answerer = Callable[[str, Mapping[str, Json]], Awaitable[Mapping[str, Json] | None]]


class CallFailed(Exception):
    """The server gave no tool result at all."""


class DemoClient:
    """One connection to one server."""

    def __init__(self, client: Client) -> None:
        """``client`` is connected."""
        self._client = client

    @property
    def protocol_version(self) -> str:
        """The era that both sides agreed on."""
        return str(self._client.protocol_version)

    async def call(self, tool: str, arguments: Mapping[str, Json]) -> Mapping[str, Json]:
        """The tool's structured answer, also when it is an error. Raises CallFailed when there is none."""
        try:
            result = await self._client.call_tool(tool, dict(arguments))
        except MCPError as error:
            raise CallFailed(f"{tool}: {error.error.message}") from error
        if result.structured_content is None:
            raise CallFailed(f"{tool}: an answer without structured content")
        answer: Mapping[str, Json] = result.structured_content
        return answer


@asynccontextmanager
async def connected(
    command: Sequence[str],
    environment: Mapping[str, str],
    answer: Answerer,
    *,
    log: TextIO,
    wait_s: float,
) -> AsyncIterator[DemoClient]:
    """A client of the server that ``command`` starts; at the end the server's process is ended (bounded).

    ``log`` receives the server's standard error; an answer that takes longer than ``wait_s`` is CallFailed, and so is
    a server that does not start.
    """

    async def elicited(context: ClientRequestContext, params: types.ElicitRequestParams) -> types.ElicitResult:  # noqa: ARG001 - the SDK's signature
        if not isinstance(params, types.ElicitRequestFormParams):
            return types.ElicitResult(action="decline")
        filled = await answer(params.message, params.requested_schema)
        if filled is None:
            return types.ElicitResult(action="decline")
        return types.ElicitResult(action="accept", content=dict(filled))

    server = StdioServerParameters(command=command[0], args=list(command[1:]), env=dict(environment))
    who = types.Implementation(name="meraki-specialist-demo", version="1")
    client = Client(
        stdio_client(server, errlog=log), client_info=who, elicitation_callback=elicited, read_timeout_seconds=wait_s
    )
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(client)
        except (MCPError, OSError, ExceptionGroup) as failed:
            raise CallFailed(f"the server did not start: {_last_line(log.name) or failed}") from failed
        yield DemoClient(client)


def _last_line(path: str) -> str:
    """What the server said last; "" when it said nothing."""
    lines = Path(path).read_text("utf-8", "replace").splitlines()
    return next((line for line in reversed(lines) if line.strip()), "")
