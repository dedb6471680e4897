"""Several servers on one data directory change the same networks at the same time; the oracle judges what came of it.

Every server plans and applies its share; where two meet, one is told that it is busy or that its plan is stale, and
tries again. One SSID's name is a counter that each of them raises: a lost update is a number that is too low.
"""

import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import anyio

from scripts.faulting.cloud import Cloud, clouded
from scripts.faulting.kill import Place
from scripts.faulting.life import Caller, live
from tests.faults.oracle import Verdict, judge
from tests.support.forked import live_and_end
from tests.support.places import BRANCH, NET
from tests.support.story import step

Json = Any
#: Of the two organizations, which have a budget each; what all of them count up lies in the second.
NETWORKS: Final = (NET, BRANCH, "L_646829496481105404", NET, BRANCH, "L_646829496481105403")
COUNTER: Final = (NETWORKS[-1], "14")
_BUSY_S: Final = 1.0  #: between two tries of a call that was answered busy
_AGAIN: Final = frozenset({"busy", "stale"})
#: Nothing was sent: the plan no longer fits, or the record could not be written within 10 s, as on a disk that is slow.
_REFUSED: Final = frozenset({"plan_stale", "store_unavailable"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run. ``met`` counts how often servers got in each other's way."""

    verdict: Verdict
    faults: Sequence[str]
    applied: int
    met: Mapping[str, int]
    requests: int
    refused: int  #: 429 answers
    seconds: float


def run(servers: int, plans: int) -> Outcome:
    """So many servers carry out so many plans together."""
    began = time.monotonic()
    with TemporaryDirectory() as scratch, clouded(rate_limit=True) as cloud:
        root = Path(scratch)
        place = Place(root, cloud, given={"health_settle_s": 0.0, "rate_per_s": 10.0})
        before = cloud.state()
        counted = _counter(cloud)
        faults = _together(place, servers, plans)
        rises = sum(_share(number, servers, plans)[1] for number in range(servers))
        if _counter(cloud) - counted != rises:
            faults.append(f"{rises} rises were applied, and the counter rose by {_counter(cloud) - counted}")
        evidence = place.evidence(before, 0, told="told-*", paced=True)
        faults += [place.errors()] if faults else []
    told = Counter(str(row["payload"].get("status")) for row in evidence.told)
    met = {name: told[name] for name in (*sorted(_AGAIN), "refused")}
    if not any(met.values()):
        faults.append("the servers never met")
    refused = sum(row["status"] == 429 for row in evidence.journal)
    verdict = judge(evidence)
    return Outcome(verdict, faults, told["applied"], met, len(evidence.journal), refused, time.monotonic() - began)


def _counter(cloud: Cloud) -> int:
    """What the servers count up, from the cloud's state: a request would be one more for the rate that is judged."""
    kept = cloud.state()["configuration"]["resources"].get(f"/networks/{COUNTER[0]}/wireless/ssids", {})
    name = str(kept.get(COUNTER[1], {}).get("name", ""))
    return int(name.removeprefix("n-")) if name.startswith("n-") else 0


def _together(place: Place, servers: int, plans: int) -> list[str]:
    """Every server at once, each forked with a waiting process of its own; what went wrong."""
    children = {}
    for number in range(servers):
        child = os.fork()
        if child == 0:
            live_and_end(partial(_one, place, number, servers, plans))
        children[child] = number
    return [f"server {number} failed" for child, number in children.items() if os.waitpid(child, 0)[1]]


def _one(place: Place, number: int, servers: int, plans: int) -> int:
    """0 when the server carried out its share."""
    own, rises = _share(number, servers, plans)

    async def work(caller: Caller) -> None:
        for turn in range(own):
            network = NETWORKS[(turn + number) % len(NETWORKS)]
            await _apply(caller, network, str(number), f"server {number} turn {turn}")
        for _ in range(rises):
            await _raise_counter(caller)

    return live(place.settings(""), place.root / f"told-{number}", work, paced=True, longest_s=300.0).code


def _share(number: int, servers: int, plans: int) -> tuple[int, int]:
    """How many plans of its own a server carries out, and how often it raises the counter."""
    mine = plans // servers + (number < plans % servers)
    return mine - 1, 1


async def _apply(caller: Caller, network: str, ssid: str, name: str) -> None:
    """One plan, until it is applied."""
    while True:
        asked = step("updateNetworkWirelessSsid", {"name": name}, networkId=network, number=ssid)
        plan = await caller.call("meraki_plan", operations=[asked], intent="tried by a harness")
        done = await _unless_busy(caller, plan["plan_id"]) if plan["status"] == "ok" else plan
        if done["status"] == "applied":
            return
        if done["status"] not in _AGAIN and (done.get("error") or {}).get("code") not in _REFUSED:
            raise AssertionError(done)
        await anyio.sleep(_BUSY_S)


async def _unless_busy(caller: Caller, plan_id: str) -> Mapping[str, Json]:
    """The end of the change; while another server holds the network, it is asked for again."""
    while (done := await caller.call("meraki_apply", plan_id=plan_id))["status"] == "busy":  # noqa: ASYNC110  another process
        await anyio.sleep(_BUSY_S)
    return done


async def _raise_counter(caller: Caller) -> None:
    """One more on the counter, until it is applied; a plan that somebody was faster than is stale."""
    network, ssid = COUNTER
    while True:
        params = {"networkId": network, "number": ssid}
        found = await caller.call("meraki_read", operation="getNetworkWirelessSsid", params=params)
        if found["status"] != "ok":
            await anyio.sleep(_BUSY_S)  # refused because the wait for the budget would be too long
            continue
        name = str(found["data"]["name"])
        value = int(name.removeprefix("n-")) if name.startswith("n-") else 0
        asked = step("updateNetworkWirelessSsid", {"name": f"n-{value + 1}"}, **params)
        plan = await caller.call("meraki_plan", operations=[asked], intent="counted by a harness")
        if plan["status"] != "ok" or _planned_from(plan) != name:
            continue  # somebody was faster between the read and the plan
        done = await _unless_busy(caller, plan["plan_id"])
        if done["status"] == "applied":
            return


def _planned_from(plan: Mapping[str, Json]) -> str:
    """The counter's text that the plan replaces."""
    changes = [change for one in plan["diff"] for change in one["fields"]]
    return str(next((change.get("before") for change in changes if change.get("field") == "name"), ""))
