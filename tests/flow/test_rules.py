"""Each safety rule of T1 to T6 speaks in the plan that a client gets, and is silent in the nearest plan that is good.

The rules themselves are judged in tests/unit/domain/rules; here stands that a plan shows them what they look at.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from mcp_types import ElicitResult

from mcp_server.domain.rules import order
from mcp_server.hooks import order as hooks
from mcp_server.hooks import pipeline
from mcp_server.sandbox.behaviours.lan.switch_ports import below, own_uplink_port
from tests.support.outside import plain, refused
from tests.support.places import BRANCH, CORE, LAB, NET, ORG
from tests.support.stage import accepting, staged
from tests.support.story import Payload, applied, confirmed, keep, planned, step
from tests.unit.domain.rules.test_order import CASES, PLAN_CASES

SECRETS: Final = {"SEVEN": "x7x7x7x", "NINETEEN": "x7" * 9 + "x", "TWENTY": "x7" * 10}
SWITCHES: Final = (CORE, LAB, "Q2BD-HFQX-2185", "Q2YP-HFQV-2111", "Q2NJ-HFRJ-2592", "Q2PR-HFRK-2629")
POINTS: Final = ("Q2DT-HFQZ-2259", "Q2EA-HFRA-2296", "Q2FH-HFRB-2333", "Q2GQ-HFRC-2370", "Q2QY-HFRL-2666")
_STRONG: Final = "x7x7x7x7x7x7"
_ALLOW_ALL: Final = {
    "comment": "All", "policy": "allow", "protocol": "any", "srcPort": "Any", "srcCidr": "Any", "destPort": "Any",
    "destCidr": "Any", "syslogEnabled": False,
}  # fmt: skip
_ACL: Final = {"protocol": "any", "ipVersion": "ipv4", "srcCidr": "any", "dstCidr": "any", "vlan": "any"}
_NO_TELNET: Final = {**_ACL, "comment": "No telnet", "policy": "deny", "protocol": "tcp", "dstPort": "23"}


def _ssid(number: str = "5", **body: Any) -> Payload:
    return step("updateNetworkWirelessSsid", body, networkId=NET, number=number)


def _psk(secret: Any, version: str = "WPA2 only") -> Payload:
    return _ssid(authMode="psk", encryptionMode="wpa", wpaEncryptionMode=version, psk=secret)


def _splash(url: str) -> Payload:
    body = {"splashUrl": url, "useSplashUrl": True}
    return step("updateNetworkWirelessSsidSplashSettings", body, networkId=NET, number="5")


def _port(serial: str = CORE, port: str = "12", **body: Any) -> Payload:
    return step("updateDeviceSwitchPort", body, serial=serial, portId=port)


def _rule(policy: str, source: str = "any", **more: Any) -> Payload:
    target = "any" if source == "any" else "10.4.5.6/32"
    return {**_ALLOW_ALL, "comment": "New", "policy": policy, "srcCidr": source, "destCidr": target, **more}


def _firewall(new: Payload, at: str = "last") -> Payload:
    body = {"rules": {"$insert": [new], "at": at}}
    return step("updateNetworkApplianceFirewallL3FirewallRules", body, networkId=NET)


def _whole_firewall(*rules: Payload, network: str = NET) -> Payload:
    return step("updateNetworkApplianceFirewallL3FirewallRules", {"rules": list(rules)}, networkId=network)


def _acl(*new: Payload) -> Payload:
    body = {"rules": {"$insert": list(new), "at": "last"}}
    return step("updateNetworkSwitchAccessControlLists", body, networkId=NET)


def _group_policy(*rules: Payload) -> Payload:
    body = {"firewallAndTrafficShaping": {"settings": "custom", "l3FirewallRules": list(rules)}}
    return step("updateNetworkGroupPolicy", body, networkId=NET, groupPolicyId="100")


def _of_policy(policy: str, comment: str, target: str) -> Payload:
    return {"comment": comment, "policy": policy, "protocol": "any", "destPort": "Any", "destCidr": target}


def _peer(secret: Any) -> Payload:
    peer = {
        "name": "Partner", "publicIp": "198.51.100.7", "privateSubnets": ["192.168.77.0/24"], "secret": secret,
        "ikeVersion": "2", "networkTags": ["all"], "ipsecPoliciesPreset": "default",
    }  # fmt: skip
    body = {"peers": {"$insert": [peer], "at": "last"}}
    return step("updateOrganizationApplianceVpnThirdPartyVPNPeers", body, organizationId=ORG)


def _forwarding(allowed: str) -> Payload:
    rule = {
        "name": "cam", "lanIp": "192.168.20.9", "uplink": "internet1", "publicPort": "8080", "localPort": "80",
        "protocol": "tcp", "allowedIps": [allowed],
    }  # fmt: skip
    body = {"rules": {"$insert": [rule], "at": "last"}}
    return step("updateNetworkApplianceFirewallPortForwardingRules", body, networkId=NET)


def _snmp(community: str = "") -> Payload:
    users = {"access": "users", "users": [{"username": "noc", "passphrase": {"$generate": 16}}]}
    body = {"access": "community", "communityString": community} if community else users
    return step("updateNetworkSnmp", body, networkId=NET)


def _syslog(host: str) -> Payload:
    return step(
        "updateNetworkSyslogServers", {"servers": [{"host": host, "port": 514, "roles": ["URLs"]}]}, networkId=NET
    )


def _firmware(**time: str) -> Payload:
    upgrade = {"toVersion": {"id": "2102"}, **time}
    return step("updateNetworkFirmwareUpgrades", {"products": {"switch": {"nextUpgrade": upgrade}}}, networkId=NET)


def _retention(days: int) -> Payload:
    body = {"name": "Short", "maxRetentionDays": days}
    return step("createNetworkCameraQualityRetentionProfile", body, networkId=NET)


def _hook(url: str) -> Payload:
    body = {"name": "SOC", "url": url, "sharedSecret": {"$generate": 20}}
    return step("createNetworkWebhooksHttpServer", body, networkId=NET)


def _named(*serials: str) -> Payload:
    return step("updateDevice", {"name": "Renamed"}, for_each={"serial": list(serials)})


_ONE: Final = _rule("deny", "10.1.2.3/32")
#: Rule, a plan that it must speak in, the nearest in which it must not. The port rules of uplinks stand below.
PLANS: Final[Sequence[tuple[str, Sequence[Payload], Sequence[Payload]]]] = (
    ("t1_psk_too_short", [_psk("x7x7x7x")], [_psk("x7x7x7x7")]),
    ("t1_psk_too_short", [_psk({"$secret": "SEVEN"})], [_psk({"$secret": "NINETEEN"})]),
    ("t1_psk_short", [_psk(_STRONG[:11])], [_psk(_STRONG)]),
    ("t1_psk_short", [_psk({"$generate": 11})], [_psk({"$generate": 12})]),
    ("t1_open_ssid", [_ssid(authMode="open")], [_ssid(authMode="open-enhanced")]),
    (
        "t1_open_ssid_on_corporate_net",
        [_ssid(authMode="open", enabled=True, ipAssignmentMode="Bridge mode")],
        [_ssid(authMode="open", enabled=True, ipAssignmentMode="NAT mode")],
    ),
    ("t1_wpa1_deprecated", [_psk(_STRONG, "WPA1 and WPA2")], [_psk(_STRONG)]),
    ("t1_splash_without_https", [_splash("http://a.example/x")], [_splash("https://a.example/x")]),
    (
        "t1_unlimited_guest_bandwidth",
        [_ssid(authMode="open", enabled=True)],
        [_ssid(authMode="open", enabled=True, perClientBandwidthLimitUp=512, perClientBandwidthLimitDown=512)],
    ),
    ("t2_vlan_range", [_port(vlan=4095)], [_port(vlan=4094)]),
    ("t2_vlan_1", [_port(vlan=1)], [_port(vlan=2)]),
    ("t2_trunk_on_access_port", [_port(type="trunk")], [_port(name="Desk")]),
    ("t2_port_shutdown", [_port(enabled=False)], [_port(name="Desk")]),
    ("t2_acl_without_final_allow", [_acl({**_ACL, "comment": "No", "policy": "deny"})], [_acl(_NO_TELNET)]),
    (
        "t2_acl_allow_all_not_last",
        [_acl({**_ACL, "comment": "Yes", "policy": "allow"}, _NO_TELNET)],
        [_acl(_NO_TELNET, {**_ACL, "comment": "Yes", "policy": "allow"})],
    ),
    ("t3_deny_any_any", [_firewall(_rule("deny"))], [_firewall(_ONE)]),
    ("t3_allow_any_any", [_firewall(_rule("allow"))], [_firewall(_rule("allow", "10.1.2.3/32"))]),
    ("t3_allow_all_not_last", [_firewall(_rule("allow"), "first")], [_firewall(_rule("allow"))]),
    (
        "t3_allow_all_removed",
        [_whole_firewall(_ONE, network=BRANCH)],
        [_whole_firewall(_ONE, _ALLOW_ALL, network=BRANCH)],
    ),
    (
        "t3_default_rule_changed",
        [_group_policy(_of_policy("allow", "Default rule", "Any"), _of_policy("deny", "Lab", "10.4.5.6/32"))],
        [_group_policy(_of_policy("deny", "Lab", "10.4.5.6/32"), _of_policy("allow", "Default rule", "Any"))],
    ),
    ("t3_deny_rule", [_firewall(_ONE)], [_firewall(_rule("allow", "10.1.2.3/32"))]),
    ("t3_broad_cidr", [_firewall(_rule("allow", "10.0.0.0/16"))], [_firewall(_rule("allow", "10.0.0.0/17"))]),
    ("t3_cidr_form", [_firewall(_rule("allow", "10.0.0.256/32"))], [_firewall(_rule("allow", "10.0.0.255/32"))]),
    (
        "t3_port_range",
        [_firewall(_rule("allow", "10.0.0.1/32", protocol="tcp", destPort="65536"))],
        [_firewall(_rule("allow", "10.0.0.1/32", protocol="tcp", destPort="65535"))],
    ),
    ("t3_vpn_psk_short", [_peer(SECRETS["NINETEEN"])], [_peer(SECRETS["TWENTY"])]),
    ("t3_vpn_psk_short", [_peer({"$secret": "NINETEEN"})], [_peer({"$secret": "TWENTY"})]),
    ("t3_vpn_settles_slowly", [_peer({"$generate": 24})], [_firewall(_ONE)]),
    ("t3_nat_open_to_all", [_forwarding("any")], [_forwarding("203.0.113.7")]),
    ("t3_nat_without_firewall", [_forwarding("203.0.113.7")], [_forwarding("203.0.113.7"), _firewall(_ONE)]),
    ("t4_snmp_community", [_snmp("Public")], [_snmp("kx82ka01")]),
    ("t4_snmp_prefer_v3", [_snmp("kx82ka01")], [_snmp()]),
    ("t4_syslog_plaintext", [_syslog("10.0.0.9")], [_snmp()]),
    ("t4_firmware_window", [_firmware()], [_firmware(time="2027-01-05T02:00:00Z")]),
    ("t4_camera_retention", [_retention(6)], [_retention(7)]),
    ("t4_external_webhook", [_hook("https://hooks.example.com/a")], [_hook("https://10.0.0.5/a")]),
    ("t4_webhook_plaintext", [_hook("http://10.0.0.5/a")], [_hook("https://10.0.0.5/a")]),
    ("t6_mixed_tasks", [_ssid(name="x"), _firewall(_ONE)], [_ssid(name="x"), _ssid("6", name="y")]),
    ("plan_list_shortened", [_named(*SWITCHES[:4])], [_named(*SWITCHES[:3])]),
    ("t2_many_switches", [_named(*SWITCHES)], [_named(*SWITCHES[:5], *POINTS)]),
    ("t2_gradual_rollout", [_named(*SWITCHES, *POINTS)], [_named(*SWITCHES[1:], *POINTS)]),
)
ALONE: Final = {"t2_trunk_on_uplink", "t2_port_to_own_device", "t2_sgt_port", "t5_many_devices"}  #: each a test below
#: An SSID 15 is not there, so that the plan is refused by the reading of it before any rule is asked.
UNREACHED: Final = {"t1_ssid_number"}


def test_every_rule_has_a_plan_of_its_own() -> None:
    """None is known to work on a made-up step alone."""
    known = {case[0] for case in CASES} | {case[0] for case in PLAN_CASES}
    assert {plan[0] for plan in PLANS} | ALONE | UNREACHED == known


def _said(answer: Mapping[str, Any]) -> set[str]:
    """The rules that spoke: as warnings of a plan, or as reasons of a refusal."""
    if answer["status"] == "ok":
        return {one["rule"] for one in answer["warnings"]}
    assert answer["error"]["code"] == "unsafe_value", answer
    return set(answer["error"]["details"]["rules"])


async def test_each_rule_speaks_in_its_plan_and_not_in_the_nearest_good_one(tmp_path: Path) -> None:
    """What may never be is refused; what needs a second look asks for the code, or for approval outside."""
    async with staged(tmp_path / "home", answer=accepting, given={"secrets": SECRETS}) as stage:
        stage.sandbox.edit(f"/networks/{BRANCH}/appliance/firewall/l3FirewallRules", {"rules": [_ALLOW_ALL]})
        for rule, bad, good in PLANS:
            plan = await stage.call("meraki_plan", operations=list(bad), intent="tried")
            assert rule in _said(plan), (rule, plan)
            assert (plan["status"] == "refused") == (rule in order.REFUSED), (rule, plan)
            if plan["status"] == "ok":
                assert ("typed plan code" in plan["requires"]) >= (rule in order.TYPED_CODE | order.OUTSIDE), rule
                assert ("approval outside the client" in plan["requires"]) >= (rule in order.OUTSIDE), rule
            near = await planned(stage, *good)
            assert rule not in _said(near), (rule, near)
        assert stage.writes() == []


async def test_a_port_that_leads_on_is_said_to(tmp_path: Path) -> None:
    """The switch's own uplink, and the port to the switch below it; no other port."""
    async with staged(tmp_path / "home") as stage:
        up = own_uplink_port(stage.sandbox.world, LAB)
        down = next(key for key, serial in below(stage.sandbox.world, CORE).items() if serial == LAB)
        uplink = await planned(stage, _port(LAB, str(up), allowedVlans="1,10"))
        link = await planned(stage, _port(CORE, down, allowedVlans="1,10"))
        desk = await planned(stage, _port(vlan=20))
    both = {"t2_trunk_on_uplink", "t2_port_to_own_device"}
    assert [_said(plan) & both for plan in (uplink, link, desk)] == [
        {"t2_trunk_on_uplink"}, {"t2_port_to_own_device"}, set(),
    ]  # fmt: skip


async def test_a_locked_port_is_refused_by_the_rule_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hook refuses first; without it the rule still does."""
    left = tuple(hook for hook in hooks.PRE_TASK if hook.__name__ != "sgt_preflight_check")
    monkeypatch.setattr(pipeline.pre_task, "__defaults__", (left,))
    async with staged(tmp_path / "home") as stage:
        plan = await stage.call("meraki_plan", operations=[_port("Q2YP-HFQV-2111", "1", name="x")], intent="tried")
    assert _said(plan) == {"t2_sgt_port"}


def _without_code(_message: str) -> ElicitResult:
    """A person who ticks the box and types nothing."""
    return ElicitResult(action="accept", content={"approve": True})


@pytest.mark.parametrize(("count", "status"), [(5, "rolled_back"), (6, "declined")])
async def test_a_rollback_of_more_than_five_devices_asks_for_the_code(tmp_path: Path, count: int, status: str) -> None:
    """A tick alone takes back five and not six; both times it is told how many there are."""
    async with staged(tmp_path / "home", answer=_without_code) as stage:
        done = await applied(stage, _named(*SWITCHES[:count]))
        back = await stage.call("rollback", change_id=done["change_id"])
    assert back["status"] == status, back
    assert f"{count} device(s)" in stage.asked[-1]
    assert ("This rollback reaches 6 devices." in stage.asked[-1]) == (count == 6)


@pytest.mark.parametrize(("secret", "status"), [("short-key", "failed"), ("vinte-e-duas-letras-da-senha", "applied")])
async def test_a_secret_that_was_set_after_the_plan_cannot_break_a_rule_that_nobody_was_told_of(
    tmp_path: Path, secret: str, status: str
) -> None:
    """A short key is not sent, and why is said; with a long one the same plan goes through."""
    async with staged(tmp_path / "home") as stage:
        plan = await planned(stage, _peer({"$secret": "LATE"}))
        assert "t3_vpn_psk_short" not in _said(plan)
        keep(stage, "LATE", secret)
        done = await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"])
    assert (done["status"], bool(stage.writes())) == (status, status == "applied"), done
    assert done.get("error", {}).get("code") == (None if status == "applied" else "unsafe_value")


async def test_a_default_rule_that_says_something_else_is_refused_and_not_left_out_in_silence(tmp_path: Path) -> None:
    """The same list with the default rule as it is becomes a plan, without it."""
    changed = {**_ALLOW_ALL, "comment": "Default rule", "policy": "deny"}
    async with staged(tmp_path / "home") as stage:
        error = await refused(stage, "meraki_plan", operations=[_whole_firewall(_ONE, changed)], intent="tried")
        kept = await planned(stage, _whole_firewall(_ONE, {**changed, "policy": "allow"}))
    assert (error["code"], error["details"]["field"]) == ("invalid_arguments", "rules[1]")
    assert "deny of any to any" in error["remedy"]
    assert "Default rule" not in {one["before"] for one in kept["diff"][0]["fields"] if isinstance(one["before"], str)}
    assert "'Default rule' was" not in plain(kept["diff"])  # not taken out: it stands where it stood
