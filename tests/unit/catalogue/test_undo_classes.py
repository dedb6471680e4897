"""How writes are undone, operation by operation: what was decided about them, not what their schema suggests."""

from typing import Any

import pytest

from mcp_server.catalogue.overlay import Row
from mcp_server.catalogue.readers import reader_of
from mcp_server.domain.risk import Risk
from tests.support.shipped import CATALOGUE, OVERLAY, write


def _given(operation: str, body: Any) -> Row:
    return OVERLAY.row_for(write(operation, body))


@pytest.mark.parametrize(
    ("operation", "inverse"),
    [
        ("claimNetworkDevices", "removeNetworkDevices"),
        ("removeNetworkDevices", "claimNetworkDevices"),
        ("vmxNetworkDevicesClaim", "removeNetworkDevices"),
        ("bulkOrganizationNetworksGroupAssign", "bulkOrganizationNetworksGroupUnassign"),
        ("bulkOrganizationNetworksGroupUnassign", "bulkOrganizationNetworksGroupAssign"),
        ("addNetworkApplianceUmbrellaPolicies", "removeNetworkApplianceUmbrellaPolicies"),
        ("removeNetworkApplianceUmbrellaPolicies", "addNetworkApplianceUmbrellaPolicies"),
        ("connectNetworkApplianceUmbrellaAccount", "disconnectNetworkApplianceUmbrellaAccount"),
        ("swapNetworkApplianceWarmSpare", "swapNetworkApplianceWarmSpare"),
        ("createNetworkApplianceDevicesRedundancySwap", "createNetworkApplianceDevicesRedundancySwap"),
        ("deferNetworkFirmwareUpgradesStagedEvents", "updateNetworkFirmwareUpgradesStagedEvents"),
        ("reassignNetworkVlanProfilesAssignments", "reassignNetworkVlanProfilesAssignments"),
        (
            "batchOrganizationDevicesCellularDataProfilesAssignmentsCreate",
            "bulkOrganizationDevicesCellularDataProfilesAssignmentsDelete",
        ),
        (
            "bulkOrganizationDevicesCellularDataProfilesAssignmentsDelete",
            "batchOrganizationDevicesCellularDataProfilesAssignmentsCreate",
        ),
        (
            "createOrganizationApplianceDnsSplitProfilesAssignmentsBulkCreate",
            "createOrganizationApplianceDnsSplitProfilesAssignmentsBulkDelete",
        ),
        (
            "createOrganizationApplianceDnsSplitProfilesAssignmentsBulkDelete",
            "createOrganizationApplianceDnsSplitProfilesAssignmentsBulkCreate",
        ),
    ],
)
def test_an_action_with_an_opposite_is_undone_by_it_and_says_what_that_misses(operation: str, inverse: str) -> None:
    """The pairs of the facts; none of them is without a caveat."""
    row = OVERLAY.row(operation)
    assert (row.kind, row.undo, row.inverse) == ("action", "inverse_action", inverse)
    assert row.caveats


@pytest.mark.parametrize(
    ("operation", "why"),
    [
        ("combineOrganizationNetworks", "new ids"),
        ("splitNetwork", "another id"),
        ("createNetworkMove", "another organization"),
        ("deleteNetworkFloorPlan", "imageContents"),
        ("deleteNetworkPiiRequest", "cannot be made again"),
        ("disconnectNetworkApplianceUmbrellaAccount", "API key and secret"),
        ("createOrganizationCellularGatewayEsimsSwap", "given up"),
        ("createOrganizationDevicesControllerMigration", "migrates it back"),
        ("createNetworkFirmwareUpgradesStagedEvent", "no firmware rollback"),
        ("bulkOrganizationDevicesPacketCaptureCapturesDelete", "does not come back"),
        ("publishNetworkFloorPlansAutoLocateJob", "one by one"),
        ("createDeviceApplianceVmxAuthenticationToken", "shown once"),
    ],
)
def test_what_cannot_be_undone_is_critical_and_says_why(operation: str, why: str) -> None:
    """Irreversible operations are critical (design 3.3)."""
    row = OVERLAY.row(operation)
    assert (row.undo, row.risk) == ("none", Risk.CRITICAL)
    assert why in row.why_none


@pytest.mark.parametrize(
    "operation",
    [
        "createDeviceLiveToolsThroughputTest",
        "createDeviceLiveToolsWakeOnLan",
        "updateOrganizationCellularGatewayEsimsSwap",
        "stopOrganizationDevicesPacketCaptureCapture",
        "batchNetworkFloorPlansAutoLocateJobs",
    ],
)
def test_what_has_no_effect_on_configuration_is_low(operation: str) -> None:
    """Also a PUT that only asks for a status."""
    row = OVERLAY.row(operation)
    assert (row.kind, row.undo, row.risk) == ("action", "none", Risk.LOW)
    assert "changes no configuration" in row.why_none


@pytest.mark.parametrize(
    ("operation", "body", "undo", "risk"),
    [
        ("createNetworkMove", {"simulate": True}, "none", Risk.LOW),
        ("createNetworkMove", {"simulate": False}, "none", Risk.CRITICAL),
        ("createNetworkPiiRequest", {"type": "delete"}, "none", Risk.CRITICAL),
        ("createNetworkPiiRequest", {"type": "restrict processing"}, "delete_created", Risk.HIGH),
        ("createDeviceSensorCommand", {"operation": "cycleDownstreamPower"}, "none", Risk.CRITICAL),
        ("createDeviceSensorCommand", {"operation": "disableDownstreamPower"}, "inverse_action", Risk.CRITICAL),
        ("createDeviceSensorCommand", {"operation": "enableDownstreamPower"}, "inverse_action", Risk.HIGH),
        ("createDeviceSensorCommand", {"operation": "refreshData"}, "none", Risk.LOW),
        ("updateNetworkApplianceSettings", {"clientTrackingMethod": "IP address"}, "put_before", Risk.MODERATE),
        ("updateNetworkApplianceSettings", {"deploymentMode": "passthrough"}, "put_before", Risk.CRITICAL),
        ("updateNetworkSettings", {"namedVlans": {"enabled": False}}, "put_before", Risk.HIGH),
    ],
)
def test_what_the_body_asks_decides(operation: str, body: Any, undo: str, risk: Risk) -> None:
    """One operation, several things to do."""
    row = _given(operation, body)
    assert (row.undo, row.risk) == (undo, risk)


@pytest.mark.parametrize(
    ("operation", "listed"),
    [
        ("updateNetworkApplianceFirewallMulticastForwarding", "FirewallMulticastForwardingByNetwork"),
        ("updateNetworkApplianceInterfacesL3", "DevicesInterfacesL3"),
        ("updateDeviceApplianceInterfacesPort", "DevicesInterfacesPortsByDevice"),
        ("updateNetworkApplianceSecurityHttpsInspection", "SecurityHttpsInspectionByNetwork"),
        ("updateNetworkApplianceTrafficShapingVpnExclusions", "TrafficShapingVpnExclusionsByNetwork"),
        ("updateNetworkApplianceUplinksNat", "UplinksNatByNetwork"),
        ("updateNetworkCampusGatewayCluster", "CampusGatewayClusters"),
        ("updateDeviceCellularGeolocations", "DevicesCellularGeolocations"),
        ("updateNetworkDevicesSyslogServers", "DevicesSyslogServersByNetwork"),
    ],
)
def test_a_put_without_a_get_is_read_in_the_list_of_its_organization(operation: str, listed: str) -> None:
    """Found by network, serial or id; without the organization there is no reader."""
    touch = write(operation, {}, **dict.fromkeys(CATALOGUE.find(operation).path_params, "1"))
    reader = reader_of(CATALOGUE, OVERLAY, touch, organization_id="7")
    assert reader is not None
    assert reader.operation.endswith(listed)
    assert reader.params["organizationId"] == "7"
    assert reader.match
    assert reader_of(CATALOGUE, OVERLAY, touch) is None


@pytest.mark.parametrize(
    "operation",
    [
        "updateDeviceManagementInterface",
        "updateDeviceApplianceUplinksSettings",
        "updateDeviceCellularSims",
        "updateNetworkApplianceUplinksNat",
        "updateNetworkApplianceWarmSpare",
        "updateNetworkApplianceSdwanInternetPolicies",
        "removeNetworkDevices",
    ],
)
def test_what_may_cut_its_own_path_to_the_cloud_is_critical(operation: str) -> None:
    """Uplinks and management addresses (design 3.3)."""
    row = OVERLAY.row(operation)
    assert row.self_isolating
    assert row.risk is Risk.CRITICAL
    assert row.downtime != "none" or operation == "updateNetworkApplianceUplinksNat"
