"""The aggregates that the use cases work on, handed in as one."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from entente_analytics.application.ports import Reference
from entente_analytics.domain.campaigns import Campaign, Collaboration
from entente_analytics.domain.content import Post
from entente_analytics.domain.links import PromoCode, TrackedLink
from entente_analytics.domain.objectives import Watch
from entente_analytics.domain.orders import Order
from entente_analytics.domain.rollups import Bucket
from entente_analytics.domain.sentiment import PostComments
from entente_analytics.domain.shops import Shop
from entente_chassis.store.aggregates import Aggregates

S = TypeVar("S")

_PAGE = 500


@dataclass(frozen=True)
class Secret:
    """Random bytes that all replicas share, in hexadecimal; a visitor salt is good for one day only."""

    value: str
    day: str = ""


@dataclass(frozen=True)
class CodeShape:
    """By which promo code a look is held."""

    code: str


@dataclass(frozen=True)
class Stores:
    """All aggregates of the service, and the tables that figures are made with."""

    links: Aggregates[TrackedLink]
    promo_codes: Aggregates[PromoCode]
    code_shapes: Aggregates[CodeShape]
    shops: Aggregates[Shop]
    comments: Aggregates[PostComments]
    buckets: Aggregates[Bucket]
    orders: Aggregates[Order]
    posts: Aggregates[Post]
    campaigns: Aggregates[Campaign]
    collaborations: Aggregates[Collaboration]
    watches: Aggregates[Watch]
    secrets: Aggregates[Secret]
    reference: Reference


async def every(aggregates: Aggregates[S], where: Mapping[str, Any], *, order_by: str = "_id") -> AsyncIterator[S]:
    """All states that match, fetched by the page, so that only what is made of them has to fit into memory."""
    token = ""
    while True:
        page, token = await aggregates.page(where, order_by=order_by, page_size=_PAGE, page_token=token, scope="every")
        for outcome in page:
            yield outcome.state
        if not token:
            return
