"""What happens to a campaign, as its events tell it. Each is named as its message is."""

from dataclasses import dataclass
from datetime import datetime

from entente_campaign.domain.campaigns.model import Campaign, Objective


@dataclass(frozen=True)
class CampaignPublished:
    """A campaign was published."""

    campaign: str
    brand: str
    brand_display_name: str
    campaign_title: str
    objective: Objective
    brief_revision: int
    start_time: datetime
    end_time: datetime


@dataclass(frozen=True)
class CampaignStarted:
    """A campaign started."""

    campaign: str
    brand: str
    campaign_title: str


@dataclass(frozen=True)
class CampaignPaused:
    """A campaign takes nobody new for a while."""

    campaign: str
    brand: str
    campaign_title: str
    reason: str


@dataclass(frozen=True)
class CampaignResumed:
    """A pause ended."""

    campaign: str
    brand: str
    campaign_title: str


@dataclass(frozen=True)
class CampaignCancelled:
    """A campaign ended before its time."""

    campaign: str
    brand: str
    campaign_title: str
    reason: str


@dataclass(frozen=True)
class CampaignCompleted:
    """A campaign ended."""

    campaign: str
    brand: str
    campaign_title: str


@dataclass(frozen=True)
class CampaignArchived:
    """A campaign was put away."""

    campaign: str
    brand: str
    campaign_title: str


@dataclass(frozen=True)
class CampaignChanged:
    """Fields changed after publication. ``creators`` are those to tell."""

    campaign: str
    brand: str
    campaign_title: str
    fields: tuple[str, ...]
    creators: tuple[str, ...]
    end_time: datetime | None
    application_deadline_time: datetime | None


CampaignEvent = (
    CampaignPublished
    | CampaignStarted
    | CampaignPaused
    | CampaignResumed
    | CampaignCancelled
    | CampaignCompleted
    | CampaignArchived
    | CampaignChanged
)
Decision = tuple[Campaign, tuple[CampaignEvent, ...]]
