"""Sealing: only the same key, name and text open a value; keys are made once and kept private."""

import base64
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.errors import RecordAltered, SettingsError, StoreUnavailable
from mcp_server.store.seal import Seal, open_key

SEAL = Seal(b"k" * 32)


@given(st.binary(), st.text(st.characters(exclude_categories=["Cs"])), st.binary())
def test_what_is_sealed_opens_again(plain: bytes, name: str, beside: bytes) -> None:
    """Any bytes, under any name."""
    assert SEAL.decrypt(SEAL.encrypt(plain, name, beside), name, beside) == plain


@given(st.data())
def test_a_changed_byte_anywhere_is_found(data: st.DataObject) -> None:
    """Key id, nonce, text and tag: none can be changed unseen."""
    sealed = bytearray(SEAL.encrypt(b"secret", "plan 1"))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises((RecordAltered, StoreUnavailable)):
        SEAL.decrypt(bytes(sealed), "plan 1")


@pytest.mark.parametrize(("name", "beside"), [("plan 2", b"x"), ("plan 1", b"y"), ("plan ", b"1x"), ("plan 1x", b"")])
def test_a_sealed_value_does_not_open_elsewhere(name: str, beside: bytes) -> None:
    """Under another name or beside another text, or with a byte moved from one to the other, it is refused."""
    sealed = SEAL.encrypt(b"secret", "plan 1", b"x")
    with pytest.raises(RecordAltered):
        SEAL.decrypt(sealed, name, beside)


def test_equal_values_do_not_look_equal() -> None:
    """Each sealing has its own nonce."""
    assert SEAL.encrypt(b"secret", "plan 1") != SEAL.encrypt(b"secret", "plan 1")


def test_another_key_is_told_apart_from_an_edit() -> None:
    """The remedy differs: restore the key file, or distrust the row."""
    other = Seal(b"o" * 32)
    with pytest.raises(StoreUnavailable, match="another key"):
        other.decrypt(SEAL.encrypt(b"secret", "plan 1"), "plan 1")
    with pytest.raises(StoreUnavailable, match="another key"):
        other.check(SEAL.tag(b"text", "head"), b"text", "head")
    for tag in (b"", SEAL.tag(b"text", "tail"), SEAL.tag(b"tex", "head")):
        with pytest.raises(RecordAltered):
            SEAL.check(tag, b"text", "head")


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"plain text that was never sealed at all"])
def test_what_was_never_sealed_is_refused(sealed: bytes) -> None:
    """Too short or of another form."""
    with pytest.raises(RecordAltered):
        SEAL.decrypt(sealed, "plan 1")


def test_a_key_is_made_once_and_kept_private(tmp_path: Path) -> None:
    """32 bytes in a 0600 file in a 0700 directory; every later opening gives the same."""
    with ThreadPoolExecutor(4) as threads:
        keys = set(threads.map(lambda _: open_key(tmp_path, "store"), range(8)))
    assert len(keys) == 1
    assert len(keys.pop()) == 32
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "keys" / "store.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "keys").iterdir()] == ["store.key"]
    assert open_key(tmp_path, "store") != open_key(tmp_path, "digest")


def test_a_key_from_the_environment_touches_no_file(tmp_path: Path) -> None:
    """The value is 32 bytes in base64."""
    key = os.urandom(32)
    assert open_key(tmp_path / "none", "store", base64.b64encode(key).decode()) == key
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("value", ["not base64!", "aGVsbG8=", "é"])
def test_a_value_that_is_no_key_is_refused_without_showing_it(tmp_path: Path, value: str) -> None:
    """The fault names what is allowed, never what was given."""
    with pytest.raises(SettingsError) as fault:
        open_key(tmp_path, "store", value)
    assert value not in str(fault.value)


def _open_to_others(home: Path) -> None:
    (home / "keys" / "store.key").chmod(0o640)


def _directory_open_to_others(home: Path) -> None:
    (home / "keys").chmod(0o750)


def _home_open_to_others(home: Path) -> None:
    home.chmod(0o770)


def _link(home: Path) -> None:
    key = home / "keys" / "store.key"
    key.rename(home / "elsewhere")
    key.symlink_to(home / "elsewhere")


def _directory_link(home: Path) -> None:
    (home / "keys").rename(home / "elsewhere")
    (home / "keys").symlink_to(home / "elsewhere")


def _directory_instead(home: Path) -> None:
    (home / "keys" / "store.key").unlink()
    (home / "keys" / "store.key").mkdir()


def _file_instead(home: Path) -> None:
    (home / "keys" / "store.key").unlink()
    (home / "keys").rmdir()
    (home / "keys").write_text("")


@pytest.mark.parametrize(
    "spoil",
    [
        _open_to_others,
        _directory_open_to_others,
        _home_open_to_others,
        _link,
        _directory_link,
        _directory_instead,
        _file_instead,
    ],
)
def test_a_key_that_others_can_reach_is_refused(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    """Looser modes and symbolic links are named, never repaired."""
    open_key(tmp_path, "store")
    spoil(tmp_path)
    with pytest.raises(StoreUnavailable):
        open_key(tmp_path, "store")


def test_the_key_is_asked_for_once_and_only_when_needed() -> None:
    """A server starts without the key; a fault in finding it shows when something is sealed."""
    asked: list[int] = []

    def source() -> bytes:
        asked.append(1)
        return b"k" * 32

    seal = Seal(source)
    assert asked == []
    assert seal.decrypt(SEAL.encrypt(b"x", "a"), "a") == b"x"
    seal.encrypt(b"x", "a")
    assert asked == [1]
    with pytest.raises(ValueError, match="32 bytes"):
        Seal(b"short").encrypt(b"x", "a")
