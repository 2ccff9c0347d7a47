"""What other services' messages say, in this domain's words: just what the figures need."""

from datetime import UTC, datetime

from google.protobuf.descriptor import EnumDescriptor
from google.protobuf.message import Message

from entente.analytics.v1 import events_pb2
from entente.campaign.v1 import service_pb2 as campaign_pb2
from entente.campaign.v1.events_pb2 import CampaignSnapshot, CollaborationSnapshot
from entente.type.v1 import type_pb2
from entente_analytics.domain.audience import Audience, Target
from entente_analytics.domain.campaigns import Campaign, Collaboration, Metric, Objective, PublishedPost
from entente_analytics.domain.clicks import Click, Verdict
from entente_chassis.clock import to_millisecond
from entente_chassis.money import Money
from entente_chassis.protomap import from_proto


def campaign_of(snapshot: CampaignSnapshot) -> Campaign:
    """A campaign as copied. Its time runs from its start, or from its publication when it says none."""
    return Campaign(
        name=snapshot.campaign,
        brand=snapshot.brand,
        brand_display_name=snapshot.brand_display_name,
        title=snapshot.title,
        state=_word(campaign_pb2.CampaignState.DESCRIPTOR, snapshot.state),
        currency=snapshot.budget.currency_code,
        objective=_objective(snapshot),
        target=from_proto(Target, snapshot.target_audience),
        start=_time(snapshot, "start_time") or _time(snapshot, "publish_time"),
        end=_time(snapshot, "end_time"),
        mechanic=_word(type_pb2.Mechanic.DESCRIPTOR, snapshot.mechanic),
        compensation=_word(type_pb2.CompensationModel.DESCRIPTOR, snapshot.compensation.model),
    )


def collaboration_of(snapshot: CollaborationSnapshot) -> Collaboration:
    """A collaboration as copied."""
    ref, terms = snapshot.ref, snapshot.terms
    return Collaboration(
        name=ref.collaboration,
        campaign=ref.campaign,
        brand=ref.brand,
        creator=ref.creator,
        creator_display_name=ref.creator_display_name,
        state=_word(campaign_pb2.CollaborationState.DESCRIPTOR, snapshot.state),
        platform=_word(type_pb2.Platform.DESCRIPTOR, snapshot.platform),
        followers=snapshot.followers if snapshot.HasField("followers") else None,
        audience=from_proto(Audience, snapshot.audience),
        fee=_money(terms, "fee"),
        gift_value=_money(terms, "gift_value"),
        shipping_cost=_money(terms, "shipping_cost"),
        cost=_money(snapshot, "cost"),
        accepted=snapshot.HasField("accept_time"),
        sent=snapshot.HasField("send_time"),
        received=snapshot.HasField("receive_time"),
        posts=tuple(PublishedPost(post.url, post.deliverable, _time(post, "publish_time")) for post in snapshot.posts),
        commission_basis_points=terms.commission_basis_points,
    )


def clicks_of(message: events_pb2.LinkClicked) -> list[Click]:
    """Clicks of the stream. One judged by a word of a newer version counts apart, as a repeat."""
    return [
        Click(
            link=message.link,
            incarnation=message.incarnation,
            n=click.n,
            at=to_millisecond(click.click_time.ToDatetime(tzinfo=UTC)),
            verdict=Verdict(_word(events_pb2.ClickVerdict.DESCRIPTOR, click.verdict) or Verdict.REPEAT),
        )
        for click in message.clicks
    ]


def _objective(snapshot: CampaignSnapshot) -> Objective | None:
    metric = _word(type_pb2.ObjectiveMetric.DESCRIPTOR, snapshot.objective.metric)
    deadline = _time(snapshot.objective, "deadline_time")
    if deadline is None or metric not in set(Metric):
        return None  # A draft that is not whole yet, or a measure that only a newer version of this service knows.
    return Objective(Metric(metric), snapshot.objective.target, deadline)


def _word(enum: EnumDescriptor, number: int) -> str:
    """An enum's value without its prefix; empty for "not said" and for what a newer producer says."""
    value = enum.values_by_number.get(number)
    return value.name.removeprefix(enum.values[0].name.removesuffix("UNSPECIFIED")) if value and number else ""


def _time(message: Message, field: str) -> datetime | None:
    return to_millisecond(getattr(message, field).ToDatetime(tzinfo=UTC)) if message.HasField(field) else None


def _money(message: Message, field: str) -> Money | None:
    if not message.HasField(field):
        return None
    amount: type_pb2.Money = getattr(message, field)
    return Money(amount.currency_code, amount.minor_units)
