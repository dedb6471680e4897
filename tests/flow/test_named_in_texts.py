"""Firewall rules name policy objects and their groups inside a text; a plan names those that it makes itself there."""

from typing import Any, Final

from mcp_server.sandbox.behaviour import Json
from tests.support.places import NET, ORG
from tests.support.stage import Stage
from tests.support.story import Payload, applied, planned, step, taken_back

RULES: Final = f"/networks/{NET}/appliance/firewall/l3FirewallRules"
OBJECTS: Final = f"/organizations/{ORG}/policyObjects"
PRINTER: Final = {"name": "Printer", "category": "network", "type": "cidr", "cidr": "10.9.9.9/32"}
FIREWALL: Final = "updateNetworkApplianceFirewallL3FirewallRules"


def ask(stage: Stage, path: str) -> Any:
    """The sandbox's own answer, outside the product."""
    assert stage.sandbox.world.perform is not None
    return stage.sandbox.world.perform("GET", path, None)


def named(stage: Stage, path: str, name: str) -> list[str]:
    """The ids of the elements of a list that have that name."""
    return [one["id"] for one in ask(stage, path) if one["name"] == name]


def rule(destination: Json, **more: str) -> Json:
    """A firewall rule to that destination."""
    common = {"comment": "Print", "policy": "allow", "protocol": "tcp", "srcCidr": "10.0.10.0/24", "srcPort": "Any"}
    return {**common, "destCidr": destination, "destPort": "9100", **more}


def made_and_named() -> list[Payload]:
    """An object, a group that it is in, and a rule in front that names both beside a subnet."""
    text = {"$text": "OBJ({step-1.id}),10.9.8.0/24,GRP({step-2.id})"}
    return [
        step("createOrganizationPolicyObject", PRINTER, organizationId=ORG),
        step(
            "createOrganizationPolicyObjectsGroup",
            {"name": "Printers", "category": "NetworkObjectGroup", "objectIds": [{"$ref": "step-1.id"}]},
            organizationId=ORG,
        ),
        step(FIREWALL, {"rules": {"$insert": [rule(text)], "at": "first"}}, networkId=NET),
    ]


async def test_a_rule_names_the_object_and_the_group_that_its_plan_makes(stage: Stage) -> None:
    """Applied and read back with the ids that they got; taken back, the rules are as before and both are gone."""
    before = ask(stage, RULES)
    done = await applied(stage, *made_and_named())
    (one,), (group,) = named(stage, OBJECTS, "Printer"), named(stage, f"{OBJECTS}/groups", "Printers")
    assert ask(stage, RULES)["rules"][0]["destCidr"] == f"OBJ({one}),10.9.8.0/24,GRP({group})"
    await taken_back(stage, change_id=done["change_id"])
    assert ask(stage, RULES) == before
    assert not named(stage, OBJECTS, "Printer") + named(stage, f"{OBJECTS}/groups", "Printers")


async def test_a_rule_follows_an_object_that_was_deleted_with_it_and_came_back(stage: Stage) -> None:
    """What one change made and named, another lets go of; taken back, the rule names the object's new id."""
    await applied(stage, *made_and_named())
    (old,), (group,) = named(stage, OBJECTS, "Printer"), named(stage, f"{OBJECTS}/groups", "Printers")
    gone = await applied(
        stage,
        step(FIREWALL, {"rules": {"$remove": {"comment": "Print"}}}, networkId=NET),
        step("updateOrganizationPolicyObjectsGroup", {"objectIds": []}, organizationId=ORG, policyObjectGroupId=group),
        step("deleteOrganizationPolicyObject", organizationId=ORG, policyObjectId=old),
    )
    await taken_back(stage, change_id=gone["change_id"])
    (new,) = named(stage, OBJECTS, "Printer")
    assert new != old
    assert ask(stage, RULES)["rules"][0]["destCidr"] == f"OBJ({new}),10.9.8.0/24,GRP({group})"


async def test_the_text_around_an_id_is_judged_when_it_is_planned(stage: Stage) -> None:
    """An object beside ``any`` is any; so is what is only known when it is sent."""
    made = step("createOrganizationPolicyObject", PRINTER, organizationId=ORG)
    every = {"protocol": "any", "srcCidr": "any", "srcPort": "any", "destPort": "any"}
    for hidden in ({"$text": "OBJ({step-1.id}),any"}, {"$ref": "step-1.name"}):
        body = {"rules": {"$insert": [rule(hidden, **every)], "at": "first"}}
        plan = await planned(stage, made, step(FIREWALL, body, networkId=NET))
        assert plan["risk"] == "critical"
        assert "t3_allow_any_any" in {one["rule"] for one in plan["warnings"]}
