"""What a kill in the middle of a change does not put to the test: open breaker, rate, standard output, bounds."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from mcp_server.domain.limits.breaker import FAILURES_TO_OPEN
from scripts.faulting.cloud import Cloud, clouded
from scripts.faulting.kill import Place, Result, is_at, result, unless
from scripts.faulting.life import LONGEST_S, Caller, Ended
from scripts.faulting.stories import STORIES, changed, look, ssid
from tests.support.places import NET
from tests.support.stage import environment

Json = Any
SSID: Final = f"/networks/{NET}/wireless/ssids/1"
_CHANGES: Final = 6


@contextmanager
def _begun(cloud: Cloud, **given: Json) -> Iterator[tuple[Place, Mapping[str, Json]]]:
    """A place on a cloud as it was at first, and the state it has then."""
    with TemporaryDirectory() as scratch:
        cloud.reset()
        yield Place(Path(scratch), cloud, given), cloud.state()


def left_alone(cloud: Cloud) -> Result:
    """The cloud fails until it is left alone; the server is killed; the next one leaves it alone too, and says so."""

    async def fail(caller: Caller) -> None:
        plan = await caller.call("meraki_plan", operations=[ssid(1, name="Rede")], intent="tried by a harness")
        cloud.fault(kind="status", status=500, path=SSID, count=99)
        params = {"networkId": NET, "number": "1"}
        for _ in range(FAILURES_TO_OPEN):
            await caller.call("meraki_read", operation="getNetworkWirelessSsid", params=params)
        await caller.call("meraki_apply", plan_id=plan["plan_id"])

    async def refused(caller: Caller) -> None:
        cloud.clear()
        (plan,) = await caller.open_plans()
        await caller.call("meraki_apply", phase="refusing", plan_id=plan)
        await caller.call("history", phase="refusing")
        await caller.call("health_check", phase="refusing")

    with _begun(cloud, retry_server_tries=1) as (place, before):
        last = FAILURES_TO_OPEN + 2  #: the plan, the reads, and the call that is not sent
        faults = unless(is_at(place.live(f"K13:kill:{last}", fail), "K13", last), "not killed after it was left alone")
        faults += unless(place.live("", refused).code == 0, f"the server after it failed: {place.errors()}")
        return result("breaker:K13", place.evidence(before, 0, tries=1), faults)


def paced(_cloud: Cloud) -> Result:
    """A cloud that counts requests: one 429 on the way, a kill, a restart, and the rate is never passed."""
    with clouded(rate_limit=True) as counting, _begun(counting) as (place, before):
        counting.fault(kind="status", status=429, retry_after=1, method="PUT", path=f"/networks/{NET}/wireless/ssids/1")
        faults = unless(is_at(place.live("K9:kill:3", STORIES["five"].tell, paced=True), "K9", 3), "not killed at K9")
        faults += unless(place.live("", look, paced=True).code == 0, f"the server after it failed: {place.errors()}")
        return result("paced:K9#3", place.evidence(before, 0, paced=True), faults)


def bounds(cloud: Cloud) -> Result:
    """Changes one after the other in one server: memory, open files and disk are measured."""

    async def many(caller: Caller) -> None:
        await changed(caller, ssid(0, name="Warm"))
        for number in range(_CHANGES):
            measure(caller, number)
            await changed(caller, ssid(number, name=f"Rede {number}"))
        measure(caller, _CHANGES)

    with _begun(cloud) as (place, before):
        faults = unless(place.live("", many).code == 0, f"the server failed: {place.errors()}")
        return result("bounds", place.evidence(before, 0), faults)


def measure(caller: Caller, changes: int) -> None:
    """One row of the server's memory, open files and disk after so many changes."""
    home = caller.server.settings.home
    resident = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    row = {
        "changes": changes,
        "rss_bytes": int(resident.split()[1]) * 1024,
        "files": len(list(Path("/proc/self/fd").iterdir())),
        "disk_bytes": sum(file.stat().st_size for file in home.rglob("*") if file.is_file()),
    }
    with (home.parent / "measured").open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def over_stdio(cloud: Cloud) -> Result:
    """The program itself, spoken to line by line, killed before the answer is on record; every line is a message."""
    with _begun(cloud) as (place, before):
        ended = program(place, "K8:kill")
        faults = unless(is_at(ended, "K8", 1), f"not killed at K8: {ended}")
        faults += unless(place.live("", look).code == 0, f"the server after it failed: {place.errors()}")
        return result("stdio:K8", place.evidence(before, 0), faults)


def program(place: Place, failpoint: str = "", before: Sequence[str] = ()) -> Ended:
    """The end of one life of the program itself, in which a plan is made and applied; ``before`` starts it."""
    settings = place.settings(failpoint)
    env = {
        **environment(settings),
        "MERAKI_SPECIALIST_FAILPOINT": settings.failpoint,
        "MERAKI_SPECIALIST_FAILPOINT_TRACE": str(settings.failpoint_trace),
    }
    command, pipe = [*before, sys.executable, "-m", "mcp_server", "serve"], subprocess.PIPE
    with (
        (place.root / "stderr").open("ab") as errors,
        subprocess.Popen(command, bufsize=0, stdin=pipe, stdout=pipe, stderr=errors, env=env, cwd=place.root) as server,
    ):
        watch = threading.Timer(LONGEST_S, server.terminate)
        watch.start()
        lines = list(_spoken(server))
        code = server.wait()
        watch.cancel()
        watch.join()  # whoever forks has no threads
    (place.root / "stdout").write_text("".join(lines), "utf-8")
    reached = (place.root / "trace").read_text("utf-8").splitlines() if failpoint else []
    return Ended(max(0, -code), max(-1, code), tuple(reached))


def _spoken(server: "subprocess.Popen[bytes]") -> Iterator[str]:
    """Every line of the server's standard output while a plan is made and applied, if it is, and its input closed."""
    if server.stdin is None or server.stdout is None:
        raise ValueError("the server's pipes are missing")

    def say(**message: Json) -> None:
        if server.stdin is not None:
            with suppress(BrokenPipeError):  # killed meanwhile
                server.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")

    hello = {"protocolVersion": "2025-11-25", "clientInfo": {"name": "harness", "version": "1"}}
    say(id=1, method="initialize", params={**hello, "capabilities": {"elicitation": {}}})
    for line in server.stdout:
        yield line.decode("utf-8", "replace")
        answer = json.loads(line)
        if answer.get("id") == 1 and "result" in answer:
            say(method="notifications/initialized")
            asked = {"operations": [ssid(1, name="Rede")], "intent": "tried by a harness"}
            say(id=2, method="tools/call", params={"name": "meraki_plan", "arguments": asked})
        elif answer.get("id") == 2 and "result" in answer:
            plan = answer["result"]["structuredContent"]
            if plan["status"] != "ok":
                server.stdin.close()
                continue
            asked = {"plan_id": plan["plan_id"]}
            say(id=3, method="tools/call", params={"name": "meraki_apply", "arguments": asked})
        elif answer.get("method") == "elicitation/create":
            code = answer["params"]["message"].split("Apply plan ", 1)[1].split(" ", 1)[0]
            say(id=answer["id"], result={"action": "accept", "content": {"approve": True, "code": code}})
        elif answer.get("id") == 3:
            server.stdin.close()


SPECIAL: Final[Mapping[str, Callable[[Cloud], Result]]] = {
    "breaker:K13": left_alone,
    "paced:K9#3": paced,
    "bounds": bounds,
    "stdio:K8": over_stdio,
}
