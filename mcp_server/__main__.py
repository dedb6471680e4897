"""The program meraki-specialist."""

from mcp_server.cli.program import main

if __name__ == "__main__":
    main()
