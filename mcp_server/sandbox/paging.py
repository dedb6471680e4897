"""Lists as the cloud hands them out: filtered, cut into pages, with a Link header whose rel is not quoted.

Tokens are the keys of rows and opaque to clients. Lists named in shapes.json come as {items, meta.counts}.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from mcp_server.sandbox.behaviour import Call, CloudError
from mcp_server.sandbox.generic import Rows
from mcp_server.sandbox.routes import Route

Json = Any
_KEYS = ("id", "serial", "portId", "number", "networkId", "clientId", "mac", "iname", "groupPolicyId")


def page_of(found: Json, route: Route, call: Call) -> tuple[Json, dict[str, str]]:
    """The part of an answer that one request gets, and the headers that lead on. Not a list: the answer itself."""
    if route.operation == "getNetworkEvents":
        return found, {"Link": _links(call, {"next": found["pageEndAt"], "prev": found["pageStartAt"]})}
    if not isinstance(found, Rows | list):
        return found, {}
    rows = filtered(found, call.query)
    if route.paging is None:
        return _wrapped(list(rows), route, len(rows), 0), {}
    keys = _keys_of(rows)
    start, stop = _bounds(keys, _per_page(route, call), call)
    page = list(islice(rows, start, stop)) if isinstance(rows, list) else list(rows[start:stop])
    leads = {"first": "", "prev": f"<{keys[start]}" if start else None, "next": None}
    leads["next"] = keys[stop - 1] if stop < len(rows) and stop else None
    headers = {"Link": _links(call, leads)} if leads["next"] or leads["prev"] else {}
    return _wrapped(page, route, len(rows), len(rows) - stop), headers


def _wrapped(page: list[Json], route: Route, total: int, remaining: int) -> Json:
    if not route.is_wrapped:
        return page
    return {"items": page, "meta": {"counts": {"items": {"total": total, "remaining": max(0, remaining)}}}}


def _keys_of(rows: Rows | list[Json]) -> Sequence[str]:
    if isinstance(rows, Rows):
        return rows.keys
    keys = [
        next((str(row[k]) for k in _KEYS if row.get(k) is not None), "") if isinstance(row, dict) else ""
        for row in rows
    ]
    return keys if len(set(keys)) == len(keys) and "" not in keys else [str(number) for number in range(len(rows))]


def _per_page(route: Route, call: Call) -> int:
    least, most, usual = route.paging or (3, 1000, 1000)
    text = call.query.get("perPage")
    if text is None:
        return usual
    if not str(text).isdigit() or not least <= int(text) <= most:
        raise CloudError(400, f"'perPage' must be an integer between {least} and {most}")
    return int(text)


def _bounds(keys: Sequence[str], size: int, call: Call) -> tuple[int, int]:
    after, before = call.query.get("startingAfter"), call.query.get("endingBefore")
    if before is not None:
        stop = _place(keys, before)
        return max(0, stop - size), stop
    start = _place(keys, after) + 1 if after is not None else 0
    return start, min(len(keys), start + size)


def _place(keys: Sequence[str], token: str) -> int:
    if isinstance(keys, range) or token not in keys:
        raise CloudError(400, "Invalid pagination token")
    return keys.index(token)


def _links(call: Call, leads: Mapping[str, str | None]) -> str:
    query = [(name, value) for name, value in _pairs(call.query) if name not in ("startingAfter", "endingBefore")]
    parts = []
    for rel, token in leads.items():
        if token is None:
            continue
        word = "endingBefore" if rel == "prev" else "startingAfter"
        more = [(word, token.removeprefix("<"))] if token else []
        parts.append(f"<{{base}}{call.path}?{urlencode(query + more)}>; rel={rel}")
    return ", ".join(parts)


def _pairs(query: Mapping[str, Json]) -> list[tuple[str, str]]:
    pairs = []
    for name, value in query.items():
        if isinstance(value, list):
            pairs += [(f"{name}[]", str(one)) for one in value]
        else:
            pairs.append((name, str(value)))
    return pairs


# Filters


def filtered(rows: Rows | list[Json], query: Mapping[str, Json]) -> Rows | list[Json]:
    """The rows that a request asked for; a filter on a field that rows do not have lets all pass."""
    tests = [(_FILTERS[name], value) for name, value in query.items() if name in _FILTERS and value not in ("", [])]
    if not tests:
        return rows
    return [row for row in rows if all(test(row, value, query) for test, value in tests)]


def _among(*fields: str) -> Callable[[Json, Json, Mapping[str, Json]], bool]:
    def test(row: Json, wanted: Json, _query: Mapping[str, Json]) -> bool:
        values = [value for value in (_at(row, field) for field in fields) if value is not None]
        if not values:
            return True
        flat = {str(one) for value in values for one in (value if isinstance(value, list) else [value])}
        return bool(flat & set(wanted if isinstance(wanted, list) else [wanted]))

    return test


def _contains(field: str) -> Callable[[Json, Json, Mapping[str, Json]], bool]:
    def test(row: Json, wanted: Json, _query: Mapping[str, Json]) -> bool:
        value = _at(row, field)
        return value is None or str(wanted).casefold() in str(value).casefold()

    return test


def _tagged(row: Json, wanted: Json, query: Mapping[str, Json]) -> bool:
    tags = _at(row, "tags")
    if tags is None:
        return True
    has = [tag in tags for tag in wanted]
    return all(has) if query.get("tagsFilterType") == "withAllTags" else any(has)


def _at(row: Json, field: str) -> Json:
    for part in field.split("."):
        row = row.get(part) if isinstance(row, dict) else None
    return row


_FILTERS: Mapping[str, Callable[[Json, Json, Mapping[str, Json]], bool]] = {
    "networkIds": _among("networkId", "network.id"),
    "serials": _among("serial", "device.serial"),
    "productTypes": _among("productType", "productTypes"),
    "statuses": _among("status"),
    "models": _among("model"),
    "macs": _among("mac"),
    "tags": _tagged,
    "name": _contains("name"),
    "mac": _contains("mac"),
    "serial": _contains("serial"),
    "model": _contains("model"),
}
