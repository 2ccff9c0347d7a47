"""Collaborations: one creator in one campaign, step by step.

Every step goes through ``_step``: it refuses what the table does not allow, and records who, when and why. A step is a
function of the collaboration as it stands, and returns the collaboration as it will be with the events that tell of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from entente_campaign.domain import events
from entente_campaign.domain.campaigns import Campaign
from entente_campaign.domain.events import (
    AgreedDeliverable,
    CollaborationEvent,
    CollaborationRef,
    Payable,
    Post,
    Ratings,
    ReminderKind,
    Shipment,
    Terms,
)
from entente_campaign.domain.names import collaboration_name, id_of
from entente_campaign.domain.words import (
    Actor,
    Audience,
    CreatorSummary,
    DeclineReason,
    FitReason,
    Party,
    Platform,
    Timeline,
    deadlines,
)
from entente_chassis.money import Money
from entente_chassis.refusal import Aborted, Denied, Invalid, Precondition, Violation

STEPS_KEPT = 100
VOIDED_KEPT = 16
FIT_ASKS = 40
_FIT_FIRST, _FIT_LAST = timedelta(minutes=1), timedelta(days=1)


class State(StrEnum):
    """Where a collaboration stands."""

    APPLIED = "APPLIED"
    INVITED = "INVITED"
    PRESELECTED = "PRESELECTED"
    SHIPMENT_PENDING = "SHIPMENT_PENDING"
    SHIPMENT_SENT = "SHIPMENT_SENT"
    CONTENT_DUE = "CONTENT_DUE"
    SUBMITTED = "SUBMITTED"
    CHANGES_REQUESTED = "CHANGES_REQUESTED"
    APPROVED = "APPROVED"
    PUBLISHED = "PUBLISHED"
    COMPLETED = "COMPLETED"
    RATED = "RATED"
    DECLINED = "DECLINED"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"
    OVERDUE = "OVERDUE"
    CANCELLED = "CANCELLED"


class Action(StrEnum):
    """What moves a collaboration."""

    APPLY = "APPLIED"
    INVITE = "INVITED"
    PRESELECT = "PRESELECTED"
    ACCEPT = "ACCEPTED"
    DECLINE = "DECLINED"
    WITHDRAW = "WITHDRAWN"
    EXPIRE = "EXPIRED"
    CANCEL = "CANCELLED"
    SHIP = "SHIPPED"
    RECEIVE = "RECEIVED"
    LOSE = "LOST"
    SUBMIT = "SUBMITTED"
    REQUEST_CHANGES = "CHANGES_REQUESTED"
    APPROVE = "APPROVED"
    PUBLISH = "PUBLISHED"
    COMPLETE = "COMPLETED"
    RATE = "RATED"
    FALL_OVERDUE = "OVERDUE"


_S, _A = State, Action
_ACCEPTED_INTO = frozenset({_S.SHIPMENT_PENDING, _S.CONTENT_DUE})
_REVIEWED = frozenset({_S.CONTENT_DUE, _S.SUBMITTED, _S.CHANGES_REQUESTED, _S.APPROVED})
_LEAVING = {_A.WITHDRAW: frozenset({_S.WITHDRAWN}), _A.CANCEL: frozenset({_S.CANCELLED})}
_ANSWERABLE = _LEAVING | {
    _A.ACCEPT: _ACCEPTED_INTO,
    _A.DECLINE: frozenset({_S.DECLINED}),
    _A.EXPIRE: frozenset({_S.EXPIRED}),
}
_IN_REVIEW = {_A.SUBMIT: _REVIEWED, _A.REQUEST_CHANGES: _REVIEWED, _A.APPROVE: _REVIEWED}
_LATE = {_A.FALL_OVERDUE: frozenset({_S.OVERDUE}), _A.EXPIRE: frozenset({_S.EXPIRED})}
_TO_PUBLISH = {_A.PUBLISH: frozenset({_S.APPROVED, _S.PUBLISHED})}

TABLE: Mapping[State, Mapping[Action, frozenset[State]]] = {
    _S.APPLIED: _ANSWERABLE | {_A.PRESELECT: frozenset({_S.PRESELECTED})},
    _S.INVITED: _ANSWERABLE,
    _S.PRESELECTED: _ANSWERABLE,
    _S.SHIPMENT_PENDING: _LEAVING | {_A.SHIP: frozenset({_S.SHIPMENT_SENT})},
    # Content that is submitted shows that the parcel came, whether or not its receipt was confirmed.
    _S.SHIPMENT_SENT: _LEAVING
    | _IN_REVIEW
    | {_A.RECEIVE: frozenset({_S.CONTENT_DUE}), _A.LOSE: frozenset({_S.SHIPMENT_PENDING})},
    _S.CONTENT_DUE: _LEAVING | _IN_REVIEW | _LATE,
    _S.SUBMITTED: _LEAVING | _IN_REVIEW,
    _S.CHANGES_REQUESTED: _LEAVING | _IN_REVIEW | _LATE,
    _S.APPROVED: _LEAVING | _IN_REVIEW | _LATE | _TO_PUBLISH,
    _S.OVERDUE: _LEAVING | _IN_REVIEW | _TO_PUBLISH | {_A.EXPIRE: frozenset({_S.EXPIRED})},
    _S.PUBLISHED: {_A.COMPLETE: frozenset({_S.COMPLETED})},
    _S.COMPLETED: {_A.RATE: frozenset({_S.RATED})},
    _S.RATED: {},
    _S.DECLINED: {},
    _S.WITHDRAWN: {},
    _S.EXPIRED: {},
    _S.CANCELLED: {},
}
"""From a state, by an action, into one of these states; nothing else happens."""

UNANSWERED = frozenset({State.APPLIED, State.INVITED, State.PRESELECTED})
CREATOR_AT_WORK = frozenset({State.CONTENT_DUE, State.CHANGES_REQUESTED, State.APPROVED})
ENDED_EARLY = frozenset({State.DECLINED, State.WITHDRAWN, State.EXPIRED, State.CANCELLED})
CANCELLABLE = frozenset(state for state, actions in TABLE.items() if Action.CANCEL in actions)


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
class Collaboration:
    """One creator in one campaign.

    Args:
        timeline: the campaign's deadlines, copied so that a clock needs this document alone.
        reservation: under which the place was taken when it was accepted.
        voided: reservations that may no longer be accepted with.
        reviews: by deliverable, as submissions name it.
        publication_start_time: when the time to publish began.
        reminded: the reminders that were sent, or whose moment has passed unused.
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
    def promised(self) -> Money:
        """What an acceptance takes of the budget."""
        given = (self.terms.fee, self.terms.gift_value, self.terms.shipping_cost)
        return Money.sum(self.currency_code, (amount for amount in given if amount))

    @property
    def sunk(self) -> Money:
        """What cannot be taken back although the creator has left: the parcel that was sent."""
        if not self.parcels_sent:
            return Money.zero(self.currency_code)
        return Money.sum(self.currency_code, filter(None, (self.terms.gift_value, self.terms.shipping_cost)))

    @property
    def cost(self) -> Money | None:
        """What it costs the brand as things stand; None when nothing."""
        if not self.was_accepted:
            return None
        if self.state in ENDED_EARLY:
            return self.sunk if self.parcels_sent else None
        if self.payable is None or self.terms.fee is None:
            return self.promised
        return self.promised - self.terms.fee + self.payable.amount

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


# -- how it begins ----------------------------------------------------------------------------------------------------


def apply(
    campaign: Campaign,
    creator: str,
    *,
    platform: Platform | None,
    message: str,
    fee: Money | None,
    summary: CreatorSummary | None,
    actor: Actor,
    now: datetime,
) -> Decision:
    """A creator asks to take part. ``summary`` is None when matching did not answer.

    Raises:
        Invalid: the platform or the fee is not the campaign's.
    """
    new = _new(campaign, creator, platform, message, fee, summary, Party.CREATOR, now)
    applied = _begin(new, State.APPLIED, Action.APPLY, actor, now)
    score = applied.fit.score_hundredths if applied.fit else None
    event = events.ApplicationReceived(applied.ref, applied.platform, message, applied.terms, score)
    return applied, (event,)


def invite(
    campaign: Campaign,
    creator: str,
    *,
    platform: Platform | None,
    message: str,
    fee: Money | None,
    summary: CreatorSummary | None,
    actor: Actor,
    now: datetime,
) -> Decision:
    """A brand asks a creator to take part. ``summary`` is None when matching did not answer.

    Raises:
        Invalid: the platform or the fee is not the campaign's.
    """
    new = _new(campaign, creator, platform, message, fee, summary, Party.BRAND, now)
    invited = _begin(new, State.INVITED, Action.INVITE, actor, now)
    event = events.CreatorInvited(invited.ref, invited.platform, message, invited.terms, invited.answer_deadline_time)
    return invited, (event,)


def _new(
    campaign: Campaign,
    creator: str,
    platform: Platform | None,
    message: str,
    fee: Money | None,
    summary: CreatorSummary | None,
    initiator: Party,
    now: datetime,
) -> Collaboration:
    assert campaign.budget is not None
    if platform and campaign.platforms and platform not in campaign.platforms:
        wanted = ", ".join(campaign.platforms)
        raise Invalid(
            "PLATFORM_NOT_WANTED",
            f"{campaign.name} does not run on {platform}: take one of {wanted}.",
            violations=[Violation("platform", f"must be one of {wanted}")],
        )
    if platform is None and len(campaign.platforms) == 1:
        platform = campaign.platforms[0]
    collaboration = Collaboration(
        name=collaboration_name(campaign.name, creator),
        campaign=campaign.name,
        brand=campaign.brand,
        creator=creator,
        campaign_title=campaign.title,
        brand_display_name=campaign.brand_display_name,
        creator_display_name=id_of(creator),
        state=State.APPLIED,
        initiator=initiator,
        create_time=now,
        update_time=now,
        answer_deadline_time=campaign.answer_deadline_time,
        currency_code=campaign.budget.currency_code,
        terms=_terms(campaign, fee),
        timeline=campaign.timeline,
        message=message,
        platform=platform,
    )
    return learn(collaboration, summary, now) if summary else ask_later(collaboration, now)


def _terms(campaign: Campaign, fee: Money | None) -> Terms:
    assert campaign.compensation is not None
    assert campaign.budget is not None
    assert campaign.brief is not None
    pay = campaign.compensation
    if fee is not None and pay.fee is None:
        raise Invalid(
            "FEE_NOT_OFFERED",
            f"{campaign.name} pays no fee: leave fee out.",
            violations=[Violation("fee", "must be left out")],
        )
    if fee is not None and fee.currency_code != campaign.budget.currency_code:
        raise Invalid(
            "CURRENCY_MISMATCH",
            f"{campaign.name} pays in {campaign.budget.currency_code}: give the fee in that currency.",
            violations=[Violation("fee.currency_code", f"must be {campaign.budget.currency_code}")],
        )
    agreed: list[AgreedDeliverable] = []
    for wanted in campaign.brief.deliverables:
        for _ in range(wanted.quantity or 1):
            number = sum(deliverable.kind is wanted.kind for deliverable in agreed) + 1
            agreed.append(AgreedDeliverable(f"{wanted.kind.lower()}-{number}", wanted.kind, wanted.platform))
    return Terms(
        fee=fee or pay.fee,
        gift_value=pay.gift_value,
        shipping_cost=pay.shipping_cost,
        deliverables=tuple(agreed),
        commission_basis_points=pay.commission_basis_points,
        scale_fee_with_compliance=pay.scale_fee_with_compliance,
    )


def _begin(new: Collaboration, state: State, action: Action, actor: Actor, now: datetime) -> Collaboration:
    return replace(new, state=state, history=(Step(now, action, state, actor.subject, actor.party),))


# -- what matching says -----------------------------------------------------------------------------------------------


def learn(collaboration: Collaboration, summary: CreatorSummary, now: datetime) -> Collaboration:
    """Take what matching says of the creator."""
    fit = None
    if summary.score_hundredths is not None:
        fit = Fit(summary.score_hundredths, summary.reasons, summary.formula_version, now)
    same_account = collaboration.platform in (None, summary.platform)
    return replace(
        collaboration,
        creator_display_name=summary.display_name or collaboration.creator_display_name,
        platform=collaboration.platform or summary.platform,
        followers=summary.followers if same_account else None,
        audience=summary.audience if same_account else None,
        fit=fit,
        fit_ask_time=None,
        update_time=now,
    )


def ask_later(collaboration: Collaboration, now: datetime) -> Collaboration:
    """Matching did not answer: ask it again, ever more rarely, and some day no more."""
    wait = min(_FIT_FIRST * 2**collaboration.fit_asks, _FIT_LAST)
    again = now + wait if collaboration.fit_asks < FIT_ASKS else None
    return replace(collaboration, fit_ask_time=again, fit_asks=collaboration.fit_asks + 1)


# -- the answer -------------------------------------------------------------------------------------------------------


def preselect(collaboration: Collaboration, *, actor: Actor, now: datetime) -> Decision:
    """The brand marks an application as one to choose from."""
    moved = _step(collaboration, Action.PRESELECT, State.PRESELECTED, actor, now)
    return moved, (events.CollaborationPreselected(moved.ref),)


def answerer(collaboration: Collaboration) -> Party:
    """Whose answer is awaited."""
    return Party.CREATOR if collaboration.initiator is Party.BRAND else Party.BRAND


def require_acceptable(collaboration: Collaboration, *, by: Party) -> None:
    """Refuse unless ``by`` may accept it as it stands.

    Raises:
        Precondition: it stands elsewhere, or the other side is to answer.
    """
    if Action.ACCEPT not in TABLE[collaboration.state]:
        raise _not_allowed(collaboration, Action.ACCEPT)
    require_answered_by(collaboration, by)


def accept(collaboration: Collaboration, *, reservation: str, comment: str, actor: Actor, now: datetime) -> Decision:
    """The side that was asked agrees. Its place was reserved under ``reservation``.

    Raises:
        Aborted: the reservation lapsed meanwhile: reserve anew.
        Precondition: it stands elsewhere, or the other side is to answer.
    """
    require_acceptable(collaboration, by=actor.party)
    if reservation in collaboration.voided:
        raise Aborted("RESERVATION_LAPSED", "The reserved place was given back meanwhile: repeat the request.")
    needs_parcel = collaboration.terms.gift_value is not None
    to = State.SHIPMENT_PENDING if needs_parcel else State.CONTENT_DUE
    moved = _step(collaboration, Action.ACCEPT, to, actor, now, comment)
    moved = replace(moved, accept_time=now, reservation=reservation)
    if not needs_parcel:
        moved = _start_clock(moved, now)
    event = events.CollaborationAccepted(
        moved.ref,
        _by(actor, answerer(collaboration)),
        comment,
        moved.platform,
        moved.terms,
        needs_parcel,
        moved.publication_due_time,
    )
    return moved, (event,)


def void(collaboration: Collaboration, reservation: str) -> Collaboration:
    """Make sure that this reservation is never accepted with, unless it was."""
    if collaboration.reservation == reservation or reservation in collaboration.voided:
        return collaboration
    return replace(collaboration, voided=(*collaboration.voided, reservation)[-VOIDED_KEPT:])


def decline(
    collaboration: Collaboration, *, reasons: Sequence[DeclineReason], comment: str, actor: Actor, now: datetime
) -> Decision:
    """The side that was asked says no."""
    if Action.DECLINE in TABLE[collaboration.state]:
        require_answered_by(collaboration, actor.party)
    why = "; ".join(filter(None, (", ".join(reasons), comment)))
    moved = _step(collaboration, Action.DECLINE, State.DECLINED, actor, now, why)
    moved = replace(moved, decline_reasons=tuple(reasons))
    by = _by(actor, answerer(collaboration))
    return moved, (events.CollaborationDeclined(moved.ref, by, tuple(reasons), comment),)


def withdraw(collaboration: Collaboration, *, reason: str, actor: Actor, now: datetime) -> Decision:
    """The creator takes an application back or leaves, or the brand takes an invitation back.

    Raises:
        Denied: it is the other side's to do.
        Precondition: it stands elsewhere.
    """
    if Action.WITHDRAW not in TABLE[collaboration.state]:
        raise _not_allowed(collaboration, Action.WITHDRAW)
    if actor.party is Party.BRAND and collaboration.state is not State.INVITED:
        raise Denied(
            "NOT_YOURS_TO_WITHDRAW",
            "A brand can take back an invitation without an answer; decline an application, or cancel the campaign.",
        )
    if actor.party is Party.CREATOR and collaboration.state is State.INVITED:
        raise Denied("NOT_YOURS_TO_WITHDRAW", "Answer an invitation with RespondToInvitation.")
    moved = _step(collaboration, Action.WITHDRAW, State.WITHDRAWN, actor, now, reason)
    return moved, (events.CollaborationWithdrawn(moved.ref, actor.party, reason, collaboration.was_accepted),)


def expire(collaboration: Collaboration, *, actor: Actor, now: datetime, reason: str) -> Decision:
    """Time is up."""
    moved = _step(collaboration, Action.EXPIRE, State.EXPIRED, actor, now, reason)
    return moved, (events.CollaborationExpired(moved.ref, collaboration.state, collaboration.was_accepted),)


def cancel(collaboration: Collaboration, *, reason: str, actor: Actor, now: datetime) -> Decision:
    """It ends with its campaign, or because its content was refused for good."""
    moved = _step(collaboration, Action.CANCEL, State.CANCELLED, actor, now, reason)
    return moved, (events.CollaborationCancelled(moved.ref, reason, collaboration.was_accepted),)


# -- the parcel -------------------------------------------------------------------------------------------------------


def ship(
    collaboration: Collaboration,
    *,
    carrier: str,
    tracking_number: str,
    tracking_url: str,
    actor: Actor,
    now: datetime,
) -> Decision:
    """The brand sent the parcel."""
    moved = _step(collaboration, Action.SHIP, State.SHIPMENT_SENT, actor, now, f"{carrier} {tracking_number}".strip())
    parcel = Shipment(carrier, tracking_number, tracking_url, send_time=now)
    moved = replace(
        moved,
        shipment=parcel,
        parcels_sent=collaboration.parcels_sent + 1,
        # Each parcel has a reminder of its own.
        reminded=tuple(kind for kind in moved.reminded if kind is not ReminderKind.RECEIPT_CONFIRMATION),
    )
    return moved, (events.ShipmentSent(moved.ref, parcel),)


def receive(collaboration: Collaboration, *, actor: Actor, now: datetime) -> Decision:
    """The parcel came: the time to publish starts."""
    moved = _step(collaboration, Action.RECEIVE, State.CONTENT_DUE, actor, now)
    return _received(moved, now)


def lose(collaboration: Collaboration, *, reason: str, actor: Actor, now: datetime) -> Decision:
    """The parcel was lost or is damaged: the brand is to send another one."""
    moved = _step(collaboration, Action.LOSE, State.SHIPMENT_PENDING, actor, now, reason)
    assert moved.shipment is not None
    parcel = replace(moved.shipment, loss_time=now, loss_reason=reason)
    moved = replace(moved, shipment=parcel)
    return moved, (events.ShipmentLost(moved.ref, parcel),)


def _received(collaboration: Collaboration, now: datetime) -> Decision:
    assert collaboration.shipment is not None
    parcel = replace(collaboration.shipment, receive_time=now)
    moved = _start_clock(replace(collaboration, shipment=parcel), now)
    assert moved.publication_due_time is not None
    return moved, (events.ShipmentReceived(moved.ref, now, moved.publication_due_time),)


def _start_clock(collaboration: Collaboration, now: datetime) -> Collaboration:
    days = deadlines(collaboration.timeline, collaboration.platform).publication
    return replace(collaboration, publication_start_time=now, publication_due_time=now + timedelta(days=days))


# -- the review, as the review service tells it ------------------------------------------------------------------------


def submitted(collaboration: Collaboration, *, deliverable: str, version: int, actor: Actor, now: datetime) -> Decision:
    """A version of a deliverable waits for the brand."""
    return _reviewed(collaboration, Action.SUBMIT, deliverable, Review(ReviewState.SUBMITTED, version), actor, now)


def changes_requested(
    collaboration: Collaboration, *, deliverable: str, version: int, actor: Actor, now: datetime
) -> Decision:
    """A version of a deliverable was sent back."""
    review = Review(ReviewState.CHANGES_REQUESTED, version)
    return _reviewed(collaboration, Action.REQUEST_CHANGES, deliverable, review, actor, now)


def approved(
    collaboration: Collaboration,
    *,
    deliverable: str,
    version: int,
    compliance_percent: int,
    actor: Actor,
    now: datetime,
) -> Decision:
    """A deliverable was approved, with the compliance that was granted."""
    review = Review(ReviewState.APPROVED, version, compliance_percent)
    return _reviewed(collaboration, Action.APPROVE, deliverable, review, actor, now)


def _reviewed(
    collaboration: Collaboration, action: Action, deliverable: str, review: Review, actor: Actor, now: datetime
) -> Decision:
    changed = replace(collaboration, reviews={**collaboration.reviews, deliverable: review})
    moved = _step(changed, action, _state_of_reviews(changed), actor, now, f"{deliverable}, version {review.version}")
    told: tuple[CollaborationEvent, ...] = ()
    if collaboration.state is State.SHIPMENT_SENT:
        moved, told = _received(moved, now)
    if moved.state in CREATOR_AT_WORK:
        moved = _pass_over_reminders(moved, now)
        if moved.grace_end_time is not None:
            # The days of grace are the creator's: those in which the brand reviewed do not count.
            grace = timedelta(days=deadlines(moved.timeline, moved.platform).grace)
            moved = replace(moved, grace_end_time=max(moved.grace_end_time, now + grace))
    return moved, told


def _state_of_reviews(collaboration: Collaboration) -> State:
    states = {review.state for review in collaboration.reviews.values()}
    if ReviewState.CHANGES_REQUESTED in states:
        return State.CHANGES_REQUESTED
    if ReviewState.SUBMITTED in states:
        return State.SUBMITTED
    return State.APPROVED if collaboration.is_approved else State.CONTENT_DUE


# -- publication and end ----------------------------------------------------------------------------------------------


def report_post(
    collaboration: Collaboration,
    *,
    url: str,
    platform: Platform | None,
    deliverable: str,
    publish_time: datetime | None,
    actor: Actor,
    now: datetime,
) -> Decision | None:
    """The creator says where content was published; nothing to do for an address that is known.

    Raises:
        Precondition: the content is not approved.
        Invalid: it was published in the future.
    """
    if any(post.url == url for post in collaboration.posts):
        return None
    if publish_time is not None and publish_time > now:
        raise Invalid(
            "PUBLISHED_IN_FUTURE",
            "publish_time is in the future: report content once it is published.",
            violations=[Violation("publish_time", "must not be in the future", "FUTURE")],
        )
    if Action.PUBLISH not in TABLE[collaboration.state] or not collaboration.is_approved:
        raise Precondition(
            "CONTENT_NOT_APPROVED",
            f"{collaboration.name} is {collaboration.state}: content can be published once all of it is approved.",
            state=collaboration.state,
        )
    post = Post(url, platform or collaboration.platform, deliverable, publish_time or now)
    posts = (*collaboration.posts, post)
    last = len(posts) >= max(1, len(collaboration.terms.deliverables))
    to = State.PUBLISHED if last else State.APPROVED
    moved = replace(_step(collaboration, Action.PUBLISH, to, actor, now, url), posts=posts)
    told: list[CollaborationEvent] = []
    if last:
        moved = replace(moved, publish_time=max(each.publish_time for each in posts))
    in_time = moved.publication_due_time is None or post.publish_time <= moved.publication_due_time
    told.append(events.ContentPublished(moved.ref, post, last, in_time))
    if last and (payable := _payable(moved, now)):
        moved = replace(moved, payable=payable)
        told.append(events.PayableCreated(moved.ref, payable))
    return moved, tuple(told)


def _payable(collaboration: Collaboration, now: datetime) -> Payable | None:
    fee = collaboration.terms.fee
    if fee is None or fee.minor_units <= 0:
        return None
    compliance = collaboration.compliance_percent
    percent = 100 if compliance is None else compliance
    amount = fee.scaled(percent, 100) if collaboration.terms.scale_fee_with_compliance else fee
    days = deadlines(collaboration.timeline, collaboration.platform).payment
    return Payable(
        collaboration=collaboration.name,
        campaign=collaboration.campaign,
        brand=collaboration.brand,
        creator=collaboration.creator,
        amount=amount,
        agreed_fee=fee,
        compliance_percent=percent,
        due_time=now + timedelta(days=days),
        create_time=now,
    )


def complete(collaboration: Collaboration, *, actor: Actor, now: datetime) -> Decision:
    """The brand closes a collaboration whose content is published."""
    moved = _step(collaboration, Action.COMPLETE, State.COMPLETED, actor, now)
    event = events.CollaborationCompleted(
        moved.ref,
        moved.platform,
        moved.on_time,
        moved.publication_due_time,
        moved.publish_time,
        moved.compliance_percent,
    )
    return moved, (event,)


def rate(collaboration: Collaboration, *, ratings: Ratings, comment: str, actor: Actor, now: datetime) -> Decision:
    """The brand rates a completed collaboration."""
    moved = _step(collaboration, Action.RATE, State.RATED, actor, now)
    moved = replace(moved, ratings=ratings, rating_comment=comment)
    return moved, (events.CollaborationRated(moved.ref, ratings, comment),)


# -- its clocks -------------------------------------------------------------------------------------------------------

_PUBLICATION = (ReminderKind.PUBLICATION_HALF_TIME, ReminderKind.PUBLICATION_CLOSE, ReminderKind.PUBLICATION_DAY)


def reminders(collaboration: Collaboration) -> list[tuple[datetime, ReminderKind]]:
    """The reminders that are still to come while it stands where it does, in order."""
    limits = deadlines(collaboration.timeline, collaboration.platform)
    moments: list[tuple[datetime, ReminderKind]] = []
    if collaboration.state in (State.APPLIED, State.PRESELECTED):
        waited = collaboration.create_time + timedelta(days=limits.application_reminder)
        moments = [(waited, ReminderKind.APPLICATION_UNANSWERED)]
    elif collaboration.state is State.SHIPMENT_SENT and collaboration.shipment:
        waited = collaboration.shipment.send_time + timedelta(days=limits.receipt_reminder)
        moments = [(waited, ReminderKind.RECEIPT_CONFIRMATION)]
    elif collaboration.state in CREATOR_AT_WORK:
        moments = _publication_moments(collaboration)
    return [(moment, kind) for moment, kind in moments if kind not in collaboration.reminded]


def _publication_moments(collaboration: Collaboration) -> list[tuple[datetime, ReminderKind]]:
    start, due = collaboration.publication_start_time, collaboration.publication_due_time
    if start is None or due is None:
        return []
    span = due - start
    close = start + span * 4 / 5
    half = start + span / 2
    return list(zip((half, close, max(close, due - timedelta(days=1))), _PUBLICATION, strict=True))


def next_due(collaboration: Collaboration) -> datetime | None:
    """When a clock of it rings next."""
    moments = [moment for moment, _ in reminders(collaboration)]
    if collaboration.state in UNANSWERED:
        moments.append(collaboration.answer_deadline_time)
    if collaboration.state in CREATOR_AT_WORK or collaboration.state is State.OVERDUE:
        late = collaboration.grace_end_time or collaboration.publication_due_time
        moments += [late] if late else []
    if collaboration.fit_ask_time is not None and collaboration.state not in ENDED_EARLY:
        moments.append(collaboration.fit_ask_time)
    return min(moments, default=None)


def ring(collaboration: Collaboration, *, actor: Actor, now: datetime) -> Decision | None:
    """What the clocks bring about at this moment; nothing when none has rung.

    One thing at a time: whoever was long away finds the latest reminder, or the end, and not all that was missed.
    """
    if collaboration.state in UNANSWERED and collaboration.answer_deadline_time <= now:
        return expire(collaboration, actor=actor, now=now, reason="not answered in time")
    if collaboration.state in CREATOR_AT_WORK or collaboration.state is State.OVERDUE:
        if collaboration.grace_end_time is not None:
            if collaboration.grace_end_time <= now:
                return expire(collaboration, actor=actor, now=now, reason="not published in time")
        elif collaboration.publication_due_time is not None and collaboration.publication_due_time <= now:
            return _fall_overdue(collaboration, actor, now)
    passed = [kind for moment, kind in reminders(collaboration) if moment <= now]
    if not passed:
        return None
    reminded = replace(collaboration, reminded=(*collaboration.reminded, *passed), update_time=now)
    return reminded, (_reminder(reminded, passed[-1]),)


def _fall_overdue(collaboration: Collaboration, actor: Actor, now: datetime) -> Decision:
    assert collaboration.publication_due_time is not None
    moved = _step(collaboration, Action.FALL_OVERDUE, State.OVERDUE, actor, now)
    # From now, and not from the day: after an outage the creator still has all the days of grace.
    grace_end = now + timedelta(days=deadlines(moved.timeline, moved.platform).grace)
    moved = replace(moved, grace_end_time=grace_end, reminded=tuple(dict.fromkeys((*moved.reminded, *_PUBLICATION))))
    return moved, (events.CollaborationOverdue(moved.ref, collaboration.publication_due_time, grace_end),)


def _pass_over_reminders(collaboration: Collaboration, now: datetime) -> Collaboration:
    """Reminders whose moment passed while the creator could do nothing are not caught up."""
    passed = tuple(kind for moment, kind in reminders(collaboration) if moment <= now)
    return replace(collaboration, reminded=(*collaboration.reminded, *passed))


def _reminder(collaboration: Collaboration, kind: ReminderKind) -> events.ReminderDue:
    if kind is ReminderKind.APPLICATION_UNANSWERED:
        return events.ReminderDue(collaboration.ref, kind, Party.BRAND, collaboration.answer_deadline_time)
    due = collaboration.publication_due_time if kind in _PUBLICATION else None
    return events.ReminderDue(collaboration.ref, kind, Party.CREATOR, due)


# -- the one way to move ----------------------------------------------------------------------------------------------


def _step(
    collaboration: Collaboration, action: Action, to: State, actor: Actor, now: datetime, reason: str = ""
) -> Collaboration:
    if to not in TABLE[collaboration.state].get(action, frozenset()):
        raise _not_allowed(collaboration, action)
    step = Step(now, action, to, actor.subject, actor.party, reason)
    return replace(collaboration, state=to, update_time=now, history=(*collaboration.history, step)[-STEPS_KEPT:])


def _not_allowed(collaboration: Collaboration, action: Action) -> Precondition:
    origins = ", ".join(sorted(state for state, actions in TABLE.items() if action in actions))
    return Precondition(
        "COLLABORATION_STEP_NOT_ALLOWED",
        f"{collaboration.name} is {collaboration.state}: it can be {action} only from {origins}.",
        state=collaboration.state,
        action=action,
    )


def require_answered_by(collaboration: Collaboration, by: Party) -> None:
    """Refuse the answer of the side that asked. Operators and services may answer for either.

    Raises:
        Precondition: the other side is to answer.
    """
    expected = answerer(collaboration)
    if by in (Party.BRAND, Party.CREATOR) and by is not expected:
        raise Precondition(
            "OTHER_SIDE_ANSWERS",
            f"{collaboration.name}: the {expected.lower()} is to answer.",
            state=collaboration.state,
        )


def _by(actor: Actor, side: Party) -> Party:
    """For which side an answer counts: an operator answers in the stead of the side that was asked."""
    return actor.party if actor.party in (Party.BRAND, Party.CREATOR) else side
