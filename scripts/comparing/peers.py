"""The servers that install from a package registry: how each is started and what it is asked."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
FABRIC, AIRLOCK = "fabric-aiops==0.14.0", "mcp-airlock==0.4.1"
_PRINCIPAL: Final = "bench"


@dataclass(frozen=True)
class Peer:
    """A server over stdio: its command and environment, and its call that reads one organization."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    tool: str
    arguments: Mapping[str, Any]
    measured: Sequence[str] = ()  #: what runs for the latency, where it is not the command itself


def ours(home: Path, base: str, key: str, organization: str) -> Peer:
    """The product from this checkout."""
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "MERAKI_SPECIALIST_HOME": str(home),
        "MERAKI_SPECIALIST_ALLOW_LOOPBACK": "1",
        "MERAKI_BASE_URL": base,
        "MERAKI_DASHBOARD_API_KEY": key,
    }
    arguments = {"operation": "getOrganization", "params": {"organizationId": organization}}
    unbounded = [
        sys.executable,
        "-m",
        "scripts.benchmarks.unbounded",
    ]  # 10 requests a second would be measured otherwise
    command = [sys.executable, "-m", "mcp_server", "serve"]
    return Peer("this server", command, env, "meraki_read", arguments, unbounded)


def fabric_aiops(home: Path, base: str, key: str, organization: str) -> Peer:
    """fabric-aiops with one target, the simulated cloud; its guard against repeated calls is off, as it documents."""
    home.mkdir(parents=True)
    target = {"name": "stub", "platform": "meraki", "base_url": base, "org_id": organization}
    (home / "config.yaml").write_text(json.dumps({"targets": [target]}))  # JSON is YAML
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "FABRIC_AIOPS_HOME": str(home)}
    env |= {"FABRIC_STUB_APIKEY": key, "FABRIC_RUNAWAY_MAX": "0"}
    program = ROOT / ".venv-peer-fabric-aiops" / "bin" / "fabric-aiops-mcp"
    return Peer(FABRIC, [str(program)], env, "org_get", {"org_id": organization})


def airlock_command(home: Path, upstream: str, tools: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """mcp-airlock in front of a server, every tool passed through: its command without the port, its environment."""
    policy = {"version": 1, "environment": "dev", "tools": {name: {"tiers": {"dev": "L0"}} for name in tools}}
    (home / "policy.yaml").write_text(json.dumps(policy))
    program = ROOT / ".venv-peer-mcp-airlock" / "bin" / "mcp-airlock"
    command = [str(program), "--policy", str(home / "policy.yaml"), "--upstream", upstream]
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "AIRLOCK_TRUST_PRINCIPAL_HEADER": "1"}
    return [*command, "--audit", str(home / "audit.jsonl")], env


HEADERS: Final[Mapping[str, str]] = {"X-Airlock-Principal": _PRINCIPAL}
