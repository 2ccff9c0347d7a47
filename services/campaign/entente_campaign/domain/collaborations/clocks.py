"""The clocks of a collaboration: whom to remind of what, and what comes of waiting too long.

Two tables say all of it. Deadlines are calendar days of the campaign's time zone; reminders come on its business days
at a civil hour. The clocks of a state are those of its rows: whoever moves on has nothing to be reminded of any more.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from entente_campaign.domain import events
from entente_campaign.domain.calendars import plus_days, remind_at
from entente_campaign.domain.collaborations.ending import expire
from entente_campaign.domain.collaborations.model import Collaboration, Decision
from entente_campaign.domain.collaborations.states import CREATOR_AT_WORK, ENDED_EARLY, UNANSWERED, Action, State
from entente_campaign.domain.collaborations.table import step
from entente_campaign.domain.events import ReminderKind
from entente_campaign.domain.words import Actor, Deadlines, Party, deadlines

Moment = Callable[[Collaboration, Deadlines], datetime | None]


@dataclass(frozen=True)
class Deadline:
    """What happens when time is up.

    Args:
        what: where it leads.
        states: in which it runs.
        since: from when it is counted, in words.
        limit: the field of the campaign that says how long, or the moment itself.
        moment: when it is; None when it does not run.
        reason: for the history.
    """

    what: Action
    states: frozenset[State]
    since: str
    limit: str
    moment: Moment
    reason: str


@dataclass(frozen=True)
class Reminder:
    """Who is reminded of what.

    Args:
        kind: which; each comes once, unless what it is about begins anew.
        states: in which it is due.
        whom: the side that is to do something.
        since: from when it is counted, in words.
        limit: the field of the campaign's timeline that says after how long.
        moment: when it is due, before it is put on a business day; None when there is nothing to remind of.
        before: the deadline that it must come before, if there is one.
        ends: that deadline, in words.
    """

    kind: ReminderKind
    states: frozenset[State]
    whom: Party
    since: str
    limit: str
    moment: Moment
    before: Callable[[Collaboration], datetime | None] = lambda _: None
    ends: str = ""


def _entered(collaboration: Collaboration) -> datetime:
    """Since when it stands where it does."""
    since = collaboration.update_time
    for done in reversed(collaboration.history):
        if done.state is not collaboration.state:
            break
        since = done.time
    return since


def _days_after(since: datetime | None, days: int, collaboration: Collaboration) -> datetime | None:
    return plus_days(since, days, collaboration.calendar) if since is not None else None


def _part_of_time(collaboration: Collaboration, percent: int) -> datetime | None:
    start, due = collaboration.publication_start_time, collaboration.publication_due_time
    return start + (due - start) * percent / 100 if start and due else None


def _the_day(collaboration: Collaboration, limits: Deadlines) -> datetime | None:
    due, close = collaboration.publication_due_time, _part_of_time(collaboration, limits.close_percent)
    return max(close, due - timedelta(days=1)) if due and close else None


def _answer_deadline(collaboration: Collaboration) -> datetime:
    return collaboration.answer_deadline_time


def _publication_due(collaboration: Collaboration) -> datetime | None:
    return collaboration.publication_due_time


def _contract_deadline(collaboration: Collaboration) -> datetime | None:
    limits = deadlines(collaboration.timeline, collaboration.platform)
    return _days_after(collaboration.accept_time, limits.contract, collaboration)


def _offer_deadline(collaboration: Collaboration) -> datetime | None:
    return collaboration.offer.deadline_time if collaboration.offer else None


DEADLINES: tuple[Deadline, ...] = (
    Deadline(
        Action.EXPIRE,
        UNANSWERED,
        "the application or invitation",
        "application_deadline_time, or end_time",
        lambda of, _: of.answer_deadline_time,
        "not answered in time",
    ),
    Deadline(
        Action.EXPIRE,
        frozenset({State.OFFERED}),
        "the offer of a place",
        "offer_days",
        lambda of, _: _offer_deadline(of),
        "the place was not taken in time",
    ),
    Deadline(
        Action.EXPIRE,
        frozenset({State.CONTRACT_PENDING}),
        "the acceptance",
        "contract_days",
        lambda of, _: _contract_deadline(of),
        "the contract was not agreed in time",
    ),
    Deadline(
        Action.EXPIRE,
        CREATOR_AT_WORK | {State.OVERDUE},
        "the moment at which the lateness was told, or the brand's last answer",
        "grace_days",
        lambda of, _: of.grace_end_time,
        "not published in time",
    ),
    Deadline(
        Action.FALL_OVERDUE,
        CREATOR_AT_WORK,
        "the receipt of the parcel, or the agreement where none is sent",
        "publication_days",
        lambda of, _: of.publication_due_time if of.grace_end_time is None else None,
        "",
    ),
)
"""What waiting too long leads to; the first that has come happens, and goes before any reminder."""

REMINDERS: tuple[Reminder, ...] = (
    Reminder(
        ReminderKind.APPLICATION_UNANSWERED,
        frozenset({State.APPLIED, State.PRESELECTED}),
        Party.BRAND,
        "the application",
        "application_reminder_days",
        lambda of, limits: _days_after(of.create_time, limits.application_reminder, of),
        _answer_deadline,
        "the answer deadline",
    ),
    Reminder(
        ReminderKind.INVITATION_UNANSWERED,
        frozenset({State.INVITED}),
        Party.CREATOR,
        "the invitation",
        "invitation_reminder_days",
        lambda of, limits: _days_after(of.create_time, limits.invitation_reminder, of),
        _answer_deadline,
        "the answer deadline",
    ),
    Reminder(
        ReminderKind.OFFER_UNANSWERED,
        frozenset({State.OFFERED}),
        Party.CREATOR,
        "a day before the offer ends",
        "offer_days",
        lambda of, _: of.offer.deadline_time - timedelta(days=1) if of.offer else None,
        _offer_deadline,
        "the end of the offer",
    ),
    Reminder(
        ReminderKind.CONTRACT_UNSIGNED,
        frozenset({State.CONTRACT_PENDING}),
        Party.BRAND,
        "the acceptance",
        "contract_reminder_days",
        lambda of, limits: _days_after(of.accept_time, limits.contract_reminder, of),
        _contract_deadline,
        "the end of the contract's days",
    ),
    Reminder(
        ReminderKind.PARCEL_UNSENT,
        frozenset({State.SHIPMENT_PENDING}),
        Party.BRAND,
        "the agreement, or the loss of the parcel before",
        "shipment_reminder_days",
        lambda of, limits: _days_after(_entered(of), limits.shipment_reminder, of),
    ),
    Reminder(
        ReminderKind.RECEIPT_CONFIRMATION,
        frozenset({State.SHIPMENT_SENT}),
        Party.CREATOR,
        "the dispatch, for each parcel",
        "receipt_reminder_days",
        lambda of, limits: _days_after(of.shipment.send_time if of.shipment else None, limits.receipt_reminder, of),
    ),
    Reminder(
        ReminderKind.PUBLICATION_HALF_TIME,
        CREATOR_AT_WORK,
        Party.CREATOR,
        "the start of the time to publish",
        "half_time_percent",
        lambda of, limits: _part_of_time(of, limits.half_time_percent),
        _publication_due,
        "the day to publish",
    ),
    Reminder(
        ReminderKind.PUBLICATION_CLOSE,
        CREATOR_AT_WORK,
        Party.CREATOR,
        "the start of the time to publish",
        "close_percent",
        lambda of, limits: _part_of_time(of, limits.close_percent),
        _publication_due,
        "the day to publish",
    ),
    Reminder(
        ReminderKind.PUBLICATION_DAY,
        CREATOR_AT_WORK,
        Party.CREATOR,
        "the last day of the time to publish",
        "publication_days",
        _the_day,
        _publication_due,
        "the day to publish",
    ),
    Reminder(
        ReminderKind.COMPLETION_DUE,
        frozenset({State.PUBLISHED}),
        Party.BRAND,
        "the publication",
        "completion_reminder_days",
        lambda of, limits: _days_after(_entered(of), limits.completion_reminder, of),
    ),
    Reminder(
        ReminderKind.DISPUTE_OPEN,
        frozenset({State.DISPUTED}),
        Party.OPERATOR,
        "the dispute",
        "dispute_reminder_days",
        lambda of, limits: _days_after(of.dispute.open_time if of.dispute else None, limits.dispute_reminder, of),
    ),
)
"""Whom to remind; of those that have come together only the last is sent."""

_OF_KIND = {reminder.kind: reminder for reminder in REMINDERS}
_PUBLICATION = (ReminderKind.PUBLICATION_HALF_TIME, ReminderKind.PUBLICATION_CLOSE, ReminderKind.PUBLICATION_DAY)


def start_clock(collaboration: Collaboration, now: datetime) -> Collaboration:
    """The time to publish starts."""
    days = deadlines(collaboration.timeline, collaboration.platform).publication
    due = plus_days(now, days, collaboration.calendar)
    return replace(collaboration, publication_start_time=now, publication_due_time=due)


def reminders(collaboration: Collaboration) -> list[tuple[datetime, ReminderKind]]:
    """The reminders that are still to come while it stands where it does, in order."""
    limits = deadlines(collaboration.timeline, collaboration.platform)
    moments: list[tuple[datetime, ReminderKind]] = []
    for reminder in REMINDERS:
        if collaboration.state not in reminder.states or reminder.kind in collaboration.reminded:
            continue
        moment = reminder.moment(collaboration, limits)
        if moment is not None:
            when = remind_at(moment, reminder.before(collaboration), collaboration.calendar)
            moments.append((when, reminder.kind))
    return sorted(moments, key=lambda each: each[0])


def next_due(collaboration: Collaboration) -> datetime | None:
    """When a clock of it rings next."""
    moments = [moment for moment, _ in reminders(collaboration)]
    moments += [moment for moment, _ in _deadlines(collaboration)]
    if collaboration.fit_ask_time is not None and collaboration.state not in ENDED_EARLY:
        moments.append(collaboration.fit_ask_time)
    return min(moments, default=None)


def ring(collaboration: Collaboration, *, actor: Actor, now: datetime) -> Decision | None:
    """What the clocks bring about at this moment; nothing when none has rung.

    One thing at a time: whoever was long away finds the latest reminder, or the end, and not all that was missed.
    """
    for moment, deadline in _deadlines(collaboration):
        if moment <= now:
            if deadline.what is Action.FALL_OVERDUE:
                return _fall_overdue(collaboration, actor, now)
            return expire(collaboration, actor=actor, now=now, reason=deadline.reason)
    passed = [kind for moment, kind in reminders(collaboration) if moment <= now]
    if not passed:
        return None
    reminded = replace(collaboration, reminded=(*collaboration.reminded, *passed), update_time=now)
    last = _OF_KIND[passed[-1]]
    return reminded, (events.ReminderDue(reminded.ref, last.kind, last.whom, last.before(collaboration)),)


def pass_over_reminders(collaboration: Collaboration, now: datetime) -> Collaboration:
    """Reminders whose moment passed while the creator could do nothing are not caught up."""
    passed = tuple(kind for moment, kind in reminders(collaboration) if moment <= now)
    return replace(collaboration, reminded=(*collaboration.reminded, *passed))


def remind_anew(collaboration: Collaboration, *kinds: ReminderKind) -> Collaboration:
    """What these reminders are about begins anew."""
    return replace(collaboration, reminded=tuple(kind for kind in collaboration.reminded if kind not in kinds))


def _deadlines(collaboration: Collaboration) -> list[tuple[datetime, Deadline]]:
    limits = deadlines(collaboration.timeline, collaboration.platform)
    found: list[tuple[datetime, Deadline]] = []
    for deadline in DEADLINES:
        if collaboration.state in deadline.states:
            moment = deadline.moment(collaboration, limits)
            if moment is not None:
                found.append((moment, deadline))
    return found


def _fall_overdue(collaboration: Collaboration, actor: Actor, now: datetime) -> Decision:
    assert collaboration.publication_due_time is not None
    moved = step(collaboration, Action.FALL_OVERDUE, State.OVERDUE, actor, now)
    # From now, and not from the day: after an outage the creator still has all the days of grace.
    grace_end = plus_days(now, deadlines(moved.timeline, moved.platform).grace, moved.calendar)
    moved = replace(moved, grace_end_time=grace_end, reminded=tuple(dict.fromkeys((*moved.reminded, *_PUBLICATION))))
    return moved, (events.CollaborationOverdue(moved.ref, collaboration.publication_due_time, grace_end),)
