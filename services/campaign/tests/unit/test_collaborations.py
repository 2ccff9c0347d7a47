from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entente_campaign.domain import collaborations as steps
from entente_campaign.domain import events
from entente_campaign.domain.campaigns import Brief, Campaign, CampaignState, Compensation, Deliverable
from entente_campaign.domain.collaborations import TABLE, Collaboration, Decision, Proposal, State
from entente_campaign.domain.events import DisputeOutcome, Ratings, ReminderDue, ReminderKind
from entente_campaign.domain.words import (
    Actor,
    Audience,
    CompensationModel,
    CreatorSummary,
    DeclineReason,
    DeliverableKind,
    Party,
    Platform,
    Timeline,
    WeightedCode,
)
from entente_chassis.money import Money
from entente_chassis.refusal import Aborted, Denied, Invalid, Precondition, Refusal

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
BRAND = Actor("accounts/lune", Party.BRAND)
CREATOR = Actor("accounts/ana", Party.CREATOR)
OPERATOR = Actor("accounts/op", Party.OPERATOR)
CLOCK = Actor("services/campaign", Party.SYSTEM)
REVIEW = Actor("services/review", Party.SYSTEM)
RATINGS = Ratings(5, 4, 5, 4, 5, 3)


def campaign(*, fee: int = 0, gift: int = 4000, reels: int = 1, **values: Any) -> Campaign:
    given: dict[str, Any] = {
        "state": CampaignState.RUNNING,
        "brief": Brief(deliverables=(Deliverable(DeliverableKind.REEL, reels),)),
        "compensation": Compensation(
            CompensationModel.FIXED_FEE if fee else CompensationModel.GIFTED,
            fee=Money("EUR", fee) if fee else None,
            gift_value=Money("EUR", gift) if gift else None,
            shipping_cost=Money("EUR", 500) if gift else None,
        ),
        "budget": Money("EUR", 1_000_000),
        "places": 10,
        "end_time": NOW + 90 * DAY,
        "publish_time": NOW,
        # At their exact moment; test_calendars.py has the business days.
        "timeline": Timeline(any_day_reminders=True),
    }
    return Campaign("campaigns/c", "brands/lune", "Maison Lune", "Rituel du soir", NOW, NOW, **given | values)


def applied(of: Campaign | None = None, **values: Any) -> Collaboration:
    proposal = Proposal("creators/ana", **{"platform": Platform.INSTAGRAM} | values)
    return steps.apply(of or campaign(), proposal, None, actor=CREATOR, now=NOW)[0]


def invited(of: Campaign | None = None) -> Collaboration:
    proposal = Proposal("creators/ana", Platform.INSTAGRAM, message="Votre routine du 3 mars")
    return steps.invite(of or campaign(), proposal, None, actor=BRAND, now=NOW)[0]


def accepted(of: Campaign | None = None, **values: Any) -> Collaboration:
    return steps.accept(applied(of, **values), reservation="r", comment="", actor=BRAND, now=NOW)[0]


def at_work(of: Campaign | None = None, **values: Any) -> Collaboration:
    return steps.receive(shipped(of, **values), actor=CREATOR, now=NOW)[0]


def shipped(of: Campaign | None = None, **values: Any) -> Collaboration:
    return steps.ship(
        accepted(of, **values), carrier="Colissimo", tracking_number="6A1", tracking_url="", actor=BRAND, now=NOW
    )[0]


def approve(of: Collaboration, deliverable: str = "reel-1", percent: int = 100, now: datetime = NOW) -> Collaboration:
    return steps.approved(of, deliverable=deliverable, version=1, compliance_percent=percent, actor=REVIEW, now=now)[0]


def post(of: Collaboration, number: int = 1, now: datetime = NOW) -> Decision:
    decision = steps.report_post(
        of,
        url=f"https://instagram.com/p/{number}",
        platform=None,
        deliverable="",
        publish_time=None,
        actor=CREATOR,
        now=now,
    )
    assert decision is not None
    return decision


# -- the way through ---------------------------------------------------------------------------------------------------


def test_a_product_test_runs_from_application_to_rating_and_says_who_did_each_step() -> None:
    published, told = post(approve(at_work()))
    completed, (done,) = steps.complete(published, actor=BRAND, now=NOW)
    rated, _ = steps.rate(completed, ratings=RATINGS, comment="Merci", actor=BRAND, now=NOW)
    assert [type(event) for event in told] == [events.ContentPublished]
    assert isinstance(done, events.CollaborationCompleted)
    assert (done.on_time, done.compliance_percent) == (True, 100)
    assert [(step.action, step.state, step.actor) for step in rated.history] == [
        ("APPLIED", "APPLIED", "accounts/ana"),
        ("ACCEPTED", "SHIPMENT_PENDING", "accounts/lune"),
        ("SHIPPED", "SHIPMENT_SENT", "accounts/lune"),
        ("RECEIVED", "CONTENT_DUE", "accounts/ana"),
        ("APPROVED", "APPROVED", "services/review"),
        ("PUBLISHED", "PUBLISHED", "accounts/ana"),
        ("COMPLETED", "COMPLETED", "accounts/lune"),
        ("RATED", "RATED", "accounts/lune"),
    ]


def test_without_a_gift_the_time_to_publish_starts_with_the_acceptance() -> None:
    accepted_now = accepted(campaign(fee=20_000, gift=0))
    assert accepted_now.state is State.CONTENT_DUE
    assert accepted_now.publication_due_time == NOW + 28 * DAY


@pytest.mark.parametrize(
    ("platform", "timeline", "days"),
    [
        (Platform.INSTAGRAM, Timeline(), 28),
        (Platform.YOUTUBE, Timeline(), 35),
        (Platform.YOUTUBE, Timeline(publication_days=10), 10),
    ],
)
def test_the_time_to_publish_depends_on_the_platform_unless_the_campaign_says(
    platform: Platform, timeline: Timeline, days: int
) -> None:
    assert at_work(campaign(timeline=timeline), platform=platform).publication_due_time == NOW + days * DAY


def test_only_the_side_that_was_asked_answers() -> None:
    for collaboration, asker in ((applied(), CREATOR), (invited(), BRAND)):
        with pytest.raises(Denied, match="OTHER_SIDE"):
            steps.accept(collaboration, reservation="r", comment="", actor=asker, now=NOW)
        with pytest.raises(Denied, match="OTHER_SIDE"):
            steps.decline(collaboration, reasons=[DeclineReason.PRICE], comment="", actor=asker, now=NOW)


def test_a_refusal_keeps_its_reasons() -> None:
    declined, (event,) = steps.decline(
        applied(), reasons=[DeclineReason.AUDIENCE], comment="Public hors de France", actor=BRAND, now=NOW
    )
    assert isinstance(event, events.CollaborationDeclined)
    assert (event.by, event.reasons) == (Party.BRAND, (DeclineReason.AUDIENCE,))
    assert declined.history[-1].reason == "AUDIENCE; Public hors de France"


def test_a_brand_takes_back_only_an_unanswered_invitation() -> None:
    assert steps.withdraw(invited(), reason="", actor=BRAND, now=NOW)[0].state is State.WITHDRAWN
    with pytest.raises(Denied):
        steps.withdraw(accepted(), reason="", actor=BRAND, now=NOW)
    with pytest.raises(Denied):
        steps.withdraw(invited(), reason="", actor=CREATOR, now=NOW)


def test_a_reservation_that_was_voided_is_never_accepted_with() -> None:
    voided = steps.void(applied(), "r")
    with pytest.raises(Aborted, match="RESERVATION_LAPSED"):
        steps.accept(voided, reservation="r", comment="", actor=BRAND, now=NOW)
    assert steps.accept(voided, reservation="r2", comment="", actor=BRAND, now=NOW)[0].reservation == "r2"
    assert steps.void(accepted(), "r") == accepted()


def test_a_lost_parcel_is_sent_again() -> None:
    lost, (event,) = steps.lose(shipped(), reason="empty box", actor=CREATOR, now=NOW + DAY)
    assert isinstance(event, events.ShipmentLost)
    assert (lost.state, event.shipment.loss_reason) == (State.SHIPMENT_PENDING, "empty box")
    another = partial(steps.ship, lost, carrier="DPD", tracking_number="", tracking_url="", actor=BRAND)
    with pytest.raises(Aborted, match="PARCEL_NOT_HELD"):
        another(now=NOW + 2 * DAY)
    again, _ = another(now=NOW + 2 * DAY, held=2)
    assert again.shipment is not None
    assert again.cost == Money("EUR", 9000), "the lost parcel and its shipping count, too"
    assert (again.shipment.carrier, again.shipment.loss_time, again.parcels_sent) == ("DPD", None, 2)


def test_content_that_is_submitted_shows_that_the_parcel_came() -> None:
    moved, told = steps.submitted(shipped(), deliverable="reel-1", version=1, actor=REVIEW, now=NOW + DAY)
    assert moved.state is State.SUBMITTED
    assert [type(event) for event in told] == [events.ShipmentReceived]
    assert moved.publication_due_time == NOW + 29 * DAY


def test_it_is_approved_when_every_deliverable_is() -> None:
    both = at_work(campaign(reels=2))
    one = approve(both, "reel-1")
    assert one.state is State.CONTENT_DUE
    open_again = steps.submitted(one, deliverable="reel-2", version=1, actor=REVIEW, now=NOW)[0]
    assert open_again.state is State.SUBMITTED
    sent_back = steps.changes_requested(open_again, deliverable="reel-2", version=1, actor=REVIEW, now=NOW)[0]
    assert sent_back.state is State.CHANGES_REQUESTED
    all_of_it = approve(sent_back, "reel-2", percent=81)
    assert (all_of_it.state, all_of_it.compliance_percent) == (State.APPROVED, 90)
    halfway, (first,) = post(all_of_it, 1)
    done, (last,) = post(halfway, 2)
    assert isinstance(first, events.ContentPublished)
    assert isinstance(last, events.ContentPublished)
    assert (halfway.state, first.last, done.state, last.last) == (State.APPROVED, False, State.PUBLISHED, True)


def test_content_is_not_published_before_it_is_approved_or_in_the_future_or_twice() -> None:
    with pytest.raises(Precondition, match="COLLABORATION_STEP_NOT_ALLOWED"):
        post(at_work())
    ready = approve(at_work())
    with pytest.raises(Invalid, match="PUBLISHED_IN_FUTURE"):
        steps.report_post(
            ready,
            url="https://x.example/1",
            platform=None,
            deliverable="",
            publish_time=NOW + DAY,
            actor=CREATOR,
            now=NOW,
        )
    published, _ = post(ready)
    url = published.posts[0].url
    again = steps.report_post(
        published, url=url, platform=None, deliverable="", publish_time=None, actor=CREATOR, now=NOW
    )
    assert again is None


def test_a_fee_is_owed_at_publication_scaled_by_compliance_if_the_campaign_says_so() -> None:
    pay = campaign(fee=20_001).compensation
    assert pay is not None
    for scaled, owed in ((False, 20_001), (True, 16_001)):
        ready = approve(at_work(campaign(compensation=replace(pay, scale_fee_with_compliance=scaled))), percent=80)
        published, told = post(ready)
        payable = told[-1]
        assert isinstance(payable, events.PayableCreated)
        assert payable.payable.amount == Money("EUR", owed)
        assert payable.payable.due_time == NOW + 30 * DAY
        assert published.cost == Money("EUR", owed + 4500)


def test_who_leaves_after_the_parcel_costs_the_parcel_and_nothing_before_it() -> None:
    early, _ = steps.withdraw(accepted(), reason="ill", actor=CREATOR, now=NOW)
    late, _ = steps.withdraw(shipped(), reason="ill", actor=CREATOR, now=NOW)
    assert (applied().cost, early.cost, late.cost) == (None, None, Money("EUR", 4500))


def test_a_fee_in_another_currency_or_where_none_is_paid_is_refused() -> None:
    with pytest.raises(Invalid, match="FEE_NOT_OFFERED"):
        applied(fee=Money("EUR", 100))
    with pytest.raises(Invalid, match="CURRENCY_MISMATCH"):
        applied(campaign(fee=100), fee=Money("USD", 100))
    assert applied(campaign(fee=100), fee=Money("EUR", 90)).terms.fee == Money("EUR", 90)
    with pytest.raises(Invalid, match="PLATFORM_NOT_WANTED"):
        applied(campaign(platforms=(Platform.TIKTOK,)))


def test_what_matching_says_later_is_taken_and_it_is_asked_no_more() -> None:
    waiting = applied(platform=None)
    assert (waiting.creator_display_name, waiting.fit_ask_time) == ("ana", NOW + timedelta(minutes=1))
    audience = Audience(countries=(WeightedCode("FR", 0.8),))
    summary = CreatorSummary("Ana", Platform.TIKTOK, 12_000, audience, 8734, (), "fit-1")
    known = steps.learn(waiting, summary, NOW)
    assert (known.creator_display_name, known.platform, known.followers) == ("Ana", Platform.TIKTOK, 12_000)
    assert known.fit is not None
    assert (known.fit.score_hundredths, known.fit_ask_time) == (8734, None)


def test_matching_is_asked_ever_more_rarely_and_some_day_no_more() -> None:
    waiting, now, waits = applied(), NOW, []
    while waiting.fit_ask_time is not None:
        waits.append(waiting.fit_ask_time - now)
        now = waiting.fit_ask_time
        waiting = steps.ask_later(waiting, now)
    assert waits == sorted(waits)
    assert (waits[0], waits[-1], len(waits)) == (timedelta(minutes=1), DAY, steps.FIT_ASKS)


# -- the table ---------------------------------------------------------------------------------------------------------


def _moves() -> dict[str, Callable[[Collaboration, datetime], Decision | None]]:
    return {
        "preselect": lambda c, now: steps.preselect(c, actor=BRAND, now=now),
        "waitlist": lambda c, now: steps.waitlist(c, comment="", actor=BRAND, now=now),
        "offer": lambda c, now: steps.offer(c, reservation="o", actor=CLOCK, now=now),
        "take": lambda c, now: steps.accept(c, reservation="r", comment="", actor=CREATOR, now=now),
        "dispute": lambda c, now: steps.open_dispute(c, reason="x", actor=CREATOR, now=now),
        "resume": lambda c, now: steps.resolve_dispute(
            c, outcome=DisputeOutcome.RESUME, creator_amount=None, reason="x", actor=OPERATOR, now=now
        ),
        "accept": lambda c, now: steps.accept(c, reservation="r", comment="", actor=BRAND, now=now),
        "decline": lambda c, now: steps.decline(c, reasons=[DeclineReason.FULL], comment="", actor=BRAND, now=now),
        "withdraw": lambda c, now: steps.withdraw(c, reason="", actor=CREATOR, now=now),
        "cancel": lambda c, now: steps.cancel(c, reason="", actor=CLOCK, now=now),
        "ship": lambda c, now: steps.ship(c, carrier="C", tracking_number="", tracking_url="", actor=BRAND, now=now),
        "receive": lambda c, now: steps.receive(c, actor=CREATOR, now=now),
        "lose": lambda c, now: steps.lose(c, reason="x", actor=CREATOR, now=now),
        "submit": lambda c, now: steps.submitted(c, deliverable="reel-1", version=1, actor=REVIEW, now=now),
        "changes": lambda c, now: steps.changes_requested(c, deliverable="reel-1", version=1, actor=REVIEW, now=now),
        "approve": lambda c, now: steps.approved(
            c, deliverable="reel-1", version=1, compliance_percent=90, actor=REVIEW, now=now
        ),
        "post": lambda c, now: steps.report_post(
            c,
            url=f"https://x.example/{now.isoformat()}",
            platform=None,
            deliverable="",
            publish_time=None,
            actor=CREATOR,
            now=now,
        ),
        "complete": lambda c, now: steps.complete(c, actor=BRAND, now=now),
        "rate": lambda c, now: steps.rate(c, ratings=RATINGS, comment="", actor=BRAND, now=now),
        "ring": lambda c, now: steps.ring(c, actor=CLOCK, now=now),
    }


MOVES = _moves()
# From every stretch of the way, and the way on drawn more often than its ends: else hardly a run passes the parcel.
STARTS = st.sampled_from([applied(), shipped(), at_work(), at_work(campaign(reels=2)), approve(at_work())])
WAYS = st.sampled_from([*MOVES, *["accept", "ship", "receive", "submit", "changes", "approve", "post", "ring"] * 3])
TRIALS = st.lists(st.tuples(WAYS, st.integers(0, 10 * 24)), min_size=5, max_size=40)


@settings(max_examples=300)
@given(STARTS, TRIALS)
def test_whatever_is_tried_it_moves_only_by_the_table_and_remembers_each_step(
    collaboration: Collaboration, trials: list[tuple[str, int]]
) -> None:
    now = NOW
    for name, hours in trials:
        now += timedelta(hours=hours)
        try:
            decision = MOVES[name](collaboration, now)
        except Refusal:
            continue
        if decision is None:
            continue
        moved, _ = decision
        if moved.state is not collaboration.state or len(moved.history) > len(collaboration.history):
            assert moved.state in {to for row in steps.rows_from(collaboration.state) for to in row.to}
            assert moved.history[-1].state is moved.state
            assert moved.history[-1].time == now
        collaboration = moved
        assert len(collaboration.history) <= steps.STEPS_KEPT
        assert collaboration.was_accepted or collaboration.state not in {State.PUBLISHED, State.CONTENT_DUE}


def test_every_state_but_the_ends_leads_on_and_every_state_is_reached() -> None:
    ends = {state for state in State if not steps.rows_from(state)}
    assert ends == steps.ENDED_EARLY | {State.RATED}
    assert {to for row in TABLE for to in row.to} == set(State)


# -- the clocks --------------------------------------------------------------------------------------------------------


def ring_until(collaboration: Collaboration, end: datetime) -> tuple[Collaboration, list[tuple[datetime, object]]]:
    """What a clock that is never away brings about."""
    told: list[tuple[datetime, object]] = []
    while (due := steps.next_due(replace(collaboration, fit_ask_time=None))) is not None and due <= end:
        decision = steps.ring(collaboration, actor=CLOCK, now=due)
        assert decision is not None, f"the clock rang at {due} and nothing came of it"
        collaboration = decision[0]
        told += [(due, event) for event in decision[1]]
    return collaboration, told


def test_a_creator_who_does_nothing_is_reminded_three_times_then_overdue_then_expired() -> None:
    end, told = ring_until(at_work(), NOW + 90 * DAY)
    assert [(when - NOW, getattr(event, "kind", type(event))) for when, event in told] == [
        (14 * DAY, ReminderKind.PUBLICATION_HALF_TIME),
        (28 * DAY * 4 / 5, ReminderKind.PUBLICATION_CLOSE),
        (27 * DAY, ReminderKind.PUBLICATION_DAY),
        (28 * DAY, events.CollaborationOverdue),
        (35 * DAY, events.CollaborationExpired),
    ]
    assert end.state is State.EXPIRED
    assert steps.next_due(replace(end, fit_ask_time=None)) is None


def test_a_brand_is_reminded_of_an_application_after_two_days_and_it_expires_unanswered() -> None:
    end, told = ring_until(applied(), NOW + 365 * DAY)
    assert [(when - NOW, type(event)) for when, event in told] == [
        (2 * DAY, ReminderDue),
        (90 * DAY, events.CollaborationExpired),
    ]
    assert isinstance(told[0][1], ReminderDue)
    assert told[0][1].audience is Party.BRAND
    assert end.state is State.EXPIRED


def test_each_parcel_has_one_reminder_of_its_own() -> None:
    reminded, told = ring_until(shipped(), NOW + 30 * DAY)
    assert [when - NOW for when, _ in told] == [7 * DAY]
    lost, _ = steps.lose(reminded, reason="gone", actor=CREATOR, now=NOW + 30 * DAY)
    again, _ = steps.ship(
        lost, carrier="C", tracking_number="", tracking_url="", actor=BRAND, now=NOW + 31 * DAY, held=2
    )
    _, told = ring_until(again, NOW + 60 * DAY)
    assert [when - NOW for when, _ in told] == [38 * DAY]


@pytest.mark.parametrize(
    ("away_until", "kind"),
    [
        (20, ReminderKind.PUBLICATION_HALF_TIME),
        (25, ReminderKind.PUBLICATION_CLOSE),
        (27.5, ReminderKind.PUBLICATION_DAY),
    ],
)
def test_after_an_outage_there_is_one_reminder_and_not_all_that_were_missed(
    away_until: float, kind: ReminderKind
) -> None:
    now = NOW + away_until * DAY
    decision = steps.ring(at_work(), actor=CLOCK, now=now)
    assert decision is not None
    assert [event.kind for event in decision[1] if isinstance(event, ReminderDue)] == [kind]
    assert steps.ring(decision[0], actor=CLOCK, now=now) is None


def test_after_an_outage_beyond_the_day_the_creator_still_has_all_the_days_of_grace() -> None:
    now = NOW + 60 * DAY
    overdue = steps.ring(at_work(), actor=CLOCK, now=now)
    assert overdue is not None
    assert [type(event) for event in overdue[1]] == [events.CollaborationOverdue]
    assert steps.ring(overdue[0], actor=CLOCK, now=now + 6 * DAY) is None
    expired = steps.ring(overdue[0], actor=CLOCK, now=now + 7 * DAY)
    assert expired is not None
    assert expired[0].state is State.EXPIRED


def test_the_days_in_which_the_brand_reviews_are_not_the_creators() -> None:
    overdue = steps.ring(at_work(), actor=CLOCK, now=NOW + 28 * DAY)
    assert overdue is not None
    in_review, _ = steps.submitted(overdue[0], deliverable="reel-1", version=1, actor=REVIEW, now=NOW + 30 * DAY)
    assert steps.next_due(replace(in_review, fit_ask_time=None)) is None
    back, _ = steps.changes_requested(in_review, deliverable="reel-1", version=1, actor=REVIEW, now=NOW + 39 * DAY)
    assert back.grace_end_time == NOW + 46 * DAY
    late, _ = post(approve(back, now=NOW + 40 * DAY), now=NOW + 41 * DAY)
    assert (late.state, late.on_time) == (State.PUBLISHED, False)


def test_reminders_that_passed_during_a_review_are_not_made_up_for() -> None:
    in_review, _ = steps.submitted(at_work(), deliverable="reel-1", version=1, actor=REVIEW, now=NOW + 10 * DAY)
    back, _ = steps.changes_requested(in_review, deliverable="reel-1", version=1, actor=REVIEW, now=NOW + 16 * DAY)
    _, told = ring_until(back, NOW + 27 * DAY)
    assert [event.kind for _, event in told if isinstance(event, ReminderDue)] == [
        ReminderKind.PUBLICATION_CLOSE,
        ReminderKind.PUBLICATION_DAY,
    ]


def begun_anew(kind: ReminderKind, collaboration: Collaboration) -> int:
    """How often what a reminder is about has begun: each parcel and each dispute has reminders of its own."""
    if kind in (ReminderKind.RECEIPT_CONFIRMATION, ReminderKind.PARCEL_UNSENT):
        return collaboration.parcels_sent
    if kind is ReminderKind.DISPUTE_OPEN:
        return sum(step.action == "DISPUTED" for step in collaboration.history)
    return 0


@settings(max_examples=300)
@given(STARTS, TRIALS)
def test_nobody_is_reminded_twice_and_the_clock_never_rings_for_nothing(
    collaboration: Collaboration, trials: list[tuple[str, int]]
) -> None:
    now = NOW
    reminders: Counter[tuple[ReminderKind, int]] = Counter()
    for name, hours in trials:
        now += timedelta(hours=hours)
        due = steps.next_due(replace(collaboration, fit_ask_time=None))
        try:
            decision = MOVES[name](collaboration, now)
        except Refusal:
            continue
        if name == "ring":
            assert (decision is not None) == (due is not None and due <= now)
        if decision is None:
            continue
        collaboration, told = decision
        assert sum(isinstance(event, ReminderDue) for event in told) <= 1
        for event in told:
            if isinstance(event, ReminderDue):
                reminders[event.kind, begun_anew(event.kind, collaboration)] += 1
    assert max(reminders.values(), default=0) <= 1
