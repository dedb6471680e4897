"""Forms of texts that rules of bodies name: subnets, addresses, digests, names. Pure."""

import re
from collections.abc import Callable, Mapping
from ipaddress import IPv4Network, ip_address, ip_network
from typing import Final

from mcp_server.domain.call import Json

_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")
_NAME: Final = re.compile(r"[A-Za-z0-9 _-]+")
_VLANS: Final = re.compile(r"\s*\d{1,4}(\s*-\s*\d{1,4})?(\s*,\s*\d{1,4}(\s*-\s*\d{1,4})?)*\s*")
_WAN: Final = re.compile(r"wan[1-9]")
_DOMAIN: Final = re.compile(
    r"(?=.{1,253}$)(\*\.)?([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]*"
)


def is_subnet(value: Json) -> bool:
    """Whether it is an IPv4 subnet without host bits, as an appliance's LAN has."""
    try:
        return isinstance(value, str) and "/" in value and bool(IPv4Network(value))
    except ValueError:
        return False


def is_address_or_cidr(value: Json) -> bool:
    """Whether it is an address or a subnet, of either family; host bits may be set."""
    if not isinstance(value, str):
        return False
    try:
        ip_network(value, strict=False) if "/" in value else ip_address(value)
    except ValueError:
        return False
    return True


def is_vlan_list(value: Json) -> bool:
    """Whether it is ``all``, or VLANs and ranges of them, with commas."""
    return isinstance(value, str) and (value in ("", "all") or _VLANS.fullmatch(value) is not None)


def is_url(value: Json) -> bool:
    """Whether it begins as a web address does."""
    return isinstance(value, str) and value.startswith(("http://", "https://"))


def _matching(pattern: re.Pattern[str]) -> Callable[[Json], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


#: word -> the form for people, and whether a value has it
FORMS: Final[Mapping[str, tuple[str, Callable[[Json], bool]]]] = {
    "subnet": ("a subnet in CIDR form, as 192.168.1.0/24", is_subnet),
    "cidr": ("an address or a subnet in CIDR form", is_address_or_cidr),
    "domain": ("a fully qualified domain name", _matching(_DOMAIN)),
    "sha256": ("a SHA256 digest", _matching(_SHA256)),
    "plain_name": ("letters, digits, spaces, dashes and underscores", _matching(_NAME)),
    "vlans": ("'all', or VLANs and ranges with commas, as 2,10-15", is_vlan_list),
    "wan": ("a WAN interface, as wan1", _matching(_WAN)),
    "url": ("a URL", is_url),
}
