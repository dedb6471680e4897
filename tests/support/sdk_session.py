"""A session over stdio in the test's own loop: lines in, answers out, with the shipped lists and a call that tells."""

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import anyio

from mcp_server.clock import RandomIds, owner_of
from mcp_server.desk.lookups import PROMPTS, lookups
from mcp_server.domain.call import ToolCall
from mcp_server.domain.outcome import ToolResult
from mcp_server.registry import Registry
from mcp_server.transport.host import Host
from mcp_server.transport.opening import Opening, Results
from mcp_server.transport.stdio import over
from tests.support.longest import LONGEST_S


async def _telling(call: ToolCall) -> ToolResult:
    told = {"tool": call.tool, "client": call.actor.client, "can_ask": call.can_ask}
    return ToolResult(told, json.dumps(told), is_error=False)


def host() -> Host:
    """A host with the shipped tools and prompts; its calls answer who called and whether they can be asked."""
    return Host(
        handle=_telling,
        refuse=_telling,
        listed=Registry.load(lookups()).listed,
        ids=RandomIds(),
        owner=owner_of,
        prompts=PROMPTS,
        state_key=b"k" * 32,
        question_s=LONGEST_S,
    )


class Talk:
    """Both pipes: the next line is read once the one before it was answered, when it is a request at all."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.answers: list[str] = []
        self._lines = lines
        self._answered = anyio.Event()

    async def __aiter__(self) -> AsyncIterator[str]:
        """The lines, as they are read."""
        for line in self._lines:
            self._answered = anyio.Event()
            yield line
            if _is_request(line):
                await self._answered.wait()

    async def write(self, line: bytes) -> None:
        """An answer has come."""
        self.answers.append(line.decode())
        self._answered.set()

    def write_at_once(self, line: bytes) -> bytes:
        """Everything is written in turn."""
        return line


def _is_request(line: str) -> bool:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(message, dict) and "method" in message and type(message.get("id")) in (int, str)


async def answered(lines: Sequence[str], results: Results | None = None, of: Host | None = None) -> list[Any]:
    """The answers to these lines, by the SDK alone when there are no prepared ``results``; TimeoutError without one."""
    talk: Any = Talk(lines)
    with anyio.fail_after(LONGEST_S):
        await over(of or host(), talk, talk, Opening(results or {}))
    return [json.loads(text) for text in talk.answers]
