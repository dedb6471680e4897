"""Cutting identifiers and questions into comparable words."""

import re
import unicodedata
from functools import lru_cache

_HUMP = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+[0-9]*|[A-Z]+[0-9]*|[0-9]+[a-z]*")
_WORD = re.compile(r"[a-z0-9]+")
_PORTUGUESE = (("oes", "ao"), ("dores", "dor"), ("nais", "nal"), ("neis", "nel"), ("veis", "vel"), ("tais", "tal"))
_HAS_HUMP = re.compile(r"[a-z][A-Z]")


@lru_cache(maxsize=4096)  # path and field names come back in hundreds of operations
def hump_words(name: str) -> tuple[str, ...]:
    """The stems of an identifier: ``updateNetworkSwitchQosRules`` gives update, network, switch, qos, rule."""
    return tuple([stem(hump) for hump in map(str.lower, _HUMP.findall(name))])


def asked_words(question: str) -> tuple[str, ...]:
    """The stems of what a person typed, accents and case left out; an identifier in it is cut up."""
    found: list[str] = []
    for part in question.split():
        if _HAS_HUMP.search(part):
            found += hump_words(part)
        else:
            found += [stem(word) for word in _WORD.findall(folded(part))]
    return tuple(found)


def folded(text: str) -> str:
    """Lower case without accents."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in parts if not unicodedata.combining(char))


@lru_cache(maxsize=4096)
def stem(word: str) -> str:
    """A word without its plural ending, English or Portuguese; rough, and the same on both sides of a comparison."""
    for ending, singular in _PORTUGUESE:
        if word.endswith(ending) and len(word) > len(ending) + 1:
            return word[: -len(ending)] + singular
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "uses", "ches", "shes", "xes")):
        return word[:-2]
    return word[:-1]
