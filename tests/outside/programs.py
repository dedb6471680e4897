"""Programs of others that ``scripts/test`` installs into environments of their own."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import anyio

from tests.outside.node_tools import Ran

ROOT: Final = Path(__file__).resolve().parents[2]
TIMEOUT_S: Final = 240


async def program(name: str, *arguments: str, folder: Path, environ: Mapping[str, str]) -> Ran:
    """Run one to its end in ``folder``; AssertionError when it is not installed."""
    found = [*ROOT.glob(f".venv-*/bin/{name}")]
    assert found, f"{name} is not installed: ./scripts/test installs it"
    command = [str(found[0]), *arguments]
    with anyio.fail_after(TIMEOUT_S):
        done = await anyio.run_process(command, check=False, cwd=folder, env={**os.environ, **environ})
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())
