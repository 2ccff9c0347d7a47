"""The clocks of a collaboration: reminders, lateness, the end."""

from dataclasses import replace
from datetime import datetime, timedelta

from entente_campaign.domain import events
from entente_campaign.domain.collaborations.ending import expire
from entente_campaign.domain.collaborations.model import Collaboration, Decision
from entente_campaign.domain.collaborations.states import CREATOR_AT_WORK, ENDED_EARLY, UNANSWERED, Action, State
from entente_campaign.domain.collaborations.table import step
from entente_campaign.domain.events import ReminderKind
from entente_campaign.domain.words import Actor, Party, deadlines


def start_clock(collaboration: Collaboration, now: datetime) -> Collaboration:
    days = deadlines(collaboration.timeline, collaboration.platform).publication
    return replace(collaboration, publication_start_time=now, publication_due_time=now + timedelta(days=days))


_PUBLICATION = (
    ReminderKind.PUBLICATION_HALF_TIME,
    ReminderKind.PUBLICATION_CLOSE,
    ReminderKind.PUBLICATION_DAY,
)


def reminders(collaboration: Collaboration) -> list[tuple[datetime, ReminderKind]]:
    """The reminders that are still to come while it stands where it does, in order."""
    limits = deadlines(collaboration.timeline, collaboration.platform)
    moments: list[tuple[datetime, ReminderKind]] = []
    if collaboration.state in (State.APPLIED, State.PRESELECTED):
        waited = collaboration.create_time + timedelta(days=limits.application_reminder)
        moments = [(waited, ReminderKind.APPLICATION_UNANSWERED)]
    elif collaboration.state is State.SHIPMENT_SENT and collaboration.shipment:
        waited = collaboration.shipment.send_time + timedelta(days=limits.receipt_reminder)
        moments = [(waited, ReminderKind.RECEIPT_CONFIRMATION)]
    elif collaboration.state in CREATOR_AT_WORK:
        moments = _publication_moments(collaboration)
    return [(moment, kind) for moment, kind in moments if kind not in collaboration.reminded]


def _publication_moments(collaboration: Collaboration) -> list[tuple[datetime, ReminderKind]]:
    start, due = collaboration.publication_start_time, collaboration.publication_due_time
    if start is None or due is None:
        return []
    span = due - start
    close = start + span * 4 / 5
    half = start + span / 2
    return list(zip((half, close, max(close, due - timedelta(days=1))), _PUBLICATION, strict=True))


def next_due(collaboration: Collaboration) -> datetime | None:
    """When a clock of it rings next."""
    moments = [moment for moment, _ in reminders(collaboration)]
    if collaboration.state in UNANSWERED:
        moments.append(collaboration.answer_deadline_time)
    if collaboration.state in CREATOR_AT_WORK or collaboration.state is State.OVERDUE:
        late = collaboration.grace_end_time or collaboration.publication_due_time
        moments += [late] if late else []
    if collaboration.fit_ask_time is not None and collaboration.state not in ENDED_EARLY:
        moments.append(collaboration.fit_ask_time)
    return min(moments, default=None)


def ring(collaboration: Collaboration, *, actor: Actor, now: datetime) -> Decision | None:
    """What the clocks bring about at this moment; nothing when none has rung.

    One thing at a time: whoever was long away finds the latest reminder, or the end, and not all that was missed.
    """
    if collaboration.state in UNANSWERED and collaboration.answer_deadline_time <= now:
        return expire(collaboration, actor=actor, now=now, reason="not answered in time")
    if collaboration.state in CREATOR_AT_WORK or collaboration.state is State.OVERDUE:
        if collaboration.grace_end_time is not None:
            if collaboration.grace_end_time <= now:
                return expire(collaboration, actor=actor, now=now, reason="not published in time")
        elif collaboration.publication_due_time is not None and collaboration.publication_due_time <= now:
            return _fall_overdue(collaboration, actor, now)
    passed = [kind for moment, kind in reminders(collaboration) if moment <= now]
    if not passed:
        return None
    reminded = replace(collaboration, reminded=(*collaboration.reminded, *passed), update_time=now)
    return reminded, (_reminder(reminded, passed[-1]),)


def _fall_overdue(collaboration: Collaboration, actor: Actor, now: datetime) -> Decision:
    assert collaboration.publication_due_time is not None
    moved = step(collaboration, Action.FALL_OVERDUE, State.OVERDUE, actor, now)
    # From now, and not from the day: after an outage the creator still has all the days of grace.
    grace_end = now + timedelta(days=deadlines(moved.timeline, moved.platform).grace)
    moved = replace(moved, grace_end_time=grace_end, reminded=tuple(dict.fromkeys((*moved.reminded, *_PUBLICATION))))
    return moved, (events.CollaborationOverdue(moved.ref, collaboration.publication_due_time, grace_end),)


def pass_over_reminders(collaboration: Collaboration, now: datetime) -> Collaboration:
    """Reminders whose moment passed while the creator could do nothing are not caught up."""
    passed = tuple(kind for moment, kind in reminders(collaboration) if moment <= now)
    return replace(collaboration, reminded=(*collaboration.reminded, *passed))


def _reminder(collaboration: Collaboration, kind: ReminderKind) -> events.ReminderDue:
    if kind is ReminderKind.APPLICATION_UNANSWERED:
        return events.ReminderDue(collaboration.ref, kind, Party.BRAND, collaboration.answer_deadline_time)
    due = collaboration.publication_due_time if kind in _PUBLICATION else None
    return events.ReminderDue(collaboration.ref, kind, Party.CREATOR, due)
