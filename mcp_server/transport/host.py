"""What a transport needs of the server. Apart from the bridge, so that nobody loads the MCP SDK who does not serve."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mcp_server.domain.actor import Actor
from mcp_server.domain.call import Json, ToolCall
from mcp_server.domain.outcome import ToolResult
from mcp_server.domain.ports import Ids
from mcp_server.toolkit import Tool


@dataclass(frozen=True, slots=True)
class Host:
    """What the bridge needs of the server: who asks, what is listed, and the path of a call."""

    handle: Callable[[ToolCall], Awaitable[ToolResult]]
    refuse: Callable[[ToolCall], Awaitable[ToolResult]]  #: for what the SDK refuses before a call reaches us
    listed: Callable[[Actor], Sequence[Tool]]
    ids: Ids
    owner: Callable[[str], str]  #: who owns calls of that channel
    prompts: Sequence[Mapping[str, Json]]
    state_key: bytes  #: 32 bytes; seals a question's state
    question_s: float
    output_schemas: bool = False

    def new_call(self, tool: str, arguments: Mapping[str, Json], actor: Actor, **more: Any) -> ToolCall:
        """A call that has just arrived; ``more`` is what else stands in it."""
        call_id = self.ids.new("call")
        return ToolCall(call_id, tool, arguments, actor, **{"correlation_id": call_id, **more})
