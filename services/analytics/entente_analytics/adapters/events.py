"""Domain events as public events."""

from collections.abc import Callable, Sequence
from typing import Any

from google.protobuf.message import Message

from entente.analytics.v1 import events_pb2 as pb
from entente_analytics.adapters.messages import attribution, platform_number
from entente_analytics.application.redirect import TakenClick
from entente_analytics.domain.content import MetricsReported
from entente_analytics.domain.links import LinkCreated
from entente_analytics.domain.objectives import StatusChanged
from entente_analytics.domain.orders import Reattributed, Recorded, Refunded
from entente_chassis.protomap import to_proto


def _link_created(event: LinkCreated) -> Message:
    return to_proto(
        pb.TrackedLinkCreated, vars(event.link.owner) | {"link": event.link.name, "short_url": event.short_url}
    )


def _recorded(event: Recorded) -> Message:
    order = event.order
    return to_proto(
        pb.ConversionRecorded,
        {
            "order": order.name,
            "brand": order.brand,
            "amount": order.amount,
            "order_time": order.ordered_at,
            "attribution": attribution(order.attribution),
        },
    )


def _reattributed(event: Reattributed) -> Message:
    order = event.order
    return to_proto(
        pb.ConversionAttributed,
        {
            "order": order.name,
            "brand": order.brand,
            "amount": order.amount,
            "order_time": order.ordered_at,
            "attribution": attribution(order.attribution),
            "previous_attribution": attribution(event.previous),
        },
    )


def _refunded(event: Refunded) -> Message:
    order = event.order
    return to_proto(
        pb.ConversionRefunded,
        {
            "order": order.name,
            "brand": order.brand,
            "refund_id": event.refund.refund_id,
            "amount": event.refund.amount,
            "net_amount": order.net,
            "refund_time": event.refund.at,
            "attribution": attribution(order.attribution),
        },
    )


def _metrics_reported(event: MetricsReported) -> Message:
    post = event.post
    return to_proto(
        pb.ContentMetricsReported,
        {
            "post": post.name,
            "collaboration": post.collaboration,
            "campaign": post.campaign,
            "creator": post.creator,
            "post_url": post.url,
            "platform": platform_number(post.platform),
            "figures": event.figures,
            "measure_time": event.at,
        },
    )


def _status_changed(event: StatusChanged) -> Message:
    progress = event.progress
    return to_proto(
        pb.ObjectiveStatusChanged,
        {
            "campaign": event.watch.campaign,
            "brand": event.watch.brand,
            "campaign_title": event.watch.title,
            "metric": progress.objective.metric,
            "target": progress.objective.target,
            "value": progress.value,
            "progress_basis_points": progress.progress_basis_points,
            "status": progress.status,
            "previous_status": event.previous,
            "deadline": progress.objective.deadline,
        },
    )


PUBLISHES: dict[type, Callable[[Any], Message]] = {
    LinkCreated: _link_created,
    Recorded: _recorded,
    Reattributed: _reattributed,
    Refunded: _refunded,
    MetricsReported: _metrics_reported,
    StatusChanged: _status_changed,
}


def to_message(event: object) -> Message:
    """The public event of a domain event."""
    return PUBLISHES[type(event)](event)


def link_clicked(taken: Sequence[TakenClick]) -> pb.LinkClicked:
    """Clicks of one link and process as its stream tells them: without the visitors' marks."""
    first = taken[0]
    return to_proto(
        pb.LinkClicked,
        {
            "link": first.click.link,
            "campaign": first.campaign,
            "collaboration": first.collaboration,
            "incarnation": first.click.incarnation,
            "clicks": [
                {"n": each.click.n, "click_time": each.click.at, "verdict": each.click.verdict} for each in taken
            ],
        },
    )
