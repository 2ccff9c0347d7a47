"""What the clock does to reviews."""

from collections.abc import Awaitable, Callable

from entente_review import metrics
from entente_review.application.commands import tick
from entente_review.application.stores import Desk
from entente_review.domain.review import SubmissionState


def on_due(desk: Desk) -> Callable[[str], Awaitable[None]]:
    """What to do when a review is due: remind the brand, or approve in its place."""

    async def fire(review: str) -> None:
        outcome = await tick(desk, review)
        latest = outcome.state.latest
        if outcome.applied and latest.state is not SubmissionState.IN_REVIEW:
            metrics.decided(latest)

    return fire
