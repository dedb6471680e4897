"""What a running server does by itself, again and again, whether anybody calls or not."""

from mcp_server.upkeep.duties import Duty, Upkeep

__all__ = ["Duty", "Upkeep"]
