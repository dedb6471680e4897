"""The organization's configuration-change log beside a change: what it explains and what is told."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from mcp_server.changes.execution.residue import explained, read_log
from mcp_server.domain.record import ChangeStep
from mcp_server.errors import Rejected
from tests.support.fake_clock import START
from tests.unit.changes.execution.runs import a_run

LOG = "/organizations/1/configurationChanges"
PATH = "/networks/N_1/wireless/ssids/3"
SENT = ChangeStep("C/apply/1", "C", "apply", 1, "applied", {"method": "PUT", "path": PATH})


def row(label: str = f"PUT /api/v1{PATH}", admin: str = "7", after_s: float = 1.0, **given: Any) -> dict[str, Any]:
    """A row of the log as the cloud documents it."""
    made = {
        "ts": (START + timedelta(seconds=after_s)).isoformat(), "adminId": admin, "adminEmail": f"{admin}@example.com",
        "networkId": "N_1", "page": "via API", "label": label, "oldValue": '{"name":"A","psk":"old-psk"}',
        "newValue": '{"name":"B","psk":"old-psk"}',
    }  # fmt: skip
    return {**made, **given}


def test_the_changes_own_write_explains_its_row() -> None:
    """Nothing is left over, and the log counts as read."""
    found = explained([row()], [SENT], START)
    assert (found.state, found.own, found.residue) == ("read", 1, ())


def test_a_row_of_another_resource_by_the_same_key_is_told_as_ours() -> None:
    """A side effect of the write, or another program with the same key."""
    (left,) = explained([row(), row("VLAN 10 deleted", page="Addressing & VLANs")], [SENT], START).residue
    assert (left["by"], left["what"], left["page"]) == ("this server's key", "VLAN 10 deleted", "Addressing & VLANs")


def test_a_row_of_somebody_else_is_told_by_name_even_for_the_same_resource() -> None:
    """The write that most rows of one administrator match is ours; the other one's is not."""
    two = replace(SENT, key="C/apply/2", number=2, request={"method": "PUT", "path": f"{PATH}4"})
    rows = [row(), row(f"PUT /api/v1{PATH}4"), row(admin="9")]
    (left,) = explained(rows, [SENT, two], START).residue
    assert (left["by"], left["who"]) == ("somebody else", "9@example.com")


def test_when_two_wrote_the_same_it_is_not_known_who_is_who() -> None:
    """Both are told, by nobody in particular."""
    found = explained([row(), row(admin="9")], [SENT], START)
    assert [one["by"] for one in found.residue] == ["unknown", "unknown"]
    assert found.state == "unknown"


def test_values_are_never_told_because_they_may_be_secrets() -> None:
    """Only the names of the fields that changed."""
    (left,) = explained([row(), row("PUT /api/v1/networks/N_2/snmp")], [SENT], START).residue
    assert left["fields"] == ["name"]
    assert "old-psk" not in str(left)


def test_a_log_without_the_changes_own_writes_is_unknown() -> None:
    """It may be delayed; silence of a delayed log proves nothing."""
    found = explained([], [SENT], START)
    assert (found.state, found.residue) == ("unknown", ())
    assert "delayed" in found.why


def test_a_log_with_some_of_the_writes_is_incomplete() -> None:
    """The first missing request is named."""
    other = replace(SENT, key="C/apply/2", number=2, request={"method": "DELETE", "path": "/networks/N_1/x"})
    found = explained([row()], [SENT, other], START)
    assert (found.state, found.own) == ("incomplete", 1)
    assert "DELETE /api/v1/networks/N_1/x" in found.why


def test_what_was_refused_or_never_sent_is_not_looked_for() -> None:
    """A failed step leaves no row, and a reboot is no configuration."""
    failed = replace(SENT, key="C/apply/2", number=2, state="failed", request={"method": "PUT", "path": "/x"})
    reboot = replace(SENT, key="C/apply/3", number=3, request={"method": "POST", "path": "/devices/Q2-1/reboot"})
    assert explained([row()], [SENT, failed, reboot], START).state == "read"


def test_what_happened_before_the_change_is_not_told() -> None:
    """The time before is read for clocks that differ, for the change's own rows alone."""
    early = row("PUT /api/v1/networks/N_1/snmp", "9", after_s=-5.0)
    found = explained([row(after_s=-5.0), early], [SENT], START)
    assert (found.state, found.own, found.residue) == ("read", 1, ())


def test_a_quoted_id_is_the_same_request() -> None:
    """The cloud shows the path as it was meant."""
    quoted = replace(SENT, request={"method": "DELETE", "path": "/networks/N_1/webhooks/httpServers/aHR0%3D"})
    found = explained([row("DELETE /api/v1/networks/N_1/webhooks/httpServers/aHR0=")], [quoted], START)
    assert found.state == "read"


def test_a_row_without_a_time_is_told_rather_than_dropped() -> None:
    """What cannot be placed is not ours to leave out."""
    assert len(explained([row(), row("x", "9", ts=None)], [SENT], START).residue) == 1


def test_of_very_many_rows_fifty_are_listed_and_the_rest_counted() -> None:
    """Never shortened in silence."""
    found = explained([row(), *(row(f"other {n}") for n in range(60))], [SENT], START)
    assert len(found.residue) == 50
    assert "10 more rows" in found.why


async def test_the_log_is_asked_for_once_from_the_beginning_of_the_change() -> None:
    """With room for clocks that differ."""
    run, api = a_run(None, {LOG: []})
    run.steps.append(SENT)
    assert (await read_log(run)).state == "unknown"
    (asked,) = api.requests
    assert asked.query == {"t0": (START - timedelta(seconds=30)).isoformat(timespec="milliseconds")}


async def test_a_log_that_cannot_be_read_is_unknown_and_no_failure() -> None:
    """With the kind of error; likewise an answer of another shape."""
    run, _ = a_run(None, {LOG: Rejected("no", sent=True, status=403, errors=("nope",))})
    found = await read_log(run)
    assert (found.state, "rejected" in found.why) == ("unknown", True)
    run, _ = a_run(None, {LOG: {"odd": True}})
    assert (await read_log(run)).state == "unknown"
