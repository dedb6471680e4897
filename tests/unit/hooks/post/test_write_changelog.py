"""Post-task step 2 tells a change in the user's language."""

import pytest

from mcp_server.domain.change_state import ChangeState
from mcp_server.hooks.post.write_audit_log import write_audit_log
from mcp_server.hooks.post.write_changelog import write_changelog
from tests.support.memory_store import MemoryStore
from tests.support.records import CANARY
from tests.unit.hooks.post.cases import a_world, an_attempt, changed, planned


@pytest.mark.parametrize(("locale", "heading"), [("en", "### Changes"), ("pt-BR", "### Mudanças")])
async def test_a_change_that_has_ended_is_told_in_the_users_language(locale: str, heading: str) -> None:
    """With the id to roll it back by."""
    outcome = await write_changelog(an_attempt(), changed(), a_world(locale=locale))
    assert heading in outcome.data["changelog"]
    assert "`CHG-1`" in outcome.data["changelog"]
    assert CANARY not in outcome.data["changelog"]


async def test_the_changelog_is_the_same_whether_the_record_could_be_stored_or_not() -> None:
    """A failing store takes nothing from the user."""
    stored = await write_audit_log(an_attempt(), changed(), a_world(MemoryStore(changed().change)))
    with_record = await write_changelog(an_attempt(), stored, a_world())
    without = await write_changelog(an_attempt(), changed(), a_world())
    assert with_record.data["changelog"] == without.data["changelog"]


@pytest.mark.parametrize("outcome", [planned(), changed(ChangeState.APPLYING)])
async def test_plans_and_changes_under_way_have_no_changelog(outcome: object) -> None:
    """Nothing has been changed yet, or not everything."""
    assert await write_changelog(an_attempt(), outcome, a_world()) is outcome  # type: ignore[arg-type]  # parametrized
