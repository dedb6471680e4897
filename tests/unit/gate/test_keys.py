"""Enrolled keys: the first signs itself, each later one is signed by an approver, a forged one never counts."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mcp_server.domain.actor import Role
from mcp_server.errors import Refused, StoreUnavailable
from mcp_server.gate.envelope import verifies
from mcp_server.gate.keys import Keyring, PublicKey
from tests.support.fake_clock import START, FakeIds

FAST = 2**10  #: scrypt cost for tests
PASS = "correct horse"


@pytest.fixture
def ring(tmp_path: Path) -> Keyring:
    """An empty keyring."""
    return Keyring(tmp_path, scrypt_n=FAST)


@pytest.fixture
def enroll(ring: Keyring) -> Callable[..., PublicKey]:
    """Enrolls an owner; by Ana's key when there is one."""
    ids = FakeIds()

    def run(role: Role, owner: str, by: tuple[str, str] | None = None, passphrase: str = PASS) -> PublicKey:
        return ring.enroll(role, owner, passphrase, signed_by=by, now=START, ids=ids)

    return run


Enroll = Callable[..., PublicKey]
BY_ANA = ("ana", PASS)


def lines(home: Path) -> list[dict[str, Any]]:
    """The enrolments as they stand in the file."""
    return [json.loads(line) for line in (home / "keys" / "enrolled.jsonl").read_text().splitlines()]


def write(home: Path, entries: list[dict[str, Any]]) -> None:
    """Put other enrolments in the file."""
    (home / "keys" / "enrolled.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))


def test_an_enrolled_key_signs_and_its_public_half_verifies(ring: Keyring, enroll: Enroll) -> None:
    """Unlocked by id or by owner; another payload or key does not verify."""
    ana = enroll(Role.APPROVER, "Ana")
    cem = enroll(Role.AUDITOR, "Cem", BY_ANA)
    assert ring.list() == (ana, cem)
    assert (cem.enrolled_by, cem.role, cem.owner) == (ana.key_id, Role.AUDITOR, "Cem")
    signer = ring.unlock("ANA", PASS)
    assert signer.key_id == ana.key_id
    assert verifies(ana.public, signer.sign(b"plan"), b"plan")
    assert not verifies(ana.public, signer.sign(b"plan"), b"plan2")
    assert not verifies(cem.public, signer.sign(b"plan"), b"plan")
    assert verifies(cem.public, ring.unlock(cem.key_id, PASS).sign(b"x"), b"x")
    assert not verifies("no key", "no signature", b"x")


def test_keys_outlive_the_process_and_are_private(tmp_path: Path, enroll: Enroll) -> None:
    """Everything lies in a 0700 directory in 0600 files, and neither passphrase nor private half in clear."""
    ana = enroll(Role.APPROVER, "Ana")
    again = Keyring(tmp_path, scrypt_n=FAST)
    assert again.list() == (ana,)
    again.unlock("ana", PASS)
    directory = tmp_path / "keys"
    assert directory.stat().st_mode & 0o777 == 0o700
    private = directory / f"{ana.key_id}.private"
    assert private.stat().st_mode & 0o777 == 0o600
    assert json.loads(private.read_text())["n"] == FAST
    assert all(PASS.encode() not in path.read_bytes() for path in directory.iterdir())
    private.chmod(0o644)
    with pytest.raises(StoreUnavailable, match="0644"):
        again.unlock("ana", PASS)


def test_a_signer_shows_no_secret(ring: Keyring, enroll: Enroll) -> None:
    """Its repr has id, owner and role only."""
    enroll(Role.APPROVER, "Ana")
    assert repr(ring.unlock("ana", PASS)) == "Signer('key-000001', 'Ana', <Role.APPROVER: 'approver'>)"


def refused(code: str, ask: Callable[[], object]) -> Refused:
    """The refusal, with that code; no passphrase is in it."""
    with pytest.raises(Refused) as refusal:
        ask()
    assert refusal.value.reason == code
    assert PASS not in f"{refusal.value.message} {refusal.value.remedy}"
    return refusal.value


def test_a_wrong_passphrase_opens_nothing(ring: Keyring, enroll: Enroll) -> None:
    """Refused with its own code, which shows neither what was typed nor what is right."""
    enroll(Role.APPROVER, "Ana")
    refusal = refused("wrong_passphrase", lambda: ring.unlock("ana", "wrong wrong"))
    assert "wrong wrong" not in refusal.message
    assert refusal.__cause__ is None
    refused("unknown_key", lambda: ring.unlock("nobody", PASS))


def test_a_key_whose_private_half_is_elsewhere_cannot_be_unlocked(
    tmp_path: Path, ring: Keyring, enroll: Enroll
) -> None:
    """On another machine than the one it was made on, the key verifies but does not sign."""
    ana = enroll(Role.APPROVER, "Ana")
    (tmp_path / "keys" / f"{ana.key_id}.private").unlink()
    refused("unknown_key", lambda: ring.unlock("ana", PASS))


@pytest.mark.parametrize(
    ("role", "owner", "passphrase"),
    [
        (Role.AUDITOR, "Cem", PASS),
        (Role.PLANNER, "Cem", PASS),
        (Role.APPROVER, " ", PASS),
        (Role.APPROVER, "a\x1b[2J", PASS),
        (Role.APPROVER, "Ana", "short"),
    ],
)
def test_a_first_key_that_could_not_be_used_is_refused(
    tmp_path: Path, enroll: Enroll, role: Role, owner: str, passphrase: str
) -> None:
    """The first key is an approver's, with an owner and a passphrase worth the name."""
    refused("bad_enrolment", lambda: enroll(role, owner, None, passphrase))
    assert not list(tmp_path.glob("keys/*.private"))


def test_a_later_key_needs_the_signature_of_an_approver(tmp_path: Path, ring: Keyring, enroll: Enroll) -> None:
    """Nobody enrolls himself next to an enrolled approver, and an auditor enrolls nobody."""
    ana = enroll(Role.APPROVER, "Ana")
    cem = enroll(Role.AUDITOR, "Cem", BY_ANA)
    refused("bad_enrolment", lambda: enroll(Role.APPROVER, "Mallory"))
    refused("wrong_passphrase", lambda: enroll(Role.APPROVER, "Mallory", ("ana", "guess guess")))
    refused("unknown_key", lambda: enroll(Role.APPROVER, "Mallory", ("mallory", PASS)))
    refused("not_an_approver", lambda: enroll(Role.APPROVER, "Mallory", ("cem", PASS)))
    bea = enroll(Role.APPROVER, "Bea", BY_ANA)
    dan = enroll(Role.APPROVER, "Dan", ("bea", PASS))
    assert ring.enrolled().keys == (ana, cem, bea, dan)
    assert ring.enrolled().problems == ()
    assert len(list(tmp_path.glob("keys/*.private"))) == 4


def _role(entries: list[dict[str, Any]]) -> None:
    entries[1]["role"] = "approver"


def _owner(entries: list[dict[str, Any]]) -> None:
    entries[1]["owner"] = "ana"


def _public(entries: list[dict[str, Any]]) -> None:
    entries[1]["public"] = entries[0]["public"]


def _self_signed(entries: list[dict[str, Any]]) -> None:
    entries[1]["enrolled_by"] = entries[1]["key_id"]


def _signed_by_nobody(entries: list[dict[str, Any]]) -> None:
    entries[1]["enrolled_by"] = "key-999999"


def _twice(entries: list[dict[str, Any]]) -> None:
    entries[1]["key_id"] = entries[0]["key_id"]


def _no_signature(entries: list[dict[str, Any]]) -> None:
    entries[1]["signature"] = ""


def _earlier(entries: list[dict[str, Any]]) -> None:
    entries[1]["enrolled_at"] = "2020-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    "forge", [_role, _owner, _public, _self_signed, _signed_by_nobody, _twice, _no_signature, _earlier]
)
def test_a_forged_enrolment_is_ignored_and_reported(
    tmp_path: Path, ring: Keyring, enroll: Enroll, forge: Callable[[list[dict[str, Any]]], None]
) -> None:
    """Any edit of a later entry takes that key away and is named; the others go on counting."""
    ana = enroll(Role.APPROVER, "Ana")
    enroll(Role.AUDITOR, "Cem", BY_ANA)
    bea = enroll(Role.APPROVER, "Bea", BY_ANA)
    entries = lines(tmp_path)
    forge(entries)
    write(tmp_path, entries)
    standing = ring.enrolled()
    assert standing.keys == (ana, bea)
    assert len(standing.problems) == 1
    assert "is ignored" in standing.problems[0]
    refused("unknown_key", lambda: ring.unlock("key-000002", PASS))


def test_keys_signed_by_a_forged_key_do_not_count_either(tmp_path: Path, ring: Keyring, enroll: Enroll) -> None:
    """The chain holds as a whole: what hangs on a forged entry falls with it."""
    ana = enroll(Role.APPROVER, "Ana")
    enroll(Role.APPROVER, "Bea", BY_ANA)
    enroll(Role.APPROVER, "Dan", ("bea", PASS))
    entries = lines(tmp_path)
    entries[1]["owner"] = "Eve"
    write(tmp_path, entries)
    assert ring.enrolled().keys == (ana,)
    assert len(ring.enrolled().problems) == 2


def test_an_auditor_can_sign_no_enrolment_even_outside_this_program(
    tmp_path: Path, ring: Keyring, enroll: Enroll
) -> None:
    """A correctly signed entry whose signer is an auditor is ignored."""
    from mcp_server.gate.keys import _entry_text, enrolment_payload

    ana = enroll(Role.APPROVER, "Ana")
    cem = enroll(Role.AUDITOR, "Cem", BY_ANA)
    forged = replace(cem, key_id="key-x", role=Role.APPROVER, owner="Eve", enrolled_by=cem.key_id)
    forged = replace(forged, signature=ring.unlock("cem", PASS).sign(enrolment_payload(forged)))
    path = tmp_path / "keys" / "enrolled.jsonl"
    path.write_bytes(path.read_bytes() + _entry_text(forged) + b"\n")
    assert ring.list() == (ana, cem)
    assert ring.enrolled().problems == ("the enrolment of key-x (Eve) is ignored: it was not signed by an approver",)


def test_another_root_is_not_believed(tmp_path: Path, ring: Keyring, enroll: Enroll) -> None:
    """Exchanging the whole file of enrolments leaves nobody enrolled, for the first key is pinned."""
    enroll(Role.APPROVER, "Ana")
    other = tmp_path / "other"
    Keyring(other, scrypt_n=FAST).enroll(Role.APPROVER, "Eve", PASS, now=START, ids=FakeIds())
    (other / "keys" / "enrolled.jsonl").replace(tmp_path / "keys" / "enrolled.jsonl")
    assert ring.list() == ()
    assert "not the key that was enrolled first" in ring.enrolled().problems[0]
    refused("bad_enrolment", lambda: enroll(Role.APPROVER, "Eve"))


def test_enrolments_that_were_taken_away_are_not_begun_anew(tmp_path: Path, ring: Keyring, enroll: Enroll) -> None:
    """An agent that removes the file cannot enroll itself as the first."""
    enroll(Role.APPROVER, "Ana")
    (tmp_path / "keys" / "enrolled.jsonl").unlink()
    assert ring.enrolled().problems == ("the enrolments were taken away",)
    refused("bad_enrolment", lambda: enroll(Role.APPROVER, "Eve"))


@pytest.mark.parametrize(
    "line", ["{", "[]", "{}", '{"key_id": 1}', '{"key_id":"../x"}', "null", '"x"', '{"enrolled_at": 5}']
)
def test_a_line_that_is_no_enrolment_is_ignored_and_reported(
    tmp_path: Path, ring: Keyring, enroll: Enroll, line: str
) -> None:
    """Whatever stands there, the sound keys count."""
    ana = enroll(Role.APPROVER, "Ana")
    path = tmp_path / "keys" / "enrolled.jsonl"
    path.write_text(path.read_text() + line + "\n")
    assert ring.list() == (ana,)
    assert ring.enrolled().problems == ("line 2 of the enrolments cannot be read and is ignored",)


def test_a_key_id_cannot_lead_out_of_the_directory(tmp_path: Path, ring: Keyring, enroll: Enroll) -> None:
    """An entry whose id is a path is no entry."""
    enroll(Role.APPROVER, "Ana")
    entries = lines(tmp_path)
    write(tmp_path, [*entries, {**entries[0], "key_id": "../../evil"}])
    assert len(ring.list()) == 1


@pytest.mark.parametrize(
    "envelope",
    [b"{", b"[]", b'{"n": 1024}', b'{"salt":"","nonce":"","sealed":"","n":1024}']
    + [b'{"salt":"","nonce":"AAAAAAAAAAAAAAAA","sealed":"","n":%d}' % n for n in (4, 2**30, 1025)],
)
def test_a_private_file_that_is_none_is_unavailable(
    tmp_path: Path, ring: Keyring, enroll: Enroll, envelope: bytes
) -> None:
    """A file cannot ask for a weak or an endless derivation."""
    ana = enroll(Role.APPROVER, "Ana")
    (tmp_path / "keys" / f"{ana.key_id}.private").write_bytes(envelope)
    with pytest.raises(StoreUnavailable, match="cannot be read"):
        ring.unlock("ana", PASS)


def test_a_private_file_of_another_key_does_not_open(tmp_path: Path, ring: Keyring, enroll: Enroll) -> None:
    """The private half is bound to its enrolment: files cannot be exchanged, also under the same passphrase."""
    ana = enroll(Role.APPROVER, "Ana")
    bea = enroll(Role.APPROVER, "Bea", BY_ANA)
    private = (tmp_path / "keys" / f"{bea.key_id}.private").read_bytes()
    (tmp_path / "keys" / f"{ana.key_id}.private").write_bytes(private)
    refused("wrong_passphrase", lambda: ring.unlock("ana", PASS))


def test_without_a_directory_nobody_is_enrolled(tmp_path: Path) -> None:
    """Looking makes nothing."""
    assert Keyring(tmp_path / "none").list() == ()
    assert not (tmp_path / "none").exists()


def test_a_key_id_that_is_taken_is_refused(ring: Keyring, enroll: Enroll) -> None:
    """A private file is never written over."""
    enroll(Role.APPROVER, "Ana")
    with pytest.raises(Refused):
        ring.enroll(Role.APPROVER, "Bea", PASS, signed_by=BY_ANA, now=START, ids=FakeIds())
    assert len(ring.list()) == 1
