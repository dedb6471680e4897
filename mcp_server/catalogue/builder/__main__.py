"""Writes the files of the catalogue into the folder that is its one argument. Started by scripts/build."""

import sys
from pathlib import Path

from mcp_server.catalogue.builder.files import write
from mcp_server.catalogue.builder.rows import build

if __name__ == "__main__":
    write(Path(sys.argv[1]), build())
