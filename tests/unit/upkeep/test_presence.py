"""Who lives: told by a lock that the operating system gives up with the process, never by a clock."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import filelock
import pytest

from mcp_server.errors import StoreUnavailable
from mcp_server.upkeep.presence import Presence

ROOT = Path(__file__).resolve().parents[3]
LIVES = (
    "import sys; from pathlib import Path; from mcp_server.upkeep.presence import Presence;"
    "print(Presence(Path(sys.argv[1]), 'server-b').enter(), flush=True); sys.stdin.read()"
)


def test_a_server_lives_from_its_entry_to_its_end(tmp_path: Path) -> None:
    """Before it enters nobody knows it; after it is gone its file is gone too."""
    one, other = Presence(tmp_path, "server-a"), Presence(tmp_path, "server-b")
    assert not other.is_alive("server-a")
    assert not one.is_alive("server-a")
    assert one.enter() == one.enter() == "server-a"
    assert other.is_alive("server-a")
    assert one.is_alive("server-a")
    one.close()
    assert not other.is_alive("server-a")
    assert list((tmp_path / "servers").iterdir()) == []


def test_a_stopped_process_lives_and_a_killed_one_does_not(tmp_path: Path) -> None:
    """However long it stands still, nobody goes on with what it began; once it is killed, somebody does at once."""
    with subprocess.Popen(
        [sys.executable, "-c", LIVES, str(tmp_path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == b"server-b\n"
        own = Presence(tmp_path, "server-a")
        os.kill(server.pid, signal.SIGSTOP)
        assert own.is_alive("server-b")
        os.kill(server.pid, signal.SIGKILL)
        server.wait(20)
        assert not own.is_alive("server-b")
        assert not own.is_alive("server-b")


def test_a_server_that_is_looked_for_while_it_enters_lives_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another one finds its file before it is locked, and removes it as left behind: it is made anew."""
    one, other, lock = Presence(tmp_path, "server-a"), Presence(tmp_path, "server-b"), filelock.lock_descriptor
    looks = [1, 1]

    def looked_at_first(descriptor: int, *, blocking: bool) -> bool:
        if looks:
            looks.pop()
            assert other.list_others() == ()
        return lock(descriptor, blocking=blocking)

    monkeypatch.setattr(filelock, "lock_descriptor", looked_at_first)
    one.enter()
    assert looks == []
    assert other.is_alive("server-a")
    assert other.list_others() == ("server-a",)


def test_a_server_whose_file_was_removed_shows_itself_again_before_it_begins_anything(tmp_path: Path) -> None:
    """Somebody tidied up the folder; the next change makes it anew."""
    one, other = Presence(tmp_path, "server-a"), Presence(tmp_path, "server-b")
    one.enter()
    (tmp_path / "servers" / "server-a.lock").unlink()
    one.enter()
    assert other.is_alive("server-a")
    one.close()
    assert not other.is_alive("server-a")


def test_the_other_servers_that_live_are_listed(tmp_path: Path) -> None:
    """Not itself, and not one that is gone, whatever it left; where nothing is to be read there is nobody."""
    one, other, gone = (Presence(tmp_path, f"server-{name}") for name in "abc")
    assert one.list_others() == ()
    for server in (one, other, gone):
        server.enter()
    gone.close()
    (tmp_path / "servers" / "server-d.lock").touch()
    (tmp_path / "servers" / "note.txt").touch()
    assert one.list_others() == ("server-b",)
    assert Presence(tmp_path, "").list_others() == ("server-a", "server-b")
    one.close()
    other.close()
    assert Presence(tmp_path, "").list_others() == ()


@pytest.mark.parametrize("name", ["", "../server-a", "server-", "server-A b", "server-a/../../x"])
def test_a_name_that_no_server_has_is_nobody_and_opens_no_file(tmp_path: Path, name: str) -> None:
    """Names come out of stored records."""
    (tmp_path / "server-a.lock").touch()
    assert not Presence(tmp_path, "server-b").is_alive(name)
    assert (tmp_path / "server-a.lock").exists()


def test_what_cannot_be_found_out_counts_as_alive(tmp_path: Path) -> None:
    """Nobody goes on with the change of a server whose lock cannot be looked at."""
    looking = Presence(tmp_path, "server-b")
    looking.enter()
    (tmp_path / "servers" / "server-a.lock").symlink_to(tmp_path / "elsewhere")
    assert looking.is_alive("server-a")
    looking.close()


def test_a_directory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """No change begins then: nobody could tell that its server lives."""
    (tmp_path / "servers").write_text("in the way")
    with pytest.raises(StoreUnavailable):
        Presence(tmp_path, "server-a").enter()
