"""From a request of ours to one of HTTP: address, query, body and the key, which only an allowed address gets."""

import json
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote, urlencode

import httpcore2

from mcp_server import __version__
from mcp_server.domain.call import Json
from mcp_server.domain.ports import Request
from mcp_server.domain.redaction import is_secret_field
from mcp_server.meraki.hosts import API_PATH, Address, may_carry_key

USER_AGENT = f"MerakiSpecialistMCP/{__version__} OpenSource"  #: form asked for by Cisco: application, version, vendor
METHODS = frozenset({"GET", "PUT", "POST", "DELETE"})
_PATH = re.compile(r"(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]++|%[0-9A-Fa-f]{2})++)++")
Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Connections:
    """What requests go through: httpcore2's pool, or somebody who answers in its place."""

    send: Callable[[httpcore2.Request], Awaitable[httpcore2.Response]]  #: answers as soon as the headers are there
    close: Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where requests go, and the key."""

    address: Address
    api_key: str = field(repr=False)
    allow_loopback: bool = False


class _NoBody:
    """The body of a request without one: nothing, where an empty one would be a part of nothing that is sent too."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        raise StopAsyncIteration


NO_BODY = _NoBody()


def where(request: Request) -> str:
    """Method and path, without the query: fit for logs and errors."""
    return f"{request.method} {request.path}"[:300]


def checked_path(path: str) -> str:
    """The path; ValueError unless it is one below /api/v1 with all parameters filled in and quoted."""
    if not _PATH.fullmatch(path):
        raise ValueError("the path holds a character that must be quoted, or is not filled in")
    may_climb = "/." in path or "%" in path  # else no segment is of dots alone
    if may_climb and {".", ".."} & set(unquote(path).replace("\\", "/").split("/")):
        raise ValueError("the path holds a segment that would lead elsewhere")
    return path


def query_pairs(query: Mapping[str, Json]) -> list[tuple[str, str]]:
    """The query as names and values: lists as ``name[]``, objects as ``name[field]``, None left out."""
    return [pair for name, value in query.items() for pair in _pairs(name, value)]


def _pairs(name: str, value: Json) -> Iterator[tuple[str, str]]:
    if value is None:
        return
    if isinstance(value, Mapping):
        for field_name, item in value.items():
            yield from _pairs(f"{name}[{field_name}]", item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _pairs(name if name.endswith("[]") else f"{name}[]", item)
    else:
        yield name, json.dumps(value) if isinstance(value, bool) else str(value)


def secrets_of(body: Json) -> frozenset[str]:
    """The values of a body that stand in fields of secrets: an answer that repeats them is masked."""
    if isinstance(body, list | tuple):
        return frozenset().union(*map(secrets_of, body))
    if not isinstance(body, Mapping):
        return frozenset()
    found = {value for name, value in body.items() if isinstance(value, str) and value and is_secret_field(name)}
    return frozenset(found).union(*map(secrets_of, body.values()))


def http_request(
    endpoint: Endpoint, request: Request, pairs: Pairs, timeout_s: Mapping[str, float]
) -> httpcore2.Request:
    """The request to send, with the seconds of each phase. ValueError when it cannot be made of what was given."""
    if request.method not in METHODS:
        raise ValueError("the method is none of the API's")
    target = API_PATH + checked_path(request.path)
    if pairs:
        target += f"?{urlencode(pairs)}"
    address = endpoint.address
    url = httpcore2.URL(scheme=address.scheme, host=address.host, port=address.port, target=target)
    headers = {
        "Host": address.authority,
        "Accept": "application/json",
        "Accept-Encoding": "gzip",
        "User-Agent": USER_AGENT,
    }
    if may_carry_key(address.scheme, address.host, address.port, allow_loopback=endpoint.allow_loopback):
        headers["Authorization"] = f"Bearer {endpoint.api_key}"
    content = b""
    if request.body is not None:
        content = json.dumps(request.body, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()
        headers["Content-Type"] = "application/json"
    if content or request.method in ("PUT", "POST"):
        headers["Content-Length"] = str(len(content))
    extensions = {"timeout": dict(timeout_s)}
    return httpcore2.Request(
        request.method, url, headers=[*headers.items()], content=content or NO_BODY, extensions=extensions
    )
