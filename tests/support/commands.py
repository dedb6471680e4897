"""The command line in flow tests: each command a process of its own, on the data of a stage."""

import json
import os
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from mcp_server.cli.local import opened
from mcp_server.domain.record import AuditEntry
from tests.support.places import CORE, NET
from tests.support.stage import Stage, accepting, environment, staged
from tests.support.story import step
from tests.support.terminal import PROGRAM, Ended, at_terminal, without_terminal

PASSPHRASE: Final = "quatro palavras bem longas"
#: What no terminal may be sent: control characters but the end of a line, and characters that turn text round.
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def renamed(number: int, name: str) -> dict[str, Any]:
    """A plan's step of moderate risk: an SSID gets a name."""
    return step("updateNetworkWirelessSsid", {"name": name}, networkId=NET, number=str(number))


def port_moved() -> dict[str, Any]:
    """A plan's step of high risk: a switch port goes to another VLAN."""
    return step("updateDeviceSwitchPort", {"vlan": 20}, serial=CORE, portId="7")


@asynccontextmanager
async def filled(home: Path, **more: Any) -> AsyncIterator[Stage]:
    """A stage over stdio, whose caller is the user that the commands run as."""
    async with staged(home, transport="stdio", answer=accepting, **more) as stage:
        yield stage


async def run(stage: Stage, *words: str, given: str = "") -> Ended:
    """The end of a command without a terminal, with the stage's settings in its environment."""
    done = await without_terminal([*PROGRAM, *words], environment(stage.settings), given=given)
    assert "Traceback" not in done.err, done.err
    assert not _CONTROL.search(done.out), done.out
    assert not _CONTROL.search(done.err), done.err
    assert stage.settings.api_key not in done.out + done.err
    return done


async def told(stage: Stage, *words: str, code: int = 0) -> Any:
    """What a command says with --json."""
    done = await run(stage, *words, "--json")
    assert done.code == code, (done.code, done.out, done.err)
    return json.loads(done.out)


async def evidence(stage: Stage, event: str, status: str) -> list[AuditEntry]:
    """Rows of the audit chain."""
    async with opened({"home": stage.settings.home}) as local:
        return list(await local.store.list(AuditEntry, {"event": event, "status": status}, limit=100))


async def enrolled(stage: Stage, owner: str = "carla", role: str = "approver") -> None:
    """A key, enrolled as a person does it; a further one is signed by carla."""
    command = [*PROGRAM, "key", "enroll", "--role", role, "--owner", owner]
    async with at_terminal(command, environment(stage.settings)) as person:
        shown = await person.reads(": ")
        if "who signs" in shown:
            await person.types(PASSPHRASE, hidden=True)
            await person.reads("New passphrase")
        await person.types(PASSPHRASE, hidden=True)
        await person.reads("The same again: ")
        await person.types(PASSPHRASE, hidden=True)
        assert await person.leaves() == 0, person.screen
        assert PASSPHRASE not in person.screen


async def approved(stage: Stage, asked: Mapping[str, Any]) -> None:
    """A person runs the printed command, as printed, and approves."""
    command = ["sh", "-c", asked["approve_with"]]
    async with at_terminal(command, {"PATH": os.environ["PATH"]}) as person:
        await person.reads("Type the plan's code")
        await person.types(asked["code"])
        await person.reads("Passphrase: ")
        await person.types(PASSPHRASE, hidden=True)
        assert await person.leaves() == 0, person.screen
