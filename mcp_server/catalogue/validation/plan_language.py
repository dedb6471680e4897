"""The words that a plan's body may use in place of a value (design: the plan language).

``{"$secret": "NAME"}`` and ``{"$generate": 20}`` stand for a string, ``{"$ref": "step-1.id"}`` for a scalar,
``{"$text": "OBJ({step-1.id}),10.0.0.0/8"}`` for a text that names what earlier steps create, and a list may be an
edit of the live list: ``{"$insert": [...], "before" | "after": MATCH | "at": "first" | "last"}``,
``{"$remove": MATCH}``, ``{"$update": MATCH, "set": {...}}``, or a list of such edits.
"""

import re
from collections.abc import Mapping
from typing import Final

from mcp_server.catalogue.related.references import REFERENCES
from mcp_server.domain.call import Json

SECRET, GENERATE, REF, TEXT = "$secret", "$generate", "$ref", "$text"
INSERT, REMOVE, UPDATE = "$insert", "$remove", "$update"
PLACEHOLDERS = (SECRET, GENERATE, REF, TEXT)
EDITS = (INSERT, REMOVE, UPDATE)
POSITIONS = ("before", "after", "at")
ENDS = ("first", "last")
GENERATED_CHARS = range(8, 129)  #: how long a generated secret may be

_SECRET_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_REF = re.compile(r"step-([1-9][0-9]{0,3})((?:\.[A-Za-z0-9_]{1,64}|\[[0-9]{1,3}\])+)")
_NAMED = r"\{step-([1-9][0-9]{0,3})\.id\}"
#: by the operation that makes what is named: how a text names it, as ``OBJ({step-1.id})``
_IN_TEXT: Final[Mapping[str, re.Pattern[str]]] = {
    maker: re.compile(re.escape(form).replace(r"\{\}", _NAMED))
    for maker, known in REFERENCES.items()
    for form in known.texts
}


def is_placeholder(value: Json) -> bool:
    """Whether a value is meant as ``$secret``, ``$generate``, ``$ref`` or ``$text``."""
    return isinstance(value, Mapping) and any(word in value for word in PLACEHOLDERS)


def is_edit(value: Json) -> bool:
    """Whether a value is meant as an edit of a live list."""
    return isinstance(value, Mapping) and any(word in value for word in EDITS)


def is_edit_of_list(value: Json) -> bool:
    """Whether what stands for a list is an edit or a list that holds edits."""
    return is_edit(value) or (isinstance(value, list) and any(is_edit(element) for element in value))


def placeholder_fault(value: Mapping[str, Json]) -> str:
    """What is wrong with the form of a placeholder; "" when nothing is."""
    if len(value) != 1:
        return f"{_word(value)} stands alone in its object"
    if SECRET in value:
        name = value[SECRET]
        is_name = isinstance(name, str) and _SECRET_NAME.fullmatch(name)
        return "" if is_name else "$secret takes the name of a stored secret"
    if GENERATE in value:
        chars = value[GENERATE]
        is_length = isinstance(chars, int) and not isinstance(chars, bool) and chars in GENERATED_CHARS
        return "" if is_length else "$generate takes a length from 8 to 128"
    if TEXT in value:
        return _text_fault(value[TEXT])
    return "" if referred_step(value) else '$ref takes a field of an earlier step, as "step-1.id"'


def referred_step(value: Json) -> int:
    """The number of the step that a ``$ref`` names, from 1; 0 when the value is no well-formed ``$ref``."""
    text = value.get(REF) if isinstance(value, Mapping) else None
    form = _REF.fullmatch(text) if isinstance(text, str) else None
    return int(form.group(1)) if form else 0


def named_in_text(value: Json) -> tuple[tuple[str, int], ...]:
    """What a ``$text`` names: the operation that must have made it, and the number of that step, from 1."""
    text = value.get(TEXT) if isinstance(value, Mapping) else None
    if not isinstance(text, str):
        return ()
    return tuple((maker, int(found.group(1))) for maker, form in _IN_TEXT.items() for found in form.finditer(text))


def edit_fault(edit: Mapping[str, Json]) -> str:
    """What is wrong with the form of a list edit, its elements aside; "" when nothing is."""
    words = [word for word in EDITS if word in edit]
    if len(words) != 1:
        return f"one of {', '.join(EDITS)} at a time"
    word = words[0]
    more = {INSERT: POSITIONS, REMOVE: (), UPDATE: ("set",)}[word]
    extra = [name for name in edit if name != word and name not in more]
    if extra:
        return f"{word} does not take {str(extra[0])[:24]!a}"
    if word == INSERT:
        return _insert_fault(edit)
    if word == UPDATE and not (isinstance(edit.get("set"), Mapping) and edit["set"]):
        return '$update needs "set" with the fields to change'
    return ""


def _text_fault(text: Json) -> str:
    """Only ids may be left open: the rest of the text is judged as it stands when the plan is made."""
    named = len(named_in_text({TEXT: text}))
    is_whole = named > 0 and str(text).count("{") == str(text).count("}") == named
    return "" if is_whole else '$text takes a text that names earlier steps as "OBJ({step-1.id})" or "GRP({step-1.id})"'


def _insert_fault(edit: Mapping[str, Json]) -> str:
    if not isinstance(edit[INSERT], list) or not edit[INSERT]:
        return "$insert takes a list of elements"
    if sum(name in edit for name in POSITIONS) != 1:
        return '$insert needs one of "before", "after" or "at"'
    if "at" in edit and edit["at"] not in ENDS:
        return '"at" is "first" or "last"'
    return ""


def _word(value: Mapping[str, Json]) -> str:
    return next(word for word in PLACEHOLDERS if word in value)
