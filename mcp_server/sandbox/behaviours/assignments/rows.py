"""Rows that say what is assigned to what: each has an id of its own, and is told from the others by its fields."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import CloudError, Json
from mcp_server.sandbox.checks.tables import matching

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World


def assign(world: "World", path: str, rows: list[dict[str, Json]], only: tuple[str, ...]) -> list[Json]:
    """The new rows with their ids. What is assigned already (it has the fields ``only``) refuses all with a 400."""
    held = world.collection(path)
    keys = [{name: row[name] for name in only} for row in rows]
    for number, key in enumerate(keys):
        if matching(held, key) is not None or key in keys[:number]:
            raise CloudError(400, f"{_said(key)} has already been assigned")
    made = [{"assignmentId": world.new_id()} | row for row in rows]
    held.update({str(row["assignmentId"]): row for row in made})
    return made


def unassign(world: "World", path: str, rows: list[dict[str, Json]]) -> None:
    """Take away the rows with those fields; one that is not there refuses all with a 400."""
    held = world.collection(path)
    keys = [matching(held, row) for row in rows]
    for key, row in zip(keys, rows, strict=True):
        if key is None:
            raise CloudError(400, f"{_said(row)} is not assigned")
    for key in keys:
        held.pop(str(key), None)


def forget_assigned(world: "World", path: str, field: str, value: Json) -> None:
    """Drop the rows in which a field has a value: what they name is gone."""
    held = world.collection(path)
    for key in [key for key, row in held.items() if row.get(field) == value]:
        del held[key]


def _said(fields: Mapping[str, Json]) -> str:
    said = [f"{name} {value.get('id', value) if isinstance(value, dict) else value}" for name, value in fields.items()]
    return ", ".join(said)
