"""What is read from the appliance family may be written back, cut to what the write takes, and changes nothing."""

import re

from mcp_server.sandbox.routes import Route, filled, routes
from mcp_server.sandbox.shapes import known
from tests.support.simulated import Json, Simulated

FAMILY = re.compile(
    r"/networks/\{networkId\}/(appliance/|groupPolicies)|/organizations/\{organizationId\}/policyObjects"
)
KEYS = ("vlanId", "number", "service", "staticRouteId", "groupPolicyId", "customPerformanceClassId", "id")


def concrete(cloud: Simulated, route: Route, network: str) -> list[str]:
    """The paths of a route that can be asked now: one, or one for each of the first items of its list."""
    own = {"networkId": network, "organizationId": cloud.organization}
    open_ = [name for name in re.findall(r"\{(\w+)\}", route.template) if name not in own]
    if not open_:
        return [filled(route.template, own)]
    listed = cloud.ask("GET", filled(route.template.rpartition("/")[0], own))
    rows = listed.body if listed.status == 200 and isinstance(listed.body, list) else []
    keys = [next(str(row[key]) for key in (open_[0], *KEYS) if key in row) for row in rows[:3]]
    return [filled(route.template, own | {open_[0]: key}) for key in keys]


def writable(route: Route, read: Json) -> Json:
    """The body that puts back what was read: the transforms that the facts name, and nothing else."""
    body = known(read, route.body)
    if route.operation == "updateNetworkApplianceContentFiltering":
        body["blockedUrlCategories"] = [row["id"] for row in read["blockedUrlCategories"]]
    if isinstance(body, dict) and body.get("rules") and body["rules"][-1].get("comment") == "Default rule":
        body["rules"].pop()
    return body


def test_everything_readable_can_be_put_back_unchanged() -> None:
    """GET, cut, PUT, GET: the same answer and the same state, for each operation that has both."""
    cloud = Simulated()
    tried = set()
    for (method, template), route in routes().at.items():
        if method != "PUT" or not FAMILY.match(template) or ("GET", template) not in routes().at:
            continue
        for path in [one for network in (cloud.campus, cloud.branch) for one in concrete(cloud, route, network)]:
            read = cloud.ask("GET", path)
            if read.status != 200:
                continue
            before = cloud.state()
            cloud.put(path, writable(route, read.body))
            assert cloud.get(path) == read.body, route.operation
            assert cloud.state() == before, route.operation
            tried.add(route.operation)
    assert len(tried) >= 32
