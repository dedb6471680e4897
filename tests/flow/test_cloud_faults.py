"""The cloud fails in every way that it can: the class, the words, the state; a write is sent once; the key stays."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.outside import plain, rows_of, untouched
from tests.support.places import LAB, NET
from tests.support.stage import KEY, Stage, accepting, staged
from tests.support.story import Payload, confirmed, planned, step

SSID: Final = f"/networks/{NET}/wireless/ssids/1"
ALWAYS: Final = 99
pytestmark = pytest.mark.usefixtures("way")


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """A stage that waits no longer than needed for a state that will not come."""
    async with staged(tmp_path / "home", answer=accepting, given={"settle_s": 0.3}) as one:
        yield one


@dataclass(frozen=True, slots=True)
class Read:
    """A read under a fault, and its answer."""

    fault: Payload
    code: str
    kind: str  #: class of the failure
    tries: int
    status: str = "failed"
    says: str = ""


def _status(code: int, **more: Any) -> Payload:
    return {"kind": "status", "status": code, "count": ALWAYS, **more}


READS: Final = {
    "401": Read(_status(401), "not_authenticated", "auth", 1, "refused", "MERAKI_DASHBOARD_API_KEY"),
    "403": Read(_status(403), "not_allowed", "auth", 1, "refused", "no permission"),
    "404": Read(_status(404), "rejected", "not_found", 1, says="meraki_search"),
    "429 with Retry-After": Read(_status(429, retry_after=0), "rate_limit", "rate_limit", 5, says="Call again after"),
    "429 without": Read(_status(429), "rate_limit", "rate_limit", 5, says="Call again after 60 s"),
    "500": Read(_status(500), "outcome_unknown", "server_error", 3, says="Nothing was changed"),
    "500 as a web page": Read(_status(502, html=True), "outcome_unknown", "server_error", 3),
    "dropped answer": Read({"kind": "drop", "count": ALWAYS}, "outcome_unknown", "unknown", 3),
    "cut answer": Read({"kind": "cut", "count": ALWAYS}, "outcome_unknown", "unknown", 3),
    "web page": Read({"kind": "html", "count": ALWAYS}, "bad_answer", "unknown", 1, says="could not be read"),
    "broken JSON": Read({"kind": "malformed", "count": ALWAYS}, "bad_answer", "unknown", 1, says="could not be read"),
    "50 MB": Read({"kind": "huge", "megabytes": 50}, "bad_answer", "unknown", 1, says="could not be read"),
}


@pytest.mark.parametrize("name", READS)
async def test_a_read_that_fails_says_what_failed_and_what_to_do(stage: Stage, name: str) -> None:
    """Class, code and remedy; tried again only where that can help; one row; nothing said of changes."""
    read = READS[name]
    await stage.call("meraki_read", operation="getNetwork", params={"networkId": NET})
    stage.sandbox.add_fault({**read.fault, "path": SSID})
    async with untouched(stage):
        answer = await stage.call(
            "meraki_read", operation="getNetworkWirelessSsid", params={"networkId": NET, "number": "1"}
        )
    error = answer["error"]
    assert (answer["status"], error["code"], error["class"]) == (read.status, read.code, read.kind)
    assert len([entry for entry in stage.sandbox.world.journal if entry["path"] == SSID]) == read.tries
    assert read.says in plain(error)
    assert error["remedy"]
    assert "history" not in error["remedy"]  # nothing was changed: there is nothing to look up
    assert ("retry_after_s" in error) == (read.kind == "rate_limit")
    (row,) = (await rows_of(stage, event="call"))[1:]
    assert row.detail["error"] == read.code
    assert answer["receipt"]["seq"]


@dataclass(frozen=True, slots=True)
class Write:
    """A write under a fault: the change's status, its step's state, how often it was sent, what the cloud holds."""

    fault: Payload
    status: str
    step: str
    sent: int = 1
    holds: bool = False
    code: str = ""
    kind: str = ""


WRITES: Final = {
    "401": Write(_status(401), "failed", "failed", code="not_authenticated", kind="auth"),
    "403": Write(_status(403), "failed", "failed", code="not_allowed", kind="auth"),
    "404": Write(_status(404), "failed", "failed", code="rejected", kind="not_found"),
    "400": Write(_status(400, errors=["Name is too long"]), "failed", "failed", code="rejected", kind="unknown"),
    "429 with Retry-After": Write(_status(429, retry_after=0, count=2), "applied", "applied", sent=3, holds=True),
    "429 without": Write(_status(429, count=2), "applied", "applied", sent=3, holds=True),
    "429 for good": Write(_status(429), "failed", "failed", sent=5, code="rate_limit", kind="rate_limit"),
    "500 before the write": Write(_status(500), "failed", "not_applied", code="outcome_unknown", kind="server_error"),
    "500 after the write": Write(_status(500, when="after"), "applied", "applied", holds=True),
    "dropped before the write": Write(
        {"kind": "drop", "when": "before"}, "failed", "not_applied", code="outcome_unknown", kind="unknown"
    ),
    "dropped after the write": Write({"kind": "drop", "when": "after"}, "applied", "applied", holds=True),
    "cut answer": Write({"kind": "cut"}, "applied", "applied", holds=True),
    "web page": Write({"kind": "html"}, "applied", "applied", holds=True),
    "broken JSON": Write({"kind": "malformed"}, "applied", "applied", holds=True),
    "50 MB": Write({"kind": "huge", "megabytes": 50}, "applied", "applied", holds=True),
    "stored nothing": Write({"kind": "not_applied"}, "rolled_back", "applied", code="not_as_planned", kind="unknown"),
    "stored another value": Write(
        {"kind": "normalised", "set": {"name": "Y"}},
        "rolled_back",
        "applied",
        sent=2,  # the write and its undo
        code="not_as_planned",
        kind="unknown",
    ),
}


@pytest.mark.parametrize("name", WRITES)
async def test_a_write_is_told_as_what_it_did_and_is_never_sent_blindly_again(stage: Stage, name: str) -> None:
    """A lost answer is settled by reading back; only a 429 is sent again; the record and the cloud agree."""
    write = WRITES[name]
    plan = await planned(stage, step("updateNetworkWirelessSsid", {"name": "X"}, networkId=NET, number="1"))
    stage.sandbox.add_fault({**write.fault, "method": "PUT", "path": SSID})
    done = await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"])
    assert done["status"] == write.status, done.get("error")
    assert done["steps"][0]["state"] == write.step
    assert len(stage.writes()) == write.sent
    assert all(entry["key_ok"] for entry in stage.sandbox.world.journal)
    assert stage.sandbox.world.get(SSID)["name"] == ("X" if write.holds else "Visitantes")
    error = done.get("error", {})
    assert (error.get("code", ""), error.get("class", "")) == (write.code, write.kind)
    if write.code:
        assert error["remedy"]
        assert error["action"]
        assert ("undone" in error["action"]) == (write.status == "rolled_back")
    outcomes = [row.status for row in await rows_of(stage, event="outcome", change_id=done["change_id"])]
    assert outcomes[0] == write.step
    kept = await stage.call("history", change_id=done["change_id"])
    assert kept["change"]["status"] == write.status
    assert (await stage.call("meraki_apply", plan_id=plan["plan_id"]))["change_id"] == done["change_id"]
    assert len(stage.writes()) == write.sent  # asked once more, nothing is sent once more


async def test_a_write_whose_answer_is_lost_and_cannot_be_read_back_is_unknown(stage: Stage) -> None:
    """Neither applied nor failed is claimed; nothing is sent again; the way to look is told."""
    plan = await planned(stage, step("updateNetworkWirelessSsid", {"name": "X"}, networkId=NET, number="1"))
    stage.sandbox.add_fault({"kind": "drop", "when": "after", "method": "PUT", "path": SSID})
    stage.sandbox.add_fault({**_status(500), "method": "GET", "path": SSID, "skip": 2})
    done = await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"])
    assert (done["status"], done["steps"][0]["state"]) == ("unknown", "unknown")
    assert len(stage.writes()) == 1
    assert {"partial-failure-investigation"} <= {one["reason"] for one in done["handoffs"]}
    assert done["error"]["code"] == "outcome_unknown"


async def test_when_a_later_step_fails_the_earlier_ones_are_undone_and_each_is_told(stage: Stage) -> None:
    """Step 2 is refused by the cloud: step 1 is taken back, and the state is as before."""
    plan = await planned(
        stage,
        step("updateNetworkWirelessSsid", {"name": "X"}, networkId=NET, number="1"),
        step("updateNetworkWirelessSsid", {"name": "Y"}, networkId=NET, number="2"),
    )
    stage.sandbox.add_fault({**_status(400, errors=["no"]), "method": "PUT", "path": SSID[:-1] + "2"})
    done = await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"])
    assert (done["status"], done["error"]["class"]) == ("rolled_back", "partial_apply")
    assert [(one["phase"], one["state"]) for one in done["steps"]] == [
        ("apply", "applied"), ("apply", "failed"), ("undo", "applied"),
    ]  # fmt: skip
    assert stage.sandbox.world.get(SSID)["name"] == "Visitantes"


async def test_an_undo_that_the_cloud_refuses_names_what_is_left(stage: Stage) -> None:
    """rollback_failed, with the residue by step; the next server on the network is not kept out."""
    plan = await planned(
        stage,
        step("updateNetworkWirelessSsid", {"name": "X"}, networkId=NET, number="1"),
        step("updateNetworkWirelessSsid", {"name": "Y"}, networkId=NET, number="2"),
    )
    stage.sandbox.add_fault({**_status(400), "method": "PUT", "path": SSID[:-1] + "2"})
    stage.sandbox.add_fault({**_status(403), "method": "PUT", "path": SSID, "skip": 1})
    done = await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"])
    assert (done["status"], done["error"]["class"]) == ("rollback_failed", "partial_apply")
    assert done["residue"][0].startswith("step 1")
    assert any('name is "X", was "Visitantes"' in str(left) for left in done["residue"])
    assert done["next_command"].endswith(f"rollback {done['change_id']}")
    told = (await stage.call("health_check"))["server"]["waiting_for_a_person"]
    assert [(one["change_id"], one["status"]) for one in told] == [(done["change_id"], "rollback_failed")]
    [alert] = await rows_of(stage, event="alert")
    assert (alert.status, alert.detail["command"]) == ("rollback_failed", done["next_command"])
    again = await planned(stage, step("updateNetworkWirelessSsid", {"name": "Z"}, networkId=NET, number="3"))
    assert (await confirmed(stage, "meraki_apply", plan_id=again["plan_id"]))["status"] == "applied"


async def test_a_redirect_to_another_host_is_not_followed_and_the_key_stays(stage: Stage) -> None:
    """The other host hears nothing, neither for a read nor for a write; the write is known not to be stored."""
    plan = await planned(stage, step("updateNetworkWirelessSsid", {"name": "X"}, networkId=NET, number="1"))
    async with _listening() as (port, heard):
        for method in ("GET", "PUT"):
            stage.sandbox.add_fault(
                {"kind": "redirect", "location": f"http://127.0.0.1:{port}{SSID}", "method": method, "path": SSID,
                 "count": 1 if method == "GET" else ALWAYS}
            )  # fmt: skip
        read = await stage.call(
            "meraki_read", operation="getNetworkWirelessSsid", params={"networkId": NET, "number": "1"}
        )
        done = await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"])
        assert heard == []
    assert (read["error"]["code"], read["error"]["http_status"]) == ("bad_answer", 307)
    assert (done["status"], done["steps"][0]["state"]) == ("failed", "not_applied")
    assert KEY not in plain([read, done])


async def test_a_bad_key_is_asked_about_once_and_a_good_one_is_asked_again(stage: Stage) -> None:
    """A 401 drops what was known of the key, so that the next call checks it anew."""
    stage.sandbox.api_key = "another-key-that-the-server-does-not-have"
    first = await stage.call("meraki_read", operation="getNetwork", params={"networkId": NET})
    assert (first["status"], first["error"]["class"]) == ("refused", "auth")
    assert not stage.writes()
    stage.sandbox.api_key = KEY
    assert (await stage.call("meraki_read", operation="getNetwork", params={"networkId": NET}))["status"] == "ok"


async def test_a_change_is_refused_when_its_state_cannot_be_read_again_before_the_write(stage: Stage) -> None:
    """The re-read of an approved plan fails: nothing is sent, and the plan says so."""
    plan = await planned(stage, step("updateDeviceSwitchPort", {"name": "x"}, serial=LAB, portId="5"))
    stage.sandbox.add_fault({**_status(500), "method": "GET", "path": f"/devices/{LAB}/switch/ports*"})
    async with untouched(stage):
        done = await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"])
    assert done["status"] == "refused"
    assert done["error"]["code"] in ("check_failed", "no_backup")


@asynccontextmanager
async def _listening() -> AsyncIterator[tuple[int, list[bytes]]]:
    """A port that notes whatever is sent to it."""
    heard: list[bytes] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(4096))
        writer.close()

    server = await asyncio.start_server(note, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], heard
