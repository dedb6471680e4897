"""The records of a change's steps: all of them, for whoever goes on with a part takes what is missing for not done."""

from collections.abc import Sequence
from typing import Final

from mcp_server.domain.ports import Store
from mcp_server.domain.record import ChangeStep

_ANY_NUMBER: Final = 2**31


async def steps_of(store: Store, change_id: str) -> Sequence[ChangeStep]:
    """Every record, the newest first; a rollback of many changes has thousands, and its undo as many again."""
    return await store.list(ChangeStep, {"change_id": change_id}, limit=_ANY_NUMBER)
