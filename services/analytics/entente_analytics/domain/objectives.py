"""Objectives watched: how far, at what pace, and when that is news."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from math import sqrt
from statistics import fmean, stdev

from entente_analytics.domain.campaigns import Campaign, Metric, Objective

_BASIS_POINTS = 10_000
_DAYS_NEEDED = 3
# Nothing is at risk in the first quarter of the time: content is made before it is published.
_GRACE_BASIS_POINTS = 2_500
# A pace of nine tenths still counts as on track: posts come in steps, not evenly.
_ON_TRACK_BASIS_POINTS = 9_000
# These are levels, which can fall again until the deadline; the others add up over time.
_LEVELS = frozenset({Metric.ENGAGEMENT_RATE, Metric.ROI})
_NOT_WATCHED = frozenset({"", "DRAFT", "CANCELLED", "ARCHIVED"})


class Status(StrEnum):
    """How an objective stands."""

    NOT_STARTED = "NOT_STARTED"
    ON_TRACK = "ON_TRACK"
    AT_RISK = "AT_RISK"
    MET = "MET"
    MISSED = "MISSED"


@dataclass(frozen=True)
class Projection:
    """The value at the deadline if days go on as they were, and between what it lies; shares in basis points."""

    value: int
    low: int
    high: int
    chance_basis_points: int
    day_count: int
    confidence_basis_points: int = 8_000
    model: str = (
        "Each day that is left brings what the whole days so far brought on average; the interval is that of the sum "
        "of independent, normally distributed days with the spread of the days so far (Student's t)."
    )


@dataclass(frozen=True)
class Progress:
    """How far an objective is; shares in basis points."""

    objective: Objective
    start: datetime
    value: int | None
    progress_basis_points: int | None
    pace_basis_points: int | None
    status: Status
    projection: Projection | None = None


@dataclass(frozen=True)
class Watch:
    """What was last told of a campaign's objective.

    Args:
        evaluate_at: when to look again; None when there is nothing to wait for.
        looking: a look is under way, which may have read the facts before the latest of them.
        off_target: it was told that too little of the reach is in the target.
    """

    campaign: str
    brand: str
    title: str
    objective: Objective | None
    status: Status | None
    value: int | None
    evaluate_at: datetime | None
    looking: bool = False
    off_target: bool = False


@dataclass(frozen=True)
class ObjectiveStatusChanged:
    """An objective stands otherwise than before."""

    campaign: str
    brand: str
    campaign_title: str
    metric: Metric
    target: int
    value: int | None
    progress_basis_points: int | None
    status: Status
    previous_status: Status | None
    deadline: datetime


@dataclass(frozen=True)
class AudienceOffTarget:
    """Less of the reach is in the target audience than the campaign asks for."""

    campaign: str
    brand: str
    campaign_title: str
    in_target_share_basis_points: int
    threshold_basis_points: int
    estimated: bool


@dataclass(frozen=True)
class InTargetShare:
    """How much of the reach is in the target, and how much must be; in basis points."""

    share: int
    threshold: int
    estimated: bool


def is_watched(campaign: Campaign | None) -> bool:
    """Whether there is an objective to watch."""
    return campaign is not None and campaign.objective is not None and campaign.state not in _NOT_WATCHED


def progress_of(objective: Objective, start: datetime | None, value: int | None, now: datetime) -> Progress:
    """How far an objective is at a time. A value that is not defined is no progress, and misses the deadline."""
    start = min(start or now, objective.deadline)
    progress = value * _BASIS_POINTS // objective.target if value is not None and objective.target > 0 else None
    running = start <= now < objective.deadline
    elapsed = (now - start) * _BASIS_POINTS // (objective.deadline - start) if running else _BASIS_POINTS
    level = objective.metric in _LEVELS
    pace = progress * _BASIS_POINTS // elapsed if running and not level and progress is not None and elapsed else None
    return Progress(
        objective, start, value, progress, pace, _status(objective, level, start, now, value, pace, elapsed)
    )


def projected(
    objective: Objective, start: datetime, value: int | None, days: Mapping[str, int], now: datetime
) -> Projection | None:
    """Where an objective is heading, or None: too early, over, or a level, which days do not add up to.

    Args:
        objective: what is aimed at.
        start: from when its time runs.
        value: how far it is.
        days: what each day (UTC) brought; a day that is not there brought nothing.
        now: the domain's time.
    """
    if value is None or objective.metric in _LEVELS or now >= objective.deadline:
        return None
    whole = [(start + timedelta(days=n)).date().isoformat() for n in range((now.date() - start.date()).days)]
    if len(whole) < _DAYS_NEEDED:
        return None
    # Imported here: only projections need it. Student's t: stdtrit is its quantile, stdtr its distribution.
    from scipy.special import stdtr, stdtrit

    brought = [days.get(day, 0) for day in whole]
    count = len(brought)
    mean = fmean(brought)
    left = (objective.deadline - now) / timedelta(days=1)
    spread = stdev(brought) * sqrt(left + left * left / count)
    expected = value + mean * left
    half = float(stdtrit(count - 1, 0.9)) * spread
    if spread > 0:
        chance = float(stdtr(count - 1, (expected - objective.target) / spread))
    else:
        chance = 1.0 if expected >= objective.target else 0.0
    # What is there does not go away, but for refunds and corrections, which days before brought, too.
    floor = value if min(brought) >= 0 else 0
    return Projection(
        value=round(expected),
        low=max(floor, round(expected - half)),
        high=round(expected + half),
        chance_basis_points=round(chance * _BASIS_POINTS),
        day_count=count,
    )


def _status(
    objective: Objective,
    level: bool,
    start: datetime,
    now: datetime,
    value: int | None,
    pace: int | None,
    elapsed: int,
) -> Status:
    over = now >= objective.deadline
    reached = value is not None and value >= objective.target
    if reached and (over or not level):
        return Status.MET
    if over:
        return Status.MISSED
    if now < start:
        return Status.NOT_STARTED
    in_time = reached if level else pace is not None and pace >= _ON_TRACK_BASIS_POINTS
    return Status.ON_TRACK if in_time or elapsed < _GRACE_BASIS_POINTS else Status.AT_RISK


def look_again(watch: Watch | None, campaign: str, at: datetime) -> Watch | None:
    """The watch that will look again by a time, or None when it will anyway."""
    if watch is None:
        return Watch(campaign, "", "", None, None, None, evaluate_at=at)
    if watch.evaluate_at is not None and watch.evaluate_at <= at:
        return replace(watch, looking=False) if watch.looking else None
    return replace(watch, evaluate_at=at, looking=False)


def begun(watch: Watch) -> Watch | None:
    """The watch while its facts are read, or None when it is marked already."""
    return None if watch.looking else replace(watch, looking=True)


def evaluated(
    watch: Watch,
    campaign: Campaign | None,
    progress: Progress | None,
    now: datetime,
    every: timedelta,
    audience: InTargetShare | None = None,
) -> tuple[Watch, tuple[object, ...]]:
    """The watch after a look at its objective, and the news if it stands otherwise than before."""
    # Who asked during the look may have had news that it did not see: then the next look stays due.
    asked_again = not watch.looking
    if campaign is None or progress is None or not is_watched(campaign):
        return replace(watch, evaluate_at=watch.evaluate_at if asked_again else None, looking=False), ()
    after = Watch(
        campaign=campaign.name,
        brand=campaign.brand,
        title=campaign.title,
        objective=progress.objective,
        status=progress.status,
        value=progress.value,
        evaluate_at=watch.evaluate_at if asked_again else _next_look(progress, now, every),
        off_target=audience.share < audience.threshold if audience else watch.off_target,
    )
    alerts = _alerts(watch, after, campaign, audience)
    if progress.status is watch.status:
        return after, alerts
    told = ObjectiveStatusChanged(
        campaign=campaign.name,
        brand=campaign.brand,
        campaign_title=campaign.title,
        metric=progress.objective.metric,
        target=progress.objective.target,
        value=progress.value,
        progress_basis_points=progress.progress_basis_points,
        status=progress.status,
        previous_status=watch.status,
        deadline=progress.objective.deadline,
    )
    return after, (told, *alerts)


def _alerts(
    watch: Watch, after: Watch, campaign: Campaign, audience: InTargetShare | None
) -> tuple[AudienceOffTarget, ...]:
    # Once, and again after it was enough in between.
    if audience is None or watch.off_target or not after.off_target:
        return ()
    return (
        AudienceOffTarget(
            campaign=campaign.name,
            brand=campaign.brand,
            campaign_title=campaign.title,
            in_target_share_basis_points=audience.share,
            threshold_basis_points=audience.threshold,
            estimated=audience.estimated,
        ),
    )


def _next_look(progress: Progress, now: datetime, every: timedelta) -> datetime | None:
    deadline = progress.objective.deadline
    if now >= deadline:
        return None  # What still comes in asks for another look itself.
    if now < progress.start:
        return progress.start
    return min(now + every, deadline)
