"""Third-party VPN peers and the VPN firewall of an organization, and the state of all its tunnels.

- The list of peers is replaced whole; secrets are readable (facts: section 1.4).
- A peer has a far end that this cloud knows from the start: a tunnel stands only while the secret is the far end's.
"""

import copy
from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.behaviours.appliance.vpn import exported_subnets, site_to_site
from mcp_server.sandbox.behaviours.lan.reachability import offline_serials
from mcp_server.sandbox.checks import addresses
from mcp_server.sandbox.checks.rules import RuleKind, settled, shown
from mcp_server.sandbox.checks.settings import appliances_by_network, home, ordinal, store

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

VPN_RULES = RuleKind(subject="organization", takes_names=False)
_PRESETS = ("default", "aws", "azure", "umbrella", "zscaler")
_POLICY = {
    "ikeCipherAlgo": ["aes256"], "ikeAuthAlgo": ["sha256"], "ikePrfAlgo": ["prfsha256"],
    "ikeDiffieHellmanGroup": ["group14"], "ikeLifetime": 28800, "childCipherAlgo": ["aes256"],
    "childAuthAlgo": ["sha256"], "childPfsGroup": ["group14"], "childLifetime": 3600,
}  # fmt: skip
_PASSED_ON = (
    "localId", "remoteId", "slaPolicy", "ebgpNeighbor", "ecmpUplinkConfigs", "priorityInGroup", "group",
    "publicHostname",
)  # fmt: skip


def _peers(world: "World", organization_id: str) -> Json:
    def first() -> Json:
        number = ordinal(organization_id)
        partner = {
            "peerId": str(number * 100 + 1), "name": "Partner DC", "publicIp": "203.0.113.50",
            "privateSubnets": ["172.30.0.0/16"], "secret": "partner-dc-shared-secret-1", "ikeVersion": "2",
            "ipsecPolicies": copy.deepcopy(_POLICY), "networkTags": ["all"],
        }  # fmt: skip
        return {"peers": [partner]}

    stored: Json = world.singleton(f"/organizations/{organization_id}/appliance/vpn/thirdPartyVPNPeers", first)
    far_ends = world.hidden.setdefault(f"/organizations/{organization_id}/farEnds", {})
    if not far_ends:
        far_ends.update({_address(peer): peer["secret"] for peer in stored["peers"]})
        far_ends.setdefault("", "")  # known from now on, even when there was no peer
    return stored


def _address(peer: Json) -> str:
    return str(peer.get("publicIp") or peer.get("publicHostname") or "")


@behaviour("getOrganizationApplianceVpnThirdPartyVPNPeers")
def get_peers(world: "World", call: Call) -> Json:
    """The peers, secrets included (facts: section 1.4)."""
    return _peers(world, call.params["organizationId"])


@behaviour("updateOrganizationApplianceVpnThirdPartyVPNPeers")
def put_peers(world: "World", call: Call) -> Json:
    """The peers as they are now, all of them; one that was left out is gone.

    The texts of bad policies are the cloud's own (dashboard-api-python #121).
    """
    key = call.params["organizationId"]
    old = _peers(world, key)["peers"]
    texts: list[str] = []
    peers = [_settled(world, old, peer, texts) for peer in call.body["peers"]]
    names = [peer["name"] for peer in peers]
    texts += [
        f'Peer "{name}": Name has already been taken' for name in sorted({n for n in names if names.count(n) > 1})
    ]
    if texts:
        raise CloudError(400, *texts)
    for peer in peers:
        peer["peerId"] = peer.get("peerId") or world.new_id("vpn_peer")
    path = f"/organizations/{key}/appliance/vpn/thirdPartyVPNPeers"
    return store(world, call, path, {"peers": peers}, "Third-party VPN peers")


def _settled(world: "World", old: list[Json], sent: Json, texts: list[str]) -> Json:
    before = next((one for one in old if one["peerId"] == sent.get("peerId") or one["name"] == sent["name"]), None)
    texts += [f'Peer "{sent["name"]}": {fault}' for fault in _faults(world, sent)]
    peer: Json = {"peerId": before["peerId"]} if before else {}
    peer |= {name: sent[name] for name in ("name", "publicIp", "privateSubnets", "secret") if name in sent}
    peer["ikeVersion"] = sent.get("ikeVersion") or "1"
    if sent.get("ipsecPoliciesPreset"):
        peer["ipsecPoliciesPreset"] = sent["ipsecPoliciesPreset"]
    elif sent.get("ipsecPolicies"):
        peer["ipsecPolicies"] = _POLICY | copy.deepcopy(sent["ipsecPolicies"])
    else:
        peer["ipsecPoliciesPreset"] = "default"
    chosen_networks = (sent.get("network") or {}).get("ids")
    if chosen_networks:
        peer["network"] = {
            "ids": list(chosen_networks),
            "names": [world.networks[one]["name"] for one in _known(world, chosen_networks)],
        }
    else:
        peer["networkTags"] = list(sent.get("networkTags") or ["all"])
    if sent.get("isRouteBased") is not None:
        peer["isRouteBased"] = sent["isRouteBased"]
    return peer | {name: copy.deepcopy(sent[name]) for name in _PASSED_ON if sent.get(name) is not None}


def _known(world: "World", ids: list[str]) -> list[str]:
    return [one for one in ids if one in world.networks]


def _faults(world: "World", sent: Json) -> list[str]:
    texts = []
    if not str(sent["name"]).strip():
        texts.append("Name can't be blank")
    if not sent.get("publicHostname") and addresses.address(sent.get("publicIp")) is None:
        texts.append("Invalid public IP.")
    if not sent["secret"]:
        texts.append("Secret can't be blank")
    bad = [one for one in sent["privateSubnets"] if addresses.subnet(one) is None]
    if bad or (not sent["privateSubnets"] and not sent.get("isRouteBased")):
        texts.append(f"Invalid CIDR: {bad[0] if bad else 'private subnets are required'}")
    preset = sent.get("ipsecPoliciesPreset")
    if preset is not None and preset not in _PRESETS:
        texts.append(f"Invalid IPsec policy preset. Must be one of the following: {', '.join(_PRESETS)}.")
    if preset is None and sent.get("ipsecPolicies") == {}:
        texts.append("Empty IPsec policy config.")
    if sent.get("ikeVersion") not in (None, "1", "2"):
        texts.append("Invalid IKE version. Must be '1' or '2'.")
    ids = (sent.get("network") or {}).get("ids") or []
    if len(_known(world, ids)) != len(ids):
        texts.append("Network not found.")
    return texts


# Service levels of peers


def _slas(world: "World", organization_id: str) -> Json:
    path = f"/organizations/{organization_id}/appliance/vpn/siteToSite/ipsec/peers/slas"
    return world.singleton(path, {"items": []})


@behaviour("getOrganizationApplianceVpnSiteToSiteIpsecPeersSlas")
def get_slas(world: "World", call: Call) -> Json:
    """The policies; they are written as ``{items}`` (facts: section 1.3)."""
    return _slas(world, call.params["organizationId"])["items"]


@behaviour("updateOrganizationApplianceVpnSiteToSiteIpsecPeersSlas")
def put_slas(world: "World", call: Call) -> Json:
    """The policies as they are now; one of the same name keeps its id."""
    key, body = call.params["organizationId"], call.body or {}
    old = {row["name"]: row for row in _slas(world, key)["items"]}
    rows = [row for row in body.get("items") or [] if row.get("name")] if "items" in body else list(old.values())
    items = [_sla(world, old.get(row["name"]), row) for row in rows]
    store(
        world, call, f"/organizations/{key}/appliance/vpn/siteToSite/ipsec/peers/slas", {"items": items}, "IPsec SLAs"
    )
    return items


def _sla(world: "World", before: Json, row: Json) -> Json:
    kept = before or {"id": world.new_id("sla"), "ipsec": {"peerIds": []}}
    return {"id": kept["id"], "name": row["name"], "uri": row.get("uri"), "ipsec": kept["ipsec"]}


# VPN firewall


def _rules(world: "World", organization_id: str) -> Json:
    rule = {
        "comment": "No SMB over VPN", "policy": "deny", "protocol": "tcp", "srcPort": "Any", "srcCidr": "Any",
        "destPort": "445", "destCidr": "Any", "syslogEnabled": False,
    }  # fmt: skip
    path = f"/organizations/{organization_id}/appliance/vpn/vpnFirewallRules"
    return world.singleton(path, {"rules": [rule], "syslogDefaultRule": False})


@behaviour("getOrganizationApplianceVpnVpnFirewallRules")
def get_vpn_rules(world: "World", call: Call) -> Json:
    """The rules with the implicit default rule last."""
    return shown(_rules(world, call.params["organizationId"]), VPN_RULES)


@behaviour("updateOrganizationApplianceVpnVpnFirewallRules")
def put_vpn_rules(world: "World", call: Call) -> Json:
    """The rules as they are now; ``syslogDefaultRule`` is write-only (facts: section 1.3)."""
    key, body = call.params["organizationId"], call.body or {}
    new = copy.deepcopy(_rules(world, key))
    if "rules" in body:
        new["rules"] = settled(world, key, body["rules"] or [], VPN_RULES, set())
    if body.get("syslogDefaultRule") is not None:
        new["syslogDefaultRule"] = body["syslogDefaultRule"]
    path = f"/organizations/{key}/appliance/vpn/vpnFirewallRules"
    return shown(store(world, call, path, new, "VPN firewall rules"), VPN_RULES)


# The state of the tunnels


def vpn_statuses(world: "World", organization_id: str, offline: frozenset[str] = frozenset()) -> list[Json]:
    """Rows as getOrganizationApplianceVpnStatuses shows them; ``offline``: serials of devices that are not up.

    A tunnel stands when both ends take part, name each other (a spoke its hub; hubs mesh) and are up. A peer outside
    is reachable while its secret is the one its far end has. Peers that were taken away leave the rows.
    """
    found = appliances_by_network(world)
    members = [one for one in world.networks_of(organization_id) if one["id"] in found]
    settings = {one["id"]: site_to_site(world, f"{home(world, one['id'])}/appliance") for one in members}
    up = {one["id"]: found[one["id"]][0]["serial"] not in offline for one in members}
    rows = []
    for network in members:
        key = network["id"]
        if settings[key]["mode"] == "none":
            continue
        rows.append(
            {
                "networkId": key, "networkName": network["name"],
                "deviceSerial": found[key][0]["serial"],
                "deviceStatus": "online" if up[key] else "offline",
                "uplinks": [{"interface": "wan1", "publicIp": f"198.51.100.{ordinal(key) % 250 + 1}"}],
                "vpnMode": settings[key]["mode"],
                "exportedSubnets": [{"subnet": one, "name": one} for one in exported_subnets(world, key)],
                "merakiVpnPeers": _meraki_peers(world, key, settings, up),
                "thirdPartyVpnPeers": _third_party(world, organization_id, network, up[key]),
            }
        )  # fmt: skip
    return rows


def _meraki_peers(world: "World", key: str, settings: dict[str, Json], up: dict[str, bool]) -> list[Json]:
    peers = []
    for other, theirs in settings.items():
        if other == key or not _wants(key, settings[key], other, theirs):
            continue
        stands = up[key] and up[other] and _wants(other, theirs, key, settings[key])
        name = world.networks[other]["name"]
        peers.append({"networkId": other, "networkName": name, "reachability": _word(stands)})
    return peers


def _wants(own_id: str, own: Json, other_id: str, theirs: Json) -> bool:
    """Whether a network looks for a tunnel to another: a spoke to its hubs, a hub to all hubs and to its spokes."""
    if own["mode"] == "spoke":
        return other_id in [row["hubId"] for row in own["hubs"]]
    spokes_of = [row["hubId"] for row in theirs["hubs"]] if theirs["mode"] == "spoke" else []
    return own["mode"] == "hub" and (theirs["mode"] == "hub" or own_id in spokes_of)


def _word(stands: bool) -> str:
    return "reachable" if stands else "unreachable"


def _third_party(world: "World", organization_id: str, network: Json, is_up: bool) -> list[Json]:
    peers = _peers(world, organization_id)["peers"]
    far_ends = world.hidden[f"/organizations/{organization_id}/farEnds"]
    rows = []
    for peer in peers:
        ids = (peer.get("network") or {}).get("ids")
        tags = peer.get("networkTags") or []
        concerned = network["id"] in ids if ids else "all" in tags or bool(set(tags) & set(network.get("tags") or ()))
        if concerned:
            stands = is_up and far_ends.get(_address(peer)) == peer["secret"]
            rows.append({"name": peer["name"], "publicIp": _address(peer), "reachability": _word(stands)})
    return rows


@behaviour("getOrganizationApplianceVpnStatuses")
def get_vpn_statuses(world: "World", call: Call) -> Json:
    """The state of the tunnels of each network that takes part."""
    organization_id = call.params["organizationId"]
    rows = vpn_statuses(world, organization_id, offline_serials(world, organization_id))
    wanted = call.query.get("networkIds") or call.query.get("networkIds[]")
    return [row for row in rows if not wanted or row["networkId"] in wanted]
