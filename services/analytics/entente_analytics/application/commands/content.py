"""What posts measured."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from entente_analytics.application.commands.objectives import look_at_objective
from entente_analytics.application.ports import Connector
from entente_analytics.application.stores import Stores, every
from entente_analytics.domain import content
from entente_analytics.domain.audience import Audience
from entente_analytics.domain.campaigns import Collaboration
from entente_analytics.domain.content import Figures, Post
from entente_analytics.domain.files import SetAside
from entente_analytics.domain.metric_files import post_key, read_figures, told_platform
from entente_analytics.domain.names import post_name
from entente_analytics.domain.sentiment import PostComments, counted, judge
from entente_analytics.domain.times import refuse_future
from entente_chassis.refusal import Invalid, Refusal, Violation
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


@dataclass
class Taken:
    """What became of the figures of many posts."""

    recorded: int = 0
    repeated: int = 0
    aside: list[SetAside] = field(default_factory=list)


async def import_content_metrics(
    stores: Stores, campaign: str, *, text: str, platform: str, at: datetime, now: datetime
) -> Taken:
    """Record the figures of a platform's export for the posts of a campaign; other posts are set aside.

    Raises:
        Invalid: its columns are of no export that is known.
    """
    kind = platform or told_platform(text)
    if kind not in ("INSTAGRAM", "TIKTOK", "YOUTUBE"):
        raise Invalid(
            "EXPORT_UNKNOWN",
            "The columns are those of no export that is known: export from Instagram, TikTok or YouTube Studio, and "
            "give the file as it is.",
            violations=[Violation("platform", "not told by the columns")],
        )
    readings, aside = read_figures(text, kind)
    done = Taken(aside=list(aside))
    posts = await _posts(stores, campaign)
    for reading in readings:
        found = posts.get(reading.post)
        if found is None:
            unknown = "No collaboration of the campaign has published it: check the campaign, or report it by hand."
            done.aside.append(SetAside(reading.row, "", reading.post, "POST_UNKNOWN", unknown))
            continue
        await _take(stores, done, found, reading.figures, kind, at, now, row=reading.row)
    done.aside.sort(key=lambda one: one.row)
    return done


async def fetch_content_metrics(
    stores: Stores, connectors: Sequence[Connector], campaign: str, *, now: datetime
) -> Taken:
    """Read the figures of a campaign's posts from the platforms that there is a connector for."""
    done = Taken()
    posts = await _posts(stores, campaign)
    for connector in connectors:
        mine = {
            url: collaboration for collaboration, url in posts.values() if collaboration.platform == connector.platform
        }
        try:
            found = await connector.read(sorted(mine))
        except Refusal as refusal:
            done.aside += [SetAside(0, "", url, refusal.reason, refusal.message) for url in sorted(mine)]
            continue
        for url in sorted(mine):
            if url in found and found[url] != Figures():
                await _take(stores, done, (mine[url], url), found[url], connector.platform, now, now)
            else:
                text = "The platform does not show the post: it is private or gone, or the address is of no post."
                done.aside.append(SetAside(0, "", url, "POST_NOT_SHOWN", text))
    return done


async def _posts(stores: Stores, campaign: str) -> dict[str, tuple[Collaboration, str]]:
    posts: dict[str, tuple[Collaboration, str]] = {}
    collaborations = {}
    async for collaboration in every(stores.collaborations, {"campaign": campaign}):
        collaborations[collaboration.name] = collaboration
        posts |= {post_key(post.url): (collaboration, post.url) for post in collaboration.posts}
    async for post in every(stores.posts, {"campaign": campaign}):
        if post.collaboration in collaborations:
            posts.setdefault(post_key(post.url), (collaborations[post.collaboration], post.url))
    return posts


async def _take(
    stores: Stores,
    done: Taken,
    post: tuple[Collaboration, str],
    figures: Figures,
    platform: str,
    at: datetime,
    now: datetime,
    row: int = 0,
) -> None:
    collaboration, url = post
    try:
        outcome = await report_content_metrics(
            stores,
            collaboration,
            url=url,
            platform=platform,
            figures=figures,
            at=at,
            audience=None,
            request=None,
            now=now,
        )
    except Refusal as refusal:
        at_fault = ", ".join(violation.field.removeprefix("figures.") for violation in refusal.violations)
        done.aside.append(SetAside(row, at_fault, url, refusal.reason, refusal.message))
        return
    done.recorded += outcome.applied
    done.repeated += not outcome.applied


async def record_comments(
    stores: Stores,
    collaboration: Collaboration,
    *,
    url: str,
    comments: Sequence[tuple[str, str, str, datetime]],
    request: Request | None,
    now: datetime,
) -> tuple[PostComments, int]:
    """Judge comments and count them once; the post's comments, and how many of these were new.

    Args:
        stores: where they are counted.
        collaboration: whose post it is.
        url: of the post.
        comments: id, text, language and time of each.
        request: makes the same request twice one.
        now: the domain's time; later comments are refused.
    """
    lexicons = stores.reference.lexicons()
    refuse_future(now, **{f"comments[{n}].publish_time": comment[3] for n, comment in enumerate(comments)})
    judged = [(id, at.date().isoformat(), judge(text, language, lexicons)) for id, text, language, at in comments]
    name = post_name(collaboration.name, url)
    new = [0]

    def decide(state: PostComments | None) -> Change[PostComments] | None:
        before = state or PostComments(collaboration.name, collaboration.campaign, name)
        after = counted(before, judged)
        new[0] = len(after.seen) - len(before.seen) if after else 0
        return Change(after) if after else (None if state else Change(before))

    outcome = await stores.comments.change(name, decide, request=request)
    return outcome.state, new[0] if outcome.applied else 0
