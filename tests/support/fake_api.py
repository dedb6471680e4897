"""A stand-in for the port MerakiApi: answers by path, every request noted down."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

from mcp_server.domain.ports import Reply, Request
from mcp_server.errors import Rejected

Answer = Any  #: JSON, an exception to raise, or a function of the request that gives either


class FakeApi:
    """Answers reads from ``answers`` by path; an unknown path is a 404, as in the cloud.

    ``requests`` lists what was read, ``writes`` what was written (each answered with its own body); ``wait_s`` is what
    ``wait_estimate_s`` gives, a number or a function of the number of calls; ``gate`` holds reads back until it is set.
    """

    def __init__(self, answers: Mapping[str, Answer] | None = None) -> None:
        self.answers: dict[str, Answer] = dict(answers or {})
        self.requests: list[Request] = []
        self.writes: list[Request] = []
        self.wait_s: float | Callable[[int], float] = 0.0
        self.estimates: list[tuple[str, int]] = []
        self.gate: asyncio.Event | None = None

    @property
    def paths(self) -> list[str]:
        """The paths that were read, in order."""
        return [request.path for request in self.requests]

    async def read(self, request: Request, *, pages: int | None = None, page: str | None = None) -> Reply:
        """The answer of that path, a copy of its own; one turn of the event loop passes first."""
        self.requests.append(request)
        await (self.gate.wait() if self.gate else asyncio.sleep(0))
        if request.path not in self.answers:
            raise Rejected(f"GET {request.path} gave 404", sent=True, status=404, errors=("Not found",))
        answer = self.answers[request.path]
        answer = answer(request) if callable(answer) else answer
        if isinstance(answer, BaseException):
            raise answer
        return answer if isinstance(answer, Reply) else Reply(200, json.loads(json.dumps(answer)))

    async def write(self, request: Request) -> Reply:
        """The request's body, as a cloud would that stores it."""
        self.writes.append(request)
        return Reply(200, request.body)

    async def wait_estimate_s(self, organization_id: str, calls: int) -> float:
        """What ``wait_s`` says."""
        self.estimates.append((organization_id, calls))
        return self.wait_s(calls) if callable(self.wait_s) else self.wait_s
