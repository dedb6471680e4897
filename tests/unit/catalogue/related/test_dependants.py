"""What a write takes along: which reads, which of what they show, and what brings it back."""

from typing import Any

from mcp_server.catalogue.related.dependants import (
    MADE_AGAIN,
    NOT_RESTORED,
    WRITTEN_BACK,
    dependant_readers,
    dependants,
    lost_words,
    restored_words,
    restoring,
)
from mcp_server.domain.call import Touch
from mcp_server.domain.plan import Dependant, Reader
from tests.support.shipped import CATALOGUE, OVERLAY, write

OFF = write("updateNetworkApplianceVlansSettings", {"vlansEnabled": False}, networkId="N")
PROFILE = write("deleteNetworkWirelessRfProfile", networkId="N", rfProfileId="7")
VLANS = [
    {"id": number, "name": f"v{number}", "subnet": f"10.{number}.0.0/24", "applianceIp": f"10.{number}.0.1"}
    for number in (1, 20)
]


def taken(touch: Touch, *states: Any) -> tuple[Dependant, ...]:
    """What those answers of its reads say that it takes along."""
    readers = dependant_readers(CATALOGUE, OVERLAY.row_for(touch), touch, "O")
    return dependants(CATALOGUE, OVERLAY, touch, readers, states)


def test_the_reads_have_the_parameters_of_the_call() -> None:
    """The organization's too, where a read is of the whole of it."""
    (reader,) = dependant_readers(CATALOGUE, OVERLAY.row_for(PROFILE), PROFILE, "O")
    assert (reader.operation, reader.params) == (
        "getOrganizationWirelessRfProfilesAssignmentsByDevice", {"organizationId": "O"},
    )  # fmt: skip


PLACED = write(
    "batchNetworkFloorPlansDevicesUpdate", {"assignments": [{"serial": "Q1"}, {"serial": "Q2"}]}, networkId="N"
)
COMBINED = write("combineOrganizationNetworks", {"name": "n", "networkIds": ["N_1", "N_2"]}, organizationId="O")


def test_a_read_is_made_for_each_id_that_the_body_lists() -> None:
    """Each network that is combined is read, and what is lost is said of each in one sentence."""
    readers = dependant_readers(CATALOGUE, OVERLAY.row_for(COMBINED), COMBINED, "O")
    snmp = [one.params for one in readers if one.operation == "getNetworkSnmp"]
    assert snmp == [{"networkId": "N_1"}, {"networkId": "N_2"}]
    states = [{"access": "none"} if one.operation in ("getNetworkSnmp", "getNetwork") else None for one in readers]
    found = taken(COMBINED, *states)
    assert {one.how for one in found} == {NOT_RESTORED}
    assert lost_words(found) == [
        f"the settings of getNetwork, the settings of getNetworkSnmp of {id_} go with it and are not restored"
        for id_ in ("N_1", "N_2")
    ]


def test_of_a_list_only_what_the_body_names_counts_and_nothing_is_written_as_null() -> None:
    """A device that stood on no floor plan is taken off the new one; the others are left alone."""
    rows = [{"serial": "Q1", "floorPlanId": "7"}, {"serial": "Q2", "floorPlanId": None}, {"serial": "Q3"}]
    (found,) = taken(PLACED, rows)
    assert [one["serial"] for one in found.before] == ["Q1", "Q2"]
    live = [{"serial": serial, "floorPlanId": "8"} for serial in ("Q1", "Q2", "Q3")]
    writes = [back.writes[0] for back in restoring(CATALOGUE, OVERLAY, PLACED, found, live)]
    assert [(one.operation, one.params, one.body) for one in writes] == [
        ("updateDevice", {"serial": "Q1"}, {"floorPlanId": "7"}),
        ("updateDevice", {"serial": "Q2"}, {"floorPlanId": None}),
    ]


def test_a_create_takes_nothing_along() -> None:
    """Whatever its row says."""
    rule = write("createNetworkSwitchQosRule", {}, networkId="N")
    assert dependant_readers(CATALOGUE, OVERLAY.row_for(rule), rule, "O") == []


def test_of_a_delete_only_what_names_the_deleted_thing_counts() -> None:
    """The other access points keep theirs."""
    rows = [{"serial": "Q1", "rfProfile": {"id": "7"}}, {"serial": "Q2", "rfProfile": {"id": "8"}}]
    (found,) = taken(PROFILE, rows)
    assert ([one["serial"] for one in found.before], found.how) == (["Q1"], WRITTEN_BACK)
    assert taken(PROFILE, rows[1:]) == ()


def test_vlans_are_made_again_beside_the_one_that_the_switch_brings_back() -> None:
    """VLAN 1 is written, VLAN 20 created; with VLANs live only what is missing."""
    vlans, *_ = taken(OFF, VLANS, None, None)
    assert vlans.how == MADE_AGAIN
    writes = [[one.operation for one in back.writes] for back in restoring(CATALOGUE, OVERLAY, OFF, vlans, None)]
    assert [one[0] for one in writes] == ["updateNetworkApplianceVlan", "createNetworkApplianceVlan"]
    live = restoring(CATALOGUE, OVERLAY, OFF, vlans, VLANS[:1])
    assert [back.writes[0].operation for back in live] == ["createNetworkApplianceVlan"]
    assert restoring(CATALOGUE, OVERLAY, OFF, vlans, VLANS) == []


def test_vlans_without_the_one_that_the_switch_brings_about_are_said_to_be_lost() -> None:
    """VLAN 1 would stand in their way."""
    (vlans,) = taken(OFF, VLANS[1:], None, None)
    assert (vlans.how, restoring(CATALOGUE, OVERLAY, OFF, vlans, None)) == (NOT_RESTORED, [])
    assert lost_words([vlans]) == ["1 of getNetworkApplianceVlans go with it and are not restored"]


def test_ports_are_each_written_when_nothing_is_known_of_them() -> None:
    """By their number, which is their id in the path."""
    ports = Dependant(
        Reader("getNetworkAppliancePorts", {"networkId": "N"}), [{"number": 5, "enabled": True}], WRITTEN_BACK
    )
    (back,) = restoring(CATALOGUE, OVERLAY, OFF, ports, None)
    assert (back.writes[0].operation, back.writes[0].params["portId"]) == ("updateNetworkAppliancePort", 5)
    assert "written back" in restored_words([ports])[0]


def test_a_template_writes_each_element_that_is_missing() -> None:
    """The access point gets the profile, whose id is replaced later by the new one."""
    (found,) = taken(PROFILE, [{"serial": "Q1", "rfProfile": {"id": "7"}}])
    (back,) = restoring(CATALOGUE, OVERLAY, PROFILE, found, [])
    (made,) = back.writes
    assert (made.operation, made.params, made.body) == (
        "updateDeviceWirelessRadioSettings", {"serial": "Q1"}, {"rfProfileId": "7"},
    )  # fmt: skip
