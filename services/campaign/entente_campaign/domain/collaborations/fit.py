"""What matching says of a collaboration's creator."""

from dataclasses import replace
from datetime import datetime, timedelta

from entente_campaign.domain.collaborations.model import FIT_ASKS, Collaboration, Fit
from entente_campaign.domain.words import CreatorSummary, DeclineReason
from entente_chassis.refusal import Precondition

_FIT_FIRST, _FIT_LAST = timedelta(minutes=1), timedelta(days=1)


def learn(collaboration: Collaboration, summary: CreatorSummary, now: datetime) -> Collaboration:
    """Take what matching says of the creator."""
    fit = None
    if summary.score_hundredths is not None:
        fit = Fit(summary.score_hundredths, summary.reasons, summary.formula_version, now)
    same_account = collaboration.platform in (None, summary.platform)
    return replace(
        collaboration,
        creator_display_name=summary.display_name or collaboration.creator_display_name,
        platform=collaboration.platform or summary.platform,
        followers=summary.followers if same_account else None,
        audience=summary.audience if same_account else None,
        fit=fit,
        fit_ask_time=None,
        update_time=now,
    )


def ask_later(collaboration: Collaboration, now: datetime) -> Collaboration:
    """Matching did not answer: ask it again, ever more rarely, and some day no more."""
    wait = min(_FIT_FIRST * 2**collaboration.fit_asks, _FIT_LAST)
    again = now + wait if collaboration.fit_asks < FIT_ASKS else None
    return replace(collaboration, fit_ask_time=again, fit_asks=collaboration.fit_asks + 1)


# What a weak part of the fit means to the creator.
_MEANING = {
    "AUDIENCE": DeclineReason.AUDIENCE,
    "ENGAGEMENT": DeclineReason.ENGAGEMENT,
    "AUTHENTIC": DeclineReason.ENGAGEMENT,
    "CONTENT": DeclineReason.CONTENT,
    "PRICE": DeclineReason.PRICE,
}
_TOLD = 2


def weak_points(collaboration: Collaboration) -> tuple[tuple[DeclineReason, ...], str]:
    """Why a creator does not fit: the parts of the score that miss most of their points, and what they rest on.

    Raises:
        Precondition: the fit is not known.
    """
    if collaboration.fit is None:
        raise Precondition(
            "FIT_UNKNOWN",
            f"{collaboration.name}: matching has not said how the creator fits: give reasons, or wait for it.",
            state=collaboration.state,
        )
    missing = [
        (part.max_points_hundredths - part.points_hundredths, part)
        for part in collaboration.fit.reasons
        if part.points_hundredths < part.max_points_hundredths
    ]
    worst = [part for _, part in sorted(missing, key=lambda each: -each[0])[:_TOLD]]
    reasons = dict.fromkeys(_MEANING.get(part.factor.partition("_")[0], DeclineReason.OTHER) for part in worst)
    evidence = "; ".join(part.evidence for part in worst if part.evidence)
    return tuple(reasons) or (DeclineReason.OTHER,), evidence
