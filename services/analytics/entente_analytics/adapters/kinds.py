"""How each kind of aggregate is kept, and which of its events are told."""

from entente_analytics.adapters.events import to_message
from entente_analytics.application.stores import CodeShape, Secret
from entente_analytics.domain.campaigns import Campaign, Collaboration
from entente_analytics.domain.content import Post
from entente_analytics.domain.links import PromoCode, TrackedLink
from entente_analytics.domain.objectives import Watch
from entente_analytics.domain.orders import Order
from entente_analytics.domain.rollups import Bucket
from entente_analytics.domain.sentiment import PostComments
from entente_analytics.domain.shops import Shop
from entente_chassis import topics
from entente_chassis.store.model import Kind

EVENTS = topics.events("analytics")
CLICKS = topics.stream("analytics", "clicks")

LINKS = Kind(
    "tracked_links",
    TrackedLink,
    topic=EVENTS,
    to_message=to_message,
    indexes=[("owner.campaign",), ("owner.collaboration",)],
)
PROMO_CODES = Kind(
    "promo_codes",
    PromoCode,
    due_at=lambda promo: promo.settle_at,
    indexes=[("owner.campaign",), ("owner.collaboration",)],
)
CODE_SHAPES = Kind("code_shapes", CodeShape)
SHOPS = Kind("shops", Shop)
COMMENTS = Kind("comments", PostComments, indexes=[("campaign",)])
BUCKETS = Kind("buckets", Bucket, due_at=lambda bucket: bucket.stale_at, indexes=[("campaign",), ("collaboration",)])
ORDERS = Kind(
    "orders",
    Order,
    topic=EVENTS,
    to_message=to_message,
    due_at=lambda order: order.roll_at,
    indexes=[
        ("attribution.campaign",),
        ("attribution.collaboration", "ordered_at"),
        ("brand", "ordered_at"),
        ("brand", "used_code.code"),
    ],
)
POSTS = Kind("posts", Post, topic=EVENTS, to_message=to_message, indexes=[("campaign",)])
CAMPAIGNS = Kind("campaigns", Campaign)
COLLABORATIONS = Kind("collaborations", Collaboration, indexes=[("campaign",)])
WATCHES = Kind("objectives", Watch, topic=EVENTS, to_message=to_message, due_at=lambda watch: watch.evaluate_at)
SECRETS = Kind("secrets", Secret)
