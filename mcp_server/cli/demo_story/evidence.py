"""The last scene: the audit chain, and whether it tells of exactly the writes that the cloud received."""

from pathlib import Path

from mcp_server.cli.demo_story import claims
from mcp_server.cli.demo_story.stage import Stage
from mcp_server.cli.demo_story.telling import Claim
from mcp_server.cli.demo_story.views import show_history
from mcp_server.cli.local import opened
from mcp_server.domain.record import AuditEntry


async def check(stage: Stage) -> None:
    """Claims about the evidence that is left behind."""
    stage.telling.tell("story", "What is left behind", about="Both stories, as the server's own store tells them.")
    stage.telling.tell("scene", "Look at the record")
    told = await stage.call("history", {"limit": 10})
    show_history(stage.telling, told)
    now = await stage.look()
    problem, entries = await _entries(stage.home)
    broken = f"line {problem[0]}: {problem[1]}" if problem else "every hash follows from the line before"
    stage.claim(
        Claim(f"The audit chain verifies: {len(entries)} lines", problem is None and bool(entries), broken),
        claims.on_record(
            now.writes,
            [entry.at for entry in entries if entry.event == "intent"],
            [entry.at for entry in entries if entry.event == "outcome"],
        ),
    )


async def _entries(home: Path) -> tuple[tuple[int, str] | None, list[AuditEntry]]:
    async with opened({"home": home}) as local:
        problem = await local.store.verify_chain()
        found = await local.store.list(AuditEntry, {}, limit=1000)
    return (problem.seq, problem.reason) if problem else None, sorted(found, key=lambda entry: entry.seq)
