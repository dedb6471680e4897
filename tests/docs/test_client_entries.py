"""What a person pastes into a client starts the server: each entry is started as the client would, by its own words."""

import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from mcp import Client, StdioServerParameters

from mcp_server.registry import ORDER
from tests.docs.blocks import ROOT, Block, blocks, pages

#: Where ``scripts/demo`` puts the program, as the pages write it.
PROGRAM: Final = "/path/to/checkout/.venv-demo/bin/meraki-specialist"


def entries() -> list[tuple[Block, Mapping[str, Any]]]:
    """The servers of all JSON blocks that a client reads, each with its block."""
    found = [block for page in pages() for block in blocks(page) if block.language == "json"]
    read = [(block, json.loads(block.text)) for block in found]
    servers = [(block, text.get("mcpServers") or text.get("servers")) for block, text in read if isinstance(text, dict)]
    return [(block, one) for block, named in servers if isinstance(named, dict) for one in named.values()]


STARTED: Final = [(block, one) for block, one in entries() if one.get("command") == PROGRAM]


def test_each_entry_is_one_that_can_be_tried() -> None:
    """By the program of the checkout, by Docker (tests/surface/test_container.py), or the address of HTTP."""
    kinds = {"started": 0, "docker": 0, "http": 0}
    for _, one in entries():
        kind = "http" if "url" in one else "docker" if one["command"] == "docker" else "started"
        assert kind != "started" or one["command"] == PROGRAM, one
        assert kind != "http" or re.fullmatch(r"http://127\.0\.0\.1:8000/mcp", one["url"]), one
        kinds[kind] += 1
    assert kinds["started"] >= 5
    assert kinds["docker"] >= 1
    assert kinds["http"] >= 1
    assert "use_environment demo" in (ROOT / "scripts" / "demo").read_text("utf-8")


@pytest.mark.parametrize(("block", "entry"), STARTED, ids=[str(block.where) for block, _ in STARTED])
async def test_an_entry_starts_the_server_and_lists_its_tools(
    tmp_path: Path, block: Block, entry: Mapping[str, Any]
) -> None:
    """Word for word, arguments and environment; only the program's place and the key are filled in."""
    program = Path(sys.executable).with_name("meraki-specialist")
    given = {
        name: re.sub(r"^\.\.\.$|\$\{input:[\w-]+\}", "k" * 40, value) for name, value in entry.get("env", {}).items()
    }
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT), **given}
    server = StdioServerParameters(command=str(program), args=entry["args"], env=environ, cwd=str(tmp_path))
    async with Client(server, read_timeout_seconds=60) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == list(ORDER), block.where
