"""T4, monitoring: SNMP, syslog, firmware, cameras and webhooks (numbers: specialist protocol, T4)."""

from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from mcp_server.domain.call import Json, Warned
from mcp_server.domain.redaction import clean, listed
from mcp_server.domain.rules.facts import CRITICAL, INFO, WARNING, StepView, items, part, warned

RETENTION_MINIMUM_DAYS = 7
GUESSED_COMMUNITIES = frozenset({"public", "private"})
SNMP_OPERATIONS = frozenset({"updateNetworkSnmp", "updateOrganizationSnmp"})
SYSLOG_OPERATIONS = frozenset({"updateNetworkSyslogServers", "updateNetworkDevicesSyslogServers"})
RECEIVER_OPERATIONS = frozenset({
    "createNetworkWebhooksHttpServer", "updateNetworkWebhooksHttpServer", "createNetworkWebhooksWebhookTest",
    "createOrganizationWirelessLocationScanningReceiver", "updateOrganizationWirelessLocationScanningReceiver",
})  # fmt: skip
RETENTION_OPERATIONS = frozenset({
    "createNetworkCameraQualityRetentionProfile", "updateNetworkCameraQualityRetentionProfile",
})  # fmt: skip


def snmp_community(view: StepView) -> Iterable[Warned]:
    """A community string that every scanner tries first."""
    community = view.sent.get("communityString") if view.operation in SNMP_OPERATIONS else None
    if isinstance(community, str) and community.strip().lower() in GUESSED_COMMUNITIES:
        text = f"The SNMP community of {view.where} would be 'public' or 'private', which everybody guesses."
        return warned("t4_snmp_community", CRITICAL, text)
    return ()


def snmp_prefer_v3(view: StepView) -> Iterable[Warned]:
    """SNMP v1 or v2c: the community travels in clear."""
    uses_community = view.after.get("access") == "community" or view.after.get("v2cEnabled") is True
    if view.operation in SNMP_OPERATIONS and uses_community:
        text = f"SNMP v2c on {view.where} sends its community in clear; prefer v3 with users."
        return warned("t4_snmp_prefer_v3", WARNING, text)
    return ()


def syslog_plaintext(view: StepView) -> Iterable[Warned]:
    """A new syslog server that is sent plain text."""
    if view.operation not in SYSLOG_OPERATIONS:
        return ()
    old = [server.get("host") for server in items(view.was, "servers")]
    plain = [server.get("host", "") for server in items(view.after, "servers") if not _is_encrypted(server)]
    new = [host for host in plain if host not in old]
    if not new:
        return ()
    return warned("t4_syslog_plaintext", INFO, f"Syslog of {view.where} goes to {listed(new)} as plain text.")


def _is_encrypted(server: Mapping[str, Json]) -> bool:
    return part(server, "encryption", "enabled") is True


def firmware_window(view: StepView) -> Iterable[Warned]:
    """A firmware upgrade without a time at which it may happen."""
    if view.operation == "createNetworkFirmwareUpgradesRollback":
        is_open = not view.sent.get("time")
    elif view.operation == "updateNetworkFirmwareUpgrades":
        products = view.sent.get("products")
        upgrades = [part(one, "nextUpgrade") for one in products.values()] if isinstance(products, Mapping) else []
        is_open = any(isinstance(upgrade, Mapping) and not upgrade.get("time") for upgrade in upgrades)
    else:
        return ()
    if not is_open:
        return ()
    text = f"The firmware change on {view.where} names no maintenance window (time); devices restart when it happens."
    return warned("t4_firmware_window", WARNING, text)


def camera_retention(view: StepView) -> Iterable[Warned]:
    """Video that is kept for less than 7 days."""
    days = view.after.get("maxRetentionDays") if view.operation in RETENTION_OPERATIONS else None
    if isinstance(days, int) and 0 < days < RETENTION_MINIMUM_DAYS:
        text = f"Cameras of {view.where} keep video for {days} days only (under {RETENTION_MINIMUM_DAYS})."
        return warned("t4_camera_retention", WARNING, text)
    return ()


def external_webhook(view: StepView) -> Iterable[Warned]:
    """Events that are sent to a host outside private address space."""
    host = _receiver(view)[1]
    if not host or _is_private(host):
        return ()
    return warned(
        "t4_external_webhook", WARNING, f"Events of {view.where} will be sent to an external host: {clean(host, 80)}."
    )


def webhook_plaintext(view: StepView) -> Iterable[Warned]:
    """A webhook without TLS."""
    scheme, host = _receiver(view)
    if scheme != "http":
        return ()
    text = f"The webhook of {view.where} to {clean(host, 80)} uses http: content and secret can be read on the way."
    return warned("t4_webhook_plaintext", WARNING, text)


def _receiver(view: StepView) -> tuple[str, str]:
    """Scheme and host that events go to; empty for other operations."""
    address = view.after.get("url") if view.operation in RECEIVER_OPERATIONS else None
    if not isinstance(address, str):
        return "", ""
    try:
        parsed = urlsplit(address.strip())
        return parsed.scheme.lower(), parsed.hostname or ""
    except ValueError:
        return "", address.strip()


def _is_private(host: str) -> bool:
    try:
        return ip_address(host).is_private
    except ValueError:
        return False
