"""Every error of the product, drawn as one tree, split by who can act on it.

MerakiMcpError                          abstract: cannot be raised
  CallerError                           the caller can fix it; message and remedy may be shown to the model
    InvalidArguments                    arguments do not fit the tool or the operation; all faults at once
    UnknownTool                         no such tool, or not for this caller
    Refused                             a hook, the gate or the engine said no
    Busy                                another change holds the lease
  AccessError
    NotAuthenticated                    Meraki did not accept the key (401), or there is none
    NotAllowed                          Meraki or our scopes do not permit it (403)
  MerakiError                           carries ``sent``: may the request have reached the cloud?
    Unreachable                         never sent (connection not opened)                        sent=False
      BreakerOpen                       never sent: the cloud failed repeatedly; carries until    sent=False
    OutcomeUnknown                      sent, and no answer that says what happened               sent=True
    RateLimited                         429 after all tries; carries retry_after_s                sent=False
    Rejected                            4xx with a text; carries status                           sent=True
    BadAnswer                           an answer that cannot be read (HTML, broken JSON, too big, a redirect)
  StoreError
    StoreUnavailable                    the store cannot be read or written; no change is made
    RecordConflict                      a compare-and-set lost: the row was not as expected
    RecordAltered                       a stored row is not what was written (seal or hash broken)
  SettingsError                         a setting is wrong: names it, what was found (masked), what is allowed

Only a ``CallerError``'s message and remedy, and one fixed sentence for each other class, reach the model.
"""

from datetime import datetime
from typing import ClassVar


class MerakiMcpError(Exception):
    """Base of the tree. Abstract: raise a subclass."""

    code: ClassVar[str] = "error"
    sentence: ClassVar[str] = "The call failed."

    def __new__(cls, *_args: object, **_kwargs: object) -> "MerakiMcpError":
        """Refuse to build the abstract classes themselves."""
        if cls in (MerakiMcpError, AccessError, MerakiError, StoreError):
            raise TypeError(f"{cls.__name__} is abstract; raise one of its subclasses")
        return super().__new__(cls)


class CallerError(MerakiMcpError):
    """The caller can fix it. ``message`` says what happened and to what; ``remedy`` what to do next."""

    code = "refused"

    def __init__(
        self,
        message: str,
        remedy: str = "",
        *,
        code: str = "",
        details: dict[str, object] | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        """Keep the words for the caller; ``code`` is a stable snake_case word, ``details`` plain JSON."""
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.reason = code or type(self).code
        self.details = details or {}
        self.retry_after_s = retry_after_s


class InvalidArguments(CallerError):
    """Arguments do not fit; ``details["faults"]`` lists all of them."""

    code = "invalid_arguments"


class UnknownTool(CallerError):
    """No tool of that name is listed for this caller."""

    code = "unknown_tool"


class Refused(CallerError):
    """Something said no before anything was sent; ``details["hook"]`` names a hook when one did."""

    code = "refused"


class Busy(CallerError):
    """Another change holds the lease; ``details`` has holder and until."""

    code = "busy"


class AccessError(MerakiMcpError):
    """Abstract: who asks may not."""


class NotAuthenticated(AccessError):
    """Meraki did not accept the API key, or there is none."""

    code = "not_authenticated"
    sentence = "Meraki did not accept the API key, or no key is set."


class NotAllowed(AccessError):
    """The key or the caller has no permission for this."""

    code = "not_allowed"
    sentence = "The API key has no permission for this."


class MerakiError(MerakiMcpError):
    """Abstract: the cloud did not do as asked. ``sent`` tells whether the request may have arrived."""

    def __init__(
        self,
        message: str,
        *,
        sent: bool,
        status: int | None = None,
        retry_after_s: float | None = None,
        errors: tuple[str, ...] = (),
    ) -> None:
        """``errors`` are the texts of the answer: untrusted data, to be shown only in typed fields."""
        super().__init__(message)
        self.sent = sent
        self.status = status
        self.retry_after_s = retry_after_s
        self.errors = errors


class Unreachable(MerakiError):
    """The request never left."""

    code = "unreachable"
    sentence = "The Meraki cloud could not be reached; nothing was sent."


class BreakerOpen(Unreachable):
    """The circuit breaker is open: after repeated failures the cloud is left alone until ``until`` (aware UTC)."""

    code = "breaker_open"
    sentence = "The Meraki cloud failed repeatedly and is left alone for a while (circuit breaker); nothing was sent."

    def __init__(self, message: str, *, until: datetime, retry_after_s: float) -> None:
        """``until`` is when it may be asked again, by one read at a time."""
        super().__init__(message, sent=False, retry_after_s=retry_after_s)
        self.until = until


class OutcomeUnknown(MerakiError):
    """The request may have arrived; nothing says what it did."""

    code = "outcome_unknown"
    sentence = "The Meraki cloud gave no usable answer; what happened is not known."


class RateLimited(MerakiError):
    """429 after all tries."""

    code = "rate_limit"
    sentence = "The organization's API rate limit is reached."


class Rejected(MerakiError):
    """The cloud refused the request; ``status`` and ``errors`` say why."""

    code = "rejected"
    sentence = "The Meraki cloud refused the request."


class BadAnswer(MerakiError):
    """The answer cannot be read."""

    code = "bad_answer"
    sentence = "The Meraki cloud's answer could not be read."


class StoreError(MerakiMcpError):
    """Abstract: our own records."""


class StoreUnavailable(StoreError):
    """The store cannot be read or written."""

    code = "store_unavailable"
    sentence = "The audit store cannot be written; without a record nothing more is changed."


class RecordConflict(StoreError):
    """A row was not as the writer expected; nothing was written. ``what`` names the precondition."""

    code = "record_conflict"
    sentence = "Another call changed this record first."

    def __init__(self, what: str, found: object = None) -> None:
        """``found`` is the row that stood there, when it helps the caller."""
        super().__init__(what)
        self.what = what
        self.found = found


class RecordAltered(StoreError):
    """A stored row is not what was written."""

    code = "record_altered"
    sentence = "A stored record was altered outside this server; it is not used."


class SettingsError(MerakiMcpError):
    """A setting is wrong."""

    code = "settings"

    def __init__(self, name: str, found: str, allowed: str) -> None:
        """``found`` must already be masked."""
        super().__init__(f"{name}: found {found}; allowed: {allowed}")
        self.name = name
