"""docs/reference/rules.md: the safety rules of the tasks T1 to T5 and of whole plans."""

import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from mcp_server.domain.rules import order
from scripts.reference.words import said, table

_RULE_ID = re.compile(r'"((?:t\d|plan)_[a-z0-9_]+)",\s*(CRITICAL|WARNING|INFO)')


def page() -> str:
    """The page."""
    head = ["rule", "when", "severity", "asks for"]
    steps, plans = table(head, _rows(order.RULES)), table(head, _rows(order.PLAN_RULES))
    return f"{_HEAD}\n\n## For each step\n\n{steps}\n\n## For a plan as a whole\n\n{plans}"


_HEAD = """# Safety rules

What a plan is held against, from `mcp_server/domain/rules/order.py`. A rule looks at what would be sent and at the
state before and after; it never looks at the intent. Its message stands among the plan's warnings. *Refused* means that
no plan is made; *code* that the person types the plan's four-character code; *outside* that the plan is approved
outside the client. A rollback is never refused by a rule: it may restore what was there before."""


def _rows(rules: Sequence[Callable[..., Any]]) -> list[tuple[str, str, str, str]]:
    return [row for rule in rules for row in _row(rule)]


def _row(rule: Callable[..., Any]) -> Iterator[tuple[str, str, str, str]]:
    found = ids(rule)
    if not found:
        raise ValueError(f"{rule.__name__} names no rule")
    for name, severity in found:
        yield f"`{name}`", said(rule), severity.lower(), _asks(name)


def ids(rule: Callable[..., Any]) -> list[tuple[str, str]]:
    """Names and severities of the warnings that a rule gives, in its own source."""
    return list(dict.fromkeys(_RULE_ID.findall(inspect.getsource(rule))))


def _asks(name: str) -> str:
    if name in order.REFUSED:
        return "refused"
    if name in order.OUTSIDE:
        return "outside"
    return "code" if name in order.TYPED_CODE else ""
