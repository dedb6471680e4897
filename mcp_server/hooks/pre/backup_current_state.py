"""Step 6: the state before, read whole from the cloud. No backup, no change.

Rules: a read that fails, a masked secret or an empty answer is no backup; what is blocked is neither read nor
changed, and here it is decided whether the call goes on without it.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Final

import anyio

from mcp_server.catalogue.readers import reader_of
from mcp_server.catalogue.validation.fault import is_masked, is_secret
from mcp_server.domain.call import Allow, Attempt, Json, Refuse, Verdict
from mcp_server.domain.plan import Reader
from mcp_server.domain.redaction import clean, listed
from mcp_server.errors import AccessError, BreakerOpen, MerakiError, NotAuthenticated, Rejected
from mcp_server.hooks.pre.blocked import refusal_of, vlans_disabled
from mcp_server.world import World

_AT_ONCE: Final = 8
_NOT_FOUND: Final = 404


async def backup_current_state(attempt: Attempt, world: World) -> Verdict:
    """Sets when the backup was taken, and all that is blocked; refuses without a whole backup."""
    if not attempt.writes:
        return Allow()
    try:
        blocked = (*attempt.facts.blocked, *await vlans_disabled(attempt, world))
    except (NotAuthenticated, BreakerOpen):
        raise
    except (MerakiError, AccessError) as error:
        return Refuse(
            "check_failed",
            f"Whether VLANs are switched on could not be read ({error.code}).",
            "Nothing is changed unchecked; check that the network has a security appliance, and try again.",
        )
    refusal = refusal_of(blocked, attempt)
    if refusal is not None:
        return refusal
    at = world.clock.now()
    faults = await _faults(_readers(attempt, {one.touch for one in blocked}, world), world)
    if faults:
        return Refuse(
            "no_backup",
            f"The state before could not be read whole: {listed(faults)}.",
            "Nothing is changed without a backup; check the ids and the key's access, and try again.",
            {"faults": [clean(fault) for fault in faults[:20]]},
        )
    return Allow({"blocked": blocked, "backup_at": at})


def _readers(attempt: Attempt, blocked: set[int], world: World) -> list[Reader]:
    """How each resource that will be changed is read, each once; those that an earlier step creates have no reader."""
    organization = attempt.facts.organization.id if attempt.facts.organization else ""
    found: dict[str, Reader] = {}
    for index, touch in enumerate(attempt.touches):
        if index in blocked:
            continue
        reader = reader_of(world.catalogue, world.overlay, touch, organization_id=organization)
        if reader is not None:
            found[_key(reader)] = reader
    return list(found.values())


async def _faults(readers: list[Reader], world: World) -> list[str]:
    """What is wrong with the backup, reader by reader; empty when it is whole. Raises what says itself why all fail."""
    faults: dict[str, str] = {}
    telling: list[NotAuthenticated | BreakerOpen] = []
    limiter = anyio.CapacityLimiter(_AT_ONCE)

    async def read(reader: Reader) -> None:
        async with limiter:
            try:
                fault = await _fault(reader, world)
            except (NotAuthenticated, BreakerOpen) as error:
                telling.append(error)
                return
            if fault:
                faults[_key(reader)] = f"{reader.operation}: {fault}"

    async with anyio.create_task_group() as group:
        for reader in readers:
            group.start_soon(read, reader)
    if telling:
        raise telling[0]
    return list(dict.fromkeys(faults[key] for key in map(_key, readers) if key in faults))


async def _fault(reader: Reader, world: World) -> str:
    """Why the answer of one reader is no backup; "" when it is one. That a resource does not exist is an answer too."""
    try:
        answer = (await world.reads.read(reader.operation, reader.params)).data
        state = await world.reads.resource(reader)
    except (NotAuthenticated, BreakerOpen):
        raise
    except Rejected as error:
        return "" if error.status == _NOT_FOUND else f"the cloud refused ({error.status})"
    except (MerakiError, AccessError) as error:
        return f"it failed ({error.code})"
    if answer in (None, "") or (isinstance(answer, Mapping) and set(answer) == {"errors"}):
        return "the answer is empty"
    masked = list(_masked(state))
    return f"masked values in {listed(masked)}" if masked else ""


def _masked(value: Json, name: str = "") -> Iterator[str]:
    """The fields that show asterisks, or words like them, in place of a value."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _masked(inner, str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from _masked(inner, name)
    elif isinstance(value, str) and is_masked(value, secret=is_secret(name)):
        yield name


def _key(reader: Reader) -> str:
    return json.dumps(
        [reader.operation, dict(reader.params), reader.at, dict(reader.match)], sort_keys=True, default=str
    )
