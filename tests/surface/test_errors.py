"""What a wrong call is told: the field, what was given and what is allowed, in few tokens and in our own words."""

import re
from pathlib import Path
from typing import Any, Final

import pytest

from mcp_server.locales.messages import LOCALES
from tests.support.places import NET, ORG
from tests.support.stage import staged
from tests.support.story import step
from tests.support.tokens import tokens

SSID: Final[dict[str, Any]] = {"networkId": NET, "number": "1"}
#: Words of libraries, which say nothing to a person: pydantic, jsonschema, Python itself.
FOREIGN: Final = re.compile(
    r"pydantic|Traceback|input_value|type=|errors\.|https?://|Input should|jsonschema|Error\(|None\b"
)
MOST: Final = 60


def one(operation: str, body: dict[str, Any] | None = None, **params: Any) -> dict[str, Any]:
    """The arguments of a plan with one operation."""
    return {"operations": [step(operation, body, **params)], "intent": "tried in a test"}


FAULTY: Final[list[tuple[str, dict[str, Any], str]]] = [
    ("meraki_plan", one("updateNetworkWirelessSsidd", {"name": "x"}, **SSID), "updateNetworkWirelessSsid"),
    ("meraki_plan", one("updateNetworkWirelessSsid", {"nam": "x"}, **SSID), "nam"),
    ("meraki_plan", one("updateNetworkWirelessSsid", {"name": 3}, **SSID), "name"),
    ("meraki_plan", one("updateNetworkWirelessSsid", {"authMode": "wep"}, **SSID), "authMode"),
    ("meraki_plan", one("updateNetworkWirelessSsid", {"name": "x"}, networkId=NET), "number"),
    ("meraki_plan", one("updateNetworkWirelessSsid", {"name": "x"}, networkId="N_404", number="1"), "N_404"),
    ("meraki_plan", one("getOrganizations"), "getOrganizations"),
    ("meraki_plan", one("createOrganizationActionBatch", {"actions": []}, organizationId=ORG), "ActionBatch"),
    ("meraki_plan", one("deleteNetwork", networkId=NET), "irreversible"),
    ("meraki_plan", {"operations": [], "intent": "x"}, "operations"),
    ("meraki_plan", {"operations": [step("updateNetwork", {"name": "x"}, networkId=NET)]}, "intent"),
    ("meraki_read", {"operation": "getNetwork", "params": {}}, "networkId"),
    ("meraki_read", {"operation": "getNetwrk", "params": {}}, "getNetwork"),
    ("meraki_read", {"operation": "updateNetwork", "params": {"networkId": NET}}, "updateNetwork"),
    ("meraki_read", {"operation": "getNetwork", "params": {"networkId": "N_1"}}, "N_1"),
    ("meraki_read", {"operation": "getNetwork", "params": {"networkId": NET, "x": 1}}, "x"),
    ("meraki_read", {"operation": "getNetwork", "params": {"networkId": NET}, "cursor": "zz"}, 'found string "zz"'),
    ("meraki_read", {"operation": "getDevice", "params": {"serial": "Q2XX-XXXX-XXXX"}}, "Q2XX-XXXX-XXXX"),
    ("meraki_search", {"operation": "nope"}, "nope"),
    ("meraki_search", {"what": "clients"}, "what"),
    ("meraki_search", {"limit": 0}, "limit"),
    ("meraki_search", {"q": "x"}, "q"),
    ("meraki_apply", {"plan_id": "PLAN-NONE"}, "PLAN-NONE"),
    ("meraki_apply", {}, "plan_id"),
    ("rollback", {"change_id": "CHG-1"}, "'CHG-1'"),
    ("rollback", {"last": 0}, "last"),
    ("health_check", {"network_id": "N_1"}, "N_1"),
    ("health_check", {"serials": ["x"]}, "'x'"),
    ("health_check", {"serials": []}, "serials"),
    ("request_audit", {"plan_id": "p"}, "'p'"),
    ("history", {"change_id": "c"}, "'c'"),
    ("history", {"status": "none"}, 'found string "none"'),
    ("history", {"since": "yesterday"}, 'since: no time, found string "yesterday"'),
    ("history", {"since": "2026-11-21T08:00:00"}, "since: no time zone"),
    ("history", {"cursor": "x"}, 'cursor: not one of ours, found string "x"'),
    ("history", {"actor": ""}, "actor"),
    ("meraki_write", {}, "meraki_write"),
]


@pytest.mark.parametrize("locale", LOCALES)
async def test_a_single_fault_is_named_in_at_most_60_tokens_of_our_own_words(tmp_path: Path, locale: str) -> None:
    """Message and remedy together, in each language of the texts for people; each has both."""
    async with staged(tmp_path / "home", given={"locale": locale}) as stage:
        for tool, arguments, named in FAULTY:
            error = (await stage.call(tool, **arguments))["error"]
            told = f"{error['message']} {error['remedy']}"
            assert named in told
            assert error["message"]
            assert error["remedy"]
            assert FOREIGN.search(told) is None, told
            assert tokens(told) <= MOST, told
