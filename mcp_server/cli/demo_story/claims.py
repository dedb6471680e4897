"""What the demo claims, each computed from looks at the sandbox: pure, and false as easily as true."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from mcp_server.cli.demo_story.telling import Claim
from mcp_server.cli.demo_story.witness import Look

Json = Any
ASIDE: Final = "the cloud's clock, change log, id counters and device history aside"


def nothing_left(before: Look, now: Look, when: str) -> Claim:
    """No write reached the cloud between two looks."""
    new = _new(before, now)
    reads = now.requests - before.requests - len(new)
    return Claim(
        f"No write had left {when}",
        not new,
        f"{len(new)} writes and {reads} reads in the sandbox's journal since the plan was asked for",
    )


def one_write(before: Look, now: Look, agreed_at: datetime, path: str) -> Claim:
    """Exactly one write reached the cloud, to that path, took effect, and came after the person's yes."""
    new = _new(before, now)
    text = "Exactly 1 write reached the cloud, after the person's yes"
    if len(new) != 1:
        return Claim(text, holds=False, evidence=f"{len(new)} writes in the journal: {_listed(new)}")
    later_s = (_at(new[0]) - agreed_at).total_seconds()
    holds = new[0]["path"] == path and bool(new[0]["took_effect"]) and later_s > 0
    return Claim(text, holds, f"{_listed(new)}, {later_s * 1000:.0f} ms after the yes")


def only_fields(before: Json, now: Json, wanted: Mapping[str, Json]) -> Claim:
    """Of a resource, these fields have these values and all others are as before."""
    old, new = dict(_leaves(before)), dict(_leaves(now))
    moved = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    values = ", ".join(f"{name} {old.get(name)} → {new.get(name)}" for name in moved) or "nothing changed"
    holds = set(moved) == set(wanted) and all(new.get(name) == value for name, value in wanted.items())
    return Claim(f"The cloud holds the {len(wanted)} planned values and nothing else moved", holds, values)


def rule_stands_before(before: Sequence[Json], now: Sequence[Json], rule: str, neighbour: str) -> Claim:
    """A rule stands right before its neighbour, and the others are what they were, in their order."""
    names = [str(one.get("comment")) for one in now]
    place = names.index(rule) if rule in names else -1
    is_before = 0 <= place < len(names) - 1 and names[place + 1] == neighbour
    others = [one for one in now if one.get("comment") != rule]
    kept = others == list(before)
    return Claim(
        f"The rule stands right before '{neighbour}'; the other {len(before)} rules kept their order",
        is_before and kept,
        f"rule {place + 1} of {len(names)} in the cloud: {' | '.join(names)}" if place >= 0 else f"not in {names}",
    )


def only_resources(before: Look, now: Look, paths: Collection[str]) -> Claim:
    """Nothing of the whole simulated cloud changed but these resources."""
    moved = changed_resources(before, now)
    names = ", ".join(map(short, moved)) or "none"
    return Claim("Nothing else in either organization changed", set(moved) == set(paths), f"changed resources: {names}")


def nobody_went_offline(before: Look, now: Look) -> Claim:
    """No device was lost between two looks."""
    lost = [row for row in now.transitions[len(before.transitions) :] if row["new"] == "offline"]
    devices = len(now.configuration["devices"])
    return Claim(
        "No device went offline", not lost, f"{len(lost)} of {devices} devices in the sandbox's own device history"
    )


def as_before(before: Look, now: Look) -> Claim:
    """The state equals an earlier one, byte for byte."""
    size = len(now.text.encode())
    moved = "" if before.text == now.text else f"; differs in {', '.join(changed_resources(before, now)) or 'records'}"
    return Claim(
        "The state is byte-equal to the one before",
        before.text == now.text,
        f"SHA-256 {before.digest} and {now.digest} of {size:,} bytes of canonical JSON; {ASIDE}{moved}",
    )


def went_offline(before: Look, now: Look) -> Claim:
    """The change cut devices off: the damage was real."""
    lost = [row for row in now.transitions[len(before.transitions) :] if row["new"] == "offline"]
    names = ", ".join(sorted(now.device_name(row["serial"]) for row in lost))
    new = _new(before, now)
    after_s = (_at(lost[0]) - _at(new[0])).total_seconds() if lost and new else 0.0
    why = f"; {lost[0]['reason']}" if lost else ""
    return Claim(
        "The damage was real: devices lost the cloud",
        bool(lost),
        f"{names or 'none'}, {after_s:.1f} s after the write{why}",
    )


def undone_by_itself(before: Look, now: Look, agreed_at: datetime, path: str) -> Claim:
    """Two writes to one path: the change after the yes, and one more that put it back, which nobody asked for."""
    new = _new(before, now)
    text = "2 writes reached the cloud: the change after the yes, and the undo that nobody had to ask for"
    if len(new) != 2:
        return Claim(text, holds=False, evidence=f"{len(new)} writes in the journal: {_listed(new)}")
    gap_s = (_at(new[1]) - _at(new[0])).total_seconds()
    holds = all(row["path"] == path and row["took_effect"] for row in new) and _at(new[0]) > agreed_at
    return Claim(text, holds, f"{_listed(new)}; {gap_s:.1f} s apart")


def back_online(before: Look, now: Look) -> Claim:
    """Every device that was lost since ``before`` is back."""
    rows = now.transitions[len(before.transitions) :]
    last = {row["serial"]: row for row in rows}
    away = [now.device_name(serial) for serial, row in last.items() if row["new"] == "offline"]
    lost_at = min((_at(row) for row in rows if row["new"] == "offline"), default=now.at)
    back_at = max((_at(row) for row in last.values()), default=now.at)
    return Claim(
        "All of them are back online",
        bool(last) and not away,
        f"still offline: {', '.join(away)}" if away else f"{len(last)} devices, after {_gap(lost_at, back_at)}",
    )


def on_record(writes: Sequence[Mapping[str, Json]], intents: Sequence[datetime], outcomes: Sequence[datetime]) -> Claim:
    """Each write of the cloud's journal has an intent line before it and an outcome line after it."""
    pairs = list(zip(writes, intents, outcomes, strict=False))
    fits = all(intent <= _at(write) <= outcome for write, intent, outcome in pairs)
    return Claim(
        "Each write was announced in the audit store before it left, and its outcome recorded after",
        bool(writes) and fits and len(writes) == len(intents) == len(outcomes),
        f"{len(writes)} writes in the cloud's journal; {len(intents)} intent and {len(outcomes)} outcome lines",
    )


def changed_resources(before: Look, now: Look) -> list[str]:
    """The paths whose stored value differs, and the tables of records that do."""
    old, new = before.configuration["resources"], now.configuration["resources"]
    moved = sorted(path for path in old.keys() | new.keys() if old.get(path) != new.get(path))
    tables = [name for name in now.configuration if name != "resources"]
    return [*moved, *(name for name in tables if before.configuration[name] != now.configuration[name])]


def _new(before: Look, now: Look) -> tuple[Mapping[str, Json], ...]:
    return now.writes[len(before.writes) :]


def _listed(writes: Sequence[Mapping[str, Json]]) -> str:
    return "; ".join(f"{row['method']} {short(row['path'])} ({row['status']})" for row in writes) or "none"


def short(path: str) -> str:
    """The last three parts of a path."""
    return "…/" + "/".join(path.split("/")[-3:])


def _at(row: Mapping[str, Json]) -> datetime:
    return datetime.fromisoformat(row["at"])


def _gap(start: datetime, end: datetime) -> str:
    return f"{(end - start).total_seconds():.1f} s"


def _leaves(value: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield from _leaves(one, f"{path}.{name}" if path else str(name))
    else:
        yield path, value
