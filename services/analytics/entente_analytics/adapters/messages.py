"""Domain values as the messages of the API."""

from collections.abc import Mapping
from typing import Any

from entente.analytics.v1 import service_pb2 as pb
from entente.type.v1 import type_pb2
from entente_analytics.domain.content import Post
from entente_analytics.domain.files import SetAside
from entente_analytics.domain.links import Owner, PromoCode, TrackedLink
from entente_analytics.domain.orders import Attribution, Candidate, Order, Refund
from entente_analytics.domain.rollups import Clicks
from entente_analytics.domain.shops import Shop
from entente_chassis.protomap import to_proto
from entente_chassis.store.model import Outcome


def platform_number(platform: str) -> type_pb2.Platform.ValueType:
    """The enum's number of a platform; that of "not said" for a name that is not known here."""
    name = f"PLATFORM_{platform}"
    if name not in type_pb2.Platform.keys():  # noqa: SIM118 (an enum wrapper is no mapping)
        return type_pb2.PLATFORM_UNSPECIFIED
    return type_pb2.Platform.Value(name)


def filtered(reasons: Mapping[str, int]) -> list[dict[str, object]]:
    """Clicks that are not counted, by reason."""
    return [{"reason": reason, "count": count} for reason, count in reasons.items()]


def refund_made(refund: Refund) -> dict[str, Any]:
    """A refund."""
    return vars(refund) | {"refund_time": refund.at}


def _owner(owner: Owner) -> dict[str, Any]:
    # The platform is told by number elsewhere, and no message of a link or a code has it.
    return {name: value for name, value in vars(owner).items() if name != "platform"}


def tracked_link(outcome: Outcome[TrackedLink], clicks: Clicks, public_url: str) -> pb.TrackedLink:
    """A link with its clicks."""
    link = outcome.state
    return to_proto(
        pb.TrackedLink,
        _owner(link.owner)
        | {
            "name": link.name,
            "destination_url": link.destination.url,
            "ios_url": link.destination.ios_url,
            "android_url": link.destination.android_url,
            "utm": link.utm,
            "attribution_window_days": link.window.days,
            "short_url": link.short_url(public_url),
            "clicks": clicks.counted,
            "bot_clicks": clicks.automatic,
            "repeat_clicks": clicks.repeats,
            "filtered_clicks": filtered(clicks.filtered),
            "create_time": link.created_at,
            "etag": outcome.etag,
        },
    )


def promo_code(outcome: Outcome[PromoCode]) -> pb.PromoCode:
    """A promo code."""
    promo = outcome.state
    return to_proto(
        pb.PromoCode,
        _owner(promo.owner)
        | {
            "name": promo.name,
            "code": promo.code,
            "valid_from_time": promo.valid_from,
            "valid_until_time": promo.valid_until,
            "create_time": promo.created_at,
            "etag": outcome.etag,
        },
    )


def attribution(won: Attribution | None) -> pb.Attribution | None:
    """To whom a sale belongs."""
    return None if won is None else to_proto(pb.Attribution, won)


def conversion(outcome: Outcome[Order]) -> pb.Conversion:
    """A sale."""
    order = outcome.state
    return to_proto(
        pb.Conversion,
        {
            "name": order.name,
            "brand": order.brand,
            "order_id": order.order_id,
            "amount": order.amount,
            "refunded_amount": order.refunded,
            "net_amount": order.net,
            "order_time": order.ordered_at,
            "promo_code": order.used_code.code if order.used_code else "",
            "new_customer": order.new_customer,
            "attribution": attribution(order.attribution),
            "refunds": [refund_made(refund) for refund in order.refunds],
            "refunds_set_aside": [refund_made(refund) for refund in order.refunds_aside],
            "recorded": order.recorded,
            "attribution_window_days": order.window.days if order.window is not None else None,
            "create_time": order.created_at,
            "etag": outcome.etag,
        },
    )


def attribution_change(before: Attribution | None, after: Order) -> pb.AttributionChange:
    """A sale that belongs to another collaboration than before."""
    return to_proto(
        pb.AttributionChange,
        {
            "order": after.name,
            "previous_attribution": attribution(before),
            "attribution": attribution(after.attribution),
            "net_amount": after.net,
        },
    )


def set_aside(one: SetAside) -> pb.SetAside:
    """Something that was not taken."""
    return to_proto(pb.SetAside, one)


def postback_secret(shop: Shop, public_url: str) -> pb.PostbackSecret:
    """What a shop needs to report sales over HTTP."""
    base = f"{public_url.rstrip('/')}/v1/{shop.brand}"
    return to_proto(
        pb.PostbackSecret,
        {
            "brand": shop.brand,
            "secret": shop.secret,
            "postback_url": f"{base}/postback",
            "pixel_url": f"{base}/pixel.gif",
            "previous_expire_time": shop.previous_until,
        },
    )


def sentiment(counts: Mapping[str, int]) -> pb.SentimentCounts:
    """Comments by what they say."""
    return to_proto(pb.SentimentCounts, {name.lower(): count for name, count in counts.items()})


def candidate(judged: Candidate) -> pb.AttributionCandidate:
    """What became of one touch or promo code."""
    owner = _owner(judged.owner) if judged.owner else {}
    return to_proto(
        pb.AttributionCandidate,
        owner
        | {
            "source": judged.source,
            "verdict": judged.verdict,
            "explanation": judged.explanation,
            "touch_time": judged.touched_at,
            "window_end_time": judged.window_end,
            "declared": judged.declared,
        },
    )


def content_metrics(post: Post, etag: str) -> pb.ContentMetrics:
    """A post with its latest totals."""
    return to_proto(
        pb.ContentMetrics,
        {
            "name": post.name,
            "collaboration": post.collaboration,
            "post_url": post.url,
            "platform": platform_number(post.platform),
            "figures": post.latest(),
            "measure_time": post.measured_at,
            "audience": post.audience,
            "deliverable": post.deliverable,
            "corrections": [vars(correction) | {"correct_time": correction.at} for correction in post.corrections],
            "reading_count": len(post.readings),
            "etag": etag,
        },
    )
