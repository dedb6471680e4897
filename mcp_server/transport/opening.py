"""What a client asks before its first call, answered from a document instead of by the SDK.

Two rules. The document holds what the SDK answers to these requests, for each protocol version, made by
``scripts/build snapshots`` and held against the live answers by a test; with another SDK installed it is not used. And
only a request of the plain kind is answered, one that the SDK cannot refuse: whatever else arrives is left to it.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).with_name("opening.json")
_LONGEST: Final = 4_096  #: characters of a line
_DEEPEST: Final = 32  #: objects and lists in it
_LARGEST_ID: Final = 2**53
_ENVELOPE: Final = "io.modelcontextprotocol/"  #: what the keys of a 2026-07-28 request's ``_meta`` begin with
_REQUEST: Final = {"jsonrpc", "id", "method"}
_INITIALIZED: Final = {"jsonrpc": "2.0", "method": "notifications/initialized"}
_CLIENT: Final = frozenset({"name", "version", "title", "description", "websiteUrl"})
_FLAGS: Final = ("listChanged", "applyDefaults")
_FREE: Final = ("extensions", "experimental")
_LEVELS: Final = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")

Results = Mapping[str, Mapping[str, Any]]  #: protocol version -> method -> result


def prepared(*, output_schemas: bool) -> Results:
    """The results that are known beforehand; none when this server shows others or when another SDK makes them."""
    document = json.loads(FILE.read_text("utf-8"))
    return document["results"] if not output_schemas and _sdk() == document["sdk"] else {}


def _sdk() -> str:
    """The version of the SDK that is installed; empty when the installation does not tell it."""
    with suppress(metadata.PackageNotFoundError):
        return metadata.version("mcp")
    return ""


class Opening:
    """The requests of one session for as long as the document answers them."""

    def __init__(self, results: Results) -> None:
        """``results`` may be empty: then nothing is answered here."""
        self._results = results
        self._version = ""  # of the last answer
        self._told: list[Mapping[str, Any]] = []  # the first request, and that the client is initialized
        self.is_done = not results  #: whether the tools are known to the client; what follows is a call

    def answer(self, line: str) -> str | None:
        """The answer's line, empty when none is due; None when the line is for the SDK, and so all that follow it."""
        message = _plain(line)
        if message == _INITIALIZED and self._is_shaken:
            self._told[1:] = [message]
            return ""
        if message.keys() - {"params"} != _REQUEST or message["jsonrpc"] != "2.0" or not _is_id(message["id"]):
            return None
        version, method = self._version_of(message["method"], message.get("params", {})), message["method"]
        if version not in self._results or method not in self._results[version]:
            return None
        self._told = self._told or [message]
        self._version = version
        self.is_done = self.is_done or method == "tools/list"
        return _line({"jsonrpc": "2.0", "id": message["id"], "result": self._results[version][method]})

    def again(self, request_id: str) -> Sequence[str]:
        """The lines that bring the SDK to where the client stands; it will answer one request, under that id."""
        return [_line({**message, "id": request_id} if "id" in message else message) for message in self._told]

    @property
    def _is_shaken(self) -> bool:
        """Whether the session began with ``initialize``."""
        return bool(self._told) and self._told[0]["method"] == "initialize"

    def _version_of(self, method: Any, params: Any) -> str:
        """The version of a request's answer; empty when the request is not of the plain kind."""
        if not isinstance(method, str) or not isinstance(params, dict):
            return ""
        if method == "initialize":
            return "" if self._told else _shaking(params)
        if self._is_shaken:
            return "" if params else self._version
        version = _enveloped(params)
        return "" if "initialize" in self._results.get(version, ()) else version


def _line(message: Mapping[str, Any]) -> str:
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")) + "\n"


def _plain(line: str) -> dict[str, Any]:
    """The object of a line that any reader of JSON reads alike; empty for any other line."""
    if len(line) > _LONGEST or "\\" in line or line.count("{") + line.count("[") > _DEEPEST:
        return {}
    try:
        message = json.loads(line, object_pairs_hook=_unrepeated, parse_float=_refused, parse_constant=_refused)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name twice")
    return found


def _refused(number: str) -> float:
    raise ValueError(number)


def _is_id(value: Any) -> bool:
    return isinstance(value, str) or (type(value) is int and abs(value) <= _LARGEST_ID)


def _shaking(params: Mapping[str, Any]) -> str:
    """The version that ``initialize`` asks for; empty when a part of it is missing or not plain."""
    if params.keys() != {"protocolVersion", "capabilities", "clientInfo"}:
        return ""
    fits = _are_capabilities(params["capabilities"]) and _is_client(params["clientInfo"])
    return _text(params["protocolVersion"]) if fits else ""


def _enveloped(params: Mapping[str, Any]) -> str:
    """The version in a 2026-07-28 request's envelope; empty when anything in it is not plain, or stands beside it."""
    meta = params.get("_meta")
    if params.keys() != {"_meta"} or not isinstance(meta, dict):
        return ""
    given = {name.removeprefix(_ENVELOPE): value for name, value in meta.items() if name.startswith(_ENVELOPE)}
    if len(given) < len(meta) or not {"protocolVersion", "clientCapabilities"} <= given.keys():
        return ""
    version = _text(given.pop("protocolVersion"))
    fits = _are_capabilities(given.pop("clientCapabilities"))
    fits &= _is_client(given.pop("clientInfo", {"name": "", "version": ""}))
    fits &= given.pop("logLevel", "info") in _LEVELS
    return version if fits and not given else ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _is_client(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and {"name", "version"} <= value.keys() <= _CLIENT
        and all(isinstance(part, str) for part in value.values())
    )


def _are_capabilities(value: Any) -> bool:
    """Whether it is an object of capabilities, each an object too, down to the flags."""
    return isinstance(value, dict) and all(_is_capability(name, part) for name, part in value.items())


def _is_capability(name: str, value: Any) -> bool:
    if name in _FLAGS:
        return isinstance(value, bool)
    if not isinstance(value, dict):
        return False
    if name in _FREE:  # settings of extensions: theirs alone
        return all(isinstance(part, dict) for part in value.values())
    return all(_is_capability(key, part) for key, part in value.items())
