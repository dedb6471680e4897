"""Templates of the overlay: bodies that take their values from the call or from the live state.

``$body.x`` is a field of the call's body, ``$before.x`` of the live state, ``$param.x`` a parameter, ``$each.x`` one
element of a list field of the body (see ``turns``), ``$created.x`` what the answer of the call will say in its field
x. A path that ends in ``?`` gives null where there is no value. ``{"$add": [list, item]}`` is the list with that item,
``{"$remove": [list, item]}`` the list without it. Anything else stands for itself.
"""

from collections.abc import Mapping
from dataclasses import replace

from mcp_server.domain.call import Json, Touch
from mcp_server.domain.state.json_value import copied

CREATED = "$created"  #: ``{"$created": field}`` stands for what the answer of the write (or of the re-create) returns


_EDITS = {"$add": 1, "$remove": 0}  #: how often the item stands in the list afterwards


class Gap(LookupError):
    """A template names a value that is not there; ``str`` is its name."""


def filled(template: Json, touch: Touch, before: Json) -> Json:
    """The template with its values; Gap when one is missing."""
    if isinstance(template, Mapping) and set(template) & _EDITS.keys():
        return _edited(template, touch, before)
    if isinstance(template, Mapping):
        return {name: filled(value, touch, before) for name, value in template.items()}
    if isinstance(template, list):
        return [filled(item, touch, before) for item in template]
    if not isinstance(template, str) or not template.startswith("$"):
        return template
    source, _, path = template[1:].partition(".")
    if source == "created":
        return {CREATED: path}
    value = {"body": touch.body, "each": touch.body, "param": touch.params, "before": before}[source]
    for name in path.removesuffix("?").split("."):
        if not isinstance(value, Mapping) or value.get(name) is None:
            if path.endswith("?"):
                return None
            raise Gap(template[1:])
        value = value[name]
    return copied(value)


def _edited(template: Mapping[str, Json], touch: Touch, before: Json) -> Json:
    (word, parts), *_ = template.items()
    found, item = (filled(part, touch, before) for part in parts)
    rest = [element for element in found if element != item] if isinstance(found, list) else []
    return rest + [item] * _EDITS[word]


def touched(rule: Mapping[str, Json], touch: Touch, before: Json) -> list[Json]:
    """The live rows that an action is about; Gap when one that its body names is not there."""
    key = str(rule["key"])
    named = [e.get(key) if isinstance(e, Mapping) else e for e in (touch.body or {}).get(str(rule["list"])) or ()]
    known = {row.get(key): row for row in before or () if isinstance(row, Mapping)}
    missing = [name for name in named if name not in known]
    if missing:
        raise Gap(f"the old state of {missing[0]}")
    return [known[name] for name in named]


def turns(template: Json, touch: Touch) -> list[Touch]:
    """The call once for each element of the list that ``$each`` names, or once when nothing does."""
    name = _each(template)
    if not name:
        return [touch]
    body = touch.body or {}
    return [replace(touch, body={**body, name: element}) for element in body.get(name) or ()]


def _each(template: Json) -> str:
    if isinstance(template, Mapping):
        return next((found for found in map(_each, template.values()) if found), "")
    if isinstance(template, list):
        return next((found for found in map(_each, template) if found), "")
    return template.removeprefix("$each.") if isinstance(template, str) and template.startswith("$each.") else ""
