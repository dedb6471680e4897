"""The product with one of its rules taken out: what the machine must notice, or it shows nothing.

A mutant is put into whoever forks the servers, so every server has it.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from mcp_server.changes import carry_out
from mcp_server.changes.execution import undo
from mcp_server.changes.keeping import keep, tend
from mcp_server.changes.recovery import left_behind
from mcp_server.cli.gate import resolve
from mcp_server.domain.state.three_way import Merge
from mcp_server.errors import OutcomeUnknown
from mcp_server.meraki.client import MerakiClient
from mcp_server.store.journal import Journal
from mcp_server.upkeep.presence import Presence


async def _nobody_holds(*_about: Any) -> None:
    """Leases end by the clock alone."""


async def _nobody_touched(*_about: Any) -> tuple[str, ...]:
    """What others changed is not looked for."""
    return ()


def _by_the_clock_alone() -> None:
    for room in (carry_out, keep, tend, left_behind):
        vars(room)["refuse_held"] = _nobody_holds


def _unfenced() -> None:
    """Nor does a server find out that it was shut out."""
    _by_the_clock_alone()
    vars_of(Journal, "_hold", lambda _self, _hold: None)


def _sent_again() -> None:
    once = MerakiClient.write

    async def twice(self: MerakiClient, request: Any) -> Any:
        try:
            return await once(self, request)
        except OutcomeUnknown:
            return await once(self, request)

    vars_of(MerakiClient, "write", twice)


def _whoever_lives() -> None:
    vars_of(Presence, "is_alive", lambda self, name: name == self._name)


def _as_it_was(_done: Any, before: Any, _live: Any, **_more: Any) -> Merge:
    """An undo puts back what was there, whatever others made of it since."""
    return Merge(before, ())


def _overwritten() -> None:
    vars(tend)["touched_since"] = _nobody_touched
    vars(undo)["three_way"] = _as_it_was


def _not_undone() -> None:
    async def nothing(_self: Any) -> None:
        return

    vars_of(tend.Tender, "tend", nothing)


def _unheeded() -> None:
    """A person may say what the cloud contradicts."""
    vars(resolve)["refuse_contradiction"] = lambda *_about: None


def vars_of(owner: type, name: str, value: Any) -> None:
    """Put in place of a method."""
    setattr(owner, name, value)


MUTANTS: Final[Mapping[str, Callable[[], None]]] = {
    "by-the-clock": _by_the_clock_alone,
    "unfenced": _unfenced,
    "sent-again": _sent_again,
    "whoever-lives": _whoever_lives,
    "overwritten": _overwritten,
    "not-undone": _not_undone,
    "unheeded": _unheeded,
}
