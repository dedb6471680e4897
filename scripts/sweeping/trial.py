"""One body of one operation: is it refused or planned, applied, taken back; and what the cloud holds at each point.

Judged by the sandbox's state dump and by what the official SDK reads, never by what the product says about itself.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from mcp_server.catalogue.requests import filled as path_of
from mcp_server.domain.call import Touch
from scripts.sweeping.bench import Bench, Seen
from scripts.sweeping.states import Difference, differing, moved, renamed

Json = Any
_ANNOUNCED: Final = json.loads((Path(__file__).parent / "announced.json").read_text("utf-8"))
_ENDED: Final = ("applied", "unchanged")
_FAULTY: Final = re.compile(r"body((?:\.\w+|\[\d+\])+)")
_FIELD: Final = re.compile(r"\.(\w+)")
_LONG_NAME: Final = 5
_NEVER_PLANNED: Final = ("no_organization", "carrier_operation")
CONCLUSIVE: Final = ("kept", "stated", "irreversible", "no_effect", "never", "broken")
#: what can come of a body, in plain words
OUTCOMES: Final[Mapping[str, str]] = {
    "kept": "applied, taken back, and nothing differs",
    "stated": "applied and taken back; what differs is what the plan announced",
    "irreversible": "refused without `irreversible`; with it critical, and the plan says what is lost",
    "no_effect": "applied, and no configuration changed",
    "never": "refused always: it acts outside every organization, or carries other operations",
    "unchanged": "nothing to do: the cloud is as the body asks",
    "unseen": "applied, and nothing differs but null and empty, or a command that the cloud carried out",
    "alike": "refused by the plan and by the sandbox, over the same field or id",
    "otherwise": "refused by both, with different reasons",
    "stricter": "refused by the plan, taken by the sandbox",
    "let_through": "planned, then refused by the sandbox when applied; nothing changed",
    "not_applied": "taken by the sandbox and not as planned: undone at once",
    "broken": "a promise was not kept",
}


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one body.

    ``outcome`` is one of OUTCOMES; ``broken`` says what promise was not kept.
    """

    variant: str
    outcome: str
    undo_class: str = ""
    how: str = ""
    caveats: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    stated: tuple[str, ...] = ()  #: differences that a caveat announced
    cloud: str = ""  #: why the sandbox refuses the body sent alone; "" when it takes it
    plan: str = ""  #: why the plan was refused
    note: str = ""
    risk: str = ""
    evidence: str = ""


@dataclass(slots=True)
class _Course:
    """One trial under way."""

    bench: Bench
    touch: Touch
    variant: str
    told: dict[str, Any] = field(default_factory=dict)

    def end(self, outcome: str, **more: Any) -> Trial:
        return Trial(self.variant, outcome, **{**self.told, **more})


async def tried(bench: Bench, touch: Touch, variant: str) -> Trial:
    """The trial of a write, from the state in which the bench is now."""
    course = _Course(bench, touch, variant)
    before = await bench.seen(touch)
    course.told["cloud"] = await bench.refusal(touch)
    if course.told["cloud"].startswith("5"):
        return course.end("broken", broken=("the sandbox failed",))
    plan = await bench.plan(touch)
    if "error" in plan and plan["error"]["code"] == "irreversible":
        return await _without_undo(course, plan)
    if "error" in plan:
        return await _refused(course, before, plan["error"])
    return await _planned(course, before, plan)


async def _refused(course: _Course, before: Seen, error: Mapping[str, Any]) -> Trial:
    after = await course.bench.seen(course.touch)
    course.told["plan"] = f"{error['code']}: {error['message']}"
    if error["code"] in _NEVER_PLANNED:
        return course.end("never", plan=f"{error['message']} {error['remedy']}")
    if error["code"] == "internal_error":
        return course.end("broken", broken=("the plan failed with an internal error",))
    if changed := _moved(course, before, after, {}):
        return course.end("broken", broken=_lines("a refused plan changed", changed))
    if not course.told["cloud"]:
        return course.end("stricter")
    return course.end("alike" if _shares_a_field(course, json.dumps(error)) else "otherwise")


def _shares_a_field(course: _Course, text: str) -> bool:
    """Whether the plan's refusal names a field, or an id, that the sandbox's refusal names too."""
    cloud, ours = course.told["cloud"].lower(), text.lower()
    names = {name.lower() for name in _all_names(course.touch.body)} | {
        str(v).lower() for v in course.touch.params.values()
    }
    names |= {field.lower() for path in _FAULTY.findall(text) for field in _FIELD.findall(path)}
    shared = any(_names_it(cloud, name) and _names_it(ours, name) for name in names)
    return shared or ("not found" in cloud and "not found" in ours) or names_one_id(ours, cloud)


def names_one_id(ours: str, cloud: str) -> bool:
    """Whether the plan found an id in no list and the cloud's text is about that id."""
    unknown = re.findall(r": ([^:]+?) is not in get\w+", ours)
    return any(re.search(rf"(?<![\w.]){re.escape(one)}(?![\w.])", cloud) for one in unknown)


def _names_it(text: str, name: str) -> bool:
    """Whether a text names a field, as a word or written out: ``Allowed VLANs`` is allowedVlans."""
    is_word = name in re.findall(r"\w+", text)
    return is_word or (len(name) > _LONG_NAME and name.removesuffix("s") in re.sub(r"[^a-z0-9]", "", text))


def _all_names(value: Json) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield name
            yield from _all_names(item)
    elif isinstance(value, list):
        for item in value:
            yield from _all_names(item)


async def _without_undo(course: _Course, refusal: Mapping[str, Any]) -> Trial:
    """Refused without ``irreversible``; with it the plan must be critical and say what is lost."""
    plan = await course.bench.plan(course.touch, irreversible=True)
    if "error" in plan:
        return course.end("stricter", plan=f"{plan['error']['code']}: {plan['error']['message']}", undo_class="none")
    way = plan["undo"][0]
    broken = [] if plan["risk"] == "critical" else [f"the plan is {plan['risk']}, not critical"]
    broken += [] if way["class"] == "none" else [f"the plan says {way['class']}"]
    broken += [] if way.get("caveats") else ["the plan does not say what is lost"]
    _note_way(course, plan)
    return course.end("broken" if broken else "irreversible", broken=tuple(broken), plan=refusal["error"]["message"])


def _note_way(course: _Course, plan: Mapping[str, Any]) -> None:
    way = plan["undo"][0]
    course.told |= {"undo_class": way["class"], "how": way["how"], "evidence": way["evidence"], "risk": plan["risk"]}
    course.told["caveats"] = tuple(way.get("caveats", ()))


async def _planned(course: _Course, before: Seen, plan: Mapping[str, Any]) -> Trial:
    _note_way(course, plan)
    done = await course.bench.product.confirmed("meraki_apply", plan_id=plan["plan_id"])
    after = await course.bench.seen(course.touch)
    changed = _moved(course, before, after, {})
    if done["status"] not in _ENDED:
        return _not_applied(course, done, changed)
    if course.told["undo_class"] == "none":
        return _without_effect(course, done, changed)
    if not changed:
        return course.end("unchanged" if done["status"] == "unchanged" else "unseen", note=done["status"])
    if done["status"] == "unchanged":
        return course.end("broken", broken=_lines("said to be unchanged, and changed", changed))
    return await _taken_back(course, before, done)


def _without_effect(course: _Course, done: Mapping[str, Any], changed: list[Difference]) -> Trial:
    """Of low risk and planned without a way back, because it should change no configuration."""
    broken = _lines("changes what cannot be restored, and was planned without irreversible", changed)
    return course.end("broken" if broken else "no_effect", broken=broken, note=str(done["status"]))


def _not_applied(course: _Course, done: Mapping[str, Any], changed: list[Difference]) -> Trial:
    error = done.get("error") or {}
    note = f"{done['status']}: {error.get('message', done.get('summary', ''))}"
    announced = _announced(changed, course)
    left = [one for one in changed if one not in announced]
    if left and done["status"] not in ("rollback_failed", "unknown"):
        return course.end("broken", broken=_lines(f"{note}; left changed", left), note=note)
    return course.end("let_through" if course.told["cloud"] else "not_applied", note=note)


async def _taken_back(course: _Course, before: Seen, done: Mapping[str, Any]) -> Trial:
    back = await course.bench.product.taken_back(str(done["change_id"]))
    ids = _new_ids(course, back)
    last = await course.bench.seen(_repointed(course.touch, ids))
    left = _moved(course, before, last, ids)
    announced = _announced(left, course)
    unannounced = [one for one in left if one not in announced]
    is_done = back["status"] == "rolled_back" and "error" not in back
    is_done |= back["status"] == "unchanged" and bool(announced)  # nothing more can be put back
    said = [] if is_done else [f"rollback: {back['status']}: {_message(back)}"]
    broken = (*said, *_lines("not restored", unannounced))
    outcome = "broken" if broken else "stated" if announced else "kept"
    return course.end(outcome, broken=broken, stated=tuple(one.text() for one in announced))


def _new_ids(course: _Course, back: Mapping[str, Any]) -> dict[str, str]:
    """What the rollback says came back under a new id, with the old one; only where the plan announced that."""
    if course.told["undo_class"] != "new_id":
        return {}
    param = course.bench.catalogue.find(course.touch.operation).path_params[-1]
    made: Mapping[str, Any] = next((step["created"] for step in back.get("steps", ()) if step.get("created")), {})
    field_name = course.bench.overlay.row(course.touch.operation).id_field
    new = made.get(field_name, made.get(param, made.get("id")))
    return {str(new): str(course.touch.params[param])} if new is not None else {}


def _repointed(touch: Touch, ids: Mapping[str, str]) -> Touch:
    """The touch with what it deleted named by its new id."""
    new = {old: new for new, old in ids.items()}
    return replace(touch, params={name: new.get(str(value), value) for name, value in touch.params.items()})


def _moved(course: _Course, before: Seen, after: Seen, ids: Mapping[str, str]) -> list[Difference]:
    operation = course.bench.catalogue.find(course.touch.operation)
    own = f"settings{path_of(operation, course.touch.params)}" if operation.method == "PUT" else ""
    first, second = (_prefixed(seen.read) for seen in (before, after))
    if ids:  # what came back stands at the end of its list
        first, second = _sorted(first), _sorted(renamed(second, ids))
    return [*moved(before.state, after.state, ids, own), *differing(first, second, ids)]


def _sorted(read: Mapping[str, Json]) -> dict[str, Json]:
    """The lists in an order that tells nothing."""
    return {name: sorted(value, key=json.dumps) if isinstance(value, list) else value for name, value in read.items()}


def _prefixed(read: Mapping[str, Json]) -> dict[str, Json]:
    return {f"sdk {name}": value for name, value in read.items()}


def _announced(left: list[Difference], course: _Course) -> list[Difference]:
    """The differences that the plan's caveats announce: by the name of the field, or as ``announced.json`` reads them.

    There a caveat in words, which the plan must have printed, stands for the places that it is about.
    """
    caveats = course.told["caveats"]
    words = {word.strip(".,:;()'\"[]") for caveat in caveats for word in caveat.replace(".", " ").split()}
    rules = _ANNOUNCED.get(course.touch.operation, {})
    places = [place for caveat, found in rules.items() if caveat in " ".join(caveats) for place in found]
    return [one for one in left if words & set(_names(one.path)) or any(re.search(p, one.path) for p in places)]


def _names(path: str) -> list[str]:
    return [part.partition("[")[0] for part in path.split(".")[1:]]


def _lines(what: str, found: list[Difference]) -> tuple[str, ...]:
    lines = tuple(f"{what}: {one.text()}" for one in found[:4])
    return (*lines, f"{what}: {len(found) - 4} more") if len(found) > 4 else lines


def _message(payload: Mapping[str, Any]) -> str:
    error = payload.get("error") or {}
    return str(error.get("message", payload.get("summary", "")))[:300]
