"""Settings of a network's switches: ACL, QoS, link aggregation, access policies, port schedules, DHCP policy."""

import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.behaviours.lan.switch_ports import ports_of
from mcp_server.sandbox.checks import addresses
from mcp_server.sandbox.checks.settings import home, is_furnished, log
from mcp_server.sandbox.routes import routes
from mcp_server.sandbox.shapes import known, merged

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

ACL_DEFAULT = {
    "comment": "Default rule", "policy": "allow", "ipVersion": "any", "protocol": "any", "srcCidr": "any",
    "srcPort": "any", "dstCidr": "any", "dstPort": "any", "vlan": "any",
}  # fmt: skip
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _switch(world: "World", call: Call) -> str:
    return f"{home(world, call.params['networkId'])}/switch"


def _written(call: Call) -> Json:
    return known(call.body or {}, routes().by_operation[call.operation].body)


# Access control list


@behaviour("getNetworkSwitchAccessControlLists")
def get_acl(world: "World", call: Call) -> Json:
    """The rules, and the implicit default last."""
    stored = world.singleton(f"{_switch(world, call)}/accessControlLists", {"rules": []})
    return {"rules": [*stored["rules"], ACL_DEFAULT]}


@behaviour("updateNetworkSwitchAccessControlLists")
def update_acl(world: "World", call: Call) -> Json:
    """The rules replace the old ones; a default rule that was sent along is stored as one of them."""
    rules = _written(call)["rules"]
    faults = [fault for number, rule in enumerate(rules, 1) for fault in _acl_faults(number, rule)]
    if len(rules) > 128:
        faults.append("There can be at most 128 rules")
    if faults:
        raise CloudError(400, *faults)
    stored = world.singleton(f"{_switch(world, call)}/accessControlLists", {"rules": []})
    old = copy.deepcopy(stored)
    stored["rules"] = [
        {
            name: str(value) if (value := rule.get(name)) is not None else usual
            for name, usual in (ACL_DEFAULT | {"comment": ""}).items()
        }
        for rule in rules
    ]
    log(world, call, "Switch ACL", old, stored)
    return get_acl(world, call)


def _acl_faults(number: int, rule: Json) -> Iterator[str]:
    where = f"Rule {number}"
    if rule["policy"] not in ("allow", "deny"):
        yield f"{where}: Policy must be 'allow' or 'deny'"
    if str(rule["protocol"]).lower() not in ("tcp", "udp", "any"):
        yield f"{where}: Protocol must be 'tcp', 'udp' or 'any'"
    if rule.get("ipVersion") not in (None, "any", "ipv4", "ipv6"):
        yield f"{where}: IP version must be 'any', 'ipv4' or 'ipv6'"
    for name in ("srcCidr", "dstCidr"):
        if not addresses.is_any(rule[name]) and not addresses.is_address_or_cidr(rule[name]):
            yield f"{where}: {name} must be an IP address, a subnet or 'any'"
    for name in ("srcPort", "dstPort"):
        port = rule.get(name)
        if port is not None and not addresses.is_any(port) and not addresses.is_port(port):
            yield f"{where}: {name} must be a port or 'any'"
    vlan = rule.get("vlan")
    if vlan is not None and not addresses.is_any(vlan) and not (str(vlan).isdigit() and 1 <= int(vlan) <= 4095):
        yield f"{where}: VLAN must be between 1 and 4095, or 'any'"


# Quality of service


def _qos(world: "World", call: Call) -> dict[str, Json]:
    return world.collection(f"{_switch(world, call)}/qosRules")


@behaviour("getNetworkSwitchQosRules")
def list_qos(world: "World", call: Call) -> Json:
    """The rules in their order."""
    return list(_qos(world, call).values())


@behaviour("getNetworkSwitchQosRule")
def get_qos(world: "World", call: Call) -> Json:
    """One rule."""
    return _item(_qos(world, call), call.params["qosRuleId"])


def _item(items: dict[str, Json], key: str) -> Json:
    if key not in items:
        raise CloudError(404, "Not found")
    return items[key]


@behaviour("createNetworkSwitchQosRule")
def create_qos(world: "World", call: Call) -> Json:
    """A new rule, last in order."""
    rule = _qos_rule({"protocol": "ANY"}, _written(call))
    id_ = world.new_id()
    _qos(world, call)[id_] = {"id": id_} | rule
    log(world, call, "QoS rule", "", rule)
    return _qos(world, call)[id_]


@behaviour("updateNetworkSwitchQosRule")
def update_qos(world: "World", call: Call) -> Json:
    """The rule with what was asked for."""
    items = _qos(world, call)
    old = _item(items, call.params["qosRuleId"])
    items[old["id"]] = _qos_rule(old, _written(call))
    log(world, call, "QoS rule", old, items[old["id"]])
    return items[old["id"]]


def _qos_rule(old: Json, body: Json) -> Json:
    rule = old | body
    if rule.get("vlan") is not None and not 1 <= rule["vlan"] <= 4094:
        raise CloudError(400, "Vlan must be between 1 and 4094")
    dscp = rule.get("dscp")
    if dscp is not None and not -1 <= dscp <= 63:
        raise CloudError(400, "DSCP must be between 0 and 63, or -1 to trust the incoming tag")
    for side in ("src", "dst"):
        one, span = rule.get(f"{side}Port"), rule.get(f"{side}PortRange")
        if one is not None and span is not None:
            raise CloudError(400, f"Only one of {side}Port and {side}PortRange can be set")
        if (one is not None or span is not None) and rule["protocol"] == "ANY":
            raise CloudError(400, "Ports can only be set when the protocol is TCP or UDP")
        if one is not None and not 1 <= one <= 65535:
            raise CloudError(400, f"{side}Port must be between 1 and 65535")
    return rule


@behaviour("deleteNetworkSwitchQosRule")
def delete_qos(world: "World", call: Call) -> Json:
    """The rule is gone, from the order too."""
    items = _qos(world, call)
    old = _item(items, call.params["qosRuleId"])
    del items[old["id"]]
    log(world, call, "QoS rule", old, "")


@behaviour("getNetworkSwitchQosRulesOrder")
def get_qos_order(world: "World", call: Call) -> Json:
    """The ids in order."""
    return {"ruleIds": list(_qos(world, call))}


@behaviour("updateNetworkSwitchQosRulesOrder")
def order_qos(world: "World", call: Call) -> Json:
    """The same rules in another order; each must be named once."""
    items, wanted = _qos(world, call), call.body["ruleIds"]
    if sorted(wanted) != sorted(items):
        raise CloudError(400, "ruleIds must contain each rule of the network once")
    ordered = {id_: items[id_] for id_ in wanted}
    old = list(items)
    items.clear()
    items.update(ordered)
    log(world, call, "QoS rule order", old, wanted)
    return {"ruleIds": list(items)}


# Link aggregation


def _groups(world: "World", call: Call) -> dict[str, Json]:
    return world.collection(f"{_switch(world, call)}/linkAggregations")


@behaviour("getNetworkSwitchLinkAggregations")
def list_groups(world: "World", call: Call) -> Json:
    """The link aggregations."""
    return list(_groups(world, call).values())


@behaviour("createNetworkSwitchLinkAggregation", "updateNetworkSwitchLinkAggregation")
def write_group(world: "World", call: Call) -> Json:
    """The group with those ports; a port is in one group at most."""
    groups = _groups(world, call)
    id_ = call.params.get("linkAggregationId")
    old = _item(groups, id_) if id_ else ""
    ports = [{"serial": one["serial"], "portId": one["portId"]} for one in (call.body or {}).get("switchPorts") or []]
    of_profiles = (call.body or {}).get("switchProfilePorts")
    if not 2 <= len(ports) <= 8 or (of_profiles and not 2 <= len(of_profiles) <= 8):
        raise CloudError(400, "A link aggregation must have between 2 and 8 switch ports")
    for port in ports:
        _check_member(world, call, port, id_)
    id_ = id_ or world.new_id()
    groups[id_] = {"id": id_, "switchPorts": ports}
    log(world, call, "Link aggregation", old, groups[id_])
    return groups[id_]


def _check_member(world: "World", call: Call, port: Json, own_id: str | None) -> None:
    serial = port["serial"]
    if world.network_of(serial) != call.params["networkId"] or world.devices[serial]["productType"] != "switch":
        raise CloudError(400, f"Switch {serial} not found in this network")
    if port["portId"] not in ports_of(world, serial):
        raise CloudError(400, f"Port {port['portId']} not found on switch {serial}")
    if world.hidden[f"/devices/{serial}"].get("catalyst") == "monitored":
        raise CloudError(400, f"Switch {serial} is read-only")
    for id_, group in _groups(world, call).items():
        if id_ != own_id and port in group["switchPorts"]:
            raise CloudError(400, f"Port {port['portId']} on switch {serial} is already in a link aggregation")


@behaviour("deleteNetworkSwitchLinkAggregation")
def delete_group(world: "World", call: Call) -> Json:
    """The ports are single again."""
    groups = _groups(world, call)
    old = _item(groups, call.params["linkAggregationId"])
    del groups[old["id"]]
    log(world, call, "Link aggregation", old, "")


# Access policies


def access_policies(world: "World", switch: str) -> dict[str, Json]:
    """The access policies of a network by number; a furnished network starts with one."""

    def first() -> dict[str, Json]:
        if not is_furnished(world, switch.split("/")[2]):
            return {}
        server = {"serverId": "1", "host": "10.10.0.53", "port": 1812, "secret": "seeded-radius-secret"}
        return {
            "1": _new_policy(
                "1", {"name": "802.1X corporativo", "radiusServers": [server], "radiusAccountingEnabled": False}
            )
        }

    return world.collection(f"{switch}/accessPolicies", first)


def _new_policy(number: str, body: Json) -> Json:
    return {
        "accessPolicyNumber": number,
        "radius": {
            "failedAuthVlanId": None,
            "reAuthenticationInterval": None,
            "cache": {"enabled": False, "timeout": 24},
        },
        "guestPortBouncing": False,
        "radiusTestingEnabled": False,
        "radiusCoaSupportEnabled": False,
        "radiusAccountingServers": [],
        "radiusGroupAttribute": "",
        "hostMode": "Single-Host",
        "accessPolicyType": "802.1x",
        "increaseAccessSpeed": False,
        "guestVlanId": None,
        "voiceVlanClients": True,
        "urlRedirectWalledGardenEnabled": False,
        "urlRedirectWalledGardenRanges": [],
        "dot1x": {"controlDirection": "both"},
    } | copy.deepcopy(body)


@behaviour("getNetworkSwitchAccessPolicies")
def list_policies(world: "World", call: Call) -> Json:
    """The access policies; RADIUS secrets are never shown."""
    return list(access_policies(world, _switch(world, call)).values())


@behaviour("getNetworkSwitchAccessPolicy")
def get_policy(world: "World", call: Call) -> Json:
    """One access policy."""
    return _item(access_policies(world, _switch(world, call)), call.params["accessPolicyNumber"])


@behaviour("createNetworkSwitchAccessPolicy")
def create_policy(world: "World", call: Call) -> Json:
    """A new policy under the next free number, which the server picks."""
    policies = access_policies(world, _switch(world, call))
    body = _written(call)
    _check_policy(policies, body, None)
    number = str(max([0, *map(int, policies)]) + 1)
    world.hidden.setdefault(_switch(world, call), {})
    taken = max(int(number), world.hidden[_switch(world, call)].get("accessPolicyNumber", 0) + 1)
    world.hidden[_switch(world, call)]["accessPolicyNumber"] = taken
    policies[str(taken)] = _new_policy(str(taken), body)
    log(world, call, "Access policy", "", {name: body[name] for name in ("name",)})
    return policies[str(taken)]


def _check_policy(policies: dict[str, Json], body: Json, own: str | None) -> None:
    for number, policy in policies.items():
        if number != own and policy["name"] == body.get("name"):
            raise CloudError(400, "Name has already been taken")
    for name in ("radiusServers", "radiusAccountingServers"):
        for server in body.get(name) or []:
            if not server.get("host") and not server.get("organizationRadiusServerId"):
                raise CloudError(400, "Each RADIUS server must have a host")


@behaviour("updateNetworkSwitchAccessPolicy")
def update_policy(world: "World", call: Call) -> Json:
    """The policy with what was asked for; a server that stays keeps its secret."""
    policies = access_policies(world, _switch(world, call))
    number = call.params["accessPolicyNumber"]
    old = _item(policies, number)
    body = _written(call)
    _check_policy(policies, body, number)
    policies[number] = merged(old, body, routes().by_operation[call.operation].body)
    log(world, call, "Access policy", {"name": old["name"]}, {"name": policies[number]["name"]})
    return policies[number]


@behaviour("deleteNetworkSwitchAccessPolicy")
def delete_policy(world: "World", call: Call) -> Json:
    """Gone, unless a port uses it."""
    policies = access_policies(world, _switch(world, call))
    old = _item(policies, call.params["accessPolicyNumber"])
    for port in _ports(world, call):
        if str(port.get("accessPolicyNumber")) == old["accessPolicyNumber"]:
            raise CloudError(400, "Access policy is in use by switch ports")
    del policies[old["accessPolicyNumber"]]
    log(world, call, "Access policy", {"name": old["name"]}, "")


def _ports(world: "World", call: Call) -> Iterator[Json]:
    for device in world.devices_in(call.params["networkId"]):
        yield from (world.get(f"/devices/{device['serial']}/switch/ports") or {}).values()


# Port schedules


def _schedules(world: "World", call: Call) -> dict[str, Json]:
    switch = _switch(world, call)
    owner = switch.split("/")[2]

    def first() -> dict[str, Json]:
        if not is_furnished(world, owner):
            return {}
        id_ = str(575_897_802_350_009_000 + int(owner[-4:]))
        return {id_: {"id": id_, "networkId": owner, "name": "Horário comercial", "portSchedule": _week({})}}

    return world.collection(f"{switch}/portSchedules", first)


def _week(given: Json) -> Json:
    usual = {"active": True, "from": "00:00", "to": "24:00"}
    return {day: usual | (given.get(day) or {}) for day in _DAYS}


@behaviour("getNetworkSwitchPortSchedules")
def list_schedules(world: "World", call: Call) -> Json:
    """The port schedules."""
    return list(_schedules(world, call).values())


@behaviour("createNetworkSwitchPortSchedule", "updateNetworkSwitchPortSchedule")
def write_schedule(world: "World", call: Call) -> Json:
    """The schedule with the days that were given; the others stay, or are always on."""
    items, body = _schedules(world, call), _written(call)
    id_ = call.params.get("portScheduleId")
    old: Json = _item(items, id_) if id_ else {}
    name = body.get("name") or old["name"]
    if any(one["name"] == name and key != id_ for key, one in items.items()):
        raise CloudError(400, "Name has already been taken")
    id_ = id_ or world.new_id()
    days = merged(old.get("portSchedule", {}), body.get("portSchedule") or {}, {day: {} for day in _DAYS})
    items[id_] = {"id": id_, "networkId": call.params["networkId"], "name": name, "portSchedule": _week(days)}
    log(world, call, "Port schedule", old, items[id_])
    return items[id_]


@behaviour("deleteNetworkSwitchPortSchedule")
def delete_schedule(world: "World", call: Call) -> Json:
    """Gone, unless a port follows it."""
    items = _schedules(world, call)
    old = _item(items, call.params["portScheduleId"])
    if any(port.get("portScheduleId") == old["id"] for port in _ports(world, call)):
        raise CloudError(400, "Port schedule is in use by switch ports")
    del items[old["id"]]
    log(world, call, "Port schedule", old, "")


# DHCP servers


@behaviour("getNetworkSwitchDhcpServerPolicy")
def get_dhcp_policy(world: "World", call: Call) -> Json:
    """Which DHCP servers may answer."""
    return world.singleton(f"{_switch(world, call)}/dhcpServerPolicy", _FIRST_DHCP_POLICY)


_FIRST_DHCP_POLICY: Json = {
    "alerts": {"email": {"enabled": False}},
    "defaultPolicy": "allow",
    "blockedServers": [],
    "allowedServers": [],
    "alwaysAllowedServers": [],
    "arpInspection": {"enabled": False, "unsupportedModels": []},
}


@behaviour("updateNetworkSwitchDhcpServerPolicy")
def update_dhcp_policy(world: "World", call: Call) -> Json:
    """The policy; servers are MAC addresses, allowed ones count when blocking is the default, and vice versa."""
    stored, body = get_dhcp_policy(world, call), _written(call)
    new = merged(stored, body, routes().by_operation[call.operation].body)
    for name, policy in (("allowedServers", "block"), ("blockedServers", "allow")):
        if body.get(name) and new["defaultPolicy"] != policy:
            raise CloudError(400, f"{name} can only be set when the default policy is '{policy}'")
        if any(not addresses.is_mac(mac) for mac in body.get(name) or []):
            raise CloudError(400, f"{name} must be a list of MAC addresses")
    old = copy.deepcopy(stored)
    stored |= new
    log(world, call, "DHCP server policy", old, stored)
    return stored
