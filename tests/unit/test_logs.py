"""The log: what each line names, and what none shows."""

import base64
import io
import json
import logging
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.logs import QUIET, Output, Redactor, bound, configure
from mcp_server.settings import Settings

KEY = "canary-key-0123456789"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """The root logger is everybody's."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def configured(stream: io.StringIO | None = None, **more: Any) -> tuple[io.StringIO, Redactor]:
    """Logging to a stream of its own, and nowhere else: what is odd in a record is not for pytest's report."""
    stream = stream or io.StringIO()
    logging.getLogger().handlers.clear()
    settings = Settings(home=Path("/nowhere"), api_key=KEY, secrets={"A": "canary-secret"}, **more)
    return stream, configure(settings, stream)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """The lines as JSON."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_time_level_name_and_message() -> None:
    """One object a line."""
    stream, _ = configured()
    logging.getLogger("mcp_server.x").warning("found %d\nof them", 3)
    (line,) = lines(stream)
    assert line["at"].endswith("+00:00")
    assert (line["level"], line["logger"], line["message"]) == ("warning", "mcp_server.x", "found 3\nof them")
    assert stream.getvalue().count("\n") == 1


def test_lines_inside_a_call_name_it() -> None:
    """And outside they do not."""
    stream, _ = configured()
    log = logging.getLogger("mcp_server.x")
    with bound(correlation_id="cor-1", call_id="call-1"):
        with bound(change_id="CHG-1"):
            log.info("inner")
        log.info("outer")
    log.info("after")
    ids = [{name: line.get(name) for name in ("correlation_id", "call_id", "change_id")} for line in lines(stream)]
    assert ids == [
        {"correlation_id": "cor-1", "call_id": "call-1", "change_id": "CHG-1"},
        {"correlation_id": "cor-1", "call_id": "call-1", "change_id": None},
        {"correlation_id": None, "call_id": None, "change_id": None},
    ]


def test_only_known_names_can_be_bound() -> None:
    """A typing error is not silent."""
    with pytest.raises(KeyError), bound(change="x"):
        pass


def logged_secrets(log: logging.Logger) -> None:
    """Every way in which a secret may get into a record."""
    log.warning("key %s", KEY)
    log.warning("url-encoded %s", urllib.parse.quote("canary-secret"))
    log.warning("base64 %s", base64.b64encode(f"x{KEY}y".encode()).decode())
    log.warning("Authorization: Bearer canary-unknown-1")
    log.warning("headers %s", {"Authorization": "Bearer canary-unknown-2", "n": 1})
    log.warning("{'x-cisco-meraki-api-key': 'canary-unknown-3'}")
    log.warning("psk=canary-unknown-4 and sharedSecret: 'canary unknown-5'")
    log.warning('{"radiusServers": [{"secret": "canary-unknown-6 with spaces"}]}')
    log.warning(json.dumps(json.dumps({"passphrase": "canary-unknown-7 x"})))
    log.warning("extra", extra={"psk": "canary-unknown-8", "deep": {"password": "canary-unknown-9"}, "note": KEY})
    log.warning("odd extra", extra={"object": ValueError(KEY)})
    try:
        raise ValueError(f"failed with {KEY} psk=canary-unknown-10")
    except ValueError:
        log.exception("failed")
    log.warning("stack", stack_info=True)


@pytest.mark.parametrize("form", ["json", "human"])
def test_no_secret_is_written_in_either_form(form: str) -> None:
    """By value, by name, by header; in messages, extra fields and exceptions."""
    stream, _ = configured(log_format=form)
    logged_secrets(logging.getLogger("mcp_server.x"))
    written = "\n".join(line for line in stream.getvalue().splitlines() if "log.warning(" not in line)
    assert written.count("********") >= 13
    assert "canary" not in written
    assert base64.b64encode(KEY.encode()).decode().rstrip("=")[:20] not in written


def test_a_secret_that_is_learned_later_is_masked_from_then_on() -> None:
    """Generated ones are not known at the start."""
    stream, redactor = configured()
    redactor.learn("generated-canary", "")
    logging.getLogger("mcp_server.x").warning("made generated-canary for you")
    assert lines(stream)[0]["message"] == "made ******** for you"


@pytest.mark.parametrize(
    "text", ["the token is missing", "status: 200, path=/x", "GET /organizations answered 502", ""]
)
def test_text_without_a_secret_stays_as_it_is(text: str) -> None:
    """Masking everything would be no log."""
    assert Redactor({KEY}).text(text) == text


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_known_secret_never_leaks_whatever_stands_around_it(before: str, after: str) -> None:
    """A canary in any text."""
    assert KEY not in Redactor({KEY}).text(before + KEY + after)


def test_a_terminal_gets_lines_for_people_and_a_pipe_json() -> None:
    """Unless the setting says otherwise."""
    terminal, _ = configured(Terminal())
    with bound(call_id="call-1"):
        logging.getLogger("mcp_server.x").warning("hello \x1b[31m world", extra={"kind": "rate"})
    line = terminal.getvalue()
    assert "warning hello \\u001b[31m world kind=rate call_id=call-1" in line
    assert "\x1b" not in line
    forced, _ = configured(Terminal(), log_format="json")
    logging.getLogger("mcp_server.x").warning("hello")
    assert lines(forced)[0]["message"] == "hello"


def test_configuring_twice_does_not_write_twice() -> None:
    """The last stream counts."""
    first, _ = configured()
    second, _ = configured()
    logging.getLogger("mcp_server.x").warning("once")
    assert first.getvalue() == ""
    assert len(lines(second)) == 1


def test_the_level_is_a_setting_and_libraries_are_quiet() -> None:
    """The HTTP library logs each URL with its query at INFO."""
    stream, _ = configured(log_level="debug")
    logging.getLogger("mcp_server.x").debug("ours")
    for name in (*QUIET, "httpx2", "httpcore2.http11"):
        logging.getLogger(name).info("theirs")
    assert [line["message"] for line in lines(stream)] == ["ours"]
    logging.getLogger("httpx2").warning("loud")
    assert lines(stream)[-1]["message"] == "loud"
    stream, _ = configured(log_level="error")
    logging.getLogger("httpx2").warning("not now")
    assert stream.getvalue() == ""


def handled(message: str, *args: object) -> None:
    """A record given to our output alone (pytest's own would raise)."""
    (output,) = [found for found in logging.getLogger().handlers if isinstance(found, Output)]
    output.handle(logging.LogRecord("mcp_server.x", logging.WARNING, __file__, 7, message, args, None))


def test_a_message_whose_arguments_do_not_fit_is_not_lost() -> None:
    """And breaks nothing."""
    stream, _ = configured()
    handled("a %d %s", "text", f"psk={KEY}")
    (line,) = lines(stream)
    assert "a %d" in line["message"]
    assert KEY not in line["message"]


def test_a_record_that_cannot_be_written_is_named_and_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Python's own complaint would print the raw arguments."""

    class Unwritable:
        def __str__(self) -> str:
            raise RuntimeError(KEY)

    stream, _ = configured()
    handled("a %s %s", KEY, Unwritable())
    (line,) = lines(stream)
    assert line["message"] == "a log record of mcp_server.x:7 is unwritable"
    assert KEY not in stream.getvalue() + capsys.readouterr().err


def test_a_very_long_message_is_cut() -> None:
    """One line cannot fill the disk."""
    stream, _ = configured()
    logging.getLogger("mcp_server.x").warning("x" * 1_000_000)
    assert len(stream.getvalue()) < 10_000


def test_odd_extra_values_do_not_break_the_line() -> None:
    """What is no JSON is shown as text; a broken character too."""
    stream, _ = configured()
    logging.getLogger("mcp_server.x").warning("odd \ud800", extra={"a": {1, 2}, "b": float("nan"), "c": {("t",): 1}})
    assert len(stream.getvalue().splitlines()) == 1


def test_nothing_is_written_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    """It belongs to the protocol."""
    configured()
    logging.getLogger("mcp_server.x").error("x")
    assert capsys.readouterr().out == ""
