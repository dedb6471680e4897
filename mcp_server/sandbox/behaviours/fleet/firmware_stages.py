"""Staged firmware upgrades: the stages planned, put off by a week, or turned into a way back; and rollbacks."""

import copy
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.behaviours.devices import VERSIONS, plan_rollback
from mcp_server.sandbox.checks.tables import items, named, some

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

_GROUPS = "/networks/{networkId}/firmwareUpgrades/staged/groups"
DEFERRED_DAYS = 7
REASONS = ("broke old features", "other", "performance", "stability", "testing", "unifying networks versions")


def _events(world: "World", call: Call) -> Json:
    path = f"/networks/{call.params['networkId']}/firmwareUpgrades/staged/events"
    return world.singleton(path, {"products": {}, "stages": [], "reasons": []})


@behaviour("getNetworkFirmwareUpgradesStagedEvents")
def get_events(world: "World", call: Call) -> Json:
    """The staged upgrade of the network; no stages when none is planned."""
    found, groups = _events(world, call), items(world, call, _GROUPS)
    return found | {"stages": [_shown(groups, stage) for stage in found["stages"]]}


def _shown(groups: dict[str, Json], stage: Json) -> Json:
    group = groups.get(stage["group"]["id"], {})
    said = {"id": stage["group"]["id"], "name": group.get("name"), "description": group.get("description")}
    none = dict.fromkeys(("startedAt", "completedAt", "canceledAt"))
    return {"group": said, "milestones": stage["milestones"] | none, "status": "pending"}


def _stages(world: "World", call: Call) -> list[Json]:
    """The stages of a body; CloudError 400 for a group that is not there or a time that is none or past."""
    made, seen = [], set()
    for stage in some(call.body["stages"], "stages"):
        id_ = (stage.get("group") or {}).get("id")
        named(world, call, _GROUPS, id_, "Staged upgrade group")
        at = _time((stage.get("milestones") or {}).get("scheduledFor"))
        if at < world.now() or id_ in seen:
            raise CloudError(400, "Each group must come once, at a time in the future")
        seen.add(id_)
        made.append({"group": {"id": id_}, "milestones": {"scheduledFor": stage["milestones"]["scheduledFor"]}})
    return made


def _time(text: Json) -> datetime:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        raise CloudError(400, "'scheduledFor' must be a time") from None
    if at.tzinfo is None:
        raise CloudError(400, "'scheduledFor' must have a time zone")
    return at


@behaviour("createNetworkFirmwareUpgradesStagedEvent")
def create_event(world: "World", call: Call) -> Json:
    """A staged upgrade of the switches; while one is planned there can be no other."""
    found = _events(world, call)
    if found["stages"]:
        raise CloudError(400, "A staged upgrade is already planned")
    stages, products = _stages(world, call), (call.body or {}).get("products") or {}
    for product in products.values():
        wanted = ((product or {}).get("nextUpgrade") or {}).get("toVersion") or {}
        if wanted.get("id") not in (VERSIONS["switch"][0], VERSIONS["switch"][2]):
            raise CloudError(400, "Invalid firmware version")
    found |= {"stages": stages, "products": copy.deepcopy(products), "reasons": []}
    return get_events(world, call)


@behaviour("updateNetworkFirmwareUpgradesStagedEvents")
def put_events(world: "World", call: Call) -> Json:
    """The stages of the upgrade that is planned; 400 without one."""
    found = _planned(world, call)
    stages = _stages(world, call)
    found["stages"] = stages
    if (call.body or {}).get("products"):
        found["products"] |= copy.deepcopy(call.body["products"])
    return get_events(world, call)


def _planned(world: "World", call: Call) -> Json:
    found = _events(world, call)
    if not found["stages"]:
        raise CloudError(400, "No staged upgrade is planned")
    return found


@behaviour("deferNetworkFirmwareUpgradesStagedEvents")
def defer(world: "World", call: Call) -> Json:
    """Every stage is a week later."""
    for stage in _planned(world, call)["stages"]:
        at = _time(stage["milestones"]["scheduledFor"]) + timedelta(days=DEFERRED_DAYS)
        stage["milestones"]["scheduledFor"] = at.isoformat().replace("+00:00", "Z")
    return get_events(world, call)


@behaviour("rollbacksNetworkFirmwareUpgradesStagedEvents")
def roll_stages_back(world: "World", call: Call) -> Json:
    """The stages lead back to the version before; for reasons that are known."""
    found, stages = _planned(world, call), _stages(world, call)
    reasons = (call.body or {}).get("reasons") or []
    if any(one["category"] not in REASONS for one in reasons):
        raise CloudError(400, f"'category' must be one of: {', '.join(repr(one) for one in REASONS)}")
    back = {"nextUpgrade": {"toVersion": {"id": VERSIONS["switch"][0]}}}
    found |= {"stages": stages, "reasons": [dict(one) for one in reasons], "products": {"switch": back}}
    return get_events(world, call)


@behaviour("createNetworkFirmwareUpgradesRollback")
def roll_back(world: "World", call: Call) -> Json:
    """The product goes back to the version before, at that time or in the next window."""
    body = call.body
    if any(one["category"] not in REASONS for one in some(body["reasons"], "reasons")):
        raise CloudError(400, f"'category' must be one of: {', '.join(repr(one) for one in REASONS)}")
    return plan_rollback(world, call, body.get("product"), body.get("time"))
