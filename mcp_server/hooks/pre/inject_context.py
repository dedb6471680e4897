"""Step 8: what steps 3 to 7 found out becomes part of the change request."""

from mcp_server.domain.call import Allow, Attempt, Verdict
from mcp_server.domain.plan import Plan
from mcp_server.world import World


async def inject_context(attempt: Attempt, _plan: Plan, _world: World) -> Verdict:
    """Gives ``context`` in the words of the specialist protocol; ``backup_id`` is when the backup was taken."""
    facts = attempt.facts
    reports = facts.sgt
    return Allow({
        "context": {
            "catalyst_mode": dict(facts.catalyst_modes),
            "sgt_restricted": any(bool(report.get("has_sgt_restriction")) for report in reports.values()),
            "writable_ports": {serial: list(report.get("writable_ports", ())) for serial, report in reports.items()},
            "license_level": dict(facts.license_levels),
            "backup_id": facts.backup_at.isoformat() if facts.backup_at else None,
            "rate_safe": facts.rate_safe,
        }
    })  # fmt: skip
