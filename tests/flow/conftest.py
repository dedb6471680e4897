"""Flow tests: the whole product through a real MCP client, against the sandbox over TCP.

A file that uses the fixture ``way`` holds on three transports and in both eras. Each of its tests runs on one way,
always the same, so that together they go all six; with ``--every-way`` each test goes all six.
"""

import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.stage import USUAL, WAYS, Stage, accepting, staged

SECRETS: Final = {"PARTNER": "vinte-e-duas-letras-da-senha", "AULA": "giz-e-lousa-2026"}
_WEB: Final = tuple(way for way in WAYS if way[0] != "stdio")
_NAMES: Final = {way: "-".join(way) for way in WAYS}
#: Of seven tests six go over HTTP or SSE: a server process of its own costs most of a second.
_TURNS: Final = (*_WEB, *_WEB, *_WEB, *(way for way in WAYS if way[0] == "stdio"))


@pytest.fixture
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """The transport and era of every stage of this test that says none."""
    transport, era = request.param
    monkeypatch.setattr(USUAL, "transport", transport)
    monkeypatch.setattr(USUAL, "era", era)
    return transport, era


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """A stage in front of a person who says yes, with the secrets of the rows."""
    async with staged(tmp_path / "home", answer=accepting, given={"secrets": SECRETS}) as one:
        yield one


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test that takes a way, on each way that it can take."""
    if "way" in metafunc.fixturenames:
        ways = _WEB if metafunc.definition.get_closest_marker("same_process") else WAYS
        metafunc.parametrize("way", ways, ids=[_NAMES[way] for way in ways], indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave each test one of its ways, by its name, unless all are asked for or the test itself is."""
    if config.getoption("every_way") or any("[" in argument for argument in config.args):
        return
    left_out = [item for item in items if not _is_its_turn(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if _is_its_turn(item)]


def _is_its_turn(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    way = callspec.params.get("way") if callspec is not None else None
    if way not in WAYS:  # none, or what another folder's test calls so
        return True
    turns = _WEB if item.get_closest_marker("same_process") else _TURNS
    name = item.nodeid.replace(_NAMES[way], "")
    return bool(way == turns[zlib.crc32(name.encode()) % len(turns)])
