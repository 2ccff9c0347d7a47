"""What the use cases ask of others."""

from typing import Protocol

from entente_campaign.domain.campaigns import Campaign
from entente_campaign.domain.words import CreatorSummary, Platform


class Scorer(Protocol):
    """Says who a creator is, and how well it fits a campaign."""

    async def score(self, campaign: Campaign, creator: str, platform: Platform | None) -> CreatorSummary | None:
        """What is known of the creator; None when it cannot be asked now.

        Raises:
            NotFound: there is no such creator.
        """
        ...
