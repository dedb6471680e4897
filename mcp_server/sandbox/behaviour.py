"""How one operation behaves in the simulated cloud: the register of hand-written behaviours.

A behaviour is a plain function of the world and the call; it returns the JSON of the answer and raises
``CloudError`` for anything but success. Operations without one get the generic, schema-shaped behaviour.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

Json = Any
Behaviour = Callable[["World", "Call"], Json]
BEHAVIOURS: dict[str, Behaviour] = {}
#: called before each request is answered, e.g. to run what was due meanwhile
BEFORE_REQUEST: list[Callable[["World"], None]] = []
#: called after each write that succeeded, batch or not, e.g. to see what it broke
AFTER_WRITE: list[Callable[["World", "Call"], None]] = []


@dataclass(frozen=True, slots=True)
class Call:
    """One request as the cloud sees it."""

    operation: str
    method: str
    path: str  #: below /api/v1, as asked
    params: Mapping[str, str]  #: path parameters
    query: Mapping[str, Json]  #: lists for ``name[]``
    body: Json


class CloudError(Exception):
    """An answer that is not a success: ``{"errors": [...]}`` with that status."""

    def __init__(self, status: int, *errors: str) -> None:
        """``errors`` are the texts of the answer; there is always one, which clients rely on."""
        super().__init__(status, *errors)
        self.status = status
        self.errors = errors or ("Not found" if status == 404 else "Bad request",)


def behaviour(*operations: str) -> Callable[[Behaviour], Behaviour]:
    """Register a function as the behaviour of those operations; each may have one."""

    def register(function: Behaviour) -> Behaviour:
        for operation in operations:
            if operation in BEHAVIOURS:
                raise ValueError(f"two behaviours for {operation}")
            BEHAVIOURS[operation] = function
        return function

    return register
