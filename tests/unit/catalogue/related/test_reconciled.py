"""Later edits of what a change took along: kept where the change left things alone, a conflict where it did not."""

from typing import Any

import pytest

from mcp_server.catalogue.overlay.row import DependantRule
from mcp_server.catalogue.related.reconciled import Reconciled, reconciled
from mcp_server.domain.plan import Dependant, Reader
from tests.support.shipped import CATALOGUE, OVERLAY

PORTS = DependantRule("getNetworkAppliancePorts")
ORDER = DependantRule("getNetworkSwitchQosRulesOrder")
ROUTES = DependantRule("getNetworkApplianceStaticRoutes")
ASSIGNED = DependantRule(
    "getOrganizationWirelessRfProfilesAssignmentsByDevice",
    "updateDeviceWirelessRadioSettings",
    params={"serial": "$before.serial"},
)


def found(rule: DependantRule, before: Any, left: Any, live: Any) -> Reconciled:
    """What comes of the three states."""
    dependant = Dependant(Reader(rule.read, {}), before, "written_back")
    return reconciled(CATALOGUE, OVERLAY, rule, dependant, left=left, live=live)


def port(**fields: Any) -> Any:
    """A list of one LAN port."""
    return [{"number": 3, "enabled": True, "vlan": 20, "type": "access", **fields}]


def test_what_nobody_touched_goes_back_as_it_was() -> None:
    """The change had put the port into another VLAN."""
    assert found(PORTS, port(), port(vlan=1), port(vlan=1)) == Reconciled(port())


def test_an_edit_of_another_field_stays() -> None:
    """And is told."""
    merge = found(PORTS, port(), port(vlan=1), port(vlan=1, enabled=False))
    assert merge == Reconciled(port(enabled=False), kept=("getNetworkAppliancePorts 3",))


def test_an_edit_of_the_same_field_is_a_conflict_and_stays_too() -> None:
    """A person decides."""
    merge = found(PORTS, port(), port(vlan=1), port(vlan=30))
    assert merge == Reconciled(port(vlan=30), conflicts=("getNetworkAppliancePorts 3: vlan",))


def test_a_field_that_nothing_writes_is_no_edit() -> None:
    """The cloud's own."""
    assert found(PORTS, port(), port(vlan=1), port(vlan=1, lastSeen="now")).conflicts == ()


@pytest.mark.parametrize(("left", "live"), [(None, port(vlan=30)), (port(vlan=1), None)])
def test_without_knowing_what_was_left_or_is_there_nothing_is_told_apart(left: Any, live: Any) -> None:
    """A change that failed half-way is taken back as it was before."""
    assert found(PORTS, port(), left, live) == Reconciled(port())


def test_an_element_that_the_change_took_away_is_wanted_again() -> None:
    """Unless somebody made it in another way meanwhile."""
    route = {"id": "7", "name": "lab", "subnet": "10.9.0.0/24", "gatewayIp": "10.1.1.1"}
    assert found(ROUTES, [route], [], []) == Reconciled([route])
    assert found(ROUTES, [route], [], [{**route, "gatewayIp": "10.1.1.1"}]) == Reconciled([route])
    other = {**route, "gatewayIp": "10.1.1.9"}
    assert found(ROUTES, [route], [], [other]) == Reconciled([other], conflicts=("getNetworkApplianceStaticRoutes 7",))


def test_an_element_that_somebody_removed_is_not_brought_back() -> None:
    """Kept where the change had left it alone; a conflict where both changed it."""
    route = {"id": "7", "name": "lab", "subnet": "10.9.0.0/24", "gatewayIp": "10.1.1.1"}
    assert found(ROUTES, [route], [route], []) == Reconciled([], kept=("getNetworkApplianceStaticRoutes 7",))
    changed = {**route, "name": "old lab"}
    assert found(ROUTES, [route], [changed], []).conflicts == ("getNetworkApplianceStaticRoutes 7",)


def test_a_settings_object_is_merged_as_a_whole() -> None:
    """A rule that somebody added stays in the order beside the one that comes back."""
    merge = found(ORDER, {"ruleIds": ["1", "2"]}, {"ruleIds": ["2"]}, {"ruleIds": ["2", "3"]})
    assert merge.wanted == {"ruleIds": ["1", "2", "3"]}
    assert merge.conflicts == ()


def test_rows_that_are_written_elsewhere_are_known_by_what_the_write_is_addressed_to() -> None:
    """The serial; another access point's row is another row."""
    had, left, given = ({"serial": "Q1", "rfProfile": {"id": id_}} for id_ in ("7", None, "9"))
    away = {"serial": "Q2", "rfProfile": {"id": "9"}}
    assert found(ASSIGNED, [had], [left, away], [left, away]) == Reconciled([had])
    merge = found(ASSIGNED, [had], [left, away], [given, away])
    assert (merge.wanted, merge.conflicts) == ([given], (f"{ASSIGNED.read} Q1: rfProfile.id",))
