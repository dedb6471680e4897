"""A change to a configuration template reaches every network that is bound to it."""

from typing import Any

from mcp_server.domain.record import StoredPlan
from tests.support.stage import Stage
from tests.support.story import Payload, applied, planned, step, taken_back


def _template(stage: Stage, bound: int) -> tuple[str, list[str]]:
    """A template of the first organization with so many networks bound to it."""
    world = stage.sandbox.world
    template, facts = next(iter(world.templates.items()))
    products = set(facts["productTypes"])
    free = [one for one in world.networks_of(facts["organizationId"]) if set(one["productTypes"]) <= products]
    for one in world.networks.values():
        if one.get("configTemplateId") == template:
            one["isBoundToConfigTemplate"] = False
            one.pop("configTemplateId")
    chosen = free[:bound]
    for one in chosen:
        one |= {"isBoundToConfigTemplate": True, "configTemplateId": template}
    assert len(chosen) == bound
    return template, [one["id"] for one in chosen]


def _rename(template: str) -> Payload:
    return step("updateNetworkWirelessSsid", {"name": "Modelo"}, networkId=template, number="1")


async def test_more_than_one_bound_network_makes_a_change_critical_and_each_is_named(stage: Stage) -> None:
    """In the impact, and by id and name."""
    template, bound = _template(stage, 2)
    plan: Any = await planned(stage, _rename(template))
    assert plan["risk"] == "critical"
    assert {one["id"] for one in plan["impact"]["bound_networks"]} == set(bound)
    assert {one["id"] for one in plan["impact"]["networks"]} >= set(bound)


async def test_one_bound_network_is_named_and_not_critical_for_that(stage: Stage) -> None:
    """The SSID's own risk stands."""
    template, bound = _template(stage, 1)
    plan: Any = await planned(stage, _rename(template))
    assert plan["risk"] != "critical"
    assert [one["id"] for one in plan["impact"]["bound_networks"]] == bound


async def test_a_change_to_a_template_is_applied_and_taken_back_as_one(stage: Stage) -> None:
    """The bound networks are leased with it; nothing of them is written."""
    template, bound = _template(stage, 2)
    plan = await planned(stage, _rename(template))
    assert stage.server is not None
    stored = await stage.server.store.get(StoredPlan, plan["plan_id"])
    assert stored is not None
    assert {f"network:{one}" for one in (template, *bound)} <= set(stored.plan.lease_keys)
    done = await applied(stage, _rename(template))
    assert not [one for one in stage.writes() if any(id_ in one["path"] for id_ in bound)]
    await taken_back(stage, change_id=done["change_id"])
