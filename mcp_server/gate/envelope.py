"""Ed25519 keys: making them, keeping the private half under a passphrase, checking what they signed."""

import base64
import binascii
import json
import os
from typing import Any

from mcp_server.errors import Refused, StoreUnavailable

SCRYPT_N = 2**15  #: 32 MiB and about 0.1 s a try
_LIMITS = (2**10, 2**20)  #: a file may not ask for less care, nor for all memory


def new_private() -> Any:
    """A new Ed25519 private key."""
    from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415 - kept out of start-up

    return ed25519.Ed25519PrivateKey.generate()


def verifies(public: str, signature: str, payload: bytes) -> bool:
    """Whether the signature (base64) is of this payload by this public key (base64)."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - kept out of start-up
    from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415 - the same

    try:
        key = ed25519.Ed25519PublicKey.from_public_bytes(base64.b64decode(public, validate=True))
        key.verify(base64.b64decode(signature, validate=True), payload)
    except (InvalidSignature, ValueError):
        return False
    return True


def locked(private: bytes, bound_to: bytes, passphrase: str, scrypt_n: int) -> bytes:
    """The private half under the passphrase (scrypt, AES-256-GCM), as JSON; it opens only with that ``bound_to``."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - kept out of start-up

    salt, nonce = os.urandom(16), os.urandom(12)
    sealed = AESGCM(_stretched(passphrase, salt, scrypt_n)).encrypt(nonce, private, bound_to)
    parts = {"salt": salt, "nonce": nonce, "sealed": sealed}
    texts = {name: base64.b64encode(part).decode() for name, part in parts.items()}
    return json.dumps({"kdf": "scrypt", "n": scrypt_n, **texts}).encode()


def unlocked(envelope: bytes, bound_to: bytes, key_id: str, passphrase: str) -> Any:
    """The private key. Raises ``Refused`` (wrong_passphrase), ``StoreUnavailable`` for a file that is no envelope."""
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - kept out of start-up
    from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415 - the same
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - the same

    salt, nonce, sealed, scrypt_n = _parts(envelope, key_id)
    try:
        private = AESGCM(_stretched(passphrase, salt, scrypt_n)).decrypt(nonce, sealed, bound_to)
    except InvalidTag:
        raise Refused(
            f"The passphrase does not open key {key_id}.", "Type it again.", code="wrong_passphrase"
        ) from None
    return ed25519.Ed25519PrivateKey.from_private_bytes(private)


def _parts(envelope: bytes, key_id: str) -> tuple[bytes, bytes, bytes, int]:
    """Salt, nonce, sealed key and scrypt cost."""
    try:
        fields = json.loads(envelope)
        salt, nonce, sealed = (base64.b64decode(fields[name], validate=True) for name in ("salt", "nonce", "sealed"))
        scrypt_n = int(fields["n"])
    except (ValueError, TypeError, KeyError, binascii.Error) as problem:
        raise StoreUnavailable(f"the file of key {key_id} cannot be read") from problem
    is_power_of_two = scrypt_n & (scrypt_n - 1) == 0
    if not (_LIMITS[0] <= scrypt_n <= _LIMITS[1] and is_power_of_two) or len(nonce) != 12:
        raise StoreUnavailable(f"the file of key {key_id} cannot be read")
    return salt, nonce, sealed, scrypt_n


def _stretched(passphrase: str, salt: bytes, scrypt_n: int) -> bytes:
    """The key that a passphrase gives."""
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt  # noqa: PLC0415 - kept out of start-up

    return Scrypt(salt=salt, length=32, n=scrypt_n, r=8, p=1).derive(passphrase.encode())
