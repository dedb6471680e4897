"""Which addresses may be asked, and which of them may see the API key.

Two rules: the key goes to an allow-listed Meraki host over https, or to loopback when the operator said so, and to
nothing else; an address that only looks like one of them (user part, other port, longer name) is not one of them.
Pure: no HTTP here, so the settings may use it.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

#: Cisco documentation, Dashboard API, "Base URI", August 2026: one host for each cloud.
CLOUD_HOSTS = frozenset({
    "api.meraki.com", "api.meraki.ca", "api.meraki.cn", "api.meraki.in", "api.gov-meraki.com",
})  # fmt: skip
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})
API_PATH = "/api/v1"
ALLOWED = "https:// and one of " + ", ".join(sorted(CLOUD_HOSTS))


@dataclass(frozen=True, slots=True)
class Address:
    """A checked base address."""

    scheme: str
    host: str
    port: int | None
    authority: str  #: host and port, as the Host header names them

    @property
    def text(self) -> str:
        """Scheme, host, port and ``/api/v1``, without a slash at the end."""
        return f"{self.scheme}://{self.authority}{API_PATH}"


def base_address(url: str, *, allow_loopback: bool = False) -> Address:
    """The address of that base URL; ValueError says why it is not allowed, without repeating the URL."""
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise ValueError("it holds a character that no address has")
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        raise ValueError("it holds a user part (something@)")
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise ValueError("it holds a query or a fragment")
    if parts.path.rstrip("/") not in ("", API_PATH):
        raise ValueError(f"its path is not {API_PATH}")
    host, port = parts.hostname or "", parts.port  # a port that is no number raises ValueError
    if not may_carry_key(parts.scheme, host, port, allow_loopback=allow_loopback):
        raise ValueError("its host is not an allowed one")
    shown = f"[{host}]" if ":" in host else host
    return Address(parts.scheme, host, port, shown if port is None else f"{shown}:{port}")


def may_carry_key(scheme: str, host: str, port: int | None, *, allow_loopback: bool) -> bool:
    """Whether a request there may carry the API key."""
    if scheme == "https" and host in CLOUD_HOSTS and port in (None, 443):
        return True
    return allow_loopback and scheme in ("http", "https") and host in LOOPBACK_HOSTS


def is_same_cloud(host: str, other: str) -> bool:
    """Whether two hosts are one, or two of the same Meraki cloud.

    A page link of the real cloud may name the organization's shard (n149.meraki.com) instead of the host that was
    asked (Cisco documentation, pagination, August 2026).
    """
    if host == other:
        return True
    return any(host == cloud and other.endswith(cloud.removeprefix("api")) for cloud in CLOUD_HOSTS)
