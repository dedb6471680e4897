"""States of the sandbox compared: what is found, what is let pass."""

import json
from typing import Any

from scripts.sweeping.states import moved, state_of

VLANS = "settings/networks/N_1/vlans"


def dumped(resources: Any = None, defaults: Any = None, **volatile: Any) -> Any:
    """A dump as /_sandbox/state gives it."""
    configuration = {"organizations": {}, "networks": {"N_1": {"name": "Site"}}, "devices": {}, "templates": {}}
    return {
        "configuration": {**configuration, "resources": resources or {}},
        "volatile": {"now": "x", "changes": [], "hidden": {}, **volatile},
        "defaults": {path: json.dumps(value) for path, value in (defaults or {}).items()},
    }


def compared(before: Any, after: Any, **ids: str) -> list[str]:
    """The paths that differ."""
    return [one.path for one in moved(state_of(before), state_of(after), ids)]


def test_what_was_only_looked_at_does_not_differ() -> None:
    """The sandbox makes a default when it is first read."""
    assert compared(dumped(), dumped(defaults={"/networks/N_1/vlans": {"1": {"name": "Default"}}})) == []


def test_a_setting_that_was_never_looked_at_before_differs_from_its_default() -> None:
    """By its field."""
    after = dumped(
        {"/networks/N_1/vlans": {"1": {"name": "Ours"}}}, {"/networks/N_1/vlans": {"1": {"name": "Default"}}}
    )
    assert compared(dumped(), after) == [f"{VLANS}.1.name"]


def test_a_new_id_that_was_announced_stands_for_the_old_one() -> None:
    """In paths and in values; one that was not announced differs, and so does what else is not as before.

    A short id is a number like any other outside its own collection.
    """
    ports = dumped({"/devices/Q1/switch/ports": {"7": {"vlan": "103"}}})
    before = dumped({"/networks/N_1/groupPolicies": {"102": {"id": "102", "name": "Lab"}}})
    after = dumped({"/networks/N_1/groupPolicies": {"103": {"id": "103", "name": "Lab"}}})
    other = dumped({"/networks/N_1/groupPolicies": {"103": {"id": "103", "name": "Lob"}}})
    assert compared(before, after, **{"103": "102"}) == []
    assert len(compared(before, after)) == 2
    assert compared(ports, ports, **{"103": "102"}) == []
    assert compared(before, other, **{"103": "102"}) == ["settings/networks/N_1/groupPolicies.102.name"]


def test_clock_log_and_counters_may_move_and_hidden_facts_may_not() -> None:
    """What the API never shows is compared, too: secrets, claims, cabling."""
    hidden = {"/devices/Q1": {"claimedAt": "2026", "configurationUpdatedAt": "now"}}
    later = {"/devices/Q1": {"claimedAt": "2027", "configurationUpdatedAt": "later"}}
    assert compared(dumped(), dumped(now="y", changes=[{"ts": 1}], counters={"vlan": 3})) == []
    assert compared(dumped(hidden=hidden), dumped(hidden=later)) == ["hidden/devices/Q1.claimedAt"]
