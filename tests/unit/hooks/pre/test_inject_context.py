"""Step 8: what the checks found out goes into the change request."""

from typing import Any, cast

from mcp_server.domain.call import Allow
from mcp_server.domain.plan import Plan
from mcp_server.hooks.pre.inject_context import inject_context
from tests.support.fake_clock import START
from tests.support.hook_world import MS, attempt, world

PLAN = cast("Plan", None)  # the step looks at the attempt only


async def context_of(**facts: Any) -> Any:
    """The context that an attempt of those facts gives."""
    seen, _ = world()
    verdict = await inject_context(attempt(**facts), PLAN, seen)
    assert isinstance(verdict, Allow)
    return verdict.facts["context"]


async def test_the_context_has_the_fields_of_the_change_request() -> None:
    """In the protocol's words; the backup's id is its time."""
    context = await context_of(
        catalyst_modes={MS: "managed"},
        sgt={MS: {"has_sgt_restriction": True, "writable_ports": ["1", "3"]}},
        license_levels={MS: "advanced"},
        backup_at=START,
        rate_safe=False,
    )
    assert context == {
        "catalyst_mode": {MS: "managed"},
        "sgt_restricted": True,
        "writable_ports": {MS: ["1", "3"]},
        "license_level": {MS: "advanced"},
        "backup_id": START.isoformat(),
        "rate_safe": False,
    }


async def test_without_findings_the_context_claims_nothing() -> None:
    """No restriction, no backup."""
    context = await context_of()
    assert (context["sgt_restricted"], context["backup_id"], context["rate_safe"]) == (False, None, True)
