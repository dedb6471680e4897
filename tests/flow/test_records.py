"""What a change leaves to read: suggestions, changelog, session, history, and which devices have picked it up."""

from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.places import CORE, NET
from tests.support.stage import Stage, accepting, staged
from tests.support.story import Payload, applied, planned, step, taken_back

SSID: Final = f"/networks/{NET}/wireless/ssids/1"
RECEPTION: Final = "Q2BD-HFQX-2185"  #: the switch whose port 1 carries an access point
ACCESS_POINT: Final = "Q2DT-HFQZ-2259"


def renamed(name: str) -> Payload:
    """A plan's step that renames an SSID."""
    return step("updateNetworkWirelessSsid", {"name": name}, networkId=NET, number="1")


def calls_of(answer: Payload) -> dict[str, Any]:
    """Each suggestion's exact next call, by its reason."""
    return {one["reason"]: (one["call"]["tool"], one["call"]["arguments"]) for one in answer["handoffs"]}


async def test_every_suggestion_names_the_exact_next_call_and_it_works(stage: Stage) -> None:
    """Plan -> apply -> health check and rollback, by following what the answers say."""
    plan = await planned(stage, renamed("Recepção"))
    tool, arguments = calls_of(plan)["approval-pending"]
    done = await stage.call(tool, **arguments)
    assert done["status"] == "applied"
    tool, arguments = calls_of(done)["post-change-validation"]
    checked = await stage.call(tool, **arguments)
    assert (tool, checked["status"]) == ("health_check", "ok")
    tool, arguments = calls_of(done)["rollback-available"]
    assert (await stage.call(tool, **arguments))["status"] == "rolled_back"


async def test_what_holds_for_several_steps_is_said_once_with_their_numbers(stage: Stage) -> None:
    """Warnings, and the names of targets that are called alike; each step keeps its own line where it differs."""
    made = [
        step(
            "createNetworkApplianceVlan",
            {"id": number, "name": number, "subnet": f"10.{number}.0.0/24", "applianceIp": f"10.{number}.0.1"},
            networkId=NET,
        )
        for number in ("110", "120", "130")
    ]
    done = await applied(stage, *made)
    assert "(3 times)" in done["human_readable"]["summary"]
    waiting = await stage.call("rollback", change_id=done["change_id"])
    said = [one["message"] for one in waiting["warnings"] if one["rule"] == "undo_caveat"]
    assert said
    assert all(text.startswith("Steps 1-3: ") for text in said)
    assert len(said) == len(set(said))


async def test_a_change_of_the_same_kind_for_the_third_time_suggests_a_workflow(stage: Stage) -> None:
    """Not before; a change over more than 5 targets does at once."""
    suggested = ["automation-opportunity" in calls_of(await applied(stage, renamed(f"Rede {n}"))) for n in range(3)]
    many = await applied(stage, step("updateDeviceSwitchPort", {"vlan": 20}, serial=CORE, for_each={"portId": ["3-8"]}))
    assert suggested == [False, False, True]
    assert "automation-opportunity" in calls_of(many)


async def test_a_partial_failure_that_could_not_be_undone_is_handed_to_an_investigation(stage: Stage) -> None:
    """With the record to look at."""
    plan = await planned(stage, renamed("Recepção"), step("updateNetwork", {"notes": "x"}, networkId=NET))
    stage.sandbox.add_fault({"kind": "status", "status": 400, "method": "PUT", "skip": 1, "count": 9})
    answer = await stage.call("meraki_apply", plan_id=plan["plan_id"])
    assert answer["status"] == "rollback_failed"
    assert calls_of(answer)["partial-failure-investigation"] == ("history", {"change_id": answer["change_id"]})


async def test_the_session_offers_its_summary_from_the_fifth_change_on(stage: Stage) -> None:
    """Each one is counted once."""
    offers = []
    for number in range(6):
        done = await applied(stage, renamed(f"Rede {number}"))
        offers.append([one["message"] for one in done["warnings"] if one["rule"] == "session_summary"])
    assert [bool(one) for one in offers] == [False] * 4 + [True] * 2
    assert "5" in offers[4][0]


async def test_a_plan_that_meets_what_the_session_changed_before_says_so(stage: Stage) -> None:
    """Naming the change."""
    done = await applied(stage, renamed("Recepção"))
    plan = await planned(stage, renamed("Lounge"))
    said = [one["message"] for one in plan["warnings"] if one["rule"] == "session_overlap"]
    assert len(said) == 1
    assert done["change_id"] in said[0]


async def test_the_changelog_is_written_in_the_persons_language(tmp_path: Path) -> None:
    """Brazilian Portuguese; before, after and the id to go back by; as a resource for the session too."""
    async with staged(tmp_path / "home", answer=accepting, given={"locale": "pt-BR"}) as stage:
        done = await applied(stage, renamed("Recepção"))
        session = await stage.client.read_resource("changelog://session")
    log = done["changelog"]
    for text in ("**Ação:** updateNetworkWirelessSsid", "[antes]", "name=Visitantes", "[depois]", "name=Recepção"):
        assert text in log, log
    assert f"`{done['change_id']}`" in log
    assert session.contents[0].text == log  # type: ignore[union-attr]  # a text resource


async def test_history_finds_a_change_by_each_filter_and_shows_its_rollback(stage: Stage) -> None:
    """By plan, network, status and time; the change and what took it back know each other."""
    first = await applied(stage, renamed("Recepção"))
    second = await applied(stage, step("updateDeviceSwitchPort", {"name": "Mesa"}, serial=CORE, portId="12"))
    back = await taken_back(stage, change_id=first["change_id"])

    async def found(**filters: Any) -> list[str]:
        return [one["change_id"] for one in (await stage.call("history", **filters))["changes"]]

    everything = [back["change_id"], second["change_id"], first["change_id"]]
    assert await found() == everything
    assert await found(limit=1) == everything[:1]
    assert await found(plan_id=first["plan_id"]) == [first["change_id"]]
    assert await found(network_id=NET) == everything
    assert await found(status="rolled_back") == [back["change_id"]]
    assert await found(since="2999-01-01T00:00:00Z") == []
    record = (await stage.call("history", change_id=first["change_id"]))["change"]
    assert (record["status"], record["rolled_back_by"]) == ("applied", back["change_id"])
    assert (record["rollback"]["performed"], record["rollback"]["available"]) == (True, False)
    assert (await stage.call("history", change_id=back["change_id"]))["change"]["rolls_back"] == [first["change_id"]]


async def test_the_steps_of_a_long_change_are_told_in_their_order(stage: Stage) -> None:
    """Step 10 after step 9, by apply, by history and by a repeated apply."""
    ports = step("updateDeviceSwitchPort", {"vlan": 20}, serial=CORE, for_each={"portId": ["2-13"]})
    done = await applied(stage, ports)
    history = await stage.call("history", change_id=done["change_id"])
    again = await stage.call("meraki_apply", plan_id=done["plan_id"])
    for answer in (done, history["change"], again):
        assert [one["step"] for one in answer["steps"]] == list(range(1, 13))


async def test_devices_that_picked_the_change_up_are_counted_and_an_offline_one_is_pending(stage: Stage) -> None:
    """An access point without its cable is never reported as changed; back on line, it fetches."""
    world = stage.sandbox.world
    world.settle_s = 0.0
    assert world.perform is not None
    world.perform("PUT", f"/devices/{RECEPTION}/switch/ports/1", {"enabled": False})
    done = await applied(stage, renamed("Recepção"))
    assert done["delivery"]["pending"] == [ACCESS_POINT]
    assert done["delivery"]["confirmed"] == len(done["targets"]["device_serials"]) - 1
    world.perform("PUT", f"/devices/{RECEPTION}/switch/ports/1", {"enabled": True})
    later = await applied(stage, renamed("Lounge"))
    assert later["delivery"]["pending"] == []


async def test_no_secret_stands_in_any_answer_record_or_log_of_a_change(tmp_path: Path) -> None:
    """The given and the made one, in plan, apply, history, changelog, rollback and the data directory."""
    canary = "canario-de-mina-2026"
    home = tmp_path / "home"
    async with staged(home, answer=accepting, given={"secrets": {"AULA": canary}}) as stage:
        psk = {"authMode": "psk", "encryptionMode": "wpa", "wpaEncryptionMode": "WPA2 only", "psk": {"$secret": "AULA"}}
        snmp = {"access": "users", "users": [{"username": "noc", "passphrase": {"$generate": 24}}]}
        done = await applied(
            stage,
            step("updateNetworkWirelessSsid", {"enabled": True, **psk}, networkId=NET, number="5"),
            step("updateNetworkSnmp", snmp, networkId=NET),
        )
        made = stage.sandbox.world.get(f"/networks/{NET}/snmp")["users"][0]["passphrase"]
        history = await stage.call("history", change_id=done["change_id"])
        changelog = await stage.client.read_resource("changelog://session")
        back = await taken_back(stage, change_id=done["change_id"])
        said = f"{done}{history}{changelog}{back}{stage.asked}"
    written = b"".join(one.read_bytes() for one in home.rglob("*") if one.is_file())
    assert stage.sandbox.world.get(f"/networks/{NET}/snmp").get("users", []) == []
    for secret in (canary, made):
        assert secret not in said
        assert secret.encode() not in written


@pytest.mark.parametrize(
    "filters", [{"change_id": ""}, {"actor": ""}, {"status": "done"}, {"cursor": "'"}, {"cursor": "CHG-NONE"}]
)
async def test_a_filter_that_can_fit_nothing_is_refused(tmp_path: Path, filters: dict[str, str]) -> None:
    """An empty text, a status that no change has, a cursor that was never given: not an empty list."""
    async with staged(tmp_path / "home") as stage:
        answer = await stage.call("history", **filters)
    assert (answer["status"], answer["error"]["code"]) == ("refused", "invalid_arguments")
