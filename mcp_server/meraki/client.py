"""The Dashboard API over HTTP: the order of one request. Its decisions stand in the modules beside it.

Three rules: the key goes to allowed hosts only and no redirect is followed; a read gives all of its pages or an error;
a write is never sent again unless it is known not to have arrived.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import certifi
import httpcore2
from anyio import CancelScope
from tenacity import RetryCallState, wait_random

from mcp_server.domain.call import Json
from mcp_server.domain.limits.breaker import Admission, Admitted
from mcp_server.domain.ports import Breakers, Clock, RateBudget, Reply, Request
from mcp_server.domain.redaction import clean
from mcp_server.errors import BadAnswer, BreakerOpen, NotAuthenticated, RateLimited
from mcp_server.failpoints import failpoint, is_armed
from mcp_server.meraki import pagination
from mcp_server.meraki.breakers import LocalBreakers
from mcp_server.meraki.budget import UNKNOWN, LocalBudget, Owners, SteadyBudget
from mcp_server.meraki.errors import (
    HTTP_ERRORS,
    Failure,
    Kind,
    failure_of,
    out_of_time,
    status_failure,
    unreadable,
    unsendable,
)
from mcp_server.meraki.hosts import base_address
from mcp_server.meraki.requests import Connections, Endpoint, Pairs, http_request, query_pairs, secrets_of, where
from mcp_server.meraki.responses import ERROR_BODY_LIMIT, error_texts, headers_of, parse_json, read_body
from mcp_server.meraki.retry import RetryWaits, Tries, parse_retry_after_s

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Seconds for each phase of one request and for all of it; bounds of what is read."""

    connect_s: float = 10.0
    read_s: float = 60.0  #: without a byte
    write_s: float = 30.0  #: without a byte
    pool_s: float = 30.0
    total_s: float = 90.0
    error_body_s: float = 5.0  #: for the text of an answer that is no success
    body_bytes: int = 10_000_000  #: decompressed, of one page
    all_pages_bytes: int = 100_000_000
    pages: int = 1_000
    connections: int = 20
    keepalive_s: float = 15.0

    def phases(self) -> dict[str, float]:
        """The bounds of the phases as httpcore2 takes them."""
        return {"connect": self.connect_s, "read": self.read_s, "write": self.write_s, "pool": self.pool_s}


WAITS = RetryWaits()
LIMITS = HttpLimits()
UNREAD: tuple[type[Exception], ...] = (TimeoutError, ValueError, *HTTP_ERRORS)
OVERSLEPT_S = 0.5  #: who wakes so long after its turn has lost it
CHANCE: Callable[[RetryCallState], float] = wait_random(0, 1)


@dataclass(frozen=True, slots=True)
class _Answer:
    """One success."""

    status: int
    data: Json
    request_id: str
    next_cursor: str | None
    size_bytes: int


@dataclass(slots=True)
class _Tally:
    """What one call has cost so far."""

    calls: int = 0
    waited_s: float = 0.0


class MerakiClient:
    """The port MerakiApi. Without a key every call raises NotAuthenticated before anything is sent."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        budget: RateBudget,
        clock: Clock,
        breakers: Breakers | None = None,
        waits: RetryWaits = WAITS,
        limits: HttpLimits = LIMITS,
        connections: Connections | None = None,
        allow_loopback: bool = False,
        ca_file: Path | None = None,
        chance: Callable[[RetryCallState], float] = CHANCE,
    ) -> None:
        """``breakers`` None: those of this client alone. ``connections``: for the sandbox in process.

        ValueError when the URL or key cannot be used.
        """
        if not (api_key.isascii() and api_key.isprintable()) or " " in api_key:
            raise ValueError("the API key holds a character that no key has")
        self._endpoint = Endpoint(base_address(base_url, allow_loopback=allow_loopback), api_key, allow_loopback)
        self._budget = SteadyBudget(budget, LocalBudget(clock))
        self._clock = clock
        self._waits = waits
        self._limits = limits
        self._given = connections
        self._ca_file = ca_file
        self._chance = chance
        self._owners = Owners()
        self._breakers = breakers or LocalBreakers(clock)
        self._open: Connections | None = None

    async def read(self, request: Request, *, pages: int | None = None, page: str | None = None) -> Reply:
        """A GET with retries: all pages, or at most ``pages`` of them from ``page`` (a Reply's ``next_page``) on.

        Raises NotAuthenticated, NotAllowed, Rejected, RateLimited, Unreachable, OutcomeUnknown, BadAnswer.
        """
        if request.method != "GET":
            raise unsendable(where(request), "only a GET is a read").error
        tally = _Tally()
        pairs = query_pairs(request.query) if page is None else _pairs_of(request, page)
        parts: list[Json] = []
        seen: set[str] = set()
        size_bytes = 0
        while True:
            answer = await self._ask(request, pairs, tally, is_write=False)
            await self._learn(request, answer.data)
            parts.append(answer.data)
            size_bytes += answer.size_bytes
            # the events endpoint names a next page on its last one too; an empty page is the end
            cursor = answer.next_cursor if answer.next_cursor and pagination.elements(answer.data) else None
            if cursor is None or (pages is not None and len(parts) >= pages):
                break
            if cursor in seen or len(parts) >= self._limits.pages or size_bytes > self._limits.all_pages_bytes:
                raise unreadable(where(request), "the pages do not end", answer.status).error
            seen.add(cursor)
            pairs = _pairs_of(request, cursor)
        try:
            data = pagination.joined(parts)
        except ValueError as fault:
            raise BadAnswer(f"{where(request)}: {fault}", sent=True, status=answer.status) from None
        return Reply(answer.status, data, answer.request_id, tally.calls, tally.waited_s, cursor)

    async def write(self, request: Request) -> Reply:
        """A write, sent once; again only after a 429 or when the connection was never opened.

        Raises as ``read``. Whatever has ``sent`` true and is no Rejected leaves open what happened.
        """
        if request.method == "GET":
            raise unsendable(where(request), "a GET is no write").error
        tally = _Tally()
        answer = await self._ask(request, query_pairs(request.query), tally, is_write=True)
        return Reply(answer.status, answer.data, answer.request_id, tally.calls, tally.waited_s)

    async def wait_estimate_s(self, organization_id: str, calls: int) -> float:
        """Seconds until the organization's budget has room for so many calls; 0.0 when it has."""
        return await self._budget.estimate_s(organization_id or UNKNOWN, calls)

    async def close(self) -> None:
        """Closes the connections; the next call opens new ones."""
        connections, self._open = self._open, None
        if connections is not None:
            await connections.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def _ask(self, request: Request, pairs: Pairs, tally: _Tally, *, is_write: bool) -> _Answer:
        """One page or one write, with the breaker and the retries around it."""
        if not self._endpoint.api_key:
            raise NotAuthenticated(f"{where(request)}: no API key is set")
        owner = self._owners.organization_of(request)
        admitted = await self._admitted(owner, request, is_write=is_write)
        is_probe = admitted.admission is Admission.PROBE
        tries: Tries[_Answer] = Tries(self._waits, self._clock, self._chance, is_write, is_single=is_probe)
        good: bool | None = None
        try:
            result = await tries.run(lambda: self._attempt(request, pairs, owner, tally))
            good = _is_good(result)
        finally:
            tally.waited_s += tries.waited_s
            if admitted.tells(good=good):
                with CancelScope(shield=True):  # a cancelled probe is given back
                    await self._breakers.settle(owner, admitted, good=good)
        if isinstance(result, Failure):
            raise result.error
        return result

    async def _learn(self, request: Request, data: Json) -> None:
        """Remembers whose networks and devices an answer holds; what was sent before that was known is counted now.

        The cloud has counted it, and while the budget is used to the full it gives back nothing that was not counted.
        """
        for owner, calls in self._owners.learn(request.path, data).items():
            await self._budget.reserve(owner, calls)

    async def _admitted(self, owner: str, request: Request, *, is_write: bool) -> Admitted:
        admitted = await self._breakers.admit(owner, is_write=is_write)
        if admitted.admission is Admission.STOP:
            until = self._clock.now() + timedelta(seconds=admitted.wait_s)
            why = f"not sent, the circuit breaker is open until {until.isoformat(timespec='seconds')}"
            raise BreakerOpen(f"{where(request)}: {why}", until=until, retry_after_s=admitted.wait_s)
        return admitted

    async def _attempt(self, request: Request, pairs: Pairs, owner: str, tally: _Tally) -> _Answer | Failure:
        """One try: takes its place in the budget, then sends."""
        wait_s = await self._wait_for_turn(owner, tally)
        if wait_s > 0:
            words = f"{where(request)}: not sent, the organization's request budget is used up"
            return Failure(RateLimited(words, sent=False, retry_after_s=wait_s), Kind.OURS, sent=False)
        try:
            http_request_ = http_request(self._endpoint, request, pairs, self._limits.phases())
        except (ValueError, TypeError, RecursionError) as fault:
            return unsendable(where(request), clean(fault) if type(fault) is ValueError else "it cannot be encoded")
        if is_armed() and request.method != "GET":
            http_request_.extensions["trace"] = _traced
        tally.calls += 1
        if owner == UNKNOWN:
            self._owners.sent(request)
        result = await self._exchange(request, http_request_)
        if isinstance(result, Failure):
            level = logging.INFO if result.kind is Kind.REFUSED else logging.WARNING
            logger.log(level, "%s", result.error, extra={"kind": result.kind.value, "try": tally.calls})
            if result.kind is Kind.RATE:
                penalty_s = self._waits.base_s if result.retry_after_s is None else result.retry_after_s
                await self._budget.penalize(owner, penalty_s)
                return result
        self._budget.answered(owner)
        return result

    async def _wait_for_turn(self, owner: str, tally: _Tally) -> float:
        """0.0 once a request may be sent; the seconds that are still to be waited when they are too many."""
        wait_s = await self._budget.reserve(owner, longest_s=self._waits.longest_s)
        while 0 < wait_s <= self._waits.longest_s:
            tally.waited_s += wait_s
            due = self._clock.monotonic() + wait_s
            await self._clock.sleep(wait_s)
            is_in_time = self._clock.monotonic() - due < OVERSLEPT_S
            if is_in_time and await self._budget.closed_s(owner) <= 0:
                return 0.0
            # a 429 came, or the machine stood still, and all whose turn came meanwhile would go at once: queue anew
            wait_s = await self._budget.reserve(owner, longest_s=self._waits.longest_s)
        return wait_s

    async def _exchange(self, request: Request, http_request_: httpcore2.Request) -> _Answer | Failure:
        """Sends once and reads the answer, all within the total time."""
        try:
            async with asyncio.timeout(self._limits.total_s):
                response = await self._connections().send(http_request_)
                try:
                    return await self._answer(request, response)
                finally:
                    await response.aclose()
        except TimeoutError:
            return out_of_time(where(request), self._limits.total_s)
        except HTTP_ERRORS as error:
            return failure_of(error, where(request))

    async def _answer(self, request: Request, response: httpcore2.Response) -> _Answer | Failure:
        """What an answer says: data, or the failure that it is."""
        status, headers, place = response.status, headers_of(response), where(request)
        if not 200 <= status <= 299:
            body = await self._error_body(response, headers)
            texts = error_texts(body, secrets_of(request.body) | {self._endpoint.api_key})
            retry_after_s = parse_retry_after_s(headers.get("retry-after", ""), self._clock.now())
            failure = status_failure(place, status, texts, retry_after_s)
            return failure or unreadable(place, "a status that no answer has", status)
        try:
            body = await read_body(response, headers, self._limits.body_bytes)
            data = parse_json(body, headers.get("content-type", ""))
            link = headers.get("link", "") if request.method == "GET" else ""
            cursor = pagination.next_cursor(link, self._endpoint.address.text + request.path) if link else None
        except ValueError as fault:
            return unreadable(place, str(fault), status)
        request_id = clean(headers.get("x-request-id", ""), 100)
        return _Answer(status, data, request_id, cursor, len(body))

    async def _error_body(self, response: httpcore2.Response, headers: Mapping[str, str]) -> bytes:
        """The body of an answer that is no success; empty when it cannot be had: the status alone decides."""
        try:
            async with asyncio.timeout(self._limits.error_body_s):
                return await read_body(response, headers, ERROR_BODY_LIMIT)
        except UNREAD:
            return b""

    def _connections(self) -> Connections:
        """The connections, made when first needed: httpcore2's pool alone, which knows no redirect and no cookie."""
        if self._open is None:
            self._open = self._given or self._pool()
        return self._open

    def _pool(self) -> Connections:
        pool = httpcore2.AsyncConnectionPool(
            ssl_context=ssl.create_default_context(cafile=self._ca_file or certifi.where()),
            max_connections=self._limits.connections,
            keepalive_expiry=self._limits.keepalive_s,
        )
        return Connections(pool.handle_async_request, pool.aclose)


async def _traced(event: str, _told: object) -> None:
    """How far the bytes of a write are; httpcore2 tells it."""
    if event.endswith("send_request_headers.complete"):
        failpoint("K7H")
    elif event.endswith("send_request_body.complete"):
        failpoint("K7")


def _pairs_of(request: Request, cursor: str) -> Pairs:
    """The query of the page that a cursor names; raises Unreachable when it is no cursor."""
    try:
        return pagination.cursor_pairs(cursor)
    except ValueError as fault:
        why = str(fault)
    raise unsendable(where(request), why).error


def _is_good(result: _Answer | Failure) -> bool | None:
    """What a call says of the cloud's health; None: nothing."""
    if not isinstance(result, Failure) or result.kind is Kind.REFUSED:
        return True
    return None if result.kind in (Kind.RATE, Kind.OURS) else False
