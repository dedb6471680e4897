"""Story 2: an approved change takes an uplink down; the server notices and takes it back on its own."""

from typing import Any, Final

import anyio

from mcp_server.cli.demo_story import claims
from mcp_server.cli.demo_story.stage import Stage
from mcp_server.cli.demo_story.telling import StoryStopped
from mcp_server.cli.demo_story.two_changes import find_operation
from mcp_server.cli.demo_story.views import show_change, show_plan
from mcp_server.cli.demo_story.witness import Look

Json = Any
_SWITCH, _PORT = "Núcleo", "51"
_BACK_WITHIN_S: Final = 60.0  #: at most; it takes one or two


async def play(stage: Stage) -> None:
    """The whole story."""
    about = "An approved change cuts a switch off; the server notices and takes it back."
    stage.telling.tell("story", "Story 2: the port that was not free", about=about)
    start = await stage.look()
    serial = await _find_switch(stage)
    stage.telling.tell("scene", "Plan it: by the documentation, port 51 is free")
    plan = await _planned(stage, serial)
    stage.telling.tell("scene", "Approve and apply it")
    waiting = await stage.call("meraki_apply", {"plan_id": plan["plan_id"]}, "needs_approval")
    waits = await stage.look()
    await stage.approve(waiting)
    ended = await stage.call("meraki_apply", {"plan_id": plan["plan_id"]}, "rolled_back")
    show_change(stage.telling, ended)
    _show_advice(stage, ended)
    now = await _when_back(stage, start)
    path = f"/devices/{serial}/switch/ports/{_PORT}"
    stage.claim(
        claims.nothing_left(start, waits, "while the plan waited for its approval"),
        claims.went_offline(start, now),
        claims.undone_by_itself(start, now, stage.yes_at, path),
        claims.back_online(start, now),
        claims.as_before(start, now),
    )


async def _find_switch(stage: Stage) -> str:
    stage.telling.tell("scene", "Find the switch and the operation")
    found = await stage.call("meraki_search", {"what": "devices", "query": _SWITCH})
    rows = [[one["name"], f"{one['model']}  {one['serial']}"] for one in found["matches"]]
    stage.telling.tell("rows", "", rows=rows)
    if len(rows) != 1:
        raise StoryStopped(f"{len(rows)} switches are called {_SWITCH}")
    await find_operation(stage, "change the VLAN of a switch port", "updateDeviceSwitchPort")
    return str(found["matches"][0]["serial"])


async def _planned(stage: Stage, serial: str) -> Any:
    body = {"type": "access", "vlan": 30}
    step = {"operation": "updateDeviceSwitchPort", "params": {"serial": serial, "portId": _PORT}, "body": body}
    plan = await stage.call("meraki_plan", {"operations": [step], "intent": "Port 51 is for the new printer."})
    show_plan(stage.telling, plan)
    return plan


def _show_advice(stage: Stage, ended: Any) -> None:
    """What the server proposes to do next."""
    rows = [["next", str((ended.get("error") or {}).get("remedy", ""))]]
    rows += [[str(one["reason"]), str(one["message"])] for one in ended.get("handoffs", [])]
    stage.telling.tell("rows", "", rows=[row for row in rows if row[1]])


async def _when_back(stage: Stage, start: Look) -> Look:
    """The sandbox once every device is back, or after a bounded wait."""
    now = await stage.look("undone")
    with anyio.move_on_after(_BACK_WITHIN_S):
        while not claims.back_online(start, now).holds:
            await anyio.sleep(0.2)
            now = await stage.look()
    return now
