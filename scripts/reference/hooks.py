"""docs/reference/hooks.md: the hooks in the order in which they run."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from mcp_server.hooks.order import POST_TASK, PRE_CHANGE, PRE_TASK
from scripts.reference.words import said, table


def page() -> str:
    """The page."""
    return "\n\n".join(
        [
            _HEAD,
            "## Before the tool",
            _table(PRE_TASK, 0),
            "## Before a change, once its plan is known",
            _table(PRE_CHANGE, len(PRE_TASK)),
            "## After the tool",
            _table(POST_TASK, 1),
            "## What each keeps",
            *map(_kept, _all()),
        ]
    )


_HEAD = """# Hooks

The steps around every call, in the order of `mcp_server/hooks/order.py`. Three rules hold for all of them:

1. A step before the tool that fails is a refusal, for reads too. It may refuse or add what it found out,
   and never writes to Meraki.
2. Every step after the tool runs, also after a failure. One that fails is recorded and the others still run.
3. A step after the tool may make an outcome worse (applied becomes unknown), never better.

Steps 3 to 6 run when a plan is made and again when it is applied, because the network may have moved. Reads are shared
within a call: nothing is fetched twice."""


def _all() -> list[Callable[..., Any]]:
    return [*PRE_TASK, *PRE_CHANGE, *POST_TASK]


def _table(hooks: Sequence[Callable[..., Any]], first: int) -> str:
    rows = [(number, f"`{hook.__name__}`", said(hook)) for number, hook in enumerate(hooks, first)]
    return table(["step", "hook", "what comes of it"], rows)


def _kept(hook: Callable[..., Any]) -> str:
    module = inspect.getmodule(hook)
    text = (inspect.getdoc(module) or "").replace("``", "`")
    return f"### {hook.__name__}\n\n{text}"
