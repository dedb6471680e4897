"""The state of the simulated cloud: everything that it knows, and what its API never shows.

Rules for behaviours (``mcp_server/sandbox/behaviours``):
- State is plain JSON (no tuples, no datetimes). A collection is a dict ``id -> item`` in insertion order under its
  path, a singleton an object under its path: ``/networks/N_1/appliance/vlans``, ``/networks/N_1/snmp``.
- Check first, change last: a behaviour that raises must have changed nothing. An action batch is rolled back whole.
- Values are stored whole, secrets included. The dispatcher checks parents (404), locks (template-bound, monitored),
  types, enums and required fields before a behaviour runs, and cuts what it returns to the documented response
  afterwards, so write-only secrets never leave. It also deep-copies the answer.
- What was never written is made by ``singleton``/``collection`` from its default. ``dump`` leaves out what still
  equals its default, so reading never changes the canonical state.
- ``record_change`` writes the configuration-change log; a successful write that recorded nothing gets one row from
  the dispatcher.
"""

import copy
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

Json = Any
START = datetime(2026, 11, 2, 8, 0, 0, tzinfo=UTC)
#: kind -> (text before the number, first number). Networks and templates of the cloud carry a letter.
_ID_KINDS: Mapping[str, tuple[str, int]] = {
    "organization": ("", 549_236),
    "network": ("N_", 646_829_496_481_100_100),
    "combined_network": ("L_", 646_829_496_481_105_400),
    "template": ("L_", 646_829_496_481_109_700),
    "floor_plan": ("g_", 646_829_496_481_117_000),
    "group_policy": ("", 102),
    "access_policy": ("", 1),
    "number": ("", 1),
    "api_key": ("", 40_961),
    "numeric": ("", 575_897_802_350_012_000),
}
#: collections whose order is configuration, too; JSON objects have none
_ORDERED = ("/switch/qosRules",)
_STATE = ("organizations", "networks", "devices", "templates", "resources", "hidden", "changes", "counters", "pristine")


class World:
    """Everything the cloud knows. One per app, deterministic under ``seed``."""

    def __init__(self, seed: int = 1, clock: Callable[[], datetime] | None = None) -> None:
        """``clock`` gives aware UTC; without it time stands at START and moves by ``advance``."""
        self.seed = seed
        self.organizations: dict[str, Json] = {}
        self.networks: dict[str, Json] = {}  #: as GET /networks/{id} shows them, configTemplateId included
        self.devices: dict[str, Json] = {}  #: by serial, as GET /devices/{serial}; networkId None: in inventory only
        self.templates: dict[str, Json] = {}  #: config templates by id, organizationId included
        self.resources: dict[str, Json] = {}  #: by path below /api/v1
        self.hidden: dict[str, Json] = {}  #: by path: cabling, claims, Catalyst mode; the API has no word for it
        self.changes: list[dict[str, Json]] = []  #: configuration-change log, oldest first
        self.counters: dict[str, int] = {}  #: ids handed out; never taken back
        self.pristine: dict[str, str] = {}  #: canonical text of what singleton() and collection() made
        self.journal: list[dict[str, Json]] = []  #: requests received, oldest first; survives restore()
        self.admin = {"name": "API Owner", "email": "owner@example.com", "id": "212406"}
        self.settle_s = 5.0  #: seconds until the cloud sees that a device is cut off, or back
        #: carries out one more operation (method, path, body) as a request would; batches use it; set by the dispatcher
        self.perform: Callable[[str, str, Json], Json] | None = None
        self._housed: dict[str | None, list[str]] = {}  #: network -> serials, made again after rehouse()
        self._clock = clock
        self._skew = timedelta(0)

    # Time

    def now(self) -> datetime:
        """The cloud's time, aware UTC."""
        return (self._clock() if self._clock else START) + self._skew

    def advance(self, seconds: float) -> datetime:
        """The time after moving the cloud's clock on by so many seconds."""
        self._skew += timedelta(seconds=seconds)
        return self.now()

    def rewind(self) -> None:
        """Undo all ``advance``."""
        self._skew = timedelta(0)

    def stamp(self, seconds_ago: float = 0.0) -> str:
        """The cloud's time as its API writes it, e.g. ``2026-11-02T08:00:00.000000Z``."""
        return (self.now() - timedelta(seconds=seconds_ago)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    # Ids

    def new_id(self, kind: str = "numeric") -> str:
        """An id as the cloud hands it out, never seen before in this world. Unknown kinds are long numbers."""
        prefix, first = _ID_KINDS.get(kind, _ID_KINDS["numeric"])
        name = kind if kind in _ID_KINDS else "numeric"
        number = self.counters.get(name, first - 1) + 1
        self.counters[name] = number
        return f"{prefix}{number}"

    @staticmethod
    def url_id(url: str) -> str:
        """The id of a webhook HTTP server: base64 of its url, as the cloud makes it (facts: section 1.6)."""
        return urlsafe_b64encode(url.encode()).decode()

    # Resources

    def singleton(self, path: str, default: Callable[[], Json] | Json = None) -> Json:
        """The object at a path, made from ``default`` (value or function) when nobody wrote it; live, no copy."""
        if path not in self.resources:
            value = default() if callable(default) else copy.deepcopy(default)
            self.resources[path] = {} if value is None else value
            self.pristine[path] = canonical(self.resources[path])
        return self.resources[path]

    def collection(self, path: str, default: Callable[[], dict[str, Json]] | None = None) -> dict[str, Json]:
        """The items at a path by id, made from ``default`` when nobody wrote them; live, not a copy."""
        items: dict[str, Json] = self.singleton(path, default or dict)
        return items

    def get(self, path: str) -> Json:
        """The object, collection or collection item at a path, or None; makes nothing."""
        if path in self.resources:
            return self.resources[path]
        parent, _, item = path.rpartition("/")
        holder = self.resources.get(parent)
        return holder.get(item) if isinstance(holder, dict) else None

    def put(self, path: str, value: Json) -> None:
        """Set the object at a path, or the item of the collection that holds it."""
        parent, _, item = path.rpartition("/")
        holder = self.resources.get(parent)
        if path not in self.resources and isinstance(holder, dict) and item in holder:
            holder[item] = value
        else:
            self.resources[path] = value

    def forget(self, prefix: str) -> None:
        """Drop everything at a path and below it."""
        parent, _, item = prefix.rpartition("/")
        holder = self.resources.get(parent)
        if isinstance(holder, dict):
            holder.pop(item, None)
        for table in (self.resources, self.hidden, self.pristine):
            for path in [path for path in table if path == prefix or path.startswith(prefix + "/")]:
                del table[path]

    def below(self, prefix: str) -> Iterator[str]:
        """The stored paths at and below a path."""
        yield from [path for path in self.resources if path == prefix or path.startswith(prefix + "/")]

    # Who belongs to whom

    def network_of(self, serial: str) -> str | None:
        """The network that a device is in; None when it is in no network or unknown."""
        device = self.devices.get(serial)
        return device.get("networkId") if device else None

    def organization_of(self, network_id: str | None) -> str | None:
        """The organization of a network or template; None when unknown."""
        found = self.networks.get(network_id or "") or self.templates.get(network_id or "")
        return found["organizationId"] if found else None

    def networks_of(self, organization_id: str) -> list[Json]:
        """The networks of an organization, oldest first; templates are not networks."""
        return [one for one in self.networks.values() if one["organizationId"] == organization_id]

    def devices_in(self, network_id: str) -> list[Json]:
        """The devices of a network."""
        if not self._housed:
            for serial, device in self.devices.items():
                self._housed.setdefault(device.get("networkId"), []).append(serial)
        return [self.devices[serial] for serial in self._housed.get(network_id, ())]

    def rehouse(self) -> None:
        """To be called when devices came to, or left, a network."""
        self._housed.clear()

    def is_bound(self, network_id: str) -> bool:
        """Whether a network takes its settings from a configuration template."""
        return bool(self.networks.get(network_id, {}).get("isBoundToConfigTemplate"))

    # The configuration-change log

    def record_change(
        self,
        network_id: str | None,
        page: str,
        label: str,
        old: Json,
        new: Json,
        *,
        organization_id: str | None = None,
        admin: Mapping[str, str] | None = None,
        ssid_number: int | None = None,
    ) -> None:
        """Add a row; ``organization_id`` is needed when no network is touched, ``admin`` when it was another person."""
        who = admin or self.admin
        network = self.networks.get(network_id or "") or self.templates.get(network_id or "") or {}
        row = {
            "ts": self.stamp(),
            "adminName": who["name"],
            "adminEmail": who["email"],
            "adminId": who["id"],
            "networkName": network.get("name"),
            "networkId": network_id,
            "networkUrl": network.get("url"),
            "ssidName": None,
            "ssidNumber": ssid_number,
            "page": page,
            "label": label,
            "oldValue": old if isinstance(old, str) else canonical(old),
            "newValue": new if isinstance(new, str) else canonical(new),
            "client": {"id": None, "type": None} if admin else {"id": "0", "type": "api"},
            "organizationId": organization_id or self.organization_of(network_id),
        }
        self.changes.append(row)

    # Whole states

    def dump(self) -> dict[str, Json]:
        """The whole state as a copy: ``configuration`` is canonical, ``volatile`` moves by itself."""
        moved = {p: v for p, v in sorted(self.resources.items()) if self.pristine.get(p) != canonical(v)}
        jobs = {p: v for p, v in moved.items() if p.endswith("/actionBatches") or "/liveTools/" in p}
        kept = {p: v for p, v in moved.items() if p not in jobs}
        kept |= {f"{p}/order": list(v) for p, v in moved.items() if p.endswith(_ORDERED)}
        owners = {p.split("/")[2]: v.get("organizationId") for p, v in self.hidden.items() if p.startswith("/devices/")}
        configuration = {
            "organizations": self.organizations,
            "networks": self.networks,
            "devices": self.devices,
            "templates": self.templates,
            "resources": kept,
            "owners": owners,
        }
        volatile = {
            "now": self.stamp(),
            "changes": self.changes,
            "counters": self.counters,
            "hidden": self.hidden,
            "jobs": jobs,
        }
        return copy.deepcopy({"configuration": configuration, "volatile": volatile})

    def defaults(self) -> dict[str, Json]:
        """What the cloud made by itself, by path: ``dump`` leaves out what still equals it."""
        return {path: json.loads(text) for path, text in sorted(self.pristine.items())}

    def snapshot(self) -> str:
        """Everything but the journal and the clock, for ``restore``."""
        return json.dumps({name: getattr(self, name) for name in _STATE})

    def restore(self, snapshot: str) -> None:
        """Make the state what it was at ``snapshot``; ids handed out since are not handed out again."""
        counters = dict(self.counters)
        for name, value in json.loads(snapshot).items():
            setattr(self, name, value)
        self.rehouse()
        for kind, number in counters.items():
            self.counters[kind] = max(number, self.counters.get(kind, number))


def canonical(value: Json) -> str:
    """JSON text that is equal for equal values, whatever the order of keys."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
