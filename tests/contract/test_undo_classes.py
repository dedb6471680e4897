"""The undo class of writes, held against the simulated cloud: what is promised leads back.

Ids that the cloud hands out anew are told apart from everything else: a way back that changes nothing but them is
kept (the plan announces the new id). The writes and what must stand before them are those of test_sandbox_writes.
"""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from mcp_server.catalogue.expected import expected_state, with_sent_body
from mcp_server.catalogue.inverse import inverse_of
from mcp_server.catalogue.readers import reader_of
from mcp_server.catalogue.requests import request_for
from mcp_server.catalogue.shared_reads import picked
from mcp_server.domain.call import Touch
from mcp_server.domain.plan import Reader
from mcp_server.sandbox.checks.effects import WITHOUT_EFFECT
from mcp_server.sandbox.cloud import Cloud
from mcp_server.sandbox.seed import seeded
from mcp_server.sandbox.world import canonical
from tests.contract.test_sandbox_writes import _OWN, _cases, _placed
from tests.support.shipped import CATALOGUE, OVERLAY

Json = Any
_NEW_ID = re.compile(r"57589780235001\d{4}")  #: ids that this cloud hands out
#: writes whose way back leaves a difference that the plan announces: the word of the caveat that does
ANNOUNCED = {
    "bindNetwork": "own settings",
    "removeNetworkDevices": "default settings",
    "vmxNetworkDevicesClaim": "stays in the inventory",
    "updateOrganizationApplianceVpnThirdPartyVPNPeers": "fills with its defaults",
}
#: whose way back is also that of their dependants, which the engine reads and writes: tests/flow/test_dependants.py
BY_DEPENDANTS = ("batchNetworkFloorPlansDevicesUpdate",)
PROMISED = sorted(name for name in _OWN if OVERLAY.row(name).undo != "none")


class Desk:
    """A fresh cloud and what was sent to it."""

    def __init__(self) -> None:
        """A new world each time."""
        self.cloud = Cloud(seeded())

    def send(self, operation: str, params: Mapping[str, Any], body: Json) -> Json:
        """The answer of a request that must be a success."""
        request = request_for(CATALOGUE.find(operation), params, body)
        query = {name.removesuffix("[]"): value for name, value in dict(request.query).items()}
        answer = self.cloud.ask(request.method, request.path, query, request.body)
        assert answer.status < 300, (operation, answer.body)
        return answer.body

    def read(self, reader: Reader | None) -> Json:
        """The resource; None when it is not there or nothing reads it."""
        if reader is None:
            return None
        request = request_for(CATALOGUE.find(reader.operation), reader.params)
        query = {name.removesuffix("[]"): value for name, value in dict(request.query).items()}
        answer = self.cloud.ask("GET", request.path, query, None)
        return None if answer.status == 404 else picked(reader, answer.body)

    def touch(self, operation: str) -> Touch:
        """The write of a case, when what must stand before it stands."""
        case, answers = _cases()[operation], []  # type: ignore[var-annotated]  # JSON of any kind
        for step in case.first:
            params, body = (_placed(step.get(part), answers) for part in ("params", "body"))
            answers.append(self.send(step["operation"], params or {}, body))
            self.cloud.world.advance(step.get("wait_s", 0))
        return Touch(operation, _placed(case.params, answers), _placed(case.body, answers), is_write=True)

    def state(self) -> str:
        """What is configured, ids that were handed out left out."""
        return _NEW_ID.sub("ID", canonical(self.cloud.world.dump()["configuration"]))


def _filled(value: Json, made: Json) -> Json:
    if isinstance(value, Mapping):
        if "$created" not in value:
            return {name: _filled(item, made) for name, item in value.items()}
        for name in str(value["$created"]).split("."):
            made = made[int(name)] if isinstance(made, list) else made[name]
        return made
    return [_filled(item, made) for item in value] if isinstance(value, list) else value


def _there_and_back(desk: Desk, operation: str) -> tuple[str, str, str]:
    """The state before, after the write, and after its way back."""
    touch = desk.touch(operation)
    reader = reader_of(CATALOGUE, OVERLAY, touch, organization_id=str(touch.params.get("organizationId", "549236")))
    before, kept = desk.read(reader), desk.state()
    if OVERLAY.row_for(touch).kind == "update":
        touch = with_sent_body(OVERLAY, touch, before)
    expected = expected_state(CATALOGUE, OVERLAY, touch, before)
    made, changed = desk.send(operation, touch.params, touch.body), desk.state()
    inverse = inverse_of(CATALOGUE, OVERLAY, touch, before, expected)
    assert inverse.writes, operation
    for step in inverse.writes:
        desk.send(step.operation, _filled(step.params, made), _filled(step.body, made))
    return kept, changed, desk.state()


@pytest.mark.parametrize("operation", [name for name in PROMISED if name not in (*ANNOUNCED, *BY_DEPENDANTS)])
def test_a_way_back_that_is_promised_leads_back(operation: str) -> None:
    """The state is the one before, but for ids; and the write had changed it."""
    kept, changed, after = _there_and_back(Desk(), operation)
    assert changed != kept
    assert after == kept


@pytest.mark.parametrize("operation", ANNOUNCED)
def test_a_difference_that_stays_is_announced(operation: str) -> None:
    """The row's caveats say what is not brought back."""
    assert ANNOUNCED[operation] in " ".join(OVERLAY.row(operation).caveats)


@pytest.mark.parametrize("operation", BY_DEPENDANTS)
def test_what_is_left_to_dependants_is_written_by_them(operation: str) -> None:
    """And nothing is announced that would stay."""
    row = OVERLAY.row(operation)
    assert (all(rule.write for rule in row.dependants), bool(row.dependants), row.caveats) == (True, True, ())


def test_writes_without_effect_promise_no_way_back() -> None:
    """There is nothing to undo, so no undo is promised: blinking lights, a ping, a reboot."""
    assert {name for name in WITHOUT_EFFECT if OVERLAY.row(name).undo != "none"} == set()


def test_a_network_that_was_made_is_deleted_and_an_organization_that_was_deleted_stays_so() -> None:
    """The first sorting had it the other way round."""
    made, gone = OVERLAY.row("createOrganizationNetwork"), OVERLAY.row("deleteOrganization")
    assert (made.undo, made.inverse) == ("delete_created", "deleteNetwork")
    assert (gone.undo, OVERLAY.row("deleteNetwork").undo) == ("none", "none")


@pytest.mark.parametrize("operation", ["combineOrganizationNetworks", "splitNetwork"])
def test_combining_and_splitting_lose_the_ids_and_promise_nothing(operation: str) -> None:
    """The networks before are not there after, and no other way brings their ids back."""
    desk = Desk()
    touch = desk.touch(operation)
    named = [*touch.body["networkIds"]] if touch.body else [touch.params["networkId"]]
    desk.send(operation, touch.params, touch.body)
    assert not set(named) & set(desk.cloud.world.networks)
    assert OVERLAY.row(operation).undo == "none"
    assert "new id" in OVERLAY.row(operation).why_none or "another id" in OVERLAY.row(operation).why_none


def test_switching_vlans_off_destroys_them_and_the_row_knows_what_depends_on_it() -> None:
    """Switched on again there is VLAN 1 alone; the plan takes the VLANs into its backup."""
    desk, here = Desk(), {"networkId": "L_646829496481105400"}
    before = desk.send("getNetworkApplianceVlans", here, None)
    for enabled in (False, True):
        desk.send("updateNetworkApplianceVlansSettings", here, {"vlansEnabled": enabled})
    assert len(desk.send("getNetworkApplianceVlans", here, None)) < len(before)
    row = OVERLAY.row("updateNetworkApplianceVlansSettings").given({"vlansEnabled": False})
    assert "getNetworkApplianceVlans" in {one.read for one in row.dependants}
