"""Floor plans: which devices stand on them, and the jobs that find out where."""

from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.behaviours.devices import of_organization
from mcp_server.sandbox.checks.tables import device_of_network, items, named, some
from mcp_server.sandbox.generic import Rows, answer, items_at

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

_PLANS = "/networks/{networkId}/floorPlans"


def _jobs(world: "World", network_id: str) -> dict[str, Json]:
    return world.collection(f"/networks/{network_id}/floorPlans/autoLocate/jobs")


def _job(world: "World", call: Call, *statuses: str) -> Json:
    """The job in the path; CloudError 404 without one, 400 when it is in none of those states."""
    found = _jobs(world, call.params["networkId"]).get(call.params["jobId"])
    if found is None:
        raise CloudError(404)
    if found["status"] not in statuses:
        raise CloudError(400, f"The job is {found['status']}")
    return found


@behaviour("batchNetworkFloorPlansDevicesUpdate")
def put_devices(world: "World", call: Call) -> Json:
    """Each device stands on that floor plan; on none when its id is empty."""
    rows = some(call.body["assignments"], "assignments")
    for row in rows:
        device_of_network(world, call.params["networkId"], row["serial"])
        if row["floorPlan"].get("id"):
            named(world, call, _PLANS, row["floorPlan"]["id"], "Floor plan")
    for row in rows:
        world.devices[row["serial"]]["floorPlanId"] = row["floorPlan"].get("id") or None
    return {"success": True}


@behaviour("deleteNetworkFloorPlan")
def delete_plan(world: "World", call: Call) -> Json:
    """The plan goes with its image; its devices stand on none."""
    id_ = call.params["floorPlanId"]
    gone = answer(world, call)
    for device in world.devices_in(call.params["networkId"]):
        if device["floorPlanId"] == id_:
            device["floorPlanId"] = None
    return gone


@behaviour("getOrganizationFloorPlansAutoLocateDevices")
def list_devices(world: "World", call: Call) -> Json:
    """Each access point, its floor plan and its place."""
    found = {
        one["serial"]: one
        for one in of_organization(world, call.params["organizationId"])
        if one["productType"] == "wireless" or one["floorPlanId"]
    }
    return Rows(list(found), lambda serial: _located(world, found[serial]))


def _located(world: "World", device: Json) -> Json:
    path, id_ = f"/networks/{device['networkId']}/floorPlans", device["floorPlanId"]
    plan = items_at(world, _PLANS, path, {"networkId": device["networkId"]}).get(id_) if id_ else None
    return {name: device[name] for name in ("name", "serial", "mac", "model", "tags", "lat", "lng")} | {
        "status": "online",
        "network": {"id": device["networkId"]},
        "floorPlan": {"id": id_, "name": plan["name"] if plan else None},
        "autoLocate": {"lat": device["lat"], "lng": device["lng"]},
        "type": "calculated",
        "isAnchor": bool(world.hidden[f"/devices/{device['serial']}"].get("isAnchor")),
    }


# Jobs


@behaviour("batchNetworkFloorPlansAutoLocateJobs")
def start_jobs(world: "World", call: Call) -> Json:
    """A job for each floor plan, done at once or scheduled; a plan has one unpublished job at most."""
    held, made = _jobs(world, call.params["networkId"]), []
    rows = some(call.body["jobs"], "jobs")
    for row in rows:
        named(world, call, _PLANS, row["floorPlanId"], "Floor plan")
        if any(
            one["floorPlanId"] == row["floorPlanId"] and one["status"] in ("scheduled", "ready")
            for one in held.values()
        ):
            raise CloudError(400, "Floor plan already has a job")
    for row in rows:
        status = "scheduled" if row.get("scheduledAt") else "ready"
        job = {"id": world.new_id(), "floorPlanId": row["floorPlanId"], "status": status}
        held[job["id"]] = job | {"scheduledAt": row.get("scheduledAt")}
        made.append(held[job["id"]])
    return {"jobs": made}


@behaviour("cancelNetworkFloorPlansAutoLocateJob")
def cancel_job(world: "World", call: Call) -> Json:
    """The job is not carried out, or its result not used."""
    job = _job(world, call, "scheduled", "ready")
    job["status"] = "canceled"
    return {"success": True}


@behaviour("recalculateNetworkFloorPlansAutoLocateJob")
def recalculate_job(world: "World", call: Call) -> Json:
    """The job's result is calculated anew from these anchors."""
    job = _job(world, call, "ready")
    for row in (call.body or {}).get("devices") or []:
        device_of_network(world, call.params["networkId"], row["serial"], "wireless")
    job["anchors"] = [dict(row) for row in (call.body or {}).get("devices") or []]
    job["calculatedAt"] = world.stamp()
    return {"success": True}


@behaviour("publishNetworkFloorPlansAutoLocateJob")
def publish_job(world: "World", call: Call) -> Json:
    """The devices stand where the job, or the body, says; where they stood before is not kept."""
    job = _job(world, call, "ready")
    rows = (call.body or {}).get("devices") or []
    for row in rows:
        device_of_network(world, call.params["networkId"], row["serial"], "wireless")
    for row in rows:
        world.devices[row["serial"]] |= {"lat": row["lat"], "lng": row["lng"], "floorPlanId": job["floorPlanId"]}
        world.hidden[f"/devices/{row['serial']}"]["isAnchor"] = bool((row.get("autoLocate") or {}).get("isAnchor"))
    job["status"] = "published"
    return {"success": True}


@behaviour("getOrganizationFloorPlansAutoLocateStatuses")
def list_statuses(world: "World", call: Call) -> Json:
    """Each floor plan and its jobs."""
    rows = []
    for network in world.networks_of(call.params["organizationId"]):
        inner = Call("", "GET", "", {"networkId": network["id"]}, {}, None)
        jobs = list(_jobs(world, network["id"]).values())
        for id_, plan in items(world, inner, _PLANS).items():
            total = sum(one["floorPlanId"] == id_ for one in world.devices_in(network["id"]))
            own = [_status(job) for job in jobs if job["floorPlanId"] == id_]
            row = {"network": {"id": network["id"]}, "floorPlanId": id_, "name": plan["name"], "jobs": own}
            rows.append(row | {"counts": {"devices": {"total": total}}})
    return rows


def _status(job: Json) -> Json:
    done = {"percentage": 0 if job["status"] == "scheduled" else 100}
    phase = {"status": "not started" if job["status"] == "scheduled" else "completed", "completed": done}
    shown = {name: job[name] for name in ("id", "status", "scheduledAt")}
    return shown | {"completed": done, "ranging": phase, "gnss": phase, "errors": []}
