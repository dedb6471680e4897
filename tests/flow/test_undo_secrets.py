"""Secrets that no GET returns: the plan says so before, the rollback asks for them by name, and they come back."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import anyio
import pytest

from tests.support.fake_clock import ShiftedClock
from tests.support.longest import LONGEST_S
from tests.support.places import NET, ORG
from tests.support.stage import Stage, accepting, staged
from tests.support.story import Payload, applied, confirmed, keep, planned, step, undo_secret

RADIUS: Final = "radius-geheim-4711"
HOOK: Final = "haken-geheim-4712"
OLD: Final = {"host": "10.0.0.9", "port": 1812, "secret": RADIUS}
SSID: Final = f"/networks/{NET}/wireless/ssids/3"
HOOKS: Final = f"/networks/{NET}/webhooks/httpServers"


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """A stage whose SSID 3 authenticates against a RADIUS server."""
    async with staged(tmp_path / "home", answer=accepting) as one:
        assert one.sandbox.world.perform is not None
        one.sandbox.world.perform("PUT", SSID, {
            "name": "Corp", "enabled": True, "authMode": "8021x-radius",
            "radiusServers": [OLD],
        })  # fmt: skip
        yield one


def ask(stage: Stage, method: str, path: str, body: Any = None) -> Any:
    """The sandbox's own answer."""
    assert stage.sandbox.world.perform is not None
    return stage.sandbox.world.perform(method, path, body)


def radius(stage: Stage) -> Any:
    """The RADIUS servers as the sandbox keeps them, secret included."""
    stored = stage.sandbox.world.get(f"/networks/{NET}/wireless/ssids")["3"]
    return [(one["host"], one["secret"]) for one in stored["radiusServers"]]


async def _asked_and_given(stage: Stage, change_id: str, value: str) -> Payload:
    """The rollback is planned, refused while the secret is missing, and done once a person has given it."""
    first = await confirmed(stage, "rollback", change_id=change_id)
    name = undo_secret(change_id)
    told = str(first)
    assert f"meraki-specialist secret set {name}" in told, first
    assert first["status"] not in ("rolled_back", "applied")
    keep(stage, name, value)
    return await confirmed(stage, "rollback", change_id=change_id)


async def test_a_radius_server_that_was_replaced_gets_its_secret_from_a_person(stage: Stage) -> None:
    """Another host is another holder; the sandbox's dump has the old secret again."""
    new = {"host": "10.0.0.10", "port": 1812, "secret": {"$secret": "NEW"}}
    keep(stage, "NEW", "the-new-one-4713")
    asked = step("updateNetworkWirelessSsid", {"radiusServers": [new]}, networkId=NET, number="3")
    plan = await planned(stage, asked)
    assert any("never read back" in one["message"] for one in plan["warnings"])
    done = await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"])
    assert done["status"] == "applied", done
    back = await _asked_and_given(stage, done["change_id"], RADIUS)
    assert back["status"] == "rolled_back", back
    assert radius(stage) == [("10.0.0.9", RADIUS)]


async def test_a_deleted_webhook_gets_its_secret_from_a_person(stage: Stage) -> None:
    """The server is made again with what was typed."""
    made = ask(stage, "POST", HOOKS, {"name": "NOC", "url": "https://noc.example.com/hook", "sharedSecret": HOOK})
    done = await applied(stage, step("deleteNetworkWebhooksHttpServer", networkId=NET, httpServerId=made["id"]))
    back = await _asked_and_given(stage, done["change_id"], HOOK)
    assert back["status"] == "rolled_back", back
    assert [one["sharedSecret"] for one in stage.sandbox.world.get(HOOKS).values() if one["name"] == "NOC"] == [HOOK]


@pytest.mark.parametrize(
    ("path", "body", "delete", "param", "secret"),
    [
        (
            "wireless/location/scanning/receivers",
            {"network": {"id": NET}, "url": "https://scan.example.com/in", "version": "3", "radio": {"type": "Wi-Fi"}},
            "deleteOrganizationWirelessLocationScanningReceiver", "receiverId", "sharedSecret",
        ),
        (
            "cellularGateway/esims/serviceProviders/accounts",
            {"accountId": "7712", "serviceProvider": {"name": "ATT"}, "title": "Fleet", "username": "fleet"},
            "deleteOrganizationCellularGatewayEsimsServiceProvidersAccount", "accountId", "apiKey",
        ),
    ],
)  # fmt: skip
async def test_what_cannot_be_made_without_its_secret_is_made_again_once_a_person_gives_it(
    stage: Stage, path: str, body: Payload, delete: str, param: str, secret: str
) -> None:
    """The cloud requires it; the plan says so before, and promises a way back none the less."""
    listed = f"/organizations/{ORG}/{path}"
    made = ask(stage, "POST", listed, {**body, secret: HOOK})
    gone = step(delete, **{"organizationId": ORG, param: made[param]})
    plan = await planned(stage, gone)
    assert any(f"{secret} is never read back: it must be given again" in one["message"] for one in plan["warnings"])
    done = await applied(stage, gone)
    back = await _asked_and_given(stage, done["change_id"], HOOK)
    assert back["status"] == "rolled_back", back
    told_apart = next(name for name in ("url", "accountId") if name in body)
    stored = stage.sandbox.world.get(listed).values()
    assert [one[secret] for one in stored if one[told_apart] == body[told_apart]] == [HOOK]


async def test_a_secret_that_never_was_is_said_to_be_none(stage: Stage) -> None:
    """An empty one is written; nobody has to make one up."""
    made = ask(stage, "POST", HOOKS, {"name": "NOC", "url": "https://noc.example.com/hook"})
    done = await applied(stage, step("deleteNetworkWebhooksHttpServer", networkId=NET, httpServerId=made["id"]))
    back = await _asked_and_given(stage, done["change_id"], "")
    assert back["status"] == "rolled_back", back


async def test_a_secret_alone_that_was_replaced_is_asked_for_though_nothing_readable_differs(stage: Stage) -> None:
    """The same host with another secret reads the same."""
    keep(stage, "NEW", "the-new-one-4713")
    new = {"host": "10.0.0.9", "port": 1812, "secret": {"$secret": "NEW"}}
    named = {"radiusServers": [new], "name": "Corp 2"}
    done = await applied(stage, step("updateNetworkWirelessSsid", named, networkId=NET, number="3"))
    assert radius(stage) == [("10.0.0.9", "the-new-one-4713")]
    ask(stage, "PUT", SSID, {"name": "Corp"})
    back = await _asked_and_given(stage, done["change_id"], RADIUS)
    assert back["status"] == "rolled_back", back
    assert radius(stage) == [("10.0.0.9", RADIUS)]


async def test_an_automatic_undo_cannot_ask_and_says_what_is_missing(stage: Stage) -> None:
    """Never called restored."""
    made = ask(stage, "POST", HOOKS, {"name": "NOC", "url": "https://noc.example.com/hook", "sharedSecret": HOOK})
    gone = step("deleteNetworkWebhooksHttpServer", networkId=NET, httpServerId=made["id"])
    rename = step("updateNetworkWirelessSsid", {"name": "Saguão"}, networkId=NET, number="1")
    plan = await planned(stage, gone, rename)
    stage.sandbox.add_fault({"kind": "status", "status": 400, "operation": "updateNetworkWirelessSsid"})
    done = await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"])
    assert done["status"] == "rollback_failed", done
    [lacking] = [one for one in done["residue"] if "sharedSecret" in one]
    assert f"secret set {undo_secret(done['change_id'])}, then plan an update" in lacking


async def test_the_other_fields_of_an_unchanged_holder_need_no_secret(stage: Stage) -> None:
    """The cloud keeps it; nobody is asked."""
    done = await applied(stage, step("updateNetworkWirelessSsid", {"name": "Corp 2"}, networkId=NET, number="3"))
    back = await confirmed(stage, "rollback", change_id=done["change_id"])
    assert back["status"] == "rolled_back", back
    assert radius(stage) == [("10.0.0.9", RADIUS)]


async def test_an_automatic_undo_names_the_command_that_lets_the_next_try_restore_all(stage: Stage) -> None:
    """A replaced RADIUS server: the plan's own new secret is not put in place of the old one; a person's is."""
    keep(stage, "NEW", "the-new-one-4713")
    new = {"host": "10.0.0.10", "port": 1812, "secret": {"$secret": "NEW"}}
    replaced = step("updateNetworkWirelessSsid", {"radiusServers": [new]}, networkId=NET, number="3")
    rename = step("updateNetworkWirelessSsid", {"name": "Saguão"}, networkId=NET, number="1")
    plan = await planned(stage, replaced, rename)
    ssid = f"/networks/{NET}/wireless/ssids/1"
    stage.sandbox.add_fault({"kind": "status", "status": 400, "path": ssid, "method": "PUT"})
    done = await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"])
    assert done["status"] == "rollback_failed", done
    assert f"secret set {undo_secret(done['change_id'])}, then the rollback again" in str(done["residue"])
    assert radius(stage) == [("10.0.0.10", "the-new-one-4713")]
    keep(stage, undo_secret(done["change_id"]), RADIUS)
    back = await confirmed(stage, "rollback", change_id=done["change_id"])
    assert (back["status"], radius(stage)) == ("rolled_back", [("10.0.0.9", RADIUS)])


async def _record(stage: Stage, done: Payload) -> Payload:
    """The change's record now."""
    found: Payload = (await stage.call("history", change_id=done["change_id"]))["change"]
    return found


@pytest.mark.parametrize("is_given", [True, False])
async def test_what_nobody_keeps_is_undone_with_the_secret_that_a_person_gave_meanwhile(
    tmp_path: Path, *, is_given: bool
) -> None:
    """The answer that waits to be kept names the command; a deleted webhook comes back with what was typed."""
    clock = ShiftedClock()
    async with staged(tmp_path / "home", answer=accepting, clock=clock) as stage:
        made = ask(stage, "POST", HOOKS, {"name": "NOC", "url": "https://noc.example.com/hook", "sharedSecret": HOOK})
        gone = step("deleteNetworkWebhooksHttpServer", networkId=NET, httpServerId=made["id"])
        plan = await planned(stage, gone)
        done = await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"], confirm_within_minutes=5)
        [command] = done["confirm"]["undo_needs"]
        assert command.endswith(f"secret set {undo_secret(done['change_id'])}")
        if is_given:
            keep(stage, undo_secret(done["change_id"]), HOOK)
        clock.advance(400)
        with anyio.fail_after(LONGEST_S):
            while (change := await _record(stage, done))["status"] == "pending_keep" or not change["ended_at"]:  # noqa: ASYNC110  told when asked
                await anyio.sleep(0.02)
        assert change["status"] == ("rolled_back" if is_given else "rollback_failed")
        [back] = [one for one in stage.sandbox.world.get(HOOKS).values() if one["name"] == "NOC"]
        assert back["sharedSecret"] == (HOOK if is_given else "")
        assert HOOK not in str(change)
