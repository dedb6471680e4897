"""The main job as a person lives it: plan, say yes where it is asked or sign where it is not, apply, take back."""

from collections.abc import Mapping
from typing import Any

from mcp_server.store.seal import Seal, open_key
from mcp_server.store.vault import Vault
from tests.support.approving import approve
from tests.support.stage import Stage

Payload = dict[str, Any]


def step(operation: str, body: Mapping[str, Any] | None = None, **params: Any) -> Payload:
    """One operation of a plan; ``for_each`` and ``irreversible`` are taken out of the params."""
    asked: Payload = {"operation": operation, "params": params}
    asked |= {name: params.pop(name) for name in ("for_each", "irreversible") if name in params}
    return asked if body is None else {**asked, "body": dict(body)}


async def planned(stage: Stage, *operations: Payload, intent: str = "tried in a test", **more: Any) -> Payload:
    """The answer of meraki_plan, which must be a plan."""
    plan = await stage.call("meraki_plan", operations=list(operations), intent=intent, **more)
    assert plan["status"] == "ok", plan
    return plan


async def confirmed(stage: Stage, tool: str, **arguments: Any) -> Payload:
    """The end of a change: asked in the client, or, when the client may not decide, signed by a person and repeated."""
    answer = await stage.call(tool, **arguments)
    if answer["status"] != "needs_approval":
        return answer
    await approve(stage.settings.home, answer["plan_id"])
    return await stage.call(tool, **arguments)


async def applied(stage: Stage, *operations: Payload, **more: Any) -> Payload:
    """The record of a change that was planned, confirmed, applied and verified step by step."""
    plan = await planned(stage, *operations, **more)
    done = await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"])
    assert done["status"] == "applied", (done["status"], done.get("error"), done.get("steps"))
    assert all(one["verified"] is True for one in done["steps"] if one["state"] == "applied"), done["steps"]
    return done


async def taken_back(stage: Stage, **arguments: Any) -> Payload:
    """The record of a rollback that was confirmed, applied and verified."""
    done = await confirmed(stage, "rollback", **arguments)
    assert done["status"] == "rolled_back", (done["status"], done.get("error"), done.get("steps"))
    return done


def undo_secret(change_id: str) -> str:
    """The name of the first secret that undoing the change's first step asks for."""
    return f"UNDO_{change_id.replace('-', '_').upper()}_1_1"


def keep(stage: Stage, name: str, value: str) -> None:
    """What ``meraki-specialist secret set`` does once the person has typed the value."""
    home = stage.settings.home
    Vault(home, Seal(lambda: open_key(home, "vault"))).set(name, value)
