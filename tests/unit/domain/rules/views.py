"""Step views for the tests of the safety rules."""

from typing import Any

from mcp_server.domain.call import Device, Network
from mcp_server.domain.plan import Impact
from mcp_server.domain.rules.facts import StepView

STORE = Network("N_1", "Store 12", "O_1", ("switch", "wireless", "appliance"))


def switch(number: int = 1) -> Device:
    """A switch of the store."""
    return Device(f"Q2SW-{number:04d}", f"sw-{number}", "MS225-48", "O_1", "N_1", product_type="switch")


def view(operation: str, body: Any = None, before: Any = None, **more: Any) -> StepView:
    """A step whose after-state is the state before with the body put over it."""
    if "expected" not in more:
        more["expected"] = {**(before or {}), **(body or {})}
    fields: dict[str, Any] = {
        "operation": operation,
        "kind": "update",
        "resource": "ssid",
        "task": "T1",
        "params": {"networkId": "N_1"},
        "before": before,
        "body": body,
        "network": STORE,
    }
    return StepView(**{**fields, **more})


def ssid(body: dict[str, Any], before: dict[str, Any] | None = None, number: Any = 3) -> StepView:
    """A change of an SSID."""
    return view("updateNetworkWirelessSsid", body, before or {}, params={"networkId": "N_1", "number": number})


def port(
    body: dict[str, Any], before: dict[str, Any] | None = None, uplinks: tuple[str, ...] = (), neighbour: str = ""
) -> StepView:
    """A change of switch port 7."""
    state = {"type": "access", "vlan": 10, "enabled": True, **(before or {})}
    return view(
        "updateDeviceSwitchPort",
        body,
        state,
        resource="port",
        task="T2",
        params={"serial": "Q2SW-0001", "portId": "7"},
        device=switch(),
        uplink_ports=frozenset(uplinks),
        neighbour=neighbour,
    )


def rule(policy: str, source: str = "Any", destination: str = "Any", **more: str) -> dict[str, str]:
    """A firewall rule."""
    base = {"comment": "", "policy": policy, "protocol": "any", "srcPort": "Any", "srcCidr": source}
    return {**base, "destPort": "Any", "destCidr": destination, **more}


DEFAULT = rule("allow", comment="Default rule")
WEB = rule("allow", "10.1.2.0/24", "10.9.9.9/32", protocol="tcp", destPort="443", comment="web")


def firewall(after: list[dict[str, str]], before: list[dict[str, str]] | None = None) -> StepView:
    """A change of the L3 firewall list."""
    state = {"rules": [WEB] if before is None else before}
    return view(
        "updateNetworkApplianceFirewallL3FirewallRules",
        {"rules": after},
        state,
        resource="firewall_l3",
        task="T3",
    )


def acl(after: list[dict[str, str]], before: list[dict[str, str]] | None = None) -> StepView:
    """A change of the switch access list, with its names of the destination fields."""

    def renamed(rules: list[dict[str, str]]) -> list[dict[str, str]]:
        return [{key.replace("dest", "dst"): value for key, value in one.items()} | {"vlan": "any"} for one in rules]

    return view(
        "updateNetworkSwitchAccessControlLists",
        {"rules": renamed(after)},
        {"rules": renamed([WEB] if before is None else before)},
        resource="acl",
        task="T2",
    )


def impact(devices: int = 1) -> Impact:
    """An impact on so many devices."""
    return Impact(devices, tuple(f"Q2SW-{number:04d}" for number in range(devices)), (), None, "none")
