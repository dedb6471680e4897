"""Five jobs of a network engineer in an organization of 600 networks, as a model does them through the tools."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from mcp_server.sandbox.app import SandboxApp, create_app
from mcp_server.sandbox.seed import Unit, place
from scripts.benchmarks.jobs.tally import Job, row
from scripts.benchmarks.rows import Row
from tests.support.stage import KEY, Stage, accepting, staged

STORE, NEW_SITE, SWITCH = "Loja 0412", "Loja 0599", "Switch Acesso"
_RULES: Final = "updateNetworkApplianceFirewallL3FirewallRules"
_VLANS: Final = {110: "Data", 120: "Voice", 130: "Guests", 140: "Cameras", 150: "Printers", 160: "Management"}
#: About 1.15 times what each took when the bounds were set (2026-11-21).
BOUNDS: Final[Mapping[str, int]] = {
    "guest SSID": 5300,
    "VLAN on 48 ports": 4300,
    "one rule into a list of 120": 3700,
    "six VLANs of a new site": 5250,
    "undo of last night's change": 3200,
}


async def _guest_ssid(job: Job) -> None:
    network = (await job.find(STORE, "networks"))["id"]
    await job.learn("update wireless ssid", "updateNetworkWirelessSsid")
    await job.call(
        "meraki_read",
        operation="getNetworkWirelessSsids",
        params={"networkId": network},
        fields=["number", "name", "enabled"],
    )
    body = {
        "name": "Guests",
        "enabled": True,
        "authMode": "psk",
        "encryptionMode": "wpa",
        "psk": {"$generate": 20},
        "ipAssignmentMode": "NAT mode",
        "perClientBandwidthLimitDown": 5000,
    }
    params = {"networkId": network, "number": "3"}
    await _changed(job, {"operation": "updateNetworkWirelessSsid", "params": params, "body": body}, intent="Guest SSID")


async def _vlan_on_48_ports(job: Job) -> None:
    serial = (await job.find(SWITCH, "devices"))["serial"]
    await job.learn("update switch port vlan", "updateDeviceSwitchPort")
    ports = {"params": {"serial": serial}, "for_each": {"portId": ["1-48"]}, "body": {"vlan": 30}}
    await _changed(job, {"operation": "updateDeviceSwitchPort", **ports}, intent="VLAN 30 on all access ports")


async def _one_rule(job: Job) -> None:
    network = (await job.find(STORE, "networks"))["id"]
    await job.learn("update appliance firewall l3 rules", _RULES)
    rule = {**_rule(60), "comment": "Block guests to lab", "srcCidr": "192.168.20.0/24"}
    edit = {"$insert": [rule], "before": {"comment": "Rule 060"}}
    operation = {"operation": _RULES, "params": {"networkId": network}, "body": {"rules": edit}}
    await _changed(job, operation, intent="Block guests to the lab")


async def _six_vlans(job: Job) -> None:
    network = (await job.find(NEW_SITE, "networks"))["id"]
    await job.learn("create appliance vlan", "createNetworkApplianceVlan")
    operations = [
        {
            "operation": "createNetworkApplianceVlan",
            "params": {"networkId": network},
            "body": {"id": str(vlan), "name": name, "subnet": f"10.{vlan}.0.0/24", "applianceIp": f"10.{vlan}.0.1"},
        }
        for vlan, name in _VLANS.items()
    ]
    await _changed(job, *operations, intent="VLANs of the new site")


async def _undo(job: Job) -> None:
    """The newest change of the history, which is the one with six VLANs."""
    found = (await job.call("history", limit=5))["changes"]
    await job.carried_out("rollback", change_id=found[0]["change_id"])


_JOBS: Final[Mapping[str, Callable[[Job], Awaitable[None]]]] = {
    "guest SSID": _guest_ssid,
    "VLAN on 48 ports": _vlan_on_48_ports,
    "one rule into a list of 120": _one_rule,
    "six VLANs of a new site": _six_vlans,
    "undo of last night's change": _undo,
}


async def _changed(job: Job, *operations: Mapping[str, Any], intent: str) -> None:
    plan = await job.call("meraki_plan", operations=list(operations), intent=intent)
    await job.carried_out("meraki_apply", plan_id=plan["plan_id"])


def _rule(number: int) -> dict[str, Any]:
    return {
        "comment": f"Rule {number:03d}",
        "policy": "deny",
        "protocol": "tcp",
        "srcPort": "Any",
        "srcCidr": f"10.0.{number}.0/24",
        "destPort": "22",
        "destCidr": f"192.168.{number}.0/24",
        "syslogEnabled": False,
    }


def organization() -> SandboxApp:
    """A cloud of 600 networks and 2,000 devices; one network has a switch of 48 ports and 120 firewall rules."""
    cloud = create_app(networks=600, devices=2000, api_key=KEY, rate_limit=False, clock=lambda: datetime.now(UTC))
    world = cloud.world
    network = next(one["id"] for one in world.networks.values() if one["name"] == STORE)
    place(world, network, (Unit("MS250-48", "switch", SWITCH),))
    world.rehouse()
    if world.perform is None:
        raise RuntimeError("the sandbox has no cloud behind it")
    rules = [_rule(number) for number in range(120)]
    world.perform("PUT", f"/networks/{network}/appliance/firewall/l3FirewallRules", {"rules": rules})
    return cloud


async def measured(stage: Stage) -> list[Row]:
    """A row a job, one after another in the same organization."""
    rows = []
    for name, work in _JOBS.items():
        job = Job(stage)
        await work(job)
        rows.append(row(name, job.spent, BOUNDS))
    return rows


async def rows() -> list[Row]:
    """The rows of the jobs, through a real client over HTTP."""
    with TemporaryDirectory() as home:
        async with staged(Path(home) / "data", answer=accepting, sandbox=organization()) as stage:
            return await measured(stage)
