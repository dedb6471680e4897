"""Organizations, networks, devices and templates as the inventory answers them."""

import asyncio
from typing import Any

import pytest

from mcp_server.catalogue.operations import Catalogue
from mcp_server.domain.call import Named
from mcp_server.errors import BadAnswer, InvalidArguments, NotAuthenticated, Rejected, Unreachable
from mcp_server.inventory import Inventory
from mcp_server.inventory.source import product_of
from tests.support.fake_api import FakeApi
from tests.support.fake_clock import FakeClock
from tests.support.tokens import tokens

CATALOGUE = Catalogue.load()
ACME, BETA = "549236", "998877"


def network(id_: str, name: str, owner: str = ACME, **more: Any) -> dict[str, Any]:
    """A network as the API answers it."""
    return {"id": id_, "organizationId": owner, "name": name, "productTypes": ["wireless"], "tags": []} | more


def device(serial: str, name: str, network_id: str, model: str = "MR46", **more: Any) -> dict[str, Any]:
    """A device as the API answers it."""
    return {"serial": serial, "name": name, "networkId": network_id, "model": model, "tags": []} | more


def estate() -> dict[str, Any]:
    """Two organizations that both have a "Store 12", and one template."""
    acme = [network("L_1", "Store 12", tags=["lisboa"]), network("L_2", "São João"), network("L_3", "Store 120")]
    acme.append(network("L_4", "Branch", isBoundToConfigTemplate=True, configTemplateId="L_9"))
    beta = [network("L_5", "Store 12", BETA)]
    devices = [device("Q2AA-0001-0001", "AP lobby", "L_1"), device("Q2AA-0002-0002", "SW core", "L_2", "MS225-48")]
    answers: dict[str, Any] = {
        "/organizations": [{"id": ACME, "name": "Acme"}, {"id": BETA, "name": "Beta"}],
        f"/organizations/{ACME}/networks": acme,
        f"/organizations/{BETA}/networks": beta,
        f"/organizations/{ACME}/devices": devices,
        f"/organizations/{BETA}/devices": [],
        f"/organizations/{ACME}/configTemplates": [{"id": "L_9", "name": "Stores", "productTypes": ["wireless"]}],
        f"/organizations/{BETA}/configTemplates": [],
    }
    answers |= {f"/networks/{row['id']}": row for row in acme + beta}
    return answers | {f"/devices/{row['serial']}": row for row in devices}


def opened(answers: dict[str, Any] | None = None, **more: Any) -> tuple[Inventory, FakeApi, FakeClock]:
    """An inventory over a fake cloud."""
    api, clock = FakeApi(estate() if answers is None else answers), FakeClock()
    return Inventory(api, CATALOGUE, clock, **more), api, clock


async def test_a_network_asked_for_twice_is_read_once() -> None:
    """The second answer comes from what is kept."""
    inventory, api, _ = opened()
    first, second = await inventory.network("L_1"), await inventory.network("L_1")
    assert first is not None
    assert first is second
    assert (first.name, first.organization_id, first.tags) == ("Store 12", ACME, ("lisboa",))
    assert api.paths.count("/networks/L_1") == 1


async def test_what_is_kept_is_read_again_when_it_is_old() -> None:
    """After the maximum age a renamed network shows its new name."""
    inventory, api, clock = opened()
    assert [one.name for one in await inventory.networks_of(BETA)] == ["Store 12"]
    api.answers[f"/organizations/{BETA}/networks"] = [network("L_5", "Store 13", BETA)]
    clock.advance(299)
    assert [one.name for one in await inventory.networks_of(BETA)] == ["Store 12"]
    clock.advance(2)
    assert [one.name for one in await inventory.networks_of(BETA)] == ["Store 13"]


async def test_who_asks_for_many_networks_one_by_one_gets_the_rest_from_the_list() -> None:
    """Four are asked for alone, then the list of their organization is read once; 96 more cost nothing."""
    rows = [network(f"L_{number}", f"Store {number}") for number in range(100, 200)]
    answers = estate() | {f"/organizations/{ACME}/networks": rows} | {f"/networks/{one['id']}": one for one in rows}
    inventory, api, _ = opened(answers)
    found = [await inventory.network(one["id"]) for one in rows]
    assert [one.name for one in found if one] == [one["name"] for one in rows]
    assert len([path for path in api.paths if path.startswith("/networks/")]) == 4
    assert api.paths.count(f"/organizations/{ACME}/networks") == 1


async def test_networks_are_still_asked_for_one_by_one_where_the_list_cannot_be_read() -> None:
    """Each answer stands without the list."""
    rows = [network(f"L_{number}", f"Store {number}") for number in range(100, 106)]
    answers = estate() | {f"/networks/{one['id']}": one for one in rows}
    answers[f"/organizations/{ACME}/networks"] = Rejected("no", sent=True, status=403)
    inventory, api, _ = opened(answers)
    assert all([await inventory.network(one["id"]) for one in rows])
    assert len([path for path in api.paths if path.startswith("/networks/")]) == 6


async def test_a_network_made_after_the_list_was_read_is_found() -> None:
    """A miss asks the cloud for that one network."""
    inventory, api, _ = opened()
    await inventory.networks_of(ACME)
    api.answers["/networks/L_77"] = network("L_77", "New")
    found = await inventory.network("L_77")
    assert found is not None
    assert found.name == "New"


async def test_an_unknown_network_is_asked_for_once_in_five_seconds() -> None:
    """The same miss many times within one call costs one request."""
    inventory, api, clock = opened()
    assert [await inventory.network("L_404") for _ in range(3)] == [None, None, None]
    assert api.paths.count("/networks/L_404") == 1
    clock.advance(6)
    await inventory.network("L_404")
    assert api.paths.count("/networks/L_404") == 2


async def test_concurrent_questions_share_one_read() -> None:
    """Ten callers at once cause one request of each kind."""
    inventory, api, _ = opened()
    await asyncio.gather(*(inventory.networks_of(ACME) for _ in range(10)))
    assert sorted(api.paths) == ["/organizations", f"/organizations/{ACME}/networks"]


async def test_a_failed_read_is_not_kept() -> None:
    """The next question is asked again, and every waiter of the failed one saw the failure."""
    inventory, api, _ = opened()
    good = api.answers[f"/organizations/{ACME}/networks"]
    api.answers[f"/organizations/{ACME}/networks"] = Unreachable("no route", sent=False)
    with pytest.raises(Unreachable):
        await inventory.networks_of(ACME)
    api.answers[f"/organizations/{ACME}/networks"] = good
    assert len(await inventory.networks_of(ACME)) == 4


async def test_an_answer_of_another_shape_is_an_error_not_an_empty_inventory() -> None:
    """An object instead of a list never means that there are no networks."""
    inventory, api, _ = opened()
    api.answers[f"/organizations/{ACME}/networks"] = {"items": []}
    with pytest.raises(BadAnswer):
        await inventory.networks_of(ACME)


async def test_what_a_list_brought_is_not_asked_for_again_one_by_one() -> None:
    """Networks, devices and templates; nor is a template's id asked for as a network."""
    inventory, api, _ = opened()
    await inventory.networks_of(ACME)
    await inventory.devices_in(ACME)
    await inventory.templates_of(ACME)
    before = len(api.requests)
    assert await inventory.network("L_1")
    assert await inventory.device("Q2AA-0001-0001")
    assert await inventory.template("L_9")
    assert await inventory.network("L_9") is None
    assert len(api.requests) == before


async def test_a_device_asked_for_twice_is_read_once() -> None:
    """An unknown one too, for five seconds; an unknown template likewise."""
    inventory, api, clock = opened()
    for _ in range(3):
        await inventory.device("Q2AA-0001-0001")
        await inventory.device("Q2ZZ-0000-0000")
        assert await inventory.template("L_404") is None
    assert api.paths.count("/devices/Q2AA-0001-0001") == 1
    assert api.paths.count("/devices/Q2ZZ-0000-0000") == 1
    assert api.paths.count(f"/organizations/{BETA}/configTemplates") == 1
    clock.advance(6)
    await inventory.device("Q2ZZ-0000-0000")
    assert api.paths.count("/devices/Q2ZZ-0000-0000") == 2


async def test_a_device_in_no_network_is_not_known() -> None:
    """Nobody can say whose it is."""
    inventory, api, _ = opened()
    api.answers["/devices/Q2NO-0000-0000"] = {"serial": "Q2NO-0000-0000", "networkId": None, "model": "MR46"}
    assert await inventory.device("Q2NO-0000-0000") is None


@pytest.mark.parametrize("answer", [[], {"id": "L_1"}, {"id": "L_2", "organizationId": ACME}, None])
async def test_an_answer_for_another_network_is_an_error(answer: Any) -> None:
    """The id must be the one that was asked for."""
    inventory, api, _ = opened()
    api.answers["/networks/L_1"] = answer
    with pytest.raises(BadAnswer):
        await inventory.network("L_1")


async def test_an_answer_for_another_device_is_an_error() -> None:
    """The serial must be the one that was asked for."""
    inventory, api, _ = opened()
    api.answers["/devices/Q2AA-0001-0001"] = {"serial": "Q2BB"}
    with pytest.raises(BadAnswer):
        await inventory.device("Q2AA-0001-0001")


async def test_a_lookup_that_fails_says_so_and_is_not_a_miss() -> None:
    """A 403 of the lookup is raised; only 404 means that there is none."""
    inventory, api, _ = opened()
    api.answers["/networks/L_1"] = Rejected("no", sent=True, status=403)
    with pytest.raises(Rejected):
        await inventory.network("L_1")


async def test_a_template_that_could_not_be_looked_for_everywhere_is_looked_for_again() -> None:
    """An organization that failed may have it."""
    inventory, api, _ = opened()
    good = api.answers[f"/organizations/{ACME}/configTemplates"]
    api.answers[f"/organizations/{ACME}/configTemplates"] = Unreachable("x", sent=False)
    assert await inventory.template("L_9") is None
    api.answers[f"/organizations/{ACME}/configTemplates"] = good
    assert await inventory.template("L_9") is not None


async def test_a_bad_key_ends_a_search_over_all_organizations() -> None:
    """It is not taken for one organization that could not be read."""
    inventory, api, _ = opened()
    api.answers[f"/organizations/{BETA}/networks"] = NotAuthenticated("401")
    with pytest.raises(NotAuthenticated):
        await inventory.find("networks", "store", 8)


async def test_a_network_that_nobody_knows_has_no_devices() -> None:
    """Nor does one of an organization that is not allowed."""
    inventory, _, _ = opened(allowed=frozenset({BETA}))
    assert await inventory.devices_of("L_404") == ()
    assert await inventory.devices_of("L_1") == ()


async def test_a_template_is_never_a_network() -> None:
    """Also when the cloud answers a GET of its id as if it were one."""
    inventory, api, _ = opened()
    api.answers["/networks/L_9"] = network("L_9", "Stores")
    assert await inventory.network("L_9") is None
    template = await inventory.template("L_9")
    assert template is not None
    assert (template.name, template.organization_id) == ("Stores", ACME)


async def test_a_template_made_just_now_is_still_no_network() -> None:
    """The kept list of templates is not trusted for an id that the kept networks do not have."""
    inventory, api, _ = opened()
    await inventory.networks_of(ACME)
    await inventory.templates_of(ACME)
    api.answers[f"/organizations/{ACME}/configTemplates"].append({"id": "L_10", "name": "Fresh"})
    api.answers["/networks/L_10"] = network("L_10", "Fresh")
    assert await inventory.network("L_10") is None


async def test_bound_networks_are_those_of_the_template() -> None:
    """A plain network id has none, and costs no search."""
    inventory, api, _ = opened()
    assert [one.id for one in await inventory.bound_networks("L_9")] == ["L_4"]
    before = len(api.requests)
    assert await inventory.bound_networks("L_1") == ()
    assert len(api.requests) == before


async def test_a_network_bound_to_an_unnamed_template_counts_as_bound() -> None:
    """The flag alone is enough: it must never look free."""
    inventory, api, _ = opened()
    api.answers["/networks/L_6"] = network("L_6", "Odd", isBoundToConfigTemplate=True)
    found = await inventory.network("L_6")
    assert found is not None
    assert found.template_id == "unknown"


async def test_a_device_brings_its_network_and_organization() -> None:
    """Asked for alone, it still says whose it is."""
    inventory, _, _ = opened()
    found = await inventory.device("Q2AA-0002-0002")
    assert found is not None
    assert (found.network_id, found.organization_id, found.product_type) == ("L_2", ACME, "switch")
    assert await inventory.device("Q2ZZ-0000-0000") is None


async def test_devices_of_a_network_come_from_one_read_of_the_organization() -> None:
    """Two networks cost one list."""
    inventory, api, _ = opened()
    assert [one.serial for one in await inventory.devices_of("L_1")] == ["Q2AA-0001-0001"]
    assert [one.serial for one in await inventory.devices_of("L_2")] == ["Q2AA-0002-0002"]
    assert api.paths.count(f"/organizations/{ACME}/devices") == 1


async def test_an_organization_outside_the_allow_list_does_not_exist() -> None:
    """Neither it nor its networks, devices, templates, candidates or matches."""
    inventory, api, _ = opened(allowed=frozenset({BETA}))
    assert await inventory.organizations() == (Named(BETA, "Beta"),)
    assert await inventory.network("L_1") is None
    assert await inventory.device("Q2AA-0001-0001") is None
    assert await inventory.template("L_9") is None
    assert await inventory.networks_of(ACME) == ()
    assert await inventory.devices_in(ACME) == ()
    assert [one["id"] for one in await inventory.candidates("Store 12")] == ["L_5"]
    assert (await inventory.find("networks", "Store", 8))["total"] == 1
    assert not [path for path in api.paths if path.startswith(f"/organizations/{ACME}/")]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("store 12", ["L_1", "L_5", "L_3"]),
        ("STORE", ["L_1", "L_5", "L_3"]),
        ("sao joao", ["L_2"]),
        ("12", ["L_1", "L_5", "L_3"]),
        ("lisboa", ["L_1"]),
        ("lisboa store", ["L_1"]),
        ("L_4", ["L_4"]),
        ("nothing like it", []),
    ],
)
async def test_networks_are_found_by_name_tag_and_id_best_first(query: str, ids: list[str]) -> None:
    """Accents and letter case do not count; exact comes before prefix, that before tag."""
    inventory, _, _ = opened()
    found = await inventory.find("networks", query, 8)
    assert [row["id"] for row in found["matches"]] == ids
    assert found["total"] == len(ids)


@pytest.mark.parametrize(
    ("query", "serial"),
    [("lobby", "Q2AA-0001-0001"), ("ms225", "Q2AA-0002-0002"), ("q2aa-0002", "Q2AA-0002-0002")],
)
async def test_devices_are_found_by_name_model_and_serial(query: str, serial: str) -> None:
    """Each way gives the one device."""
    inventory, _, _ = opened()
    found = await inventory.find("devices", query, 8)
    assert [row["serial"] for row in found["matches"]] == [serial]


async def test_only_networks_and_devices_can_be_found() -> None:
    """Anything else is refused by name."""
    inventory, _, _ = opened()
    with pytest.raises(InvalidArguments):
        await inventory.find("cameras", "x", 8)


async def test_a_find_in_600_networks_costs_under_300_tokens() -> None:
    """Counted with o200k_base, long names and 18-digit ids included; the total is still said."""
    answers = estate()
    rows = [network(f"L_64682949648110{n:04d}", f"Loja {n} Avenida da Liberdade, Lisboa") for n in range(600)]
    answers[f"/organizations/{ACME}/networks"] = rows
    inventory, _, _ = opened(answers, allowed=frozenset({ACME}))
    found = await inventory.find("networks", "loja", 8)
    assert tokens(found) < 240
    assert found["total"] == 600
    assert found["organization_id"] == ACME
    exact = await inventory.find("networks", "Loja 77 Avenida da Liberdade, Lisboa", 8)
    assert exact["matches"][0]["id"] == "L_646829496481100077"


async def test_names_of_matches_are_made_inert_and_short() -> None:
    """A name of 4 KB with control and bidi marks neither floods nor steers the answer."""
    answers = estate()
    answers[f"/organizations/{BETA}/networks"] = [network("L_5", "Evil\n\u202e" + "x" * 4000, BETA)]
    inventory, _, _ = opened(answers)
    found = await inventory.find("networks", "evil", 8)
    name = found["matches"][0]["name"]
    assert len(name) <= 60
    assert name.startswith("Evil\\n\\u202e")


async def test_an_organization_that_cannot_be_read_is_named() -> None:
    """The others are still found; nobody is told that there is nothing."""
    inventory, api, _ = opened()
    api.answers[f"/organizations/{BETA}/networks"] = Rejected("no", sent=True, status=403)
    found = await inventory.find("networks", "store 12", 8)
    assert [row["id"] for row in found["matches"]] == ["L_1", "L_3"]
    assert found["unread_organizations"] == [BETA]


async def test_a_find_of_which_nothing_could_be_read_fails() -> None:
    """It raises what the API raised."""
    inventory, _, _ = opened({"/organizations": [{"id": ACME, "name": "Acme"}]})
    with pytest.raises(Rejected):
        await inventory.find("networks", "x", 8)


async def test_candidates_of_a_name_in_two_organizations_are_both_given() -> None:
    """With ids and owners, so that the caller can choose."""
    inventory, _, _ = opened()
    found = await inventory.candidates("store 12")
    assert [(one["id"], one["organization"]) for one in found] == [("L_1", "Acme"), ("L_5", "Beta")]
    assert [one["id"] for one in await inventory.candidates("acme", "organization")] == [ACME]
    assert [one["id"] for one in await inventory.candidates("ap lobby", "device")] == ["Q2AA-0001-0001"]
    assert [one["id"] for one in await inventory.candidates("stores", "template")] == ["L_9"]


async def test_near_names_are_candidates_when_none_is_exact() -> None:
    """A part of a name leads to the networks that have it."""
    inventory, _, _ = opened()
    assert [one["id"] for one in await inventory.candidates("joao")] == ["L_2"]


async def test_forgetting_drops_everything() -> None:
    """The next question goes to the cloud."""
    inventory, api, _ = opened()
    await inventory.network("L_1")
    inventory.forget()
    await inventory.network("L_1")
    assert api.paths.count("/networks/L_1") == 2
    assert api.paths.count("/organizations") == 2


async def test_a_read_that_was_under_way_when_forgetting_is_not_kept() -> None:
    """What it brings may be older than the reason to forget."""
    inventory, api, _ = opened()
    api.gate = asyncio.Event()
    waiting = asyncio.create_task(inventory.organizations())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    inventory.forget()
    api.gate.set()
    await waiting
    await inventory.organizations()
    assert api.paths.count("/organizations") == 2


async def test_a_key_that_is_no_longer_accepted_is_noticed() -> None:
    """A 401 of any read drops what was known of the key."""
    inventory, api, _ = opened()
    await inventory.organizations()
    api.answers["/networks/L_1"] = NotAuthenticated("401")
    with pytest.raises(NotAuthenticated):
        await inventory.network("L_1")
    assert inventory.credentials.peek() is None


@pytest.mark.parametrize(
    ("model", "product"),
    [("MS225-48", "switch"), ("C9300-24T", "switch"), ("CW9166I", "wireless"), ("MX67C", "appliance"), ("?", "")],
)
def test_a_model_tells_its_product(model: str, product: str) -> None:
    """Unknown models tell nothing."""
    assert product_of(model) == product
