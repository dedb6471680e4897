"""The Ed25519 key that signs statements about the chain; it lies outside the database."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from mcp_server.store.evidence.statements import Statement

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


class SigningKey:
    """One private key; ``seed`` (32 bytes) is asked for once, when it is first needed."""

    def __init__(self, seed: Callable[[], bytes]) -> None:
        self._seed = seed
        self._private: Ed25519PrivateKey | None = None

    @property
    def public(self) -> str:
        """The public half in base64. Raises StoreUnavailable, SettingsError."""
        return base64.b64encode(self._opened().public_key().public_bytes_raw()).decode()

    def signed(self, statement: Statement) -> Statement:
        """The statement with this key's name and signature."""
        named = replace(statement, public_key=self.public, signature="")
        return replace(named, signature=base64.b64encode(self._opened().sign(named.payload())).decode())

    def _opened(self) -> "Ed25519PrivateKey":
        if self._private is None:
            from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415 - kept out of start-up
                Ed25519PrivateKey,
            )

            self._private = Ed25519PrivateKey.from_private_bytes(self._seed())
        return self._private


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
