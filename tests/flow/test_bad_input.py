"""Input that does not fit is refused: with its own code, the thing named, the way out, and nothing sent."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.outside import plain, refused, requester, rows_of, untouched
from tests.support.places import BRANCH, CORE, LAB, NET, ORG
from tests.support.stage import WAYS, Stage, accepting, staged
from tests.support.story import Payload, planned, step

SHOP: Final = "L_646829496481105402"  #: bound to TEMPLATE
TEMPLATE: Final = "L_646829496481109700"
TWIN: Final = "L_646829496481105403"  #: of the other organization, named as NET is
MANAGED: Final = "Q2YP-HFQV-2111"  #: Catalyst: ports 1 to 4 locked, port 10 bound to a profile
MONITORED: Final = "Q2AW-HFQW-2148"  #: Catalyst


@dataclass(frozen=True, slots=True)
class Bad:
    """A plan that must be refused, and the words that its answer must hold."""

    operations: Sequence[Payload]
    code: str
    told: Sequence[str]  #: somewhere in the message or the details
    way_out: str  #: in the remedy
    http: bool = True  #: whether reads are needed to find out
    more: dict[str, Any] = field(default_factory=dict)


def _ssid(network: str, **body: Any) -> Payload:
    return step("updateNetworkWirelessSsid", body or {"name": "x"}, networkId=network, number="1")


def _port(serial: str, port: str = "1", **body: Any) -> Payload:
    return step("updateDeviceSwitchPort", body or {"name": "x"}, serial=serial, portId=port)


BAD: Final = {
    "unknown operation": Bad(
        [step("updateNetworkWireless", networkId=NET)],
        "invalid_arguments",
        ["no operation 'updateNetworkWireless'", "Did you mean updateNetworkWirelessSsid"],
        "meraki_search",
        http=False,
    ),
    "unknown parameter": Bad(
        [step("updateNetworkWirelessSsid", {"name": "x"}, networkId=NET, numbr="1")],
        "invalid_arguments",
        ["params.numbr", "nearest: number", "params.number: missing"],
        "meraki_search",
        http=False,
    ),
    "unknown field": Bad([_ssid(NET, nmae="x")], "invalid_arguments", ["body.nmae", "nearest: name"], "Correct", False),
    "outside the enum": Bad(
        [_ssid(NET, authMode="pskk")], "invalid_arguments", ["body.authMode", "pskk", "allowed: psk"], "Correct", False
    ),
    "wrong type": Bad(
        [_port(CORE, vlan="twenty")], "invalid_arguments", ["body.vlan", "expects an integer"], "Correct", False
    ),
    "several faults": Bad(
        [step("updateNetworkWireless"), _ssid(NET, nmae="x", enabled="yes"), _port(CORE, type="trnk")],
        "invalid_arguments",
        ["operations[0]", "operations[1]", "body.nmae", "body.enabled", "operations[2]", "body.type", "4 faults"],
        "Correct all faults at once",
        http=False,
    ),
    "masked value": Bad([_ssid(NET, psk="********")], "invalid_arguments", ["body.psk", "masked"], "Correct", False),
    "carrier operation": Bad(
        [step("createOrganizationActionBatch", {"actions": []}, organizationId=ORG)],
        "carrier_operation",
        ["createOrganizationActionBatch"],
        "Plan the operations themselves",
        http=False,
    ),
    "carrier updated": Bad(
        [step("updateOrganizationActionBatch", {"confirmed": True}, organizationId=ORG, actionBatchId="1")],
        "carrier_operation",
        ["updateOrganizationActionBatch"],
        "Plan the operations themselves",
        http=False,
    ),
    "family that is off": Bad(
        [
            step(
                "createOrganizationAdmin",
                {"email": "eve@example.net", "name": "Eve", "orgAccess": "full"},
                organizationId=ORG,
            )
        ],
        "family_off",
        ["createOrganizationAdmin", "admins"],
        "MERAKI_SPECIALIST_FAMILIES=admins",
        http=False,
    ),
    "name instead of an id, two networks of that name": Bad(
        [_ssid("Matriz São Paulo")],
        "ambiguous_or_name",
        ["Matriz São Paulo", NET, TWIN, "Aurora Indústria", "Aurora Europa"],
        "Give one of the ids",
    ),
    "name of a template": Bad([_ssid("Modelo Loja")], "ambiguous_or_name", ["Modelo Loja", TEMPLATE], "ids"),
    "name of an organization": Bad(
        [
            step(
                "updateOrganizationApplianceVpnThirdPartyVPNPeers",
                {"peers": {"$remove": {"name": "x"}}},
                organizationId="Aurora Europa",
            )
        ],
        "ambiguous_or_name",
        ["Aurora Europa", "549237"],
        "ids",
    ),
    "networks of two organizations": Bad(
        [_ssid(NET), _ssid(TWIN)],
        "mixed_organizations",
        ["549236", "549237", "Aurora Indústria", "Aurora Europa"],
        "one plan for each organization",
    ),
    "unknown network": Bad([_ssid("L_1")], "unknown_network", ["L_1"], "meraki_search"),
    "unknown device": Bad([_port("Q2XX-XXXX-XXXX")], "unknown_device", ["Q2XX-XXXX-XXXX"], "meraki_search"),
    "device of another network": Bad(
        [
            step(
                "createNetworkSwitchLinkAggregation",
                {"switchPorts": [{"serial": LAB, "portId": "20"}, {"serial": LAB, "portId": "21"}]},
                networkId=BRANCH,
            )
        ],
        "device_of_another_network",
        [LAB, BRANCH, NET],
        "Give a device of that network",
    ),
    "template-bound network": Bad(
        [_ssid(SHOP)],
        "blocked",
        ["template_bound", SHOP, TEMPLATE, "its settings come from configuration template"],
        "unbind the network first",
    ),
    "monitored catalyst": Bad(
        [_port(MONITORED)], "blocked", ["monitored_catalyst", MONITORED, "only monitored"], "cloud management"
    ),
    "port locked by TrustSec": Bad([_port(MANAGED)], "sgt_locked", [MANAGED, "port 1", "48 of 52"], "ISE"),
    "port bound to a profile": Bad(
        [_port(MANAGED, "10", vlan=20)],
        "blocked",
        ["profile_bound", "port 10", MANAGED],
        "remove the binding first",
    ),
    "adaptive policy without its licence": Bad(
        [_port("Q2WS-HFRS-2888", "12", adaptivePolicyGroupId="1")],
        "blocked",
        ["license", "Q2WS-HFRS-2888", "Enterprise licence"],
        "Advanced licence",
    ),
    "one locked port of many": Bad(
        [step("updateDeviceSwitchPort", {"name": "x"}, serial=MANAGED, for_each={"portId": ["4-6"]})],
        "blocked",
        ["1 of 3 targets", "port 4", "sgt_locked"],
        "skip_blocked=true",
    ),
    "all ports locked, though blocked ones may be left out": Bad(
        [step("updateDeviceSwitchPort", {"name": "x"}, serial=MANAGED, for_each={"portId": ["1-4"]})],
        "sgt_locked",
        ["port 1", MANAGED],
        "ISE",
        more={"skip_blocked": True},
    ),
    "port that does not exist": Bad([_port(LAB, "99")], "target_not_found", ["no port 99", LAB], "one of its ports"),
    "vlan where vlans are off": Bad(
        [step("updateNetworkApplianceVlan", {"name": "x"}, networkId=BRANCH, vlanId="1")],
        "blocked",
        ["vlans_disabled", BRANCH, "switched off"],
        "updateNetworkApplianceVlansSettings",
    ),
    "target that is not there": Bad(
        [step("updateNetworkApplianceVlan", {"name": "x"}, networkId=NET, vlanId="999")],
        "target_not_found",
        ["updateNetworkApplianceVlan", "999"],
        "meraki_read",
    ),
    "one that exists already": Bad(
        [
            step(
                "createNetworkApplianceVlan",
                {"id": "20", "name": "x", "subnet": "10.77.0.0/24", "applianceIp": "10.77.0.1"},
                networkId=NET,
            )
        ],
        "already_exists",
        ["createNetworkApplianceVlan"],
        "update operation",
    ),
    "list edit that matches nothing": Bad(
        [
            step(
                "updateNetworkApplianceFirewallL3FirewallRules",
                {"rules": {"$remove": {"comment": "no such rule"}}},
                networkId=NET,
            )
        ],
        "match_not_found",
        ["the match fits no element", "Block outbound SMTP"],
        "the candidates are in details",
    ),
}


@pytest.mark.parametrize(("transport", "era"), WAYS)
async def test_a_plan_that_does_not_fit_is_refused_by_name_and_with_the_way_out(
    tmp_path: Path, transport: str, era: str
) -> None:
    """One recorded refusal; nothing is written, and what can be seen without the cloud asks it nothing."""
    async with staged(tmp_path / "home", transport=transport, era=era, answer=accepting) as stage:
        for name, bad in sorted(BAD.items(), key=lambda row: row[1].http):  # first those that a fresh server sees
            asked = {"operations": list(bad.operations), "intent": "tried", **bad.more}
            error = await refused(stage, "meraki_plan", http=bad.http, **asked)
            assert error["code"] == bad.code, (name, error)
            said = plain([error["message"], error["details"]])
            missing = [words for words in bad.told if words not in said and plain(words)[1:-1] not in said]
            assert missing == [], (name, error)
            assert bad.way_out in error["remedy"], (name, error)


ARGUMENTS: Final[dict[str, tuple[str, Payload, str, Sequence[str]]]] = {
    "argument that the tool does not have": (
        "meraki_read",
        {"operation": "getOrganizations", "params": {}, "organisation": ORG, "page": 2},
        "invalid_arguments",
        ["Unknown argument organisation, page"],
    ),
    "argument that nothing approves by": (
        "meraki_apply",
        {"plan_id": "plan-x", "approved": True},
        "invalid_arguments",
        ["Unknown argument approved"],
    ),
    "argument inside an operation": (
        "meraki_plan",
        {"operations": [{"operation": "updateNetworkSnmp", "parms": {}}], "intent": "tried"},
        "invalid_arguments",
        ["Unknown argument parms in operations[0]"],
    ),
    "arguments of another type": (
        "meraki_plan",
        {"operations": "all", "intent": 5},
        "invalid_arguments",
        ["operations: must be array", "intent: must be string"],
    ),
    "missing argument": ("meraki_plan", {"intent": "tried"}, "invalid_arguments", ["missing operations"]),
    "tool that there is not": ("meraki_write", {}, "unknown_tool", ["meraki_write"]),
    "operation that there is not": (
        "meraki_read",
        {"operation": "getNetworkWirelesSsids", "params": {"networkId": NET}},
        "unknown_operation",
        ["getNetworkWirelesSsids", "getNetworkWirelessSsids"],
    ),
    "write that is called a read": (
        "meraki_read",
        {"operation": "deleteNetwork", "params": {"networkId": NET}},
        "not_a_read",
        ["deleteNetwork is a DELETE"],
    ),
    "plan that there is not": ("meraki_apply", {"plan_id": "plan-x"}, "plan_unknown", ["plan-x"]),
    "change that there is not": ("rollback", {"change_id": "CHG-x"}, "change_unknown", []),
    "argument out of its bounds": (
        "meraki_search",
        {"query": "ssid", "limit": 100_000},
        "invalid_arguments",
        ["limit"],
    ),
}


@pytest.mark.parametrize(("transport", "era"), WAYS)
async def test_arguments_that_a_tool_does_not_have_are_refused_by_name(
    tmp_path: Path, transport: str, era: str
) -> None:
    """Nothing is asked of the cloud; the answer names each argument and says what would do."""
    async with staged(tmp_path / "home", transport=transport, era=era, answer=accepting) as stage:
        for name, (tool, arguments, code, told) in ARGUMENTS.items():
            error = await refused(stage, tool, http=False, **arguments)
            assert error["code"] == code, (name, error)
            said = plain([error["message"], error["details"]])
            assert [words for words in told if words not in said] == [], (name, error)


@pytest.mark.usefixtures("way")
async def test_blocked_targets_are_left_out_of_a_plan_and_named_when_asked(stage: Stage) -> None:
    """With skip_blocked the locked port is no step; the plan says which it was, why, and how to free it."""
    ports = step("updateDeviceSwitchPort", {"name": "x"}, serial=MANAGED, for_each={"portId": ["4-6"]})
    async with untouched(stage):
        plan = await planned(stage, ports, skip_blocked=True)
    targets = [one["target"] for one in plan["diff"]]
    assert targets == [f"update port {number} of Catalyst Andar 2 ({MANAGED})" for number in "56"]
    (left_out,) = plan["skipped"]
    assert (left_out["code"], left_out["target"]) == ("sgt_locked", f"port 4 of Catalyst Andar 2 ({MANAGED})")
    assert "ISE" in left_out["remedy"]


@pytest.mark.usefixtures("way")
async def test_a_template_with_five_bound_networks_is_a_critical_plan_that_names_all_five(stage: Stage) -> None:
    """The impact is that of every bound network, by id and name; nothing is written."""
    world = stage.sandbox.world
    assert world.perform is not None
    names = []
    for number in range(4):
        body = {"name": f"Loja nova {number}", "productTypes": ["appliance", "switch", "wireless"]}
        made = world.perform("POST", f"/organizations/{ORG}/networks", body)
        world.perform("POST", f"/networks/{made['id']}/bind", {"configTemplateId": TEMPLATE})
        names.append((made["id"], body["name"]))
    async with untouched(stage):
        plan = await planned(stage, _ssid(TEMPLATE, name="Loja"))
    assert plan["risk"] == "critical"
    bound = {(one["id"], one["name"]) for one in plan["impact"]["bound_networks"]}
    assert bound == {(SHOP, "Loja Brasília"), *names}
    assert plan["requires"][0] == "approval outside the client"


@pytest.mark.usefixtures("way")
async def test_a_page_that_fails_is_no_backup_and_without_a_backup_there_is_no_plan(stage: Stage) -> None:
    """The second page of the live state answers 400: the plan is refused whole, and nothing is stored or sent."""
    rules = step(
        "updateNetworkApplianceFirewallL3FirewallRules",
        {"rules": {"$remove": {"comment": "Block outbound SMTP"}}},
        networkId=NET,
    )
    stage.sandbox.add_fault(
        {"kind": "status", "status": 400, "operation": "getNetworkApplianceFirewallL3FirewallRules", "count": 9}
    )
    error = await refused(stage, "meraki_plan", operations=[rules], intent="tried")
    assert error["code"] == "no_backup"
    assert "getNetworkApplianceFirewallL3FirewallRules" in error["message"]


@pytest.mark.usefixtures("way")
async def test_a_masked_value_in_the_live_state_is_no_backup(stage: Stage) -> None:
    """Asterisks where a secret stands would be written back as the secret one day; the plan is refused."""
    stage.sandbox.edit(f"/networks/{NET}/wireless/ssids/1", {"authMode": "psk", "psk": "********"})
    error = await refused(stage, "meraki_plan", operations=[_ssid(NET)], intent="tried")
    assert error["code"] == "no_backup"
    assert "psk" in error["message"]


@pytest.mark.usefixtures("way")
async def test_without_a_key_the_server_lists_its_tools_and_says_how_to_give_one(tmp_path: Path) -> None:
    """Each call that needs Meraki is refused with the remedy before any HTTP; what is local still answers."""
    async with staged(tmp_path / "home", given={"api_key": None}) as stage:
        assert len((await stage.client.list_tools()).tools) == 8
        error = await refused(
            stage, "meraki_read", http=False, operation="getOrganizationNetworks", params={"organizationId": ORG}
        )
        assert (error["code"], error["details"]["hook"]) == ("no_api_key", "guard")
        assert "MERAKI_DASHBOARD_API_KEY" in error["remedy"]
        assert "--sandbox" in error["remedy"]
        for tool, arguments in (
            ("meraki_read", {"operation": "getOrganizations", "params": {}}),
            ("meraki_search", {"query": "matriz", "what": "networks"}),
            ("meraki_plan", {"operations": [_ssid(NET)], "intent": "tried"}),
            ("health_check", {"organization_id": ORG}),
        ):
            error = await refused(stage, tool, http=False, **arguments)
            assert "MERAKI_DASHBOARD_API_KEY" in error["remedy"], (tool, error)
        assert (await stage.call("meraki_search", query="ssid"))["status"] == "ok"
        assert (await stage.call("health_check"))["server"]["key"] == "missing"


@pytest.mark.usefixtures("way")
async def test_a_network_of_an_organization_that_is_not_allowed_is_refused_like_one_that_is_not_there(
    tmp_path: Path,
) -> None:
    """By id and by name, for reads and for plans; what is allowed still works."""
    async with staged(tmp_path / "home", given={"organizations": ORG}) as stage:
        plan: Payload = {"operations": [_ssid(TWIN)], "intent": "tried"}
        read: Payload = {"operation": "getNetworkWirelessSsids", "params": {"networkId": TWIN}}
        for tool, arguments in (("meraki_plan", plan), ("meraki_read", read)):
            error = await refused(stage, tool, **arguments)
            assert error["code"] == "unknown_network"
            assert "allowed here" in error["message"]
        other: Payload = {"operation": "getOrganizationNetworks", "params": {"organizationId": "549237"}}
        assert (await refused(stage, "meraki_read", http=False, **other))["code"] == "organization_not_allowed"
        error = await refused(stage, "meraki_plan", operations=[_ssid("Matriz São Paulo")], intent="tried")
        assert [one["id"] for one in error["details"]["candidates"]] == [NET]
        assert (await stage.call("meraki_read", operation="getNetwork", params={"networkId": NET}))["status"] == "ok"


@pytest.mark.usefixtures("way")
async def test_every_refusal_is_a_row_that_names_its_call_and_holds_its_arguments(stage: Stage) -> None:
    """The audit's row of a refused plan: who asked, which tool, the code, and what was asked for."""
    await stage.call("meraki_plan", operations=[_ssid(NET, nmae="x")], intent="tried")
    (row,) = await rows_of(stage, event="call")
    assert (row.owner, row.tool, row.status, row.detail["error"]) == (
        requester(stage), "meraki_plan", "refused", "invalid_arguments",
    )  # fmt: skip
    assert row.detail["arguments"]["operations"][0]["body"] == {"nmae": "x"}
    assert row.call_id
    assert row.detail["meraki_calls"] == 0
