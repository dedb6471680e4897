"""The sandbox's own word, asked over TCP: its state and its journal of requests. Nothing here asks the product."""

import hashlib
import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from anyio import to_thread

Json = Any
_WAIT_S = 60.0  #: at most, for an answer of the sandbox


@dataclass(frozen=True, slots=True)
class Look:
    """What the sandbox held and had received at one moment."""

    at: datetime  #: by the sandbox's clock
    requests: int
    writes: tuple[Mapping[str, Json], ...]  #: journal rows of requests that are no reads, oldest first
    configuration: Mapping[str, Json]  #: canonical: what somebody configured
    transitions: tuple[Mapping[str, Json], ...]  #: devices that went offline or came back, up to now

    @property
    def text(self) -> str:
        """The configuration as canonical JSON: equal texts are equal states, byte for byte."""
        return json.dumps(self.configuration, sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    @property
    def digest(self) -> str:
        """The first 12 digits of the SHA-256 of ``text``."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:12]

    def resource(self, path: str) -> Json:
        """What is stored at a path below /api/v1; None when it stands as it was seeded."""
        return self.configuration["resources"].get(path)

    def device_name(self, serial: str) -> str:
        """The name of a device."""
        return str(self.configuration["devices"].get(serial, {}).get("name") or serial)


class Witness:
    """Asks the sandbox at ``base`` (its URL with /api/v1)."""

    def __init__(self, base: str, api_key: str) -> None:
        """``api_key`` is for reading a resource as the API shows it."""
        self._address = urlsplit(base)
        self._api_key = api_key

    async def look(self) -> Look:
        """State and journal as they are now."""
        journal = await self._get("/_sandbox/journal")
        state = await self._get("/_sandbox/state")
        volatile = state["volatile"]
        now = datetime.fromisoformat(volatile["now"])
        rows = volatile["hidden"].get("/transitions", {}).get("rows", [])
        return Look(
            at=now,
            requests=len(journal),
            writes=tuple(row for row in journal if row["method"] != "GET"),
            configuration=state["configuration"],
            transitions=tuple(row for row in rows if datetime.fromisoformat(row["at"]) <= now),
        )

    async def read(self, path: str) -> Json:
        """A resource as the API shows it."""
        return await self._get(f"{self._address.path}{path}", {"Authorization": f"Bearer {self._api_key}"})

    async def _get(self, path: str, headers: Mapping[str, str] | None = None) -> Json:
        return await to_thread.run_sync(self._fetched, path, dict(headers or {}), abandon_on_cancel=True)

    def _fetched(self, path: str, headers: dict[str, str]) -> Json:
        connection = http.client.HTTPConnection(self._address.hostname or "", self._address.port or 80, timeout=_WAIT_S)
        try:
            connection.request("GET", path, headers=headers)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()
