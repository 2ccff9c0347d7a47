"""What posts measured."""

from datetime import datetime

from entente_analytics.application.commands.objectives import look_at_objective
from entente_analytics.application.stores import Stores
from entente_analytics.domain import content
from entente_analytics.domain.audience import Audience
from entente_analytics.domain.campaigns import Collaboration
from entente_analytics.domain.content import Figures, Post
from entente_analytics.domain.names import post_name
from entente_chassis.store.model import Change, Outcome, Request


async def report_content_metrics(
    stores: Stores,
    collaboration: Collaboration,
    *,
    url: str,
    platform: str,
    figures: Figures,
    at: datetime,
    audience: Audience | None,
    deliverable: str = "",
    correction: bool = False,
    request: Request | None,
    now: datetime,
) -> Outcome[Post]:
    """Record what a post has measured."""

    def decide(state: Post | None) -> Change[Post] | None:
        changed = content.report(
            state,
            collaboration=collaboration.name,
            url=url,
            platform=platform or collaboration.platform,
            figures=figures,
            at=at,
            audience=audience,
            now=now,
            deliverable=deliverable or deliverable_of(collaboration, url),
            correction=correction,
        )
        return Change(*changed) if changed else None

    outcome = await stores.posts.change(post_name(collaboration.name, url), decide, request=request)
    await look_at_objective(stores, collaboration.campaign, now)
    return outcome


def deliverable_of(collaboration: Collaboration, url: str) -> str:
    """Which deliverable a post is, as the campaign knows it; "" when it does not."""
    return next((post.deliverable for post in collaboration.posts if post.url == url), "")
