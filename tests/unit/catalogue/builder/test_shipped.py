"""The shipped catalogue is what the generator makes of the pinned packages."""

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]


def test_the_shipped_file_is_what_the_generator_makes() -> None:
    """Made again from the installed packages, in a process of its own."""
    found = importlib.util.find_spec("meraki_client")
    assert found is not None
    assert found.origin is not None
    packages = Path(found.origin).parents[1]
    command = [sys.executable, str(ROOT / "scripts" / "build"), "catalogue", "--check", "--packages", str(packages)]
    made = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (made.returncode, made.stdout) == (0, "catalogue: up to date\n"), made.stdout + made.stderr


def test_nothing_at_run_time_imports_the_generator() -> None:
    """What reads the two packages needs packages that the product does not have."""
    generator = {f"mcp_server.catalogue.builder.{name}" for name in ("client", "rows", "sdk", "trees", "__main__")}
    users = []
    for source in (ROOT / "mcp_server").rglob("*.py"):
        if "builder" in source.parts:
            continue
        for node in ast.walk(ast.parse(source.read_text("utf-8"))):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [name.name for name in node.names] if isinstance(node, ast.Import) else []
            users += [str(source) for module in modules if module in generator]
    assert users == []
