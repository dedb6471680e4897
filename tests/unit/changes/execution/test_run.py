"""A change's own hold on itself: how whoever waits for it is woken."""

from tests.unit.changes.execution.runs import a_run


def test_whoever_waits_is_woken_once_for_each_step() -> None:
    """The event that was waited for is passed; the next one is another."""
    run, _ = a_run()
    waited = run.moved_on
    run.advance()
    assert waited.is_set()
    assert run.progress == 1
    assert not run.moved_on.is_set()
