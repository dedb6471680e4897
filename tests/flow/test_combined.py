"""Plans of several steps that meet each other: on one resource, over a deletion, partly there already."""

from typing import Any, Final

import pytest

from tests.support.canonical import assert_same, canonical
from tests.support.places import NET
from tests.support.stage import Stage
from tests.support.story import Payload, applied, confirmed, planned, step, taken_back

SSID: Final = f"/networks/{NET}/wireless/ssids/1"
RULES: Final = f"/networks/{NET}/appliance/firewall/l3FirewallRules"
REFUSED: Final = {"kind": "status", "status": 400, "operation": "updateNetworkSnmp"}
WATCHER: Final = {"username": "noc", "passphrase": "a passphrase of the network"}
LAST: Final = step("updateNetworkSnmp", {"access": "users", "users": [WATCHER]}, networkId=NET)


def ssid(**fields: Any) -> Payload:
    """A plan's step that changes SSID 1."""
    return step("updateNetworkWirelessSsid", fields, networkId=NET, number="1")


def inserted(comment: str, **where: Any) -> Payload:
    """A plan's step that inserts a deny rule."""
    rule = {"comment": comment, "policy": "deny", "protocol": "tcp", "destPort": "22"}
    rule |= {"srcCidr": "192.168.20.0/24", "destCidr": "10.31.150.0/24"}
    body = {"rules": {"$insert": [rule], **where}}
    return step("updateNetworkApplianceFirewallL3FirewallRules", body, networkId=NET)


async def apply(stage: Stage, *operations: Payload) -> Payload:
    """The end of a change, whatever it is."""
    plan = await planned(stage, *operations)
    return await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"])


async def test_two_steps_on_one_resource_build_on_each_other_and_are_taken_back(stage: Stage) -> None:
    """The second is shown against what the first leaves."""
    before = canonical(stage.sandbox.world)
    plan = await planned(stage, ssid(name="Recepção"), ssid(name="Lounge", minBitrate=24))
    fields = {one["field"]: (one["before"], one["after"]) for one in plan["diff"][1]["fields"]}
    assert fields["name"] == ("Recepção", "Lounge")
    done = await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"])
    assert (done["status"], stage.sandbox.world.get(SSID)["name"]) == ("applied", "Lounge")
    await taken_back(stage, change_id=done["change_id"])
    assert_same(before, canonical(stage.sandbox.world))


async def test_two_insertions_into_one_list_keep_their_places_and_are_taken_back(stage: Stage) -> None:
    """The second edit is made in the list that the first leaves, not in the live one."""
    before = canonical(stage.sandbox.world)
    done = await applied(
        stage, inserted("One", at="first"), inserted("Two", after={"comment": "One"}), inserted("Three", at="last")
    )
    comments = [rule["comment"] for rule in stage.sandbox.world.get(RULES)["rules"]]
    assert (comments[:2], comments[-1]) == (["One", "Two"], "Three")
    await taken_back(stage, change_id=done["change_id"])
    assert_same(before, canonical(stage.sandbox.world))


async def test_the_undo_of_steps_on_one_resource_ends_at_the_state_before_the_first(stage: Stage) -> None:
    """When a later step fails."""
    before = canonical(stage.sandbox.world)
    stage.sandbox.add_fault(REFUSED)
    answer = await apply(stage, ssid(name="Recepção"), ssid(name="Lounge", minBitrate=24), LAST)
    assert (answer["status"], answer["residue"]) == ("rolled_back", [])
    assert_same(before, canonical(stage.sandbox.world))


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("deleteNetworkGroupPolicy", {"groupPolicyId": "101"}),
        ("deleteNetworkApplianceVlan", {"vlanId": "20"}),
        ("deleteNetworkApplianceStaticRoute", {"staticRouteId": "b1d7a81e-e5e4-f4be-fa62-1b9b8fffe64b"}),
    ],
)
async def test_what_was_deleted_before_a_failure_is_made_again_and_its_new_id_is_told(
    stage: Stage, operation: str, params: dict[str, Any]
) -> None:
    """Everything else is as before."""
    before = canonical(stage.sandbox.world)
    stage.sandbox.add_fault(REFUSED)
    answer = await apply(stage, step(operation, networkId=NET, **params), LAST)
    assert answer["status"] == "rolled_back", answer
    old = answer["backup_state"]["data"][0]["state"]
    made = next(one["created"] for one in answer["steps"] if one["phase"] == "undo" and "created" in one)
    ids = {str(made[name]): str(old[name]) for name in made if made[name] != old[name]}
    assert ids
    assert_same(before, canonical(stage.sandbox.world, ids))


async def test_a_deletion_whose_answer_is_lost_is_read_back_as_done(stage: Stage) -> None:
    """And can be taken back."""
    stage.sandbox.add_fault({"kind": "drop", "when": "after", "method": "DELETE"})
    done = await apply(stage, step("deleteNetworkGroupPolicy", networkId=NET, groupPolicyId="101"))
    assert done["status"] == "applied"
    assert len(stage.writes()) == 1
    await taken_back(stage, change_id=done["change_id"])
    names = [one["name"] for one in stage.sandbox.world.get(f"/networks/{NET}/groupPolicies").values()]
    assert len(names) == 2


async def test_a_step_that_is_there_already_is_left_alone_and_not_taken_back(stage: Stage) -> None:
    """Only what was written is undone."""
    before = canonical(stage.sandbox.world)
    done = await apply(stage, ssid(name="Visitantes"), step("updateNetwork", {"notes": "Prédio B"}, networkId=NET))
    assert [one["state"] for one in done["steps"]] == ["unchanged", "applied"]
    assert done["status"] == "applied"
    back = await taken_back(stage, change_id=done["change_id"])
    assert len(back["steps"]) == 1
    assert_same(before, canonical(stage.sandbox.world))


async def test_a_change_whose_last_step_is_there_already_ends_applied(stage: Stage) -> None:
    """The end does not hang on the last step's write."""
    done = await apply(stage, step("updateNetwork", {"notes": "Prédio B"}, networkId=NET), ssid(name="Visitantes"))
    assert (done["status"], [one["state"] for one in done["steps"]]) == ("applied", ["applied", "unchanged"])


async def test_a_reference_into_a_body_two_steps_later_holds_the_id_that_the_cloud_gave(stage: Stage) -> None:
    """The webhook's id goes into the alert settings; both are taken back in reverse."""
    before = canonical(stage.sandbox.world)
    done = await applied(
        stage,
        step(
            "createNetworkWebhooksHttpServer",
            {"name": "SOC", "url": "https://soc.example.net/hook", "sharedSecret": {"$generate": 20}},
            networkId=NET,
        ),
        ssid(name="Recepção"),
        step(
            "updateNetworkAlertsSettings",
            {"defaultDestinations": {"httpServerIds": [{"$ref": "step-1.id"}]}},
            networkId=NET,
        ),
    )
    server = next(iter(stage.sandbox.world.get(f"/networks/{NET}/webhooks/httpServers")))
    settings = stage.sandbox.world.get(f"/networks/{NET}/alerts/settings")
    assert settings["defaultDestinations"]["httpServerIds"] == [server]
    await taken_back(stage, change_id=done["change_id"])
    assert_same(before, canonical(stage.sandbox.world))
