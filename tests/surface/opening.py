"""The answers to a client's first requests, as a file of the product: ``scripts/build snapshots`` asks the SDK."""

import json
import sys
from collections.abc import Mapping
from importlib import metadata
from typing import Any, Final

import anyio
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

from mcp_server.transport.host import Host
from mcp_server.transport.opening import FILE
from tests.support.sdk_session import answered

LISTS: Final = ("tools/list", "resources/list", "resources/templates/list", "prompts/list")
CLIENT: Final = {"name": "builder", "version": "1"}


def asked(version: str) -> list[dict[str, Any]]:
    """The requests with which a client of that version opens its session."""
    if version in HANDSHAKE_PROTOCOL_VERSIONS:
        hello = {"protocolVersion": version, "capabilities": {}, "clientInfo": CLIENT}
        return [_request("initialize", hello), *(_request(method, {}) for method in LISTS)]
    prefix = "io.modelcontextprotocol/"
    meta = {f"{prefix}protocolVersion": version, f"{prefix}clientInfo": CLIENT, f"{prefix}clientCapabilities": {}}
    return [_request(method, {"_meta": meta}) for method in ("server/discover", *LISTS)]


def _request(method: str, params: Mapping[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": method, "method": method, "params": params}


async def document(of: Host | None = None) -> str:
    """The text of the document; of that host's answers when it is given."""
    results: dict[str, dict[str, Any]] = {}
    for version in (*HANDSHAKE_PROTOCOL_VERSIONS, *MODERN_PROTOCOL_VERSIONS):
        answers = await answered([json.dumps(one) for one in asked(version)], of=of)
        results[version] = {answer["id"]: answer["result"] for answer in answers}
    return json.dumps({"sdk": metadata.version("mcp"), "results": results}, indent=1, ensure_ascii=False) + "\n"


def main() -> int:
    """The exit code: 1 when ``--check`` finds a difference, else 0, with the document written."""
    text = anyio.run(document)
    is_current = FILE.exists() and FILE.read_text("utf-8") == text
    if not is_current:
        sys.stdout.write(f"{FILE.name}\n")
    if not is_current and "--check" not in sys.argv:
        FILE.write_text(text, "utf-8")
    return int(not is_current and "--check" in sys.argv)


if __name__ == "__main__":
    raise SystemExit(main())
