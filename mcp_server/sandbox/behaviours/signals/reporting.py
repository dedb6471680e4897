"""How a network reports: alert settings, SNMP, syslog and webhooks."""

import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.checks import addresses
from mcp_server.sandbox.checks.settings import home, log
from mcp_server.sandbox.routes import routes
from mcp_server.sandbox.shapes import known, merged

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

_ALERT_TYPES = {
    "appliance": ("applianceDown", "failoverEvent", "vpnConnectivityChange", "newDhcpServer", "dhcpNoLeases"),
    "switch": ("switchDown", "portDown", "switchPoeDenied"),
    "wireless": ("gatewayDown", "repeaterDown", "rogueAp"),
}
_ANY_NETWORK = ("settingsChanged", "clientConnectivity", "weeklyPresence")
_ROLES = (
    "Wireless event log", "Appliance event log", "Switch event log", "Air Marshal events", "Flows", "URLs",
    "IDS alerts", "Security events",
)  # fmt: skip
_SECRET = "seeded-snmp-secret"  # noqa: S105  what the simulated networks start with


def _written(call: Call) -> Json:
    return known(call.body or {}, routes().by_operation[call.operation].body)


def _update(world: "World", call: Call, stored: Json, label: str) -> Json:
    tree = routes().by_operation[call.operation].body
    old = copy.deepcopy(stored)
    stored |= merged(stored, _written(call), tree)
    log(world, call, label, old, stored)
    return stored


# Alerts


def _alert_settings(world: "World", call: Call) -> Json:
    base = home(world, call.params["networkId"])

    def first() -> Json:
        owner = world.networks.get(base.split("/")[2]) or world.templates[base.split("/")[2]]
        types = [name for product in owner["productTypes"] for name in _ALERT_TYPES.get(product, ())]
        return {
            "defaultDestinations": {"emails": [], "allAdmins": False, "snmp": False, "httpServerIds": []},
            "alerts": [_alert(name) for name in (*types, *_ANY_NETWORK)],
            "muting": {"byPortSchedules": {"enabled": False}},
        }

    return world.singleton(f"{base}/alerts/settings", first)


def _alert(name: str) -> Json:
    minutes = {"timeout": 60} if name.endswith("Down") else {}
    return {
        "type": name,
        "enabled": False,
        "alertDestinations": {"emails": [], "snmp": False, "allAdmins": False, "httpServerIds": []},
        "filters": minutes,
    }


@behaviour("getNetworkAlertsSettings")
def get_alert_settings(world: "World", call: Call) -> Json:
    """Which alerts go where."""
    return _alert_settings(world, call)


@behaviour("updateNetworkAlertsSettings")
def update_alert_settings(world: "World", call: Call) -> Json:
    """Alerts are written type by type: those that are not named stay as they are."""
    stored, body = _alert_settings(world, call), _written(call)
    faults = list(_alert_faults(world, call, stored, body))
    if faults:
        raise CloudError(400, *faults)
    old = copy.deepcopy(stored)
    tree = routes().by_operation[call.operation].body
    rest = {name: value for name, value in body.items() if name != "alerts"}
    stored |= merged(stored, rest, tree)
    given = {alert["type"]: alert for alert in body.get("alerts") or []}
    stored["alerts"] = [merged(one, given.get(one["type"], {}), tree["alerts"][0]) for one in stored["alerts"]]
    log(world, call, "Alerts", old, stored)
    return stored


def _alert_faults(world: "World", call: Call, stored: Json, body: Json) -> Iterator[str]:
    types = {alert["type"] for alert in stored["alerts"]}
    servers = _servers(world, call)
    places = [body.get("defaultDestinations") or {}]
    for alert in body.get("alerts") or []:
        if alert["type"] not in types:
            yield f"Invalid alert type '{alert['type']}'"
        places.append(alert.get("alertDestinations") or {})
    for place in places:
        for server in place.get("httpServerIds") or []:
            if server not in servers:
                yield f"Invalid HTTP server id '{server}'"
        for email in place.get("emails") or []:
            if "@" not in email:
                yield f"'{email}' is not a valid email address"


# SNMP and syslog


@behaviour("getNetworkSnmp", "updateNetworkSnmp")
def network_snmp(world: "World", call: Call) -> Json:
    """Who may poll the devices; users replace, each passphrase has at least 8 characters."""
    stored = world.singleton(
        f"{home(world, call.params['networkId'])}/snmp", {"access": "none", "communityString": None, "users": []}
    )
    if call.method == "GET":
        return _shown_snmp(stored)
    body = _written(call)
    new = merged(stored, body, routes().by_operation[call.operation].body)
    if new["access"] == "community" and not new.get("communityString"):
        raise CloudError(400, "communityString is required when access is 'community'")
    if new["access"] == "users" and not new.get("users"):
        raise CloudError(400, "users are required when access is 'users'")
    if any(len(user["passphrase"]) < 8 for user in new.get("users") or []):
        raise CloudError(400, "Passphrases must be at least 8 characters")
    new["access"] = new["access"] or "none"
    if new["access"] != "community":
        new["communityString"] = None
    if new["access"] != "users":
        new["users"] = []
    old = {"access": stored["access"]}
    stored |= new
    log(world, call, "SNMP", old, {"access": stored["access"]})
    return _shown_snmp(stored)


def _shown_snmp(stored: Json) -> Json:
    """Only what the kind of access has."""
    if stored["access"] == "community":
        return {"access": "community", "communityString": stored["communityString"]}
    if stored["access"] == "users":
        return {"access": "users", "users": stored["users"]} | {
            n: stored[n] for n in ("authentication", "privacy") if n in stored
        }
    return {"access": "none"}


@behaviour("getOrganizationSnmp", "updateOrganizationSnmp")
def organization_snmp(world: "World", call: Call) -> Json:
    """Polling of the cloud itself; version 3 passwords are never shown."""
    organization_id = call.params["organizationId"]
    first = {
        "v2cEnabled": False, "v2CommunityString": _SECRET, "v3Enabled": False, "v3User": f"u{organization_id}",
        "v3AuthMode": None, "v3PrivMode": None, "peerIps": None, "hostname": "snmp.meraki.com", "port": 16100,
    }  # fmt: skip
    stored = world.singleton(f"/organizations/{organization_id}/snmp", first)
    if call.method == "GET":
        return stored
    body = _written(call)
    new = stored | body
    for name in ("v3AuthPass", "v3PrivPass"):
        if body.get(name) is not None and len(body[name]) < 8:
            raise CloudError(400, f"{name} must be at least 8 characters")
    if new["v3Enabled"] and not (
        new.get("v3AuthPass") and new.get("v3PrivPass") and new["v3AuthMode"] and new["v3PrivMode"]
    ):
        raise CloudError(400, "v3AuthMode, v3AuthPass, v3PrivMode and v3PrivPass are required to enable SNMP v3")
    return _update(world, call, stored, "Organization SNMP")


@behaviour("getNetworkSyslogServers", "updateNetworkSyslogServers")
def syslog(world: "World", call: Call) -> Json:
    """The servers replace the old ones; roles come back in the cloud's own spelling and order."""
    stored = world.singleton(f"{home(world, call.params['networkId'])}/syslogServers", {"servers": []})
    if call.method == "GET":
        return stored
    servers = []
    for server in _written(call)["servers"]:
        spelled = [role for role in _ROLES if role.casefold() in {one.casefold() for one in server["roles"]}]
        if not server["roles"] or len(spelled) != len({one.casefold() for one in server["roles"]}):
            raise CloudError(400, f"Invalid syslog roles for server {server['host']}")
        if addresses.address(server["host"]) is None and not addresses.is_domain_name(server["host"]):
            raise CloudError(400, f"Invalid syslog server '{server['host']}'")
        if not 1 <= server["port"] <= 65535:
            raise CloudError(400, "Syslog port must be between 1 and 65535")
        servers.append({"host": server["host"], "port": server["port"], "roles": spelled})
    old = copy.deepcopy(stored)
    stored["servers"] = servers
    log(world, call, "Syslog servers", old, stored)
    return stored


# Webhooks


def _servers(world: "World", call: Call) -> dict[str, Json]:
    return world.collection(f"/networks/{call.params['networkId']}/webhooks/httpServers")


def _templates(world: "World", call: Call) -> dict[str, Json]:
    usual = {
        "wpt_00001": {
            "payloadTemplateId": "wpt_00001", "type": "included", "name": "Meraki (included)", "headers": [],
            "body": "{}", "sharing": {"byNetwork": {"adminsCanModify": False}},
        }
    }  # fmt: skip
    return world.collection(f"/networks/{call.params['networkId']}/webhooks/payloadTemplates", lambda: usual)


@behaviour("getNetworkWebhooksHttpServers")
def list_servers(world: "World", call: Call) -> Json:
    """The receivers; their shared secrets are never shown."""
    return list(_servers(world, call).values())


@behaviour("getNetworkWebhooksHttpServer")
def get_server(world: "World", call: Call) -> Json:
    """One receiver."""
    return _of(_servers(world, call), call.params["httpServerId"])


def _of(items: dict[str, Json], key: str) -> Json:
    if key not in items:
        raise CloudError(404, "Not found")
    return items[key]


@behaviour("createNetworkWebhooksHttpServer")
def create_server(world: "World", call: Call) -> Json:
    """A new receiver; its id is made of its url (facts: section 1.6), so one url is one receiver."""
    servers, body = _servers(world, call), _written(call)
    id_ = world.url_id(body["url"])
    if not body["url"].startswith("https://"):
        raise CloudError(400, "Url must be an HTTPS URL")
    if id_ in servers:
        raise CloudError(400, "Url has already been taken")
    template = _chosen_template(world, call, body)
    server = {
        "id": id_,
        "networkId": call.params["networkId"],
        "enabled": True,
        "sharedSecret": body.get("sharedSecret") or "",
    }
    servers[id_] = server | {"name": body["name"], "url": body["url"], "payloadTemplate": template}
    log(world, call, "Webhook receiver", "", {"name": body["name"], "url": body["url"]})
    return servers[id_]


def _chosen_template(world: "World", call: Call, body: Json) -> Json:
    wanted = (body.get("payloadTemplate") or {}).get("payloadTemplateId") or "wpt_00001"
    template = _templates(world, call).get(wanted)
    if template is None:
        raise CloudError(400, "Invalid payload template")
    return {"payloadTemplateId": wanted, "name": template["name"]}


@behaviour("updateNetworkWebhooksHttpServer")
def update_server(world: "World", call: Call) -> Json:
    """Name, secret and template; the url is fixed, a missing secret stays."""
    server, body = _of(_servers(world, call), call.params["httpServerId"]), _written(call)
    old = {name: server[name] for name in ("name", "url")}
    if "payloadTemplate" in body:
        server["payloadTemplate"] = _chosen_template(world, call, body)
    server |= {name: body[name] for name in ("name", "sharedSecret") if body.get(name) is not None}
    log(world, call, "Webhook receiver", old, {name: server[name] for name in ("name", "url")})
    return server


@behaviour("deleteNetworkWebhooksHttpServer")
def delete_server(world: "World", call: Call) -> Json:
    """Gone, and out of the alert settings that named it."""
    servers = _servers(world, call)
    old = _of(servers, call.params["httpServerId"])
    del servers[old["id"]]
    settings = _alert_settings(world, call)
    for place in (settings["defaultDestinations"], *(alert["alertDestinations"] for alert in settings["alerts"])):
        place["httpServerIds"] = [id_ for id_ in place["httpServerIds"] if id_ != old["id"]]
    log(world, call, "Webhook receiver", {"name": old["name"], "url": old["url"]}, "")


@behaviour("getNetworkWebhooksPayloadTemplates")
def list_payload_templates(world: "World", call: Call) -> Json:
    """The payload templates, the included one first."""
    return list(_templates(world, call).values())


@behaviour("getNetworkWebhooksPayloadTemplate")
def get_payload_template(world: "World", call: Call) -> Json:
    """One payload template."""
    return _of(_templates(world, call), call.params["payloadTemplateId"])


@behaviour("createNetworkWebhooksPayloadTemplate", "updateNetworkWebhooksPayloadTemplate")
def write_payload_template(world: "World", call: Call) -> Json:
    """A template with that name, headers and body; the included one cannot be changed."""
    templates, body = _templates(world, call), _written(call)
    id_ = call.params.get("payloadTemplateId")
    old: Json = _of(templates, id_) if id_ else {}
    if old.get("type") == "included":
        raise CloudError(400, "Included payload templates cannot be modified")
    name = body.get("name") or old["name"]
    if any(one["name"] == name and key != id_ for key, one in templates.items()):
        raise CloudError(400, "Name has already been taken")
    if not id_ and not body.get("body") and not body.get("bodyFile"):
        raise CloudError(400, "Either body or bodyFile is required")
    id_ = id_ or f"wpt_{world.new_id()}"
    fresh: Json = {"payloadTemplateId": id_, "type": "custom", "headers": [], "body": None}
    fresh["sharing"] = {"byNetwork": {"adminsCanModify": True}}
    templates[id_] = fresh | old | {name: body[name] for name in ("name", "body", "headers") if name in body}
    log(world, call, "Payload template", old, templates[id_])
    return templates[id_]


@behaviour("deleteNetworkWebhooksPayloadTemplate")
def delete_payload_template(world: "World", call: Call) -> Json:
    """Gone, unless a receiver uses it."""
    templates = _templates(world, call)
    old = _of(templates, call.params["payloadTemplateId"])
    if old["type"] == "included":
        raise CloudError(400, "Included payload templates cannot be deleted")
    if any(
        one["payloadTemplate"]["payloadTemplateId"] == old["payloadTemplateId"]
        for one in _servers(world, call).values()
    ):
        raise CloudError(400, "Payload template is in use")
    del templates[old["payloadTemplateId"]]
    log(world, call, "Payload template", old, "")
