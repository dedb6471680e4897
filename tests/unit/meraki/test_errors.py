"""What each error of httpcore2 and each status means."""

import errno
import socket
import ssl
import types

import httpcore2
import pytest

from mcp_server.errors import (
    BadAnswer,
    NotAllowed,
    NotAuthenticated,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Unreachable,
)
from mcp_server.meraki.errors import HTTP_ERRORS, MEANINGS, Kind, failure_of, status_failure


def http_error_classes() -> set[type[Exception]]:
    """Every public exception class of httpcore2."""
    found = {value for name, value in vars(httpcore2).items() if isinstance(value, type) and not name.startswith("_")}
    return {kind for kind in found if issubclass(kind, Exception)}


def made(kind: type[Exception]) -> Exception:
    """An error of that class, whose words tell the address and the key."""
    return kind("https://api.meraki.com/x?secret=1 canary")


def test_every_error_that_httpcore_has_is_in_the_table() -> None:
    """A new error class of httpcore2 must be given a meaning before it ships."""
    missing = http_error_classes() - set(MEANINGS)
    assert not missing, f"no meaning for {sorted(kind.__name__ for kind in missing)}"


def test_every_error_of_the_table_is_caught() -> None:
    """What has a meaning is what the client catches."""
    assert all(issubclass(kind, HTTP_ERRORS) for kind in MEANINGS)


def test_only_what_never_opened_a_connection_counts_as_not_sent() -> None:
    """The difference between not done and perhaps done rests on this list."""
    never = {kind for kind, meaning in MEANINGS.items() if not meaning.sent}
    assert never == {
        httpcore2.ConnectError, httpcore2.ConnectTimeout, httpcore2.PoolTimeout, httpcore2.ProxyError,
        httpcore2.UnsupportedProtocol, httpcore2.ConnectionNotAvailable,
    }  # fmt: skip


@pytest.mark.parametrize("kind", sorted(MEANINGS, key=str))
def test_an_error_is_built_anew_without_anything_of_httpcore2(kind: type[Exception]) -> None:
    """No request, key or query travels with our error."""
    failure = failure_of(made(kind), "GET /x")
    error = failure.error
    assert type(error) is MEANINGS[kind].error
    assert error.__cause__ is None
    assert error.__context__ is None
    assert "canary" not in repr(vars(error)) + str(error)
    assert "secret" not in str(error)
    assert (type(error) is Unreachable) == (not failure.sent)


def untrusted() -> ssl.SSLCertVerificationError:
    """What OpenSSL says of a certificate that nobody vouches for."""
    error = ssl.SSLCertVerificationError(1, "canary")
    error.verify_message = "self-signed certificate in certificate chain"
    return error


@pytest.mark.parametrize(
    ("cause", "told"),
    [
        (socket.gaierror(-2, "canary"), "ConnectError: the name is not known"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "canary"), "ConnectError: Connection refused"),
        (untrusted(), "ConnectError: the certificate does not hold, self-signed certificate in certificate chain"),
        (OSError("canary"), "ConnectError)"),
    ],
)
def test_a_connection_that_is_not_opened_says_why_in_words_of_the_system(cause: Exception, told: str) -> None:
    """Name, port or certificate: each is mended in another place."""
    error = httpcore2.ConnectError("canary")
    error.__cause__ = cause
    said = str(failure_of(error, "GET /x").error)
    assert told in said
    assert "canary" not in said


def test_an_error_class_that_httpcore_adds_is_taken_for_its_base() -> None:
    """Until it has a meaning of its own, a new transport error counts as perhaps sent."""
    new = type("BrandNew", (httpcore2.NetworkError,), {})
    assert failure_of(new("x"), "PUT /x").sent is True


def test_an_error_of_something_else_is_not_translated() -> None:
    """A fault of our own must not pass for one of the network."""
    with pytest.raises(KeyError):
        failure_of(ZeroDivisionError(), "GET /x")


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (301, BadAnswer, Kind.ANSWER), (307, BadAnswer, Kind.ANSWER), (308, BadAnswer, Kind.ANSWER),
        (400, Rejected, Kind.REFUSED), (401, NotAuthenticated, Kind.REFUSED), (403, NotAllowed, Kind.REFUSED),
        (404, Rejected, Kind.REFUSED), (408, Rejected, Kind.REFUSED), (409, Rejected, Kind.REFUSED),
        (429, RateLimited, Kind.RATE), (500, OutcomeUnknown, Kind.SERVER), (504, OutcomeUnknown, Kind.SERVER),
        (599, OutcomeUnknown, Kind.SERVER), (150, BadAnswer, Kind.ANSWER),
    ],
)  # fmt: skip
def test_each_status_has_its_error(status: int, error: type[Exception], kind: Kind) -> None:
    """A definite no is told apart from an open end."""
    failure = status_failure("PUT /x", status, ("text",), None)
    assert failure is not None
    assert (type(failure.error), failure.kind) == (error, kind)


def test_a_429_counts_as_not_sent_and_a_5xx_as_sent() -> None:
    """A rate-limited write did not take place; one that met a 5xx may have."""
    limited, broken = status_failure("PUT /x", 429, (), 3.0), status_failure("PUT /x", 502, ("t",), None)
    assert limited is not None
    assert broken is not None
    assert (limited.sent, limited.retry_after_s) == (False, 3.0)
    assert isinstance(broken.error, OutcomeUnknown)
    assert (broken.error.sent, broken.error.status, broken.error.errors) == (True, 502, ("t",))


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_a_success_is_no_failure(status: int) -> None:
    """202 and 204 are successes too."""
    assert status_failure("GET /x", status, (), None) is None


def test_the_table_is_not_changed_by_anybody_by_chance() -> None:
    """The walk over httpcore2 sees real classes."""
    assert isinstance(httpcore2, types.ModuleType)
    assert len(http_error_classes()) >= 15
