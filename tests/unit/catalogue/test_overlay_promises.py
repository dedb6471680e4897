"""What the rows of the overlay promise can be kept: each way back can be built, and what has none says so."""

from typing import Any

import pytest

from mcp_server.catalogue.inverse import inverse_of
from mcp_server.catalogue.readers import reader_of
from mcp_server.domain.plan import Reader
from mcp_server.domain.risk import Risk
from tests.support.shipped import CATALOGUE, OVERLAY, sample, write

ROWS = [OVERLAY.row(operation_id) for operation_id in OVERLAY.proven()]


def _before(operation_id: str) -> Any:
    schema = OVERLAY.places.read_schema(CATALOGUE.find(operation_id))
    unsaid = {name: "text" for name in OVERLAY.row(operation_id).readable if "." not in name}
    return unsaid | (sample(schema) if schema else {})


@pytest.mark.parametrize("operation", [row.operation for row in ROWS if row.undo == "recreate"])
def test_what_says_it_can_be_created_again_can_be(operation: str) -> None:
    """From what its GET returns, with every field that the POST requires."""
    touch = write(operation, None, **dict.fromkeys(CATALOGUE.find(operation).path_params, "1"))
    assert inverse_of(CATALOGUE, OVERLAY, touch, _before(operation), None).writes


@pytest.mark.parametrize("operation", [row.operation for row in ROWS if row.undo == "none"])
def test_what_cannot_be_undone_sends_nothing_and_says_why(operation: str) -> None:
    """And it is refused unless the step says irreversible."""
    found = CATALOGUE.find(operation)
    touch = write(operation, sample(found.body) if found.body else None, **dict.fromkeys(found.path_params, "1"))
    inverse = inverse_of(CATALOGUE, OVERLAY, touch, None, None)
    assert inverse.writes == ()
    assert inverse.caveats[0]


@pytest.mark.parametrize(
    ("operation", "body", "inverse", "sent"),
    [
        ("enableOrganizationIntegrationsXdrNetworks", {"networks": [{"networkId": "N"}]},
         "disableOrganizationIntegrationsXdrNetworks", {"networks": [{"networkId": "N"}]}),
        ("disableOrganizationIntegrationsXdrNetworks", {"networks": [{"networkId": "N"}]},
         "enableOrganizationIntegrationsXdrNetworks", {"networks": [{"networkId": "N"}]}),
        ("dismissOrganizationAssuranceAlerts", {"alertIds": ["1"]},
         "restoreOrganizationAssuranceAlerts", {"alertIds": ["1"]}),
        ("restoreOrganizationAssuranceAlerts", {"alertIds": ["1"]},
         "dismissOrganizationAssuranceAlerts", {"alertIds": ["1"]}),
        ("addNetworkSwitchStack", {"serial": "Q"}, "removeNetworkSwitchStack", {"serial": "Q"}),
        ("removeNetworkSwitchStack", {"serial": "Q"}, "addNetworkSwitchStack", {"serial": "Q"}),
        ("installNetworkSmDeviceApps", {"appIds": ["1"], "force": True}, "uninstallNetworkSmDeviceApps",
         {"appIds": ["1"]}),
        ("modifyNetworkSmDevicesTags", {"ids": ["1"], "tags": ["a"], "updateAction": "add"},
         "modifyNetworkSmDevicesTags", {"ids": ["1"], "tags": ["a"], "updateAction": "delete"}),
        ("releaseFromOrganizationInventory", {"serials": ["Q"]}, "claimIntoOrganizationInventory",
         {"serials": ["Q"]}),
        ("assignOrganizationPoliciesGlobalGroupPoliciesApplianceVlans",
         {"policy": {"id": "1"}, "vlans": [{"interfaceId": "2"}]},
         "removeOrganizationPoliciesGlobalGroupPoliciesApplianceVlans",
         {"policy": {"id": "1"}, "vlans": [{"interfaceId": "2"}]}),
    ],
)  # fmt: skip
def test_an_action_of_a_pair_is_undone_by_the_other(operation: str, body: Any, inverse: str, sent: Any) -> None:
    """With the values of the action; what it may do too much is a caveat."""
    touch = write(operation, body, **dict.fromkeys(CATALOGUE.find(operation).path_params, "1"))
    found = inverse_of(CATALOGUE, OVERLAY, touch, {"serials": []}, None)
    assert [(one.operation, one.body) for one in found.writes] == [(inverse, sent)]
    assert found.caveats


def test_tags_of_managed_devices_that_are_replaced_cannot_be_brought_back() -> None:
    """Which tags each device had is not kept; nor can an undo name devices that were picked by serial."""
    replaced = write("modifyNetworkSmDevicesTags", {"ids": ["1"], "tags": ["a"], "updateAction": "update"})
    by_serial = write("modifyNetworkSmDevicesTags", {"serials": ["Q"], "tags": ["a"], "updateAction": "add"})
    assert inverse_of(CATALOGUE, OVERLAY, replaced, None, None).how == "none"
    assert inverse_of(CATALOGUE, OVERLAY, by_serial, None, None).how == "none"


def test_the_default_port_profile_goes_back_to_the_one_before() -> None:
    """The same action with the old value, which the list shows."""
    name = "setNetworkWirelessEthernetPortsProfilesDefault"
    touch = write(name, {"profileId": "2"}, networkId="N")
    assert reader_of(CATALOGUE, OVERLAY, touch) == Reader(
        "getNetworkWirelessEthernetPortsProfiles", {"networkId": "N"}, "", {"isDefault": True}
    )
    (undo,) = inverse_of(CATALOGUE, OVERLAY, touch, {"profileId": "1", "name": "Old"}, None).writes
    assert (undo.operation, undo.body) == (name, {"profileId": "1"})
    assert inverse_of(CATALOGUE, OVERLAY, touch, None, None).how == "none"


def test_switching_the_api_off_is_never_undone() -> None:
    """Nothing here could switch it on again."""
    off = OVERLAY.row_for(write("updateOrganization", {"api": {"enabled": False}}, organizationId="1"))
    assert (off.undo, off.risk) == ("none", Risk.CRITICAL)
    assert OVERLAY.row_for(write("updateOrganization", {"name": "x"}, organizationId="1")).undo == "put_before"


def test_switching_the_mesh_off_may_cut_off_access_points() -> None:
    """Repeaters have no other path."""
    off = OVERLAY.row_for(write("updateNetworkWirelessSettings", {"meshingEnabled": False}, networkId="N"))
    assert (off.self_isolating, off.risk) == (True, Risk.CRITICAL)


@pytest.mark.parametrize(
    ("operation", "family"),
    [
        ("claimIntoOrganization", "licenses"),
        ("claimIntoOrganizationInventory", "licenses"),
        ("claimOrganizationInventoryOrders", "licenses"),
        ("generateAdministeredIdentitiesMeApiKeys", "api_keys"),
        ("revokeAdministeredIdentitiesMeApiKeys", "api_keys"),
        ("wipeNetworkSmDevices", "sm_wipe_lock"),
        ("moveOrganizationLicenses", "licenses"),
        ("createOrganizationSmAdminsRole", "admins"),
    ],
)
def test_claims_keys_wipes_and_rights_stay_off_and_are_critical(operation: str, family: str) -> None:
    """Until the operator switches their family on."""
    assert (OVERLAY.row(operation).family, OVERLAY.row(operation).risk) == (family, Risk.CRITICAL)


@pytest.mark.parametrize(
    "operation",
    [
        "checkinNetworkSmDevices", "refreshNetworkSmDeviceDetails", "generateDeviceCameraSnapshot",
        "previewOrganizationInventoryOrders", "validateAdministeredLicensingSubscriptionSubscriptionsClaimKey",
    ],
)  # fmt: skip
def test_actions_without_effect_on_configuration_are_low(operation: str) -> None:
    """Design 3.1: low-risk plans with nothing to undo."""
    row = OVERLAY.row(operation)
    assert (row.kind, row.risk, row.undo) == ("action", Risk.LOW, "none")
