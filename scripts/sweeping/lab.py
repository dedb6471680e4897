"""A real organization instead of the sandbox: trials that need nothing set up before, judged by the SDK's reads alone.

Writes to that organization. The key and address come from the environment, as the product reads them.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import anyio.to_thread

from mcp_server.catalogue.operations import Catalogue
from mcp_server.catalogue.overlay import Overlay
from mcp_server.domain.call import Touch
from mcp_server.settings import Settings, load
from scripts.sweeping.bench import Bench, NotPrepared, Seen
from scripts.sweeping.product import FAMILIES, Product, product
from scripts.sweeping.states import EMPTY
from scripts.sweeping.witness import Witness, witness
from tests.support.cases import Case

Json = Any
_PRODUCTS: Final[Mapping[str, str]] = {
    "MX": "appliance", "MS": "switch", "MR": "wireless", "MV": "camera", "MT": "sensor", "MG": "cellularGateway",
}  # fmt: skip


class LabBench(Bench):
    """The product and the SDK in front of a lab organization; nothing is reset, nothing is sent past the product."""

    def __init__(self, ours: Product, sdk: Witness, places: Mapping[str, str]) -> None:
        """``places`` are the organization's own, by the words that cases use."""
        self.product = ours
        self._sdk = sdk
        self._places = places

    async def prepared(self, case: Case) -> Touch:
        """The write of the case; NotPrepared when it needs something made first, or a device that is not there."""
        if case.first:
            raise NotPrepared("it needs something made first, which is not done in a lab")
        try:
            next(case.preparing(self._places))
        except StopIteration as ready:
            touch: Touch = ready.value
        missing = sorted({str(value) for value in touch.params.values()} & set(_PRODUCTS))
        if missing:
            raise NotPrepared(f"the organization has no {', '.join(missing)}")
        return touch

    async def refusal(self, _touch: Touch) -> str:
        """Nothing is tried past the product."""
        return ""

    async def seen(self, touch: Touch) -> Seen:
        """What the SDK reads."""
        return Seen(
            EMPTY, await anyio.to_thread.run_sync(self._sdk.read, self._sdk.near(touch.operation, touch.params))
        )


@asynccontextmanager
async def lab(home: Path, organization_id: str) -> AsyncIterator[LabBench]:
    """A bench in front of the organization."""
    settings: Settings = load(overrides={"home": home, "profile": "solo", "families": FAMILIES})
    async with product(settings) as ours:
        with witness(settings.base_url, settings.api_key, Catalogue.load(), organization_id) as sdk:
            yield LabBench(ours, sdk, await anyio.to_thread.run_sync(_places, sdk, organization_id))


def _places(sdk: Witness, organization_id: str) -> dict[str, str]:
    """The words that cases use, for this organization: its network of most products and a device of each there."""
    wanted = {"organizationId": organization_id}
    found = sdk.read([("getOrganizationNetworks", wanted), ("getOrganizationDevices", wanted)])
    networks, devices = found.values()
    if not isinstance(networks, list) or not networks:
        raise NotPrepared(f"organization {organization_id} has no network that this key can see")
    network = max(networks, key=lambda one: len(one["productTypes"]))
    at_home = {one["productType"]: one["serial"] for one in devices if one.get("networkId") == network["id"]}
    serials = {word: at_home[product_type] for word, product_type in _PRODUCTS.items() if product_type in at_home}
    return {"ORG": organization_id, "NET": network["id"], **serials}


def fit_for_a_lab(operations: Sequence[str], overlay: Overlay) -> tuple[str, ...]:
    """Updates and creations that can be undone, of no family that is off by default."""
    rows = [overlay.row(name) for name in operations]
    return tuple(
        row.operation for row in rows if row.kind in ("update", "create") and row.undo != "none" and not row.family
    )
