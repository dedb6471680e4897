"""The tools, one file each; they import mcp_server.toolkit and nothing else of mcp_server."""
