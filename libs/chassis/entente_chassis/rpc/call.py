"""What is known about the call being served: who makes it and how long it may take."""

import time
from contextvars import ContextVar
from dataclasses import dataclass

from entente_chassis.auth import Caller


@dataclass(slots=True)
class Call:
    """One call being served.

    Args:
        method: full name, "entente.campaign.v1.CampaignService/CreateCampaign".
        caller: who makes it.
        deadline: moment of time.monotonic() at which the caller stops waiting; None without a deadline.
        resume_token: where a stream may be taken up again, if it says so.
    """

    method: str
    caller: Caller
    deadline: float | None
    resume_token: str = ""


_CURRENT: ContextVar[Call | None] = ContextVar("entente_call", default=None)


def enter_call(call: Call) -> None:
    """Make this the current call. Every call is served in a task of its own, so that nothing has to be put back."""
    _CURRENT.set(call)


def current_caller() -> Caller:
    """Who makes the call being served.

    Raises:
        LookupError: no call is being served here; event handlers and timers act for themselves.
    """
    call = _CURRENT.get()
    if call is None:
        raise LookupError("no call is being served here")
    return call.caller


def remaining() -> float | None:
    """Seconds until the caller stops waiting; None without a call or without a deadline."""
    call = _CURRENT.get()
    if call is None or call.deadline is None:
        return None
    return call.deadline - time.monotonic()


def set_resume_token(token: str) -> None:
    """Say where the stream being served can be taken up again; a stream that a shutdown ends hands it to the client."""
    call = _CURRENT.get()
    if call is None:
        raise LookupError("no call is being served here")
    call.resume_token = token
