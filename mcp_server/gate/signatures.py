"""Signatures of approvals, verdicts and liftings of a freeze: what is signed, and whether a record is genuine."""

from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import rfc8785

from mcp_server.domain.actor import Role, is_same_owner
from mcp_server.domain.record import Approval, AuditRequest, Freeze
from mcp_server.errors import Refused
from mcp_server.gate.envelope import verifies
from mcp_server.gate.keys import Keyring, PublicKey, Signer

T = TypeVar("T", Approval, AuditRequest, Freeze)

#: Fields that the signature does not cover: itself, and what the store moves on after signing.
_UNSIGNED = frozenset({"signature", "used_by", "state"})


def canonical(record: Approval | AuditRequest | Freeze) -> bytes:
    """What is signed: RFC 8785 of the record's kind and all fields but signature, used_by and state.

    The state of an audit may move on; its verdict is signed. Raises ``ValueError`` for a time without zone.
    """
    signed_fields = {item.name: _plain(getattr(record, item.name)) for item in fields(record)}
    return rfc8785.dumps(
        {"kind": record.kind, "record": {name: value for name, value in signed_fields.items() if name not in _UNSIGNED}}
    )


def signed(record: T, signer: Signer) -> T:
    """The record with the signer's key id and signature."""
    unsigned = replace(record, key_id=signer.key_id, signature="")
    return replace(unsigned, signature=signer.sign(canonical(unsigned)))


def must_approve(signer: Signer) -> None:
    """Nothing for an approver's key; Refused for any other."""
    if signer.role is not Role.APPROVER:
        raise Refused(f"{signer.owner}'s key is no approver key.", "Use an approver key.", code="not_an_approver")


class SignedApprovals:
    """Implements the ports' ``Approvals`` on the enrolled keys; they are read anew each time."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def is_genuine(self, record: Approval | AuditRequest | Freeze) -> bool:
        """Whether an enrolled key of the right role and owner signed exactly these fields. Raises StoreUnavailable."""
        key = self._key(record.key_id)
        if key is None or not record.signature:
            return False
        role, owner = _whose(record)
        if key.role is not role or not is_same_owner(key.owner, owner):
            return False
        return verifies(key.public, record.signature, canonical(record))

    def signer(self, key_id: str) -> str | None:
        """The owner of an enrolled key, or None."""
        key = self._key(key_id)
        return key.owner if key else None

    def _key(self, key_id: str) -> PublicKey | None:
        """The enrolled key of exactly that id."""
        return next((key for key in self._keyring.list() if key.key_id == key_id), None)


def _whose(record: Approval | AuditRequest | Freeze) -> tuple[Role, str]:
    """The role and owner that the signing key must have."""
    if isinstance(record, Approval):
        return Role.APPROVER, record.approver
    if isinstance(record, Freeze):
        return Role.APPROVER, record.lifted_by
    return Role.AUDITOR, record.auditor


def _plain(value: Any) -> Any:
    """A field as JSON; times in UTC."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("a time without zone cannot be signed")
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return value
