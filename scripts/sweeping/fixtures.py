"""For each write the cases that make it possible: what must stand before it, its ids, and a valid body."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from mcp_server.catalogue.operations import Catalogue
from mcp_server.catalogue.overlay import Overlay
from mcp_server.domain.call import Touch
from mcp_server.sandbox.routes import filled
from scripts.sweeping.bench import Bench
from tests.support.cases import PLACES, Case, cases

Json = Any
OWN: Final = Path(__file__).resolve().parent
_DEVICES: Final[Mapping[str, str]] = {
    "appliance": "MX", "switch": "MS", "wireless": "MR", "camera": "MV", "sensor": "MT", "cellular": "MG",
    "cellularGateway": "MG",
}  # fmt: skip
_UNKNOWN: Final = "1234"


def fixtures(catalogue: Catalogue, overlay: Overlay) -> dict[str, list[tuple[str, Case]]]:
    """The hand-made cases by operation, each with its name; those of creates also give updates and deletes."""
    found: dict[str, list[tuple[str, Case]]] = {}
    for kind in ("writes", "updates", "creates", "actions"):
        folder = {"folder": OWN, "files": "cases*.json"} if kind == "writes" else {}
        for name, case in cases(kind, **folder).items():  # type: ignore[arg-type]  # the two words of the folder's files
            found.setdefault(case.operation, []).append((name, case))
            if kind == "creates":
                for follow_up in _on_created(catalogue, overlay, case):
                    found.setdefault(follow_up.operation, []).append((name, follow_up))
    return found


def _on_created(catalogue: Catalogue, overlay: Overlay, case: Case) -> list[Case]:
    """The delete, and when the case has a body for it the update, of what the case creates."""
    made = {"operation": case.operation, "params": case.params, "body": case.body}
    path = catalogue.find(case.operation).path
    row = overlay.row(case.operation)
    deleter = catalogue.get(row.inverse) or (
        (item := overlay.places.item("DELETE", path)) and catalogue.find(item.operation)
    )
    updater = overlay.places.item("PUT", path)
    wanted = [(deleter, None)] if deleter else []
    wanted += [(catalogue.find(updater.operation), case.change)] if updater and case.change is not None else []
    follow_ups = []
    for operation, body in wanted:
        own = {operation.path_params[-1]: f"${len(case.first)}.{overlay.row(operation.id).id_field}"}
        shared = {name: value for name, value in case.params.items() if name in operation.path_params}
        follow_ups.append(Case(operation.id, shared | own, body, (*case.first, made)))
    return follow_ups


async def guessed(bench: Bench, operation_id: str) -> Case:
    """A case for an operation that has none: its ids are the first that the sandbox lists."""
    operation = bench.catalogue.find(operation_id)
    known: dict[str, str] = {}
    template = ""
    for part in operation.path.split("/")[1:]:
        if part.startswith("{"):
            known[part[1:-1]] = await _id(bench, template, part[1:-1], known, operation.path)
        template += f"/{part}"
    return Case(operation_id, known)


async def _id(bench: Bench, template: str, param: str, known: Mapping[str, str], path: str) -> str:
    fixed = {"organizationId": PLACES["ORG"], "networkId": PLACES["NET"], "number": "1"}
    if param in fixed:
        return fixed[param]
    if param == "serial":
        return PLACES[_DEVICES.get(path.split("/")[3], "MS")]
    reader = bench.catalogue.at("GET", template)
    if reader is None or reader.required_query:
        return _UNKNOWN
    status, answer = await bench.send(Touch(reader.id, dict(known)))
    rows = answer if isinstance(answer, list) else (answer or {}).get("items", []) if status == 200 else []
    first = rows[0] if rows and isinstance(rows[0], dict) else {}
    found = first.get(param, first.get("id"))
    return str(found) if found is not None else await bench.first_key(filled(template, known)) or _UNKNOWN
