"""An https address that keeps what it is sent: one POST a statement, no redirect followed, no proxy asked.

It is the standard library's client on purpose: HTTP to Meraki has its own room, with its key and its host list, and
nothing that carries that key can be pointed here.
"""

import http.client
import ipaddress
import ssl
from typing import Final
from urllib.parse import SplitResult, urlsplit

from mcp_server.errors import StoreUnavailable

_TIMEOUT_S: Final = 10.0


def address(text: str, *, allow_loopback: bool) -> SplitResult:
    """The address, checked: https, or http to this machine when that is allowed. Raises ValueError."""
    found = urlsplit(text)
    host = found.hostname or ""
    if not host or found.username or found.password or found.fragment or not text.isascii() or " " in text:
        raise ValueError
    if found.port == 0 or found.scheme not in ("https", "http"):
        raise ValueError
    if found.scheme == "http" and not (allow_loopback and _is_loopback(host)):
        raise ValueError
    return found


def host_of(text: str) -> str:
    """The host of the address, which may be shown; the path may hold a token."""
    return urlsplit(text).hostname or ""


def append(target: SplitResult, line: str) -> None:
    """POST the line; a 2xx is a yes. Raises StoreUnavailable; neither path nor query is ever told."""
    host = target.hostname or ""
    path = (target.path or "/") + (f"?{target.query}" if target.query else "")
    connection: http.client.HTTPConnection
    if target.scheme == "https":
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(host, target.port, timeout=_TIMEOUT_S, context=context)
    else:
        connection = http.client.HTTPConnection(host, target.port, timeout=_TIMEOUT_S)
    try:
        connection.request("POST", path, f"{line}\n".encode(), {"Content-Type": "application/json"})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as problem:
        raise StoreUnavailable(f"webhook {host}: {type(problem).__name__}") from problem
    finally:
        connection.close()
    if not 200 <= status < 300:
        raise StoreUnavailable(f"webhook {host}: it answered {status}")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
