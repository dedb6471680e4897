"""What somebody else reads of the organization: the official SDK, which knows nothing of the product."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import httpx
import meraki

from mcp_server.catalogue.operations import Catalogue
from mcp_server.domain.operation import Operation
from mcp_server.sandbox.routes import routes
from tests.support.sandbox_server import MERAKI, MerakiOnLoopback

Json = Any
_ALWAYS: Final = (
    "getOrganization",
    "getOrganizationNetworks",
    "getOrganizationDevices",
    "getOrganizationInventoryDevices",
    "getOrganizationConfigTemplates",
)
_NEAR: Final = 10  #: reads beside the written one, at most
#: logs: they only ever grow
_NEVER: Final = (
    "getOrganizationConfigurationChanges",
    "getNetworkEvents",
    "getOrganizationApiRequests",
    "getDeviceSensorCommands",
    "getOrganizationDevicesPacketCaptureCaptures",
)
_LOOSE: Final = ("lastReportedAt", "lastUpdatedAt", "updatedAt", "configurationUpdatedAt")


class Witness:
    """The SDK's client and which of its reads tell something about a write."""

    def __init__(self, dashboard: Any, catalogue: Catalogue, organization_id: str) -> None:
        """``dashboard`` is the SDK's DashboardAPI."""
        self._sections = [part for part in vars(dashboard).values() if type(part).__module__.startswith("meraki.api")]
        self._organization_id = organization_id
        self._catalogue = catalogue
        gets = [catalogue.find(id_) for id_ in catalogue.ids() if catalogue.find(id_).method == "GET"]
        self._gets = [one for one in gets if self._is_usable(one)]
        self._readers = routes().readers

    def _is_usable(self, operation: Operation) -> bool:
        return not operation.required_query and operation.id not in _NEVER and self._method(operation.id) is not None

    def near(self, operation: str, params: Mapping[str, Json]) -> list[tuple[str, dict[str, str]]]:
        """The reads that tell about a write: at its path, above it, beside it, who is where, and lists that show it."""
        path = self._catalogue.find(operation).path
        known = {"organizationId": self._organization_id} | {name: str(value) for name, value in params.items()}
        usable = [one for one in self._gets if set(one.path_params) <= set(known)]
        above = [one for one in usable if f"{path}/".startswith(f"{one.path}/")]
        parent = path.rpartition("/")[0]
        beside = [one for one in usable if one.path.rpartition("/")[0] == parent and one not in above]
        always = [one for one in usable if one.id in _ALWAYS and one not in above]
        told = [one for one in usable if self._readers.get(one.id) == path and one not in [*above, *beside, *always]]
        chosen: list[Operation] = [*above, *beside[:_NEAR], *always, *told]
        return [(one.id, {name: known[name] for name in one.path_params}) for one in chosen]

    def read(self, calls: list[tuple[str, dict[str, str]]]) -> dict[str, Json]:
        """What the SDK returns for each call; the status of what it cannot read."""
        return {f"{operation} {' '.join(params.values())}": self._one(operation, params) for operation, params in calls}

    def _one(self, operation: str, params: Mapping[str, str]) -> Json:
        method = self._method(operation)
        try:
            return _plain(method(*params.values()))
        except meraki.APIError as refused:
            return {"status": refused.status}

    def _method(self, operation: str) -> Any:
        return next((getattr(part, operation) for part in self._sections if hasattr(part, operation)), None)


@contextmanager
def witness(base: str, key: str, catalogue: Catalogue, organization_id: str) -> Iterator[Witness]:
    """A witness whose requests go to ``base``."""
    logging.getLogger("meraki").setLevel(logging.CRITICAL)
    dashboard = meraki.DashboardAPI(
        key,
        base_url=f"https://{MERAKI}/api/v1",
        suppress_logging=True,
        smart_flow_enabled=False,
        maximum_retries=1,
    )
    session = dashboard._session  # noqa: SLF001  the SDK takes no transport
    if "meraki" not in httpx.URL(base).host:
        session._client.close()  # noqa: SLF001  as above
        session._client = httpx.Client(transport=MerakiOnLoopback(base), headers=session._client.headers, timeout=30)  # noqa: SLF001
    try:
        yield Witness(dashboard, catalogue, organization_id)
    finally:
        session._client.close()  # noqa: SLF001  as above


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items() if name not in _LOOSE}
    return [_plain(item) for item in value] if isinstance(value, list) else value
