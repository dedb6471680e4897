"""docs/reference/sandbox.md: which operations the simulated cloud plays by hand, and which by their shape alone."""

from collections import Counter
from collections.abc import Iterable

from mcp_server.catalogue.operations import Catalogue
from mcp_server.sandbox import cloud  # importing it registers every behaviour
from mcp_server.sandbox.behaviour import BEHAVIOURS
from mcp_server.sandbox.behaviours.estate.claims import CLAIM_KEYS, ORDERS
from mcp_server.sandbox.checks.effects import WITHOUT_EFFECT
from scripts.reference.words import table

_KINDS = {"GET": "reads", "PUT": "updates", "POST": "creations", "DELETE": "deletions"}


def _words(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def page() -> str:
    """The page."""
    catalogue = Catalogue.load()
    operations = [catalogue.find(name) for name in catalogue.ids()]
    by_hand = [one for one in operations if one.id in BEHAVIOURS]
    all_of, ours = Counter(one.method for one in operations), Counter(one.method for one in by_hand)
    counts = [(_KINDS[method], all_of[method], ours[method], all_of[method] - ours[method]) for method in _KINDS]
    by_shape = [one for one in operations if one.id not in BEHAVIOURS]
    writes = [(f"`{one.id}`", one.method, f"`{one.path}`") for one in by_shape if one.method != "GET"]
    reads = [f"`{one.id}`" for one in by_shape if one.method == "GET"]
    idle = [(f"`{name}`", reason) for name, reason in sorted(WITHOUT_EFFECT.items())]
    listed = [(f"`{one.id}`", one.method, f"`{one.path}`") for one in sorted(by_hand, key=lambda one: one.path)]
    return "\n\n".join(
        [
            _HEAD.format(module=cloud.__name__),
            table(["", "in the catalogue", "by hand", "by shape"], counts),
            _BY_HAND,
            table(["operation", "method", "path"], listed),
            _BY_SHAPE,
            table(["operation", "method", "path"], sorted(writes, key=lambda row: str(row[2]))),
            "Reads by shape: " + ", ".join(sorted(reads)) + ".",
            _IDLE,
            table(["operation", "what it does"], idle),
            _CLAIMS.format(keys=_words(CLAIM_KEYS), orders=_words(ORDERS)),
        ]
    )


_HEAD = """# The sandbox

What `--sandbox` talks to: a simulated cloud (`{module}`) with two organizations, six networks and about forty devices,
reproducible under a seed. Every operation of the catalogue answers. Those that people change most are written by hand
and behave as the cloud does: checks, defaults, side effects, references between resources. The others keep what is
written to them and answer in the documented shape; they check nothing beyond it.

What is true in the sandbox is evidence, not proof, for the cloud: a plan's `undo` names the evidence it rests on."""

_BY_SHAPE = """## By shape

State of the documented shape: created, read, changed and deleted; lists and items are one state."""

_IDLE = """## Writes without effect

They change nothing that is configured. Every other write changes the state or is refused, which a test holds each of
the catalogue's writes to (`tests/contract/test_sandbox_writes.py`)."""

_CLAIMS = """## What can be claimed

Claim keys of subscriptions: {keys}. Orders: {orders}. Each once; any other is refused, as the cloud refuses what it did
not issue."""

_BY_HAND = "## Written by hand"
