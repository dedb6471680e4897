"""An organization's own API, once read, is what its searches, schemas, validations and plans follow."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from mcp_server.store.own_apis import OwnApis
from tests.support.commands import filled, told
from tests.support.places import NET, ORG
from tests.support.stage import Stage
from tests.support.story import step

OTHER: Final = "549237"
WEATHER: Final = {
    "operationId": "updateNetworkWeatherStation",
    "x-release-stage": "beta",
    "requestBody": {"content": {"application/json": {"schema": {
        "type": "object", "required": ["unit"],
        "properties": {"unit": {"type": "string", "enum": ["celsius", "kelvin"]}, "depth": {"type": "integer"}},
    }}}},
}  # fmt: skip


def differ(stage: Stage) -> None:
    """One operation added, early access; one removed; one with another field."""
    path = f"/organizations/{ORG}/openapiSpec"
    stage.sandbox.world.hidden[path] = {
        "version": "1.99.0",
        "remove": ["rebootDevice", "updateNetworkSnmp"],
        "paths": {
            "/networks/{networkId}/weatherStation": {"put": WEATHER},
            "/networks/{networkId}": {"put": {"operationId": "updateNetwork", "requestBody": {"content": {
                "application/json": {"schema": {"type": "object", "properties": {
                    "name": {"type": "string"}, "colour": {"type": "string"}}}}}}}},
        },
    }  # fmt: skip


async def test_the_own_api_is_reported_kept_and_used(tmp_path: Path) -> None:
    """Added, removed and changed; by the running server, without a restart."""
    async with filled(tmp_path / "home") as stage:
        before = await stage.call("meraki_search", operation="updateNetworkWeatherStation")
        assert before["error"]["code"] == "unknown_operation"
        differ(stage)
        found = await told(stage, "catalogue", "refresh", "--organization", ORG)
        assert [one["id"] for one in found["added"]] == ["updateNetworkWeatherStation"]
        assert found["removed"] == ["rebootDevice", "updateNetworkSnmp"]
        assert "new body field colour" in found["changed"][0]["what"]
        assert found["early_access"] == {"updateNetworkWeatherStation": "beta"}
        await _searched(stage)
        await _searched_for(stage)
        await _validated(stage)
        await _planned(stage)


async def _searched(stage: Stage) -> None:
    """Marked in the search and in the schema, with whose it is and how dangerous."""
    hits = await stage.call("meraki_search", query="update weather station")
    hit = next(one for one in hits["operations"] if one["id"] == "updateNetworkWeatherStation")
    assert (hit["stage"], hit["organizations"], hit["risk"]) == ("beta", [ORG], "critical")
    schema = await stage.call("meraki_search", operation="updateNetworkWeatherStation")
    assert "celsius|kelvin" in str(schema)


async def _searched_for(stage: Stage) -> None:
    """What another organization has is not listed for one that is named, in the query or by the last read."""
    wanted = "updateNetworkWeatherStation"
    for name, is_there in ((ORG, True), ("Aurora Indústria", True), (OTHER, False), ("aurora europa", False)):
        found = await stage.call("meraki_search", query=f"update weather station {name}", limit=5)
        assert found["only_in"] == [ORG if is_there else OTHER]
        assert (wanted in {one["id"] for one in found["operations"]}) == is_there
    rebooted = await stage.call("meraki_search", query=f"rebootDevice {ORG}", limit=3)
    assert "rebootDevice" not in {one["id"] for one in rebooted["operations"]}
    marked = await stage.call("meraki_search", query="rebootDevice", limit=1)
    assert ("only_in" in marked, marked["operations"][0]["not_in"]) == (False, [ORG])
    for organization, is_there in ((OTHER, False), (ORG, True)):
        await stage.call("meraki_read", operation="getOrganization", params={"organizationId": organization})
        found = await stage.call("meraki_search", query="update weather station")
        assert (found["only_in"], wanted in {one["id"] for one in found["operations"]}) == ([organization], is_there)


async def _validated(stage: Stage) -> None:
    """By the organization's own fields and choices; another organization has none of it."""
    wrong = step("updateNetworkWeatherStation", {"unit": "fahrenheit"}, networkId=NET, irreversible=True)
    assert (await _plan(stage, wrong))["error"]["code"] == "invalid_arguments"
    gone = await _plan(stage, step("updateNetworkSnmp", {"access": "none"}, networkId=NET))
    assert (gone["status"], gone["error"]["code"]) == ("refused", "not_in_this_api")
    theirs = next(one["id"] for one in stage.sandbox.world.networks_of(OTHER))
    other = await _plan(
        stage, step("updateNetworkWeatherStation", {"unit": "kelvin"}, networkId=theirs, irreversible=True)
    )
    assert other["error"]["code"] == "not_in_this_api"
    old = await _plan(stage, step("updateNetwork", {"colour": "red"}, networkId=theirs))
    assert old["error"]["code"] == "not_in_this_api"


async def _planned(stage: Stage) -> None:
    """Critical until its inverse is proven, and said to be early access."""
    plan = await _plan(stage, step("updateNetworkWeatherStation", {"unit": "kelvin"}, networkId=NET, irreversible=True))
    assert (plan["status"], plan["risk"]) == ("ok", "critical"), plan
    assert {"early_access", "new_operation"} <= {one["rule"] for one in plan["warnings"]}


async def _plan(stage: Stage, operation: Any) -> Any:
    return await stage.call("meraki_plan", operations=[operation], intent="follow the own API")


async def test_an_old_document_is_said_to_be_stale(tmp_path: Path) -> None:
    """By health_check and by doctor."""
    async with filled(tmp_path / "home") as stage:
        differ(stage)
        await told(stage, "catalogue", "refresh", "--organization", ORG)
        fresh = await stage.call("health_check")
        assert [one["is_stale"] for one in fresh["server"]["own_catalogues"]] == [False]
        kept = OwnApis(stage.settings.home)
        (own,) = kept.all()
        long_ago = {**own.to_json(), "fetched_at": (datetime.now(UTC) - timedelta(days=45)).isoformat()}
        kept.keep(type(own).from_json(long_ago))
        stale = await stage.call("health_check")
        assert [one["is_stale"] for one in stale["server"]["own_catalogues"]] == [True]
        checks = await told(stage, "doctor", "--offline")
        (found,) = [one for one in checks["checks"] if one["what"] == "own catalogue"]
        assert found["level"] == "warn"
        assert "catalogue refresh --organization" in found["found"]
