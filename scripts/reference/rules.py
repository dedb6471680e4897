"""docs/reference/rules.md: the safety rules of the tasks T1 to T5 and of whole plans."""

import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from typing import Any

from mcp_server.catalogue.validation.rules import BodyRule, Reference, references
from mcp_server.catalogue.validation.rules import rules as body_rules
from mcp_server.domain.rules import order
from scripts.reference.words import said, table

_APART = ("operations", "source")
_RULE_ID = re.compile(r'"((?:t\d|plan)_[a-z0-9_]+)",\s*(CRITICAL|WARNING|INFO)')


def page() -> str:
    """The page."""
    head = ["rule", "when", "severity", "asks for"]
    steps, plans = table(head, _rows(order.RULES)), table(head, _rows(order.PLAN_RULES))
    parts = [_HEAD, "## For each step", steps, "## For a plan as a whole", plans, "## For a body", _BODIES, _bodies()]
    return "\n\n".join(parts)


def _bodies() -> str:
    rows: list[BodyRule | Reference] = list(
        {id(one): one for several in body_rules().values() for one in several}.values()
    )
    rows += list({id(one): one for several in references().values() for one in several}.values())
    told = [(", ".join(f"`{name}`" for name in one.operations), _condition_of(one), one.source) for one in rows]
    return table(["operations", "what is refused otherwise", "source"], told)


def _condition_of(one: BodyRule | Reference) -> str:
    if isinstance(one, Reference):
        return f"`{one.field}` is a `{one.id}` of `{one.listed}`"
    found = {item.name: getattr(one, item.name) for item in fields(one) if item.name not in _APART}
    return "; ".join(f"{name} {_words(value)}" for name, value in found.items() if value)


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"`{name}` {_words(inner)}" for name, inner in value.items())
    if isinstance(value, list) and value and isinstance(value[0], list):
        return ", ".join(_words(inner) for inner in value)
    return " / ".join(f"`{one}`" for one in value) if isinstance(value, list) else f"`{value}`"


_BODIES = """What documentation says of a body beyond its schema, from `mcp_server/catalogue/validation/rules.toml`.
The plan is refused, with every field that does not fit; what the cloud holds already, and what a placeholder stands
for, is not judged. *filled*: may not be sent empty; *between* and *length*: from, to; *apart*: at most one; *needs*: at
least one; *when* and *unless*: the values under which the rest holds; `$bound`, `$model` and `$template` are facts of
the target."""

_HEAD = """# Safety rules

What a plan is held against, from `mcp_server/domain/rules/order.py`. A rule looks at what would be sent and at the
state before and after; it never looks at the intent. Its message stands among the plan's warnings. *Refused* means that
no plan is made; *code* that the person types the plan's four-character code; *outside* that the plan is approved
outside the client. A rollback is never refused by a rule: it may restore what was there before.

A secret that a plan names (`{"$secret": "NAME"}`) is judged by its length alone. When it was set after the plan was
made, it is judged before it is sent: what would have been refused, or would have asked for more than the person was
told, is not sent.

What hangs on a port is known for the ports of switches: one request tells it for all of them. No request tells it for
the LAN ports of an appliance (`updateNetworkAppliancePort`); every switch of the network would have to be asked what
stands at the far end of its uplink. So `t2_trunk_on_uplink` and `t2_port_to_own_device` do not speak there: each change
of such a port is of high risk, approved outside the client, and undone by the health gate when it takes devices
down."""


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
