"""Security appliances, VPN and policies; importing this registers their behaviours."""

from mcp_server.sandbox.behaviours.appliance import (
    firewall,
    nat,
    policies,
    policy_objects,
    ports,
    routes,
    security,
    traffic,
    vlans,
    vpn,
    vpn_peers,
)

__all__ = (
    "firewall",
    "nat",
    "policies",
    "policy_objects",
    "ports",
    "routes",
    "security",
    "traffic",
    "vlans",
    "vpn",
    "vpn_peers",
)
