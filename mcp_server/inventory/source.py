"""The reads behind the inventory, and what their rows mean here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from mcp_server.catalogue.operations import Catalogue
from mcp_server.catalogue.requests import request_for
from mcp_server.domain.call import Device, Json, Named, Network
from mcp_server.domain.ports import MerakiApi
from mcp_server.errors import BadAnswer, NotAuthenticated, Rejected

_PAGE: Final = 1000
#: First letters of a model and what it is; the first that fits counts (Cisco documentation, product families, 2026).
_PRODUCTS: Final = (
    ("MX", "appliance"), ("VMX", "appliance"), ("Z", "appliance"), ("C8", "appliance"), ("MS", "switch"),
    ("C98", "wirelessController"), ("CW98", "campusGateway"), ("C91", "wireless"), ("CW", "wireless"),
    ("MR", "wireless"), ("C9", "switch"), ("MV", "camera"), ("MT", "sensor"), ("MG", "cellularGateway"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Template:
    """A configuration template; its id looks like a network's."""

    id: str
    name: str
    organization_id: str
    product_types: tuple[str, ...] = ()


class Source:
    """The cloud's answers as networks, devices and templates. Raises what the API raised, and BadAnswer."""

    def __init__(self, api: MerakiApi, catalogue: Catalogue, on_bad_key: Callable[[], None]) -> None:
        """``on_bad_key`` is called when the cloud does not accept the key."""
        self._api = api
        self._catalogue = catalogue
        self._on_bad_key = on_bad_key

    async def organizations(self) -> tuple[Named, ...]:
        """Every organization that the key sees."""
        rows = await self._rows("getOrganizations", {"perPage": _PAGE})
        return tuple(Named(str(row["id"]), str(row.get("name") or "")) for row in rows if row.get("id"))

    async def networks(self, organization_id: str) -> tuple[Network, ...]:
        """All networks of an organization."""
        rows = await self._rows("getOrganizationNetworks", {"organizationId": organization_id, "perPage": _PAGE})
        return tuple(_network(row, organization_id) for row in rows if row.get("id"))

    async def devices(self, organization_id: str) -> tuple[Device, ...]:
        """All devices of an organization that are in a network."""
        rows = await self._rows("getOrganizationDevices", {"organizationId": organization_id, "perPage": _PAGE})
        return tuple(_device(row, organization_id) for row in rows if row.get("serial"))

    async def templates(self, organization_id: str) -> tuple[Template, ...]:
        """All configuration templates of an organization."""
        rows = await self._rows("getOrganizationConfigTemplates", {"organizationId": organization_id})
        return tuple(_template(row, organization_id) for row in rows if row.get("id"))

    async def network(self, network_id: str) -> Network | None:
        """One network, None on 404: it does not exist or the key may not see it (the cloud says no more)."""
        row = await self._one("getNetwork", {"networkId": network_id})
        if row is None:
            return None
        if str(row.get("id")) != network_id or not row.get("organizationId"):
            raise BadAnswer("getNetwork: the answer is not the network that was asked for", sent=True)
        return _network(row, str(row["organizationId"]))

    async def device(self, serial: str) -> Device | None:
        """One device, its organization still unknown (""), or None on 404."""
        row = await self._one("getDevice", {"serial": serial})
        if row is None:
            return None
        if str(row.get("serial")) != serial:
            raise BadAnswer("getDevice: the answer is not the device that was asked for", sent=True)
        return _device(row, "")

    async def _read(self, operation: str, params: Mapping[str, Json]) -> Json:
        try:
            return (await self._api.read(request_for(self._catalogue.find(operation), params))).data
        except NotAuthenticated:
            self._on_bad_key()
            raise

    async def _rows(self, operation: str, params: Mapping[str, Json]) -> list[Mapping[str, Json]]:
        found = await self._read(operation, params)
        if not isinstance(found, list) or not all(isinstance(row, Mapping) for row in found):
            raise BadAnswer(f"{operation}: the answer is no list of objects", sent=True)
        return found

    async def _one(self, operation: str, params: Mapping[str, Json]) -> Mapping[str, Json] | None:
        try:
            found = await self._read(operation, params)
        except Rejected as error:
            if error.status == 404:
                return None
            raise
        if not isinstance(found, Mapping):
            raise BadAnswer(f"{operation}: the answer is no object", sent=True)
        return found


def product_of(model: str) -> str:
    """The product type that a model belongs to; "" when its name does not tell."""
    return next((product for start, product in _PRODUCTS if model.upper().startswith(start)), "")


def _network(row: Mapping[str, Json], organization_id: str) -> Network:
    bound = bool(row.get("isBoundToConfigTemplate") or row.get("configTemplateId"))
    return Network(
        id=str(row["id"]),
        name=str(row.get("name") or ""),
        organization_id=organization_id,
        product_types=_texts(row.get("productTypes")),
        tags=_texts(row.get("tags")),
        template_id=str(row.get("configTemplateId") or "unknown") if bound else None,
    )


def _device(row: Mapping[str, Json], organization_id: str) -> Device:
    model = str(row.get("model") or "")
    return Device(
        serial=str(row["serial"]),
        name=str(row.get("name") or ""),
        model=model,
        organization_id=organization_id,
        network_id=str(row["networkId"]) if row.get("networkId") else None,
        firmware=str(row.get("firmware") or ""),
        tags=_texts(row.get("tags")),
        product_type=str(row.get("productType") or product_of(model)),
    )


def _template(row: Mapping[str, Json], organization_id: str) -> Template:
    return Template(str(row["id"]), str(row.get("name") or ""), organization_id, _texts(row.get("productTypes")))


def _texts(value: Json) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list | tuple) else ()
