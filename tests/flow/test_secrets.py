"""Secrets are driven through every tool, answer, error and file: none of them stands anywhere in clear."""

import base64
import io
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, quote_plus

import pytest

from mcp_server.logs import Output, configure
from mcp_server.sandbox.app import create_app
from tests.support.outside import plain
from tests.support.places import NET, ORG
from tests.support.stage import Stage, accepting, staged
from tests.support.story import Payload, confirmed, planned, step

API_KEY: Final = "canaryapikey0123456789abcdefABCDEF012345"
GIVEN: Final = {  #: settings and vault: what {"$secret": "NAME"} stands for
    "PSK": "canário psk/1+α&2 <x>",
    "VPN": "canary-vpn-0123456789",
    "RADIUS": 'canary"radius\\9876',
}
KEPT: Final = "canary-vault-54321-abc"  #: in the vault
TYPED: Final = "canary-typed-13579"  #: typed into a plan by the model itself
LIVE: Final = "canary-live-24680"  #: stands in the cloud before
SSID: Final = f"/networks/{NET}/wireless/ssids/1"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the server logs, as it would stand on stderr."""
    stream = io.StringIO()
    yield stream
    root = logging.getLogger()
    for output in [one for one in root.handlers if isinstance(one, Output)]:
        root.removeHandler(output)


def _forms(secret: str) -> set[bytes]:
    """The secret as it may stand in a file: plain, JSON, base64 and URL-encoded."""
    raw = secret.encode()
    texts = {secret, plain(secret)[1:-1], quote(secret), quote(secret, safe=""), quote_plus(secret)}
    return {text.encode() for text in texts} | {
        base64.b64encode(raw),
        base64.urlsafe_b64encode(raw),
        raw.hex().encode(),
    }


def assert_absent(secrets: list[str], content: bytes, where: str) -> None:
    """Fail naming the secret that stands in the content."""
    found = [secret for secret in secrets for form in _forms(secret) if form in content]
    assert not found, f"{where} holds {found}"


def _psk(secret: Any, name: str = "Aula", number: str = "1") -> Payload:
    body = {
        "name": name, "enabled": True, "authMode": "psk", "encryptionMode": "wpa", "wpaEncryptionMode": "WPA2 only",
        "psk": secret,
    }  # fmt: skip
    return step("updateNetworkWirelessSsid", body, networkId=NET, number=number)


RADIUS: Final = step(
    "updateNetworkWirelessSsid",
    {"authMode": "8021x-radius", "radiusServers": [
        {"host": "10.0.0.9", "port": 1812, "secret": {"$secret": "RADIUS"}}]},
    networkId=NET, number="3",
)  # fmt: skip
PEER: Final = step(
    "updateOrganizationApplianceVpnThirdPartyVPNPeers",
    {"peers": {"$insert": [{"name": "Partner", "publicIp": "198.51.100.7", "privateSubnets": ["192.168.77.0/24"],
                            "secret": {"$secret": "VPN"}, "ikeVersion": "2", "networkTags": ["all"],
                            "ipsecPoliciesPreset": "default"}], "at": "last"}},
    organizationId=ORG,
)  # fmt: skip
SNMP: Final = step(
    "updateNetworkSnmp",
    {"access": "users", "users": [{"username": "noc", "passphrase": {"$generate": 24}}]},
    networkId=NET,
)


async def _driven(stage: Stage) -> list[Any]:
    """Every tool, with changes that hold secrets, that fail with secrets, and reads of what they left."""
    answers: list[Any] = []
    for operations in ([_psk({"$secret": "PSK"})], [RADIUS], [PEER], [SNMP], [_psk({"$secret": "KEPT"}, "B", "2")]):
        plan = await planned(stage, *operations)
        done = await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"])
        answers += [plan, done, await stage.call("health_check", change_id=done["change_id"])]
        answers += [await stage.call("history", change_id=done["change_id"])]
        answers += [(await stage.client.read_resource(f"plan://{plan['plan_id']}")).model_dump(mode="json")]
        assert done["status"] == "applied", (done["status"], done.get("error"))
    answers.append(await confirmed(stage, "rollback", last=1))
    for operation, params in (
        ("getNetworkWirelessSsid", {"networkId": NET, "number": "1"}),
        ("getNetworkWirelessSsids", {"networkId": NET}),
        ("getNetworkSnmp", {"networkId": NET}),
        ("getOrganizationApplianceVpnThirdPartyVPNPeers", {"organizationId": ORG}),
    ):
        answers.append(await stage.call("meraki_read", operation=operation, params=params))
    answers += await _faulty(stage)
    answers += [await stage.call("meraki_search", query="psk"), await stage.call("history")]
    answers.append((await stage.client.read_resource("changelog://session")).model_dump(mode="json"))
    return answers


async def _faulty(stage: Stage) -> list[Any]:
    """Calls that fail, where a careless error text would repeat what was sent."""
    answers: list[Any] = [
        await stage.call("meraki_plan", operations=[_psk(TYPED[:3])], intent="tried"),
        await stage.call("meraki_plan", operations=[_psk([TYPED])], intent="tried"),
        await stage.call("meraki_plan", operations=[_psk(TYPED)], intent="tried", psk=TYPED),
        await stage.call("meraki_read", operation="getNetwork", params={"networkId": NET, "secret": TYPED}),
    ]
    for fault in (
        {"kind": "status", "status": 400, "errors": [f"psk {GIVEN['PSK']!r} {GIVEN['PSK']} is weak, key {API_KEY}"]},
        {"kind": "normalised", "set": {"psk": LIVE, "name": f"n {GIVEN['PSK']}"}},
        {"kind": "drop", "when": "after"},
    ):
        plan = await planned(stage, _psk({"$secret": "PSK"}, f"C{len(answers)}", "4"))
        stage.sandbox.add_fault({**fault, "method": "PUT"})
        answers += [plan, await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"])]
    answers.append(
        await stage.call("meraki_read", operation="getNetworkWirelessSsid", params={"networkId": NET, "number": "4"})
    )
    return answers


async def test_no_secret_stands_in_any_answer_log_or_file(tmp_path: Path, log: io.StringIO) -> None:
    """API key, PSK, VPN and RADIUS secrets, vault values, generated values, and what stood in the cloud before."""
    home = tmp_path / "home"
    cloud = create_app(api_key=API_KEY, rate_limit=False)
    cloud.world.get(SSID)
    cloud.edit(SSID, {"authMode": "psk", "psk": LIVE, "encryptionMode": "wpa", "wpaEncryptionMode": "WPA2 only"})
    given = {"secrets": GIVEN, "api_key": API_KEY, "settle_s": 0.3}
    async with staged(home, answer=accepting, sandbox=cloud, given=given) as stage:
        assert stage.server is not None
        stage.server.vault.set("KEPT", KEPT)
        configure(stage.settings, log)
        logging.getLogger("mcp_server.tried").warning("psk=%s vpn %s key %s", TYPED, GIVEN["VPN"], API_KEY)
        answers = await _driven(stage)
        world = stage.sandbox.world
        generated = [
            user["passphrase"]
            for entry in world.journal
            if entry["method"] == "PUT" and entry["path"].endswith("/snmp")
            for user in entry["body"].get("users") or []
        ]
        assert generated
        sent = [entry["body"]["psk"] for entry in world.journal if entry["path"] == SSID and entry["body"]]
        assert sent == [GIVEN["PSK"]]  # in the cloud it is what was meant
        secrets = [API_KEY, *GIVEN.values(), KEPT, LIVE, *generated]
        for number, answer in enumerate(answers):
            assert_absent([*secrets, TYPED], plain(answer).encode(), f"answer {number}")
        assert_absent(secrets, plain(stage.asked).encode(), "a question")
        for file in sorted(home.rglob("*")):
            if file.is_file():
                assert_absent([*secrets, TYPED], file.read_bytes(), f"while running, {file.name}")
    assert_absent([*secrets, TYPED], log.getvalue().encode(), "the log")
    for file in sorted(home.rglob("*")):
        if file.is_file():
            assert_absent([*secrets, TYPED], file.read_bytes(), file.name)


async def test_a_known_secret_is_masked_also_where_no_field_name_tells(tmp_path: Path) -> None:
    """Somebody wrote the vault's secret into a note: the answer that shows the note does not show the secret."""
    home = tmp_path / "home"
    async with staged(home, answer=accepting, given={"secrets": {"PSK": GIVEN["PSK"]}}) as stage:
        assert stage.server is not None
        stage.server.vault.set("KEPT", KEPT)
        stage.sandbox.edit(f"/networks/{NET}", {"notes": f"wifi: {GIVEN['PSK']} / vpn: {KEPT}", "tags": [KEPT]})
        answer = await stage.call("meraki_read", operation="getNetwork", params={"networkId": NET})
        assert answer["data"]["notes"] == "wifi: ******** / vpn: ********"
        assert answer["data"]["tags"] == ["********"]
        plan = await planned(stage, step("updateNetwork", {"notes": "none"}, networkId=NET), intent=f"drop {KEPT}")
        assert_absent([GIVEN["PSK"], KEPT], plain(plan).encode(), "the plan")
        await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"])
        assert_absent([GIVEN["PSK"], KEPT], plain(stage.asked).encode(), "the question")
        stage.server.vault.set("LATER", "canary-later-000111")
        stage.sandbox.edit(f"/networks/{NET}", {"notes": "now canary-later-000111"})
        answer = await stage.call("meraki_read", operation="getNetwork", params={"networkId": NET})
        assert answer["data"]["notes"] == "now ********"
    for file in sorted(home.rglob("*")):
        if file.is_file():
            assert_absent([GIVEN["PSK"], KEPT], file.read_bytes(), file.name)
