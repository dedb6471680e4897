"""What each failure of HTTP means: one table for every error that httpcore2 can raise, one rule for every status.

Three rules:
- ``sent`` is False only when the connection was never opened (or the cloud said 429): only then may a write go again.
- An error of ours holds no object of HTTP, header, query or key: it is built anew, never chained to httpcore2's own.
- A definite no (4xx) is ``Rejected``, ``NotAuthenticated`` or ``NotAllowed``. A 5xx, a lost answer or a time-out is
  ``OutcomeUnknown``, for a read as for a write. An answer that is there and cannot be read is ``BadAnswer(sent=True)``:
  for a write that too leaves open what happened.
"""

import os
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import httpcore2

from mcp_server.domain.redaction import clean
from mcp_server.errors import (
    BadAnswer,
    MerakiError,
    MerakiMcpError,
    NotAllowed,
    NotAuthenticated,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Unreachable,
)


class Kind(StrEnum):
    """How a failure is retried and whether the breaker counts it."""

    RATE = "rate"  #: 429
    SERVER = "server"  #: 5xx
    TIMEOUT = "timeout"
    CONNECTION = "connection"  #: not opened, or broken
    ANSWER = "answer"  #: an answer that cannot be read
    REFUSED = "refused"  #: 4xx: the cloud works, the request does not
    OURS = "ours"  #: the request could not be made


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed try: the error to raise if it is the last one, and what to do about it."""

    error: MerakiMcpError
    kind: Kind
    sent: bool  #: may the request have arrived?
    status: int | None = None
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one error of httpcore2 means."""

    error: type[MerakiError]
    sent: bool
    kind: Kind
    words: str


_NEVER = (Unreachable, False)
_PERHAPS = (OutcomeUnknown, True)

#: Every public error class of httpcore2, the abstract ones too. A class that is not here is found by its nearest base.
MEANINGS: Mapping[type[Exception], Meaning] = {
    httpcore2.ConnectTimeout: Meaning(*_NEVER, Kind.TIMEOUT, "the connection was not opened in time"),
    httpcore2.PoolTimeout: Meaning(*_NEVER, Kind.TIMEOUT, "no connection became free in time"),
    httpcore2.ConnectError: Meaning(*_NEVER, Kind.CONNECTION, "the connection could not be opened"),
    httpcore2.ConnectionNotAvailable: Meaning(*_NEVER, Kind.CONNECTION, "no connection could be had"),
    httpcore2.ProxyError: Meaning(*_NEVER, Kind.CONNECTION, "a proxy did not open the connection"),
    httpcore2.UnsupportedProtocol: Meaning(*_NEVER, Kind.OURS, "the address has no usable protocol"),
    httpcore2.ReadTimeout: Meaning(*_PERHAPS, Kind.TIMEOUT, "no answer came in time"),
    httpcore2.WriteTimeout: Meaning(*_PERHAPS, Kind.TIMEOUT, "the request could not be sent to its end in time"),
    httpcore2.TimeoutException: Meaning(*_PERHAPS, Kind.TIMEOUT, "time ran out"),
    httpcore2.ReadError: Meaning(*_PERHAPS, Kind.CONNECTION, "the connection broke before the answer was whole"),
    httpcore2.WriteError: Meaning(*_PERHAPS, Kind.CONNECTION, "the connection broke while sending"),
    httpcore2.NetworkError: Meaning(*_PERHAPS, Kind.CONNECTION, "the connection failed"),
    httpcore2.RemoteProtocolError: Meaning(*_PERHAPS, Kind.CONNECTION, "the answer broke off or was no HTTP"),
    # h11 may notice our own fault after the first bytes have left, so it counts as sent
    httpcore2.LocalProtocolError: Meaning(*_PERHAPS, Kind.OURS, "the request was no valid HTTP"),
    httpcore2.ProtocolError: Meaning(*_PERHAPS, Kind.CONNECTION, "the talk with the server was no valid HTTP"),
}
#: What to catch to catch them all.
HTTP_ERRORS: tuple[type[Exception], ...] = (
    httpcore2.TimeoutException,
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.ProxyError,
    httpcore2.UnsupportedProtocol,
    httpcore2.ConnectionNotAvailable,
)


def failure_of(error: Exception, where: str) -> Failure:
    """The failure that an error of httpcore2 means; ``where`` is method and path. KeyError for another library's."""
    meaning = next((MEANINGS[base] for base in type(error).__mro__ if base in MEANINGS), None)
    if meaning is None:
        raise KeyError(type(error).__name__)
    words = f"{where}: {meaning.words} ({type(error).__name__}{_reason(error)})"
    return Failure(meaning.error(words, sent=meaning.sent), meaning.kind, meaning.sent)


def _reason(error: BaseException | None) -> str:
    """Why no connection was opened: the name, the certificate or the port, in words of the system alone."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return f": the certificate does not hold, {clean(error.verify_message, 120)}"
        if isinstance(error, socket.gaierror):
            return ": the name is not known"
        if isinstance(error, ssl.SSLError):
            return f": TLS, {clean(error.reason, 80)}"
        if isinstance(error, OSError) and error.errno:
            return f": {os.strerror(error.errno)}"
        error = error.__cause__ or error.__context__
    return ""


def out_of_time(where: str, seconds: float) -> Failure:
    """The failure of a request whose whole time ran out, whichever part was slow; it may have arrived."""
    error = OutcomeUnknown(f"{where}: no whole answer within {seconds:g} s", sent=True)
    return Failure(error, Kind.TIMEOUT, sent=True)


def unreadable(where: str, why: str, status: int | None = None) -> Failure:
    """The failure of an answer that is there and cannot be read."""
    return Failure(BadAnswer(f"{where}: {why}", sent=True, status=status), Kind.ANSWER, sent=True, status=status)


def unsendable(where: str, why: str) -> Failure:
    """The failure of a request that could not be made of what was given; nothing was sent."""
    return Failure(Unreachable(f"{where}: {why}", sent=False), Kind.OURS, sent=False)


def status_failure(where: str, status: int, errors: tuple[str, ...], retry_after_s: float | None) -> Failure | None:
    """The failure that a status means; None for 2xx. ``errors`` are the answer's texts, cleaned: untrusted data."""
    if 200 <= status <= 299:
        return None
    first = f": {errors[0]}" if errors else ""
    if status == 401:
        return Failure(NotAuthenticated(f"{where} answered 401{first}"), Kind.REFUSED, sent=True, status=status)
    if status == 403:
        return Failure(NotAllowed(f"{where} answered 403{first}"), Kind.REFUSED, sent=True, status=status)
    if status == 429:
        limited = RateLimited(
            f"{where} answered 429", sent=False, status=status, retry_after_s=retry_after_s, errors=errors
        )
        return Failure(limited, Kind.RATE, sent=False, status=status, retry_after_s=retry_after_s)
    if 400 <= status <= 499:
        rejected = Rejected(f"{where} answered {status}", sent=True, status=status, errors=errors)
        return Failure(rejected, Kind.REFUSED, sent=True, status=status)
    if status >= 500:
        unknown = OutcomeUnknown(
            f"{where} answered {status}", sent=True, status=status, retry_after_s=retry_after_s, errors=errors
        )
        return Failure(unknown, Kind.SERVER, sent=True, status=status, retry_after_s=retry_after_s)
    why = "a redirect, which is never followed" if 300 <= status <= 399 else "a status that no answer has"
    return unreadable(where, f"answered {status}: {why}", status)
