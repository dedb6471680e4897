"""stdio, Streamable HTTP and SSE; the only importer of the MCP SDK is sdk_bridge.py."""
