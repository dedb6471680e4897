"""Enrolled keys: Ed25519, the private half under a passphrase (scrypt, AES-256-GCM), each enrolment signed.

Rules: the first key is an approver's and signs itself; each later enrolment is signed by an approver enrolled before
it; an enrolment whose signature does not hold is ignored and reported, never repaired; no passphrase is kept or logged.
"""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import rfc8785
from filelock import FileLock

from mcp_server.domain.actor import Role
from mcp_server.domain.ports import Ids
from mcp_server.errors import Refused, StoreUnavailable
from mcp_server.gate.envelope import SCRYPT_N, locked, new_private, unlocked, verifies
from mcp_server.private_files import private_directory, read_private, write_private

SHORTEST_PASSPHRASE = 8
_KEY_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An enrolled key; ``public`` is its 32 bytes in base64, ``enrolled_by`` the key that signed the enrolment."""

    key_id: str
    role: Role
    owner: str
    public: str
    enrolled_at: datetime
    enrolled_by: str
    signature: str = ""


@dataclass(frozen=True, slots=True)
class Signer:
    """An unlocked key. Its repr shows no secret."""

    key_id: str
    owner: str
    role: Role
    _private: Any

    def __repr__(self) -> str:
        return f"Signer({self.key_id!r}, {self.owner!r}, {self.role!r})"

    def sign(self, payload: bytes) -> str:
        """The Ed25519 signature of the payload, in base64."""
        return base64.b64encode(self._private.sign(payload)).decode()


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The keys that count, and what is wrong with the entries that do not."""

    keys: tuple[PublicKey, ...]
    problems: tuple[str, ...]


class Keyring:
    """The keys of one data directory: ``keys/enrolled.jsonl`` and one private file for each key."""

    def __init__(self, directory: Path, *, scrypt_n: int = SCRYPT_N) -> None:
        self._home = directory
        self._directory = directory / "keys"
        self._scrypt_n = scrypt_n

    def enroll(
        self,
        role: Role,
        owner: str,
        passphrase: str,
        *,
        signed_by: tuple[str, str] | None = None,
        now: datetime,
        ids: Ids,
    ) -> PublicKey:
        """The new key, on disk. ``signed_by`` is an approver's key id (or owner) and passphrase, not for the first key.

        Raises ``Refused`` with code bad_enrolment, unknown_key, wrong_passphrase or not_an_approver, StoreUnavailable.
        """
        _check_request(role, owner, passphrase)
        private_directory(self._home, forbidden=0o022)
        private_directory(self._directory)
        try:
            with FileLock(self._directory / "enrolled.lock", timeout=10):
                return self._enrolled_anew(role, owner, passphrase, signed_by, (ids.new("key"), now))
        except OSError as problem:
            raise StoreUnavailable(f"{self._directory} cannot be locked: {problem.strerror or problem}") from problem

    def _enrolled_anew(
        self,
        role: Role,
        owner: str,
        passphrase: str,
        signed_by: tuple[str, str] | None,
        stamp: tuple[str, datetime],
    ) -> PublicKey:
        """Make, sign and write the key; the lock is held. ``stamp`` is its id and the time."""
        key_id, now = stamp
        private = new_private()
        by = self._enroller(role, Signer(key_id, owner, role, private), signed_by)
        public = base64.b64encode(private.public_key().public_bytes_raw()).decode()
        key = PublicKey(key_id, role, owner, public, now.astimezone(UTC), by.key_id)
        key = replace(key, signature=by.sign(enrolment_payload(key)))
        envelope = locked(private.private_bytes_raw(), enrolment_payload(key), passphrase, self._scrypt_n)
        if not write_private(self._private_path(key_id), envelope):
            raise Refused(f"A key {key_id} is there already.", "Enroll again.", code="bad_enrolment")
        self._add(key)
        return key

    def list(self) -> tuple[PublicKey, ...]:
        """The keys whose enrolment holds, in the order of enrolment. Raises StoreUnavailable."""
        return self.enrolled().keys

    def enrolled(self) -> Enrolled:
        """The keys that count, each checked up to the first one, and the faults of those that do not."""
        entries, unread = self._entries()
        problems = list(unread)
        counted: dict[str, PublicKey] = {}
        root = (read_private(self._directory / "root") or b"").decode("ascii", "replace").strip()
        for key in entries:
            fault = _fault(key, counted, root)
            if fault:
                problems.append(f"the enrolment of {key.key_id} ({key.owner}) is ignored: {fault}")
            else:
                counted[key.key_id] = key
        if root and not entries:
            problems.append("the enrolments were taken away")
        return Enrolled(tuple(counted.values()), tuple(problems))

    def find(self, name: str) -> PublicKey | None:
        """The enrolled key of that id, or the newest of that owner, or None."""
        keys = self.list()
        by_owner = [key for key in keys if key.owner.casefold() == name.casefold()]
        return next((key for key in keys if key.key_id == name), by_owner[-1] if by_owner else None)

    def unlock(self, name: str, passphrase: str) -> Signer:
        """The key of that id or owner, ready to sign. Raises ``Refused`` (unknown_key, wrong_passphrase)."""
        key = self.find(name)
        envelope = read_private(self._private_path(key.key_id)) if key else None
        if key is None or envelope is None:
            raise Refused(f"No key of {name} is enrolled here.", "Look at 'key list'.", code="unknown_key")
        opened = unlocked(envelope, enrolment_payload(key), key.key_id, passphrase)
        return Signer(key.key_id, key.owner, key.role, opened)

    def _enroller(self, role: Role, new: Signer, signed_by: tuple[str, str] | None) -> Signer:
        """Who signs the enrolment: the first key itself, later an approver."""
        standing = self.enrolled()
        if standing.problems and not standing.keys:
            raise Refused(
                f"The enrolled keys cannot be trusted: {standing.problems[0]}.",
                "Restore the keys directory, or move it away to begin anew.",
                code="bad_enrolment",
            )
        if not standing.keys:
            if role is not Role.APPROVER:
                raise Refused("The first key must be an approver's.", "Enroll an approver first.", code="bad_enrolment")
            return new
        if signed_by is None:
            raise Refused(
                "A further key needs the signature of an enrolled approver.",
                "Name an approver's key and give its passphrase.",
                code="bad_enrolment",
            )
        signer = self.unlock(*signed_by)
        if signer.role is not Role.APPROVER:
            raise Refused(f"{signer.key_id} is not an approver's key.", "Use an approver's.", code="not_an_approver")
        return signer

    def _add(self, key: PublicKey) -> None:
        """Write the enrolment; the first one is pinned in a file of its own."""
        entries, _ = self._entries()
        if not entries:
            write_private(self._directory / "root", f"{_fingerprint(key)}\n".encode())
        lines = [_entry_text(entry) for entry in (*entries, key)]
        write_private(self._directory / "enrolled.jsonl", b"\n".join(lines) + b"\n", replace=True)

    def _entries(self) -> "tuple[Sequence[PublicKey], Sequence[str]]":
        """The enrolments as they stand in the file, unchecked, and the lines that cannot be read."""
        if not self._directory.exists():
            return [], []
        private_directory(self._directory)
        content = read_private(self._directory / "enrolled.jsonl") or b""
        entries: list[PublicKey] = []
        problems: list[str] = []
        for number, line in enumerate(content.splitlines(), start=1):
            entry = _entry(line)
            if entry is None:
                problems.append(f"line {number} of the enrolments cannot be read and is ignored")
            else:
                entries.append(entry)
        return entries, problems

    def _private_path(self, key_id: str) -> Path:
        """Where the private half lies."""
        return self._directory / f"{key_id}.private"


def enrolment_payload(key: PublicKey) -> bytes:
    """What the signature of an enrolment is made over: RFC 8785 of all its other fields."""
    return rfc8785.dumps({"kind": "enrolment", **_fields(key)})


def _check_request(role: Role, owner: str, passphrase: str) -> None:
    """Refuse an enrolment that could not be used."""
    if role not in (Role.APPROVER, Role.AUDITOR):
        raise Refused(f"A {role} needs no key.", "Enroll an approver or an auditor.", code="bad_enrolment")
    if not owner.strip() or not owner.isprintable():
        raise Refused("A key needs an owner.", "Give the owner's name.", code="bad_enrolment")
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise Refused(
            "The passphrase is too short.", f"Use at least {SHORTEST_PASSPHRASE} characters.", code="bad_enrolment"
        )


def _fault(key: PublicKey, counted: Mapping[str, PublicKey], root: str) -> str:
    """Why an enrolment does not count; "" when it does."""
    if key.key_id in counted:
        return "its id is taken"
    if not counted:
        if key.enrolled_by != key.key_id or key.role is not Role.APPROVER:
            return "the first key must be an approver's that signs itself"
        if _fingerprint(key) != root:
            return "it is not the key that was enrolled first"
        by = key
    elif key.enrolled_by not in counted:
        return "it was not signed by a key enrolled before it"
    else:
        by = counted[key.enrolled_by]
    if by.role is not Role.APPROVER:
        return "it was not signed by an approver"
    return "" if verifies(by.public, key.signature, enrolment_payload(key)) else "its signature does not hold"


def _fields(key: PublicKey) -> dict[str, str]:
    """The signed fields of an enrolment."""
    fields = asdict(key) | {"role": key.role.value, "enrolled_at": key.enrolled_at.astimezone(UTC).isoformat()}
    del fields["signature"]
    return fields


def _fingerprint(key: PublicKey) -> str:
    """What pins the first key."""
    return f"{key.key_id} {key.public}"


def _entry_text(key: PublicKey) -> bytes:
    """One line of the enrolments."""
    return rfc8785.dumps({**_fields(key), "signature": key.signature})


def _entry(line: bytes) -> PublicKey | None:
    """The enrolment of a line, or None when it cannot be read."""
    try:
        fields = json.loads(line)
        at = datetime.fromisoformat(fields.pop("enrolled_at"))
        key = PublicKey(**fields | {"role": Role(fields["role"]), "enrolled_at": at})
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    texts = (key.key_id, key.owner, key.public, key.enrolled_by, key.signature)
    is_sound = all(isinstance(text, str) for text in texts) and at.tzinfo is not None
    return key if is_sound and _KEY_ID.fullmatch(key.key_id) else None
