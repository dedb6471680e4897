"""Answers of the server as short lines: what a reader wants to see of a plan, a change, a health check."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from mcp_server.cli.demo_story.claims import short
from mcp_server.cli.demo_story.telling import Telling

Json = Any
_WIDE = 84


def show_plan(telling: Telling, plan: Mapping[str, Json]) -> None:
    """Risk, reach, diff and warnings of a plan."""
    warned = [["warning", one["message"]] for one in plan["warnings"] if one["severity"] != "info"]
    rows = [
        *(row for step in plan["diff"] for row in _step_rows(step)),
        ["reaches", _reach(plan["impact"])],
        *warned,
        ["way back", ", ".join(sorted({str(one["class"]) for one in plan["undo"]}))],
        ["requires", ", ".join(plan["requires"])],
        ["hash", str(plan["plan_hash"])[:16] + "…"],
    ]
    telling.tell("rows", "", rows=rows)


def _reach(impact: Mapping[str, Json]) -> str:
    users = impact["users_affected"]
    clients = "an unknown number of clients" if users == "unknown" else f"{users} clients"
    return f"{impact['devices_affected']} device(s), {clients}; downtime {impact['downtime_expected']}"


def show_change(telling: Telling, change: Mapping[str, Json]) -> None:
    """Each request of a change, whether it read back as planned, and what health said."""
    rows = [
        [str(step["phase"]), f"{_request(step)} → {step['http_status']}, {_verified(step['verified'])}"]
        for step in change.get("steps", [])
    ]
    health = change.get("health") or {}
    if health:
        rows.append(["health", f"{health['verdict']} after {health['samples']} samples"])
    rows += [["", str(finding["message"])] for finding in health.get("findings", [])]
    telling.tell("rows", "", rows=rows)


def _request(step: Mapping[str, Json]) -> str:
    method, _, path = str(step["request"]).partition(" ")
    return f"{method} {short(path)}"


def show_history(telling: Telling, history: Mapping[str, Json]) -> None:
    """Each change with how it stands, oldest first."""
    rows = []
    for change in reversed(history["changes"]):
        told = str(change["status"])
        if change.get("rolls_back"):
            told += ", takes back " + ", ".join(change["rolls_back"])
        if change.get("rolled_back_by"):
            told += ", taken back by " + str(change["rolled_back_by"])
        rows.append([change["change_id"], told])
    telling.tell("rows", "", rows=rows)


def _verified(verified: Json) -> str:
    return "read back as planned" if verified else "NOT as planned" if verified is False else "not read back"


def _step_rows(step: Mapping[str, Json]) -> Iterator[list[str]]:
    yield [f"step {step['step']}", f"{step['target']} ({step['risk']} risk)"]
    for field in step["fields"]:
        yield ["", _field_line(field)]


def _field_line(field: Mapping[str, Json]) -> str:
    name, how, note = field["field"], field.get("how", ""), field.get("note", "")
    if how == "added":
        return f"+ {name}: {_short(field['after'])}{f'  ({note})' if note else ''}"
    if how == "removed":
        return f"- {name}: {_short(field['before'])}{f'  ({note})' if note else ''}"
    if how == "moved":
        return f"~ {name}: moved{f'  ({note})' if note else ''}"
    return f"{name}: {_short(field['before'])} → {_short(field['after'])}"


def _short(value: Json) -> str:
    if isinstance(value, Mapping) and "policy" in value and "destCidr" in value:
        return f"{value['policy']} {value.get('protocol')} {value.get('srcCidr')} → {value['destCidr']}"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _WIDE else text[: _WIDE - 1] + "…"
