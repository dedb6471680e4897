"""Malformed calls of every tool over stdio: those of mcp-fuzzer in both of its phases, and our own.

mcp-fuzzer 0.7.0 takes no calls of ours: its only store of calls, the corpus, is replaced by an empty pool in the client
of its command line. So ours are sent here.
"""

import itertools
import json
import re
import shlex
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import anyio
import pytest
from anyio.streams.buffered import BufferedByteReceiveStream
from jsonschema import Draft202012Validator, FormatChecker

from tests.outside.fuzz_fixtures import BAD, GOOD, Call, spoiled
from tests.outside.programs import program
from tests.outside.test_json_rpc import FOREIGN, HANDSHAKE, META, MODERN, assert_json_rpc, request
from tests.support.stage import ERAS, Stage, environment, staged

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


@pytest.mark.parametrize("era", ERAS)
async def test_our_own_calls_are_answered_when_good_and_refused_when_not(tmp_path: Path, era: str) -> None:
    """Each with its code and in our words; in the end the server is there, nothing was written, nothing crashed."""
    async with staged(tmp_path / "home") as stage:
        errors = stage.settings.home / "stderr"
        async with talking(stage, errors, era) as ask:
            (listed,) = await ask([("tools/list", {})])
            tools = listed["result"]["tools"]
            made = [call for tool in tools for call in spoiled(tool["name"], tool["inputSchema"])]
            wrong = [
                fault(call, answer)
                for calls in ([*GOOD], [*BAD, *made], [*GOOD])
                for answer, call in zip(await ask([asked(call) for call in calls]), calls, strict=True)
            ]
        writes = stage.writes()
    assert [one for one in wrong if one] == []
    assert len(made) > 200
    assert "Traceback" not in errors.read_text()
    assert writes == []


def asked(call: Call) -> tuple[str, Mapping[str, Any]]:
    """The call as a request."""
    return "tools/call", {"name": call.tool, "arguments": call.arguments}


def fault(call: Call, answer: Mapping[str, Any]) -> str:
    """What is wrong with an answer, in a line."""
    result = answer.get("result", {}).get("structuredContent", {})
    error = result.get("error") or answer.get("error") or {}
    code = str(error.get("code", "")) or result.get("status")
    is_right = code in (call.refused or ("ok",)) and FOREIGN.search(str(error.get("message", ""))) is None
    return "" if is_right else f"{call.tool} {str(call.arguments)[:160]!r}: {code} {error.get('message', '')[:200]}"


@asynccontextmanager
async def talking(stage: Stage, errors: Path, era: str) -> AsyncIterator[Any]:
    """A server process over stdio, and how to ask it many things at once; each line that comes back is JSON-RPC."""
    command = [sys.executable, "-m", *stage.program]
    ids = itertools.count(1)
    meta = {"_meta": META} if era == MODERN else {}
    with errors.open("wb") as log, anyio.fail_after(120):
        process = await anyio.open_process(
            command, env=environment(stage.settings), cwd=stage.settings.home, stderr=log
        )
        assert process.stdin is not None
        assert process.stdout is not None
        sent, received = process.stdin, BufferedByteReceiveStream(process.stdout)

        async def ask(requests: Sequence[tuple[str, Mapping[str, Any]]]) -> list[Any]:
            lines = {str(next(ids)): one for one in requests}
            answers: dict[str, Any] = {}
            async with anyio.create_task_group() as tasks:
                whole = [request(key, method, {**given, **meta}) + b"\n" for key, (method, given) in lines.items()]
                tasks.start_soon(sent.send, b"".join(whole))
                while answers.keys() != lines.keys():
                    answer = json.loads(await received.receive_until(b"\n", 10_000_000))
                    assert_json_rpc([answer])
                    answers[answer["id"]] = answer
            return [answers[key] for key in lines]

        async with process:
            if era != MODERN:
                await sent.send(b"\n".join([*HANDSHAKE, b""]))
                await received.receive_until(b"\n", 10_000_000)
            yield ask
            await sent.aclose()
            with pytest.raises(anyio.IncompleteRead):
                await received.receive_until(b"\n", 10_000_000)
            assert await process.wait() == 0
