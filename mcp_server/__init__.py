"""Meraki Specialist MCP: plan, approve, apply, verify and undo changes to Cisco Meraki networks."""

__version__ = "0.1.0"
