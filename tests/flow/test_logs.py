"""What a server logs: lines that name their call and change, and no secret."""

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from mcp_server.assembly import running
from mcp_server.logs import Output, configure
from tests.support.commands import renamed
from tests.support.stage import FreeBudget, accepting, also, staged
from tests.support.story import planned


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where the log goes; taken away again at the end."""
    yield io.StringIO()
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, Output)]:
        root.removeHandler(handler)


async def test_lines_of_a_run_name_the_change_and_the_call_that_began_it(tmp_path: Path, stream: io.StringIO) -> None:
    """A write that the cloud refused can be followed from the log to the audit; a plan's lines name no change."""
    async with staged(tmp_path / "home", answer=accepting) as stage:
        configure(also(stage.settings, log_format="json"), stream)
        plan = await planned(stage, renamed(2, "Visitantes"))
        stage.sandbox.add_fault({"kind": "status", "status": 400, "method": "PUT"})
        done = await stage.call("meraki_apply", plan_id=plan["plan_id"])
        assert done["status"] == "failed"
    lines = [json.loads(text) for text in stream.getvalue().splitlines()]
    [told] = [line for line in lines if line["message"].startswith("PUT ")]
    assert told["change_id"] == done["change_id"]
    assert told["call_id"].startswith("call-")
    assert told["correlation_id"].startswith("call-")
    others = [line for line in lines if line["logger"] == "mcp_server.meraki.client" and line is not told]
    assert all(line["call_id"].startswith("call-") for line in others)


async def test_the_log_learns_each_secret_that_is_used_or_made(tmp_path: Path, stream: io.StringIO) -> None:
    """A named secret from the vault and a made-up one are hidden in every later line."""
    async with staged(tmp_path / "home") as stage:
        settings = also(stage.settings, log_format="json", secrets={})
        redactor = configure(settings, stream)
        async with running(settings, channel="http", budget=FreeBudget(), learn=redactor.learn) as server:
            server.vault.set("WIFI", "segredo-da-loja-17")
            means = server.changes._means
            assert means.secret("WIFI") == "segredo-da-loja-17"
            made = means.generate(20, "GUESTS")
            logging.getLogger("mcp_server.test").warning("sent %s and %s", made, "segredo-da-loja-17")
    assert "sent ******** and ********" in stream.getvalue()
    assert made not in stream.getvalue()
