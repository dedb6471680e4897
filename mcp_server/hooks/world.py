"""What hooks see of the world during one call."""

from mcp_server.world import Limits, World

__all__ = ["Limits", "World"]
