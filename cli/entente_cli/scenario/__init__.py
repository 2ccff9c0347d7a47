"""A whole campaign, from the first search to the end report, as people, shops and visitors do it.

It drives the services from outside, through their RPCs and the redirect. Whatever is away is asked again with the same
request id, and nothing is assumed to have happened before it is seen: a service may be killed at any moment.

Each module plays the parts of one service on a `Stage`; `seen` asks what came of them.
"""

from collections.abc import Awaitable, Callable

from entente_cli.scenario import analytics, campaign, matching, messaging, review
from entente_cli.scenario.stage import Stage

__all__ = ["Stage", "play"]

PARTS: tuple[Callable[[Stage], Awaitable[None]], ...] = (
    matching.import_creators,
    matching.search,
    campaign.publish,
    campaign.invite_and_apply,
    campaign.answer_applications,
    messaging.talk,
    campaign.ship,
    campaign.receive,
    review.submit,
    review.decide,
    analytics.create_links,
    campaign.publish_content,
    review.wait_for_the_clock,
    analytics.click,
    analytics.sell,
    analytics.measure,
    campaign.close,
    matching.learn,
)


async def play(stage: Stage, checkpoint: Callable[[str], Awaitable[None]] | None = None) -> None:
    """Play everything, in order.

    Args:
        stage: what is played on.
        checkpoint: awaited before each part with its name; a test kills a service there.

    Raises:
        CommandError: something that had to come did not.
        grpc.aio.AioRpcError: a service refused what it should not.
    """
    for part in PARTS:
        if checkpoint:
            await checkpoint(part.__name__)
        await part(stage)
