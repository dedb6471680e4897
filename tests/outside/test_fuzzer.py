"""mcp-fuzzer against the server over stdio: malformed calls of every tool, in both of its phases."""

import json
import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator, FormatChecker

from tests.outside.programs import program
from tests.support.stage import environment, staged

SEED: Final = "20260728"
#: Runs the server and keeps what it wrote, because the fuzzer throws its standard error away.
KEEPING: Final = """
import subprocess, sys
sys.exit(subprocess.call([sys.executable, "-m", "mcp_server", "serve"], stderr=open(sys.argv[1], "ab")))
"""


async def test_the_fuzzer_finds_nothing_in_thirty_runs_a_tool_and_phase(tmp_path: Path) -> None:
    """No crash, no malformed call accepted, nothing reflected, nothing written to the cloud, no traceback logged."""
    errors = tmp_path / "stderr"
    keeper = tmp_path / "keeper.py"
    keeper.write_text(KEEPING)
    async with staged(tmp_path / "home") as stage:
        environ = {**environment(stage.settings), "HOME": str(tmp_path)}
        endpoint = shlex.join([sys.executable, str(keeper), str(errors)])
        asked = (
            "--mode",
            "tools",
            "--phase",
            "both",
            "--runs",
            "30",
            "--seed",
            SEED,
            "--no-network",
            "--timeout",
            "20",
        )
        result = await program(
            "mcp-fuzzer", *asked, "--protocol", "stdio", "--endpoint", endpoint, folder=tmp_path, environ=environ
        )
        writes = stage.writes()
        schemas = {tool.name: tool.input_schema for tool in (await stage.client.list_tools()).tools}
    assert result.code == 0, result.out[-3000:]
    totals = dict(re.findall(r"^Total ([A-Za-z/ -]+): (\d+)$", result.out, re.MULTILINE))
    runs = int(totals["Fuzzing Runs"])
    assert runs >= 8 * 30
    for kind in ("Transport/Protocol Anomalies", "Crashes", "Exceptions"):
        assert totals[kind] == "0", (kind, result.out[-3000:])
    findings = [one for one in found(tmp_path) if not is_call(one, schemas)]
    assert findings == []
    logged = errors.read_text()
    assert logged
    assert "Traceback" not in logged
    assert writes == []


def found(folder: Path) -> list[dict[str, Any]]:
    """What the fuzzer reports; it writes no file when there is nothing."""
    report = folder / "reports" / "findings.json"
    findings: list[dict[str, Any]] = json.loads(report.read_text())["findings"] if report.exists() else []
    return findings


def is_call(finding: Mapping[str, Any], schemas: Mapping[str, Any]) -> bool:
    """Whether the input is a call as it should be: the fuzzer's second phase counts each answered one as accepted.

    That phase mutates what is valid, and some mutations are valid again by the schema that the server announces.
    """
    if finding["category"] != "accepted_malformed":
        return False
    given = finding["evidence"]["input"]
    check = Draft202012Validator(schemas[finding["target"]], format_checker=FormatChecker())
    return check.is_valid(given) and "" not in given.values()
