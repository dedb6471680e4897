"""The prepared answers to a client's first requests are those of the SDK."""

import json
from pathlib import Path

from mcp_types.version import KNOWN_PROTOCOL_VERSIONS

from mcp_server.cli import serve
from mcp_server.settings import load
from mcp_server.transport.opening import FILE
from tests.surface.opening import document


async def test_the_prepared_answers_are_the_live_ones_in_every_version() -> None:
    """Byte for byte; after a change of a tool, a prompt, the version or the SDK: ``scripts/build snapshots``."""
    text = FILE.read_text("utf-8")
    assert text == await document()
    assert tuple(json.loads(text)["results"]) == KNOWN_PROTOCOL_VERSIONS


async def test_no_setting_changes_them(tmp_path: Path) -> None:
    """Those of a server that is set otherwise are the same; a setting that did would have to be asked for first."""
    other = {"locale": "pt-BR", "read_only": True, "profile": "team", "organizations": "1", "families": "admins"}
    settings = load({}, overrides={"home": tmp_path / "data", **other})
    learn = list[str]().append
    async with serve._hosted(settings, "stdio", sandbox=True, output_schemas=False, learn=learn) as host:
        assert await document(host) == FILE.read_text("utf-8")
