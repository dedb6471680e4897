"""The command line, every command as a process of its own, on a store that a real client filled."""

import hashlib
import json
import os
import re
import stat
from pathlib import Path
from typing import Any, Final

import anyio
import pytest
import rfc8785

from mcp_server.catalogue.operations import Catalogue
from mcp_server.cli import sandbox
from mcp_server.sandbox.cloud import Answer
from mcp_server.store.evidence.exporting import ocsf_event
from tests.support.commands import PASSPHRASE, approved, enrolled, evidence, filled, port_moved, renamed, run, told
from tests.support.longest import LONGEST_S
from tests.support.ocsf import differences_from_schema
from tests.support.places import NET, ORG
from tests.support.stage import Stage, environment
from tests.support.story import applied, planned
from tests.support.tampering import altered
from tests.support.terminal import PROGRAM, at_terminal, without_terminal

ROOT: Final = str(Path(__file__).resolve().parents[2])
NASTY: Final = "Loja \x1b[2J\x07 \u202e <b>x</b> [bold]y[/bold]"


async def test_what_was_planned_and_changed_is_told_by_plans_history_and_show(tmp_path: Path) -> None:
    """Each reading command, for people and as JSON, names the change, its plan, its diff and its evidence."""
    async with filled(tmp_path / "home") as stage:
        done = await applied(stage, renamed(2, "Visitantes"), intent="rename it")
        waiting = await planned(stage, port_moved(), intent="move a printer")
        change_id, plan_id = done["change_id"], waiting["plan_id"]

        [open_plan] = (await told(stage, "plans"))["plans"]
        assert (open_plan["plan_id"], open_plan["waits_for"]) == (plan_id, "approval")
        assert open_plan["run"].endswith(f"approve {plan_id}")
        [change] = (await told(stage, "history"))["changes"]
        assert (change["change_id"], change["status"], change["network_ids"]) == (change_id, "applied", [NET])
        for filters, count in (
            (("--network", NET, "--status", "applied", "--plan", done["plan_id"], "--since", "2020-01-01"), 1),
            (("--network", "L_1"), 0), (("--status", "failed"), 0), (("--actor", "nobody"), 0),
            (("--since", "2999-01-01T00:00:00Z"), 0), (("--before", change_id), 0),
        ):  # fmt: skip
            assert len((await told(stage, "history", *filters))["changes"]) == count, filters

        record = await told(stage, "show", change_id)
        assert record["status"] == "applied"
        assert record["approval"]["channel"] == "elicitation"
        assert [one["state"] for one in record["steps"]] == ["applied"]
        fields = {field["field"]: field["after"] for field in record["plan"]["steps"][0]["fields"]}
        assert fields["name"] == "Visitantes"
        assert {"intent", "outcome", "state"} <= {row["event"] for row in record["evidence"]}
        assert (await told(stage, "show", plan_id))["state"] == "planned"
        assert (await told(stage, "show", "1"))["seq"] == 1

        page = (await run(stage, "show", change_id)).out
        assert f"{change_id}: applied" in page
        assert "-> Visitantes" in page
        assert change_id in (await run(stage, "history")).out
        assert plan_id in (await run(stage, "plans")).out
        nothing = await run(stage, "show", "CHG-20000101-000000-aaaa")
        assert (nothing.code, nothing.err.split(":")[0]) == (3, "Refused")


async def test_names_that_carry_control_characters_and_markup_are_printed_inert(tmp_path: Path) -> None:
    """No raw control character reaches a terminal, and nothing in a name is read as markup."""
    async with filled(tmp_path / "home") as stage:
        stage.sandbox.edit(f"/networks/{NET}", {"name": NASTY})
        stage.sandbox.edit(f"/networks/{NET}/wireless/ssids/2", {"name": NASTY})
        plan = await planned(stage, renamed(2, "Visitantes"), intent=f"please {NASTY}")
        for words in (("plans",), ("show", plan["plan_id"]), ("audit", "tail")):
            for more in ((), ("--json",)):
                done = await run(stage, *words, *more)
                assert done.code == 0
        page = (await run(stage, "show", plan["plan_id"])).out
        assert "\\u001b[2J" in page
        assert "[bold]y[/bold]" in page


async def test_the_chain_is_verified_exported_without_loss_and_its_first_bad_row_is_named(tmp_path: Path) -> None:
    """Each exported line gives back its own hash; an edited row is named by its number, exit 1."""
    async with filled(tmp_path / "home") as stage:
        await applied(stage, renamed(2, "Visitantes"))
        whole = await told(stage, "audit", "verify")
        assert whole["whole"] is True
        kept = f"{whole['rows']}:{whole['head']}"
        assert (await run(stage, "audit", "verify", "--receipt", kept)).code == 0
        assert (await run(stage, "audit", "verify", "--receipt", f"3:{'0' * 64}")).code == 1

        target = tmp_path / "audit.jsonl"
        assert (await run(stage, "audit", "export", "--to", str(target))).code == 0
        assert stat.S_IMODE(target.stat().st_mode) == 0o600
        exported = [json.loads(text) for text in target.read_text("ascii").splitlines()]
        rows = [one for one in exported if "event" in one]
        assert [row["seq"] for row in rows] == list(range(1, whole["rows"] + 1))
        for row in rows:
            said = row.pop("hash")
            assert hashlib.sha256(rfc8785.dumps(row)).hexdigest() == said
            assert list(differences_from_schema(ocsf_event({**row, "hash": said}, "0.1.0"))) == []
        assert (await run(stage, "audit", "export")).out == target.read_text("ascii")
        assert (await run(stage, "audit", "export", "--to", str(target))).code == 3
        newest = (await told(stage, "audit", "tail", "-n", "2"))["rows"]
        assert [row["seq"] for row in newest] == [whole["rows"] - 1, whole["rows"]]

    edited = rows[4]["seq"]
    altered(tmp_path / "home" / "store.db", "UPDATE audit SET doc = replace(doc, 'a', 'b') WHERE seq = ?", [edited])
    found = await told(stage, "audit", "verify", code=1)
    assert (found["whole"], found["first_bad_row"]) == (False, edited)
    assert f"the first bad row is {edited}" in (await run(stage, "audit", "verify")).out


async def test_tail_follows_the_chain_until_ctrl_c(tmp_path: Path) -> None:
    """A row that is written meanwhile is shown; Ctrl-C ends it with exit 0."""
    async with filled(tmp_path / "home") as stage:
        await stage.call("history")
        command = [*PROGRAM, "audit", "tail", "--follow"]
        async with at_terminal(command, environment(stage.settings)) as person:
            await person.reads("history")
            await stage.call("meraki_search", query="vlan")
            await person.reads("meraki_search")
            await person.presses_ctrl_c()
            assert await person.leaves() == 0, person.screen


async def test_a_rollback_on_the_command_line_asks_for_approval_and_then_restores_the_network(tmp_path: Path) -> None:
    """Exit 4 with the command to run; once a person ran it, the same command rolls back, exit 0."""
    async with filled(tmp_path / "home") as stage:
        before = await ssid(stage)
        done = await applied(stage, renamed(2, "Visitantes"))
        await enrolled(stage)
        asked = await told(stage, "rollback", done["change_id"], "--reason", "not wanted", code=4)
        assert asked["status"] == "needs_approval"
        assert (await ssid(stage))["name"] == "Visitantes"
        page = await run(stage, "rollback", "--last", "1")
        assert page.code == 4
        assert asked["approve_with"] in page.out
        await approved(stage, asked)
        undone = await told(stage, "rollback", done["change_id"])
        assert undone["status"] == "rolled_back"
        assert await ssid(stage) == before
        rows = (await told(stage, "history"))["changes"]
        assert [row.get("rolls_back") for row in rows] == [[done["change_id"]], None]
        assert rows[1]["rolled_back_by"] == rows[0]["change_id"]
        again = await told(stage, "rollback", done["change_id"])
        assert again["change_id"] == undone["change_id"]


async def test_a_rollback_at_a_terminal_is_approved_right_there_by_code_and_passphrase(tmp_path: Path) -> None:
    """One command, exit 0; who types something else than the code stops it, exit 3."""
    async with filled(tmp_path / "home") as stage:
        before = await ssid(stage)
        done = await applied(stage, renamed(2, "Visitantes"))
        await enrolled(stage)
        command = [*PROGRAM, "rollback", done["change_id"]]
        async with at_terminal(command, environment(stage.settings)) as person:
            await person.reads("anything else to stop: ")
            await person.types("no")
            assert await person.leaves() == 3
        assert (await ssid(stage))["name"] == "Visitantes"
        async with at_terminal(command, environment(stage.settings)) as person:
            shown = await person.reads("anything else to stop: ")
            assert f"Takes back {done['change_id']}." in shown
            assert "The requester says" not in shown
            await person.types(shown.split("Apply plan ", 1)[1].split(" ", 1)[0])
            await person.reads("Passphrase: ")
            await person.types(PASSPHRASE, hidden=True)
            assert await person.leaves() == 0, person.screen
        assert await ssid(stage) == before


async def ssid(stage: Stage) -> Any:
    """SSID 2 as the cloud tells it."""
    asked = {"networkId": NET, "number": "2"}
    return (await stage.call("meraki_read", operation="getNetworkWirelessSsid", params=asked))["data"]


async def test_rollback_refuses_what_is_not_there_and_names_what_it_needs(tmp_path: Path) -> None:
    """Neither or both of id and --last, and steps that are none, are usage errors; an unknown change is refused."""
    async with filled(tmp_path / "home") as stage:
        for words in ((), ("CHG-1", "--last", "1"), ("CHG-1", "--steps", "a,b"), ("--last", "0")):
            assert (await run(stage, "rollback", *words)).code == 2, words
        refused = await told(stage, "rollback", "CHG-20000101-000000-aaaa", code=3)
        assert refused["error"]["code"] == "change_unknown"
        done = await applied(stage, renamed(2, "Um"), renamed(3, "Dois"))
        wrong = await told(stage, "rollback", done["change_id"], "--steps", "1,9", code=3)
        assert wrong["error"]["code"] == "step_unknown"


async def test_the_sandbox_prints_where_it_is_and_how_a_server_is_pointed_at_it(tmp_path: Path) -> None:
    """With just the printed settings, doctor finds a key that is accepted, and says where each came from."""
    command = [*PROGRAM, "sandbox", "--port", "0", "--networks", "8", "--devices", "60", "--seed", "7"]
    plain = {"PATH": os.environ["PATH"], "PYTHONPATH": ROOT}
    async with at_terminal(command, plain) as person:
        page = await person.reads("Ctrl-C ends it.")
        given = dict(re.findall(r"export (\w+)=(\S+)", page))
        assert set(given) == {"MERAKI_BASE_URL", "MERAKI_DASHBOARD_API_KEY", "MERAKI_SPECIALIST_ALLOW_LOOPBACK"}
        home = {"MERAKI_SPECIALIST_HOME": str(tmp_path / "home")}
        done = await without_terminal([*PROGRAM, "doctor", "--json"], {**plain, **given, **home})
        assert done.code == 0, done.out + done.err
        checks = {check["what"]: check for check in json.loads(done.out)["checks"]}
        assert checks["API key"]["found"] == "accepted; sees 2 organization(s)"
        assert checks["setting base_url"]["found"] == f"{given['MERAKI_BASE_URL']} (from MERAKI_BASE_URL)"
        assert checks["setting api_key"]["found"] == "40 characters (from MERAKI_DASHBOARD_API_KEY)"
        assert given["MERAKI_DASHBOARD_API_KEY"] not in done.out + done.err
        await person.presses_ctrl_c()
        assert await person.leaves() == 0, person.screen


async def test_a_program_that_starts_the_sandbox_is_told_at_once_what_it_needs() -> None:
    """Through a pipe too, and with the key itself: it opens nothing else."""
    command = [*PROGRAM, "sandbox", "--port", "0", "--json"]
    plain = {"PATH": os.environ["PATH"], "PYTHONPATH": ROOT}
    with anyio.fail_after(LONGEST_S):
        async with await anyio.open_process(command, env=plain, stderr=None) as process:
            assert process.stdout is not None
            said = b""
            while not said.endswith(b"\n}\n"):
                said += await process.stdout.receive()
            process.terminate()
    told = json.loads(said)
    assert told["environment"] == sandbox.environment(told["url"])


async def test_a_taken_port_is_refused_in_one_line(tmp_path: Path) -> None:
    """The sandbox does not come up beside another program."""
    async with filled(tmp_path / "home") as stage:
        port = stage.settings.base_url.split(":")[2].split("/")[0]
        done = await run(stage, "sandbox", "--port", port)
        assert done.code == 3
        assert f"Port {port}" in done.err


async def test_doctor_names_what_is_wrong_and_exits_1(tmp_path: Path) -> None:
    """A key that is not accepted, a directory open to others, a setting that does not exist."""
    async with filled(tmp_path / "home") as stage:
        good = await told(stage, "doctor")
        levels = {check["what"]: check["level"] for check in good["checks"]}
        assert levels["API key"] == levels["store"] == levels["clock"] == levels["catalogue"] == "ok"
        assert levels["approve keys"] == "warn"
        await enrolled(stage)
        assert "1 approver" in (await run(stage, "doctor")).out
        surroundings = environment(stage.settings)
        wrong = {**surroundings, "MERAKI_DASHBOARD_API_KEY": "x" * 40}
        done = await without_terminal([*PROGRAM, "doctor"], wrong)
        assert done.code == 1
        assert "fail API key" in done.out
        assert "x" * 40 not in done.out + done.err
        typo = {**surroundings, "MERAKI_SPECIALIST_READONLY": "1"}
        done = await without_terminal([*PROGRAM, "doctor"], typo)
        assert done.code == 1
        assert "MERAKI_SPECIALIST_READ_ONLY" in done.out
        offline = await run(stage, "doctor", "--offline")
        assert "not tried" in offline.out
        stage.settings.home.chmod(0o755)
        done = await without_terminal([*PROGRAM, "doctor"], surroundings)
        stage.settings.home.chmod(0o700)
        assert done.code == 1
        assert "fail data directory" in done.out


async def test_the_catalogue_is_described_searched_and_compared_with_an_organizations_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Search says what the tool says; refresh names what is new, gone and changed, and changes nothing."""
    async with filled(tmp_path / "home") as stage:
        about = await told(stage, "catalogue", "info")
        assert (about["api_version"], about["operations"], about["writes"]) == ("1.75.1", 1039, 482)
        found = await told(stage, "catalogue", "search", "port", "forwarding")
        by_tool = await stage.call("meraki_search", query="port forwarding")
        assert [one["id"] for one in found["operations"]] == [one["id"] for one in by_tool["operations"]]
        described = await told(stage, "catalogue", "search", "--operation", "updateNetworkWirelessSsid")
        assert described["body"]["psk"] == "string"
        assert (await run(stage, "catalogue", "search")).code == 2
        assert (await run(stage, "catalogue", "search", "--operation", "updateNetworkWirelessSsit")).code == 3
        assert "scripts/build catalogue" in (await run(stage, "catalogue", "build")).out

        cloud_answer = stage.sandbox._ask

        def with_document(asked: Any, cloud: Any = None) -> Answer:
            is_document = asked.path == f"/organizations/{ORG}/openapiSpec"
            return Answer(200, openapi()) if is_document else cloud_answer(asked, cloud)

        monkeypatch.setattr(stage.sandbox, "_ask", with_document)
        new = await told(stage, "catalogue", "refresh", "--organization", ORG)
        assert new["added"] == [{"id": "getNetworkWeather", "request": "GET /networks/{networkId}/weather"}]
        assert new["removed"] == ["rebootDevice"]
        assert new["changed"] == [
            {"id": "updateNetwork", "what": ["new body field colour", "body field notes is gone"]}
        ]
        assert "follow it for this organization" in new["note"]
        assert stage.writes() == []
        assert len(await evidence(stage, "catalogue_refresh", "ok")) == 1
        monkeypatch.setattr(stage.sandbox, "_ask", lambda *_asked: Answer(200, {"paths": {"/x": {}}}))
        odd = await run(stage, "catalogue", "refresh", "--organization", "549237")
        assert odd.code == 1
        assert "lists no operations" in odd.err


def openapi() -> dict[str, Any]:
    """The catalogue as an OpenAPI document, one operation added, one taken away, one changed."""
    known = Catalogue.load()
    paths: dict[str, Any] = {"/networks/{networkId}/weather": {"get": {"operationId": "getNetworkWeather"}}}
    for operation in map(known.find, known.ids()):
        if operation.id == "rebootDevice":
            continue
        fields = set(operation.body.fields) if operation.body else set()
        if operation.id == "updateNetwork":
            fields = fields - {"notes"} | {"colour"}
        schema = {"schema": {"type": "object", "properties": {name: {} for name in fields}}}
        described: dict[str, Any] = {"operationId": operation.id}
        described["parameters"] = [{"in": "query", "name": name} for name in operation.query]
        if operation.body:
            described["requestBody"] = {"content": {"application/json": schema}}
        paths.setdefault(operation.path, {})[operation.method.lower()] = described
    return {"openapi": "3.0.1", "info": {"version": "1.99.0"}, "paths": paths}


async def test_no_bind_that_others_can_reach_is_served(tmp_path: Path) -> None:
    """A wrong setting is one line and exit 2, also when it is found while the server runs."""
    async with filled(tmp_path / "home") as stage:
        done = await run(stage, "serve", "--transport", "http", "--host", "0.0.0.0")  # noqa: S104  it is refused
        assert done.code == 2
        assert "loopback" in done.err
