"""The Ed25519 key that signs statements about the chain; it lies outside the database.

Rules: a chain is signed on by the key that its last statement names and by no other; a key is made for a chain that
nobody has signed yet, or by an exchange, never in place of one that is missing.
"""

import base64
import binascii
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from mcp_server.errors import StoreUnavailable
from mcp_server.private_files import private_directory, read_private, write_private
from mcp_server.store.evidence.statements import Statement
from mcp_server.store.seal import KEY_BYTES, decoded_key, open_key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


_NAME: Final = "evidence"


class Seeds(Protocol):
    """Where private keys (32 bytes each) are found. Raises StoreUnavailable, SettingsError."""

    def __call__(self, *, make: bool) -> Sequence[bytes]:
        """Those that there are; with ``make`` one is made when there is none."""
        ...


class SigningKey:
    """The private key that signs now; it is looked for when it is first needed, and when another is due."""

    def __init__(self, seeds: Seeds) -> None:
        self._seeds = seeds
        self._added: list[bytes] = []
        self._private: Ed25519PrivateKey | None = None

    @property
    def public(self) -> str:
        """The public half in base64. Raises StoreUnavailable, SettingsError."""
        return _public_of(self._opened())

    def add(self, seed: bytes) -> str:
        """Know one more private key; its public half."""
        self._added.append(seed)
        return _public_of(_private_of(seed))

    def use(self, public: str) -> None:
        """Sign with the key of that public half from now on. Raises StoreUnavailable when it is not here."""
        if self._private is not None and _public_of(self._private) == public:
            return
        for seed in (*self._added, *self._seeds(make=False)):
            if _public_of(private := _private_of(seed)) == public:
                self._private = private
                return
        raise StoreUnavailable(
            f"the record is signed with the key {public}, which is not here; put its file back into keys/ "
            "(evidence*.key), or its value into MERAKI_SPECIALIST_EVIDENCE_KEY. If it is lost for good: keep an export "
            "of this record with its anchors, and begin a new data directory"
        )

    def signed(self, statement: Statement) -> Statement:
        """The statement with this key's name and signature."""
        named = replace(statement, public_key=self.public, signature="")
        return replace(named, signature=base64.b64encode(self._opened().sign(named.payload())).decode())

    def _opened(self) -> "Ed25519PrivateKey":
        if self._private is None:
            self._private = _private_of(self._seeds(make=True)[0])
        return self._private


def seeds_in(directory: Path, environ_value: str) -> Seeds:
    """Those of the environment's value, else of ``keys/evidence*.key`` in the data directory."""

    def found(*, make: bool) -> Sequence[bytes]:
        if environ_value or make:
            return [open_key(directory, _NAME, environ_value)]
        return [decoded_key(read_private(path) or b"", str(path)) for path in _files(directory)]

    return found


def write_seed(directory: Path, target: Path | None) -> tuple[Path, bytes]:
    """A new seed in a new file, 0600: the one named, else ``keys/evidence-N.key``. Raises StoreUnavailable."""
    path = target or private_directory(directory / "keys") / f"{_NAME}-{len(_files(directory)) + 1}.key"
    seed = os.urandom(KEY_BYTES)
    if not write_private(path, base64.b64encode(seed) + b"\n"):
        raise StoreUnavailable(f"{path} is there already")
    return path, seed


def _files(directory: Path) -> list[Path]:
    """The key files of the data directory."""
    return sorted((directory / "keys").glob(f"{_NAME}*.key"))


def _private_of(seed: bytes) -> "Ed25519PrivateKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415 - kept out of start-up
        Ed25519PrivateKey,
    )

    return Ed25519PrivateKey.from_private_bytes(seed)


def _public_of(private: "Ed25519PrivateKey") -> str:
    return base64.b64encode(private.public_key().public_bytes_raw()).decode()


def is_signed(statement: Statement) -> bool:
    """Whether the signature is that of the key which the statement names."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - kept out of start-up
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - as above

    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(statement.public_key, validate=True))
        key.verify(base64.b64decode(statement.signature, validate=True), statement.payload())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True
