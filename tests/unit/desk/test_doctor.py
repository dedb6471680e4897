"""Health as the tool tells it: of networks, since a change, and of this server itself."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from mcp_server.desk.doctor import Background, DoctorDesk
from mcp_server.domain.call import Attempt, Named
from mcp_server.domain.record import Change, StoredPlan
from mcp_server.errors import RecordConflict, Refused, StoreUnavailable
from mcp_server.health.signals import Signals, to_json
from mcp_server.store.limits.breakers import StoreBreakers
from mcp_server.store.sqlite_store import SqliteStore
from tests.support.fake_clock import START
from tests.support.hook_world import ACME, attempt, world
from tests.support.means import means
from tests.support.memory_store import MemoryStore
from tests.support.records import a_change, a_plan

DEVICES = f"/organizations/{ACME}/devices/availabilities"
UPLINKS = f"/organizations/{ACME}/uplinks/statuses"
VPN = f"/organizations/{ACME}/appliance/vpn/statuses"
PORTS = f"/organizations/{ACME}/switch/ports/statuses/bySwitch"
AT = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)


class Well:
    """No breaker is open, unless one is given."""

    def __init__(self, **is_open: datetime) -> None:
        self.is_open = is_open

    async def list_open(self) -> dict[str, datetime]:
        return self.is_open


class Store(MemoryStore):
    """Can be written, unless ``broken``; ``busy`` refuses what is compared."""

    def __init__(self, *records: Any, broken: bool = False, busy: bool = False) -> None:
        super().__init__(*records)
        self.broken, self.busy = broken, busy

    async def status(self) -> dict[str, Any]:
        if self.broken:
            raise StoreUnavailable("the disk is full")
        return {"writable": True}

    async def list(self, *given: Any, **more: Any) -> Sequence[Any]:
        if self.broken:
            raise StoreUnavailable("the disk is full")
        return await super().list(*given, **more)

    async def commit(self, *writes: Any) -> Any:
        if self.busy:
            raise RecordConflict("somebody was first")
        return await super().commit(*writes)


def devices(**states: str) -> dict[str, Any]:
    """The cloud's lists of the hard signals: devices in those states, nothing else."""
    rows = [
        {"serial": serial, "network": {"id": "N_1"}, "status": state, "productType": "switch"}
        for serial, state in states.items()
    ]
    return {DEVICES: rows, UPLINKS: [], VPN: [], PORTS: []}


async def told(
    answers: dict[str, Any] | None = None,
    store: Store | None = None,
    breakers: Well | None = None,
    background: Background | None = None,
    **asked: Any,
) -> dict[str, Any]:
    """What a check answers; ``asked`` are its arguments."""
    kept = store or Store()
    seen = replace(world(answers)[0], store=kept)
    desk = DoctorDesk(seen, cast("SqliteStore", kept), {}, cast("StoreBreakers", breakers or Well()), means())
    desk = replace(desk, background=lambda: background or Background())
    given = {"organization_id": "", "network_id": "", "serials": (), "change_id": "", **asked}
    tried: Attempt = given.pop("tried", attempt())
    outcome = await desk.check(tried, **given)
    return {**outcome.data, "summary": outcome.summary}


def in_acme(**more: Any) -> Attempt:
    """An attempt whose organization is known."""
    return attempt(organization=Named(ACME, "Acme"), **more)


def of_change(baseline: Signals | None, **more: Any) -> tuple[Change, StoredPlan]:
    """A change of the caller and its plan, with what was well before."""
    stored = a_plan()
    plan = replace(
        stored.plan,
        baseline=to_json(baseline) if baseline else {},
        organization=Named(ACME, "Acme"),
        networks=(),
        impact=replace(stored.plan.impact, device_serials=("Q2AA", "Q2BB")),
    )
    return a_change("CHG-1", owner="ana", plan_id=stored.key, **more), replace(stored, plan=plan)


async def test_without_a_target_only_the_server_itself_is_judged() -> None:
    """Version, catalogue, store, key and limits; nothing is read from Meraki."""
    answer = await told()
    server = answer["server"]
    assert answer["summary"] == "Server ok."
    assert (server["status"], server["store"], server["key"]) == ("ok", {"writable": True}, "present")
    assert (server["profile"], server["read_only"], server["breakers_open"]) == ("solo", False, {})
    assert "score" not in answer
    assert "rate_wait_s" not in server


async def test_a_store_that_cannot_be_written_is_said_first() -> None:
    """Changes would be refused, and why."""
    server = (await told(store=Store(broken=True)))["server"]
    assert server["store"] == {"writable": False, "why": "the disk is full"}
    assert server["status"] == "changes refused: the store cannot be written"


async def test_a_duty_that_fails_and_a_change_left_behind_are_named_with_why() -> None:
    """The first one is the server's status; without any, neither is spoken of."""
    duty = {"duty": "deadlines", "state": "failing", "since": "2026-11-21T12:00:00+00:00", "why": "No cloud."}
    server = (await told(background=Background((duty,), {"CHG-1": "No cloud."})))["server"]
    assert server["duties"] == [duty]
    assert server["left_behind"] == [{"change_id": "CHG-1", "why": "No cloud."}]
    assert server["status"] == "warning: the background duty deadlines is failing: No cloud."
    alone = (await told(background=Background((), {"CHG-1": "Not allowed."})))["server"]
    assert alone["status"] == "warning: 1 change(s) were left behind and cannot be gone on with"
    well = (await told())["server"]
    assert not {"duties", "left_behind"} & set(well)


async def test_an_open_breaker_is_named_with_its_time() -> None:
    """Whoever waits knows for how long."""
    server = (await told(breakers=Well(O1=AT)))["server"]
    assert server["breakers_open"] == {"O1": "2026-11-21T12:30:00+00:00"}
    assert server["status"] == "changes refused for organization O1: circuit breaker open"


async def test_the_wait_for_the_budget_of_the_organization_is_told() -> None:
    """When one was named."""
    assert (await told(organization_id=ACME))["server"]["rate_wait_s"] == 0.0


async def test_a_long_list_of_findings_is_cut_and_the_rest_counted() -> None:
    """The worst twenty; parts that could not be read are named, and never count as well."""
    answer = await told(devices(**{f"Q2{number:02}": "offline" for number in range(25)}), tried=in_acme())
    assert "alerts" in answer["unknown"]
    assert (len(answer["findings"]), answer["devices"]) == (20, 25)
    assert answer["more_findings"] == 5 + len(answer["unknown"])
    assert {one["kind"] for one in answer["findings"]} == {"device_offline"}
    assert answer["summary"].startswith("Health ")


async def test_only_what_got_worse_since_the_change_is_held_against_it() -> None:
    """A device that was offline before is told apart; the change remembers that somebody has looked."""
    before = Signals(ACME, START, "gate", devices={"Q2AA": "online", "Q2BB": "offline"})
    change, plan = of_change(before, result={"health": {"score": 90}})
    store = Store(change, plan)
    answer = await told(devices(Q2AA="offline", Q2BB="offline"), store, change_id="CHG-1")
    delta = answer["delta"]
    assert delta["verdict"] == "worse"
    assert [one["target"] for one in delta["hard"]] == ["Q2AA"]
    assert [one["target"] for one in delta["ignored"]] == ["Q2BB"]
    noted = await store.get(Change, "CHG-1")
    assert noted is not None
    assert noted.result["health"] == {"score": 90, "delta": "worse"}


async def test_nothing_worse_is_fine_and_nothing_readable_is_unknown() -> None:
    """Not to see is not to be well."""
    before = Signals(ACME, START, "gate", devices={"Q2AA": "online"})
    fine = await told(devices(Q2AA="online"), Store(*of_change(before)), change_id="CHG-1")
    assert fine["delta"]["verdict"] == "fine"
    blind = await told(store=Store(*of_change(before)), change_id="CHG-1")
    assert blind["delta"]["verdict"] == "unknown"


@pytest.mark.parametrize("meanwhile", [{"rolled_back_by": "CHG-2"}, {"server": "another", "ended_at": None}])
async def test_what_becomes_of_the_change_while_its_health_is_read_is_not_overwritten(meanwhile: Any) -> None:
    """Taken back by another call, or taken over by another server: the note is added to what stands then."""
    before = Signals(ACME, START, "gate", devices={"Q2AA": "online"})

    class MovesOn(Store):
        async def get(self, kind: Any, key: str) -> Any:
            found = await super().get(kind, key)
            if kind is Change and found is not None:
                self.records[Change, key] = replace(found, **meanwhile)
            return found

    store = MovesOn(*of_change(before))
    await told(devices(Q2AA="online"), store, change_id="CHG-1")
    stands = store.records[Change, "CHG-1"]
    assert {name: getattr(stands, name) for name in meanwhile} == meanwhile
    assert stands.result["health"]["delta"] == "fine"


async def test_the_answer_stands_when_the_change_was_written_by_another_meanwhile() -> None:
    """The note is a courtesy."""
    before = Signals(ACME, START, "gate", devices={"Q2AA": "online"})
    answer = await told(devices(Q2AA="offline"), Store(*of_change(before), busy=True), change_id="CHG-1")
    assert answer["delta"]["verdict"] == "worse"


async def test_a_change_without_a_baseline_has_no_delta() -> None:
    """And nothing is read for it."""
    assert (await told(store=Store(*of_change(None)), change_id="CHG-1"))["delta"] is None


@pytest.mark.parametrize(("owner", "asked"), [("Bea", "CHG-1"), ("ana", "CHG-2")])
async def test_a_change_of_somebody_else_is_as_unknown_as_one_that_never_was(owner: str, asked: str) -> None:
    """Nobody learns what others did."""
    change, plan = of_change(None)
    with pytest.raises(Refused, match="No change") as refused:
        await told(store=Store(replace(change, owner=owner), plan), change_id=asked)
    assert refused.value.reason == "change_unknown"
