"""Messages without form or sense: each answer is JSON-RPC, in no library's words, and the server goes on."""

import json
import logging
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import anyio
import httpx
import pytest
from anyio.streams.buffered import BufferedByteReceiveStream
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from tests.support.longest import LONGEST_S
from tests.support.stage import ERAS, Stage, environment, staged

MODERN: Final = "2026-07-28"
META: Final = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "raw", "version": "1"},
}
METHODS: Final = [
    "initialize", "ping", "server/discover", "tools/list", "tools/call", "resources/list", "resources/read",
    "prompts/list", "prompts/get", "completion/complete", "logging/setLevel", "notifications/cancelled", "nothing", "",
]  # fmt: skip
TOOLS: Final = ["meraki_search", "meraki_read", "meraki_plan", "meraki_apply", "rollback", "history", "nothing"]
FOREIGN: Final = re.compile(r"pydantic|Traceback|input_value|Input should|jsonschema\.|\.py\b")

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=40)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
arguments = st.dictionaries(
    st.sampled_from(["query", "operation", "params", "operations", "plan_id", "limit", "change_id", "x"]) | st.text(),
    values,
    max_size=4,
)
params = (
    st.builds(
        lambda name, given, more: {"name": name, "arguments": given, "_meta": META, **more},
        st.sampled_from(TOOLS) | values,
        arguments | values,
        st.dictionaries(st.sampled_from(["requestState", "inputResponses", "uri", "ref", "argument"]), values),
    )
    | st.dictionaries(st.text(max_size=12), values, max_size=3).map(lambda more: {**more, "_meta": META})
    | values
)
messages = st.builds(
    lambda version, key, method, given: {"jsonrpc": version, "id": key, "method": method, "params": given},
    st.sampled_from(["2.0", "2.0", "2.0", "1.0"]) | scalars,
    st.integers(1, 10**6) | st.text(min_size=1, max_size=8) | values,
    st.sampled_from(METHODS) | st.text(max_size=20),
    params,
)
bodies = (
    messages.map(lambda message: json.dumps(message).encode())
    | values.map(lambda value: json.dumps(value).encode())
    | st.binary(max_size=200)
    | st.integers(10, 3000).map(lambda deep: b"[" * deep + b"]" * deep)
    | st.integers(10, 3000).map(lambda deep: b'{"jsonrpc":"2.0","id":1,"method":"ping","params":' + b'{"a":' * deep)
)
header_values = st.sampled_from([MODERN, "2025-11-25", "1999-01-01", "x" * 300, "tools/call", "tools/list", ""])
headers = st.dictionaries(
    st.sampled_from(["MCP-Protocol-Version", "Mcp-Method", "Mcp-Name", "Mcp-Session-Id", "Accept", "Content-Type"]),
    header_values | st.sampled_from(["application/json", "application/json, text/event-stream", "text/plain"]),
)


async def test_no_body_and_no_header_over_http_is_answered_with_anything_but_json_rpc(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Generated bodies and headers: a status below 500, JSON-RPC or nothing, and a good call answered in the end."""
    sent: list[tuple[bytes, Mapping[str, str]]] = []

    @seed(20261121)
    @settings(max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(bodies, headers)
    def collect(body: bytes, some: Mapping[str, str]) -> None:
        sent.append((body, some))

    collect()
    usual = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    async with staged(tmp_path / "home") as stage, httpx.AsyncClient(timeout=LONGEST_S, trust_env=False) as web:
        with caplog.at_level(logging.WARNING):
            for body, some in sent:
                answer = await web.post(f"{stage.address}/mcp", content=body, headers={**usual, **some})
                assert answer.status_code < 500, (body, some, answer.text)
                assert_json_rpc(messages_of(answer))
        good = await stage.call("meraki_search", query="ssid")
    assert good["status"] == "ok"
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


async def test_a_body_of_five_megabytes_is_refused_and_the_next_call_answered(tmp_path: Path) -> None:
    """413, and no more than that."""
    async with staged(tmp_path / "home") as stage, httpx.AsyncClient(timeout=LONGEST_S, trust_env=False) as web:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"x": "y" * 5_000_000}})
        answer = await web.post(f"{stage.address}/mcp", content=body, headers={"Content-Type": "application/json"})
        good = await stage.call("meraki_search", query="ssid")
    assert (answer.status_code, good["status"]) == (413, "ok")


@pytest.mark.parametrize("era", ERAS)
async def test_standard_output_stays_json_rpc_whatever_comes_in(tmp_path: Path, era: str) -> None:
    """Generated lines, then a good call: it is answered, nothing else is printed, nothing is a traceback."""
    lines: list[bytes] = []

    @seed(20261121)
    @settings(max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(bodies)
    def collect(body: bytes) -> None:
        lines.append(body.replace(b"\n", b" ").replace(b"\r", b" "))

    collect()
    is_modern = era == MODERN
    opening = [request("open", "server/discover", {"_meta": META})] if is_modern else HANDSHAKE
    call = {"name": "meraki_search", "arguments": {"query": "ssid"}, **({"_meta": META} if is_modern else {})}
    sent = [*opening, *lines, request("last", "tools/call", call)]
    async with staged(tmp_path / "home") as stage:
        answers, errors, code = await talked(stage, sent, until="last")
    assert_json_rpc(answers)
    (good,) = [answer for answer in answers if answer.get("id") == "last"]
    assert "result" in good, good
    assert good["result"]["structuredContent"]["status"] == "ok"
    assert "Traceback" not in errors
    assert code == 0


@pytest.mark.parametrize("era", ERAS)
async def test_a_line_that_cannot_be_read_is_answered_under_its_id(tmp_path: Path, era: str) -> None:
    """Nobody waits for an answer that never comes; an empty line and a broken answer ask for none."""
    deep = b'{"jsonrpc":"2.0","id":"deep","method":"ping","params":{"a":' + b"[" * 300 + b"]" * 300 + b"}}"
    lines = [
        b'{"jsonrpc":"2.0","id":"half","method":"ping","params":{"a":"\\ud800"}}',
        deep,
        b'{"jsonrpc":"2.0","id":"form","method":5}',
        b'{"jsonrpc":"2.0","id":true,"method":5}',
        b'{"jsonrpc":"2.0","id":1.0,"method":"tools/list"}',
        b'{"jsonrpc":"2.0","id":null,"method":"notifications/initialized"}',
        b'{"jsonrpc":"2.0","id":"broken","method":',
        b"[]",
        b"",
        b'{"jsonrpc":"2.0","id":"theirs","result":5}',
    ]
    is_modern = era == MODERN
    opening = [request("open", "server/discover", {"_meta": META})] if is_modern else HANDSHAKE
    last = request("last", "tools/list", {"_meta": META} if is_modern else {})
    async with staged(tmp_path / "home") as stage:
        answers, errors, _ = await talked(stage, [*opening, *lines, last], until="last")
    assert_json_rpc(answers)
    told = [(answer["id"], answer["error"]["code"]) for answer in answers if "error" in answer]
    assert told == [
        ("half", -32700),
        ("deep", -32700),
        ("form", -32600),
        (None, -32600),
        (None, -32600),
        (None, -32700),
        (None, -32600),
    ]
    assert "Traceback" not in errors


async def talked(stage: Stage, lines: Sequence[bytes], until: str) -> tuple[list[Any], str, int | None]:
    """What a server process answers up to that id, what it logs, and its exit status once its input is closed."""
    answers: list[Any] = []
    errors = stage.settings.home / "stderr"
    command = [sys.executable, "-m", *stage.program]
    with errors.open("wb") as log, anyio.fail_after(120):
        process = await anyio.open_process(
            command, env=environment(stage.settings), cwd=stage.settings.home, stderr=log
        )
        assert process.stdin is not None
        assert process.stdout is not None
        async with process, anyio.create_task_group() as tasks:
            tasks.start_soon(process.stdin.send, b"\n".join([*lines, b""]))
            received = BufferedByteReceiveStream(process.stdout)
            while not answers or answers[-1].get("id") != until:
                answers.append(json.loads(await received.receive_until(b"\n", 10_000_000)))
            await process.stdin.aclose()
            await process.wait()
    return answers, errors.read_text(), process.returncode


def request(key: str, method: str, given: Mapping[str, Any]) -> bytes:
    """One request as a line."""
    return json.dumps({"jsonrpc": "2.0", "id": key, "method": method, "params": given}).encode()


#: How a client of 2025-11-25 opens a connection.
HANDSHAKE: Final = [
    request(
        "open",
        "initialize",
        {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}},
    ),
    json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}).encode(),
]


def messages_of(answer: httpx.Response) -> Iterator[Any]:
    """The JSON-RPC messages of an HTTP answer, from a stream of events too."""
    if answer.headers.get("content-type", "").startswith("text/event-stream"):
        yield from (
            json.loads(line[5:]) for line in answer.text.splitlines() if line.startswith("data:") and line[5:].strip()
        )
    elif answer.headers.get("content-type", "").startswith("application/json"):
        yield answer.json()


def assert_json_rpc(answers: Any) -> None:
    """Each has the version and a result or an error, in no library's words."""
    for answer in answers:
        assert answer["jsonrpc"] == "2.0", answer
        assert ("result" in answer) + ("error" in answer) + ("method" in answer) == 1, answer
        error = answer.get("error")
        if error is not None:
            assert isinstance(error["code"], int)
            assert FOREIGN.search(error["message"]) is None, error
