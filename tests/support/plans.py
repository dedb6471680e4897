"""Plans for tests, made by hand."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from mcp_server.domain.call import Json, Named, Network
from mcp_server.domain.plan import Impact, Inverse, Plan, Reader, Step, Write
from mcp_server.domain.risk import Risk
from mcp_server.domain.state.diff import diff

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
NETWORK = Network("N_1", "Store 12", "1")


def step(number: int = 1, **given: Any) -> Step:
    """An SSID rename, with whatever is given changed."""
    params = {"networkId": "N_1", "number": "3"}
    before: Json = given.pop("before", {"number": 3, "name": "Old", "enabled": True})
    body: Mapping[str, Json] | None = given.pop("body", {"name": "New"})
    expected: Json = given.pop("expected", {**before, **(body or {})} if isinstance(before, dict) else body)
    made = Step(
        number=number,
        write=Write("updateNetworkWirelessSsid", params, body),
        method="PUT",
        path="/networks/N_1/wireless/ssids/3",
        label="update ssid 3 of Store 12",
        kind="update",
        resource="ssid",
        task="T1",
        organization_id="1",
        network_id="N_1",
        serial=None,
        reader=Reader("getNetworkWirelessSsid", params),
        before=before,
        expected=expected,
        diff=diff(before, expected),
        inverse=Inverse("reversible", "put_before", (Write("updateNetworkWirelessSsid", params, before),)),
        risk=Risk.MODERATE,
    )
    return replace(made, **given)


def plan(*steps: Step, **given: Any) -> Plan:
    """A plan of those steps (one SSID rename when none is given)."""
    made = Plan(
        plan_id="plan-1",
        code="AB12",
        plan_hash="",
        request_id="REQ-1",
        owner="ana",
        intent="rename the guest SSID",
        organization=Named("1", "Acme"),
        networks=(NETWORK,),
        steps=steps or (step(),),
        impact=Impact(1, ("Q2-1",), (Named("N_1", "Store 12"),), 4, "brief"),
        warnings=(),
        skipped=(),
        context={},
        baseline={},
        created_at=NOW,
        expires_at=NOW + timedelta(hours=24),
    )
    return replace(made, **given)
