"""The simulated cloud as an ASGI application.

Order of one request: journal, key, rate limit, fault, cloud, answer. ``/_sandbox/...`` is the control side, which the
cloud does not have: state, journal, faults, reset, edit, advance. Time of the rate limit is the event loop's, time of
the world is the world's.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from mcp_server.sandbox.behaviours.estate.claims import opens
from mcp_server.sandbox.cloud import Answer, Cloud
from mcp_server.sandbox.faults import CONNECTION_KINDS, Fault, Faults
from mcp_server.sandbox.routes import parameters, routes
from mcp_server.sandbox.seed import seeded
from mcp_server.sandbox.shapes import merged
from mcp_server.sandbox.world import World

Json = Any
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

DEFAULT_KEY = "sandbox"
PREFIX = "/api/v1"
ABORT = "sandbox.abort"  #: in the scope's extensions when the server can close a connection
_LIMITED = {"errors": ["API rate limit exceeded for organization"]}
_HTML = "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>"
_SOMEBODY = {"name": "Somebody Else", "email": "somebody@example.com", "id": "212999"}


@dataclass(slots=True)
class Bucket:
    """The tokens of one organization: 10 a second, at most 20 (facts: 10 requests/s and a burst of 10 more)."""

    tokens: float = 20.0
    at: float = 0.0

    def take(self, now: float) -> bool:
        """Whether a request may pass at ``now`` seconds."""
        self.tokens = min(20.0, self.tokens + max(0.0, now - self.at) * 10.0)
        self.at = now
        if self.tokens < 1.0:
            return False
        self.tokens -= 1.0
        return True


@dataclass(frozen=True, slots=True)
class Size:
    """How the world is seeded."""

    seed: int
    networks: int
    devices: int


class SandboxApp:
    """ASGI callable; ``world`` is the state behind it and ``faults`` its script."""

    def __init__(self, size: Size, *, rate_limit: bool, api_key: str, clock: Callable[[], datetime] | None) -> None:
        """Seeds the world."""
        self._size = size
        self._clock = clock
        self.world = seeded(size.seed, size.networks, size.devices, clock)
        self.faults = Faults()
        self.rate_limit = rate_limit
        self.api_key = api_key
        self._cloud = Cloud(self.world)
        self._buckets: dict[str, Bucket] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or the server's start and stop."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        body = await _read(receive)
        if body is None:  # the connection broke before the request was whole: nobody asked anything
            return
        if scope["path"].startswith("/_sandbox"):
            answer = self._control(scope["method"], scope["path"], body)
            await _send(send, answer.status, _json(answer.body), {})
            return
        await self._api(scope, body, send)

    # The API side

    async def _api(self, scope: Scope, body: bytes, send: Send) -> None:
        asked = _Asked.of(scope, body)
        row = self._journalled(asked)
        answer = self._let_in(asked)
        fault = self.faults.take(asked.method, asked.path, asked.operation) if answer is None else None
        if fault is None:
            answer = answer or self._ask(asked)
            await self._reply(send, asked, answer, row)
            return
        row["fault"] = fault.kind
        if fault.kind == "latency":
            await asyncio.sleep(float(fault.get("seconds", 1.0)))
        if fault.kind == "held":
            await fault.is_over.wait()
        if fault.kind in CONNECTION_KINDS:
            await self._break(scope, send, asked, fault, row)
            return
        await self._faulty(send, asked, fault, row)

    def _journalled(self, asked: "_Asked") -> dict[str, Json]:
        row = {
            "number": len(self.world.journal) + 1,
            "at": self.world.stamp(),
            "method": asked.method,
            "path": asked.path,
            "query": asked.query,
            "body": asked.body,
            "operation": asked.operation,
            "headers": {name: value for name, value in asked.headers.items() if name not in _KEY_HEADERS},
            "key_ok": opens(self.world, self._key_of(asked), self.api_key),
            "status": None,
            "took_effect": False,
            "fault": None,
            "retry_after": None,
        }
        self.world.journal.append(row)
        return row

    def _let_in(self, asked: "_Asked") -> Answer | None:
        """The refusal of a request, or None."""
        if not asked.raw_path.startswith(PREFIX + "/"):
            return Answer(404, {"errors": ["Not found"]})
        if not opens(self.world, self._key_of(asked), self.api_key):
            return Answer(401, {"errors": ["Invalid API key"]})
        if asked.is_broken:
            return Answer(400, {"errors": ["Invalid JSON in the request body"]})
        organization_id = self._organization_of(asked)
        if not self.rate_limit or organization_id is None:
            return None
        bucket = self._buckets.setdefault(organization_id, Bucket())
        if bucket.take(asyncio.get_running_loop().time()):
            return None
        return Answer(429, _LIMITED, {"Retry-After": "1"})

    @staticmethod
    def _key_of(asked: "_Asked") -> str:
        bearer = asked.headers.get("authorization", "")
        scheme, _, key = bearer.partition(" ")
        return key.strip() if scheme.lower() == "bearer" else asked.headers.get("x-cisco-meraki-api-key", "")

    def _organization_of(self, asked: "_Asked") -> str | None:
        params = asked.params
        if "organizationId" in params:
            return params["organizationId"]
        return self.world.organization_of(params.get("networkId") or self.world.network_of(params.get("serial", "")))

    def _ask(self, asked: "_Asked", cloud: Cloud | None = None) -> Answer:
        return (cloud or self._cloud).ask(asked.method, asked.path, asked.query, asked.body)

    async def _reply(self, send: Send, asked: "_Asked", answer: Answer, row: dict[str, Json]) -> None:
        row["status"], row["took_effect"] = answer.status, answer.took_effect
        row["retry_after"] = answer.headers.get("Retry-After")
        text = b"" if answer.status == 204 else _json(answer.body)
        headers = {name: value.replace("{base}", asked.base) for name, value in answer.headers.items()}
        await _send(send, answer.status, text, {**headers, "X-Request-Id": f"sandbox-{row['number']}"})

    # Faults

    async def _faulty(self, send: Send, asked: "_Asked", fault: Fault, row: dict[str, Json]) -> None:
        answer = self._answer_under(asked, fault)
        status, text, headers = answer.status, _json(answer.body), dict(answer.headers)
        if fault.kind == "status" and fault.get("html", False):
            text, headers["Content-Type"] = _HTML.encode(), "text/html"
        elif fault.kind == "html":
            status, text, headers["Content-Type"] = int(fault.get("status", 200)), _HTML.encode(), "text/html"
        elif fault.kind == "malformed":
            status, text = 200, text[: max(1, len(text) // 2)]
        elif fault.kind == "huge":
            text = b'{"filler":"' + b"x" * (int(fault.get("megabytes", 50)) * 1_000_000) + b'"}'
        elif status == 204:
            text = b""
        row["status"], row["took_effect"] = status, answer.took_effect
        row["retry_after"] = headers.get("Retry-After")
        headers = {name: value.replace("{base}", asked.base) for name, value in headers.items()}
        await _send(send, status, text, headers)

    def _answer_under(self, asked: "_Asked", fault: Fault) -> Answer:
        """The answer with the fault's effect on the state; what it does to the bytes comes after."""
        if fault.kind == "status":
            done = fault.get("when", "before") == "after" and self._ask(asked).took_effect
            status = int(fault.get("status", 500))
            after = {"Retry-After": str(fault.given["retry_after"])} if "retry_after" in fault.given else {}
            errors = fault.get("errors", _LIMITED["errors"] if status == 429 else ["Internal server error"])
            return Answer(status, {"errors": errors}, after, took_effect=done)
        if fault.kind == "redirect":
            location = fault.get("location", "https://elsewhere.example.com/api/v1/organizations")
            return Answer(int(fault.get("status", 307)), {}, {"Location": location})
        if fault.kind == "stale":
            past = World(self.world.seed, self._clock)
            past.restore(fault.snapshot)
            return self._ask(asked, Cloud(past))
        if fault.kind == "not_applied":
            before = self.world.snapshot()
            answer = self._ask(asked)
            self.world.restore(before)
            return replace(answer, took_effect=False)
        answer = self._ask(asked)
        if fault.kind == "normalised" and answer.took_effect:
            self.world.put(asked.path, merged(self.world.get(asked.path), fault.get("set", {}), {}))
        return answer

    async def _break(self, scope: Scope, send: Send, asked: "_Asked", fault: Fault, row: dict[str, Json]) -> None:
        abort = (scope.get("extensions") or {}).get(ABORT)
        if abort is None:
            row["status"] = 500
            await _send(send, 500, _json({"errors": [f"the fault {fault.kind!r} needs the sandbox over TCP"]}), {})
            return
        if fault.kind == "cut" or fault.get("when", "before") == "after":
            answer = self._ask(asked)
            row["took_effect"] = answer.took_effect
            if fault.kind == "cut" and answer.status != 204:  # without a body there is no middle: nothing of it comes
                row["status"] = answer.status
                text = _json(answer.body)
                await _start(send, answer.status, len(text) + 100, {})
                await send({"type": "http.response.body", "body": text[: len(text) // 2], "more_body": True})
        abort()
        await asyncio.sleep(0.01)  # lets the server see that the connection is gone

    # The control side

    def _control(self, method: str, path: str, body: bytes) -> Answer:
        action = _CONTROLS.get((method, path.rstrip("/")))
        if action is None:
            return Answer(404, {"errors": ["no such control"]})
        try:
            return Answer(200, action(self, json.loads(body) if body else {}))
        except (ValueError, KeyError, TypeError) as error:
            return Answer(400, {"errors": [f"{type(error).__name__}: {error}"]})

    def add_fault(self, given: Mapping[str, Json]) -> Fault:
        """The fault that was set; ValueError when it is of no known kind."""
        return self.faults.add(given, self.world.snapshot() if given.get("kind") == "stale" else "")

    def edit(self, path: str, value: Json, *, admin: Mapping[str, str] | None = None, label: str = "") -> None:
        """Somebody else's edit in the dashboard: set a resource and write a change-log row by them.

        The keys that ``value`` leaves out stay as they are; ``/networks/{id}`` and ``/devices/{serial}`` work too.
        """
        before = self._cloud.ask("GET", path, {}, None).body
        holder = _records(self.world, path)
        old = holder[0].get(holder[1]) if holder else self.world.get(path)
        new = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
        if holder:
            holder[0][holder[1]] = new
            self.world.rehouse()
        else:
            self.world.put(path, new)
        parts = path.strip("/").split("/")
        network_id = parts[1] if parts[0] == "networks" else self.world.network_of(parts[1])
        organization_id = parts[1] if parts[0] == "organizations" else None
        self.world.record_change(
            network_id,
            "Dashboard",
            label or path,
            before,
            new,
            organization_id=organization_id,
            admin=admin or _SOMEBODY,
        )

    def reset(self) -> None:
        """Back to the seeded state: no faults, no journal, clock at its start, ids from the beginning."""
        fresh = seeded(self._size.seed, self._size.networks, self._size.devices, self._clock)
        self.world.restore(fresh.snapshot())
        self.world.counters = fresh.counters
        self.world.rewind()
        self.world.journal.clear()
        self.faults.clear()
        self._buckets.clear()


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request, taken apart."""

    method: str
    raw_path: str
    path: str  #: below /api/v1
    operation: str
    params: Mapping[str, str]
    query: dict[str, Json]
    headers: Mapping[str, str]
    body: Json
    is_broken: bool
    base: str

    @classmethod
    def of(cls, scope: Scope, body: bytes) -> "_Asked":
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        raw = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1").partition("?")[0]
        path = raw.removeprefix(PREFIX).rstrip("/")
        route = routes().match(path).get(scope["method"])
        try:
            parsed, is_broken = (json.loads(body) if body else None), False
        except ValueError:
            parsed, is_broken = None, True
        return cls(
            method=scope["method"],
            raw_path=raw,
            path=path,
            operation=route.operation if route else "",
            params=parameters(route.template, path) if route else {},
            query=_query(scope.get("query_string", b"").decode("latin-1")),
            headers=headers,
            body=parsed,
            is_broken=is_broken,
            base=f"{scope.get('scheme', 'http')}://{headers.get('host', 'localhost')}{PREFIX}",
        )


def _query(text: str) -> dict[str, Json]:
    query: dict[str, Json] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        if name.endswith("[]"):
            query.setdefault(name[:-2], []).append(value)
        else:
            query[name] = value
    return query


def _records(world: World, path: str) -> tuple[dict[str, Json], str] | None:
    parts = path.strip("/").split("/")
    tables = {"networks": world.networks, "devices": world.devices, "organizations": world.organizations}
    return (tables[parts[0]], parts[1]) if len(parts) == 2 and parts[0] in tables else None


def _edit(app: SandboxApp, body: Json) -> Json:
    app.edit(body["path"], body["value"], admin=body.get("admin"), label=body.get("label", ""))
    return {"changes": len(app.world.changes)}


def _advance(app: SandboxApp, body: Json) -> Json:
    app.world.advance(float(body["seconds"]))
    return {"now": app.world.stamp()}


def _reset(app: SandboxApp, _body: Json) -> Json:
    app.reset()
    return {"now": app.world.stamp()}


def _clear(app: SandboxApp, _body: Json) -> Json:
    app.faults.clear()
    return {"faults": []}


_KEY_HEADERS = frozenset({"authorization", "x-cisco-meraki-api-key"})
_CONTROLS: Mapping[tuple[str, str], Callable[[SandboxApp, Json], Json]] = {
    ("GET", "/_sandbox/state"): lambda app, _body: app.world.dump() | {"defaults": app.world.pristine},
    ("GET", "/_sandbox/defaults"): lambda app, _body: app.world.defaults(),
    ("GET", "/_sandbox/journal"): lambda app, _body: app.world.journal,
    ("GET", "/_sandbox/faults"): lambda app, _body: [fault.shown() for fault in app.faults.live],
    ("POST", "/_sandbox/faults"): lambda app, body: app.add_fault(body).shown(),
    ("DELETE", "/_sandbox/faults"): _clear,
    ("POST", "/_sandbox/reset"): _reset,
    ("POST", "/_sandbox/edit"): _edit,
    ("POST", "/_sandbox/advance"): _advance,
}


def create_app(
    seed: int = 1,
    networks: int = 6,
    devices: int = 40,
    *,
    rate_limit: bool = True,
    api_key: str = DEFAULT_KEY,
    clock: Callable[[], datetime] | None = None,
    settle_s: float = 5.0,
) -> SandboxApp:
    """A simulated cloud; ``clock`` gives its time (aware UTC), without one time stands until it is advanced.

    ``settle_s`` is how many seconds of its time pass until it sees that a device is cut off, or back.
    """
    app = SandboxApp(Size(seed, networks, devices), rate_limit=rate_limit, api_key=api_key, clock=clock)
    app.world.settle_s = settle_s
    return app


# ASGI


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _read(receive: Receive) -> bytes | None:
    """The body; None when the client went away before its end."""
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _start(send: Send, status: int, length: int, headers: Mapping[str, str]) -> None:
    pairs = {"Content-Type": "application/json; charset=utf-8", **headers}
    if status != 204:
        pairs["Content-Length"] = str(length)
    encoded = [(name.lower().encode(), value.encode("latin-1")) for name, value in pairs.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})


async def _send(send: Send, status: int, text: bytes, headers: Mapping[str, str]) -> None:
    await _start(send, status, len(text), headers)
    await send({"type": "http.response.body", "body": text})


def _json(body: Json) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
