"""Every write of the API, sent with plain HTTP: it changes the state of the simulated cloud, or is known not to.

Nothing of the product takes part. What must stand before a write, and its body, are in ``sandbox_writes.json`` (by
operation) and in the cases of the overlay; a value ``$0.id`` is a field of the first answer.
"""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest

from mcp_server.sandbox.app import DEFAULT_KEY, PREFIX, SandboxApp, create_app
from mcp_server.sandbox.checks.effects import WITHOUT_EFFECT
from mcp_server.sandbox.routes import Route, filled, key_field, routes
from tests.support.cases import PLACES, Case, cases, with_answers

Json = Any
WRITES = sorted(name for name, route in routes().by_operation.items() if route.method != "GET")
_MORE_PLACES = {"TWIN": "549237", "BRANCH": "L_646829496481105401", "SPARE": "Q2LM-HFSF-3369"}
_OWN = json.loads(Path(__file__).with_name("sandbox_writes.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Caller:
    """An HTTP client with the key, and the control side of the same cloud."""

    http: httpx.AsyncClient
    app: SandboxApp

    async def send(self, method: str, path: str, body: Json = None) -> httpx.Response:
        """The answer of one request."""
        content = None if body is None else json.dumps(body).encode()
        return await self.http.request(method, f"{PREFIX}{path}", content=content)

    async def do(self, operation: str, params: Mapping[str, str], body: Json = None) -> Json:
        """The body of an answer that must be a success."""
        route = routes().by_operation[operation]
        answer = await self.send(route.method, filled(route.template, params), body)
        assert answer.is_success, (operation, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    async def state(self) -> tuple[Json, Json]:
        """What is configured, and the jobs that stand beside it."""
        dump = (await self.http.get("/_sandbox/state")).json()
        return dump["configuration"], dump["volatile"]["jobs"]


@cache
def _app() -> SandboxApp:
    """One cloud, put back to its start before each test."""
    return create_app(rate_limit=False)


@pytest.fixture
async def caller() -> AsyncIterator[Caller]:
    """A client of a cloud at its start."""
    app = _app()
    app.reset()
    headers = {"Authorization": f"Bearer {DEFAULT_KEY}", "Content-Type": "application/json"}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox", headers=headers) as http:
        yield Caller(http, app)


@cache
def _cases() -> Mapping[str, Case]:
    """A case for each operation that has one of its own; of the overlay's those whose body is what is sent."""
    found: dict[str, Case] = {}
    for kind in ("updates", "creates", "actions"):
        for case in cases(kind).values():
            if not _is_edit(case.body) and (case.operation not in found or found[case.operation].change is None):
                found[case.operation] = case
    return found | {
        name: Case(name, one.get("params", {}), one.get("body"), tuple(one.get("first", ())))
        for name, one in _OWN.items()
    }


def _is_edit(value: Json) -> bool:
    """Whether a body edits the list that is there, which the product works out."""
    if isinstance(value, Mapping):
        return any(name.startswith("$") or _is_edit(item) for name, item in value.items())
    return isinstance(value, list) and any(_is_edit(item) for item in value)


def _creation(operation: str) -> Case | None:
    """The creation of an item that a PUT or DELETE is about."""
    route = routes().by_operation[operation]
    made = routes().at.get(("POST", route.template.rpartition("/")[0]))
    return _cases().get(made.operation) if made else None


def _placed(value: Json, answers: list[Json]) -> Json:
    if isinstance(value, Mapping):
        return {name: _placed(item, answers) for name, item in value.items()}
    if isinstance(value, list):
        return [_placed(item, answers) for item in value]
    return _MORE_PLACES.get(value) or with_answers(value, answers) if isinstance(value, str) else value


async def _prepare(caller: Caller, case: Case) -> tuple[dict[str, str], Json]:
    """Parameters and body of a case, when all that must stand before it stands."""
    answers: list[Json] = []
    for step in case.first:
        params, body = (_placed(step.get(part), answers) for part in ("params", "body"))
        answers.append(await caller.do(step["operation"], params or {}, body))
        await caller.http.post("/_sandbox/advance", json={"seconds": step.get("wait_s", 0)})
    return _placed(case.params, answers), _placed(case.body, answers)


async def _call(caller: Caller, operation: str) -> tuple[dict[str, str], Json]:
    """Parameters and body of a write that can be sent now."""
    case = _cases().get(operation)
    if case is not None:
        return await _prepare(caller, case)
    creation = _creation(operation)
    assert creation is not None, f"{operation} has no case"
    params, body = await _prepare(caller, creation)
    made = await caller.do(creation.operation, params, body)
    return params | _item(routes().by_operation[operation], made), _placed(creation.change, [])


def _item(route: Route, made: Json) -> dict[str, str]:
    """The path parameter of an item, from the answer to its creation."""
    name = route.template.rsplit("{", 1)[1][:-1]
    collection = route.template.rpartition("/")[0]
    made = made["items"][0] if isinstance(made.get("items"), list) else made
    field = next(one for one in (name, "id", key_field(collection, made)) if made.get(one) is not None)
    return {name: str(made[field])}


@pytest.mark.parametrize("operation", WRITES)
async def test_a_write_changes_the_state_or_is_known_not_to(caller: Caller, operation: str) -> None:
    """By the state dump: what is configured, or a job. The list of those without effect holds both ways."""
    params, body = await _call(caller, operation)
    before, jobs = await caller.state()
    await caller.do(operation, params, body)
    after, later = await caller.state()
    if operation in WITHOUT_EFFECT:
        assert _without_jobs(after) == _without_jobs(before), WITHOUT_EFFECT[operation]
    else:
        assert (after, later) != (before, jobs)


def _without_jobs(configuration: Json) -> Json:
    """The configuration without the records of commands, which are kept and configure nothing."""
    commands = ("/sensor/commands", "/bypassActivationLockAttempts", "/webhookTests")
    kept = {path: one for path, one in configuration["resources"].items() if not path.endswith(commands)}
    return {**configuration, "resources": kept}


@pytest.mark.parametrize("operation", WRITES)
async def test_a_write_to_what_is_not_there_is_refused(caller: Caller, operation: str) -> None:
    """404 for an unknown parent or item, and nothing changes."""
    route = routes().by_operation[operation]
    params, body = await _call(caller, operation)
    before = await caller.state()
    for name in params:
        path = filled(route.template, {**params, name: "X404"})
        answer = await caller.send(route.method, path, body)
        assert answer.status_code in (400, 404), (path, answer.text)
        assert answer.json()["errors"]
    if not params:
        caller.http.headers["Authorization"] = "Bearer wrong"
        assert (await caller.send(route.method, route.template, body)).status_code == 401
    assert await caller.state() == before


PAIRS = sorted(
    route.operation
    for route in routes().by_operation.values()
    if route.method == "POST" and any(item.method == "DELETE" for item in routes().item_routes(route.template))
)


@pytest.mark.parametrize("operation", PAIRS)
async def test_what_was_created_is_in_every_view_until_it_is_deleted(caller: Caller, operation: str) -> None:
    """The item's own view and the list show one state; after the delete neither does, and the state is as before."""
    route = routes().by_operation[operation]
    params, body = await _call(caller, operation)
    before = await caller.state()
    made = await caller.do(operation, params, body)
    items = {one.method: one for one in routes().item_routes(route.template)}
    own = params | _item(items["DELETE"], made)
    listed, shown = await _listed(caller, route, params, own), await _shown(caller, items, own)
    if listed is not None and shown is not None:
        assert {name: shown[name] for name in listed if name in shown} == {n: listed[n] for n in listed if n in shown}
    await caller.do(
        items["DELETE"].operation, own, {"scheduleId": own.get("scheduleId")} if items["DELETE"].body else None
    )
    assert await _listed(caller, route, params, own) is None
    assert "GET" not in items or (await caller.send("GET", filled(items["GET"].template, own))).status_code == 404
    assert await caller.state() == before


async def _listed(caller: Caller, route: Route, params: Mapping[str, str], own: Mapping[str, str]) -> Json:
    """The row of an item in its list; None when it is not there, or nothing lists it."""
    if ("GET", route.template) not in routes().at:
        return None
    answer = await caller.do(routes().at["GET", route.template].operation, params)
    rows = next((one for one in answer.values() if isinstance(one, list)), []) if isinstance(answer, dict) else answer
    if any("items" in row for row in rows):
        rows = rows[0]["items"]
    (key,) = (value for name, value in own.items() if name not in params)
    return next(
        (row for row in rows if key in {str(value) for value in row.values() if not isinstance(value, list)}), None
    )


async def _shown(caller: Caller, items: Mapping[str, Route], own: Mapping[str, str]) -> Json:
    return await caller.do(items["GET"].operation, own) if "GET" in items else None


def test_every_place_is_of_the_seeded_world() -> None:
    """The names that cases use stand for what is there."""
    world = _app().world
    known = {*world.organizations, *world.networks, *world.devices}
    assert {*PLACES.values(), *_MORE_PLACES.values()} <= known
    assert world.devices[_MORE_PLACES["SPARE"]]["networkId"] is None


def test_the_writes_without_effect_are_writes_and_have_a_reason() -> None:
    """No name that is not of the API, no empty reason."""
    assert set(WITHOUT_EFFECT) <= set(WRITES)
    assert all(len(reason) > 10 for reason in WITHOUT_EFFECT.values())
