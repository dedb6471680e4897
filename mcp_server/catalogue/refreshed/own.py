"""What an organization's own API has that the shipped catalogue has not, and the catalogue that knows both.

A row of the shipped file says more than a document does, so it stays wherever the two do not contradict each other.
The merged catalogue knows what any organization has; ``of`` gives the exact one of a single organization.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from mcp_server.catalogue.builder.openapi import Difference, compare
from mcp_server.catalogue.operations import Catalogue
from mcp_server.catalogue.refreshed.document import Row, rows_of, version_of
from mcp_server.catalogue.validation.check import body_faults, param_faults
from mcp_server.domain.call import Json, Touch

STALE: Final = timedelta(days=30)  #: the API changes every few weeks (Cisco documentation, "What's new")


@dataclass(frozen=True, slots=True)
class OwnApi:
    """The difference of one organization's API to the shipped catalogue, and when it was read."""

    organization_id: str
    version: str  #: that its document says
    fetched_at: datetime
    shipped: str  #: version of the catalogue that it was compared with
    rows: Mapping[str, Row]  #: added and changed operations by id
    added: tuple[str, ...]
    removed: tuple[str, ...]

    def to_json(self) -> dict[str, Json]:
        """As it is kept."""
        return {
            "organization_id": self.organization_id, "version": self.version, "shipped": self.shipped,
            "fetched_at": self.fetched_at.isoformat(), "rows": {name: dict(row) for name, row in self.rows.items()},
            "added": list(self.added), "removed": list(self.removed),
        }  # fmt: skip

    @classmethod
    def from_json(cls, value: Json) -> "OwnApi":
        """The inverse; ValueError for anything else."""
        try:
            return cls(
                organization_id=str(value["organization_id"]),
                version=str(value["version"]),
                fetched_at=datetime.fromisoformat(value["fetched_at"]),
                shipped=str(value["shipped"]),
                rows=dict(value["rows"]),
                added=tuple(value["added"]),
                removed=tuple(value["removed"]),
            )
        except (KeyError, TypeError, AttributeError) as problem:
            raise ValueError(f"no kept API of an organization: {problem}") from problem

    def is_stale(self, now: datetime) -> bool:
        """Whether it was read longer ago than the API usually stays as it is."""
        return now - self.fetched_at > STALE


def own_api(shipped: Catalogue, organization_id: str, document: Json, at: datetime) -> tuple[OwnApi, Difference]:
    """What the document says of an organization's API; ValueError when it cannot be read."""
    found = compare(shipped, document)
    rows = rows_of(document)
    staged = {name for name, row in rows.items() if "s" in row}
    differing = {*found.added, *found.changed, *staged}
    kept = {name: rows[name] for name in sorted(differing)}
    own = OwnApi(
        organization_id, version_of(document), at, shipped.version, kept, tuple(found.added), tuple(found.removed)
    )
    return own, found


class MergedCatalogue(Catalogue):
    """The shipped catalogue and what single organizations have beside it."""

    def __init__(self, shipped: Catalogue, owns: Sequence[OwnApi]) -> None:
        """``owns`` are the organizations whose document was read."""
        rows = shipped.rows()
        merged = dict(rows)
        self._shipped = shipped
        self._exact: dict[str, Catalogue] = {}
        self.owns = {own.organization_id: own for own in owns}
        for own in owns:
            exact = {name: row for name, row in rows.items() if name not in own.removed} | _own_rows(rows, own)
            self._exact[own.organization_id] = Catalogue(list(exact.values()), own.version)
            for name, row in own.rows.items():
                merged[name] = _both(merged[name], row) if name in merged else row
        self._differing = frozenset(name for own in owns for name in (*own.rows, *own.removed))
        super().__init__(list(merged.values()), shipped.version)

    @property
    def own_organizations(self) -> tuple[str, ...]:
        """The organizations whose document was read."""
        return tuple(self.owns)

    def of(self, organization_id: str) -> Catalogue:
        """The exact catalogue of an organization: its own, or the shipped one."""
        return self._exact.get(organization_id, self._shipped)

    def organizations_with(self, operation_id: str) -> tuple[str, ...]:
        """The organizations that have an operation which the shipped catalogue has not."""
        return tuple(own.organization_id for own in self.owns.values() if operation_id in own.added)

    def freshness(self, now: datetime) -> list[Mapping[str, Json]]:
        """Of each organization the version, the age in days and whether it is too old to rely on."""
        return [
            {
                "organization_id": own.organization_id, "version": own.version, "is_stale": own.is_stale(now),
                "age_days": (now - own.fetched_at).days, "made_for": own.shipped,
            }
            for own in self.owns.values()
        ]  # fmt: skip

    def faults_in(self, organization_id: str, touch: Touch) -> tuple[str, ...]:
        """What is wrong with a call in that organization's API, which may know less than the merged catalogue."""
        if touch.operation not in self._differing:
            return ()
        operation = self.of(organization_id).get(touch.operation)
        if operation is None:
            return (f"{touch.operation} is not in the API of organization {organization_id}",)
        found = [*param_faults(operation, touch.params), *body_faults(operation, touch.body)]
        return tuple(f"{touch.operation}: {fault}" for fault in found)


def _own_rows(shipped: Mapping[str, Mapping[str, Any]], own: OwnApi) -> dict[str, Row]:
    """The rows that hold in that organization; what a document does not say stays as shipped."""
    return {name: {**shipped.get(name, {}), **row} for name, row in own.rows.items()}


def _both(one: Mapping[str, Any], other: Mapping[str, Any]) -> Row:
    """A row that lets through what either does; who may send what is told by the exact ones."""
    merged: Row = {**other, **one}
    merged["q"] = list(dict.fromkeys([*one.get("q", ()), *other.get("q", ())]))
    merged["qt"] = {**other.get("qt", {}), **one.get("qt", {})}
    merged["rq"] = [name for name in one.get("rq", ()) if name in other.get("rq", ())]
    if isinstance(one.get("b"), dict) and isinstance(other.get("b"), dict):
        merged["b"] = _both_fields(one["b"], other["b"])
    return merged


def _both_fields(one: Mapping[str, Json], other: Mapping[str, Json]) -> dict[str, Json]:
    plain = [{name.removesuffix("!"): (name, tree) for name, tree in fields.items()} for fields in (one, other)]
    found: dict[str, Json] = {}
    for name in dict.fromkeys([*plain[0], *plain[1]]):
        own, theirs = plain[0].get(name), plain[1].get(name)
        needed = own is not None and theirs is not None and own[0].endswith("!") and theirs[0].endswith("!")
        kept = own or theirs
        found[f"{name}!" if needed else name] = kept[1] if kept else "any"
    return found
