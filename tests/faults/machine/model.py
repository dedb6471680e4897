"""What whoever drives the servers knows by itself: what was wished, what others did, what was told; and what must hold.

Rule: the simulated cloud's journal and state are the judge; nothing here asks a server whether it did right.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from scripts.faulting.cloud import Cloud
from tests.support.places import CORE, NET
from tests.support.story import step

Json = Any
Place = tuple[str, str]  #: a path of the cloud and a field of what stands there
SSIDS: Final = f"/networks/{NET}/wireless/ssids"
PORTS: Final = f"/devices/{CORE}/switch/ports"
VLANS: Final = f"/networks/{NET}/appliance/vlans"
VLAN: Final = f"{VLANS}/77"
_HARNESS: Final = "Python-urllib"


@dataclass
class Planned:
    """A plan: what it is to put where, and how many edits by others it has seen."""

    plan_id: str
    wishes: Mapping[Place, Json]
    bodies: Sequence[Json]  #: of its requests, each unlike any other
    seen: int
    is_begun: bool = False  #: somebody has called for it to be applied and may have begun
    minutes: int | None = None
    audit_id: str = ""  #: of the audit that was asked for
    verdict: str = ""  #: approve or reject

    @property
    def is_barred(self) -> bool:
        """Whether an auditor has not let it pass."""
        return bool(self.audit_id) and self.verdict != "approve"


@dataclass(frozen=True, slots=True)
class Edit:
    """What somebody else has changed, after so many requests that the cloud had answered."""

    path: str
    name: str
    value: Json
    after: int
    until: int | None = None  #: so many requests later somebody put what a plan had put there in its place

    def told(self) -> Mapping[str, Json]:
        """For the oracle: where, and what must still stand there when it is a field that no plan changes."""
        bare = {"path": self.path, "field": self.name}
        return bare if self.name == "name" else {**bare, "value": self.value}


@dataclass
class Model:
    """One run."""

    cloud: Cloud
    plans: list[Planned] = field(default_factory=list)
    edits: list[Edit] = field(default_factory=list)
    names: int = 0

    def named(self) -> str:
        """A value that nothing else is ever given."""
        self.names += 1
        return f"value-{self.names}"

    def journal(self) -> list[Mapping[str, Json]]:
        """What the servers asked of the cloud."""
        return [row for row in self.cloud.journal() if _HARNESS not in row["headers"].get("user-agent", "")]

    def held(self, place: Place) -> Json:
        """What stands there now, asked of the cloud as nobody else can ask."""
        state = self.cloud.state()
        collection, _, key = place[0].rpartition("/")
        for known in (state["configuration"]["resources"], state["defaults"]):
            thing = known.get(place[0]) or (known.get(collection) or {}).get(key)
            if thing is not None and place[1] in thing:
                return thing[place[1]]
        return None

    def wish(self, kind: str, which: int) -> tuple[list[Json], dict[Place, Json]]:
        """The operations of a plan of that kind, and what they put where."""
        wishes: dict[Place, Json] = {}
        operations = []
        if kind in ("ssid", "mixed"):
            operations.append(self._ssid(which % 3, wishes))
        if kind == "ssids":
            operations += [self._ssid(number, wishes) for number in range(3)]
        if kind == "port":
            number, name = str(3 + which % 2), self.named()
            wishes[f"{PORTS}/{number}", "name"] = name
            operations.append(step("updateDeviceSwitchPort", {"name": name}, serial=CORE, portId=number))
        if kind in ("vlan", "mixed"):
            operations.append(self._vlan(wishes))
        return operations, wishes

    def _ssid(self, number: int, wishes: dict[Place, Json]) -> Json:
        name = self.named()
        wishes[f"{SSIDS}/{number}", "name"] = name
        return step("updateNetworkWirelessSsid", {"name": name}, networkId=NET, number=str(number))

    def _vlan(self, wishes: dict[Place, Json]) -> Json:
        """Made when it is not there, else taken away."""
        if self.held((VLAN, "name")) is not None:
            wishes[VLAN, "name"] = None
            return step("deleteNetworkApplianceVlan", None, networkId=NET, vlanId="77")
        name = wishes[VLAN, "name"] = self.named()
        body = {"id": "77", "name": name, "subnet": "10.77.0.0/24", "applianceIp": "10.77.0.1"}
        return step("createNetworkApplianceVlan", body, networkId=NET)

    def drift(self, kind: str, which: int) -> None:
        """Somebody else changes what plans change too, or another field of the same."""
        number = which % 3
        place, value = (f"{SSIDS}/{number}", "name"), self.named()
        if kind == "other":
            place, value = (f"{SSIDS}/{number}", "splashUrl"), f"https://{self.named()}.example.com"
        if kind == "port":
            place = (f"{PORTS}/{3 + which % 2}", "name")
        if kind == "vlan":
            place = (VLAN, "name")
            if self.held(place) is None:
                return
        self.edits.append(Edit(*place, value, len(self.cloud.journal())))
        self.cloud.edit(place[0], {place[1]: value})

    def put_there(self, place: Place, value: Json) -> None:
        """Somebody else puts there what a plan was to put: from then on nothing tells it from the plan's own."""
        asked = len(self.cloud.journal())
        self.edits = [
            replace(one, until=asked) if (one.path, one.name) == place and one.until is None else one
            for one in self.edits
        ]
        self.cloud.edit(place[0], {place[1]: value})

    # What must hold

    def wrongs(self) -> Iterator[str]:
        """What is wrong with the journal as it stands."""
        done = [row for row in self.journal() if row["method"] != "GET" and row["took_effect"]]
        yield from self._twice(done)
        for edit in self.edits:
            yield from self._overwritten(edit, done)

    def _twice(self, done: Sequence[Mapping[str, Json]]) -> Iterator[str]:
        """A write of a plan's step that the cloud carried out more than once."""
        bodies = [body for plan in self.plans for body in plan.bodies]
        sent = Counter(row["body"]["name"] for row in done if row["body"] in bodies)
        yield from (
            f"the step that puts {name!r} was carried out {count} times" for name, count in sent.items() if count > 1
        )

    def _overwritten(self, edit: Edit, done: Sequence[Mapping[str, Json]]) -> Iterator[str]:
        """A write that put something else over an edit that its plan had not seen."""
        number = self.edits.index(edit) + 1
        seen = {value for plan in self.plans if plan.seen >= number for value in plan.wishes.values()}
        later = {one.value for one in self.edits[number - 1 :]}
        for row in done:
            is_meanwhile = edit.after < row["number"] <= (edit.until or row["number"])
            if not is_meanwhile or row["path"] != edit.path or edit.name not in (row["body"] or {}):
                continue
            put = row["body"][edit.name]
            if put not in seen and put not in later:
                yield f"{edit.value!r} at {edit.path} was somebody else's, and was overwritten with {put!r}"

    def came_of(self, plan: Planned, doubts: Sequence[tuple[str, int]]) -> str:
        """What became of the writes in doubt, phase and step each, by the journal; "" when that is not one answer.

        Each step of a plan has one wish, and its value is unlike any other.
        """
        values = [list(plan.wishes.values())[number - 1] for phase, number in doubts if phase == "apply"]
        if len(values) < len(doubts) or None in values:
            return ""
        done = {(row["body"] or {}).get("name") for row in self.journal() if row["took_effect"]}
        came = {value in done for value in values}
        return "" if len(came) > 1 else "applied" if came == {True} else "not-applied"

    def untrue(self, plan: Planned) -> list[str]:
        """Where the cloud does not hold what the plan was to put there."""
        wrong = {place: self.held(place) for place in plan.wishes}
        return [f"{place} is {found!r}" for place, found in wrong.items() if found != plan.wishes[place]]
