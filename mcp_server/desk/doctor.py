"""Health of networks, the delta since a change, and the health of this server."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from mcp_server import __version__
from mcp_server.changes.means import Means
from mcp_server.changes.recovery.waiting import waiting, waiting_view
from mcp_server.domain.call import Attempt, Json
from mcp_server.domain.holds.freeze import sentence, those_on
from mcp_server.domain.holds.freeze import view as freeze_view
from mcp_server.domain.outcome import Outcome
from mcp_server.domain.ports import Put
from mcp_server.domain.record import Change, Deadline, Freeze, StoredPlan, unmoved
from mcp_server.domain.redaction import clean
from mcp_server.errors import RecordConflict, Refused, StoreError
from mcp_server.health.compare import Delta, delta
from mcp_server.health.reader import read_signals
from mcp_server.health.score import DEFAULT, Score, Weights, score
from mcp_server.health.signals import Finding, Signals, from_json
from mcp_server.store.limits.breakers import StoreBreakers
from mcp_server.store.sqlite_store import SqliteStore
from mcp_server.world import World

_FINDINGS_SHOWN: Final = 20
_WAITING_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Background:
    """What this server does by itself, as far as it goes wrong."""

    troubles: Sequence[Mapping[str, Json]] = ()  #: duties that fail or are behind
    left_behind: Mapping[str, str] = field(default_factory=dict)  #: changes that cannot be gone on with, and why


@dataclass(frozen=True, slots=True)
class DoctorDesk:
    """Health of one call. ``weights`` are the operator's; empty: the documented ones."""

    world: World
    store: SqliteStore
    weights: Mapping[str, float]
    breakers: StoreBreakers
    means: Means
    background: Callable[[], Background] = Background

    async def check(
        self, attempt: Attempt, organization_id: str, network_id: str, serials: Sequence[str], change_id: str
    ) -> Outcome:
        """Score, band and findings of what was named; with ``change_id`` the delta; and always this server's own."""
        data: dict[str, Json] = {"server": await self._server(organization_id)}
        if change_id:
            return await self._since(change_id, attempt, data)
        organization = attempt.facts.organization
        if organization is None:
            return Outcome("ok", f"Server {data['server']['status']}.", data)
        networks = [network_id] if network_id else [network.id for network in attempt.facts.networks]
        signals = await read_signals(self.world.reads, organization.id, networks, list(serials))
        found = score(signals, self._weights())
        return Outcome("ok", _summary(found), {**_view(found, signals), **data})

    async def _since(self, change_id: str, attempt: Attempt, data: dict[str, Json]) -> Outcome:
        """What got worse since the baseline of that change; what was bad before is left out."""
        change = await self.world.store.get(Change, change_id)
        stored = await self.world.store.get(StoredPlan, change.plan_id) if change else None
        if change is None or stored is None or change.owner.casefold() != attempt.actor.key:
            raise Refused(f"No change {clean(change_id, 64)!r} of yours.", "See history.", code="change_unknown")
        if not stored.plan.baseline:
            return Outcome("ok", "This change has no baseline.", {"delta": None, **data})
        before = from_json(stored.plan.baseline)
        networks = [network.id for network in stored.plan.networks]
        serials = stored.plan.impact.device_serials[:100]
        after = await read_signals(self.world.reads, stored.plan.organization.id, networks, serials, scope="gate")
        worse = delta(before, after)
        await self._note(change, worse)
        found = score(after, self._weights())
        verdict = "worse" if worse.hard else "unknown" if worse.is_blind else "fine"
        view = {"change_id": change_id, "verdict": verdict, **_delta(worse)}
        return Outcome("ok", f"Since {change_id}: {verdict}.", {"delta": view, **_view(found, after), **data})

    async def _note(self, change: Change, worse: Delta) -> None:
        """Remember on the change that its health delta is known, so that nobody is sent to look again."""
        change = await self.world.store.get(Change, change.key) or change  # it has gone on while health was read
        health = change.result.get("health")
        known = {**(health if isinstance(health, Mapping) else {}), "delta": "worse" if worse.hard else "fine"}
        noted = {**change.result, "health": known}
        try:
            await self.world.store.commit(Put(replace(change, result=noted), unmoved(change)))
        except (RecordConflict, StoreError):
            return  # the answer stands without the note; the suggestion to look comes again

    async def _server(self, organization_id: str) -> dict[str, Json]:
        """Store, catalogue, budget and version of this server."""
        view: dict[str, Json] = {"version": __version__, "catalogue": self.world.catalogue.version, "status": "ok"}
        try:
            view["store"] = await self.store.status()
        except StoreError as error:
            view["store"] = {"writable": False, "why": str(error)}
        if not view["store"].get("writable", False):
            view["status"] = "changes refused: the store cannot be written"
        elif view["store"].get("refuses"):
            view["status"] = f"changes refused: {view['store']['refuses']}"
        left_alone = await self.breakers.list_open()
        view["breakers_open"] = {name: until.isoformat(timespec="seconds") for name, until in left_alone.items()}
        if left_alone and view["status"] == "ok":
            view["status"] = f"changes refused for organization {', '.join(left_alone)}: circuit breaker open"
        frozen = await self._frozen()
        if frozen:
            view["frozen"], view["status"] = [freeze_view(one) for one in frozen], sentence(frozen[0])
        failing = [one["name"] for one in view["store"].get("anchors", ()) if one["at"] and one["problem"]]
        if failing and view["status"] == "ok":
            view["status"] = f"warning: the audit chain is not anchored in {', '.join(failing)}"
        self._add_background(view)
        view["waiting_to_be_kept"] = await self._waiting()
        await self._add_waiting_for_a_person(view)
        if organization_id:
            view["rate_wait_s"] = await self.world.api.wait_estimate_s(organization_id, 1)
        if own := self.world.catalogue.freshness(self.world.clock.now()):
            view["own_catalogues"] = own
        view["key"] = "present" if self.world.limits.has_key else "missing"
        view["profile"], view["read_only"] = self.world.limits.profile.value, self.world.limits.read_only
        return view

    def _add_background(self, view: dict[str, Json]) -> None:
        """The duties of this server that fail or are behind, and the changes left behind by others; none: nothing."""
        seen = self.background()
        if seen.troubles:
            view["duties"] = [dict(one) for one in seen.troubles]
            if view["status"] == "ok":
                first = seen.troubles[0]
                view["status"] = f"warning: the background duty {first['duty']} is {first['state']}: {first['why']}"
        if seen.left_behind:
            some = list(seen.left_behind.items())[:_WAITING_SHOWN]
            view["left_behind"] = [{"change_id": key, "why": clean(why, 200)} for key, why in some]
            if view["status"] == "ok":
                view["status"] = (
                    f"warning: {len(seen.left_behind)} change(s) were left behind and cannot be gone on with"
                )

    async def _add_waiting_for_a_person(self, view: dict[str, Json]) -> None:
        """What is in doubt, half done or not taken back, each with the command that a person runs."""
        try:
            found = await waiting(self.store)
        except StoreError:
            return  # told by itself
        view["waiting_for_a_person"] = [waiting_view(one) for one in found[:_WAITING_SHOWN]]
        if found and view["status"] == "ok":
            view["status"] = f"warning: {len(found)} change(s) wait for a person, the newest is {found[0].key}"

    async def _waiting(self) -> list[Json]:
        """Changes that are undone unless somebody keeps them, and those about which a person must decide."""
        try:
            found = await self.store.list(Deadline, {"state": ["open", "stopped"]}, limit=20)
        except StoreError:
            return []
        return [
            {
                "change_id": one.key,
                "due_at": one.due_at.isoformat(timespec="seconds"),
                "person_decides": list(one.conflicts),
            }
            for one in found
        ]

    async def _frozen(self) -> Sequence[Freeze]:
        """The kill switches that are on; none when the store cannot be read, which is told by itself."""
        try:
            return those_on(await self.store.list(Freeze, {}, limit=200), self.means.approvals.is_genuine)
        except StoreError:
            return ()

    def _weights(self) -> Weights:
        given = self.weights
        return Weights(
            devices=given.get("devices", DEFAULT.devices),
            uplinks=given.get("uplinks", DEFAULT.uplinks),
            alerts=given.get("alerts", DEFAULT.alerts),
            healthy=int(given.get("healthy", DEFAULT.healthy)),
            degraded=int(given.get("degraded", DEFAULT.degraded)),
        )


def _summary(found: Score) -> str:
    value = "unknown" if found.value is None else f"{found.value} of 100"
    return f"Health {value} ({found.band}); {len(found.findings)} finding(s)."


def _view(found: Score, signals: Signals) -> dict[str, Json]:
    view: dict[str, Json] = {
        "score": found.value,
        "band": found.band,
        "findings": [_finding(one) for one in found.findings[:_FINDINGS_SHOWN]],
        "devices": len(signals.devices),
        "read_at": signals.read_at.isoformat(),
    }
    if len(found.findings) > _FINDINGS_SHOWN:
        view["more_findings"] = len(found.findings) - _FINDINGS_SHOWN
    if signals.unknown:
        view["unknown"] = {name: clean(why, 120) for name, why in signals.unknown.items()}
    return view


def _finding(finding: Finding) -> dict[str, Json]:
    return {name: clean(str(value), 200) for name, value in finding.to_json().items()}


def _delta(worse: Delta) -> dict[str, Json]:
    return {
        "hard": [_finding(one) for one in worse.hard],
        "soft": [_finding(one) for one in worse.soft],
        "ignored": [_finding(one) for one in worse.ignored[:_FINDINGS_SHOWN]],
    }
