"""The change that the README shows is played again, and every line of it must come back."""

import re
from pathlib import Path
from typing import Any, Final

from tests.docs.blocks import ROOT
from tests.support.places import NET
from tests.support.stage import accepting, staged
from tests.support.story import step

SAID: Final = "Limit the office Wi-Fi to 5 Mbit/s per client"
#: What is another one in each run: the plan's code, the change's id, the receipt.
CHANGING: Final = (
    (re.compile(r"(?i)(plan) [A-Z2-9]{4}\b"), r"\1 CODE"),
    (re.compile(r"CHG-\d{8}-\d{6}-\w{4}"), "CHG"),
    (re.compile(r"seq \d+, hash [0-9a-f]{16}"), "RECEIPT"),
)


def lines_of(text: str) -> list[str]:
    """The lines that say something, each with single blanks and without what changes from run to run."""
    for found, instead in CHANGING:
        text = found.sub(instead, text)
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def told(plan: Any, question: str, done: Any, health: Any, back: Any) -> str:
    """The conversation in the README's words."""
    (change,), (undo,), (sent,) = plan["diff"], plan["undo"], done["steps"]
    (field,), impact = change["fields"], plan["impact"]
    calls = ", ".join(one["call"]["tool"] for one in done["handoffs"])
    delivery = done["delivery"]
    return f"""
meraki_plan {change["operation"]}, body {{"{field["field"]}": {field["after"]}}}
summary {plan["summary"]}
diff {change["target"]}: {field["field"]} {field["before"]} -> {field["after"]}
impact {impact["devices_affected"]} devices, {impact["users_affected"]} users, downtime {impact["downtime_expected"]}
undo step {undo["step"]}: {undo["class"]} ({undo["how"]}), evidence {undo["evidence"]}
requires {", ".join(plan["requires"])}
meraki_apply -> the person is asked, by the server, in the client:
{question}
-> yes
status {done["status"]} {done["change_id"]}
step {sent["step"]} {sent["request"]} {sent["http_status"]}, {"verified" if sent["verified"] else "not verified"}
delivery confirmed {delivery["confirmed"]}, pending {len(delivery["pending"])} devices
handoffs {calls}
receipt seq {done["receipt"]["seq"]}, hash {done["receipt"]["hash"][:16]}...
health_check {health["summary"]} Score {health["score"]}, {health["band"]}.
rollback -> asked again -> {back["summary"].rpartition(" (")[0]}
"""


async def test_the_change_in_the_readme_comes_back_line_by_line(tmp_path: Path) -> None:
    """Nothing in it was made up, and nothing that a reader would see has changed since."""
    readme = (ROOT / "README.md").read_text("utf-8")
    limit = step("updateNetworkWirelessSsid", {"perClientBandwidthLimitDown": 5000}, networkId=NET, number="0")
    async with staged(tmp_path / "home", answer=accepting) as stage:
        plan = await stage.call("meraki_plan", operations=[limit], intent=SAID)
        done = await stage.call("meraki_apply", plan_id=plan["plan_id"])
        health = await stage.call("health_check", change_id=done["change_id"])
        back = await stage.call("rollback", change_id=done["change_id"])
    shown = readme.split("```text\n", 1)[1].split("```", 1)[0]
    assert lines_of(shown) == lines_of(told(plan, stage.asked[0], done, health, back))
    assert len(stage.asked) == 2
