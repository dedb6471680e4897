"""meraki-specialist freeze, unfreeze: the kill switch. Anybody here may pull it; only an approver's key lifts it."""

from dataclasses import replace
from typing import Any, Final

import click

from mcp_server.cli.local import Local, Terminal, on_local, refusals_recorded, unlocked
from mcp_server.domain.actor import Role
from mcp_server.domain.holds.freeze import freeze_key, sentence, those_on
from mcp_server.domain.ports import Put
from mcp_server.domain.record import Freeze
from mcp_server.domain.redaction import clean
from mcp_server.errors import RecordConflict, Refused
from mcp_server.gate.signatures import SignedApprovals, must_approve, signed

_TRIES: Final = 3
_ORGANIZATION = click.option("--organization", "organization_id", default="", help="Only this organization's changes.")


@click.command()
@_ORGANIZATION
@click.option("--reason", default="", help="Why; told to everybody who is refused.")
@click.pass_obj
def freeze(home: dict[str, Any], organization_id: str, reason: str) -> None:
    """Stop new changes at once, on every server of this data directory; changes under way go to their safe end."""
    for text in on_local(home, lambda local: _freeze(local, organization_id, clean(reason, 300))):
        click.echo(text)


async def _freeze(local: Local, organization_id: str, reason: str) -> list[str]:
    """What is said once the switch is on; two people may pull it at the same moment."""
    _must_be_an_id(organization_id)
    for _ in range(_TRIES):
        try:
            return await _pulled(local, organization_id, reason)
        except RecordConflict:
            continue  # somebody was first: it is on, or it was lifted just now
    return await _pulled(local, organization_id, reason)


def _must_be_an_id(organization_id: str) -> None:
    """Refused for a name, say: no change would be held back, and a person would believe that all were."""
    if organization_id and not (organization_id.isascii() and organization_id.isdigit()):
        raise Refused(
            f"{clean(organization_id, 80)} is no organization's id: nothing was frozen.",
            "Give its id (digits), or freeze everything: without --organization.",
            code="organization_unknown",
        )


async def _pulled(local: Local, organization_id: str, reason: str) -> list[str]:
    """What is said. Raises RecordConflict when somebody else has pulled or lifted it meanwhile."""
    key = freeze_key(organization_id)
    standing = await local.store.get(Freeze, key)
    if standing is not None and _is_on(local, standing):
        return [f"{sentence(standing)} It was so before."]
    frozen = Freeze(key, reason, local.user, local.clock.now())
    expect = None if standing is None else {"frozen_at": standing.frozen_at, "signature": standing.signature}
    entry = local.entry("freeze", "frozen", organization_id=organization_id, detail={"what": key, "reason": reason})
    await local.store.commit(Put(frozen, expect), entry)
    told = [f"{sentence(frozen)} Reads and plans go on; changes under way go to their safe end."]
    if not any(one.role is Role.APPROVER for one in local.keyring.list()):
        told.append("Nobody can lift it yet: meraki-specialist key enroll --role approver --owner NAME")
    return told


@click.command()
@_ORGANIZATION
@click.option("--key", "key_name", help="Id or owner of the approver key; needed when there are several.")
@click.pass_obj
def unfreeze(home: dict[str, Any], organization_id: str, key_name: str | None) -> None:
    """Lift a freeze with an approver key's passphrase, typed into this terminal."""
    on_local(home, lambda local: _unfreeze(local, organization_id, key_name))
    click.echo("Changes can be made again.")


async def _unfreeze(local: Local, organization_id: str, key_name: str | None) -> None:
    key = freeze_key(organization_id)
    async with refusals_recorded(local, "freeze", organization_id=clean(organization_id, 64)):
        standing = await local.store.get(Freeze, key)
        if standing is None or not _is_on(local, standing):
            raise Refused(f"{clean(key, 80)} is not frozen.", "health_check says what is.", code="not_frozen")
        terminal = Terminal()
        try:
            terminal.say(f"\n{sentence(standing)}\n")
            signer = unlocked(local, terminal, key_name, Role.APPROVER)
        finally:
            terminal.close()
        must_approve(signer)
    lifted = signed(replace(standing, lifted_at=local.clock.now(), lifted_by=signer.owner), signer)
    detail = {"what": key, "approver": signer.owner, "key_id": signer.key_id}
    entry = local.entry("freeze", "lifted", organization_id=organization_id, detail=detail)
    await local.store.commit(Put(lifted, {"frozen_at": standing.frozen_at, "signature": standing.signature}), entry)


def _is_on(local: Local, standing: Freeze) -> bool:
    return bool(those_on([standing], SignedApprovals(local.keyring).is_genuine))
