"""Other MCP servers beside this one, in environments of their own, against the same simulated cloud."""
