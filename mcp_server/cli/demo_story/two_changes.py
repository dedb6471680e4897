"""Story 1: a guest limit and a firewall rule are planned, agreed to, applied, verified, and taken back."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from mcp_server.cli.demo_story import claims
from mcp_server.cli.demo_story.person import PlayedPerson
from mcp_server.cli.demo_story.stage import Stage, environment
from mcp_server.cli.demo_story.telling import Claim, StoryStopped
from mcp_server.cli.demo_story.views import show_change, show_plan
from mcp_server.cli.demo_story.witness import Look

Json = Any
SITE: Final = "Matriz"
_LIMITS: Final = {"perClientBandwidthLimitDown": 5000, "perClientBandwidthLimitUp": 1000}
_RULE, _NEIGHBOUR, _GUESTS = "Block guests to payroll", "Corp to payroll", "Block guest to corp"
_RULES_OPERATION: Final = "updateNetworkApplianceFirewallL3FirewallRules"


@dataclass(frozen=True, slots=True)
class Change:
    """An applied change of the story."""

    change_id: str
    path: str


async def play(stage: Stage) -> None:
    """The whole story."""
    stage.telling.tell(
        "story", "Story 1: two changes, and back again", about="Planned, agreed to, applied, verified, undone."
    )
    start = await stage.look()
    network_id = await find_site(stage)
    ssid = await _limit_guests(stage, network_id)
    stage.telling.tell("scene", "A person makes a key, outside the client")
    await stage.enroll()
    rule = await _insert_rule(stage, network_id)
    await _check_health(stage, start, rule)
    await _take_back(stage, start, (rule, ssid))


async def find_site(stage: Stage) -> str:
    """The id of the network that the story is about."""
    stage.telling.tell("scene", "Find the network and the operation")
    found = await stage.call("meraki_search", {"what": "networks", "query": SITE})
    rows = [[one["name"], f"{one['id']}  in organization {one['organization_id']}"] for one in found["matches"]]
    stage.telling.tell("rows", "", rows=rows)
    stage.telling.say("Two organizations have a network of that name: only ids are ever used for a change.")
    return str(found["matches"][0]["id"])


async def _limit_guests(stage: Stage, network_id: str) -> Change:
    await find_operation(stage, "update an SSID", "updateNetworkWirelessSsid")
    stage.telling.tell("scene", "Plan the SSID change: a live diff, and nothing is sent")
    path = f"/networks/{network_id}/wireless/ssids"
    live = await stage.witness.read(f"{path}/1")
    before = await stage.look()
    params = {"networkId": network_id, "number": "1"}
    step = {"operation": "updateNetworkWirelessSsid", "params": params, "body": dict(_LIMITS)}
    plan = await stage.call("meraki_plan", {"operations": [step], "intent": "Guests get 5 Mbit/s down and 1 up each."})
    show_plan(stage.telling, plan)
    stage.telling.tell("scene", "Apply it: the server asks a person, in the client")
    applied = await stage.call("meraki_apply", {"plan_id": plan["plan_id"]}, "applied")
    show_change(stage.telling, applied)
    now = await stage.look("ssid")
    stage.claim(
        claims.nothing_left(before, _asked(stage), "when the person was asked"),
        claims.one_write(before, now, stage.yes_at, f"{path}/1"),
        claims.only_fields(live, _stored(now, path, live), _LIMITS),
        claims.only_resources(before, now, [path]),
    )
    return Change(str(applied["change_id"]), path)


async def find_operation(stage: Stage, words: str, expected: str) -> None:
    """Search an operation by words and show what was found; StoryStopped when the expected one is not among them."""
    found = await stage.call("meraki_search", {"query": words, "limit": 3})
    rows = [
        [one["id"], f"{one['method']}, {one['risk']} risk" if "risk" in one else "GET"] for one in found["operations"]
    ]
    stage.telling.tell("rows", "", rows=rows)
    if expected not in [row[0] for row in rows]:
        raise StoryStopped(f"{expected} was not found by {words!r}")


def _asked(stage: Stage) -> Look:
    if stage.asked is None:
        raise StoryStopped("The client was not asked.")
    return stage.asked


def _stored(now: Look, path: str, live: Mapping[str, Json]) -> Json:
    """The SSID in the sandbox's state, cut to the fields that the API shows."""
    stored = (now.resource(path) or {}).get(str(live["number"]), {})
    return {name: value for name, value in stored.items() if name in live}


async def _insert_rule(stage: Stage, network_id: str) -> Change:
    stage.telling.tell("scene", "Plan a firewall rule, inserted in front of another")
    path = f"/networks/{network_id}/appliance/firewall/l3FirewallRules"
    live = (await stage.witness.read(path))["rules"]
    before = await stage.look()
    plan = await stage.call("meraki_plan", _rule_plan(network_id, live))
    show_plan(stage.telling, plan)
    stage.telling.tell("scene", "Apply it: too risky to be agreed to in the client")
    waiting = await stage.call("meraki_apply", {"plan_id": plan["plan_id"]}, "needs_approval")
    await _try_without_terminal(stage, waiting)
    waits = await stage.look()
    await stage.approve(waiting)
    applied = await stage.call("meraki_apply", {"plan_id": plan["plan_id"]}, "applied")
    show_change(stage.telling, applied)
    now = await stage.look("rule")
    stored = (now.resource(path) or {}).get("rules", [])
    stage.claim(
        claims.nothing_left(before, waits, "while the plan waited for its approval"),
        claims.one_write(before, now, stage.yes_at, path),
        claims.rule_stands_before(live[:-1], stored, _RULE, _NEIGHBOUR),
        claims.only_resources(before, now, [path]),
    )
    return Change(str(applied["change_id"]), path)


def _rule_plan(network_id: str, live: list[Mapping[str, Json]]) -> dict[str, Json]:
    """One rule in front of another, by content: no index, and the other rules never pass through the model."""
    guests = next(rule["srcCidr"] for rule in live if rule["comment"] == _GUESTS)
    payroll = next(rule["destCidr"] for rule in live if rule["comment"] == _NEIGHBOUR)
    rule = {"comment": _RULE, "policy": "deny", "protocol": "any", "srcCidr": guests, "destCidr": payroll}
    rule |= {"srcPort": "Any", "destPort": "Any", "syslogEnabled": False}
    edit = {"$insert": [rule], "before": {"comment": _NEIGHBOUR}}
    step = {"operation": _RULES_OPERATION, "params": {"networkId": network_id}, "body": {"rules": edit}}
    return {"operations": [step], "intent": "Guests must not reach payroll."}


async def _try_without_terminal(stage: Stage, waiting: Mapping[str, Json]) -> None:
    """A program that has code and passphrase but no terminal is refused (the played person only lends it both)."""
    if not isinstance(stage.person, PlayedPerson):
        return
    stage.telling.say("First a program tries: it knows code and passphrase, and pipes both into that command.")
    tried = await stage.person.pipe_passphrase(shlex.split(waiting["approve_with"]), environment(), waiting["code"])
    refused = tried.exit_code == 3
    last = tried.screen.splitlines()[-1] if tried.screen else "no output"
    stage.claim(Claim("A program without a terminal cannot approve", refused, f"exit code {tried.exit_code}: {last}"))


async def _check_health(stage: Stage, start: Look, change: Change) -> None:
    stage.telling.tell("scene", "Is the network as well as before?")
    checked = await stage.call("health_check", {"change_id": change.change_id})
    delta = checked["delta"]
    lines = [["score", f"{checked['score']} ({checked['band']}), {checked['devices']} devices"]]
    lines.append(["delta", f"{delta['verdict']}; {len(delta['hard'])} hard and {len(delta['soft'])} soft findings"])
    stage.telling.tell("rows", "", rows=lines)
    stage.claim(claims.nobody_went_offline(start, await stage.look()))


async def _take_back(stage: Stage, start: Look, changes: tuple[Change, ...]) -> None:
    stage.telling.tell("scene", "Roll both back: agreed to by the same rules as the changes")
    for change in changes:
        before = await stage.look()
        arguments = {"change_id": change.change_id, "reason": "The demo is over."}
        answer = await stage.call("rollback", arguments, "needs_approval", "rolled_back")
        if answer["status"] == "needs_approval":
            await stage.approve(answer)
            answer = await stage.call("rollback", arguments, "rolled_back")
        show_change(stage.telling, answer)
        path = f"{change.path}/1" if change.path.endswith("ssids") else change.path
        stage.claim(claims.one_write(before, await stage.look(), stage.yes_at, path))
    stage.claim(claims.as_before(start, await stage.look("back")))
