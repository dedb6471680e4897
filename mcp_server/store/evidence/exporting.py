"""The audit in three forms: JSON Lines (lossless, can be verified again), CSV for people, OCSF for a SIEM.

OCSF: class 6003, API Activity; required are activity_id, category_uid, class_uid, type_uid, severity_id, time, metadata
(product, version), actor, api (operation) and src_endpoint; a request has a uid, a service and a resource a name or a
uid; what is Other (99) is named by its sibling (ocsf/ocsf-schema 1.3.0, read in November 2026). An attribute without
a value is left out.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from mcp_server.store.evidence.statements import Statement
from mcp_server.store.evidence.verifying import Line

_OCSF: Final = "1.3.0"
_NOT_ASCII: Final = re.compile(r"[^\x20-\x7e]")
_COLUMNS: Final = (
    "seq", "at", "event", "status", "owner", "client", "tool", "call_id", "correlation_id", "plan_id", "change_id",
    "organization_id", "network_ids", "detail", "previous_hash", "hash",
)  # fmt: skip
#: What a spreadsheet would run (OWASP, CSV injection, and ASVS 5.0 1.2.10); in its wide form too, as a keyboard for
#: Chinese or Japanese types it.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_READS: Final = frozenset({"call", "question"})
_FAILED: Final = frozenset(
    {"failed", "refused", "rollback_failed", "cancelled", "stale", "expired", "declined", "busy", "not_applied"}
)
_UNKNOWN: Final = frozenset({"unknown", "in_doubt"})
_OPEN: Final = frozenset(
    {"intent", "asked", "needs_approval", "needs_audit", "applying", "verifying", "pending_keep", "partial",
     "partial_success", "rolling_back", "put_off"}
)  #: neither a success nor a failure: it goes on, or is done in part  # fmt: skip
_ACTIVITIES: Final = {1: "Create", 2: "Read", 3: "Update", 4: "Delete"}
_STATUSES: Final = {0: "Unknown", 1: "Success", 2: "Failure"}
_OTHER: Final = 99

Rows = Iterable[Line]
Form = Callable[[Rows, Iterable[Statement], str], Iterator[str]]


def json_lines(rows: Rows, statements: Iterable[Statement], _version: str) -> Iterator[str]:
    """Each row as its canonical text in ASCII with its hash at the end, then every signed statement."""
    for _, doc, digest in rows:
        yield f'{_NOT_ASCII.sub(_escaped, doc)[:-1]},"hash":"{digest}"}}\n'
    for statement in statements:
        yield f"{statement.text()}\n"


def row_in(line: str) -> Line:
    """The row of an exported line, its text as it was hashed. Raises ValueError for a line that is none."""
    if not line.endswith('"}') or line[-75:-66] != ',"hash":"':
        raise ValueError("not a row")
    try:
        fields = json.loads(line)
    except RecursionError:
        raise ValueError("not a row") from None
    seq = fields.get("seq") if isinstance(fields, dict) else None
    if type(seq) is not int:
        raise ValueError("not a row")
    return seq, _ESCAPE.sub(_unescaped, line[:-75]) + "}", line[-66:-2]


def csv_lines(rows: Rows, _statements: Iterable[Statement], _version: str) -> Iterator[str]:
    """A header and a line a row; no cell can be taken for a formula."""
    yield _csv(_COLUMNS)
    for _, doc, digest in rows:
        fields = {**json.loads(doc), "hash": digest}
        yield _csv([_cell(fields[name]) for name in _COLUMNS])


def ocsf_lines(rows: Rows, _statements: Iterable[Statement], version: str) -> Iterator[str]:
    """One API Activity event (class 6003) a row."""
    for _, doc, digest in rows:
        event = ocsf_event({**json.loads(doc), "hash": digest}, version)
        yield json.dumps(event, ensure_ascii=True, separators=(",", ":")) + "\n"


FORMS: Final[Mapping[str, Form]] = {"jsonl": json_lines, "csv": csv_lines, "ocsf": ocsf_lines}


def ocsf_event(row: Mapping[str, Any], version: str) -> dict[str, Any]:
    """The row as an API Activity event; what has no place in the schema is under ``unmapped``."""
    activity, status = _activity(row), _status(row["status"])
    is_failed = status == 2
    detail = row["detail"]
    arguments = detail.get("arguments") if isinstance(detail.get("arguments"), dict) else {}
    request = _request(row)
    asked = f"{request['method']} {request['path']}" if request else ""
    operation = arguments.get("operation") or detail.get("operation") or asked or row["tool"] or row["event"]
    networks = [{"uid": one, "type": "network"} for one in row["network_ids"]]
    organization = [{"uid": row["organization_id"], "type": "organization"}] if row["organization_id"] else []
    return {
        "activity_id": activity,
        "activity_name": _ACTIVITIES.get(activity, row["event"]),
        "category_uid": 6,
        "class_uid": 6003,
        "type_uid": 600300 + activity,
        "severity_id": 2 if is_failed else 1,
        "severity": "Low" if is_failed else "Informational",
        "time": int(datetime.fromisoformat(row["at"]).timestamp() * 1000),
        "status_id": status,
        "status": _STATUSES.get(status, row["status"]),
        "status_detail": row["status"],
        "metadata": _given(
            {
                "version": _OCSF,
                "product": {
                    "name": "Meraki Specialist MCP",
                    "vendor_name": "Meraki Specialist MCP",
                    "version": version,
                },
                "uid": f"{row['seq']}:{row['hash']}",
                "correlation_uid": row["correlation_id"],
            }
        ),
        "actor": _given({"user": _given({"name": row["owner"]}), "app_name": row["client"]}),
        "api": _given(
            {
                "operation": str(operation),
                "request": _given({"uid": row["call_id"]}),
                "service": _given({"name": row["tool"]}),
            }
        ),
        "src_endpoint": {"name": row["client"] or "unknown"},
        "resources": [*organization, *networks],
        "unmapped": {name: row[name] for name in ("seq", "event", "plan_id", "change_id", "detail", "hash")},
    }


def _given(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Those that have a value."""
    return {name: value for name, value in attributes.items() if value not in ("", None, {})}


def _status(word: str) -> int:
    """0 unknown, 1 success, 2 failure, 99 other: what is not over, or done in part."""
    if word in _UNKNOWN:
        return 0
    return 2 if word in _FAILED else _OTHER if word in _OPEN else 1


def _request(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Method and path of what an intent announces; empty for every other row."""
    request = row["detail"].get("request")
    return request if isinstance(request, dict) and {"method", "path"} <= request.keys() else {}


def _activity(row: Mapping[str, Any]) -> int:
    """1 create, 2 read, 3 update, 4 delete, 99 other."""
    method = _request(row).get("method")
    if isinstance(method, str):
        return {"POST": 1, "GET": 2, "PUT": 3, "DELETE": 4}.get(method.upper(), _OTHER)
    return 2 if row["event"] in _READS and row["tool"] not in ("meraki_apply", "rollback") else _OTHER


def _cell(value: Any) -> str:
    """The value as a cell's text."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return f"'{text}" if text.startswith(_FORMULA) else text


def _csv(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow(cells)
    return line.getvalue()


def _escaped(match: "re.Match[str]") -> str:
    return json.dumps(match[0])[1:-1]


_ESCAPE: Final = re.compile(r"(\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|\\u[0-9a-f]{4})|\\.")


def _unescaped(match: "re.Match[str]") -> str:
    """Only what is beyond ASCII was escaped by the export; every other escape is the row's own."""
    if not match[1]:
        return match[0]
    text: str = json.loads(f'"{match[1]}"')
    return text if ord(text[0]) >= 0x7F else match[0]
