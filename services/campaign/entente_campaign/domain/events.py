"""What happens in a collaboration, as its events tell it. Each is named as its message is."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from entente_campaign.domain.campaigns import Compensation, Deliverable
from entente_campaign.domain.words import DeclineReason, DeliverableKind, FeeStep, Mechanic, Party, Platform
from entente_chassis.money import Money


class ReminderKind(StrEnum):
    """What a reminder is for."""

    APPLICATION_UNANSWERED = "APPLICATION_UNANSWERED"
    RECEIPT_CONFIRMATION = "RECEIPT_CONFIRMATION"
    PUBLICATION_HALF_TIME = "PUBLICATION_HALF_TIME"
    PUBLICATION_CLOSE = "PUBLICATION_CLOSE"
    PUBLICATION_DAY = "PUBLICATION_DAY"
    INVITATION_UNANSWERED = "INVITATION_UNANSWERED"
    OFFER_UNANSWERED = "OFFER_UNANSWERED"
    CONTRACT_UNSIGNED = "CONTRACT_UNSIGNED"
    PARCEL_UNSENT = "PARCEL_UNSENT"
    COMPLETION_DUE = "COMPLETION_DUE"
    DISPUTE_OPEN = "DISPUTE_OPEN"


class DisputeOutcome(StrEnum):
    """What an operator decided."""

    RESUME = "RESUME"
    SETTLE = "SETTLE"
    CANCEL = "CANCEL"


@dataclass(frozen=True)
class CollaborationRef:
    """What an event is about: enough for a notification."""

    collaboration: str
    campaign: str
    brand: str
    creator: str
    campaign_title: str
    brand_display_name: str
    creator_display_name: str


@dataclass(frozen=True)
class AgreedDeliverable:
    """One piece of content of a collaboration."""

    id: str
    kind: DeliverableKind
    platform: Platform | None = None


@dataclass(frozen=True)
class Terms:
    """What is offered or agreed."""

    fee: Money | None = None
    gift_value: Money | None = None
    shipping_cost: Money | None = None
    deliverables: tuple[AgreedDeliverable, ...] = ()
    commission_basis_points: int = 0
    scale_fee_with_compliance: bool = False
    travel_costs: Money | None = None
    fee_steps: tuple[FeeStep, ...] = ()
    payment_days: int = 0

    def parcel(self, currency_code: str) -> Money:
        """What one parcel costs: the product and its shipping."""
        return Money.sum(currency_code, filter(None, (self.gift_value, self.shipping_cost)))

    def counted(self, parcels: int) -> Money | None:
        """What the French meter counts, in EUR: the fee and each gift; None when it is another currency."""
        gift = self.gift_value.scaled(max(parcels, 1), 1) if self.gift_value else None
        given = [amount for amount in (self.fee, gift) if amount is not None and amount.minor_units]
        if any(amount.currency_code != "EUR" for amount in given):
            return None
        return Money.sum("EUR", given)


@dataclass(frozen=True)
class Option:
    """One of several kinds of collaboration that an invitation offers, and what its terms would be."""

    id: str
    title: str
    compensation: Compensation
    mechanic: Mechanic | None = None
    deliverables: tuple[Deliverable, ...] = ()
    terms: Terms = field(default_factory=Terms)


@dataclass(frozen=True)
class Shipment:
    """A parcel."""

    carrier: str
    tracking_number: str
    tracking_url: str
    send_time: datetime
    receive_time: datetime | None = None
    loss_time: datetime | None = None
    loss_reason: str = ""


@dataclass(frozen=True)
class Post:
    """A published post."""

    url: str
    platform: Platform | None
    deliverable: str
    publish_time: datetime


@dataclass(frozen=True)
class Payable:
    """What a brand owes a creator."""

    collaboration: str
    campaign: str
    brand: str
    creator: str
    amount: Money
    agreed_fee: Money
    compliance_percent: int
    due_time: datetime
    create_time: datetime
    fee_percent: int = 100
    travel_costs: Money | None = None
    export: str = ""
    pay_time: datetime | None = None


@dataclass(frozen=True)
class Ratings:
    """How a brand rates a creator, each from 1 to 5."""

    audience_relevance: int
    content_quality: int
    engagement: int
    professionalism: int
    deadlines: int
    transparency: int


@dataclass(frozen=True)
class CreatorInvited:
    """A brand invited a creator."""

    ref: CollaborationRef
    platform: Platform | None
    message: str
    terms: Terms
    answer_deadline_time: datetime
    options: tuple[Option, ...] = ()
    reference: str = ""
    contact: str = ""


@dataclass(frozen=True)
class ApplicationReceived:
    """A creator applied."""

    ref: CollaborationRef
    platform: Platform | None
    message: str
    terms: Terms
    fit_score_hundredths: int | None


@dataclass(frozen=True)
class CollaborationPreselected:
    """A brand marked an application as one to choose from."""

    ref: CollaborationRef


@dataclass(frozen=True)
class CollaborationWaitlisted:
    """A brand put an application on the waiting list."""

    ref: CollaborationRef
    comment: str


@dataclass(frozen=True)
class PlaceOffered:
    """A place became free for a creator on the waiting list."""

    ref: CollaborationRef
    offer_deadline_time: datetime


@dataclass(frozen=True)
class CollaborationAccepted:
    """Both sides agreed."""

    ref: CollaborationRef
    by: Party
    comment: str
    platform: Platform | None
    terms: Terms
    shipment_needed: bool
    publication_due_time: datetime | None
    contract_needed: bool = False


@dataclass(frozen=True)
class CollaborationDeclined:
    """An application or invitation was declined."""

    ref: CollaborationRef
    by: Party
    reasons: tuple[DeclineReason, ...]
    comment: str


@dataclass(frozen=True)
class CollaborationWithdrawn:
    """Something was taken back, or the creator left."""

    ref: CollaborationRef
    by: Party
    reason: str
    was_accepted: bool


@dataclass(frozen=True)
class CollaborationExpired:
    """Nobody answered, or nothing was published, in time."""

    ref: CollaborationRef
    previous_state: str
    was_accepted: bool


@dataclass(frozen=True)
class CollaborationOverdue:
    """Nothing was published by the day."""

    ref: CollaborationRef
    publication_due_time: datetime
    grace_end_time: datetime


@dataclass(frozen=True)
class CollaborationCancelled:
    """A collaboration ended with its campaign, or because its content was refused for good."""

    ref: CollaborationRef
    reason: str
    was_accepted: bool


@dataclass(frozen=True)
class DisputeOpened:
    """A side does not agree with how it goes."""

    ref: CollaborationRef
    by: Party
    reason: str
    previous_state: str


@dataclass(frozen=True)
class DisputeResolved:
    """An operator decided a dispute."""

    ref: CollaborationRef
    outcome: DisputeOutcome
    reason: str
    creator_amount: Money | None
    state: str


@dataclass(frozen=True)
class CollaborationCompleted:
    """A brand closed a collaboration whose content is published."""

    ref: CollaborationRef
    platform: Platform | None
    on_time: bool
    publication_due_time: datetime | None
    publish_time: datetime | None
    compliance_percent: int | None


@dataclass(frozen=True)
class CollaborationRated:
    """A brand rated a collaboration."""

    ref: CollaborationRef
    ratings: Ratings
    comment: str
    work_again: bool | None = None


@dataclass(frozen=True)
class ShipmentSent:
    """A parcel was sent."""

    ref: CollaborationRef
    shipment: Shipment


@dataclass(frozen=True)
class ShipmentReceived:
    """A parcel came; the time to publish started."""

    ref: CollaborationRef
    receive_time: datetime
    publication_due_time: datetime


@dataclass(frozen=True)
class ShipmentLost:
    """A parcel was lost or is damaged."""

    ref: CollaborationRef
    shipment: Shipment


@dataclass(frozen=True)
class ContentPublished:
    """Content was published."""

    ref: CollaborationRef
    post: Post
    last: bool
    on_time: bool


@dataclass(frozen=True)
class ReminderDue:
    """Somebody is to be reminded."""

    ref: CollaborationRef
    kind: ReminderKind
    audience: Party
    due_time: datetime | None


@dataclass(frozen=True)
class PayableCreated:
    """A fee is owed because content was published."""

    ref: CollaborationRef
    payable: Payable


@dataclass(frozen=True)
class PayablePaid:
    """What was owed was paid."""

    ref: CollaborationRef
    payable: Payable


@dataclass(frozen=True)
class CollaborationContinued:
    """The campaign was cancelled, and this collaboration goes on to its end all the same."""

    ref: CollaborationRef
    reason: str


CollaborationEvent = (
    CreatorInvited
    | ApplicationReceived
    | CollaborationPreselected
    | CollaborationWaitlisted
    | PlaceOffered
    | CollaborationAccepted
    | CollaborationDeclined
    | CollaborationWithdrawn
    | CollaborationExpired
    | CollaborationOverdue
    | CollaborationCancelled
    | DisputeOpened
    | DisputeResolved
    | CollaborationCompleted
    | CollaborationRated
    | ShipmentSent
    | ShipmentReceived
    | ShipmentLost
    | ContentPublished
    | ReminderDue
    | PayableCreated
    | PayablePaid
    | CollaborationContinued
)
