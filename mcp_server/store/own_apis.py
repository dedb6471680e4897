"""The APIs of single organizations, one file each, below the data directory."""

import gzip
import json
import re
from pathlib import Path
from typing import Final

from mcp_server.catalogue.refreshed.own import OwnApi
from mcp_server.private_files import private_directory, read_private, write_private

_FOLDER: Final = "catalogues"
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


class OwnApis:
    """What ``catalogue refresh`` keeps."""

    def __init__(self, home: Path) -> None:
        """``home`` is the data directory; nothing is read yet."""
        self._folder = home / _FOLDER
        self._stamp: tuple[tuple[str, int, int], ...] = ()
        self._found: tuple[OwnApi, ...] = ()

    def keep(self, own: OwnApi) -> None:
        """Keep it in place of an older one. ValueError for an id that names no file; StoreUnavailable."""
        if not _ID.fullmatch(own.organization_id):
            raise ValueError("an organization's id has letters, digits, _ and - only")
        private_directory(self._folder)
        content = gzip.compress(json.dumps(own.to_json(), separators=(",", ":")).encode(), mtime=0)
        write_private(self._folder / f"{own.organization_id}.json.gz", content, replace=True)

    def all(self) -> tuple[OwnApi, ...]:
        """Every kept one that can be read, the same objects until a file changes; a damaged one is left out."""
        stamp = tuple(sorted((one.name, one.stat().st_mtime_ns, one.stat().st_size) for one in self._files()))
        if stamp != self._stamp:
            self._found = tuple(own for one in self._files() if (own := self._read(one)) is not None)
            self._stamp = stamp
        return self._found

    def damaged(self) -> tuple[str, ...]:
        """Names of the files that cannot be read."""
        return tuple(one.name for one in self._files() if self._read(one) is None)

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("*.json.gz")) if self._folder.is_dir() else []

    def _read(self, path: Path) -> OwnApi | None:
        content = read_private(path)
        try:
            return OwnApi.from_json(json.loads(gzip.decompress(content or b"")))
        except (OSError, EOFError, ValueError):
            return None
