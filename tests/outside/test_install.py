"""Installed as a person installs it: the wheel by pip and by uvx, the bundle by the manifest's own command."""

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters

from mcp_server import __version__
from mcp_server.registry import ORDER
from scripts.bundle import pack

ROOT = Path(__file__).resolve().parents[2]
UV = str(Path(sys.executable).parent / "uv")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], ROOT)
    (built,) = folder.glob("*.whl")
    return built


async def test_the_wheel_installs_into_an_empty_environment_and_serves(wheel: Path, tmp_path: Path) -> None:
    """By pip, with the dependencies that the wheel itself names; no development package comes with it."""
    environment = tmp_path / "environment"
    run([sys.executable, "-m", "venv", str(environment)], tmp_path)
    run([str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet", str(wheel)], tmp_path)
    command = str(environment / "bin" / "meraki-specialist")
    assert run([command, "--version"], tmp_path).split()[-1] == __version__
    installed = json.loads(run([str(environment / "bin" / "python"), "-m", "pip", "list", "--format=json"], tmp_path))
    assert {one["name"] for one in installed}.isdisjoint({"pytest", "meraki", "fastmcp", "hypothesis"})
    await serves([command, "serve", "--sandbox"], tmp_path)


async def test_uvx_runs_the_wheel(wheel: Path, tmp_path: Path) -> None:
    """As the registry entry says, in an environment that uv makes and forgets."""
    await serves([UV, "tool", "run", "--from", str(wheel), "meraki-specialist-mcp", "serve", "--sandbox"], tmp_path)


async def test_the_bundle_starts_by_the_manifests_own_command(tmp_path: Path) -> None:
    """Unpacked, then ``uv run`` as a client does it: uv makes the environment beside the code and starts the server."""
    assert pack(tmp_path / "bundle.mcpb").returncode == 0
    unpacked = tmp_path / "unpacked"
    with zipfile.ZipFile(tmp_path / "bundle.mcpb") as archive:
        archive.extractall(unpacked)
    config = json.loads((unpacked / "manifest.json").read_text())["server"]["mcp_config"]
    assert config["command"] == "uv"
    arguments = [argument.replace("${__dirname}", str(unpacked)) for argument in config["args"]]
    await serves([UV, *arguments, "--sandbox"], tmp_path)
    assert (unpacked / ".venv").is_dir()


async def serves(command: Sequence[str], folder: Path) -> None:
    """A client that starts the command lists the tools and finds a network of the sandbox."""
    given = {"MERAKI_SPECIALIST_HOME": str(folder / "home"), "PATH": os.environ["PATH"], "HOME": str(folder)}
    index = {name: value for name, value in os.environ.items() if name.startswith(("UV_", "PIP_", "XDG_", "SSL_"))}
    server = StdioServerParameters(command=command[0], args=list(command[1:]), env={**index, **given}, cwd=str(folder))
    async with Client(server, read_timeout_seconds=180) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == list(ORDER)
        answer = await client.call_tool("meraki_search", {"what": "networks", "query": "Matriz"})
        assert (answer.structured_content or {})["total"] >= 1


def run(command: Sequence[str], folder: Path) -> str:
    """What the program prints; AssertionError with its complaint when it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
