"""meraki-specialist key and secret: enrol approver and auditor keys, keep named secrets for plans."""

from typing import Any

import click

from mcp_server.cli.local import Local, Terminal, on_local, refusals_recorded, show
from mcp_server.domain.actor import Role
from mcp_server.domain.redaction import clean
from mcp_server.errors import Refused
from mcp_server.gate.keys import PublicKey


@click.group()
def key() -> None:
    """Approver and auditor keys."""


@key.command()
@click.option("--role", type=click.Choice([Role.APPROVER.value, Role.AUDITOR.value]), required=True)
@click.option("--owner", required=True, help="Whose key it is.")
@click.option("--signed-by", help="Approver key that signs this enrolment (not for the first key).")
@click.pass_obj
def enroll(home: dict[str, Any], role: str, owner: str, signed_by: str | None) -> None:
    """Make an Ed25519 key, locked with a passphrase that you type here."""
    key_id = on_local(home, lambda local: _enroll(local, Role(role), owner, signed_by))
    click.echo(f"Enrolled {key_id} ({role}, {owner}).")


async def _enroll(local: Local, role: Role, owner: str, signed_by: str | None) -> str:
    async with refusals_recorded(local, "key"):
        made = _made(local, role, owner, signed_by)
    await local.store.commit(
        local.entry("key", "enrolled", detail={"key_id": made.key_id, "role": role.value, "owner": owner})
    )
    return made.key_id


def _made(local: Local, role: Role, owner: str, signed_by: str | None) -> PublicKey:
    """The new key, its passphrase typed twice and its enrolment signed by an approver (not for the first key)."""
    terminal = Terminal()
    try:
        signer = None
        if local.keyring.list():
            by = signed_by or _only_approver(local)
            signer = (by, terminal.ask(f"Passphrase of {by}, who signs this enrolment: ", hidden=True))
        passphrase = terminal.ask("New passphrase (8 characters or more): ", hidden=True)
        if terminal.ask("The same again: ", hidden=True) != passphrase:
            raise Refused("The two passphrases differ.", "Try again.", code="bad_enrolment")
        return local.keyring.enroll(role, owner, passphrase, signed_by=signer, now=local.clock.now(), ids=local.ids)
    finally:
        terminal.close()


def _only_approver(local: Local) -> str:
    approvers = [one.key_id for one in local.keyring.list() if one.role is Role.APPROVER]
    if len(approvers) == 1:
        return approvers[0]
    raise Refused("Several approvers are enrolled.", "Give --signed-by.", code="unknown_key")


@key.command("list")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def list_keys(home: dict[str, Any], *, as_json: bool) -> None:
    """The enrolled keys, and entries that are ignored."""

    async def look(local: Local) -> tuple[list[dict[str, str]], tuple[str, ...]]:
        found = local.keyring.enrolled()
        rows = [
            {"key_id": one.key_id, "role": one.role.value, "owner": one.owner, "enrolled_by": one.enrolled_by}
            for one in found.keys
        ]
        return rows, found.problems

    rows, problems = on_local(home, look)
    lines = [f"{row['key_id']}  {row['role']:9} {row['owner']}" for row in rows] or ["No keys are enrolled."]
    lines += [f"! {problem}" for problem in problems]
    show({"keys": rows, "problems": list(problems)}, as_json=as_json, text="\n".join(lines))


@click.group()
def secret() -> None:
    """Named secrets for {"$secret": "NAME"} in plans; they never pass through the model."""


@secret.command("set")
@click.argument("name")
@click.option("--none", "is_none", is_flag=True, help="There was no such secret: an undo that asks for it writes none.")
@click.pass_obj
def set_secret(home: dict[str, Any], name: str, *, is_none: bool) -> None:
    """Keep a secret, typed here, encrypted."""

    async def keep(local: Local) -> None:
        async with refusals_recorded(local, "secret"):
            terminal = Terminal()
            try:
                typed = "" if is_none else terminal.ask(f"Value of {clean(name, 64)}: ", hidden=True)
                local.vault.set(name, typed)
            finally:
                terminal.close()
        await local.store.commit(local.entry("secret", "set", detail={"name": name}))

    on_local(home, keep)
    click.echo(f"Kept {name}.")


@secret.command("show")
@click.argument("name")
@click.pass_obj
def show_secret(home: dict[str, Any], name: str) -> None:
    """Show a secret in this terminal only; generated ones are kept as generated.CHANGE.STEP.N."""

    async def tell(local: Local) -> None:
        async with refusals_recorded(local, "secret"):
            terminal = Terminal()
            try:
                terminal.say(f"{_kept(local, name)}\n")
            finally:
                terminal.close()
        await local.store.commit(local.entry("secret", "shown", detail={"name": name}))

    on_local(home, tell)


def _kept(local: Local, name: str) -> str:
    value = local.vault.get(name)
    if value is None:
        raise Refused(f"No secret {clean(name, 64)!r} is kept.", "Look at 'secret list'.", code="secret_missing")
    return value


@secret.command("list")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def list_secrets(home: dict[str, Any], *, as_json: bool) -> None:
    """The names of the secrets that are kept."""

    async def names(local: Local) -> list[str]:
        return list(local.vault.names())

    found = on_local(home, names)
    show({"secrets": found}, as_json=as_json, text="\n".join(found) or "No secrets are kept.")
