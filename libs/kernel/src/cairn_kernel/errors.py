"""Errors, classed by what the caller should do next."""

from typing import ClassVar


class CairnError(Exception):
    """Something a caller can act on.

    `reason` is a stable UPPER_SNAKE word of the contract; `facts` are key-value details without
    personal data. The message is one plain sentence, fit for the caller's eyes.
    """

    default_reason: ClassVar[str] = "INTERNAL"

    def __init__(self, message: str, *, reason: str = "", **facts: object) -> None:
        super().__init__(message)
        self.reason = reason or self.default_reason
        self.facts = {key: str(value) for key, value in facts.items()}
        self.violations: tuple[tuple[str, str], ...] = ()
        """(place, what is wrong there and how to mend it), where a request is wrong in several places."""


class Invalid(CairnError):
    """The request is wrong: change it."""

    default_reason = "INVALID"


class NotFound(CairnError):
    """Nothing is there under that id."""

    default_reason = "NOT_FOUND"


class Refused(CairnError):
    """The request is right, the state forbids it: do not retry."""

    default_reason = "REFUSED"


class Conflict(CairnError):
    """Somebody was faster: read again, then retry."""

    default_reason = "CONFLICT"


class Unavailable(CairnError):
    """Wait, then retry the same request. An outcome may be unknown: retries must be idempotent."""

    default_reason = "UNAVAILABLE"


class Denied(CairnError):
    """The caller may not do this."""

    default_reason = "DENIED"
