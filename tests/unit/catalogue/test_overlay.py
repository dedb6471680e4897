"""The overlay: every write has a row, every row of the files is right, and loading is strict and quick."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from mcp_server.catalogue.overlay import Overlay
from mcp_server.catalogue.overlay.entries import Entries
from mcp_server.catalogue.overlay.row import TRANSFORM_NAMES, OverlayError
from mcp_server.catalogue.transforms import TRANSFORMS
from mcp_server.domain.risk import Risk
from mcp_server.errors import InvalidArguments
from tests.support.shipped import CATALOGUE, OVERLAY, write

GOOD = 'operations = ["updateNetwork"]\nrisk = "low"\nsource = "somewhere"\n'


def _load(folder: Path, text: str) -> Overlay:
    (folder / "rows.toml").write_text(text, encoding="utf-8")
    return Overlay.load(CATALOGUE, folder)


def test_every_write_has_a_row() -> None:
    """All 482 of them, with the words that a plan needs."""
    rows = [OVERLAY.row(operation) for operation in CATALOGUE.writes()]
    assert len(rows) == 482
    assert all(row.resource and row.task and row.kind != "read" for row in rows)


def test_no_write_rests_on_its_schema_alone() -> None:
    """The files name every one."""
    assert set(CATALOGUE.writes()) <= set(OVERLAY.proven())


def test_an_operation_without_a_row_is_critical_and_unproven(tmp_path: Path) -> None:
    """Until its inverse is proven (design 3.3): one that a newer API has."""
    overlay = Overlay.load(CATALOGUE, tmp_path)
    rows = [overlay.row(operation) for operation in CATALOGUE.writes()]
    assert {row.risk for row in rows} == {Risk.CRITICAL}
    assert not any(row.proven for row in rows)
    assert [row.operation for row in rows if row.undo == "none" and not row.why_none] == []


def test_every_shipped_row_is_right() -> None:
    """Rows are parsed when they are first asked for, so nothing but this would find a wrong one before a plan does."""
    Overlay.load(CATALOGUE).check()


def test_a_wrong_row_that_is_asked_for_is_refused_at_run_time_too(tmp_path: Path) -> None:
    """A file that somebody edited after the tests."""
    (tmp_path / "rows.toml").write_text(f'[[rows]]\n{GOOD}colour = "red"\n', encoding="utf-8")
    overlay = Overlay(CATALOGUE, Entries(CATALOGUE, tmp_path), tmp_path)
    with pytest.raises(OverlayError, match="unknown field 'colour'"):
        overlay.row("updateNetwork")


def test_loading_parses_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parsing all of them takes a tenth of a second, which every start would pay."""
    parsed: list[str] = []
    real = tomllib.loads

    def counted(text: str) -> dict[str, Any]:
        parsed.append(text)
        return real(text)

    monkeypatch.setattr(tomllib, "loads", counted)
    overlay = Overlay.load(CATALOGUE)
    assert parsed == []
    assert len(overlay.proven()) > 99
    overlay.row("updateNetwork")
    assert 0 < len(parsed) < 10


def test_what_cannot_be_undone_says_why() -> None:
    """Also when it was computed."""
    rows = [OVERLAY.row(operation) for operation in CATALOGUE.writes()]
    assert [row.operation for row in rows if row.undo == "none" and not row.why_none] == []


def test_every_named_operation_cites_its_source() -> None:
    """No row without where it is known from."""
    assert all(OVERLAY.row(operation).sources for operation in OVERLAY.proven())


def test_every_field_that_a_row_names_exists() -> None:
    """In the body or in what is read."""
    assert OVERLAY.unknown_fields() == ()


def test_every_transform_that_rows_may_name_is_defined() -> None:
    """And none is defined that no row may name."""
    assert set(TRANSFORM_NAMES) == set(TRANSFORMS)


def test_write_only_secrets_are_found_from_the_schema() -> None:
    """A RADIUS secret and a certificate are in the body and not in the GET."""
    assert "radiusServers[].secret" in OVERLAY.row("updateNetworkApplianceSsid").write_only
    assert OVERLAY.row("updateNetworkFloorPlan").write_only == ("imageContents",)
    assert OVERLAY.row("updateNetworkSnmp").write_only == ()


def test_unreadable_fields_are_named_by_their_outermost_holder() -> None:
    """A list of which nothing is read is named once, not leaf by leaf."""
    row = OVERLAY.row("updateNetworkWirelessSsid")
    assert {"activeDirectory", "apTagsAndVlanIds", "vlanId"} <= set(row.unreadable)
    assert not [path for path in row.unreadable if path.startswith("apTagsAndVlanIds[")]


@pytest.mark.parametrize(
    ("operation", "family"),
    [
        ("createOrganizationAdmin", "admins"),
        ("createOrganizationSmAdminsRole", "admins"),
        ("updateOrganizationSaml", "saml"),
        ("createOrganizationSamlRole", "saml"),
        ("generateAdministeredIdentitiesMeApiKeys", "api_keys"),
        ("wipeNetworkSmDevices", "sm_wipe_lock"),
        ("lockNetworkSmDevices", "sm_wipe_lock"),
        ("moveOrganizationLicenses", "licenses"),
        ("moveOrganizationLicensingCotermLicenses", "licenses"),
    ],
)
def test_families_that_are_off_by_default_are_marked(operation: str, family: str) -> None:
    """Admins, SAML, API keys, SM wipe and lock, licence moves."""
    assert OVERLAY.row(operation).family == family


def test_ordinary_writes_belong_to_no_family() -> None:
    """A rule by path must not reach too far."""
    for operation in (
        "updateNetworkWirelessSsid",
        "claimNetworkDevices",
        "updateNetwork",
        "releaseFromOrganizationInventory",
    ):
        assert OVERLAY.row(operation).family == ""


def test_operations_that_carry_others_are_marked() -> None:
    """Action batches, and nothing else in this version."""
    carriers = [operation for operation in CATALOGUE.writes() if OVERLAY.row(operation).carrier]
    assert sorted(carriers) == ["createOrganizationActionBatch", "updateOrganizationActionBatch"]


@pytest.mark.parametrize(
    ("operation", "resource", "task"),
    [
        ("updateNetworkWirelessSsid", "ssid", "T1"),
        ("createNetworkApplianceVlan", "vlan", "T2"),
        ("updateNetworkSwitchAccessControlLists", "acl", "T2"),
        ("updateDeviceSwitchPort", "port", "T2"),
        ("updateNetworkApplianceFirewallL3FirewallRules", "firewall_l3", "T3"),
        ("updateNetworkApplianceFirewallL7FirewallRules", "firewall_l7", "T3"),
        ("updateNetworkApplianceFirewallOneToOneNatRules", "nat", "T3"),
        ("updateOrganizationApplianceVpnThirdPartyVPNPeers", "vpn", "T3"),
        ("updateNetworkAlertsSettings", "alert", "T4"),
        ("updateNetworkSnmp", "snmp", "T4"),
        ("updateNetworkSyslogServers", "syslog", "T4"),
        ("updateNetworkFirmwareUpgrades", "firmware", "T4"),
        ("updateDeviceCameraQualityAndRetention", "camera", "T4"),
        ("updateDevice", "tag", "T6"),
    ],
)
def test_resources_and_tasks_use_the_protocols_words(operation: str, resource: str, task: str) -> None:
    """The change-request record and the safety rules go by them."""
    row = OVERLAY.row(operation)
    assert (row.resource, row.task) == (resource, task)


@pytest.mark.parametrize(
    ("operation", "risk"),
    [
        ("updateDevice", Risk.LOW),
        ("createDeviceLiveToolsPing", Risk.LOW),
        ("createDeviceLiveToolsCableTest", Risk.LOW),
        ("updateNetworkWirelessSsid", Risk.MODERATE),
        ("createNetworkApplianceVlan", Risk.MODERATE),
        ("updateNetworkAlertsSettings", Risk.MODERATE),
        ("updateDeviceSwitchPort", Risk.HIGH),
        ("updateNetworkSwitchAccessControlLists", Risk.HIGH),
        ("deleteNetworkApplianceVlan", Risk.HIGH),
        ("updateNetworkApplianceVpnSiteToSiteVpn", Risk.CRITICAL),
        ("deleteNetwork", Risk.CRITICAL),
        ("rebootDevice", Risk.CRITICAL),
    ],
)
def test_risk_is_as_the_design_has_it(operation: str, risk: Risk) -> None:
    """Low notes and reads, moderate SSIDs and alerts, high ports and deletes, critical VPN and the irreversible."""
    assert OVERLAY.row(operation).risk is risk


def test_every_delete_is_at_least_high() -> None:
    """Whatever it deletes."""
    deletes = [OVERLAY.row(id_) for id_ in CATALOGUE.writes() if OVERLAY.row(id_).kind == "delete"]
    assert min(row.risk for row in deletes) >= Risk.HIGH


def test_a_condition_on_the_body_changes_the_row() -> None:
    """Switching VLANs off takes all of them along; switching them on takes the single LAN."""
    off = OVERLAY.row_for(write("updateNetworkApplianceVlansSettings", {"vlansEnabled": False}, networkId="N_1"))
    on = OVERLAY.row_for(write("updateNetworkApplianceVlansSettings", {"vlansEnabled": True}, networkId="N_1"))
    assert [one.read for one in on.dependants] == ["getNetworkApplianceSingleLan"]
    assert [one.read for one in off.dependants][:2] == ["getNetworkApplianceVlans", "getNetworkAppliancePorts"]
    assert "deletes every VLAN" in off.caveats[0]


def test_a_read_is_low_and_changes_nothing() -> None:
    """GETs have rows too."""
    row = OVERLAY.row("getNetwork")
    assert (row.kind, row.risk, row.undo) == ("read", Risk.LOW, "none")


def test_an_unknown_operation_has_no_row() -> None:
    """The catalogue's refusal, with the nearest names."""
    with pytest.raises(InvalidArguments, match="no operation"):
        OVERLAY.row("updateNetwrk")


def test_several_rows_may_speak_of_one_operation(tmp_path: Path) -> None:
    """Each of other fields; both sources are kept."""
    text = f'[[rows]]\n{GOOD}\n[[rows]]\noperations = ["updateNetwork"]\ntask = "T2"\nsource = "elsewhere"\n'
    row = _load(tmp_path, text).row("updateNetwork")
    assert (row.risk, row.task, row.sources, row.proven) == (Risk.LOW, "T2", ("somewhere", "elsewhere"), True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f'{GOOD}colour = "red"', "unknown field 'colour'"),
        (f'{GOOD}undo = "wish"', "'wish' is none of"),
        (f'{GOOD}task = "T9"', "'T9' is none of"),
        (f'{GOOD}transforms = ["magic"]', "no transform 'magic'"),
        (f'{GOOD}inverse = "undoNetwork"', "no operation 'undoNetwork'"),
        (f'{GOOD}dependants = ["getNowhere"]', "no operation 'getNowhere'"),
        (f'{GOOD}reader = {{ operation = "getNowhere" }}', "no operation 'getNowhere'"),
        (f"{GOOD}reader = {{ place = 1 }}", "unexpected keyword argument"),
        (f'{GOOD}undo = "none"', "no reason"),
        (f'{GOOD}when = [{{ body = {{ name = "x" }}, undo = "none" }}]', "no reason"),
        (f'{GOOD}volatile = "name"', "a list is needed"),
        (GOOD.replace('operations = [', 'operations = [ # ]\n'), "one list of plain texts"),
        (f"{GOOD}when = [{{ body = {{ name = 1 }} }}]", "a condition needs"),
        (f'{GOOD}\n[[rows]]\n{GOOD}', "'risk' is set twice"),
        (GOOD.replace("updateNetwork", "updateNetwrk"), "no operation 'updateNetwrk'"),
        (GOOD.replace("low", "tiny"), "'tiny' is no risk"),
        (GOOD.replace('risk = "low"\n', ""), "a row needs a risk"),
        (GOOD.replace('source = "somewhere"\n', ""), "operations and source are needed"),
    ],
)  # fmt: skip
def test_a_wrong_row_stops_the_start(tmp_path: Path, text: str, said: str) -> None:
    """Naming what is wrong with it."""
    with pytest.raises(OverlayError, match=said):
        _load(tmp_path, f"[[rows]]\n{text}")


def test_a_rule_by_path_needs_paths_and_a_source(tmp_path: Path) -> None:
    """As rows do."""
    (tmp_path / "paths.toml").write_text('[[rules]]\npaths = ["/"]\nresource = "x"\n', encoding="utf-8")
    with pytest.raises(OverlayError, match=r"paths.toml 1: paths and source"):
        Overlay.load(CATALOGUE, tmp_path)


def test_what_holds_everywhere_is_added_to_not_replaced() -> None:
    """A row with volatile fields of its own keeps the common ones; a field that is written is never volatile."""
    row = OVERLAY.row("updateNetworkApplianceVlan")
    assert {"interfaceId", "updatedAt", "url"} <= set(row.volatile)
    assert "url" not in OVERLAY.row("createNetworkWebhooksHttpServer").volatile
    assert "networkIds" not in OVERLAY.row("updateOrganizationAssuranceAlertsProfile").volatile


def test_no_shipped_value_repeats_what_the_schema_says() -> None:
    """It would look like knowledge, and no test could tell that it is missing."""
    assert OVERLAY.idle() == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f'{GOOD}undo = "put_before"', "undo"),
        (f'{GOOD}kind = "update"', "kind"),
        (f'{GOOD}natural_key = ["name"]', "natural_key"),
        (f'{GOOD}volatile = ["createdAt"]', "volatile: createdAt"),
        (f'{GOOD}unordered = ["tags", "mine"]', "unordered: tags"),
        (f'{GOOD}downtime = "brief"\nwhen = [{{ body = {{ name = "x" }}, downtime = "brief" }}]', "when downtime"),
    ],
)  # fmt: skip
def test_a_value_that_says_nothing_new_is_named(tmp_path: Path, text: str, said: str) -> None:
    """The schema's own undo and kind, a key of what is no create, what holds everywhere, a condition without effect."""
    assert _load(tmp_path, f"[[rows]]\n{text}").idle() == (f"rows.toml row 1: {said}",)


def test_a_risk_and_a_reason_are_stated_even_where_the_schema_gives_the_same(tmp_path: Path) -> None:
    """They say that a person looked at it: without a row everything is critical."""
    said = f"{GOOD.replace('updateNetwork', 'rebootDevice').replace('low', 'critical')}why_none = 'it restarts'"
    assert _load(tmp_path, f"[[rows]]\n{said}").idle() == ()
