"""Reads shared within one call: nothing is fetched twice unless somebody asks for a fresh answer.

Two rules: a failed read fails for everybody who asked for it, and stays failed until it is read afresh; what comes
back is whole or it is nothing, an answer that does not have the announced shape is an error, never an empty resource.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mcp_server.catalogue.operations import Catalogue
from mcp_server.catalogue.requests import request_for
from mcp_server.domain.call import Json
from mcp_server.domain.plan import EACH, Reader
from mcp_server.domain.ports import Clock, MerakiApi, Reply, Request
from mcp_server.errors import AccessError, BadAnswer, InvalidArguments, MerakiError, Rejected


@dataclass(slots=True)
class _Fetch:
    """One request under way or answered."""

    task: "asyncio.Task[Reply]"
    waiting: int = 0


class SharedReads:
    """The reads of one call. Answers are shared between readers: do not change them in place."""

    def __init__(self, api: MerakiApi, catalogue: Catalogue, clock: Clock, organization_id: str = "") -> None:
        """One for each call; never kept longer. ``organization_id``: whose all of them are, when that is known."""
        self._organization_id = organization_id
        self._api = api
        self._catalogue = catalogue
        self._clock = clock
        self._fetches: dict[str, _Fetch] = {}
        self._calls = 0
        self._waited_s = 0.0

    @property
    def calls(self) -> int:
        """HTTP requests sent so far, pages and retries counted; a request that failed counts as one."""
        return self._calls

    @property
    def waited_s(self) -> float:
        """Seconds spent waiting for the request budget or a retry."""
        return self._waited_s

    def now(self) -> datetime:
        """Aware UTC, by the clock of this call: when an answer that is read now is taken."""
        return self._clock.now()

    def are_of(self, organization_id: str) -> None:
        """From now on they are that organization's: a server that has just begun need not learn whose a device is.

        Until it has, neither the organization's request budget nor its breaker would count what it reads.
        """
        self._organization_id = organization_id

    async def read(
        self, operation_id: str, params: Mapping[str, Json], *, fresh: bool = False, organization_id: str = ""
    ) -> Reply:
        """The answer of a GET, all pages; raises what the API raised. ``fresh`` sends it again and replaces it."""
        request = self._request(operation_id, params, organization_id)
        key = _key(request)
        fetch = self._fetches.get(key)
        if fetch is None or fresh:
            fetch = _Fetch(asyncio.create_task(self._fetch(request)))
            self._fetches[key] = fetch
        return await self._answer(key, fetch)

    async def read_alone(self, operation_id: str, params: Mapping[str, Json]) -> Reply:
        """As ``read``, for a call's only reader: sent by itself and given up with it, not kept for others.

        Once something has been read in the call the answer is shared as ever.
        """
        if self._fetches:
            return await self.read(operation_id, params)
        return await self._fetch(self._request(operation_id, params))

    async def resource(self, reader: Reader, *, fresh: bool = False, organization_id: str = "") -> Json:
        """The resource as it stands in the cloud, or None when it does not exist.

        It does not exist when the GET answers 404 or no element matches. Raises what the API raised, and BadAnswer
        when the answer has not the reader's shape or more than one element matches.
        """
        try:
            reply = await self.read(reader.operation, reader.params, fresh=fresh, organization_id=organization_id)
        except Rejected as error:
            if error.status == 404:
                return None
            raise
        return picked(reader, reply.data)

    def _request(self, operation_id: str, params: Mapping[str, Json], organization_id: str = "") -> Request:
        operation = self._catalogue.find(operation_id)
        if operation.is_write:
            raise InvalidArguments(f"{operation.id} is a write; only reads are shared.")
        return request_for(operation, params, organization_id=organization_id or self._organization_id)

    async def _answer(self, key: str, fetch: _Fetch) -> Reply:
        fetch.waiting += 1
        try:
            return await asyncio.shield(fetch.task)
        finally:
            fetch.waiting -= 1
            if not fetch.waiting and not fetch.task.done():  # everybody who wanted it was cancelled
                fetch.task.cancel()
                if self._fetches.get(key) is fetch:
                    del self._fetches[key]

    async def _fetch(self, request: Request) -> Reply:
        try:
            reply = await self._api.read(request)
        except (MerakiError, AccessError):
            self._calls += 1
            raise
        self._calls += reply.calls
        self._waited_s += reply.waited_s
        return reply


def picked(reader: Reader, answer: Json) -> Json:
    """The reader's resource in an answer, None when no element matches; BadAnswer when the shape is another."""
    found = _placed(reader, answer)
    if not reader.match:
        return found
    if not isinstance(found, list):
        raise BadAnswer(f"{reader.operation}: the answer is no list", sent=True)
    hits = [element for element in found if matches(element, reader.match)]
    if len(hits) > 1:
        raise BadAnswer(f"{reader.operation}: {len(hits)} elements match {sorted(reader.match)}", sent=True)
    return hits[0] if hits else None


def _placed(reader: Reader, answer: Json) -> Json:
    """What stands at the reader's place; of ``[].name`` the lists of all rows after one another."""
    if not reader.at:
        return answer
    name = reader.at.removeprefix(EACH)
    rows = answer if name != reader.at and isinstance(answer, list) else [answer]
    if not all(isinstance(row, Mapping) and name in row for row in rows):
        raise BadAnswer(f"{reader.operation}: the answer has no field {name!r}", sent=True)
    held = [row[name] for row in rows]
    if name == reader.at:
        return held[0]
    if not all(isinstance(one, list) for one in held):
        raise BadAnswer(f"{reader.operation}: {name!r} is no list", sent=True)
    return [element for one in held for element in one]


def matches(element: Json, wanted: Mapping[str, Json]) -> bool:
    """Whether an element has these fields; ids are compared as text, ``network.id`` looks into an object."""
    return isinstance(element, Mapping) and all(_equal(_field(element, name), value) for name, value in wanted.items())


def _field(element: Mapping[str, Json], name: str) -> Json:
    if name in element or "." not in name:
        return element.get(name)
    first, rest = name.split(".", 1)
    inner = element.get(first)
    return _field(inner, rest) if isinstance(inner, Mapping) else None


def _equal(found: Json, wanted: Json) -> bool:
    if found is None or wanted is None:  # a missing field is never what is looked for
        return False
    if isinstance(wanted, Mapping):
        return matches(found, wanted)
    if isinstance(found, bool) or isinstance(wanted, bool | list):
        return bool(found == wanted and type(found) is type(wanted))
    return str(found) == str(wanted)


def _key(request: Request) -> str:
    return request.path + json.dumps(request.query, sort_keys=True, default=str)
