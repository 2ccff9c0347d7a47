"""When and where somebody wants to be told."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo

from entente_chassis.refusal import Invalid, Violation
from entente_messaging.domain.occasions import Category, Channel, Mode

REMINDERS_PER_DAY = 3
DIGEST_HOUR = 9


@dataclass(frozen=True)
class Rule:
    """How to be told of one kind of thing on one channel; without a category: of every kind that has no rule."""

    channel: Channel
    mode: Mode
    category: Category | None = None


@dataclass(frozen=True)
class Preferences:
    """Somebody's preferences.

    Args:
        rules: what has none is told at once.
        quiet_start, quiet_end: "HH:MM" between which no e-mail is sent; both empty: always.
        reminders_per_day: at most so many reminders by e-mail in 24 hours.
        digest_hour: local hour of the digest.
    """

    rules: tuple[Rule, ...] = ()
    quiet_start: str = ""
    quiet_end: str = ""
    reminders_per_day: int = REMINDERS_PER_DAY
    digest_hour: int = DIGEST_HOUR
    updated_at: datetime | None = None

    def mode(self, category: Category, channel: Channel) -> Mode:
        """How to tell of something: the rule of its kind, else the channel's own, else at once."""
        of_channel = {rule.category: rule.mode for rule in self.rules if rule.channel is channel}
        return of_channel.get(category) or of_channel.get(None) or Mode.IMMEDIATE


def checked(preferences: Preferences) -> Preferences:
    """The preferences, if they can be used.

    Raises:
        Invalid: names all that is wrong.
    """
    violations = []
    if bool(preferences.quiet_start) != bool(preferences.quiet_end):
        violations.append(Violation("preferences.quiet_end", "quiet hours need a start and an end", "REQUIRED"))
    elif preferences.quiet_start and preferences.quiet_start == preferences.quiet_end:
        violations.append(Violation("preferences.quiet_end", "must differ from the start"))
    seen = set()
    for number, rule in enumerate(preferences.rules):
        path = f"preferences.rules[{number}]"
        if (rule.channel, rule.category) in seen:
            violations.append(Violation(path, "says how to be told of this a second time"))
        seen.add((rule.channel, rule.category))
        if rule.mode is Mode.DIGEST and rule.channel is not Channel.EMAIL:
            violations.append(Violation(f"{path}.mode", "a digest is an e-mail: choose IMMEDIATE or OFF"))
    if violations:
        raise Invalid("PREFERENCES_INVALID", "The preferences cannot be used as they are.", violations=violations)
    return preferences


def quiet_until(preferences: Preferences, zone: tzinfo, now: datetime) -> datetime | None:
    """When the quiet hours end that it is in now; None when it is in none.

    Quiet hours are read off the wall: where clocks are put forward or back, they are an hour shorter or longer. An end
    that the clocks leave out is the moment at which they are put forward.
    """
    if not preferences.quiet_start or not preferences.quiet_end:
        return None
    start, end = time.fromisoformat(preferences.quiet_start), time.fromisoformat(preferences.quiet_end)
    local = now.astimezone(zone)
    wall = local.time()
    over_midnight = start > end
    is_quiet = (wall >= start or wall < end) if over_midnight else start <= wall < end
    if not is_quiet:
        return None
    day = local.date() + (timedelta(days=1) if over_midnight and wall >= start else timedelta())
    for fold in (0, 1):  # A wall time that comes twice ends them the first time that is still to come.
        ends = datetime.combine(day, end, zone).replace(fold=fold).astimezone(now.tzinfo)
        if ends > now:
            return ends
    return None


def next_digest(preferences: Preferences, zone: tzinfo, now: datetime) -> datetime:
    """When the next digest is sent."""
    local = now.astimezone(zone)
    for days in (0, 1, 2):
        at = datetime.combine(local.date() + timedelta(days=days), time(preferences.digest_hour), zone)
        if at.astimezone(now.tzinfo) > now:
            return at.astimezone(now.tzinfo)
    raise AssertionError("a day has one such hour at least every second day")
