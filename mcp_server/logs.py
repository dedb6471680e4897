"""The log: lines on stderr that name the call they belong to and show no secret.

Two rules: whatever a record holds (message, arguments, exception, extra fields) is redacted as the last thing before
it is written; nothing here writes to stdout, which belongs to the protocol.
"""

import contextlib
import json
import logging
import re
from collections.abc import Collection, Iterator, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO

from mcp_server.domain.redaction import MASK, clean, is_secret_field, redacted
from mcp_server.settings import Settings

MESSAGE_LIMIT = 8_000  #: characters of a message or traceback
QUIET = ("httpx2", "httpcore2", "mcp", "asyncio", "uvicorn", "uvicorn.access", "sse_starlette")
_CONTEXT: dict[str, ContextVar[str]] = {
    name: ContextVar(name, default="") for name in ("correlation_id", "call_id", "change_id")
}
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_HEADER = re.compile(r"(?i)((?:proxy-)?authorization|x-cisco-meraki-api-key|cookie)(['\"]?\s*[:=]\s*)[^\r\n,}\]]+")
_NAME = re.compile(r"([A-Za-z][\w\-]{1,60})(?:\\*['\"])?\s*[:=]\s*")
_VALUE = re.compile(r"""(\\*)(["'])(?:.*?)(?<!\\)\1\2|[^\s,;&}\])]+""", re.DOTALL)


@contextlib.contextmanager
def bound(**ids: str) -> Iterator[None]:
    """Lines written inside name these: correlation_id, call_id, change_id. Any other name raises KeyError."""
    tokens = [(_CONTEXT[name], _CONTEXT[name].set(value)) for name, value in ids.items()]
    try:
        yield
    finally:
        for variable, token in reversed(tokens):
            variable.reset(token)


def configure(settings: Settings, stream: TextIO) -> "Redactor":
    """Sends all logging to ``stream``; the Redactor returned learns further secrets. Safe to call twice."""
    redactor = Redactor(settings.secret_values)
    is_human = settings.log_format == "human" or (settings.log_format == "auto" and stream.isatty())
    output = Output(stream)
    output.setFormatter(HumanLines(redactor) if is_human else JsonLines(redactor))
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old, Output)]:
        root.removeHandler(old)
    root.addHandler(output)
    root.setLevel(settings.log_level.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    return redactor


class Output(logging.StreamHandler[TextIO]):
    """Where lines go. A record that cannot be written is named, never printed: Python would show its raw arguments."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is Python's
        """Writes where the record came from, and nothing of what it holds."""
        with contextlib.suppress(OSError, ValueError):  # the stream itself is gone: nobody is left to tell
            place = f"{record.name}:{record.lineno}"
            self.stream.write(
                json.dumps({"level": "error", "message": f"a log record of {place} is unwritable"}) + "\n"
            )


class Redactor:
    """What hides secrets in log text: by name, by header, by known value."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        self._secrets = set(secrets)

    def learn(self, *secrets: str) -> None:
        """From now on these values are masked too."""
        self._secrets.update(secret for secret in secrets if secret)

    def text(self, text: str) -> str:
        """The text without secrets; of a very long one the beginning."""
        text = _HEADER.sub(rf"\1\2{MASK}", text[: 4 * MESSAGE_LIMIT])
        return str(redacted(_without_named_secrets(text), self._secrets))

    def value(self, value: Any) -> Any:
        """A JSON value without secrets; what is no JSON is shown as text."""
        return _each_text(redacted(_plain(value), self._secrets), self.text)


def _without_named_secrets(text: str) -> str:
    """The text with the value after each name of a secret masked (psk=..., "sharedSecret": "...")."""
    kept: list[str] = []
    at = 0
    while (name := _NAME.search(text, at)) is not None:
        kept.append(text[at : name.end()])
        at = name.end()
        value = _VALUE.match(text, at) if is_secret_field(name.group(1)) else None
        if value is not None:
            kept.append(MASK)
            at = value.end()
    return "".join(kept) + text[at:]


def _plain(value: Any, depth: int = 8) -> Any:
    """The value as JSON has it; what lies deeper than ``depth`` as text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if depth and isinstance(value, Mapping):
        return {str(key): _plain(item, depth - 1) for key, item in value.items()}
    if depth and isinstance(value, list | tuple | set | frozenset):
        return [_plain(item, depth - 1) for item in value]
    return str(value)


def _each_text(value: Any, change: Any) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _each_text(item, change) for key, item in value.items()}
    return [_each_text(item, change) for item in value] if isinstance(value, list) else value


class _Lines(logging.Formatter):
    """What both forms share: the parts of a record, redacted."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def parts(self, record: logging.LogRecord) -> dict[str, Any]:
        parts: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._safe(_message(record)),
        }
        parts.update({name: value for name, variable in _CONTEXT.items() if (value := variable.get())})
        extra = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if extra:
            parts["extra"] = self._redactor.value(extra)
        if record.exc_info:
            parts["error"] = self._safe(self.formatException(record.exc_info))
        if record.stack_info:
            parts["stack"] = self._safe(record.stack_info)
        return parts

    def _safe(self, text: str) -> str:
        return self._redactor.text(text)[:MESSAGE_LIMIT]


def _message(record: logging.LogRecord) -> str:
    """The message; one whose arguments do not fit is shown as it stands, not lost."""
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        return f"{record.msg} {record.args!r}"


class JsonLines(_Lines):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        return json.dumps(self.parts(record), ensure_ascii=True, separators=(",", ":"))


class HumanLines(_Lines):
    """For a terminal: time, level, message, ids; control characters escaped."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end; a traceback follows on lines of its own."""
        parts = self.parts(record)
        ids = " ".join(f"{name}={clean(parts[name])}" for name in _CONTEXT if name in parts)
        extra = " ".join(f"{name}={clean(value)}" for name, value in parts.get("extra", {}).items())
        line = f"{parts['at'][11:19]} {parts['level']:<7} {clean(parts['message'], MESSAGE_LIMIT)}"
        tail = "".join(
            f"\n  {clean(row, 500)}" for name in ("error", "stack") for row in parts.get(name, "").splitlines()
        )
        return " ".join(piece for piece in (line, extra, ids) if piece) + tail
