"""What the use cases work with, handed in as one."""

from dataclasses import dataclass
from datetime import timedelta

from entente_campaign.application.ports import Scorer
from entente_campaign.domain.bank_accounts import BankAccount
from entente_campaign.domain.brands import Brand
from entente_campaign.domain.campaigns import Campaign
from entente_campaign.domain.collaborations import Collaboration
from entente_campaign.domain.contracts import Contract
from entente_campaign.domain.exports import Export
from entente_campaign.domain.meter import Meter
from entente_chassis.clock import Clock
from entente_chassis.store.aggregates import Aggregates


@dataclass(frozen=True)
class Stores:
    """The aggregates of the service, the clock of their deadlines, and whom to ask about creators.

    Args:
        reservation_hold: domain time after which a reserved place that was not confirmed is settled by a clock.
    """

    brands: Aggregates[Brand]
    campaigns: Aggregates[Campaign]
    collaborations: Aggregates[Collaboration]
    contracts: Aggregates[Contract]
    meters: Aggregates[Meter]
    bank_accounts: Aggregates[BankAccount]
    exports: Aggregates[Export]
    clock: Clock
    scorer: Scorer
    reservation_hold: timedelta
