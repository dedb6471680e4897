"""docs/reference/change-states.md: the states of a change, drawn from the table of moves."""

from mcp_server.domain.change_state import FINAL, MOVES, STATUS, ChangeState
from scripts.reference.words import table


def page() -> str:
    """The page."""
    rows = [(f"`{state}`", f"`{STATUS[state]}`" if state in STATUS else "", _next(state)) for state in ChangeState]
    drawn = f"```mermaid\n{diagram()}\n```"
    return "\n\n".join([_HEAD, drawn, table(["state", "status in an answer", "next"], rows)])


_HEAD = """# States of a change

Drawn from the table in `mcp_server/domain/change_state.py`. A move that is not in it raises and changes nothing; a
final state has no moves. `in_doubt`, told as `unknown`, means that a request may have arrived and no answer says what
it did: it is read back, never blindly sent again."""


def diagram() -> str:
    """The table of moves as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {ChangeState.PLANNED}"]
    for state, targets in MOVES.items():
        lines += [f"    {state} --> {target}" for target in ChangeState if target in targets]
    lines += [f"    {state} --> [*]" for state in ChangeState if state in FINAL]
    return "\n".join(lines)


def _next(state: ChangeState) -> str:
    return ", ".join(f"`{target}`" for target in ChangeState if target in MOVES[state]) or "final"
