"""What this key can see: organizations, networks, devices and templates, kept for some minutes."""

from mcp_server.inventory.estate import Inventory
from mcp_server.inventory.source import Template

__all__ = ["Inventory", "Template"]
