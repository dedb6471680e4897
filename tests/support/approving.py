"""A person with an enrolled key, who signs by the code of ``meraki-specialist approve``, without its terminal."""

from pathlib import Path
from typing import Final

from mcp_server.cli.approve import _open_plan, _sign
from mcp_server.cli.local import opened
from mcp_server.domain.actor import Role
from mcp_server.gate.keys import Keyring

APPROVER: Final = "carla"
PASSPHRASE: Final = "quatro palavras bem longas"
_QUICK_SCRYPT_N: Final = 2**10


async def approve(home: Path, plan_id: str) -> None:
    """The signed approval of a plan in the data directory; the key is enrolled when there is none yet."""
    async with opened({"home": home, "profile": "solo"}) as local:
        ring = Keyring(local.settings.home, scrypt_n=_QUICK_SCRYPT_N)
        if ring.find(APPROVER) is None:
            ring.enroll(Role.APPROVER, APPROVER, PASSPHRASE, now=local.clock.now(), ids=local.ids)
        await _sign(local, await _open_plan(local, plan_id), ring.unlock(APPROVER, PASSPHRASE))
