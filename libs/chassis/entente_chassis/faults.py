"""Failures: told apart, and told of without what is personal in them."""

import asyncio
import traceback


class Poison(Exception):
    """An event that will fail however often it is tried. The message says why and holds none of its content."""


def is_told_to_end(error: BaseException) -> bool:
    """Whether an error is the end that somebody asked of the running task.

    A CancelledError alone does not say so: it also comes out of what the task awaits when another has cancelled that,
    such as a call on a channel that is closed. A loop that took it for its own end would stop for good, in silence.
    """
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0


def describe(error: BaseException) -> str:
    """What went wrong and where, without the values that were in hand: they may be personal."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    where = f" at {trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}" if trace else ""
    return f"{type(error).__name__}{where}"


def trace_of(error: BaseException) -> str:
    """The trace of an error and of those that led to it, without their messages, for the same reason."""
    return "".join(_lines(error, set()))


def _lines(error: BaseException, told: set[int]) -> list[str]:
    told.add(id(error))
    lines: list[str] = []
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None and id(before) not in told:
        lines += [*_lines(before, told), "\nThat led to:\n\n"]
    lines += traceback.format_tb(error.__traceback__)
    lines.append(f"{type(error).__module__}.{type(error).__qualname__}\n")
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            if id(inner) not in told:
                lines += ["\nOne of them:\n\n", *_lines(inner, told)]
    return lines
