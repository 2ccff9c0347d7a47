"""A collaboration as it is kept: one creator in one campaign."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from entente_campaign.domain.calendars import Calendar
from entente_campaign.domain.collaborations.states import ENDED_EARLY, State
from entente_campaign.domain.events import (
    CollaborationEvent,
    CollaborationRef,
    DisputeOutcome,
    Option,
    Payable,
    Post,
    Ratings,
    ReminderKind,
    Shipment,
    Terms,
)
from entente_campaign.domain.meter import ContractNeed
from entente_campaign.domain.words import Audience, DeclineReason, FitReason, Party, Platform, Timeline
from entente_chassis.money import Money

STEPS_KEPT = 100
VOIDED_KEPT = 16
FIT_ASKS = 40


class ReviewState(StrEnum):
    """Where the review of a deliverable stands."""

    SUBMITTED = "SUBMITTED"
    CHANGES_REQUESTED = "CHANGES_REQUESTED"
    APPROVED = "APPROVED"


@dataclass(frozen=True)
class Review:
    """The review of one deliverable, as the review service told it."""

    state: ReviewState
    version: int
    compliance_percent: int | None = None


@dataclass(frozen=True)
class Step:
    """Who did what, when and why."""

    time: datetime
    action: str
    state: State
    actor: str
    party: Party
    reason: str = ""


@dataclass(frozen=True)
class Fit:
    """How the creator fits, as matching said."""

    score_hundredths: int
    reasons: tuple[FitReason, ...]
    formula_version: str
    compute_time: datetime


@dataclass(frozen=True)
class Offer:
    """A place that is held for a creator on the waiting list.

    Args:
        reservation: under which it is held.
        deadline_time: by when it has to be taken.
    """

    reservation: str
    deadline_time: datetime


@dataclass(frozen=True)
class Resolution:
    """What an operator decided of a dispute.

    Args:
        creator_amount: what the creator is paid in all; None where the outcome does not say it anew.
    """

    outcome: DisputeOutcome
    reason: str
    creator_amount: Money | None
    resolver: str
    resolve_time: datetime


@dataclass(frozen=True)
class Dispute:
    """A disagreement on record."""

    opened_by: Party
    opener: str
    reason: str
    open_time: datetime
    previous_state: State
    resolution: Resolution | None = None


@dataclass(frozen=True)
class Collaboration:
    """One creator in one campaign.

    Args:
        timeline: the campaign's deadlines, copied so that a clock needs this document alone.
        reservation: under which the place was taken when it was accepted.
        voided: reservations that may no longer be accepted with.
        reviews: by deliverable, as submissions name it.
        publication_start_time: when the time to publish began.
        reminded: the reminders that were sent, or whose moment has passed unused.
        calendar: the campaign's, copied as well.
        waitlist_time: since when it was on the waiting list; who waits longest is offered a place first.
        dispute: the last one; those before it, which were decided to go on, are kept as well.
        contract_need: whether a written contract is needed, as it was counted when it was accepted.
        contract_version: the version that both sides accepted; 0 before.
        options: what an invitation offers to choose from; ``option`` is the one that was chosen.
        continued: whether it goes on although its campaign was cancelled.
        fit_ask_time: when matching is asked again; None when it has answered or never will.
    """

    name: str
    campaign: str
    brand: str
    creator: str
    campaign_title: str
    brand_display_name: str
    creator_display_name: str
    state: State
    initiator: Party
    create_time: datetime
    update_time: datetime
    answer_deadline_time: datetime
    currency_code: str
    terms: Terms
    timeline: Timeline
    message: str = ""
    platform: Platform | None = None
    followers: int | None = None
    audience: Audience | None = None
    fit: Fit | None = None
    fit_ask_time: datetime | None = None
    fit_asks: int = 0
    accept_time: datetime | None = None
    reservation: str = ""
    voided: tuple[str, ...] = ()
    shipment: Shipment | None = None
    parcels_sent: int = 0
    publication_start_time: datetime | None = None
    publication_due_time: datetime | None = None
    grace_end_time: datetime | None = None
    reviews: dict[str, Review] = field(default_factory=dict)
    posts: tuple[Post, ...] = ()
    publish_time: datetime | None = None
    payable: Payable | None = None
    decline_reasons: tuple[DeclineReason, ...] = ()
    ratings: Ratings | None = None
    rating_comment: str = ""
    reminded: tuple[ReminderKind, ...] = ()
    calendar: Calendar = field(default_factory=Calendar)
    waitlist_time: datetime | None = None
    offer: Offer | None = None
    dispute: Dispute | None = None
    earlier_disputes: tuple[Dispute, ...] = ()
    contract_need: ContractNeed | None = None
    contract_version: int = 0
    contract_sha256: str = ""
    contract_time: datetime | None = None
    options: tuple[Option, ...] = ()
    option: str = ""
    reference: str = ""
    contact: str = ""
    work_again: bool | None = None
    continued: bool = False
    markets: tuple[str, ...] = ()
    history: tuple[Step, ...] = ()

    @property
    def ref(self) -> CollaborationRef:
        """What its events are about."""
        return CollaborationRef(
            collaboration=self.name,
            campaign=self.campaign,
            brand=self.brand,
            creator=self.creator,
            campaign_title=self.campaign_title,
            brand_display_name=self.brand_display_name,
            creator_display_name=self.creator_display_name,
        )

    @property
    def was_accepted(self) -> bool:
        """Whether both sides had agreed, whatever came after."""
        return self.accept_time is not None

    @property
    def was_settled(self) -> bool:
        """Whether an operator has said what the creator is paid."""
        resolution = self.dispute.resolution if self.dispute else None
        return resolution is not None and resolution.creator_amount is not None

    @property
    def promised(self) -> Money:
        """What it takes of the budget: what is agreed, with each parcel that had to be sent."""
        return self.promised_under(self.terms, self.parcels_sent)

    def promised_under(self, terms: Terms, parcels: int) -> Money:
        """What it would take under these terms, if so many parcels have to be sent; there is one at least."""
        money = Money.sum(self.currency_code, filter(None, (terms.fee, terms.travel_costs)))
        return money + terms.parcel(self.currency_code).scaled(max(parcels, 1), 1)

    @property
    def sunk(self) -> Money:
        """What cannot be taken back although the creator has left: the parcels that were sent, lost ones too."""
        return self.terms.parcel(self.currency_code).scaled(self.parcels_sent, 1)

    @property
    def cost(self) -> Money | None:
        """What it costs the brand as things stand; None when nothing."""
        if not self.was_accepted:
            return None
        if self.state in ENDED_EARLY:
            return self.sunk if self.parcels_sent else None
        if self.payable is None and not self.was_settled:
            return self.promised
        parcels = self.terms.parcel(self.currency_code).scaled(max(self.parcels_sent, 1), 1)
        return parcels + self.payable.amount if self.payable else parcels

    @property
    def compliance_percent(self) -> int | None:
        """Mean granted compliance of what was approved, rounded down."""
        granted = [
            review.compliance_percent
            for review in self.reviews.values()
            if review.state is ReviewState.APPROVED and review.compliance_percent is not None
        ]
        return sum(granted) // len(granted) if granted else None

    @property
    def is_approved(self) -> bool:
        """Whether as many deliverables are approved as were agreed, and no other is open."""
        approved = sum(review.state is ReviewState.APPROVED for review in self.reviews.values())
        return approved == len(self.reviews) and approved >= max(1, len(self.terms.deliverables))

    @property
    def on_time(self) -> bool:
        """Whether it was published by the day."""
        due, done = self.publication_due_time, self.publish_time
        return done is not None and (due is None or done <= due)


Decision = tuple[Collaboration, tuple[CollaborationEvent, ...]]
