"""The rows of the main job: what is asked for, how it must be confirmed, and what the sandbox must then hold."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from mcp_server.sandbox.world import World
from tests.support.places import CORE, LAB, NET, ORG
from tests.support.story import Payload, step

Confirmed = Literal["asked", "signed"]
_POLICY: Final = f"/networks/{NET}/groupPolicies"
_HOOK: Final = "https://soc.example.net/hook"
_SHARED: Final = "pombo-correio-77"
_CAMERAS: Final = {"id": "77", "name": "Cameras", "subnet": "10.77.0.0/24", "applianceIp": "10.77.0.1"}
_IPV6: Final = {
    "enabled": True,
    "prefixAssignments": [
        {
            "autonomous": False,
            "disabled": False,
            "staticPrefix": "2001:db8:3c4d:15::/64",
            "staticApplianceIp6": "2001:db8:3c4d:15::1",
            "origin": {"type": "independent"},
        }
    ],
}
_GUESTS: Final = {
    "comment": "Block guests to lab", "policy": "deny", "protocol": "tcp", "srcPort": "Any",
    "srcCidr": "192.168.20.0/24", "destPort": "22", "destCidr": "10.31.150.0/24", "syslogEnabled": False,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One change. ``holds`` looks at the sandbox's own state, never at the product's answer."""

    operations: Sequence[Payload]
    confirmed: Confirmed
    holds: Callable[[World], bool]
    prepared: Sequence[tuple[str, str, Mapping[str, Any]]] = ()  #: what somebody did before: method, path, body
    secret: str = ""  #: what no GET returns, so that a person gives it before the way back


def _rules(world: World) -> list[str]:
    return [rule["comment"] for rule in world.get(f"/networks/{NET}/appliance/firewall/l3FirewallRules")["rules"]]


def _ports(world: World, serial: str, field: str) -> list[Any]:
    return [port[field] for port in world.get(f"/devices/{serial}/switch/ports").values()]


def _named(world: World, path: str, name: str) -> list[Any]:
    return [one for one in (world.get(path) or {}).values() if one.get("name") == name]


ROWS: Final[Mapping[str, Row]] = {
    "ssid updated": Row(
        [step("updateNetworkWirelessSsid", {"name": "Recepção"}, networkId=NET, number="1")],
        "asked",
        lambda world: world.get(f"/networks/{NET}/wireless/ssids/1")["name"] == "Recepção",
    ),
    "vlan created": Row(
        [step("createNetworkApplianceVlan", _CAMERAS, networkId=NET)],
        "asked",
        lambda world: world.get(f"/networks/{NET}/appliance/vlans/77")["subnet"] == "10.77.0.0/24",
    ),
    "vlan deleted": Row(
        [step("deleteNetworkApplianceVlan", networkId=NET, vlanId="20")],
        "signed",
        lambda world: world.get(f"/networks/{NET}/appliance/vlans/20") is None,
    ),
    "firewall rule inserted before another": Row(
        [
            step(
                "updateNetworkApplianceFirewallL3FirewallRules",
                {"rules": {"$insert": [_GUESTS], "before": {"comment": "Block outbound SMTP"}}},
                networkId=NET,
            )
        ],
        "signed",
        lambda world: _rules(world)[2:5] == ["Corp to payroll", "Block guests to lab", "Block outbound SMTP"],
    ),
    "layer 7 rules by application and country": Row(
        [
            step(
                "updateNetworkApplianceFirewallL7FirewallRules",
                {
                    "rules": [
                        {"policy": "deny", "type": "application", "value": {"id": "meraki:layer7/application/501"}},
                        {"policy": "deny", "type": "blockedCountries", "value": ["IT", "IL"]},
                    ]
                },
                networkId=NET,
            )
        ],
        "signed",
        lambda world: [
            rule["type"] for rule in world.get(f"/networks/{NET}/appliance/firewall/l7FirewallRules")["rules"]
        ] == ["application", "blockedCountries"],
    ),
    "vlan given an ipv6 prefix": Row(
        [step("updateNetworkApplianceVlan", {"ipv6": _IPV6}, networkId=NET, vlanId="20")],
        "signed",
        lambda world: world.get(f"/networks/{NET}/appliance/vlans/20")["ipv6"]["enabled"] is True,
    ),
    "vlan with an ipv6 prefix renamed": Row(
        [step("updateNetworkApplianceVlan", {"name": "Guests"}, networkId=NET, vlanId="20")],
        "signed",
        lambda world: world.get(f"/networks/{NET}/appliance/vlans/20")["name"] == "Guests",
        prepared=[("PUT", f"/networks/{NET}/appliance/vlans/20", {"ipv6": _IPV6})],
    ),
    "vlan with an ipv6 prefix deleted": Row(
        [step("deleteNetworkApplianceVlan", networkId=NET, vlanId="20")],
        "signed",
        lambda world: world.get(f"/networks/{NET}/appliance/vlans/20") is None,
        prepared=[("PUT", f"/networks/{NET}/appliance/vlans/20", {"ipv6": _IPV6})],
    ),
    "group policy created": Row(
        [step("createNetworkGroupPolicy", {"name": "Lab"}, networkId=NET)],
        "asked",
        lambda world: len(_named(world, _POLICY, "Lab")) == 1,
    ),
    "group policy updated": Row(
        [
            step(
                "updateNetworkGroupPolicy",
                {"bandwidth": {"settings": "custom", "bandwidthLimits": {"limitUp": 900, "limitDown": 901}}},
                networkId=NET,
                groupPolicyId="100",
            )
        ],
        "signed",
        lambda world: world.get(f"{_POLICY}/100")["bandwidth"]["bandwidthLimits"]["limitUp"] == 900,
    ),
    "group policy deleted": Row(
        [step("deleteNetworkGroupPolicy", networkId=NET, groupPolicyId="101")],
        "signed",
        lambda world: world.get(f"{_POLICY}/101") is None,
    ),
    "one switch port": Row(
        [step("updateDeviceSwitchPort", {"name": "Desk 12", "vlan": 20}, serial=CORE, portId="12")],
        "signed",
        lambda world: world.get(f"/devices/{CORE}/switch/ports/12")["vlan"] == 20,
    ),
    "48 switch ports": Row(
        [step("updateDeviceSwitchPort", {"udld": "Enforce"}, serial=CORE, for_each={"portId": ["1-48"]})],
        "signed",
        lambda world: _ports(world, CORE, "udld") == ["Enforce"] * 48 + ["Alert only"] * 4,
    ),
    "acl": Row(
        [
            step(
                "updateNetworkSwitchAccessControlLists",
                {"rules": {"$insert": [{"comment": "No telnet", "policy": "deny", "protocol": "tcp", "srcCidr": "any",
                                        "dstCidr": "any", "dstPort": "23"}], "at": "last"}},
                networkId=NET,
            )
        ],
        "signed",
        lambda world: world.get(f"/networks/{NET}/switch/accessControlLists")["rules"][0]["comment"] == "No telnet",
    ),
    "static route created": Row(
        [
            step(
                "createNetworkApplianceStaticRoute",
                {"name": "Lab", "subnet": "10.200.0.0/24", "gatewayIp": "10.31.150.9"},
                networkId=NET,
            )
        ],
        "signed",
        lambda world: len(_named(world, f"/networks/{NET}/appliance/staticRoutes", "Lab")) == 1,
    ),
    "static route deleted": Row(
        [
            step(
                "deleteNetworkApplianceStaticRoute",
                networkId=NET,
                staticRouteId="b1d7a81e-e5e4-f4be-fa62-1b9b8fffe64b",
            )
        ],
        "signed",
        lambda world: not _named(world, f"/networks/{NET}/appliance/staticRoutes", "Warehouse"),
    ),
    "third-party vpn peer": Row(
        [
            step(
                "updateOrganizationApplianceVpnThirdPartyVPNPeers",
                {"peers": {"$insert": [{"name": "Partner", "publicIp": "198.51.100.7",
                                        "privateSubnets": ["192.168.77.0/24"], "secret": {"$secret": "PARTNER"},
                                        "ikeVersion": "2", "networkTags": ["all"], "ipsecPoliciesPreset": "default"}],
                           "at": "last"}},
                organizationId=ORG,
            )
        ],
        "signed",
        lambda world: [
            (peer["name"], peer["secret"])
            for peer in world.get(f"/organizations/{ORG}/appliance/vpn/thirdPartyVPNPeers")["peers"]
        ][1:] == [("Partner", "vinte-e-duas-letras-da-senha")],
    ),
    "alerts settings": Row(
        [
            step(
                "updateNetworkAlertsSettings",
                {"defaultDestinations": {"emails": ["noc@example.net"]},
                 "alerts": [{"type": "applianceDown", "enabled": True, "filters": {"timeout": 30}}]},
                networkId=NET,
            )
        ],
        "asked",
        lambda world: world.get(f"/networks/{NET}/alerts/settings")["alerts"][0]["filters"]["timeout"] == 30,
    ),
    "snmp": Row(
        [
            step(
                "updateNetworkSnmp",
                {"access": "users", "users": [{"username": "noc", "passphrase": {"$generate": 24}}]},
                networkId=NET,
            )
        ],
        "signed",
        lambda world: len(world.get(f"/networks/{NET}/snmp")["users"][0]["passphrase"]) == 24,
    ),
    "webhook server created": Row(
        [
            step(
                "createNetworkWebhooksHttpServer",
                {"name": "SOC", "url": _HOOK, "sharedSecret": {"$generate": 20}},
                networkId=NET,
            )
        ],
        "signed",
        lambda world: world.get(f"/networks/{NET}/webhooks/httpServers/{World.url_id(_HOOK)}")["name"] == "SOC",
    ),
    "webhook server updated": Row(
        [
            step(
                "updateNetworkWebhooksHttpServer",
                {"name": "SOC 2"},
                networkId=NET,
                httpServerId=World.url_id(_HOOK),
            )
        ],
        "asked",
        lambda world: world.get(f"/networks/{NET}/webhooks/httpServers/{World.url_id(_HOOK)}")["name"] == "SOC 2",
        prepared=[("POST", f"/networks/{NET}/webhooks/httpServers", {"name": "SOC", "url": _HOOK})],
    ),
    "webhook server deleted": Row(
        [step("deleteNetworkWebhooksHttpServer", networkId=NET, httpServerId=World.url_id(_HOOK))],
        "signed",
        lambda world: world.get(f"/networks/{NET}/webhooks/httpServers/{World.url_id(_HOOK)}") is None,
        prepared=[
            ("POST", f"/networks/{NET}/webhooks/httpServers", {"name": "SOC", "url": _HOOK, "sharedSecret": _SHARED})
        ],
        secret=_SHARED,
    ),
    "mixed five steps": Row(
        [
            step("createNetworkGroupPolicy", {"name": "Sala de aula"}, networkId=NET),
            step(
                "createNetworkApplianceVlan",
                {**_CAMERAS, "groupPolicyId": {"$ref": "step-1.groupPolicyId"}},
                networkId=NET,
            ),
            step(
                "updateNetworkWirelessSsid",
                {"name": "Aula", "enabled": True, "authMode": "psk", "encryptionMode": "wpa",
                 "wpaEncryptionMode": "WPA2 only", "psk": {"$secret": "AULA"}},
                networkId=NET,
                number="5",
            ),
            step(
                "updateNetworkSnmp",
                {"access": "users", "users": [{"username": "aula", "passphrase": {"$generate": 16}}]},
                networkId=NET,
            ),
            step("updateDeviceSwitchPort", {"name": "Aula", "vlan": 77}, serial=LAB, portId="5"),
        ],
        "signed",
        lambda world: (
            world.get(f"/networks/{NET}/appliance/vlans/77")["groupPolicyId"]
            == _named(world, _POLICY, "Sala de aula")[0]["groupPolicyId"]
            and world.get(f"/networks/{NET}/wireless/ssids/5")["psk"] == "giz-e-lousa-2026"
            and len(world.get(f"/networks/{NET}/snmp")["users"][0]["passphrase"]) == 16
            and world.get(f"/devices/{LAB}/switch/ports/5")["vlan"] == 77
        ),
    ),
}  # fmt: skip
