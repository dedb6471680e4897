"""Named secrets: kept sealed, given back by name, listed without their values."""

import base64
import json
from pathlib import Path

import pytest

from mcp_server.errors import InvalidArguments, RecordAltered, StoreUnavailable
from mcp_server.store.seal import Seal
from mcp_server.store.vault import Vault
from tests.support.records import CANARY

FILE = Path("keys") / "secrets.json"


def test_a_secret_comes_back_by_name_also_in_another_process(tmp_path: Path) -> None:
    """The last value set counts; an unknown name gives None."""
    vault = Vault(tmp_path, Seal(b"k" * 32))
    assert vault.names() == ()
    vault.set("guest", "old")
    vault.set("guest", CANARY)
    vault.set("A.b-c_1", "é" * 100)
    again = Vault(tmp_path, Seal(b"k" * 32))
    assert (again.get("guest"), again.get("A.b-c_1"), again.get("other")) == (CANARY, "é" * 100, None)
    assert again.names() == ("A.b-c_1", "guest")


def test_a_secret_is_sealed_on_disk_and_private(tmp_path: Path) -> None:
    """Neither the file nor the list shows a value; the file has mode 0600."""
    Vault(tmp_path, Seal(b"k" * 32)).set("guest", CANARY)
    found = [path.name for path in (tmp_path / "keys").iterdir() if CANARY.encode() in path.read_bytes()]
    assert found == []
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["", "1a", "a b", "../x", "a" * 65, "é", "a\n"])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    """Names are short and plain."""
    with pytest.raises(InvalidArguments):
        Vault(tmp_path, Seal(b"k" * 32)).set(name, "x")


def test_a_secret_moved_to_another_name_does_not_open(tmp_path: Path) -> None:
    """Exchanging two sealed values in the file is found; so is a file that is none."""
    vault = Vault(tmp_path, Seal(b"k" * 32))
    vault.set("guest", "one")
    vault.set("staff", "two")
    kept = json.loads((tmp_path / FILE).read_text())
    (tmp_path / FILE).write_text(json.dumps({"guest": kept["staff"], "staff": "%%"}))
    for name in ("guest", "staff"):
        with pytest.raises(RecordAltered):
            vault.get(name)
    for content in ("[", "[]", '{"a": 1}'):
        (tmp_path / FILE).write_text(content)
        with pytest.raises(RecordAltered):
            vault.names()


def test_a_vault_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """Also when the values are sealed."""
    vault = Vault(tmp_path, Seal(b"k" * 32))
    vault.set("guest", base64.b64encode(b"x").decode())
    (tmp_path / FILE).chmod(0o644)
    with pytest.raises(StoreUnavailable, match="0644"):
        vault.get("guest")


def test_every_secret_is_told_for_masking_also_one_that_is_set_later(tmp_path: Path) -> None:
    """The values are those of now; without a file, or with one that cannot be read, what was known stays."""
    vault = Vault(tmp_path, Seal(b"k" * 32))
    assert vault.values() == ()
    vault.set("ONE", "first-secret")
    assert vault.values() == ("first-secret",)
    Vault(tmp_path, Seal(b"k" * 32)).set("TWO", "second-secret")
    assert set(vault.values()) == {"first-secret", "second-secret"}
    (tmp_path / "keys" / "secrets.json").write_text("broken")
    assert set(vault.values()) == {"first-secret", "second-secret"}
