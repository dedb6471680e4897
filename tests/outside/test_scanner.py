"""Cisco's scanner for MCP servers, offline: its YARA rules and its checks of schemas, over stdio."""

import json
import sys
from pathlib import Path

from tests.outside.programs import program
from tests.support.stage import environment, staged

ANALYZERS = {"schema_analyzer", "yara_analyzer"}


async def test_ciscos_scanner_finds_every_tool_safe(tmp_path: Path) -> None:
    """Each of the tools is looked at by both analyzers, and none has a finding."""
    async with staged(tmp_path / "home") as stage:
        environ = environment(stage.settings)
        server = ["--stdio-command", sys.executable, *(f"--stdio-arg={word}" for word in ("-m", "mcp_server", "serve"))]
        given = [f"--stdio-env={name}={value}" for name, value in environ.items()]
        asked = ("--analyzers", "yara,schema", "--format", "raw", "stdio", *server, *given)
        quiet = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
        result = await program("mcp-scanner", *asked, folder=tmp_path, environ=quiet)
        listed = {tool.name for tool in (await stage.client.list_tools()).tools}
    assert result.code == 0, result.err[-2000:]
    tools = json.loads(result.out[result.out.index("{\n") :])["scan_results"]
    assert {tool["tool_name"] for tool in tools} == listed
    for tool in tools:
        assert set(tool["findings"]) == ANALYZERS
        assert tool["is_safe"]
        assert [one["total_findings"] for one in tool["findings"].values()] == [0, 0], tool
