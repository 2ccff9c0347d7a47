"""Whom a brand should work with again, from what came of its own collaborations."""

from collections.abc import Iterable
from dataclasses import dataclass

from entente_matching.domain.feedback import Feedback, PastPerformance, fold, performance_value

GOOD_RATING = 4.0
GOOD_COMPLIANCE = 0.9
GOOD_PUNCTUALITY = 0.8
PROMPT_REPLY = 24 * 3600
WORTH_IT = 0.6
"""From this value on (see `feedback.performance_value`) a creator is suggested, if it was not rated below 3."""
BAD_RATING = 3.0


@dataclass(frozen=True)
class Suggestion:
    """A creator to work with again, what came of its collaborations with the brand, and what speaks for it."""

    creator: str
    past: PastPerformance
    value: float
    reasons: tuple[str, ...]


def suggest(feedback: Iterable[Feedback], banned: frozenset[str]) -> list[Suggestion]:
    """Creators to work with again, the best first."""
    by_creator: dict[str, list[Feedback]] = {}
    for record in feedback:
        if record.completed and record.creator not in banned:
            by_creator.setdefault(record.creator, []).append(record)
    found = []
    for creator, records in by_creator.items():
        past = fold(records)
        value = performance_value(past)
        if past is None or value is None or value < WORTH_IT:
            continue
        if past.rating is not None and past.rating < BAD_RATING:
            continue
        found.append(Suggestion(creator, past, value, _reasons(past)))
    return sorted(found, key=lambda each: (-each.value, each.creator))


def _reasons(past: PastPerformance) -> tuple[str, ...]:
    reasons = [f"{past.completed} collaboration{'s' if past.completed > 1 else ''} completed"]
    if past.rating is not None and past.rating >= GOOD_RATING:
        best = max(past.ratings, key=lambda criterion: past.ratings[criterion])
        reasons.append(f"rated {past.rating:.1f} of 5, best for {best.lower().replace('_', ' ')}")
    if past.compliance is not None and past.compliance >= GOOD_COMPLIANCE:
        reasons.append(f"{past.compliance:.0%} of the brief met")
    if past.on_time_share is not None and past.on_time_share >= GOOD_PUNCTUALITY:
        reasons.append("on time" if past.on_time_share == 1 else f"on time in {past.on_time_share:.0%}")
    if past.reply_seconds is not None and past.reply_seconds <= PROMPT_REPLY:
        reasons.append(f"answers within {max(1, round(past.reply_seconds / 3600))} h")
    return tuple(reasons)
