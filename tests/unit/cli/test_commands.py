"""Commands that need no terminal, run in this process on a data directory in which something was done."""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.from_thread import start_blocking_portal

from mcp_server.assembly import running
from mcp_server.cli.program import main
from mcp_server.domain.actor import Actor
from mcp_server.domain.call import Answer, Json
from mcp_server.sandbox.app import SandboxApp, create_app
from mcp_server.sandbox.server import serving
from mcp_server.settings import load
from tests.support.places import CORE, NET, ORG
from tests.support.stage import KEY, QUICK, FreeBudget
from tests.support.story import step
from tests.support.tampering import altered

Told = tuple[int, str, str]


@dataclass
class Desk:
    """A data directory in front of a simulated cloud, and what was done in it."""

    home: Path
    cloud: SandboxApp
    change: Mapping[str, Json]  #: an SSID that was renamed
    waiting: Mapping[str, Json]  #: a plan of high risk that nobody has approved
    audited: Mapping[str, Json]  #: an audit that nobody has answered


@contextmanager
def _environment(home: Path, base: str) -> Iterator[None]:
    """The settings of the desk in the environment, and logging as it was afterwards."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    given = {f"MERAKI_SPECIALIST_{name.upper()}": str(value) for name, value in QUICK.items()}
    given |= {"MERAKI_SPECIALIST_HOME": str(home), "MERAKI_SPECIALIST_ALLOW_LOOPBACK": "1", "MERAKI_BASE_URL": base}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**given, "MERAKI_DASHBOARD_API_KEY": KEY, "MERAKI_SPECIALIST_PROFILE": "solo"}.items():
            patch.setenv(name, value)
        yield
    root.handlers[:], root.level = handlers, level


async def _done() -> tuple[Any, Any, Any]:
    """A change, a plan and an audit, made by whoever runs this."""
    async with running(load(), channel="cli", budget=FreeBudget()) as server:
        actor = Actor(server.host.owner("cli"), "cli")

        async def call(tool: str, **arguments: Json) -> Mapping[str, Json]:
            first = replace(server.host.new_call(tool, arguments, actor), can_ask=True)
            result = await server.host.handle(first)
            if result.asking is not None:
                yes = Answer("accept", {"approve": True})
                result = await server.host.handle(replace(first, state=result.asking.state, answer=yes))
            assert not result.is_error, result.payload
            return result.payload

        ssid = step("updateNetworkWirelessSsid", {"name": "Sala"}, networkId=NET, number="1")
        port = step("updateDeviceSwitchPort", {"vlan": 20}, serial=CORE, portId="7")
        plan = await call("meraki_plan", operations=[ssid], intent="rename")
        change = await call("meraki_apply", plan_id=plan["plan_id"])
        waiting = await call("meraki_plan", operations=[port], intent="move a port")
        other = await call("meraki_plan", operations=[{**ssid, "body": {"name": "Outra"}}], intent="again")
        return change, waiting, await call("request_audit", plan_id=other["plan_id"], note="look")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One for all tests: none of them changes what another one looks at."""
    home = tmp_path_factory.mktemp("desk") / "home"
    cloud = create_app(api_key=KEY, rate_limit=False, clock=lambda: datetime.now(UTC))
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(serving(cloud)) as base,
        _environment(home, base),
    ):
        change, waiting, audited = anyio.run(_done)
        yield Desk(home, cloud, change, waiting, audited)


@pytest.fixture
def tell(desk: Desk, capsys: pytest.CaptureFixture[str]) -> Callable[..., Told]:
    """Exit code, stdout and stderr of a command."""

    def told(*words: str) -> Told:
        with pytest.raises(SystemExit) as end:
            main(words)
        said = capsys.readouterr()
        return int(str(end.value.code)), said.out, said.err

    return told


def as_json(told: Told, code: int = 0) -> Any:
    """What a command said with --json."""
    assert told[0] == code, told
    return json.loads(told[1])


def test_open_plans_are_listed_with_what_each_waits_for_and_the_command(tell: Callable[..., Told], desk: Desk) -> None:
    """For programs and for people; one that was applied is not open."""
    rows = {one["plan_id"]: one for one in as_json(tell("plans", "--json"))["plans"]}
    assert {one["waits_for"] for one in rows.values()} == {"approval", "audit"}
    assert f"approve {desk.waiting['plan_id']}" in rows[desk.waiting["plan_id"]]["run"]
    assert f"audit-respond {desk.audited['audit_id']}" in rows[desk.audited["plan_id"]]["run"]
    code, out, _ = tell("plans")
    assert (code, desk.waiting["code"] in out, "move a port" in out) == (0, True, True)


def test_history_is_filtered_by_what_is_asked(tell: Callable[..., Told], desk: Desk) -> None:
    """By network, status, plan, person and time."""
    key = desk.change["change_id"]
    for words in ((), ("--network", NET), ("--status", "applied"), ("--plan", desk.change["plan_id"])):
        assert [one["change_id"] for one in as_json(tell("history", "--json", *words))["changes"]] == [key]
    for words in (("--network", "N_9"), ("--status", "failed"), ("--actor", "eve"), ("--since", "2999-01-01")):
        assert as_json(tell("history", "--json", *words))["changes"] == []
    assert key in tell("history")[1]
    assert tell("history", "--since", "yesterday")[0] == 2


def test_each_kind_of_record_is_shown_whole(tell: Callable[..., Told], desk: Desk) -> None:
    """A change with its steps, a plan, an audit, a row of the chain."""
    change = as_json(tell("show", desk.change["change_id"], "--json"))
    assert (change["change_id"], change["status"]) == (desk.change["change_id"], "applied")
    assert "Sala" in tell("show", desk.change["change_id"])[1]
    assert as_json(tell("show", desk.waiting["plan_id"], "--json"))["plan_id"] == desk.waiting["plan_id"]
    assert "move a port" in tell("show", desk.waiting["plan_id"])[1]
    assert as_json(tell("show", desk.audited["audit_id"], "--json"))["audit_id"] == desk.audited["audit_id"]
    assert desk.audited["plan_id"] in tell("show", desk.audited["audit_id"])[1]
    assert as_json(tell("show", "1", "--json"))["seq"] == 1
    assert tell("show", "1")[0] == 0
    for name in ("999999", "CHG-nobody"):
        code, _, err = tell("show", name)
        assert (code, "No change, plan or audit" in err) == (3, True)


def test_the_chain_is_walked_exported_and_shown(tell: Callable[..., Told], desk: Desk, tmp_path: Path) -> None:
    """Every row once, each with its hash; a file that is there is not overwritten."""
    whole = as_json(tell("audit", "verify", "--json"))
    assert (whole["whole"], whole["rows"] > 5) == (True, True)
    assert "whole" in tell("audit", "verify")[1]
    receipt = f"{whole['rows']}:{whole['head']}"
    assert as_json(tell("audit", "verify", "--receipt", receipt, "--json"))["whole"]
    wrong = as_json(tell("audit", "verify", "--receipt", f"1:{'0' * 64}", "--json"), code=1)
    assert (wrong["whole"], wrong["first_bad_row"]) == (False, 1)
    assert "NOT WHOLE" in tell("audit", "verify", "--receipt", f"1:{'0' * 64}")[1]
    assert tell("audit", "verify", "--receipt", "1:abc")[0] == 2
    exported = [json.loads(text) for text in tell("audit", "export")[1].splitlines()]
    lines = [one for one in exported if "event" in one]
    assert {one["format"] for one in exported if "event" not in one} == {"meraki-specialist-statement/1"}
    assert [one["seq"] for one in lines] == list(range(1, whole["rows"] + 1))
    target = tmp_path / "rows.jsonl"
    code, _, err = tell("audit", "export", "--to", str(target), "--since", "3")
    assert (code, f"{len(exported) - 2} lines." in err) == (0, True)
    assert (len(target.read_text().splitlines()), target.stat().st_mode & 0o777) == (len(exported) - 2, 0o600)
    assert tell("audit", "export", "--to", str(target))[0] == 3
    assert tell("audit", "export", "--to", str(tmp_path / "no" / "where"))[0] == 3
    newest = as_json(tell("audit", "tail", "-n", "2", "--json"))["rows"]
    assert [one["seq"] for one in newest] == [whole["rows"] - 1, whole["rows"]]
    assert tell("audit", "tail")[0] == 0


def test_a_row_that_was_edited_in_the_file_is_named(
    tell: Callable[..., Told], desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a copy; the exit code says that something is wrong."""
    copy = tmp_path / "home"
    copy.mkdir(mode=0o700)
    for one in desk.home.rglob("*"):
        place = copy / one.relative_to(desk.home)
        if one.is_dir():
            place.mkdir(mode=0o700)
        else:
            place.write_bytes(one.read_bytes())
            place.chmod(0o600)
    altered(copy / "store.db", "UPDATE audit SET doc = replace(doc, 'meraki_plan', 'meraki_read') WHERE seq = 1")
    monkeypatch.setenv("MERAKI_SPECIALIST_HOME", str(copy))
    found = as_json(tell("audit", "verify", "--json"), code=1)
    assert (found["whole"], found["first_bad_row"]) == (False, 1)


def test_the_catalogue_is_described_searched_and_explained(tell: Callable[..., Told]) -> None:
    """Without a server; in English and Portuguese."""
    about = as_json(tell("catalogue", "info", "--json"))
    assert sum(about["methods"].values()) == about["operations"]
    assert sum(about["undo"].values()) == about["writes"]
    assert about["api_version"] in tell("catalogue", "info")[1]
    for words in (("ssid", "password"), ("senha", "do", "wifi")):
        found = as_json(tell("catalogue", "search", *words, "--json"))["operations"]
        assert "updateNetworkWirelessSsid" in [one["id"] for one in found]
    assert "updateNetworkWirelessSsid" in tell("catalogue", "search", "update", "ssid")[1]
    assert "No operation fits" in tell("catalogue", "search", "zzzzqqqq")[1]
    schema = as_json(tell("catalogue", "search", "--operation", "updateNetworkWirelessSsid"))
    assert "psk" in schema["body"]
    assert tell("catalogue", "search")[0] == 2
    assert "scripts/build" in tell("catalogue", "build")[1]


def test_doctor_says_what_is_here_and_what_is_not(tell: Callable[..., Told], desk: Desk) -> None:
    """Each line with its level; the key is asked about, and never shown."""
    checks = {one["what"]: one for one in as_json(tell("doctor", "--json"))["checks"]}
    assert (checks["store"]["level"], checks["approve keys"]["level"]) == ("ok", "warn")
    code, out, _ = tell("doctor", "--offline")
    assert (code, KEY in out, "store" in out) == (0, False, True)
    desk.cloud.api_key = "another"
    try:
        assert not as_json(tell("doctor", "--json"), code=1)["ok"]
    finally:
        desk.cloud.api_key = KEY


def test_keys_and_secrets_are_listed_by_name(tell: Callable[..., Told]) -> None:
    """None is said to be none."""
    assert as_json(tell("key", "list", "--json")) == {"keys": [], "problems": []}
    assert "No keys are enrolled." in tell("key", "list")[1]
    assert as_json(tell("secret", "list", "--json")) == {"secrets": []}
    assert "No secrets are kept." in tell("secret", "list")[1]


def test_a_rollback_is_planned_and_applied_by_the_same_rules(tell: Callable[..., Told], desk: Desk) -> None:
    """Nobody can be asked on the command line: a plan and the command that approves it, exit code 4; nothing sent."""
    writes = [one for one in desk.cloud.world.journal if one["method"] != "GET"]
    answer = as_json(tell("rollback", desk.change["change_id"], "--steps", "1", "--json"), code=4)
    assert (answer["status"], answer["error"]["code"]) == ("needs_approval", "needs_approval")
    code, out, _ = tell("rollback", "--last", "1")
    assert (code, "Sala" in out, "approve plan-" in out) == (4, True, True)
    assert [one for one in desk.cloud.world.journal if one["method"] != "GET"] == writes


@pytest.mark.parametrize(
    ("words", "code"),
    [((), 2), (("CHG-1", "--last", "1"), 2), (("CHG-1", "--steps", "0"), 2), (("CHG-nobody",), 3)],
    ids=str,
)
def test_a_rollback_of_nothing_or_of_two_things_is_refused(
    tell: Callable[..., Told], words: tuple[str, ...], code: int
) -> None:
    """Usage is 2, a refusal 3."""
    assert tell("rollback", *words)[0] == code


def test_a_refresh_asks_only_what_this_server_may_ask(
    tell: Callable[..., Told], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An organization outside the list, and no key, are refused before anything is sent."""
    monkeypatch.setenv("MERAKI_SPECIALIST_ORGANIZATIONS", ORG)
    assert tell("catalogue", "refresh", "--organization", "1")[0] == 3
    monkeypatch.delenv("MERAKI_DASHBOARD_API_KEY")
    code, _, err = tell("catalogue", "refresh", "--organization", ORG)
    assert (code, "MERAKI_DASHBOARD_API_KEY" in err) == (3, True)
