"""What review copies from campaign's events."""

from dataclasses import dataclass

from entente.campaign.v1 import events_pb2 as campaign_pb
from entente_chassis.consumer import Incoming, Routes
from entente_chassis.protomap import from_proto
from entente_review.application.commands import keep_brief, keep_collaboration
from entente_review.application.stores import Desk
from entente_review.domain.brief import AudienceShare, Brief, MandatoryElement
from entente_review.domain.copies import CollaborationCopy, Deliverable
from entente_review.domain.review import Subject


def routes(desk: Desk) -> Routes:
    """Which handler takes which event."""

    async def campaign_stands(event: Incoming[campaign_pb.CampaignSnapshot]) -> None:
        # A draft's brief may still change; what is published is pinned.
        if event.message.HasField("publish_time"):
            await keep_brief(desk, event.message.campaign, _brief(event.message), event.cause)

    async def collaboration_stands(event: Incoming[campaign_pb.CollaborationSnapshot]) -> None:
        await keep_collaboration(desk, event.message.ref.collaboration, _collaboration(event.message), event.cause)

    return {
        campaign_pb.CampaignSnapshot: campaign_stands,
        campaign_pb.CollaborationSnapshot: collaboration_stands,
    }


@dataclass(frozen=True)
class _Compensation:
    """How creators are rewarded, as a word."""

    model: str | None = None


@dataclass(frozen=True)
class _Words:
    """The enums of a collaboration, as words."""

    state: str | None = None
    platform: str | None = None


def _brief(message: campaign_pb.CampaignSnapshot) -> Brief:
    brief = message.brief
    return Brief(
        revision=message.brief_revision,
        brand_name=message.brand_display_name,
        product=brief.product_name,
        hashtags=tuple(brief.hashtags),
        mentions=tuple(brief.mentions),
        mandatory_elements=tuple(from_proto(MandatoryElement, element) for element in brief.mandatory_elements),
        forbidden_terms=tuple(brief.forbidden_terms),
        competitors=tuple(brief.competitors),
        link=brief.required_link,
        promo_code=brief.promo_code,
        languages=tuple(brief.languages),
        markets=tuple(message.markets),
        compensation=from_proto(_Compensation, message.compensation).model,
    )


def _collaboration(message: campaign_pb.CollaborationSnapshot) -> CollaborationCopy:
    words = from_proto(_Words, message)
    audience = message.audience.countries if message.HasField("audience") else ()
    return CollaborationCopy(
        subject=from_proto(Subject, message.ref),
        state=words.state or "",
        platform=words.platform,
        deliverables=tuple(from_proto(Deliverable, deliverable) for deliverable in message.terms.deliverables),
        audience=tuple(
            AudienceShare(entry.code, entry.weight if entry.HasField("weight") else None) for entry in audience
        ),
    )
