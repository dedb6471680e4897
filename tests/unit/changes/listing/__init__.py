"""Tests of mcp_server.changes.listing."""
