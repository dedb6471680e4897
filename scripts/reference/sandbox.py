"""docs/reference/sandbox.md: which operations the simulated cloud plays by hand, and which by their shape alone."""

from collections import Counter

from mcp_server.catalogue.operations import Catalogue
from mcp_server.sandbox import cloud  # importing it registers every behaviour
from mcp_server.sandbox.behaviour import BEHAVIOURS
from scripts.reference.words import table

_KINDS = {"GET": "reads", "PUT": "updates", "POST": "creations", "DELETE": "deletions"}


def page() -> str:
    """The page."""
    catalogue = Catalogue.load()
    operations = [catalogue.find(name) for name in catalogue.ids()]
    by_hand = [one for one in operations if one.id in BEHAVIOURS]
    all_of, ours = Counter(one.method for one in operations), Counter(one.method for one in by_hand)
    counts = [(_KINDS[method], all_of[method], ours[method], all_of[method] - ours[method]) for method in _KINDS]
    listed = [(f"`{one.id}`", one.method, f"`{one.path}`") for one in sorted(by_hand, key=lambda one: one.path)]
    return "\n\n".join(
        [
            _HEAD.format(module=cloud.__name__),
            table(["", "in the catalogue", "by hand", "by shape"], counts),
            _BY_HAND,
            table(["operation", "method", "path"], listed),
        ]
    )


_HEAD = """# The sandbox

What `--sandbox` talks to: a simulated cloud (`{module}`) with two organizations, six networks and about forty devices,
reproducible under a seed. Every operation of the catalogue answers. Those that people change most are written by hand
and behave as the cloud does: checks, defaults, side effects, references between resources. The others keep what is
written to them and answer in the documented shape; they check nothing beyond it.

What is true in the sandbox is evidence, not proof, for the cloud: a plan's `undo` names the evidence it rests on."""

_BY_HAND = "## Written by hand"
