"""From pages to one answer. Only the cloud's own ``next`` link is followed; its parameters are opaque.

Two rules: what comes back is all pages or an error, never part of them; a link that leads elsewhere is an error.
"""

import re
from collections.abc import Sequence
from urllib.parse import parse_qsl, urljoin, urlsplit

from mcp_server.domain.call import Json
from mcp_server.meraki.hosts import is_same_cloud

CURSOR_LIMIT = 4_096  #: characters
_LINK = re.compile(r"<([^<>]*)>((?:\s*;\s*[^,;<>\"]+(?:\"[^\"]*\")?)*)")
_NEXT = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s;,\"]+))", re.IGNORECASE)


def next_cursor(link: str, asked: str) -> str | None:
    """The query of the ``next`` link of an answer to the URL ``asked``; None on the last page.

    ``rel`` may stand without quotes, as Meraki sends it. ValueError when the link leads to another host or path.
    """
    target = _next_target(link)
    if target is None:
        return None
    here, there = urlsplit(asked), urlsplit(urljoin(asked, target))
    same_place = there.scheme == here.scheme and there.path == here.path and "@" not in there.netloc
    same_host = there.netloc == here.netloc or (
        there.port in (None, 443) and is_same_cloud(here.hostname or "", there.hostname or "")
    )
    if not (same_place and same_host):
        raise ValueError("the link to the next page leads to another address")
    return checked_cursor(there.query)


def _next_target(link: str) -> str | None:
    for target, parameters in _LINK.findall(link):
        relation = _NEXT.search(parameters)
        if relation and "next" in (relation.group(1) or relation.group(2) or "").lower().split():
            return str(target)
    return None


def checked_cursor(cursor: str) -> str:
    """The cursor itself; ValueError when it cannot be the query of a next page."""
    plain = cursor.isascii() and cursor.isprintable() and not set(cursor) & set(' #<>"\\')
    if not plain or not 0 < len(cursor) <= CURSOR_LIMIT:
        raise ValueError("the cursor is not one that this server gave")
    return cursor


def cursor_pairs(cursor: str) -> list[tuple[str, str]]:
    """Names and values of a cursor; ValueError as ``checked_cursor``."""
    return parse_qsl(checked_cursor(cursor), keep_blank_values=True)


def elements(page: Json) -> list[Json] | None:
    """The list of a page: the page itself, its ``items``, or the only list in it; None when there is no such list."""
    if isinstance(page, list):
        return page
    name = _list_name(page)
    return None if name is None else list(page[name])


def _list_name(page: Json) -> str | None:
    if not isinstance(page, dict):
        return None
    names = [name for name, value in page.items() if isinstance(value, list)]
    return "items" if "items" in names else names[0] if len(names) == 1 else None


def joined(pages: Sequence[Json]) -> Json:
    """All pages as one: the lists after one another, everything around them as in the first.

    ValueError when a page has no list, or not in the same place as the first.
    """
    first = pages[0]
    if len(pages) == 1:
        return first
    parts = [elements(page) for page in pages]
    places = {(type(page), _list_name(page)) for page in pages}
    if None in parts or len(places) != 1:
        raise ValueError("the pages of the answer do not fit together")
    whole = [item for part in parts for item in part or ()]
    return whole if isinstance(first, list) else {**first, _list_name(first): whole}
