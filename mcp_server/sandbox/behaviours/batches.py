"""Action batches: ordered, all or nothing, at most 20 actions at once and 100 in the background, five running.

Rules of Cisco's documentation (action batches, August 2026; facts: section 1.7). A synchronous batch that fails is
answered with 400 and leaves nothing behind. An asynchronous one runs ``RUN_S`` seconds later, or polled for the third
time, so that a test whose clock stands still sees its end.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import BEFORE_REQUEST, Call, CloudError, Json, behaviour
from mcp_server.sandbox.routes import Route, routes

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

RUN_S = 2.0
_METHODS = {"create": "POST", "update": "PUT", "destroy": "DELETE"}
UNSUPPORTED = "Unsupported operation"


def _batches(world: "World", organization_id: str) -> dict[str, Json]:
    return world.collection(f"/organizations/{organization_id}/actionBatches")


def _due(world: "World") -> dict[str, Json]:
    """The background batches that still have to run, by id."""
    table: dict[str, Json] = world.hidden.setdefault("/batches", {})
    return table


def settle_batches(world: "World") -> None:
    """Run the background batches whose time has come."""
    for id_, due in list(_due(world).items()):
        late = world.now() - datetime.fromisoformat(due["startedAt"])
        if late.total_seconds() >= RUN_S or due["polls"] >= 2:
            _run(world, due["organizationId"], id_)
            _due(world).pop(id_, None)


BEFORE_REQUEST.append(settle_batches)


def _run(world: "World", organization_id: str, id_: str) -> list[str]:
    """Carry out a batch, whole or not at all; the texts of its failure, none when it went through."""
    actions = _batches(world, organization_id)[id_]["actions"]
    before = world.snapshot()
    made: list[Json] = []
    try:
        for action in actions:
            made += _carry_out(world, action)
    except CloudError as error:
        world.restore(before)
        failed = [
            f"Error occurred while executing {action['operation']} {action['resource']}: {text}"
            for text in error.errors
        ]
        _batches(world, organization_id)[id_]["status"] |= {"completed": False, "failed": True, "errors": failed}
        return failed
    _batches(world, organization_id)[id_]["status"] |= {"completed": True, "failed": False, "createdResources": made}
    return []


def _carry_out(world: "World", action: Json) -> list[Json]:
    route = _route_of(action)
    if world.perform is None:
        raise CloudError(500, "This world has no cloud around it")
    result = world.perform(route.method, _path_of(action, route), action.get("body"))
    if route.method != "POST" or not isinstance(result, dict):
        return []
    name = next((n for n in _ids_of(route) if result.get(n) is not None), None)
    if action["operation"] != "create" or name is None:
        return []
    return [{"id": str(result[name]), "uri": f"{action['resource']}/{result[name]}"}]


def _ids_of(route: Route) -> Iterator[str]:
    for item in routes().item_routes(route.template):
        yield item.template.rsplit("{", 1)[1][:-1]
    yield from ("id", "number")


def _route_of(action: Json) -> Route:
    """The route of an action; CloudError 400 when there is none. Other verbs stand for their own path."""
    verb, resource = action["operation"], action["resource"].rstrip("/")
    if verb in _METHODS:
        route = routes().match(resource).get(_METHODS[verb])
        if route is None or route.batch is None:
            raise CloudError(400, f"{verb} operation is unsupported for {resource}")
        return route
    found = [route for path in (resource, f"{resource}/{verb}") for route in routes().match(path).values()]
    for route in found:
        if route.batch == verb:
            return route
    raise CloudError(400, UNSUPPORTED)


def _path_of(action: Json, route: Route) -> str:
    resource = str(action["resource"]).rstrip("/")
    matches = resource.count("/") == route.template.count("/")
    return resource if matches else f"{resource}/{route.template.rsplit('/', 1)[1]}"


@behaviour("createOrganizationActionBatch")
def create_batch(world: "World", call: Call) -> Json:
    """The batch; a confirmed synchronous one has been carried out, or is refused with what went wrong."""
    organization_id, body = call.params["organizationId"], call.body
    synchronous, confirmed = bool(body.get("synchronous")), bool(body.get("confirmed"))
    _check(world, organization_id, body["actions"], synchronous=synchronous)
    if confirmed:
        _check_running(world, organization_id)
    id_ = world.new_id()
    status = {"completed": False, "failed": False, "errors": [], "createdResources": []}
    _batches(world, organization_id)[id_] = {
        "id": id_,
        "organizationId": organization_id,
        "confirmed": confirmed,
        "synchronous": synchronous,
        "status": status,
        "actions": body["actions"],
    }
    if confirmed:
        _start(world, organization_id, id_)
    return _batches(world, organization_id)[id_]


def _start(world: "World", organization_id: str, id_: str) -> None:
    batch = _batches(world, organization_id)[id_]
    if not batch["synchronous"]:
        _due(world)[id_] = {"startedAt": world.now().isoformat(), "organizationId": organization_id, "polls": 0}
        return
    errors = _run(world, organization_id, id_)
    if errors:
        del _batches(world, organization_id)[id_]
        raise CloudError(400, *errors)


def _check(world: "World", organization_id: str, actions: list[Json], *, synchronous: bool) -> None:
    if not actions:
        raise CloudError(400, "At least one action is required")
    most = 20 if synchronous else 100
    if len(actions) > most:
        kind = "synchronous" if synchronous else "asynchronous"
        raise CloudError(400, f"A batch can have at most {most} actions when it is {kind}")
    for action in actions:
        _route_of(action)
        owner = re.match(r"^/(organizations|networks|devices)/([^/]+)", action["resource"])
        if owner is None or _organization(world, *owner.groups()) != organization_id:
            raise CloudError(400, f"Resource {action['resource']} is not in this organization")


def _organization(world: "World", kind: str, id_: str) -> str | None:
    if kind == "organizations":
        return id_
    return world.organization_of(id_ if kind == "networks" else world.network_of(id_))


def _check_running(world: "World", organization_id: str) -> None:
    running = [
        one
        for one in _batches(world, organization_id).values()
        if one["confirmed"] and not one["status"]["completed"] and not one["status"]["failed"]
    ]
    if len(running) >= 5:
        raise CloudError(
            400, "Too many concurrently executing batches. Maximum is 5 confirmed but not yet executed batches."
        )


def _find(world: "World", call: Call) -> Json:
    batch = _batches(world, call.params["organizationId"]).get(call.params["actionBatchId"])
    if batch is None:
        raise CloudError(404, "Not found")
    return batch


@behaviour("getOrganizationActionBatches")
def list_batches(world: "World", call: Call) -> Json:
    """The batches, by status when asked."""
    organization_id = call.params["organizationId"]
    wanted = call.query.get("status")
    return [one for one in _batches(world, organization_id).values() if wanted in (None, _word(one))]


def _word(batch: Json) -> str:
    status = batch["status"]
    return "completed" if status["completed"] else "failed" if status["failed"] else "pending"


@behaviour("getOrganizationActionBatch")
def get_batch(world: "World", call: Call) -> Json:
    """One batch and how far it is; one that waits runs before it is asked for the third time."""
    due = _due(world).get(call.params["actionBatchId"])
    if due:
        due["polls"] += 1
    return _find(world, call)


@behaviour("updateOrganizationActionBatch")
def confirm_batch(world: "World", call: Call) -> Json:
    """Confirm a batch, or turn it synchronous before; a confirmed one stays as it is."""
    batch, body = _find(world, call), call.body or {}
    if batch["confirmed"]:
        if body.get("confirmed") is False or "synchronous" in body:
            raise CloudError(400, "A confirmed batch cannot be changed")
        return batch
    organization_id = call.params["organizationId"]
    if body.get("synchronous") is not None:
        _check(world, organization_id, batch["actions"], synchronous=body["synchronous"])
        batch["synchronous"] = body["synchronous"]
    if body.get("confirmed"):
        _check_running(world, organization_id)
        batch["confirmed"] = True
        _start(world, organization_id, batch["id"])
    return _batches(world, organization_id).get(batch["id"], batch)


@behaviour("deleteOrganizationActionBatch")
def delete_batch(world: "World", call: Call) -> Json:
    """Only a batch that was not confirmed can be deleted."""
    batch = _find(world, call)
    if batch["confirmed"]:
        raise CloudError(400, "A confirmed batch cannot be deleted")
    del _batches(world, call.params["organizationId"])[batch["id"]]
