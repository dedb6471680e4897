"""What the commands work on without a server: settings, store, keys; and the person's terminal."""

import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeVar

import anyio

from mcp_server.assembly import open_store
from mcp_server.cli.views.printing import lines, shown
from mcp_server.clock import RandomIds, SystemClock, account
from mcp_server.domain.actor import Role
from mcp_server.domain.call import Json
from mcp_server.domain.ports import Append, Clock
from mcp_server.domain.record import AuditEntry
from mcp_server.errors import Refused
from mcp_server.failpoints import arm, parse
from mcp_server.gate.keys import Keyring, Signer
from mcp_server.logs import Redactor, configure
from mcp_server.settings import Settings, load, open_home
from mcp_server.store.evidence.read_only import copied_aside, is_read_only
from mcp_server.store.seal import Seal, open_key
from mcp_server.store.sqlite_store import SqliteStore
from mcp_server.store.vault import Vault

with contextlib.suppress(ImportError):  # Windows has none; there a Terminal refuses
    import termios

A = TypeVar("A")
TERMINAL: Final = "/dev/tty"


@dataclass(frozen=True, slots=True)
class Local:
    """The data directory, opened."""

    settings: Settings
    store: SqliteStore
    keyring: Keyring
    vault: Vault
    clock: Clock
    ids: RandomIds
    copied_to: Path | None = None  #: where the copy lies that is read, when nothing can be written to the store itself

    @property
    def user(self) -> str:
        """The operating system's user."""
        return account()

    def entry(self, event: str, status: str, **more: Any) -> Append:
        """A line of evidence about something done on the command line."""
        return told_by(self.clock, event, status, **more)


def told_by(clock: Clock, event: str, status: str, **more: Any) -> Append:
    """A line of evidence about something that the operating system's user did on the command line."""
    return Append(AuditEntry(event, clock.now(), account(), status, client="command line", **more))


@asynccontextmanager
async def opened(home: Mapping[str, Any], *, reads_only: bool = False) -> AsyncIterator[Local]:
    """The data directory of these options; closed at the end.

    With ``reads_only`` a directory in which this account may write nothing is read from a private copy of its store.
    """
    settings = load(overrides=dict(home))
    if settings.failpoint or settings.failpoint_trace:
        arm(parse(settings.failpoint), settings.failpoint_trace)
    clock = SystemClock()
    with contextlib.ExitStack() as stack:
        if reads_only and is_read_only(settings.home):
            directory = settings.home
            aside = stack.enter_context(copied_aside(directory))
            store = open_store(settings, aside, clock, keys_of=directory, is_checked=False)
        else:
            aside = None
            directory = open_home(settings)
            store = open_store(settings, directory, clock)
        stack.callback(store.close)
        vault = Vault(directory, Seal(lambda: open_key(directory, "vault")))
        yield Local(settings, store, Keyring(directory), vault, clock, RandomIds(), aside)


def on_local(home: Mapping[str, Any], work: Callable[[Local], Awaitable[A]], *, reads_only: bool = False) -> A:
    """What ``work`` gives for the opened data directory."""

    async def run() -> A:
        async with opened(home, reads_only=reads_only) as local:
            return await work(local)

    return anyio.run(run)


@asynccontextmanager
async def refusals_recorded(local: Local, event: str, **about: Any) -> AsyncIterator[None]:
    """A refusal inside the block is put on record before it is told: an attempt is evidence."""
    try:
        yield
    except Refused as refused:
        await local.store.commit(local.entry(event, "refused", detail={"code": refused.reason}, **about))
        raise


def log_to_stderr(settings: Settings, *, quiet: bool = False) -> Redactor:
    """Sends warnings and worse to stderr (only errors when ``quiet``); what the operator asked for counts first."""
    level = settings.log_level if settings.log_level != "info" else "error" if quiet else "warning"
    return configure(replace(settings, log_level=level), sys.stderr)


class Terminal:
    """The person's terminal device itself: never a pipe, an argument or the environment (design 3.2)."""

    def __init__(self) -> None:
        """Refused (no_terminal) when this process has no terminal."""
        try:
            self._device = os.open(TERMINAL, os.O_RDWR | getattr(os, "O_NOCTTY", 0))
        except OSError as missing:
            raise Refused(
                "This needs a person at a terminal; there is none here.",
                "Run the command in a terminal window, not from a program.",
                code="no_terminal",
            ) from missing

    def say(self, text: str) -> None:
        """Text for the person."""
        os.write(self._device, text.encode())

    def ask(self, prompt: str, *, hidden: bool = False) -> str:
        """One line that the person types; ``hidden`` switches the echo off."""
        with _interruptible():
            return self._asked(prompt, hidden=hidden)

    def _asked(self, prompt: str, *, hidden: bool) -> str:
        before = termios.tcgetattr(self._device)
        quiet = termios.tcgetattr(self._device)
        quiet[3] &= ~termios.ECHO if hidden else ~0
        try:
            termios.tcsetattr(self._device, termios.TCSAFLUSH if hidden else termios.TCSANOW, quiet)
            self.say(prompt)  # after the echo is off: switching it off drops what was typed before
            return self._line()
        finally:
            termios.tcsetattr(self._device, termios.TCSANOW, before)
            if hidden:
                self.say("\n")

    def _line(self) -> str:
        typed = b""
        while not typed.endswith(b"\n") and len(typed) < 4096:
            part = os.read(self._device, 1)
            if not part:
                break
            typed += part
        return typed.decode("utf-8", "replace").rstrip("\r\n")

    def close(self) -> None:
        """Give the device back."""
        os.close(self._device)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C ends the wait inside the block at once; the event loop's own handler would wait for the line."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def unlocked(local: Local, terminal: Terminal, key_name: str | None, role: Role) -> Signer:
    """The key of that id or owner, or the only one of the role; its passphrase is typed into the terminal."""
    keys = [key for key in local.keyring.list() if key.role is role]
    name = key_name or (keys[0].key_id if len(keys) == 1 else None)
    if name is None:
        remedy = f"meraki-specialist key enroll --role {role.value} --owner NAME" if not keys else "Give --key."
        raise Refused(f"{len(keys)} {role.value} keys are enrolled.", remedy, code="unknown_key")
    return local.keyring.unlock(name, terminal.ask("Passphrase: ", hidden=True))


def show(value: Json, *, as_json: bool, text: str) -> None:
    """The value as JSON, or the text for people."""
    shown(value, is_json=as_json, draw=lambda out: lines(out, text.splitlines()))
