"""Which networks and devices a few words mean: pure; accents and letter case do not count."""

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeVar

from mcp_server.domain.call import Device, Json, Network
from mcp_server.domain.redaction import clean

T = TypeVar("T")

NAME_CHARS: Final = 60
_NUMBERS: Final = re.compile(r"(\d+)")
_BYTES_PER_MATCH: Final = 65  #: what the answer may cost for each match asked for; 2.5 bytes count as a token
_BY_TAG: Final = 3
_BY_ALL_WORDS: Final = 5


@dataclass(frozen=True, slots=True)
class Words:
    """The texts by which one thing may be found. ``id`` is its id or serial."""

    name: str
    id: str
    tags: tuple[str, ...] = ()
    model: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """A thing that answers a query. ``rank``: 0 exact, 1 prefix, 2 inside, 3 tag, 4 model, 5 all words."""

    rank: int
    row: Mapping[str, Json]


@lru_cache(maxsize=65_536)
def folded(text: str) -> str:
    """The text without accents, in one letter case, blanks as one."""
    bare = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    return " ".join(bare.casefold().split())


@lru_cache(maxsize=65_536)
def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """A sort key by which "Store 2" comes before "Store 12"."""
    parts = _NUMBERS.split(folded(name))
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part)


def rank(wanted: str, words: Words) -> int | None:
    """How well the words answer a folded query, as in ``Hit``; None when they do not."""
    texts = (folded(words.name), folded(words.id))
    if wanted in texts:
        return 0
    if any(text.startswith(wanted) for text in texts):
        return 1
    if any(wanted in text for text in texts):
        return 2
    tags = [folded(tag) for tag in words.tags]
    if any(tag.startswith(wanted) for tag in tags):
        return _BY_TAG
    model = folded(words.model)
    if model and model.startswith(wanted):
        return 4
    everything = " ".join([*texts, *tags, model])
    return _BY_ALL_WORDS if all(word in everything for word in wanted.split()) else None


def ranked(query: str, things: Iterable[T], words: Callable[[T], Words]) -> list[tuple[int, T]]:
    """The things that answer the query, best first, names in natural order; all of them for an empty query."""
    wanted = folded(query)
    hits = []
    for thing in things:
        own = words(thing)
        value = rank(wanted, own)
        if value is not None:
            hits.append((value, natural(own.name), own.id, thing))
    hits.sort(key=lambda hit: hit[:3])
    return [(value, thing) for value, _, _, thing in hits]


def network_hits(query: str, networks: Iterable[Network]) -> list[Hit]:
    """The networks that answer the query, as rows of an answer."""
    found = ranked(query, networks, lambda one: Words(one.name, one.id, one.tags))
    return [Hit(value, _network_row(network) | _tags(network.tags, value)) for value, network in found]


def device_hits(query: str, devices: Iterable[Device]) -> list[Hit]:
    """The devices that answer the query, as rows of an answer."""
    found = ranked(query, devices, lambda one: Words(one.name, one.serial, one.tags, one.model))
    return [Hit(value, _device_row(device) | _tags(device.tags, value)) for value, device in found]


def answer(hits: Sequence[Hit], limit: int, unread: Sequence[str]) -> dict[str, Json]:
    """{matches, total}: at most ``limit`` matches and no more text than so many may cost, but always one.

    The organization is said once when all hits are of one; ``unread`` names those that could not be read.
    """
    owners = list(dict.fromkeys(hit.row["organization_id"] for hit in hits))
    rows = (_without_owner(hit.row) if len(owners) == 1 else hit.row for hit in hits[: max(1, limit)])
    found: dict[str, Json] = {"matches": _within(rows, max(1, limit) * _BYTES_PER_MATCH), "total": len(hits)}
    if len(owners) == 1:
        found["organization_id"] = owners[0]
    return found | ({"unread_organizations": list(unread)} if unread else {})


def _without_owner(row: Mapping[str, Json]) -> Mapping[str, Json]:
    return {name: value for name, value in row.items() if name != "organization_id"}


def _within(rows: Iterable[Mapping[str, Json]], room: int) -> list[Mapping[str, Json]]:
    told: list[Mapping[str, Json]] = []
    for row in rows:
        room -= len(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode())
        if told and room < 0:
            break
        told.append(row)
    return told


def _network_row(network: Network) -> dict[str, Json]:
    bound = {"template_id": network.template_id} if network.template_id else {}
    name = clean(network.name, NAME_CHARS)
    return {"id": network.id, "name": name, "organization_id": network.organization_id} | bound


def _device_row(device: Device) -> dict[str, Json]:
    return {
        "serial": device.serial,
        "name": clean(device.name, NAME_CHARS),
        "model": clean(device.model, 40),
        "network_id": device.network_id,
        "organization_id": device.organization_id,
    }


def _tags(tags: tuple[str, ...], value: int) -> dict[str, Json]:
    """The tags, when it is by them that a match was found."""
    return {"tags": [clean(tag, 30) for tag in tags[:5]]} if value in (_BY_TAG, _BY_ALL_WORDS) and tags else {}
