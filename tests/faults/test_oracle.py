"""The oracle is a witness of its own, and sees each invariant broken when it is."""

import ast
import copy
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from tests.faults import oracle
from tests.faults.evidence import CANARY, NET, SSID, at, honest, request, row, spoiled, taking_back
from tests.faults.oracle import MEANING, Evidence, judge

ROOT: Final = Path(__file__).resolve().parents[2]
Json = Any


def test_the_oracle_imports_nothing_of_the_product() -> None:
    """Not even through another module: the standard library and one canonical-JSON package."""
    tree = ast.parse(Path(oracle.__file__).read_text("utf-8"))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([one.name for one in node.names] if isinstance(node, ast.Import) else [node.module or ""])
    }
    assert imported - sys.stdlib_module_names == {"rfc8785"}
    code = "import sys, tests.faults.oracle; print(*[n for n in sys.modules if n.startswith('mcp_server')])"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == ""


def test_an_honest_run_holds_and_exercises_every_invariant() -> None:
    """Nothing is broken, nothing is idle."""
    verdict = judge(honest())
    assert verdict.broken == []
    assert verdict.idle == []


def _first(rows: list[Json], event: str, status: str = "") -> Json:
    return next(one for one in rows if one.get("event") == event and status in ("", one["status"]))


def _set(index: int, **values: Json) -> Callable[[list[Json]], None]:
    return lambda rows: rows[index].update(values)


def _without(event: str, status: str = "") -> Callable[[list[Json]], None]:
    return lambda rows: rows.remove(_first(rows, event, status))


def _again(rows: list[Json]) -> None:
    """The first step is announced once more, though it was applied."""
    rows.insert(5, copy.deepcopy(_first(rows, "intent")) | {"at": rows[4]["at"]})


def _interleaved(rows: list[Json], fences: Mapping[str, int]) -> None:
    """A second change announces a write while the first holds the network."""
    intruder = row(0.31, "intent", "intent", plan_id="plan-9", change_id="CHG-9")
    wanted = {"method": "PUT", "path": f"{SSID}/9"}
    intruder["detail"] = {"phase": "apply", "step": 1, "request": wanted, "fences": fences}
    rows.insert(4, intruder)


def _outrun(rows: list[Json]) -> None:
    """The last write is announced under an older fence than the one before it."""
    [one for one in rows if one.get("event") == "intent"][-1]["detail"]["fences"][f"network:{NET}"] = 0


def _one_approval(rows: list[Json]) -> None:
    """Every change begins with the same approval."""
    for one in rows:
        if "approval" in one.get("detail", ()):
            one["detail"]["approval"] = "yes-1"


def _burst(rows: list[Json]) -> None:
    """Forty requests within a tenth of a second."""
    rows[3:3] = [request(5.0 + number / 400, f"{SSID}/1") for number in range(40)]


def _unlinked() -> Evidence:
    """A row altered after it was linked."""
    evidence = honest()
    audit = [dict(one) for one in evidence.audit]
    audit[3] = {**audit[3], "status": "another"}
    return replace(evidence, audit=audit)


def _edited(*, is_kept: bool) -> Evidence:
    """Somebody else changed another field of what was then taken back, and it is still there, or is not."""
    held = {"splashUrl": "https://theirs.example.com"}
    kept = spoiled(
        "state", lambda state: state["configuration"]["resources"][SSID]["2"].update(held if is_kept else {})
    )
    return replace(kept, others=[{"path": f"{SSID}/2", "field": "splashUrl", "value": held["splashUrl"]}])


def _given_up_too_early() -> Evidence:
    """A write of which nothing was known at first is called not applied before it arrives."""

    def later(rows: list[Json]) -> None:
        first = _first(rows, "outcome")
        first["status"] = "unknown"
        rows.insert(rows.index(first) + 1, {**first, "event": "reconciled", "status": "not_applied", "at": at(0.55)})

    return replace(spoiled("audit", later), journal=[{**honest().journal[0], "at": at(1.5)}, *honest().journal[1:]])


#: For each invariant a run that breaks it; made by hand.
VIOLATIONS: Final[Mapping[str, Mapping[str, Callable[[], Evidence]]]] = {
    "I1": {
        "a mutation that nobody announced": lambda: spoiled(
            "journal", lambda rows: rows.append(request(90.0, f"{SSID}/7", "PUT"))
        ),
        "a mutation from before its intent": lambda: spoiled("journal", _set(0, at=honest().audit[0]["at"])),
        "a mutation that was announced with another value": lambda: spoiled("journal", _set(0, body={"name": "Two"})),
        "a mutation with more than was announced": lambda: spoiled(
            "journal", lambda rows: rows[0]["body"].update(enabled=False)
        ),
        "a mutation without what was announced": lambda: spoiled("journal", _set(0, body={})),
        "a mutation after its outcome": lambda: spoiled(
            "journal", lambda rows: rows.insert(1, {**rows[0], "at": at(1.5)})
        ),
        "a mutation after a later look called it not applied": _given_up_too_early,
        "two outcomes": lambda: spoiled("audit", lambda rows: rows.insert(5, dict(_first(rows, "outcome")))),
    },
    "I2": {
        "an intent of which nothing more is said": lambda: spoiled("audit", _without("outcome")),
        "an outcome without an intent": lambda: spoiled("audit", _without("intent")),
    },
    "I3": {
        "a write sent twice": lambda: spoiled("journal", lambda rows: rows.insert(1, dict(rows[0]))),
        "a step announced again that was applied": lambda: spoiled("audit", _again),
    },
    "I4": {
        "an audit that no auditor answered": lambda: spoiled(
            "audit", lambda rows: rows.insert(1, row(0.05, "state", "audit_requested", detail={"plan_hash": "hash-1"}))
        ),
        "no answer of a person": lambda: spoiled("audit", _without("answer")),
        "an answer to another plan": lambda: spoiled(
            "audit", lambda rows: _first(rows, "answer").update(detail={"plan_hash": "hash-9"})
        ),
        "an answer of yesterday": lambda: spoiled(
            "audit", lambda rows: _first(rows, "answer").update(at="2026-11-20T12:00:00+00:00")
        ),
        "a critical plan approved in the client": lambda: spoiled(
            "audit", lambda rows: _first(rows, "state", "planned")["detail"].update(risk="critical")
        ),
        "a write of a change that never began": lambda: spoiled("audit", _without("state", "applying")),
    },
    "I5": {
        "a change that was taken back and still stands": lambda: spoiled(
            "state", lambda state: state["configuration"]["resources"][SSID]["2"].update(name="Two")
        ),
        "what somebody else changed was taken back too": lambda: _edited(is_kept=False),
        "something else that moved": lambda: spoiled(
            "state", lambda state: state["configuration"]["networks"][NET].update(name="Other")
        ),
    },
    "I6": {
        "a write that took effect and is on no record": lambda: spoiled(
            "journal", lambda rows: rows.append(request(90.0, f"{SSID}/1/x", "PUT", took_effect=True))
        ),
        "a change that is called failed": lambda: spoiled(
            "audit", lambda rows: _first(rows, "state", "applied").update(status="failed")
        ),
        "a change left half-way": lambda: spoiled("audit", _without("state", "applied")),
    },
    "I7": {
        "an altered row": _unlinked,
        "a row that was cut off": lambda: replace(honest(), audit=honest().audit[1:]),
        "a signed statement about another row": lambda: replace(
            honest(), audit=[*honest().audit, {"kind": "checkpoint", "seq": 3, "hash": "0" * 64}]
        ),
        "an acknowledged row that is not there": lambda: spoiled(
            "told", lambda told: told[0]["payload"]["receipt"].update(seq=999)
        ),
    },
    "I8": {
        "two writers on one network": lambda: spoiled("audit", lambda rows: _interleaved(rows, {f"network:{NET}": 9})),
        "a writer without any lease": lambda: spoiled("audit", lambda rows: _interleaved(rows, {})),
        "a writer whose lease was taken over": lambda: spoiled("audit", _outrun),
    },
    "I9": {"an approval used for two changes": lambda: spoiled("audit", _one_approval)},
    "I10": {
        "a write while the breaker is open": lambda: spoiled("journal", _set(-2, method="PUT")),
        "a read before its time is over": lambda: spoiled(
            "journal", lambda rows: rows.insert(-2, request(20.0, f"{SSID}/1"))
        ),
        "an answer that does not say until when": lambda: spoiled(
            "told", lambda told: told[1]["payload"]["error"].pop("until")
        ),
    },
    "I11": {
        "forty requests at once": lambda: spoiled("journal", _burst),
        "a 429 that the cloud had to give": lambda: spoiled("journal", _set(3, fault=None)),
        "a request before Retry-After was over": lambda: spoiled("journal", _set(4, at=request(7.0, "")["at"])),
    },
    "I12": {
        "a secret in an answer": lambda: spoiled("told", lambda told: told[0]["payload"].update(note=CANARY)),
        "a secret in the audit": lambda: spoiled("audit", lambda rows: rows[0]["detail"].update(psk=CANARY)),
    },
    "I13": {"a line of print": lambda: spoiled("stdout", lambda lines: lines.append("starting ..."))},
    "I14": {
        "a read refused with the writes": lambda: spoiled(
            "told", lambda told: told[2]["payload"].update(status="failed")
        ),
        "a refusal without a reason": lambda: spoiled("told", lambda told: told[1]["payload"].pop("error")),
    },
    "I16": {
        "applied, and the cloud never did it": lambda: spoiled("journal", _set(0, took_effect=False)),
        "applied, and the cloud holds something else": lambda: spoiled(
            "state", lambda state: state["configuration"]["resources"][SSID]["1"].update(name="Old one")
        ),
        "told as applied, recorded as failed": lambda: spoiled(
            "audit", lambda rows: _first(rows, "state", "applied").update(status="failed")
        ),
    },
    "I17": {
        "a leak of open files": lambda: spoiled("measured", lambda rows: rows[-1].update(files=900)),
        "a disk that fills": lambda: spoiled("measured", lambda rows: rows[-1].update(disk_bytes=90_000_000)),
        "a leak of memory": lambda: spoiled("measured", lambda rows: rows[-1].update(rss_bytes=900_000_000)),
    },
}


@pytest.mark.parametrize(
    ("invariant", "spoil"), [(name, spoil) for name, cases in VIOLATIONS.items() for spoil in cases]
)
def test_a_run_that_breaks_an_invariant_is_caught(invariant: str, spoil: str) -> None:
    """By the name of that invariant, whatever else it breaks too."""
    broken = judge(VIOLATIONS[invariant][spoil]()).broken
    assert invariant in {name for name, _ in broken}, broken


def test_what_others_changed_meanwhile_is_no_fault_of_ours() -> None:
    """As long as it still stands, also where our own change was taken back."""
    assert judge(_edited(is_kept=True)).broken == []
    held = {"name": "Theirs"}
    evidence = spoiled("state", lambda state: state["configuration"]["resources"][SSID]["1"].update(held))
    assert judge(replace(evidence, others=[{"path": f"{SSID}/1", "field": "name"}])).broken == []


def test_a_rollback_that_was_taken_back_itself_took_nothing_back() -> None:
    """What it had taken back stands again, and need not be as before."""
    audit = spoiled("audit", lambda rows: rows.extend(taking_back(5.0, 4, "CHG-3", "Two"))).audit
    again = request(5.35, f"{SSID}/2", "PUT", body={"name": "Two"}, took_effect=True)
    journal = spoiled("journal", lambda rows: rows.insert(3, again)).journal
    state = spoiled("state", lambda state: state["configuration"]["resources"][SSID]["2"].update(name="Two")).state
    assert judge(replace(honest(), state=state)).broken
    whole = replace(honest(), audit=audit, journal=journal, state=state)
    assert [text for name, text in judge(whole).broken if name in ("I5", "I16")] == []


def test_a_change_that_was_left_in_part_is_honest_when_a_person_was_told() -> None:
    """Partial is an end when an alert names it, and a change left half-way when none does."""

    def half_way(rows: list[Json], *more: Json) -> None:
        _first(rows, "state", "applied").update(status="partial")
        rows.extend(more)

    alert = row(0.7, "alert", "partial", plan_id="plan-1", change_id="CHG-1")
    left = ("I6", "CHG-1 was left partial")
    assert left not in judge(spoiled("audit", lambda rows: half_way(rows, alert))).broken
    assert left in judge(spoiled("audit", half_way)).broken


def test_every_invariant_has_a_run_that_breaks_it() -> None:
    """None is checked by a check that cannot fail."""
    assert set(VIOLATIONS) == set(MEANING)


def _program(tmp_path: Path, evidence: Evidence, *more: str) -> subprocess.CompletedProcess[str]:
    """The oracle, run as a program on files."""
    whole = {"journal": evidence.journal, "state": evidence.state, "before": evidence.before}
    rows = {"audit": evidence.audit, "told": evidence.told, "measured": evidence.measured}
    words = [word for name in (*whole, *rows, "stdout") for word in (f"--{name}", str(tmp_path / name))]
    for name, value in whole.items():
        (tmp_path / name).write_text(json.dumps(value), "utf-8")
    for name, lines in rows.items():
        (tmp_path / name).write_text("".join(json.dumps(one) + "\n" for one in lines), "utf-8")
    (tmp_path / "stdout").write_text("\n".join(evidence.stdout), "utf-8")
    command = [sys.executable, "-m", "tests.faults.oracle", *words, "--canary", CANARY, "--tries", "1", *more]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_as_a_program_it_says_how_often_each_was_exercised_and_ends_by_what_it_found(tmp_path: Path) -> None:
    """0 all hold, 1 broken, 2 one was never exercised, unless a part is enough."""
    done = _program(tmp_path, honest())
    assert (done.returncode, done.stderr) == (0, "")
    assert all(any(line.startswith(f"{name} ") for line in done.stdout.splitlines()) for name in MEANING)
    broken = _program(tmp_path, VIOLATIONS["I3"]["a write sent twice"]())
    assert broken.returncode == 1
    assert "BROKEN I3" in broken.stdout
    idle = replace(honest(), measured=())
    assert _program(tmp_path, idle).returncode == 2
    assert "NOT EXERCISED: I17" in _program(tmp_path, idle).stdout
    assert _program(tmp_path, idle, "--partial").returncode == 0


def _beside(value: Json, second: float = 1.0) -> Evidence:
    """Somebody edited the first SSID's limit; the cloud holds this at the end."""
    evidence = honest()
    state = copy.deepcopy(dict(evidence.state))
    state["configuration"]["resources"][SSID]["1"]["limit"] = value
    edit = {"at": at(second), "path": f"{SSID}/1", "field": "limit", "value": 7}
    return replace(evidence, state=state, others=[edit])


def test_somebody_elses_edit_must_stand_at_the_end() -> None:
    """A field that only others edit holds what they wrote, or somebody overwrote it."""
    assert judge(_beside(7)).broken == []
    assert [name for name, _ in judge(_beside(3)).broken] == ["I5"]
    assert judge(_beside(3, second=0.4)).broken == []  # while a change of the same SSID was under way


@pytest.mark.parametrize(("since", "done", "broken"), [(0.1, 0.17, []), (0.1, 0.12, ["I5"])])
def test_an_edit_after_the_last_look_before_a_change_is_not_told_from_its_effect(
    since: float, done: float, broken: list[str]
) -> None:
    """The change begins at 0.2 and has looked at 0.15; an edit that was done by then is none that it may overwrite."""
    evidence = _beside(3, done)
    edit = {**evidence.others[0], "since": at(since)}
    journal = [request(0.15, f"{SSID}/1"), *evidence.journal]
    assert [name for name, _ in judge(replace(evidence, others=[edit], journal=journal)).broken] == broken


def test_a_field_that_somebody_else_edited_too_is_not_held_against_the_servers() -> None:
    """The cloud holds another name than the applied change wrote: with the edit known, that is no lie."""
    evidence = honest()
    state = copy.deepcopy(dict(evidence.state))
    state["configuration"]["resources"][SSID]["1"]["name"] = "Theirs"
    assert [name for name, _ in judge(replace(evidence, state=state)).broken] == ["I16"]
    edit = {"path": f"{SSID}/1", "field": "name"}
    assert judge(replace(evidence, state=state, others=[edit])).broken == []


def test_a_429_that_nobody_could_know_of_is_not_held_against_the_servers() -> None:
    """One to who asks whose a network is, one whose answer was lost on the line, one to who did not wait so long."""
    evidence = honest()
    journal = [copy.deepcopy(dict(one)) for one in evidence.journal]
    limited = next(one for one in journal if one["status"] == 429)
    journal.append(request(7.0, f"{SSID}/1"))
    journal.sort(key=lambda one: str(one["at"]))
    assert [name for name, _ in judge(replace(evidence, journal=journal)).broken] == ["I11"]
    for spared in ({"path": f"/networks/{NET}"}, {"headers": {"x-lost": "reset"}}, {"headers": {"x-late": "hold"}}):
        rows = [{**one, **spared} if one is limited else one for one in journal]
        assert judge(replace(evidence, journal=rows)).broken == []


@pytest.mark.parametrize(
    ("second", "headers", "broken"),
    [(6.3, {}, []), (7.0, {"x-late": "latency"}, []), (7.0, {}, ["I11"])],
    ids=["on its way", "held up on its way", "sent too early"],
)
def test_what_was_on_its_way_when_a_429_came_is_not_held_against_the_servers(
    second: float, headers: Mapping[str, str], broken: list[str]
) -> None:
    """A request that was sent before the answer may arrive after it; one that is sent before its time may not."""
    evidence = honest()
    journal = [*evidence.journal, request(second, f"{SSID}/1", headers=headers)]
    journal.sort(key=lambda one: str(one["at"]))
    verdict = judge(replace(evidence, journal=journal))
    assert [name for name, _ in verdict.broken] == broken
