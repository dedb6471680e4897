"""Named secrets that a person gave on the command line, for ``{"$secret": "NAME"}``; sealed at rest, one small file."""

import base64
import json
import re
from pathlib import Path

from mcp_server.errors import InvalidArguments, RecordAltered, SettingsError, StoreUnavailable
from mcp_server.private_files import private_directory, read_private, write_private
from mcp_server.store.connection import FileLock
from mcp_server.store.seal import Seal

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")


class Vault:
    """The secrets of one data directory; a value leaves only through ``get``."""

    def __init__(self, directory: Path, seal: Seal) -> None:
        self._path = directory / "keys" / "secrets.json"
        self._seal = seal
        self._values: tuple[str, ...] = ()
        self._stamp: tuple[int, int, int] | None = None

    def set(self, name: str, value: str) -> None:
        """Keep the value under that name, in place of an older one. Raises InvalidArguments, StoreUnavailable."""
        if not _NAME.fullmatch(name):
            raise InvalidArguments(
                f"{name!r} cannot name a secret.", "Use 1 to 64 letters, digits, '_', '.', '-', a letter first."
            )
        private_directory(self._path.parent.parent, forbidden=0o022)
        private_directory(self._path.parent)
        lock = FileLock(self._path.with_suffix(".lock"))
        try:
            with lock.held():
                kept = self._kept()
                kept[name] = base64.b64encode(self._seal.encrypt(value.encode(), f"secret {name}")).decode()
                write_private(self._path, json.dumps(kept, sort_keys=True, indent=1).encode(), replace=True)
        finally:
            lock.close()

    def get(self, name: str) -> str | None:
        """The secret, or None when there is none of that name. Raises RecordAltered, StoreUnavailable."""
        sealed = self._kept().get(name)
        if sealed is None:
            return None
        try:
            blob = base64.b64decode(sealed, validate=True)
        except ValueError as problem:
            raise RecordAltered(f"secret {name}: not a sealed value") from problem
        return self._seal.decrypt(blob, f"secret {name}").decode()

    def values(self) -> tuple[str, ...]:
        """Every secret, for masking; none that cannot be read. Opened anew only when the file has changed."""
        try:
            found = self._path.stat()
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            if stamp != self._stamp:
                self._values = tuple(value for name in self.names() if (value := self.get(name)))
                self._stamp = stamp
        except FileNotFoundError:
            self._values, self._stamp = (), None
        except (OSError, RecordAltered, StoreUnavailable, SettingsError):
            return self._values  # what could be read before is still a secret
        return self._values

    def names(self) -> tuple[str, ...]:
        """The names, sorted."""
        return tuple(sorted(self._kept()))

    def _kept(self) -> dict[str, str]:
        """Name to sealed value, in base64."""
        content = read_private(self._path)
        try:
            kept = json.loads(content) if content else {}
        except ValueError as problem:
            raise RecordAltered(f"{self._path} cannot be read") from problem
        if not isinstance(kept, dict) or not all(isinstance(value, str) for value in kept.values()):
            raise RecordAltered(f"{self._path} cannot be read")
        return kept
