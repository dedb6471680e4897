"""Which anchors are set: ``file:PATH``, ``syslog``, ``webhook:URL``, ``git-note:REPOSITORY``.

Rules: the operator names each place whole, and statements go there and nowhere else; a webhook is https to exactly the
host that was named (http only to this machine, and only when that is allowed).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from mcp_server.anchors import file, git_note, syslog, webhook

ALLOWED: Final = (
    "file:PATH, syslog, syslog:SOCKET, webhook:https://..., git-note:REPOSITORY; several with commas between"
)


@dataclass(frozen=True, slots=True)
class Anchor:
    """A place outside the store. ``append`` adds one line for good or raises StoreUnavailable."""

    name: str
    append: Callable[[str], None]


def parse(value: object) -> tuple[str, ...]:
    """The anchors of a setting, each checked. Raises ValueError or TypeError."""
    parts = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        raise TypeError
    found = tuple(part for part in parts if part)
    for one in found:
        _append(one, allow_loopback=True)
    return found


def anchors(named: Iterable[str], beside: Path, *, allow_loopback: bool = False) -> tuple[Anchor, ...]:
    """The anchors of the setting, after the file ``beside`` the store. Raises ValueError for a loopback webhook."""
    outside = [Anchor(shown(one), _append(one, allow_loopback=allow_loopback)) for one in named]
    return (Anchor(f"file:{beside}", partial(file.append, beside)), *outside)


def shown(named: str) -> str:
    """The anchor's name without what may be secret in it: of a webhook the host alone."""
    kind, _, place = named.partition(":")
    return f"{kind}:{webhook.host_of(place)}" if kind == "webhook" else named


def _append(named: str, *, allow_loopback: bool) -> Callable[[str], None]:
    """What adds a line there. Raises ValueError."""
    if not isinstance(named, str):
        raise TypeError
    kind, _, place = named.partition(":")
    if kind == "file" and place:
        return partial(file.append, _absolute(place))
    if kind == "syslog":
        return partial(syslog.append, Path(place) if place else syslog.SOCKET)
    if kind == "webhook":
        return partial(webhook.append, webhook.address(place, allow_loopback=allow_loopback))
    if kind == "git-note" and place:
        return partial(git_note.append, _absolute(place))
    raise ValueError


def _absolute(place: str) -> Path:
    if "\0" in place:
        raise ValueError
    return Path(place).expanduser().absolute()
