"""Bodies that the cloud would refuse for what its documentation says are refused by the plan; nothing is sent."""

from mcp_server.sandbox.behaviour import Json
from tests.support.places import CORE, NET, ORG
from tests.support.stage import Stage
from tests.support.story import applied, step


async def faults_of(stage: Stage, *operations: Json) -> str:
    """What a plan says is wrong; no change may have reached the cloud."""
    answer = await stage.call("meraki_plan", operations=list(operations), intent="try")
    assert (answer["status"], answer["error"]["code"]) == ("refused", "invalid_arguments"), answer
    assert [one for one in stage.sandbox.world.journal if one["method"] != "GET"] == []
    return str(answer["error"])


async def test_every_fault_of_every_step_is_told_at_once(stage: Stage) -> None:
    """With the step, the field and the condition."""
    told = await faults_of(
        stage,
        step("updateNetworkWirelessSsid", {"radiusTestingEnabled": True}, networkId=NET, number="0"),
        step("createNetworkSwitchQosRule", {"vlan": 7, "protocol": "ANY", "dstPort": 80, "dscp": 64}, networkId=NET),
    )
    assert "step 1 updateNetworkWirelessSsid: body.radiusTestingEnabled: is not allowed when authMode is 'psk'" in told
    assert "body.dscp: must be between -1 and 63" in told
    assert "body.dstPort: is not allowed when protocol is 'ANY'" in told


async def test_what_the_device_is_decides(stage: Stage) -> None:
    """A port of a classic switch has no StackWise; its network is bound to no template."""
    assert "access, trunk" in await faults_of(
        stage, step("updateDeviceSwitchPort", {"type": "svl"}, serial=CORE, portId="7")
    )
    bound = step("updateDevice", {"switchProfileId": "1"}, serial=CORE)
    assert "not bound to a configuration template" in await faults_of(stage, bound)


async def test_an_id_that_its_list_does_not_have_is_refused_and_one_that_it_has_is_taken(stage: Stage) -> None:
    """A group policy of a VLAN, a group of a policy object."""
    vlan = {"networkId": NET, "vlanId": "20"}
    told = await faults_of(stage, step("updateNetworkApplianceVlan", {"groupPolicyId": "999"}, **vlan))
    assert "999 is not in getNetworkGroupPolicies" in told
    new = {"name": "n", "category": "network", "type": "cidr", "cidr": "10.9.0.0/16", "groupIds": ["1"]}
    assert "getOrganizationPolicyObjectsGroups" in await faults_of(
        stage, step("createOrganizationPolicyObject", new, organizationId=ORG)
    )
    await applied(stage, step("updateNetworkApplianceVlan", {"groupPolicyId": "100"}, **vlan))


async def test_a_vlan_that_the_plan_itself_makes_is_there_for_a_later_step(stage: Stage) -> None:
    """Its id is the caller's own: no list has it yet; one that nothing makes is refused."""
    route = {"name": "Lab", "subnet": "10.77.0.0/16", "gatewayIp": "10.66.0.2", "gatewayVlanId": 66}
    routed = step("createNetworkApplianceStaticRoute", route, networkId=NET)
    assert "66 is not in getNetworkApplianceVlans" in await faults_of(stage, routed)
    vlan = {"id": "66", "name": "Lab", "subnet": "10.66.0.0/24", "applianceIp": "10.66.0.1"}
    await applied(stage, step("createNetworkApplianceVlan", vlan, networkId=NET), routed)
