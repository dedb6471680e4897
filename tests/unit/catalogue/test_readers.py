"""How the resource of a write is read."""

import pytest

from mcp_server.catalogue.readers import created_reader, reader_of
from mcp_server.domain.call import Touch
from mcp_server.domain.plan import Reader
from tests.support.shipped import CATALOGUE, OVERLAY, sample, write


def _reader(touch: Touch, **more: str) -> Reader | None:
    return reader_of(CATALOGUE, OVERLAY, touch, **more)


def test_a_put_is_read_by_the_get_of_its_path() -> None:
    """With its own path parameters and nothing else."""
    touch = write("updateNetworkWirelessSsid", {"name": "x"}, networkId="N_1", number=3)
    assert _reader(touch) == Reader("getNetworkWirelessSsid", {"networkId": "N_1", "number": 3})


def test_an_item_without_a_get_is_found_in_its_list() -> None:
    """By the field that is its id."""
    touch = write("deleteNetworkSwitchPortSchedule", networkId="N_1", portScheduleId="77")
    assert _reader(touch) == Reader("getNetworkSwitchPortSchedules", {"networkId": "N_1"}, "", {"id": "77"})


def test_an_id_field_may_be_called_like_the_parameter() -> None:
    """A trusted server is known by trustedServerId."""
    operation = "updateNetworkSwitchDhcpServerPolicyArpInspectionTrustedServer"
    reader = _reader(write(operation, {}, networkId="N_1", trustedServerId="5"))
    assert reader is not None
    assert reader.match == {"trustedServerId": "5"}


def test_a_list_that_is_wrapped_twice_is_looked_into() -> None:
    """Of all lists only that of zero touch deployments is."""
    touch = write("deleteOrganizationWirelessDevicesProvisioningDeployment", organizationId="1", deploymentId="7")
    reader = _reader(touch)
    assert reader is not None
    assert (reader.at, reader.match) == ("[].items", {"deploymentId": "7"})


def test_a_create_is_looked_for_by_its_natural_key() -> None:
    """So that a lost answer can be told from a write that never was."""
    touch = write("createNetworkApplianceVlan", {"id": "10", "name": "x"}, networkId="N_1")
    assert _reader(touch) == Reader("getNetworkApplianceVlans", {"networkId": "N_1"}, "", {"id": "10"})


@pytest.mark.parametrize("body", [{}, {"name": {"$ref": "step-1.name"}}, None])
def test_a_create_whose_key_is_not_known_has_no_reader(body: dict[str, object] | None) -> None:
    """Nothing is guessed."""
    assert _reader(write("createNetworkGroupPolicy", body, networkId="N_1")) is None


def test_an_id_that_an_earlier_step_creates_has_no_reader_yet() -> None:
    """It cannot be read before it exists."""
    touch = write("updateNetworkGroupPolicy", {}, networkId="N_1", groupPolicyId={"$ref": "step-1.groupPolicyId"})
    assert _reader(touch) is None


def test_an_action_has_a_reader_only_where_the_overlay_names_one() -> None:
    """Binding a template shows in the network, a ping shows nowhere."""
    bind = write("bindNetwork", {"configTemplateId": "L_1"}, networkId="N_1")
    assert _reader(bind) == Reader("getNetwork", {"networkId": "N_1"})
    assert _reader(write("createDeviceLiveToolsPing", {"target": "1.1.1.1"}, serial="Q2AA-AAAA-AAAA")) is None


def test_a_read_has_no_reader() -> None:
    """Only writes need one."""
    assert _reader(Touch("getNetwork", {"networkId": "N_1"})) is None


def test_a_put_that_nothing_reads_has_no_reader() -> None:
    """And so no undo."""
    touch = write("protectionNetworkApplianceUmbrella", {"enabled": True}, networkId="N_1")
    assert _reader(touch) is None
    assert OVERLAY.row(touch.operation).undo == "none"


def test_a_created_resource_is_read_by_its_new_id() -> None:
    """By its own GET where there is one, else in the list."""
    policy = write("createNetworkGroupPolicy", {"name": "x"}, networkId="N_1")
    assert created_reader(CATALOGUE, OVERLAY, policy, {"groupPolicyId": "101"}) == Reader(
        "getNetworkGroupPolicy", {"networkId": "N_1", "groupPolicyId": "101"}
    )
    schedule = write("createNetworkSwitchPortSchedule", {"name": "x"}, networkId="N_1")
    assert created_reader(CATALOGUE, OVERLAY, schedule, {"id": "5"}) == Reader(
        "getNetworkSwitchPortSchedules", {"networkId": "N_1"}, "", {"id": "5"}
    )


def test_without_an_id_in_the_answer_the_natural_key_still_finds_it() -> None:
    """A lost answer has no id."""
    policy = write("createNetworkGroupPolicy", {"name": "x"}, networkId="N_1")
    assert created_reader(CATALOGUE, OVERLAY, policy, {}) == _reader(policy)


def test_every_proven_update_and_delete_can_be_read() -> None:
    """No before-state, no change: but for those that say they cannot be undone."""
    for operation_id in OVERLAY.proven():
        row = OVERLAY.row(operation_id)
        operation = CATALOGUE.find(operation_id)
        body = sample(operation.body) if operation.body else None
        touch = write(operation_id, body, **dict.fromkeys(operation.path_params, "1"))
        if row.kind in ("update", "delete") and row.undo != "none":
            assert _reader(touch, organization_id="1") is not None or row.carrier, operation_id


def test_a_rule_may_ask_for_what_the_body_names() -> None:
    """Of a list in the body the value of each element."""
    items = [{"cluster": {"id": "c1"}, "network": {"id": "n1"}}, {"cluster": {"id": "c2"}, "network": {"id": "n2"}}]
    reader = _reader(
        write("batchOrganizationCampusGatewayClustersTunnelingUpdate", {"items": items}, organizationId="1")
    )
    assert reader is not None
    assert reader.params == {"organizationId": "1", "clusterIds": ["c1", "c2"], "networkIds": ["n1", "n2"]}


def test_what_a_rule_reads_is_found_by_its_new_id_once_it_is_created() -> None:
    """Until then by what the body says of it."""
    touch = write("createNetworkApplianceInterfacesL3", {"ipv4": {"address": "10.0.0.1"}}, networkId="N_1")
    planned = _reader(touch, organization_id="1")
    assert planned is not None
    assert planned.match == {"network.id": "N_1", "ipv4": {"address": "10.0.0.1"}}
    created = created_reader(CATALOGUE, OVERLAY, touch, {"interfaceId": "7"}, organization_id="1")
    assert created is not None
    assert created.match == {"network.id": "N_1", "interfaceId": "7"}


def test_an_object_with_a_placeholder_is_no_known_key() -> None:
    """The natural key of something that an earlier step will create."""
    touch = write("createNetworkApplianceInterfacesL3", {"ipv4": {"$ref": "step-1.ipv4"}}, networkId="N_1")
    assert _reader(touch, organization_id="1") is None
