"""The bundle and the registry entry: true to the code, valid, and able to start."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from mcp_server import __version__
from mcp_server.registry import ORDER
from mcp_server.settings import SETTINGS
from scripts.bundle import mcpb, pack
from tests.surface.snapshot import shipped

ROOT = Path(__file__).resolve().parents[2]
MANIFEST: Mapping[str, Any] = json.loads((ROOT / "manifest.json").read_text("utf-8"))
REGISTRY: Mapping[str, Any] = json.loads((ROOT / "server.json").read_text("utf-8"))
ENVIRONMENT = {setting.env for setting in SETTINGS}


def test_the_manifest_lists_the_tools_of_the_registry_in_their_words() -> None:
    """Names, descriptions and order."""
    assert MANIFEST["tools"] == [{"name": tool.name, "description": tool.description} for tool in shipped()]


def test_both_files_carry_the_version_of_the_code() -> None:
    """And never "latest"."""
    versions = {MANIFEST["version"], REGISTRY["version"], *(one["version"] for one in REGISTRY["packages"])}
    assert versions == {__version__}


def test_every_variable_that_the_manifest_sets_is_a_setting_or_the_import_path() -> None:
    """A misspelt name would stop the server; a value that nobody is asked for would reach it unfilled."""
    environment = dict(MANIFEST["server"]["mcp_config"]["env"])
    assert environment.pop("PYTHONPATH") == "${__dirname}"
    assert environment.keys() <= ENVIRONMENT
    asked = {value.removeprefix("${user_config.").removesuffix("}") for value in environment.values()}
    assert asked == MANIFEST["user_config"].keys()


def test_the_key_is_kept_secret_by_the_client() -> None:
    """The bundle's host stores it in the system's key chain; the registry marks it as a secret."""
    assert MANIFEST["user_config"]["api_key"]["sensitive"] is True
    variables = REGISTRY["packages"][0]["environmentVariables"]
    assert [one["name"] for one in variables if one.get("isSecret")] == ["MERAKI_DASHBOARD_API_KEY"]


def test_the_registry_entry_keeps_the_registry_s_rules() -> None:
    """Name as in the README, description of at most 100 characters, a transport, known settings (schema 2025-12-11)."""
    assert REGISTRY["$schema"].endswith("/2025-12-11/server.schema.json")
    assert re.fullmatch(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+", REGISTRY["name"])
    assert f"mcp-name: {REGISTRY['name']}" in (ROOT / "README.md").read_text("utf-8")
    assert 1 <= len(REGISTRY["description"]) <= 100
    assert len(REGISTRY["title"]) <= 100
    (package,) = REGISTRY["packages"]
    assert (package["registryType"], package["transport"]) == ("pypi", {"type": "stdio"})
    assert {one["name"] for one in package["environmentVariables"]} <= ENVIRONMENT
    assert f'name = "{package["identifier"]}"' in (ROOT / "pyproject.toml").read_text("utf-8")
    assert f'\n{package["identifier"]} = "' in (ROOT / "pyproject.toml").read_text("utf-8"), "uvx looks for that script"


def test_the_packer_accepts_the_manifest() -> None:
    """``mcpb validate``, version pinned."""
    result = mcpb("validate", "manifest.json")
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle as a client unpacks it."""
    folder = tmp_path_factory.mktemp("bundle")
    result = pack(folder / "bundle.mcpb")
    assert result.returncode == 0, result.stdout + result.stderr
    with zipfile.ZipFile(folder / "bundle.mcpb") as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"


def test_the_bundle_holds_the_product_and_nothing_else(unpacked: Path) -> None:
    """No tests, no environment, no history; what ``uv`` needs to install it is there."""
    top = {path.name for path in unpacked.iterdir()}
    assert {"manifest.json", "pyproject.toml", "README.md", "LICENSE", "mcp_server", "tools"} <= top
    unwanted = ("tests", "scripts", "docs", ".git", ".venv", "node_modules", "dist")
    assert [name for name in top if name.startswith(unwanted)] == []
    assert [path for path in unpacked.rglob("*") if path.name == "__pycache__" or path.suffix == ".db"] == []


def test_the_bundle_can_be_installed(unpacked: Path, tmp_path: Path) -> None:
    """What ``uv`` does on first start: a wheel is built from it, with both packages and their data."""
    copy = shutil.copytree(unpacked, tmp_path / "copy")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")]
    result = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    (wheel,) = (tmp_path / "dist").glob(f"meraki_specialist_mcp-{__version__}-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {"tools/meraki_plan.py", "mcp_server/catalogue/operations.json.gz", "mcp_server/store/schema.sql"} <= names
    assert {"mcp_server/locales/pt-BR.toml", "mcp_server/sandbox/shapes.json"} <= names


def _started_as_by(manifest: Mapping[str, Any], folder: Path, given: Mapping[str, str]) -> StdioServerParameters:
    """The manifest's own command, its words filled in; ``uv run`` is played by this interpreter's environment."""
    config = manifest["server"]["mcp_config"]
    words = {"${__dirname}": str(folder), **{f"${{user_config.{name}}}": value for name, value in given.items()}}
    arguments = [words.get(argument, argument) for argument in config["args"]]
    assert (config["command"], arguments[:5]) == ("uv", ["run", "--no-dev", "--directory", str(folder), "python"])
    environment = {name: words.get(value, value) for name, value in config["env"].items()}
    return StdioServerParameters(command=sys.executable, args=arguments[5:], env=environment, cwd=str(folder))


async def test_the_unpacked_bundle_starts_and_answers(unpacked: Path, tmp_path: Path) -> None:
    """Over stdio, in the sandbox, with only what the manifest gives it: tools listed, a network found."""
    given = {"api_key": "", "sandbox": "true", "read_only": "false", "home": str(tmp_path / "home")}
    async with Client(_started_as_by(MANIFEST, unpacked, given), read_timeout_seconds=60) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == list(ORDER)
        answer = await client.call_tool("meraki_search", {"what": "networks", "query": "Matriz"})
        assert (answer.structured_content or {})["total"] >= 1


async def test_the_unpacked_bundle_without_a_key_still_lists_its_tools(unpacked: Path, tmp_path: Path) -> None:
    """A person who left the field blank sees the tools and, on the first call, the remedy."""
    given = {"api_key": "", "sandbox": "false", "read_only": "true", "home": str(tmp_path / "home")}
    async with Client(_started_as_by(MANIFEST, unpacked, given), read_timeout_seconds=60) as client:
        assert len((await client.list_tools()).tools) == len(ORDER)
        answer = await client.call_tool("meraki_read", {"operation": "getOrganizations"})
        assert answer.is_error


def test_the_code_in_the_bundle_is_the_code_that_runs(unpacked: Path) -> None:
    """Started from the bundle, both packages come from it and not from this checkout."""
    code = "import mcp_server, mcp_server.registry as r; print(mcp_server.__file__); print(r._HOME)"
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=unpacked,
        env={"PYTHONPATH": str(unpacked)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert all(line.startswith(str(unpacked.resolve())) for line in result.stdout.split())
