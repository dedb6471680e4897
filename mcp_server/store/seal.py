"""Encryption at rest: AES-256-GCM under a key that lies beside the database (0600) or comes from the environment.

Two rules: what is sealed is bound to its kind and key, so a value moved to another row does not open; and a key is
never made anew while sealed values that need the old one may exist.
"""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_server.errors import RecordAltered, SettingsError, StoreUnavailable
from mcp_server.private_files import private_directory, read_private, write_private

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_NONCE_BYTES = 12
_ID_BYTES = 4
_FORMAT = b"\x01"


class Seal:
    """Seals and opens values with one key; ``key`` may be a function, asked once, when it is first needed."""

    def __init__(self, key: bytes | Callable[[], bytes]) -> None:
        self._source = key
        self._key: bytes | None = None
        self._key_id = b""
        self._cipher: AESGCM | None = None
        self._tagged = (b"", b"")  #: the last text and its tag: the next group checks the head that the last one wrote

    @property
    def key_id(self) -> bytes:
        """Four bytes that name the key without telling it."""
        if not self._key_id:
            self._key_id = hashlib.sha256(b"key id" + self._found()).digest()[:_ID_BYTES]
        return self._key_id

    def encrypt(self, plain: bytes, bound_to: str, beside: bytes = b"") -> bytes:
        """The sealed value; it opens only under the same key, the same ``bound_to`` and with the same ``beside``."""
        nonce = os.urandom(_NONCE_BYTES)
        head = _FORMAT + self.key_id + nonce
        return head + self._opened().encrypt(nonce, plain, _context(head, bound_to, beside))

    def decrypt(self, sealed: bytes, bound_to: str, beside: bytes = b"") -> bytes:
        """What was sealed. Raises ``RecordAltered``, or ``StoreUnavailable`` when it was sealed with another key."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - kept out of start-up

        size = len(_FORMAT) + _ID_BYTES + _NONCE_BYTES
        head = sealed[:size]
        if len(head) < size or not head.startswith(_FORMAT):
            raise RecordAltered(f"{bound_to}: not a sealed value")
        if head[len(_FORMAT) : -_NONCE_BYTES] != self.key_id:
            raise StoreUnavailable(
                f"{bound_to} was sealed with another key; restore the key file this data was made with"
            )
        try:
            return self._opened().decrypt(head[-_NONCE_BYTES:], sealed[size:], _context(head, bound_to, beside))
        except InvalidTag as problem:
            raise RecordAltered(f"{bound_to}: the record was altered") from problem

    def tag(self, text: bytes, bound_to: str) -> bytes:
        """A keyed digest of the text (HMAC-SHA-256), led by the key's id."""
        asked = bound_to.encode() + b"\x00" + text
        last, made = self._tagged
        if asked != last:
            made = self.key_id + hmac.digest(self._found(), asked, "sha256")
            self._tagged = asked, made
        return made

    def check(self, tag: bytes, text: bytes, bound_to: str) -> None:
        """Raises ``RecordAltered`` unless the tag is of this text; ``StoreUnavailable`` when made with another key."""
        if tag[:_ID_BYTES] != self.key_id and len(tag) == _ID_BYTES + 32:
            raise StoreUnavailable(
                f"{bound_to} was sealed with another key; restore the key file this data was made with"
            )
        if not hmac.compare_digest(tag, self.tag(text, bound_to)):
            raise RecordAltered(f"{bound_to}: the record was altered")

    def _opened(self) -> "AESGCM":
        """The cipher under the key; made once."""
        if self._cipher is None:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - kept out of start-up

            self._cipher = AESGCM(self._found())
        return self._cipher

    def _found(self) -> bytes:
        """The key; asked for once."""
        if self._key is None:
            key = self._source if isinstance(self._source, bytes) else self._source()
            if len(key) != KEY_BYTES:
                raise ValueError(f"a seal key has {KEY_BYTES} bytes")
            self._key = key
        return self._key


def _context(head: bytes, bound_to: str, beside: bytes) -> bytes:
    """What a sealed value is bound to, without a way to move a byte from one part to the next."""
    name = bound_to.encode()
    return head + len(name).to_bytes(4, "big") + name + beside


def open_key(directory: Path, name: str, environ_value: str | None = None) -> bytes:
    """The 32-byte key of that name: from the environment's value (base64) or ``keys/NAME.key``, made on first use.

    Raises ``SettingsError`` for a value that is no key, ``StoreUnavailable`` when the file cannot be read, is open to
    others, or cannot be made.
    """
    if environ_value:
        return decoded_key(environ_value.encode(), f"{name} key", "the environment's value")
    private_directory(directory, forbidden=0o022)
    path = private_directory(directory / "keys") / f"{name}.key"
    content = read_private(path)
    if content is None:
        write_private(path, base64.b64encode(os.urandom(KEY_BYTES)) + b"\n")  # the first of several servers wins
        content = read_private(path)
    if content is None:
        raise StoreUnavailable(f"{path} vanished while it was made")
    return decoded_key(content, str(path))


def question_key(home: Path) -> bytes:
    """The key that seals the state of open questions; one for this run only when the directory cannot keep it."""
    try:
        return open_key(home, "state")
    except StoreUnavailable:
        return os.urandom(KEY_BYTES)


def decoded_key(text: bytes, name: str, found: str = "its content") -> bytes:
    """The key in base64 text; the fault (SettingsError) never shows the text."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError) as problem:
        raise SettingsError(name, f"{found}, which is not base64", "32 bytes in base64") from problem
    if len(key) != KEY_BYTES:
        raise SettingsError(name, f"{found} with {len(key)} bytes", "32 bytes in base64")
    return key
