"""Campaigns: what they hold, what is missing before they can be published, and the states they go through.

Each topic has a module; what the use cases need of them is here.
"""

from entente_campaign.domain.campaigns.events import (
    CampaignArchived,
    CampaignCancelled,
    CampaignChanged,
    CampaignCompleted,
    CampaignPaused,
    CampaignPublished,
    CampaignResumed,
    CampaignStarted,
    Decision,
)
from entente_campaign.domain.campaigns.model import (
    OPEN,
    Brief,
    Campaign,
    CampaignState,
    Compensation,
    Deliverable,
    MandatoryElement,
    Objective,
    Persona,
)
from entente_campaign.domain.campaigns.readiness import (
    compensation_problems,
    missing,
)
from entente_campaign.domain.campaigns.steps import (
    STEPS,
    archive,
    cancel,
    complete,
    first_waiting,
    next_due,
    pause,
    publish,
    require_open,
    reserve,
    resume,
    start,
)
from entente_campaign.domain.campaigns.writing import (
    clone,
    draft,
    edit,
)

__all__ = [
    "OPEN",
    "STEPS",
    "Brief",
    "Campaign",
    "CampaignArchived",
    "CampaignCancelled",
    "CampaignChanged",
    "CampaignCompleted",
    "CampaignPaused",
    "CampaignPublished",
    "CampaignResumed",
    "CampaignStarted",
    "CampaignState",
    "Compensation",
    "Decision",
    "Deliverable",
    "MandatoryElement",
    "Objective",
    "Persona",
    "archive",
    "cancel",
    "clone",
    "compensation_problems",
    "complete",
    "draft",
    "edit",
    "first_waiting",
    "missing",
    "next_due",
    "pause",
    "publish",
    "require_open",
    "reserve",
    "resume",
    "start",
]
