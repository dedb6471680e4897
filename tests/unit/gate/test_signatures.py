"""Signed approvals and verdicts: exactly these fields, by a key of the right role and owner, or not genuine."""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from mcp_server.domain.actor import Role
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.record import Approval, AuditRequest
from mcp_server.gate.keys import Keyring
from mcp_server.gate.signatures import SignedApprovals, canonical, signed
from tests.support import records
from tests.support.fake_clock import START, FakeIds

PASS = "correct horse"


@pytest.fixture
def ring(tmp_path: Path) -> Keyring:
    """Bea approves, Cem audits, Ana approves too."""
    ring, ids = Keyring(tmp_path, scrypt_n=2**10), FakeIds()
    ring.enroll(Role.APPROVER, "bea@example.com", PASS, now=START, ids=ids)
    by = ("bea@example.com", PASS)
    ring.enroll(Role.AUDITOR, "cem@example.com", PASS, signed_by=by, now=START, ids=ids)
    ring.enroll(Role.APPROVER, "ana@example.com", PASS, signed_by=by, now=START, ids=ids)
    return ring


@pytest.fixture
def sign(ring: Keyring) -> Callable[[Any, str], Any]:
    """Signs a record as an owner."""
    return lambda record, owner: signed(record, ring.unlock(owner, PASS))


Sign = Callable[[Any, str], Any]


def test_an_approval_signed_by_its_approver_is_genuine(ring: Keyring, sign: Sign) -> None:
    """Owners are compared without regard to case; the signer can be named."""
    approvals = SignedApprovals(ring)
    approval = sign(records.an_approval(), "bea@example.com")
    assert approvals.is_genuine(approval)
    assert approvals.signer(approval.key_id) == "bea@example.com"
    assert approvals.signer("key-999999") is None


def test_a_verdict_signed_by_its_auditor_is_genuine(ring: Keyring, sign: Sign) -> None:
    """Also after its state moved on: the verdict is signed, the state is not."""
    approvals = SignedApprovals(ring)
    verdict = sign(records.an_audit_request(), "cem@example.com")
    assert approvals.is_genuine(verdict)
    assert approvals.is_genuine(replace(verdict, state=ChangeState.EXPIRED))


OTHER: dict[type, Callable[[Any], Any]] = {
    str: lambda value: f"{value}x",
    type(START): lambda value: value + timedelta(microseconds=1),
    type(None): lambda _: "x",
}


@pytest.mark.parametrize(
    ("record", "owner", "name"),
    [
        (record, owner, item.name)
        for record, owner in (
            (records.an_approval(), "bea@example.com"),
            (records.an_audit_request(), "cem@example.com"),
        )
        for item in fields(record)
        if item.name not in ("used_by", "state")
    ],
)
def test_changing_any_signed_field_makes_it_worthless(
    ring: Keyring, sign: Sign, record: Approval | AuditRequest, owner: str, name: str
) -> None:
    """Plan hash, expiry, channel, verdict, reason: every field but the store's own is bound."""
    genuine = sign(record, owner)
    value = getattr(genuine, name)
    forged = replace(genuine, **{name: OTHER[type(value)](value)})
    assert SignedApprovals(ring).is_genuine(genuine)
    assert not SignedApprovals(ring).is_genuine(forged)


def test_consuming_an_approval_keeps_it_genuine(ring: Keyring, sign: Sign) -> None:
    """Which change used it is the store's to write."""
    approval = sign(records.an_approval(), "bea@example.com")
    assert SignedApprovals(ring).is_genuine(replace(approval, used_by="CHG-1"))


def test_a_row_without_a_signature_is_not_genuine(ring: Keyring) -> None:
    """A row's mere presence approves nothing."""
    approvals = SignedApprovals(ring)
    assert not approvals.is_genuine(records.an_approval())
    assert not approvals.is_genuine(records.an_approval(key_id="key-000001"))
    assert not approvals.is_genuine(records.an_approval(key_id="key-000001", signature="x"))
    assert not approvals.is_genuine(records.an_approval(key_id="bea@example.com", signature="x"))


def test_a_key_of_another_owner_or_role_does_not_count(ring: Keyring, sign: Sign) -> None:
    """Ana cannot sign as Bea, an auditor cannot approve, an approver cannot give the verdict."""
    approvals = SignedApprovals(ring)
    assert not approvals.is_genuine(sign(records.an_approval(), "ana@example.com"))
    assert not approvals.is_genuine(sign(records.an_approval(approver="cem@example.com"), "cem@example.com"))
    assert not approvals.is_genuine(sign(records.an_audit_request(auditor="bea@example.com"), "bea@example.com"))
    assert not approvals.is_genuine(sign(records.an_audit_request(), "ana@example.com"))


def test_a_signature_of_another_kind_of_record_does_not_count(ring: Keyring, sign: Sign) -> None:
    """What is signed names its kind."""
    assert canonical(records.an_approval()).startswith(b'{"kind":"approval","record":{')
    assert canonical(records.an_audit_request()).startswith(b'{"kind":"audit_request","record":{')


def test_the_same_moment_in_another_zone_is_the_same_signature(ring: Keyring, sign: Sign) -> None:
    """A record that came back from the store verifies, however its times are written; a naive time cannot be signed."""
    approval = sign(records.an_approval(), "bea@example.com")
    moved = replace(approval, expires_at=approval.expires_at.astimezone(timezone(timedelta(hours=5))))
    assert SignedApprovals(ring).is_genuine(moved)
    with pytest.raises(ValueError, match="zone"):
        canonical(records.an_approval(expires_at=START.replace(tzinfo=None)))


def test_a_key_that_is_no_longer_enrolled_does_not_count_at_once(tmp_path: Path, ring: Keyring, sign: Sign) -> None:
    """Enrolments are read anew each time."""
    approvals = SignedApprovals(ring)
    approval = sign(records.an_approval(approver="ana@example.com"), "ana@example.com")
    assert approvals.is_genuine(approval)
    path = tmp_path / "keys" / "enrolled.jsonl"
    path.write_text("".join(line + "\n" for line in path.read_text().splitlines()[:2]))
    assert not approvals.is_genuine(approval)
