"""A made-up secret reaches the cloud and the person, and nobody else."""

import json
from pathlib import Path

from tests.support.stage import accepting, staged


async def test_a_generated_psk_is_set_kept_for_the_person_and_never_shown(tmp_path: Path) -> None:
    """The cloud holds 20 characters that the answer, the question and the history do not."""
    async with staged(tmp_path / "home", answer=accepting) as stage:
        world = stage.sandbox.world
        network = next(iter(world.networks))
        body = {"authMode": "psk", "encryptionMode": "wpa", "wpaEncryptionMode": "WPA2 only", "psk": {"$generate": 20}}
        operation = {
            "operation": "updateNetworkWirelessSsid",
            "params": {"networkId": network, "number": "2"},
            "body": body,
        }
        plan = await stage.call("meraki_plan", operations=[operation], intent="a secret of its own")
        done = await stage.call("meraki_apply", plan_id=plan["plan_id"])
        assert done["status"] == "applied", done
        (command,) = done["generated"]
        name = command.removeprefix("meraki-specialist secret show ")
        assert stage.server is not None
        kept = stage.server.vault.get(name)
        assert kept is not None
        assert len(kept) == 20
        assert kept in json.dumps(stage.state())
        shown = json.dumps([plan, done, await stage.call("history", change_id=done["change_id"]), stage.asked])
        assert kept not in shown
