"""Inventory look-ups and reads, cut at object boundaries so that an answer fits its token budget."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic_core import to_json

from mcp_server.domain.call import Json, Touch
from mcp_server.domain.given import found
from mcp_server.domain.outcome import Outcome
from mcp_server.domain.redaction import inert
from mcp_server.errors import InvalidArguments
from mcp_server.world import World

_BYTES_PER_TOKEN: Final = 2.5  #: measured on Meraki's JSON; chars/4 under-counts it by 38 %


@dataclass(frozen=True, slots=True)
class EstateDesk:
    """Networks, devices and data of one call."""

    world: World

    async def find(self, what: str, query: str, limit: int) -> Mapping[str, Json]:
        """Networks or devices that match: {matches, total}."""
        return await self.world.inventory.find(what, query, limit)

    async def organizations_in(self, text: str) -> Sequence[str]:
        """Ids of the organizations that a text names, by id or by their whole name, in any case."""
        said = f" {' '.join(text.casefold().split())} "
        known = await self.world.inventory.organizations()
        return [one.id for one in known if any(f" {word.casefold()} " in said for word in (one.id, one.name) if word)]

    async def complete(self, argument: str, value: str) -> Sequence[str]:
        """At most 100 ids for an argument named like an organization or a network; none for any other."""
        if "organization" in argument.lower():
            known = await self.world.inventory.organizations()
            wanted = value.casefold()
            return [one.id for one in known if one.id.startswith(value) or wanted in one.name.casefold()][:100]
        if "network" not in argument.lower():
            return []
        found = await self.world.inventory.find("networks", value, 100)
        return [str(match["id"]) for match in found["matches"]]

    async def read(self, touch: Touch, *, fields: Sequence[str], max_tokens: int, cursor: str | None) -> Outcome:
        """The answer of a GET; a list is cut between its elements, anything else between its fields."""
        reply = await self.world.reads.read_alone(touch.operation, touch.params)
        data, text = inert(_picked(reply.data, fields), compact)
        start = _start(cursor)
        limit = int(max_tokens * _BYTES_PER_TOKEN)
        is_whole = start == 0 and len(text.encode()) <= limit
        if isinstance(data, list):
            part, following = (data, None) if is_whole else _cut(data, start, limit)
            return _answer(touch, part, len(part), len(data), following)
        is_cut = isinstance(data, dict) and not is_whole
        if is_cut and isinstance(data.get("items"), list):
            part, following = _cut(data["items"], start, limit)
            return _answer(touch, {**data, "items": part}, len(part), len(data["items"]), following)
        if is_cut:
            pairs, following = _cut(list(data.items()), start, limit)
            return _answer(touch, dict(pairs), len(pairs), len(data), following)
        return _answer(touch, data, 1, 1, None)


def _answer(touch: Touch, part: Json, shown: int, total: int, following: int | None) -> Outcome:
    data: dict[str, Json] = {"data": part, "truncated": following is not None}
    if following is not None:
        data["cursor"] = base64.urlsafe_b64encode(str(following).encode()).decode()
        data["shown"], data["total"] = shown, total
    return Outcome("ok", f"{touch.operation}: {shown} of {total}.", data)


def _start(cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        text = base64.urlsafe_b64decode(cursor.encode()).decode()
    except (ValueError, binascii.Error):
        text = ""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidArguments(f"meraki_read: cursor: not one of ours, {found(cursor)}.", "Call without cursor.")
    return int(text)


def _cut(items: Sequence[Json], start: int, limit: int) -> tuple[list[Json], int | None]:
    """As many elements from ``start`` as fit, at least one; and where to go on."""
    used = 0
    taken: list[Json] = []
    for index in range(start, len(items)):
        used += _size(items[index]) + 1
        if taken and used > limit:
            return taken, index
        taken.append(items[index])
    return taken, None


def compact(value: Json) -> str:
    """As compact JSON, by the serializer that the SDK brings; an answer is neither too deep for it nor broken text."""
    return to_json(value).decode()


def _size(value: Json) -> int:
    return len(compact(value).encode())


def _picked(data: Json, fields: Sequence[str]) -> Json:
    """Only those top-level fields of each object; all when none is named."""
    if not fields:
        return data
    if isinstance(data, list):
        return [_picked(one, fields) for one in data]
    if isinstance(data, dict):
        if isinstance(data.get("items"), list):
            return {**data, "items": _picked(data["items"], fields)}
        return {name: data[name] for name in fields if name in data}
    return data
