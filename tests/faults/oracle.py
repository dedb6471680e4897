"""What really happened, told by three witnesses that are not the product: the oracle of the safety invariants.

It reads the simulated cloud's request journal, the cloud's state before and after, and the exported audit (JSON Lines),
and what else a harness kept: what the callers were told, what came on standard output, what was measured. It imports
nothing of the product, so that a fault of the product cannot hide itself here. Rule: an invariant that was exercised
no time is a failure of whoever ran the harness, not a success.

    python -m tests.faults.oracle --journal F --state F --before F --audit F
        [--told F] [--stdout F] [--measured F] [--others F] [--canary TEXT] [--on-the-way SECONDS] [--partial]

Exit code: 0 all hold and each was exercised, 1 an invariant is broken, 2 one was not exercised (not with --partial).
I15 (service-level timers) is judged elsewhere.
"""

import argparse
import hashlib
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import rfc8785

Json = Any
Row = Mapping[str, Any]

MEANING: Final[Mapping[str, str]] = {
    "I1": "each mutation the cloud received was announced so by one intent, and has at most one outcome after",
    "I2": "each outcome has an intent; no intent stays open unless the change is said to be in doubt",
    "I3": "no step is sent twice, unless the earlier try is on record as not applied",
    "I4": "no mutation without a yes of the right kind to exactly this plan, still valid",
    "I5": "what was taken back is as before; what was not touched is as before",
    "I6": "no change in the cloud without a record; what is called failed has changed nothing",
    "I7": "the chain verifies; no acknowledged record is lost",
    "I8": "one writer for each network at a time",
    "I9": "an approval is used once",
    "I10": "after repeated failures no mutation is sent until reads have found the cloud well",
    "I11": "the organization's rate is never passed; Retry-After is kept",
    "I12": "no secret anywhere",
    "I13": "standard output holds protocol messages only",
    "I14": "reads go on while writes are refused, and the refusal says why",
    "I16": "nobody is told better than it is",
    "I17": "memory, open files and disk stay in bounds",
}
UNDER_WAY: Final = frozenset({"applying", "verifying", "partial", "rolling_back"})
NOTHING_DONE: Final = frozenset({"failed", "stale", "cancelled", "unchanged"})
RISKY: Final = frozenset({"high", "critical"})
#: Names that the cloud moves by itself, at any depth of its state.
VOLATILE: Final = frozenset(
    {"configurationUpdatedAt", "configurationAwaited", "reachability", "transitions", "furnished", "farEnds"}
)
RATE_PER_S: Final = 10.0
BURST: Final = 20.0
ON_THE_WAY_S: Final = 0.5  #: so much later may arrive what was sent before
LATE, LOST = "x-late", "x-lost"  #: headers of a request that was held up on its way, and of one whose answer was lost
OPEN_S: Final = 60.0
UNUSABLE: Final = ("drop", "cut", "malformed", "html", "huge", "redirect")  #: answers that nobody can use
FAILURES: Final = 5
APPROVAL_HOURS: Final = 4.0
MOST_FILES_MORE: Final = 16
MOST_MEMORY_MORE_BYTES: Final = 64_000_000
MOST_DISK_BYTES_A_CHANGE: Final = 200_000
MASK: Final = "********"  #: what the record has in place of a secret
LOG_BYTES: Final = 8_000_000  #: a write-ahead log that was not yet folded in


@dataclass(frozen=True)
class Evidence:
    """What the witnesses say. ``tries`` is how often one read is tried at most, for counting failed calls.

    ``audit`` may hold the signed statements that an export ends with; they are checked against the rows.
    ``paced``: the requests were paced by the product; without that the rate (I11) is not judged.
    """

    journal: Sequence[Row]
    before: Row
    state: Row
    audit: Sequence[Row]
    told: Sequence[Row] = ()  #: {"tool", "payload", "phase"?}: answers to callers, in order
    stdout: Sequence[str] = ()
    measured: Sequence[Row] = ()  #: {"changes", "rss_bytes", "files", "disk_bytes"}
    canaries: Sequence[str] = ()
    tries: int = 3
    paced: bool = True
    on_the_way_s: float = ON_THE_WAY_S  #: so much later may arrive what was sent before a 429 was answered
    #: {"at", "since"?, "path", "field", "value"?}: others' edits, begun and done; with a value: nobody else's field
    others: Sequence[Row] = ()
    statements: Sequence[Row] = ()  #: those of the audit; set by ``judge``


@dataclass
class Verdict:
    """How often each invariant was put to the test, and what broke it."""

    exercised: Counter[str] = field(default_factory=Counter)
    broken: list[tuple[str, str]] = field(default_factory=list)

    def look(self, name: str, *, holds: bool, otherwise: str) -> None:
        """One case of an invariant."""
        self.exercised[name] += 1
        if not holds:
            self.broken.append((name, otherwise))

    def add(self, other: "Verdict") -> None:
        """Another run's verdict beside this one."""
        self.exercised += other.exercised
        self.broken += other.broken

    @property
    def idle(self) -> list[str]:
        """The invariants that were never put to the test."""
        return [name for name in MEANING if not self.exercised[name]]


@dataclass
class Intent:
    """One announced write, what arrived for it, and what was said of it."""

    row: Row
    arrivals: list[Row] = field(default_factory=list)
    outcomes: list[Row] = field(default_factory=list)

    @property
    def key(self) -> tuple[str, str, int]:
        """Change, phase and step."""
        return _key(self.row)

    @property
    def request(self) -> tuple[str, str]:
        """Method and path."""
        asked = self.row["detail"]["request"]
        return asked["method"], asked["path"]

    @property
    def took_effect(self) -> bool:
        """Whether the cloud did it."""
        return any(arrival["took_effect"] for arrival in self.arrivals)


@dataclass
class Case:
    """The evidence, put together."""

    evidence: Evidence
    intents: list[Intent]
    strays: list[Row]  #: mutations that nobody announced
    states: Mapping[str, list[Row]]  #: change -> its state rows


def judge(evidence: Evidence) -> Verdict:
    """The verdict on one run."""
    rows = [row for row in evidence.audit if "event" in row]
    statements = [row for row in evidence.audit if "event" not in row]
    case, verdict = _put_together(replace(evidence, audit=rows, statements=statements)), Verdict()
    for check in CHECKS:
        check(case, verdict)
    return verdict


def _put_together(evidence: Evidence) -> Case:
    intents = [Intent(row) for row in evidence.audit if row["event"] == "intent"]
    strays = []
    for mutation in evidence.journal:
        if mutation["method"] == "GET":
            continue
        asked = (mutation["method"], mutation["path"])
        known = [one for one in intents if one.request == asked and _at(one.row) <= _at(mutation)]
        if known:
            known[-1].arrivals.append(mutation)
        else:
            strays.append(mutation)
    for row in evidence.audit:
        if row["event"] not in ("outcome", "reconciled") or "step" not in row["detail"]:
            continue
        mine = [one for one in intents if one.key == _key(row) and one.row["seq"] < row["seq"]]
        if mine:
            mine[-1].outcomes.append(row)
    states: dict[str, list[Row]] = defaultdict(list)
    for row in evidence.audit:
        if row["event"] == "state" and row["change_id"]:
            states[row["change_id"]].append(row)
    return Case(evidence, intents, strays, states)


def _i1(case: Case, verdict: Verdict) -> None:
    for stray in case.strays:
        verdict.look("I1", holds=False, otherwise=f"nobody announced {_named(stray)}")
    for intent in case.intents:
        settled = [row for row in intent.outcomes if row["status"] not in ("unknown", "in_doubt")]
        verdict.look("I1", holds=len(settled) <= 1, otherwise=f"{intent.key} has {len(settled)} settled outcomes")
        for arrival in intent.arrivals:
            late = [row for row in settled if _at(row) < _at(arrival)]
            verdict.look("I1", holds=not late, otherwise=f"{_named(arrival)} came after the outcome of {intent.key}")
            other = _other(intent.row["detail"]["request"].get("body"), arrival["body"])
            verdict.look("I1", holds=not other, otherwise=f"{_named(arrival)} was not announced with its {other}")


def _other(announced: Json, arrived: Json) -> list[str]:
    """The fields of a body that are not as they were announced, secrets and what was filled in later apart."""
    if not isinstance(announced, Mapping) or not isinstance(arrived, Mapping):
        return [] if (announced or None) == (arrived or None) else ["body"]
    same = (name for name in announced.keys() & arrived.keys() if _is_as(announced[name], arrived[name]))
    return sorted((announced.keys() | arrived.keys()) - set(same))


def _is_as(announced: Json, arrived: Json) -> bool:
    if isinstance(announced, Mapping) and isinstance(arrived, Mapping):
        return not _other(announced, arrived)
    if isinstance(announced, list) and isinstance(arrived, list):
        return len(announced) == len(arrived) and all(map(_is_as, announced, arrived))
    is_hidden = announced == MASK or (isinstance(announced, Mapping) and any(one.startswith("$") for one in announced))
    return is_hidden or bool(announced == arrived)


def _i2(case: Case, verdict: Verdict) -> None:
    known = {(intent.key, intent.row["seq"]) for intent in case.intents}
    for row in case.evidence.audit:
        if row["event"] == "outcome" and row["detail"].get("step") is not None and row["status"] != "unchanged":
            has_intent = any(key == _key(row) and seq < row["seq"] for key, seq in known)
            verdict.look("I2", holds=has_intent, otherwise=f"outcome {row['seq']} of {_key(row)} has no intent")
    for intent in case.intents:
        is_told = bool(intent.outcomes) or _last_state(case, intent.key[0]) == "in_doubt"
        verdict.look("I2", holds=is_told, otherwise=f"{intent.key} was announced and nothing says what became of it")


def _i3(case: Case, verdict: Verdict) -> None:
    earlier: dict[tuple[str, str, int], Intent] = {}
    for intent in case.intents:
        sent = [one for one in intent.arrivals if one["status"] != 429]
        verdict.look("I3", holds=len(sent) <= 1, otherwise=f"{intent.key} reached the cloud {len(sent)} times")
        before = earlier.get(intent.key)
        if before is not None:
            is_free = bool(before.outcomes) and before.outcomes[-1]["status"] in ("not_applied", "failed")
            is_free |= intent.key[1] == "undo" and bool(before.arrivals) and not before.took_effect  # it was read back
            verdict.look("I3", holds=is_free, otherwise=f"{intent.key} was sent again, not known as not applied")
        earlier[intent.key] = intent


def _i4(case: Case, verdict: Verdict) -> None:
    audit = case.evidence.audit
    planned = {row["plan_id"]: row["detail"] for row in audit if row["event"] == "state" and row["status"] == "planned"}
    for intent in case.intents:
        change = intent.key[0]
        start = next((row for row in case.states.get(change, []) if row["status"] == "applying"), None)
        if start is None or start["seq"] > intent.row["seq"]:
            verdict.look("I4", holds=False, otherwise=f"{change} wrote before it was let in")
            continue
        plan = planned.get(start["plan_id"], {})
        yes = [row for row in audit if row["seq"] < start["seq"] and _is_yes(row, start, plan)]
        verdict.look("I4", holds=bool(yes), otherwise=f"{change} has no valid yes to plan {start['plan_id']}")
        if any(_is_of(row, "state", "audit_requested", start) for row in audit):
            said = [row for row in audit if _is_of(row, "verdict", "approve", start)]
            is_passed = any(row["detail"].get("plan_hash") == plan.get("plan_hash") for row in said)
            verdict.look("I4", holds=is_passed, otherwise=f"{change} began, and the auditor has not let it pass")
        is_outside = start["detail"].get("channel") != "elicitation"
        if plan.get("risk") in RISKY:
            verdict.look("I4", holds=is_outside, otherwise=f"{change} ({plan['risk']}) was approved in the client")


def _is_of(row: Row, event: str, status: str, start: Row) -> bool:
    """Whether a row says that of the plan that a change started with, before it did."""
    is_that = (row["event"], row["status"], row["plan_id"]) == (event, status, start["plan_id"])
    return is_that and row["seq"] < start["seq"]


def _is_yes(row: Row, start: Row, plan: Row) -> bool:
    """Whether a row says yes to the plan that a change started with, not too long before."""
    wanted = ("answer", "accept") if start["detail"].get("channel") == "elicitation" else ("approval", "approved")
    is_same = row["plan_id"] == start["plan_id"] and row["detail"].get("plan_hash") == plan.get("plan_hash")
    is_valid = _at(start) - _at(row) <= timedelta(hours=APPROVAL_HOURS)
    return (row["event"], row["status"]) == wanted and is_same and is_valid and bool(plan.get("plan_hash"))


def _i5(case: Case, verdict: Verdict) -> None:
    defaults = {**case.evidence.before.get("defaults", {}), **case.evidence.state.get("defaults", {})}
    before, after = (_ours(case, _things(one, defaults)) for one in (case.evidence.before, case.evidence.state))
    touched = [mutation["path"] for mutation in case.evidence.journal if mutation["took_effect"]]
    standing, unsure = _standing(case)
    for path in sorted({*before, *after}):
        mine = [place for place in touched if _is_at(path, place)]
        same = before.get(path) == after.get(path)
        if not mine:
            verdict.look("I5", holds=same, otherwise=f"nobody wrote to {path}, and it is not as before")
        elif not any(_is_at(path, place) for place in (*standing, *unsure)):
            verdict.look("I5", holds=same, otherwise=f"{path} was taken back, and it is not as before")
    theirs = {(row["path"], row["field"]): row["value"] for row in case.evidence.others if "value" in row}
    held = _things(case.evidence.state, defaults)
    for (path, name), value in theirs.items():
        if _is_meanwhile(case, path, name):
            continue
        kept = isinstance(held.get(path), Mapping) and held[path].get(name) == value
        verdict.look("I5", holds=kept, otherwise=f"somebody else's {name} of {path} was overwritten")


def _is_meanwhile(case: Case, path: str, name: str) -> bool:
    """Whether the last such edit fell into a change of the same thing and cannot be told from what the change did.

    A change looks for the last time before it begins, and what is edited after that look reads like its own effect.
    """
    edits = [row for row in case.evidence.others if (row["path"], row["field"]) == (path, name) and row.get("at")]
    if not edits:
        return False
    last = max(edits, key=_at)
    since = datetime.fromisoformat(str(last.get("since", last["at"])))
    for change in {one.key[0] for one in case.intents if one.request[1] == path}:
        rows = case.states.get(change, [])
        if rows and _looked_at(case, path, rows[0]) <= _at(last) and since <= _at(rows[-1]):
            return True
    return False


def _looked_at(case: Case, path: str, start: Row) -> datetime:
    """When the thing was last read before a change began."""
    reads = (row for row in case.evidence.journal if (row["method"], row["path"]) == ("GET", path))
    return max((_at(row) for row in reads if _at(row) <= _at(start)), default=_at(start))


def _ours(case: Case, things: dict[str, Json]) -> dict[str, Json]:
    """The things without the fields that others edited."""
    theirs = {(row["path"], row["field"]) for row in case.evidence.others}
    for path in {path for path, _ in theirs} & things.keys():
        thing = things[path]
        if isinstance(thing, Mapping):
            things[path] = {name: value for name, value in thing.items() if (path, name) not in theirs}
    return things


def _standing(case: Case) -> tuple[list[str], list[str]]:
    """The paths on which an applied change stands, and those of changes whose end is not a clean one."""
    rolled_back = _rolled_back(case)
    standing, unsure = [], []
    for intent in case.intents:
        if not intent.took_effect or intent.key[0] in rolled_back:
            continue
        last = _last_state(case, intent.key[0])
        if last == "applied":
            standing.append(intent.request[1])
        elif last not in (*NOTHING_DONE, "rolled_back") or _was_gone_already(case, intent):
            unsure.append(intent.request[1])
    return standing, unsure


def _was_gone_already(case: Case, intent: Intent) -> bool:
    """Whether the undo of a step wrote nothing: another change had taken it away, and may have brought it back."""
    change, phase, _ = intent.key
    undo = [one for one in case.intents if one.key[:2] == (change, "undo")]
    return phase == "apply" and not any(_is_at(one.request[1], intent.request[1]) for one in undo)


def _rolled_back(case: Case) -> set[str]:
    """The changes that a later one took back as a whole, and those later ones; one that was taken back itself took
    nothing back in the end.
    """
    targets: dict[str, str] = {}
    for row in case.evidence.audit:
        target = _target(row) if row["tool"] == "rollback" and row["plan_id"] else ""
        mine = [change for change, rows in case.states.items() if rows[0]["plan_id"] == row["plan_id"]]
        targets |= {change: target for change in mine if target and _last_state(case, change) == "applied"}
    undone: set[str] = set()
    for change in sorted(targets, key=lambda one: case.states[one][0]["seq"], reverse=True):
        if change not in undone:
            undone.add(targets[change])
    return undone | set(targets)


def _target(row: Row) -> str:
    arguments = row["detail"].get("arguments")
    is_whole = isinstance(arguments, Mapping) and not arguments.get("steps")
    return str(arguments.get("change_id") or "") if is_whole and isinstance(arguments, Mapping) else ""


def _i6(case: Case, verdict: Verdict) -> None:
    for stray in case.strays:
        if stray["took_effect"]:
            verdict.look("I6", holds=False, otherwise=f"{_named(stray)} took effect and is on no record")
    waiting = {row["change_id"] for row in case.evidence.audit if (row["event"], row["status"]) == ("alert", "partial")}
    for change in case.states:
        last, net = _last_state(case, change), Counter[tuple[str, str]]()
        for intent in case.intents:
            if intent.key[0] == change and intent.took_effect:
                net[intent.key[1], intent.request[1]] += 1
        applied = sum(count for (phase, _), count in net.items() if phase == "apply")
        is_honest = not (last in NOTHING_DONE and applied)
        verdict.look("I6", holds=is_honest, otherwise=f"{change} is {last}, and {applied} of its writes took effect")
        is_known = last not in UNDER_WAY or (last == "partial" and change in waiting)
        verdict.look("I6", holds=is_known, otherwise=f"{change} was left {last}")


def _i7(case: Case, verdict: Verdict) -> None:
    previous, hashes = "0" * 64, {}
    for number, row in enumerate(case.evidence.audit, 1):
        bare = {name: value for name, value in row.items() if name != "hash"}
        found = hashlib.sha256(rfc8785.dumps(bare)).hexdigest()
        links = row["seq"] == number and row["previous_hash"] == previous and row["hash"] == found
        verdict.look("I7", holds=links, otherwise=f"row {row['seq']} does not follow the one before it, or was altered")
        previous = row["hash"]
        hashes[row["seq"]] = row["hash"]
    for statement in case.evidence.statements:
        fits = statement.get("kind") != "checkpoint" or hashes.get(statement["seq"]) == statement["hash"]
        verdict.look("I7", holds=fits, otherwise=f"a signed statement names another row {statement.get('seq')}")
    for one in case.evidence.told:
        receipt = one["payload"].get("receipt")
        if receipt:
            kept = hashes.get(receipt["seq"]) == receipt["hash"]
            verdict.look("I7", holds=kept, otherwise=f"record {receipt['seq']} was acknowledged and is not there")


def _i8(case: Case, verdict: Verdict) -> None:
    holder: dict[str, str] = {}
    fences: dict[str, int] = {}
    for row in case.evidence.audit:
        change = row["change_id"]
        if row["event"] == "state" and change:
            for network in row["network_ids"]:
                if row["status"] == "applying":
                    holder.setdefault(network, change)
                elif row["status"] not in UNDER_WAY and holder.get(network) == change:
                    del holder[network]
        if row["event"] != "intent":
            continue
        for network in row["network_ids"]:
            mine = holder.get(network, change) == change
            verdict.look("I8", holds=mine, otherwise=f"{change} wrote to {network} while {holder.get(network)} held it")
        for key, fence in row["detail"]["fences"].items():
            verdict.look("I8", holds=fence >= fences.get(key, 0), otherwise=f"{change}: an older fence wrote to {key}")
            fences[key] = max(fence, fences.get(key, 0))


def _i9(case: Case, verdict: Verdict) -> None:
    used: Counter[str] = Counter()
    for rows in case.states.values():
        for row in rows:
            if row["status"] == "applying" and row["detail"].get("approval"):
                used[row["detail"]["approval"]] += 1
    for approval, times in used.items():
        verdict.look("I9", holds=times == 1, otherwise=f"approval {approval} was used {times} times")


def _i10(case: Case, verdict: Verdict) -> None:
    for organization, rows in _by_organization(case.evidence).items():
        failed, opened_at, good = 0, None, 0
        for row in rows:
            is_bad = row["status"] is None or row["status"] >= 500 or row["fault"] in UNUSABLE
            if opened_at is None:
                failed = failed + 1 if is_bad else failed if row["status"] == 429 else 0
                opened_at = _at(row) if failed >= FAILURES * case.evidence.tries else None
                good = 0
                continue
            if _is_lookup(row):
                continue
            is_read = row["method"] == "GET"
            verdict.look("I10", holds=is_read, otherwise=f"{organization}: {_named(row)} while the breaker was open")
            waited = _at(row) - opened_at >= timedelta(seconds=OPEN_S - ON_THE_WAY_S)
            verdict.look("I10", holds=waited, otherwise=f"{organization}: {_named(row)} before the breaker's time")
            good = 0 if is_bad else good + 1
            opened_at = _at(row) if is_bad else None if good >= 2 else opened_at
            failed = 0
    for one in case.evidence.told:
        error = one["payload"].get("error") or {}
        if error.get("code") == "breaker_open":
            verdict.look("I10", holds=bool(error.get("until")), otherwise="a breaker is open until nobody knows when")


def _is_lookup(row: Row) -> bool:
    """Whether a read asks which organization a network or device belongs to: before it knows, it cannot spare it."""
    return bool(row["method"] == "GET" and row["path"].count("/") == 2)


def _i11(case: Case, verdict: Verdict) -> None:
    for organization, rows in _by_organization(case.evidence).items() if case.evidence.paced else ():
        tokens, at, quiet_until, limited_at = BURST, _at(rows[0]), _at(rows[0]), _at(rows[0])
        for row in rows:
            now = _at(row)
            tokens = min(BURST, tokens + (now - at).total_seconds() * RATE_PER_S) - 1
            at = now
            passed = row["status"] == 429 and row["fault"] is None
            within = tokens > -1 - RATE_PER_S * ON_THE_WAY_S and not passed
            verdict.look("I11", holds=within, otherwise=f"{organization}: {_named(row)} passed the rate")
            headers = row.get("headers") or {}
            on_its_way = now <= limited_at + timedelta(seconds=case.evidence.on_the_way_s) or LATE in headers
            kept = now >= quiet_until or on_its_way or _is_lookup(row)
            verdict.look("I11", holds=kept, otherwise=f"{organization}: {_named(row)} came before Retry-After was over")
            wait_s = float(row.get("retry_after") or 0) if row["status"] == 429 else 0.0
            # who asks whose it is does not know whom to spare, nor who never got the answer or was gone before it came
            is_known = not _is_lookup(row) and not {LOST, LATE} & headers.keys()
            if wait_s > case.evidence.on_the_way_s and is_known:
                limited_at, quiet_until = now, now + timedelta(seconds=wait_s - 0.05)


def _i12(case: Case, verdict: Verdict) -> None:
    texts = {"audit": json.dumps(case.evidence.audit), "told": json.dumps(case.evidence.told)}
    texts |= {"stdout": "\n".join(case.evidence.stdout)}
    for canary in case.evidence.canaries:
        for name, text in texts.items():
            verdict.look("I12", holds=canary not in text, otherwise=f"a secret stands in {name}")


def _i13(case: Case, verdict: Verdict) -> None:
    for line in case.evidence.stdout:
        verdict.look("I13", holds=_is_message(line), otherwise=f"standard output holds {line[:60]!r}")


def _is_message(line: str) -> bool:
    try:
        message = json.loads(line)
    except ValueError:
        return False
    return isinstance(message, dict) and message.get("jsonrpc") == "2.0"


def _i14(case: Case, verdict: Verdict) -> None:
    for one in case.evidence.told:
        if one.get("phase") != "refusing":
            continue
        payload, error = one["payload"], one["payload"].get("error") or {}
        if one["tool"] in ("meraki_apply", "rollback", "meraki_plan"):
            is_refused = bool(error.get("message")) and bool(error.get("remedy"))
            verdict.look("I14", holds=is_refused, otherwise=f"{one['tool']} was not refused with a reason")
        else:
            is_served = payload.get("status") == "ok"
            verdict.look("I14", holds=is_served, otherwise=f"{one['tool']} was not served while writes were refused")


def _i16(case: Case, verdict: Verdict) -> None:
    said = {change: _last_state(case, change) for change in case.states}
    for one in case.evidence.told:
        change, status = one["payload"].get("change_id"), one["payload"].get("status")
        if change and status in ("applied", "unchanged"):
            is_same = said.get(change) in ("applied", "unchanged", "pending_keep")
            verdict.look("I16", holds=is_same, otherwise=f"{change} was told as {status} and is {said.get(change)}")
    written = [row for row in case.evidence.journal if row["took_effect"]]
    things = _ours(case, _things(case.evidence.state))
    for intent in case.intents:
        if said.get(intent.key[0]) != "applied" or intent.key[1] != "apply":
            continue
        last = intent.outcomes[-1]["status"] if intent.outcomes else ""
        if last in ("applied", "unknown"):
            verdict.look("I16", holds=intent.took_effect, otherwise=f"{intent.key} is applied; the cloud never did it")
        newest = [row for row in written if row["path"] == intent.request[1]][-1:]
        if intent.took_effect and newest and newest[0] in intent.arrivals and newest[0]["method"] == "PUT":
            wrong = _missing(newest[0]["body"], things.get(intent.request[1]))
            verdict.look("I16", holds=not wrong, otherwise=f"{intent.key} is applied; the cloud holds other {wrong}")


def _missing(body: Json, held: Json) -> list[str]:
    """The plain fields of a body that the cloud does not hold so."""
    if not isinstance(body, Mapping) or not isinstance(held, Mapping):
        return []
    plain = {name: value for name, value in body.items() if isinstance(value, str | int | float | bool)}
    return [name for name, value in plain.items() if name in held and held[name] != value]


def _i17(case: Case, verdict: Verdict) -> None:
    if len(case.evidence.measured) < 2:
        return
    first, last = case.evidence.measured[0], case.evidence.measured[-1]
    changes = max(1, last["changes"] - first["changes"])
    bounds = {
        "open files": (last["files"] - first["files"], MOST_FILES_MORE),
        "memory": (last["rss_bytes"] - first["rss_bytes"], MOST_MEMORY_MORE_BYTES),
        "disk": (last["disk_bytes"] - first["disk_bytes"], LOG_BYTES + MOST_DISK_BYTES_A_CHANGE * changes),
    }
    for name, (grown, most) in bounds.items():
        verdict.look("I17", holds=grown <= most, otherwise=f"{name} grew by {grown} over {changes} changes")


CHECKS: Final[Sequence[Callable[[Case, Verdict], None]]] = (
    _i1, _i2, _i3, _i4, _i5, _i6, _i7, _i8, _i9, _i10, _i11, _i12, _i13, _i14, _i16, _i17,
)  # fmt: skip


def _at(row: Row) -> datetime:
    return datetime.fromisoformat(str(row["at"]))


def _key(row: Row) -> tuple[str, str, int]:
    return row["change_id"], row["detail"].get("phase", "apply"), row["detail"]["step"]


def _named(row: Row) -> str:
    return f"{row['method']} {row['path']} (request {row['number']})"


def _last_state(case: Case, change: str) -> str:
    rows = case.states.get(change, [])
    return str(rows[-1]["status"]) if rows else ""


def _is_at(path: str, place: str) -> bool:
    """Whether a thing lies at or below a place that was written to, or is the object that the place is a part of."""
    is_record = path.count("/") <= 2  # a network or device is not touched by a write to one of its settings
    return path == place or path.startswith(place + "/") or (place.startswith(path + "/") and not is_record)


def _things(state: Row, defaults: Row | None = None) -> dict[str, Json]:
    """The state as single things by path: records, objects, and each item of a collection.

    A resource that the state leaves out is as the cloud made it by itself (``defaults``).
    """
    configuration = state.get("configuration", state)
    found: dict[str, Json] = {}
    for table in ("organizations", "networks", "devices", "templates"):
        kind = "configTemplates" if table == "templates" else table
        found |= {f"/{kind}/{name}": _still(thing) for name, thing in configuration.get(table, {}).items()}
    for path, value in {**(defaults or {}), **configuration.get("resources", {})}.items():
        if isinstance(value, Mapping) and value and all(isinstance(item, Mapping) for item in value.values()):
            found |= {f"{path}/{name}": _still(item) for name, item in value.items()}
        else:
            found[path] = _still(value)
    return found


def _still(value: Json) -> Json:
    """The value without what the cloud moves by itself."""
    if isinstance(value, Mapping):
        return {name: _still(item) for name, item in value.items() if name not in VOLATILE}
    return [_still(item) for item in value] if isinstance(value, list) else value


def _by_organization(evidence: Evidence) -> dict[str, list[Row]]:
    """The requests of each organization that the cloud counts, in order."""
    configuration = evidence.before.get("configuration", evidence.before)
    found: dict[str, list[Row]] = defaultdict(list)
    for row in evidence.journal:
        kind, _, rest = row["path"].strip("/").partition("/")
        name = rest.partition("/")[0]
        if kind == "devices":
            kind, name = "networks", (configuration.get("devices", {}).get(name) or {}).get("networkId") or ""
        if kind == "networks":
            name = (configuration.get("networks", {}).get(name) or {}).get("organizationId") or ""
        if name and kind in ("organizations", "networks"):
            found[name].append(row)
    return dict(found)


# As a program


def _lines(path: Path | None) -> Iterator[str]:
    if path is not None:
        yield from (line for line in path.read_text("utf-8").splitlines() if line.strip())


def _rows(path: Path | None) -> list[Row]:
    return [json.loads(line) for line in _lines(path)]


def read_evidence(arguments: argparse.Namespace) -> Evidence:
    """The evidence that lies in the files that were named."""
    return Evidence(
        journal=json.loads(arguments.journal.read_text("utf-8")),
        before=json.loads(arguments.before.read_text("utf-8")),
        state=json.loads(arguments.state.read_text("utf-8")),
        audit=_rows(arguments.audit),
        told=_rows(arguments.told),
        stdout=list(_lines(arguments.stdout)),
        measured=_rows(arguments.measured),
        others=_rows(arguments.others),
        canaries=arguments.canary,
        tries=arguments.tries,
        paced=not arguments.unpaced,
        on_the_way_s=arguments.on_the_way,
    )


def report(verdict: Verdict) -> Iterable[str]:
    """The verdict in lines: each invariant with how often it was exercised, then what broke."""
    for name, meaning in MEANING.items():
        yield f"{name:4} {verdict.exercised[name]:7}  {meaning}"
    for name, text in verdict.broken:
        yield f"BROKEN {name}: {text}"


def main(given: Sequence[str] | None = None) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description="Judge a run by what others saw of it.")
    for name in ("journal", "state", "before", "audit"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name in ("told", "stdout", "measured", "others"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--canary", action="append", default=[])
    parser.add_argument("--tries", type=int, default=3, help="how often one read is tried at most")
    parser.add_argument("--on-the-way", type=float, default=ON_THE_WAY_S, help="seconds that a request may need")
    parser.add_argument("--unpaced", action="store_true", help="the rate (I11) is not judged")
    parser.add_argument("--partial", action="store_true", help="not every invariant has to be exercised")
    arguments = parser.parse_args(given)
    verdict = judge(read_evidence(arguments))
    sys.stdout.write("\n".join(report(verdict)) + "\n")
    if verdict.broken:
        return 1
    if verdict.idle and not arguments.partial:
        sys.stdout.write(f"NOT EXERCISED: {', '.join(verdict.idle)}\n")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
