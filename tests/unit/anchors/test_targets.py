"""Each kind of anchor against the real thing: a file, a log socket, an address that answers, a git repository."""

import http.server
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mcp_server.anchors.git_note import REF, SENTENCE
from mcp_server.anchors.targets import anchors, parse, shown
from mcp_server.errors import StoreUnavailable
from scripts.faulting.tracing import is_ci

LINE = '{"format":"meraki-specialist-statement/1"}'


def append(named: str, tmp_path: Path) -> None:
    """A line to one anchor."""
    _, found = anchors([named], tmp_path / "anchors.jsonl", allow_loopback=True)
    found.append(LINE)


def test_the_file_beside_the_store_comes_first_whatever_is_set(tmp_path: Path) -> None:
    """It is what knows that the store was put back."""
    beside = tmp_path / "anchors.jsonl"
    (found,) = anchors([], beside)
    found.append(LINE)
    found.append(LINE)
    assert beside.read_text() == f"{LINE}\n{LINE}\n"
    assert beside.stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_be_appended_to_says_so(tmp_path: Path) -> None:
    """A directory that is gone; a symbolic link is not followed."""
    with pytest.raises(StoreUnavailable, match="No such file"):
        append(f"file:{tmp_path / 'gone' / 'a'}", tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreUnavailable):
        append(f"file:{tmp_path / 'link'}", tmp_path)


def test_a_log_socket_gets_one_message_a_line_and_a_missing_one_is_noticed(tmp_path: Path) -> None:
    """Facility log audit, severity notice."""
    path = tmp_path / "log"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(str(path))
        append(f"syslog:{path}", tmp_path)
        assert log.recv(4096).decode() == f"<109>meraki-specialist: {LINE}"
    with pytest.raises(StoreUnavailable, match="syslog"):
        append(f"syslog:{path}", tmp_path)


@contextmanager
def address(status: int) -> Iterator[tuple[str, list[str]]]:
    """An http address on this machine that answers so, and what it was sent."""
    got: list[str] = []

    class Sink(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.path + " " + self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(status)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Sink) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/keep?token=secret", got
        finally:
            server.shutdown()
            thread.join()


def test_a_webhook_gets_one_post_a_line(tmp_path: Path) -> None:
    """Path and query as they were set."""
    with address(204) as (url, got):
        append(f"webhook:{url}", tmp_path)
    assert got == [f"/keep?token=secret {LINE}\n"]


@pytest.mark.parametrize("status", [302, 400, 500])
def test_an_answer_that_is_no_yes_is_a_failure_and_no_redirect_is_followed(tmp_path: Path, status: int) -> None:
    """What is told names the host, never the path or its token."""
    with address(status) as (url, got):
        with pytest.raises(StoreUnavailable, match=f"webhook 127.0.0.1: it answered {status}") as told:
            append(f"webhook:{url}", tmp_path)
        assert len(got) == 1
    assert "secret" not in str(told.value)
    with pytest.raises(StoreUnavailable, match=r"webhook 127.0.0.1: Connection"):
        append(f"webhook:{url}", tmp_path)


@pytest.mark.skipif(shutil.which("git", path="/bin:/usr/bin") is None and not is_ci(os.environ), reason="no git here")
def test_notes_gather_under_one_ref_of_the_repository(tmp_path: Path) -> None:
    """Every line is in the one note, and the ref's history has a step for each."""
    repository = tmp_path / "repository"
    subprocess.run(["git", "init", "-q", str(repository)], check=True)
    append(f"git-note:{repository}", tmp_path)
    append(f"git-note:{repository}", tmp_path)

    def git(*words: str, given: bytes = b"") -> str:
        done = subprocess.run(["git", "-C", str(repository), *words], input=given, capture_output=True, check=True)
        return done.stdout.decode()

    blob = git("hash-object", "--stdin", given=SENTENCE).strip()
    assert git("notes", f"--ref={REF}", "show", blob).split() == [LINE, LINE]
    assert git("rev-list", "--count", f"refs/notes/{REF}").strip() == "2"
    with pytest.raises(StoreUnavailable, match="git"):
        append(f"git-note:{tmp_path / 'none'}", tmp_path)


@pytest.mark.parametrize(
    "named",
    ["file:", "file", "ftp://x", "webhook:", "webhook:ftp://x", "webhook:https://", "webhook:https://u:p@x/",
     "git-note:", "webhook:http://example.com/", "webhook:https://x/#f", "webhook:https://x:0/", "nonsense", 7],
)  # fmt: skip
def test_a_setting_that_names_no_anchor_is_refused(named: object) -> None:
    """At the start, not at the first checkpoint."""
    with pytest.raises((ValueError, TypeError)):
        parse([named])


def test_an_http_address_needs_loopback_to_be_allowed(tmp_path: Path) -> None:
    """And even then it leads to this machine only."""
    assert parse("webhook:http://[::1]:1/, syslog") == ("webhook:http://[::1]:1/", "syslog")
    with pytest.raises(ValueError):  # noqa: PT011 - the setting's own error is made where it is read
        anchors(["webhook:http://127.0.0.1:1/"], tmp_path)


def test_what_is_shown_of_a_webhook_is_its_host() -> None:
    """The path may be a token."""
    assert shown("webhook:https://example.com/hook/secret") == "webhook:example.com"
    assert shown("file:/var/log/a") == "file:/var/log/a"
