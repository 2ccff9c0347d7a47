"""The machine as a whole: whatever the sides, the clock and the review try, in whatever order."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from entente_campaign.domain import collaborations as steps
from entente_campaign.domain import events
from entente_campaign.domain.collaborations import Action, Collaboration, Decision, State
from entente_campaign.domain.collaborations.table import Row
from entente_campaign.domain.events import DisputeOutcome, Ratings
from entente_campaign.domain.words import Actor, DeclineReason, Party
from entente_campaign.reference import page
from entente_chassis.money import Money
from entente_chassis.refusal import Denied, Precondition, Refusal
from services.campaign.tests.unit.suite import NOW
from services.campaign.tests.unit.test_collaborations import accepted, applied, at_work, campaign, invited

PAID = campaign(fee=20_000, gift=4000)

Try = Callable[[Collaboration, Actor, datetime], Decision | None]

TRIES: dict[Action, Try] = {
    Action.PRESELECT: lambda c, who, now: steps.preselect(c, actor=who, now=now),
    Action.WAITLIST: lambda c, who, now: steps.waitlist(c, comment="", actor=who, now=now),
    Action.OFFER: lambda c, who, now: steps.offer(c, reservation="o", actor=who, now=now),
    Action.ACCEPT: lambda c, who, now: steps.accept(c, reservation="r", comment="", actor=who, now=now),
    Action.DECLINE: lambda c, who, now: steps.decline(c, reasons=[DeclineReason.FULL], comment="", actor=who, now=now),
    Action.WITHDRAW: lambda c, who, now: steps.withdraw(c, reason="", actor=who, now=now),
    Action.CANCEL: lambda c, who, now: steps.cancel(c, reason="", actor=who, now=now),
    Action.SHIP: lambda c, who, now: steps.ship(
        c, carrier="C", tracking_number="", tracking_url="", actor=who, now=now, held=1000
    ),
    Action.RECEIVE: lambda c, who, now: steps.receive(c, actor=who, now=now),
    Action.LOSE: lambda c, who, now: steps.lose(c, reason="x", actor=who, now=now),
    Action.SUBMIT: lambda c, who, now: steps.submitted(c, deliverable="reel-1", version=1, actor=who, now=now),
    Action.REQUEST_CHANGES: lambda c, who, now: steps.changes_requested(
        c, deliverable="reel-1", version=1, actor=who, now=now
    ),
    Action.APPROVE: lambda c, who, now: steps.approved(
        c, deliverable="reel-1", version=1, compliance_percent=80, actor=who, now=now
    ),
    Action.PUBLISH: lambda c, who, now: steps.report_post(
        c,
        url=f"https://x.example/{now.timestamp()}",
        platform=None,
        deliverable="",
        publish_time=None,
        actor=who,
        now=now,
    ),
    Action.COMPLETE: lambda c, who, now: steps.complete(c, actor=who, now=now),
    Action.RATE: lambda c, who, now: steps.rate(c, ratings=Ratings(5, 5, 5, 5, 5, 5), comment="", actor=who, now=now),
    Action.DISPUTE: lambda c, who, now: steps.open_dispute(c, reason="x", actor=who, now=now),
}
# What leads on, more often than what ends it.
ACTIONS = st.sampled_from(
    [*TRIES, *[Action.ACCEPT, Action.SHIP, Action.RECEIVE, Action.SUBMIT, Action.APPROVE, Action.PUBLISH] * 3]
)
PARTIES = st.sampled_from([Party.BRAND, Party.CREATOR, Party.OPERATOR, Party.SYSTEM])


class Machine(RuleBasedStateMachine):
    """A collaboration, and all who pull at it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.told: list[object] = []
        self.it = applied()

    @initialize(begins=st.sampled_from([applied, invited, accepted, at_work]))
    def begin(self, begins: Callable[..., Collaboration]) -> None:
        self.it = begins(PAID)

    @rule(action=ACTIONS, party=PARTIES, hours=st.integers(0, 72))
    def somebody_tries(self, action: Action, party: Party, hours: int) -> None:
        self.now += timedelta(hours=hours)
        rows = [row for row in steps.rows_from(self.it.state) if row.action is action]
        may = [row for row in rows if party in row.who.parties]
        try:
            decision = TRIES[action](self.it, Actor("accounts/x", party), self.now)
        except Refusal as refusal:
            self.check_refusal(refusal, party, rows, may)
            return
        if decision is not None:
            assert may
            self.take(decision, {to for row in may for to in row.to})

    @rule(hours=st.integers(0, 20 * 24))
    def the_clock_rings(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        due = steps.next_due(replace(self.it, fit_ask_time=None))
        decision = steps.ring(self.it, actor=Actor("services/campaign", Party.SYSTEM), now=self.now)
        assert (decision is not None) == (due is not None and due <= self.now)
        if decision is not None:
            self.take(decision, {self.it.state, State.EXPIRED, State.OVERDUE})

    @rule(outcome=st.sampled_from(DisputeOutcome), amount=st.integers(-1, 20_001))
    def the_operator_decides(self, outcome: DisputeOutcome, amount: int) -> None:
        given = Money("EUR", amount) if outcome is DisputeOutcome.SETTLE else None
        before = self.it
        decision: Decision | None = None
        try:
            decision = steps.resolve_dispute(
                before,
                outcome=outcome,
                creator_amount=given,
                reason="heard both",
                actor=Actor("accounts/op", Party.OPERATOR),
                now=self.now,
            )
        except Refusal as refusal:
            refused = refusal.reason
        else:
            refused = ""
        assert (refused == "COLLABORATION_STEP_NOT_ALLOWED") == (before.state is not State.DISPUTED)
        assert (refused == "AMOUNT_INVALID") == (
            before.state is State.DISPUTED and not 0 <= amount <= 20_000 and bool(given)
        )
        if refused or decision is None or before.dispute is None:
            return
        ends = {DisputeOutcome.SETTLE: State.COMPLETED, DisputeOutcome.CANCEL: State.CANCELLED}
        self.take(decision, {ends.get(outcome, before.dispute.previous_state)})
        if given is not None:
            assert (self.it.payable.amount.minor_units if self.it.payable else 0) == amount

    def check_refusal(self, refusal: Refusal, party: Party, rows: list[Row], may: list[Row]) -> None:
        """What the table allows is refused only by a guard; the rest by the reason that fits, and with a way on."""
        assert not may or any(guard.reason == refusal.reason for row in may for guard in row.guards)
        if rows and not may:
            assert isinstance(refusal, Denied)
        elif not rows:
            assert isinstance(refusal, Precondition)
        assert refusal.metadata["state"] == self.it.state
        assert refusal.metadata["allowed"] == ",".join(steps.commands_of(self.it, party))
        assert self.it.state in refusal.message

    def take(self, decision: Decision, into: set[State]) -> None:
        """What was decided happens."""
        moved, told = decision
        assert moved.state in into
        if moved.history != self.it.history:
            last = moved.history[-1]
            assert (last.time, last.state) == (self.now, moved.state)
            assert last.actor
        self.it, self.told = moved, [*self.told, *told]

    @invariant()
    def money_and_places_are_kept(self) -> None:
        cost = self.it.cost
        assert cost is None or cost <= self.it.promised
        if self.it.state in steps.ENDED_EARLY:
            assert self.it.payable is None
            assert steps.next_due(self.it) is None
        if self.it.payable is not None:
            assert self.it.is_approved or self.it.was_settled
        assert sum(isinstance(each, events.PayableCreated) for each in self.told) <= 1
        assert self.it.was_accepted or self.it.state not in {State.PUBLISHED, State.CONTENT_DUE, State.DISPUTED}


Machine.TestCase.settings = settings(max_examples=120, stateful_step_count=30, deadline=None)
TestTheMachine = Machine.TestCase


def test_the_page_of_the_machine_is_what_the_tables_say() -> None:
    written = Path(__file__).parents[4] / "docs/architecture/collaboration.md"
    assert written.read_text(encoding="utf-8") == page(), "make campaign-reference"
