"""docs/reference/undo.md: what became of each promise of undo when it was tried."""

import re
from collections import Counter
from typing import Any

from mcp_server.catalogue.operations import Catalogue
from mcp_server.catalogue.overlay import Overlay
from scripts.reference.words import table
from scripts.sweeping.record import results
from scripts.sweeping.trial import OUTCOMES
from scripts.sweeping.verdicts import CLASSES, UNREACHED, VERDICTS


def page() -> str:
    """The page."""
    rows = results()
    catalogue = Catalogue.load()
    overlay = Overlay.load(catalogue)
    carriers = [id_ for id_ in catalogue.writes() if overlay.row(id_).carrier]
    counts = Counter((row["promised"], row["verdict"]) for row in rows)
    by_class = [
        (f"`{name}`", sum(counts[name, word] for word in VERDICTS), *_counted(counts, name)) for name in CLASSES
    ]
    all_of = [sum(counts[name, word] for name in CLASSES) for word in VERDICTS]
    bodies = Counter[str]()
    for row in rows:
        bodies.update(row["bodies"])
    listed = [
        (
            f"`{row['operation']}`",
            row["undo"],
            row["promised"],
            row["verdict"],
            overlay.row(row["operation"]).evidence,
            sum(row["bodies"].values()),
        )
        for row in rows
    ]
    parts = [
        _HEAD.format(
            operations=len(rows), bodies=sum(bodies.values()), carriers=", ".join(f"`{one}`" for one in carriers)
        ),
        "## Promises",
        _PROMISES,
        table(["promised", "operations", *VERDICTS], [*by_class, ("all", len(rows), *all_of)]),
        *_never(rows),
        *_out_of_reach(rows),
        "## Bodies",
        _BODIES,
        table(
            ["what came of a body", "bodies"],
            [(f"{word}: {OUTCOMES[word]}", bodies[word]) for word in OUTCOMES if bodies[word]],
        ),
        *_let_through(rows),
        *_broken(rows),
        "## What differs after an undo, as announced",
        _STATED,
        table(
            ["operation", "fields"],
            [(f"`{row['operation']}`", _fields(row["stated"])) for row in rows if row.get("stated")],
        ),
        "## Where plan and sandbox disagree about a body",
        _ODD,
        table(
            ["operation", "the first of each kind"],
            [(f"`{row['operation']}`", " ".join(row["odd"])) for row in rows if row.get("odd")],
        ),
        "## Every operation",
        table(["operation", "way back", "promised", "verdict", "evidence", "bodies"], listed),
    ]
    return "\n\n".join(parts)


def _counted(counts: Counter[tuple[str, str]], name: str) -> list[int]:
    return [counts[name, word] for word in VERDICTS]


def _out_of_reach(rows: list[dict[str, Any]]) -> list[str]:
    """The operations that could not be tried, each with the reason."""
    found = [(f"`{row['operation']}`", UNREACHED[row["operation"]]) for row in rows if row["verdict"] == "unreached"]
    return ["## Not tried", table(["operation", "why"], found)] if found else []


def _let_through(rows: list[dict[str, Any]]) -> list[str]:
    """What the plan could not know: bodies that the sandbox refused, by reason, with the operations."""
    found: dict[str, Counter[str]] = {}
    for row in rows:
        for text, bodies in row.get("let_through", {}).items():
            found.setdefault(_reason(text), Counter())[row["operation"]] += bodies
    told = [
        (why, sum(counts.values()), ", ".join(f"`{name}`" for name in counts))
        for why, counts in sorted(found.items(), key=lambda one: -sum(one[1].values()))
    ]
    head = ["why the sandbox refused it", "bodies", "operations"]
    return ["## Planned and then refused", _PASSED, table(head, told)] if told else []


def _reason(text: str) -> str:
    return next((why for why, pattern in _REASONS if re.search(pattern, text)), text)


def _never(rows: list[dict[str, Any]]) -> list[str]:
    """The operations that no plan takes, each with the reason and what a person does instead."""
    found = [(f"`{row['operation']}`", row["never"]) for row in rows if row.get("never")]
    return ["## Refused always", table(["operation", "why, and what a person does instead"], found)] if found else []


def _fields(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def _broken(rows: list[dict[str, Any]]) -> list[str]:
    found = [(f"`{row['operation']}`", row["broken"][0]) for row in rows if row.get("broken")]
    return ["## Promises that are not kept yet", table(["operation", "the first"], found)] if found else []


_HEAD = """# Undo, as it was tried

`scripts/sweep` tries every write of the API in the sandbox over TCP: it plans, applies, verifies and takes back
{operations} operations with {bodies} bodies. It compares the whole state of the sandbox, and what the official SDK
reads around the write, before and after; the product's own word counts for nothing. Left out are {carriers},
which carry other operations and cannot be planned."""

_PROMISES = """- `reversible`: everything is as before. `new_id`: as before under a new id, which the rollback names.
- `with_caveats`: as before but for what the plan says before approval. `none`: there is no way back.
- **kept**: a body changed the cloud, and after the undo nothing differs. **stated**: only what was announced differs.
- **refused**: only with `irreversible: true`, as critical, with what is lost; or always, as listed below.
- **no effect**: changes no configuration.
- **unreached**: the sandbox cannot show it; the plan's evidence is the schema alone.
- **broken**: something else differs, or no body could show the promise."""

_BODIES = """Bodies are made from the schema under a fixed seed, beside those made by hand: only the required fields,
every field, lower and upper bounds, null, and each value of each enum."""

_PASSED = """The plan refuses what the schema and the documentation rule out
(`mcp_server/catalogue/validation/rules.toml`). What depends on other resources, which a plan does not read, is only
found when it is applied; nothing had changed then."""

_REASONS = (
    ("it names something by an id that is not there", (r"not found|does not exist|[Ii]nvalid (payload|alert|copy|firm)"
     r"|ID is invalid|is not configured|not a (campusGateway|wireless) device")),
    ("it does not fit the subnets, routes or members that are there", r"subnet|Subnet|next hop|members|spare|Spare"),
    ("the device or network is of another kind", r"not supported by this|passthrough|target organization"),
    ("the fields that it keeps do not fit those that it sets", r"Only one of|Ports can only|must have between"),
)  # fmt: skip

_STATED = "Fields that a caveat of the plan names before approval."

_ODD = "Both judge by what they know: the plan by the schema and its rules, the sandbox as the cloud is documented to."
