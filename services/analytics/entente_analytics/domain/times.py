"""Times that others report: the past is welcome however late, the future is refused."""

from datetime import datetime, timedelta

from entente_chassis.refusal import Invalid, Violation

# Shops' clocks are not ours, and some give their local time for UTC.
SKEW = timedelta(days=1)


def refuse_future(now: datetime, **times: datetime) -> None:
    """Refuse times that are more than a day ahead of the service's clock.

    Raises:
        Invalid: with every field that is.
    """
    ahead = [name for name, moment in times.items() if moment > now + SKEW]
    if ahead:
        raise Invalid(
            "TIME_IN_THE_FUTURE",
            "What was reported has not happened yet: check the clock and the time zone of who reports it.",
            violations=[Violation(name, f"later than {now.isoformat(timespec='seconds')}") for name in ahead],
        )
