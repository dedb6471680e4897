"""This machine's clock, randomness and user: nothing else asks the operating system for them."""

import getpass
import os
import secrets
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

import anyio

ALPHABET: Final = "abcdefghijkmnpqrstuvwxyz23456789"
_SORTED: Final = "".join(sorted(ALPHABET))
_LETTER_OF_BYTE: Final = (ALPHABET * (256 // len(ALPHABET))).encode("ascii")  #: each of the 32 for 8 bytes of 256
_BOOT_CLOCK: Final[int | None] = getattr(time, "CLOCK_BOOTTIME", None)
_SPOKEN: Final = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"


class SystemClock:
    """The port Clock on this machine."""

    def now(self) -> datetime:
        """Aware UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds; never goes back."""
        return time.monotonic()

    def uptime(self) -> tuple[str, float]:
        """The kernel's boot id ("" where there is none), and seconds that every process of this machine counts alike.

        On Linux they go on while the machine sleeps (CLOCK_BOOTTIME, man 2 clock_gettime).
        """
        return _boot(), time.clock_gettime(_BOOT_CLOCK) if _BOOT_CLOCK is not None else time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait that long."""
        await anyio.sleep(seconds)


class RandomIds:
    """The port Ids with the operating system's randomness."""

    def new(self, prefix: str) -> str:
        """``prefix-`` and 26 letters and digits, as ``id_at`` makes them of this moment."""
        return id_at(prefix, time.time_ns() // 1_000_000)

    def stamped(self, prefix: str, at: datetime) -> str:
        """``PREFIX-YYYYMMDD-HHMMSS-`` and 4 random letters and digits."""
        return f"{prefix}-{at:%Y%m%d-%H%M%S}-{random_text(ALPHABET, 4)}"

    def code(self) -> str:
        """Four letters and digits without the ones that sound or look alike."""
        return random_text(_SPOKEN, 4)


@cache
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""


def id_at(prefix: str, moment_ms: int) -> str:
    """``prefix-``, 10 letters and digits of the time in milliseconds since 1970, 16 random ones (80 bits).

    Ids sort by age, as ULIDs do (ulid/spec, version 1): keys that grow at one end cost a commit fewer pages.
    """
    drawn = secrets.token_bytes(16).translate(_LETTER_OF_BYTE).decode("ascii")
    return f"{prefix}-{_in_letters(moment_ms, _SORTED, 10)}{drawn}"


def random_text(alphabet: str, length: int) -> str:
    """So many random characters of the alphabet, from the operating system's randomness."""
    # one draw: each call of the source is a system call
    return _in_letters(secrets.randbelow(len(alphabet) ** length), alphabet, length)


def _in_letters(number: int, alphabet: str, length: int) -> str:
    """The number to the base of the alphabet, its last ``length`` places, the highest first."""
    text = ""
    for _ in range(length):
        number, at = divmod(number, len(alphabet))
        text = alphabet[at] + text
    return text


@cache
def owner_of(channel: str) -> str:
    """Who owns the calls of a channel: the operating system's user on stdio; over HTTP nobody is known yet."""
    return account() if channel in ("stdio", "cli") else "anonymous"


@cache
def account() -> str:
    """The operating system's user; ``uid N`` where the number has no name, as in a container with a user of its own."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # KeyError until Python 3.12 (getpass)
        return f"uid {os.getuid()}"
