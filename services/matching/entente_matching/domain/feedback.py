"""What comes back from collaborations: one record for each, folded into a creator's past performance."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from statistics import fmean, median

REPLIES_KEPT = 50
_PROMPT_SECONDS = 4 * 3600
_SLOW_SECONDS = 72 * 3600
_WEIGHTS = {"rating": 4.0, "compliance": 2.0, "on_time": 2.0, "reply": 1.0}
_NEUTRAL = 0.5


@dataclass(frozen=True, slots=True)
class Feedback:
    """What came back from one collaboration.

    Args:
        creator: whose.
        brand: with whom; "" while only replies are known.
        changed_at: when it last changed, by the machine's clock: what the search index follows.
        completed: whether it was completed.
        on_time: whether it was on time; nothing while it is not known.
        compliance: how much of the brief was met, from 0 to 1.
        ratings: the brand's ratings by criterion, from 1 to 5.
        reply_seconds: how long the creator took to answer, the last ones.
    """

    creator: str
    changed_at: datetime
    completed: bool = False
    on_time: bool | None = None
    compliance: float | None = None
    ratings: dict[str, int] = field(default_factory=dict)
    reply_seconds: tuple[int, ...] = ()
    brand: str = ""


@dataclass(frozen=True, slots=True)
class PastPerformance:
    """All that came back from a creator's collaborations. What was never measured is absent."""

    completed: int = 0
    rated: int = 0
    rating: float | None = None
    ratings: dict[str, float] = field(default_factory=dict)
    on_time_share: float | None = None
    compliance: float | None = None
    reply_seconds: float | None = None


def completed(
    existing: Feedback | None,
    creator: str,
    now: datetime,
    *,
    brand: str,
    on_time: bool | None,
    compliance: float | None,
) -> Feedback:
    """The feedback once its collaboration is completed."""
    feedback = existing or Feedback(creator, now)
    return replace(feedback, completed=True, on_time=on_time, compliance=compliance, brand=brand, changed_at=now)


def rated(
    existing: Feedback | None, creator: str, now: datetime, ratings: Mapping[str, int], *, brand: str
) -> Feedback:
    """The feedback once the brand has rated the collaboration. It may come before the completion."""
    return replace(existing or Feedback(creator, now), ratings=dict(ratings), brand=brand, changed_at=now)


def replied(existing: Feedback | None, creator: str, now: datetime, seconds: int) -> Feedback:
    """The feedback once the creator has answered a message."""
    feedback = existing or Feedback(creator, now)
    return replace(feedback, reply_seconds=(*feedback.reply_seconds, seconds)[-REPLIES_KEPT:], changed_at=now)


def fold(feedback: Iterable[Feedback]) -> PastPerformance | None:
    """The past performance that the records of one creator come to; nothing when there are none."""
    records = list(feedback)
    if not records:
        return None
    done = [record for record in records if record.completed]
    of_ratings = [record for record in records if record.ratings]
    criteria: dict[str, list[int]] = {}
    for record in of_ratings:
        for criterion, stars in record.ratings.items():
            criteria.setdefault(criterion, []).append(stars)
    punctual = [record.on_time for record in done if record.on_time is not None]
    compliances = [record.compliance for record in done if record.compliance is not None]
    replies = [seconds for record in records for seconds in record.reply_seconds]
    return PastPerformance(
        completed=len(done),
        rated=len(of_ratings),
        rating=fmean(stars for all_stars in criteria.values() for stars in all_stars) if criteria else None,
        ratings={criterion: fmean(stars) for criterion, stars in sorted(criteria.items())},
        on_time_share=fmean(punctual) if punctual else None,
        compliance=fmean(compliances) if compliances else None,
        reply_seconds=float(median(replies)) if replies else None,
    )


def performance_value(past: PastPerformance | None) -> float | None:
    """How good a past is, from 0 to 1; nothing when nothing of it was measured.

    The weighted mean of what is known (ratings 4, compliance 2, punctuality 2, reply time 1), drawn towards the middle
    as if one more collaboration had been average: one happy brand is no proof yet.
    """
    if past is None:
        return None
    known = {
        "rating": None if past.rating is None else (past.rating - 1) / 4,
        "compliance": past.compliance,
        "on_time": past.on_time_share,
        "reply": None if past.reply_seconds is None else _reply_value(past.reply_seconds),
    }
    parts = [(value, _WEIGHTS[name]) for name, value in known.items() if value is not None]
    if not parts:
        return None
    mean = sum(value * weight for value, weight in parts) / sum(weight for _, weight in parts)
    evidence = max(past.completed, past.rated) or 0.5
    return (mean * evidence + _NEUTRAL) / (evidence + 1)


def _reply_value(seconds: float) -> float:
    """1 up to four hours, 0 from three days on, in between by the logarithm."""
    if seconds <= _PROMPT_SECONDS:
        return 1.0
    if seconds >= _SLOW_SECONDS:
        return 0.0
    return 1 - math.log(seconds / _PROMPT_SECONDS) / math.log(_SLOW_SECONDS / _PROMPT_SECONDS)
