"""The kill switch: which switches hold a change back, whether one is on, and how it is told. Pure.

Two rules: whoever reaches the data directory may switch it on; it is off only when an enrolled approver's key signed
the lifting of this very freeze, so a row that merely says so changes nothing.
"""

from collections.abc import Callable, Iterable
from typing import Final

from mcp_server.domain.call import Json
from mcp_server.domain.record import Freeze
from mcp_server.domain.redaction import clean

EVERYTHING: Final = "everything"
_ORGANIZATION: Final = "organization:"


def freeze_key(organization_id: str = "") -> str:
    """The key of the switch of one organization, or of everything."""
    return _ORGANIZATION + organization_id if organization_id else EVERYTHING


def freeze_keys(organization_id: str) -> tuple[str, ...]:
    """The switches that hold back a change in that organization."""
    return EVERYTHING, freeze_key(organization_id)


def organization_of(freeze: Freeze) -> str:
    """The id of the organization that is frozen; "" for everything."""
    return freeze.key.removeprefix(_ORGANIZATION) if freeze.key.startswith(_ORGANIZATION) else ""


def those_on(freezes: Iterable[Freeze | None], is_genuine: Callable[[Freeze], bool]) -> tuple[Freeze, ...]:
    """The switches that are on; ``is_genuine`` says whether the signature under a lifting holds."""
    return tuple(one for one in freezes if one is not None and (one.lifted_at is None or not is_genuine(one)))


def sentence(freeze: Freeze) -> str:
    """What is frozen, since when, by whom and why."""
    organization_id = organization_of(freeze)
    what = f"of organization {clean(organization_id, 40)} " if organization_id else ""
    why = f": {clean(freeze.reason, 300)}" if freeze.reason else ""
    since = freeze.frozen_at.isoformat(timespec="seconds")
    return f"Changes {what}are frozen since {since} by {clean(freeze.frozen_by, 80)}{why}."


def view(freeze: Freeze) -> dict[str, Json]:
    """The switch in plain JSON."""
    return {
        "what": freeze.key,
        "by": clean(freeze.frozen_by, 80),
        "since": freeze.frozen_at.isoformat(),
        "reason": clean(freeze.reason, 300) or None,
    }


def unfreeze_words(organization_id: str) -> tuple[str, ...]:
    """The words of the command that lifts it."""
    return ("unfreeze", "--organization", organization_id) if organization_id else ("unfreeze",)
