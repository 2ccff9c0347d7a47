"""How a rule says no: a stable reason, a message with the remedy, and the fields at fault. Pure, for the domain too."""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple


class Violation(NamedTuple):
    """One field at fault."""

    field: str
    description: str
    reason: str = "INVALID"


class Refusal(Exception):
    """A well-understood "no". It is an answer to the caller, not a defect.

    Args:
        reason: stable, UPPER_SNAKE_CASE; programs may depend on it.
        message: what is wrong and what to do about it; people read it.
        violations: every field at fault, all at once.
        metadata: further facts for programs; nothing personal.
    """

    status: ClassVar[str] = "FAILED_PRECONDITION"

    def __init__(self, reason: str, message: str, *, violations: Sequence[Violation] = (), **metadata: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.violations = tuple(violations)
        self.metadata = metadata

    def __str__(self) -> str:
        fields = "; ".join(f"{violation.field}: {violation.description}" for violation in self.violations)
        return f"{self.reason}: {self.message}" + (f" ({fields})" if fields else "")


class Invalid(Refusal):
    """The request is wrong whatever state things are in."""

    status = "INVALID_ARGUMENT"


class NotFound(Refusal):
    """There is no such resource, or the caller may not know of it."""

    status = "NOT_FOUND"


class AlreadyExists(Refusal):
    """The resource to create is there already."""

    status = "ALREADY_EXISTS"


class Precondition(Refusal):
    """The state of things does not allow the request."""

    status = "FAILED_PRECONDITION"


class Aborted(Refusal):
    """Someone else was faster: read again and repeat."""

    status = "ABORTED"


class Denied(Refusal):
    """The caller is known, and may not do this."""

    status = "PERMISSION_DENIED"


class Unauthenticated(Refusal):
    """It is not known who calls."""

    status = "UNAUTHENTICATED"


class Exhausted(Refusal):
    """A limit is reached."""

    status = "RESOURCE_EXHAUSTED"


class Unavailable(Refusal):
    """It cannot be done just now; the same request may succeed shortly."""

    status = "UNAVAILABLE"
