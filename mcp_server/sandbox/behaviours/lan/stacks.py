"""Switch stacks: their members are switches of the network, each in one stack at most."""

from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.checks.tables import device_of_network, item, items, some, updated, without_twins
from mcp_server.sandbox.samples import about, digest, mac_of

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

_STACKS = "/networks/{networkId}/switch/stacks"


def _stacks(world: "World", call: Call) -> dict[str, Json]:
    return world.collection(f"/networks/{call.params['networkId']}/switch/stacks")


def _find(world: "World", call: Call) -> Json:
    found = _stacks(world, call).get(call.params["switchStackId"])
    if found is None:
        raise CloudError(404)
    return found


def _shown(world: "World", stack: Json) -> Json:
    members = []
    for number, serial in enumerate(stack["serials"]):
        device = world.devices[serial]
        role = "active" if number == 0 else "member"
        members.append({name: device[name] for name in ("serial", "name", "model", "mac")} | {"role": role})
    return stack | {"members": members}


@behaviour("getNetworkSwitchStacks")
def list_stacks(world: "World", call: Call) -> Json:
    """The stacks of the network; none at first."""
    return [_shown(world, one) for one in _stacks(world, call).values()]


@behaviour("getNetworkSwitchStack")
def get_stack(world: "World", call: Call) -> Json:
    """One stack and its members."""
    return _shown(world, _find(world, call))


def _check_member(world: "World", call: Call, serial: str) -> None:
    device_of_network(world, call.params["networkId"], serial, "switch")
    if any(serial in one["serials"] for one in _stacks(world, call).values()):
        raise CloudError(400, f"Device with serial {serial} is already in a stack")


@behaviour("createNetworkSwitchStack")
def create_stack(world: "World", call: Call) -> Json:
    """A stack of switches of the network that are in no other."""
    body, id_ = call.body, world.new_id()
    serials = some(body["serials"], "serials")
    without_twins(serials, "serials")
    for serial in serials:
        _check_member(world, call, serial)
    number = digest(about(world, f"/stacks/{id_}", {}), "virtualMac")
    made: Json = {"id": id_, "name": body["name"], "serials": serials, "isMonitorOnly": False}
    _stacks(world, call)[id_] = made | {"virtualMac": mac_of(number)}
    return _shown(world, _stacks(world, call)[id_])


@behaviour("updateNetworkSwitchStack")
def put_stack(world: "World", call: Call) -> Json:
    """The name, and the order of the members; they are added and removed by writes of their own."""
    stack, body = _find(world, call), call.body or {}
    order = [one["serial"] for one in body.get("members") or []]
    if order and sorted(order) != sorted(stack["serials"]):
        raise CloudError(400, "'members' must be the members of the stack")
    stack |= {"name": updated(call, stack)["name"], "serials": order or stack["serials"]}
    return _shown(world, stack)


@behaviour("addNetworkSwitchStack")
def add_member(world: "World", call: Call) -> Json:
    """The switch is a member; members stand in the order of the network's devices until a PUT orders them."""
    stack, serial = _find(world, call), call.body["serial"]
    _check_member(world, call, serial)
    wanted = {*stack["serials"], serial}
    stack["serials"] = [one["serial"] for one in world.devices_in(call.params["networkId"]) if one["serial"] in wanted]
    return _shown(world, stack)


@behaviour("removeNetworkSwitchStack")
def remove_member(world: "World", call: Call) -> Json:
    """The switch is no longer a member; the last one stays until the stack is deleted."""
    stack, serial = _find(world, call), call.body["serial"]
    if serial not in stack["serials"]:
        raise CloudError(400, f"Device with serial {serial} is not in this stack")
    if len(stack["serials"]) == 1:
        raise CloudError(400, "A stack must have at least one member")
    stack["serials"].remove(serial)
    return _shown(world, stack)


@behaviour("deleteNetworkSwitchStack")
def delete_stack(world: "World", call: Call) -> None:
    """The stack goes with its interfaces and routes; the switches stay."""
    stack = item(world, call, _STACKS, call.params["switchStackId"])
    world.forget(f"/networks/{call.params['networkId']}/switch/stacks/{stack['id']}")
    items(world, call, _STACKS).pop(stack["id"], None)
