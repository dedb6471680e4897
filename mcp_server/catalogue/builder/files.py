"""The two files of the catalogue: the same bytes for the same rows, and a comparison that knows no compressor."""

import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from mcp_server.catalogue.builder.pins import API_VERSION, PINS
from mcp_server.domain.call import Json

ROWS = "operations.json.gz"
SOURCES = "operations.sources.json"


def write(folder: Path, rows: Sequence[Mapping[str, Json]]) -> None:
    """Write both files; without a time stamp or a file name inside."""
    text = json.dumps(rows, separators=(",", ":"), ensure_ascii=False)
    (folder / ROWS).write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))
    sources = {"api_version": API_VERSION, **PINS}
    (folder / SOURCES).write_text(json.dumps(sources, indent=2) + "\n", encoding="utf-8")


def differences(shipped: Path, made: Path) -> list[str]:
    """What differs between two folders, one line each; zlib versions compress differently, so the content counts."""
    old, new = _rows(shipped), _rows(made)
    found = [f"{name}: only shipped" for name in old.keys() - new.keys()]
    found += [f"{name}: not shipped" for name in new.keys() - old.keys()]
    found += [f"{name}: differs" for name in old.keys() & new.keys() if old[name] != new[name]]
    if not found and list(old) != list(new):
        found.append("the order of the rows differs")
    if (shipped / SOURCES).read_bytes() != (made / SOURCES).read_bytes():
        found.append(f"{SOURCES} differs")
    return sorted(found)


def _rows(folder: Path) -> dict[str, str]:
    return {row["id"]: json.dumps(row) for row in json.loads(gzip.decompress((folder / ROWS).read_bytes()))}
