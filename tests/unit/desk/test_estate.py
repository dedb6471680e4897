"""Reads and inventory look-ups as tools give them: whole, cut to a budget, or only the fields that were asked for."""

import json
from typing import Any

import pytest

from mcp_server.desk.estate import EstateDesk
from mcp_server.errors import InvalidArguments
from tests.support.hook_world import ACME, BETA, SITE, TWIN, read, world

ROWS = [{"id": f"N_{number}", "name": f"net {number}", "notes": "x" * 40} for number in range(30)]
CLIENTS = f"/networks/{SITE}/clients"
TOUCH = read("getNetworkClients", networkId=SITE)


def desk(answer: Any) -> EstateDesk:
    """A desk whose clients are that answer."""
    return EstateDesk(world({CLIENTS: answer})[0])


async def asked(answer: Any, **more: Any) -> dict[str, Any]:
    """What a read gives."""
    given: dict[str, Any] = {"fields": (), "max_tokens": 4000, "cursor": None, **more}
    outcome = await desk(answer).read(TOUCH, **given)
    return dict(outcome.data)


async def test_an_answer_that_fits_is_whole_and_has_no_cursor() -> None:
    """Nothing is cut that need not be."""
    assert await asked(ROWS) == {"data": ROWS, "truncated": False}


@pytest.mark.parametrize("wrap", [lambda rows: rows, lambda rows: {"items": rows, "meta": {"counts": 30}}])
async def test_pages_by_cursor_give_every_element_once_and_each_fits_its_budget(wrap: Any) -> None:
    """A list, and a list inside an object, whose other fields stand on each page."""
    seen: list[Any] = []
    cursor: str | None = None
    for _ in range(len(ROWS)):
        page = await asked(wrap(ROWS), max_tokens=200, cursor=cursor)
        rows = page["data"] if isinstance(page["data"], list) else page["data"]["items"]
        assert len(json.dumps(rows)) <= 200 * 2.5 * 1.3  # the budget counts compact JSON
        assert isinstance(page["data"], list) or page["data"]["meta"] == {"counts": 30}
        seen += rows
        cursor = page.get("cursor")
        if cursor is None:
            break
        assert (page["truncated"], page["shown"], page["total"]) == (True, len(rows), 30)
    assert seen == ROWS


async def test_a_single_element_beyond_the_budget_is_given_all_the_same() -> None:
    """A cursor that never moves would be asked for ever."""
    page = await asked([{"notes": "x" * 900}, {"notes": "y"}], max_tokens=100)
    assert (len(page["data"]), page["truncated"]) == (1, True)


async def test_a_long_object_is_cut_between_its_fields() -> None:
    """And goes on where it was cut, also when the rest would fit a larger budget whole."""
    whole = {f"field{number}": "x" * 100 for number in range(10)}
    first = await asked(whole, max_tokens=200)
    rest = await asked(whole, max_tokens=4000, cursor=first["cursor"])
    assert first["truncated"]
    assert 0 < len(first["data"]) < 10
    assert first["data"] | rest["data"] == whole
    assert set(first["data"]).isdisjoint(rest["data"])


@pytest.mark.parametrize("cursor", ["not base64!", "aGVsbG8=", "LTU=", "w6k=", ""])
async def test_a_cursor_that_is_none_of_ours_is_refused(cursor: str) -> None:
    """It would start the reader anywhere."""
    with pytest.raises(InvalidArguments, match="not one of ours"):
        await asked(ROWS, cursor=cursor)


@pytest.mark.parametrize(
    ("answer", "picked"),
    [
        ([{"id": 1, "name": "a"}, {"id": 2}], [{"id": 1}, {"id": 2}]),
        ({"items": [{"id": 1, "name": "a"}], "meta": {}}, {"items": [{"id": 1}], "meta": {}}),
        ({"id": 1, "name": "a"}, {"id": 1}),
        ("text", "text"),
    ],
)
async def test_only_the_fields_that_were_named_come_back(answer: Any, picked: Any) -> None:
    """Of each element; one that lacks a field lacks it in the answer."""
    assert (await asked(answer, fields=("id",)))["data"] == picked


async def test_secrets_are_masked_and_hostile_text_is_inert() -> None:
    """Whatever stands in the network's names."""
    data = (await asked([{"psk": "open sesame", "name": "a\u202eb\nc"}]))["data"]
    assert data == [{"psk": "********", "name": "a\\u202eb\\nc"}]


@pytest.mark.parametrize(
    ("argument", "value", "ids"),
    [
        ("organizationId", "acm", [ACME]), ("organizationId", "99", [BETA]), ("organization", "", [ACME, BETA]),
        ("networkId", "Site", [SITE, TWIN]), ("serial", "Q2", []),
    ],
)  # fmt: skip
async def test_ids_are_completed_by_id_or_name(argument: str, value: str, ids: list[str]) -> None:
    """Of organizations and networks; of nothing else."""
    assert sorted(await EstateDesk(world()[0]).complete(argument, value)) == sorted(ids)
