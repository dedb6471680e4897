"""Addresses, subnets and ports as the Dashboard accepts them. Pure; a fault is a text or False, never an exception."""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, ip_address, ip_network

_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"^(?=.{{1,253}}$)(\*\.)?({_LABEL}\.)+[a-z][a-z0-9-]{{0,61}}$", re.IGNORECASE)
_MAC = re.compile(r"^([0-9a-f]{2}:){5}[0-9a-f]{2}$", re.IGNORECASE)
_VLAN_ADDRESS = re.compile(r"^VLAN\((\d{1,4})\)\.(\*|\d{1,3})$")
ANY = "any"


def subnet(text: object) -> IPv4Network | None:
    """The IPv4 subnet of a CIDR text, or None; host bits that are set make it none."""
    if not isinstance(text, str) or "/" not in text:
        return None
    try:
        return IPv4Network(text)
    except ValueError:
        return None


def address(text: object) -> IPv4Address | None:
    """The IPv4 address of a text, or None."""
    if not isinstance(text, str):
        return None
    try:
        return IPv4Address(text)
    except ValueError:
        return None


def is_inside(ip: object, cidr: object) -> bool:
    """Whether an address lies in a subnet; False when either is none."""
    one, net = address(ip), subnet(cidr)
    return one is not None and net is not None and one in net


def is_host_of(ip: object, cidr: object) -> bool:
    """Whether an address can be given to a host of a subnet: not its network or broadcast address."""
    one, net = address(ip), subnet(cidr)
    if one is None or net is None or one not in net:
        return False
    return net.prefixlen > 30 or one not in (net.network_address, net.broadcast_address)


def first_overlap(cidr: str, others: Iterable[str]) -> str | None:
    """The first of the other subnets that shares an address with this one, or None."""
    net = subnet(cidr)
    for other in others:
        found = subnet(other)
        if net is not None and found is not None and net.overlaps(found):
            return other
    return None


def is_address_or_cidr(text: object) -> bool:
    """Whether it is an IPv4 or IPv6 address or subnet; host bits may be set, as in firewall rules."""
    if not isinstance(text, str):
        return False
    try:
        ip_network(text, strict=False) if "/" in text else ip_address(text)
    except ValueError:
        return False
    return True


def is_any(text: object) -> bool:
    """Whether it is the word any, in whatever case."""
    return isinstance(text, str) and text.lower() == ANY


def is_domain_name(text: object) -> bool:
    """Whether it is a fully qualified domain name, a leading ``*.`` allowed."""
    return isinstance(text, str) and bool(_NAME.match(text))


def is_mac(text: object) -> bool:
    """Whether it is a MAC address with colons."""
    return isinstance(text, str) and bool(_MAC.match(text))


def vlan_of_address(text: object) -> int | None:
    """The VLAN id of an address of the form ``VLAN(10).*`` or ``VLAN(10).8``, or None."""
    found = _VLAN_ADDRESS.match(text) if isinstance(text, str) else None
    return int(found[1]) if found else None


def is_port(text: object) -> bool:
    """Whether it is one port number, 1 to 65535, as text."""
    return isinstance(text, str) and text.isdecimal() and 1 <= int(text) <= 65535


def is_port_or_range(text: object) -> bool:
    """Whether it is one port or a rising range such as 8000-8100."""
    if not isinstance(text, str):
        return False
    low, dash, high = text.partition("-")
    if not dash:
        return is_port(text)
    return is_port(low) and is_port(high) and int(low) <= int(high)


def is_port_list(text: object) -> bool:
    """Whether it is ``any`` or ports and ranges with commas between them."""
    if not isinstance(text, str):
        return False
    return is_any(text) or all(is_port_or_range(part.strip()) for part in text.split(","))
