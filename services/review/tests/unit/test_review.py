"""Versions follow each other, a decision is final for its version, and the clock decides when nobody does."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entente_chassis.refusal import Invalid, NotFound, Precondition
from entente_review.domain import review as rules
from entente_review.domain.content import Content
from entente_review.domain.criteria import Criterion, CriterionKind, Result
from entente_review.domain.events import (
    ChangesRequested,
    CriterionFeedback,
    ReviewReminderDue,
    SubmissionApproved,
    SubmissionReceived,
    SubmissionRejected,
)
from entente_review.domain.review import Checked, DecisionAction, Review, Subject, SubmissionState, Terms

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
SUBJECT = Subject(
    "campaigns/c/collaborations/ana", "campaigns/c", "brands/lune", "creators/ana", "Rituel", "Lune", "Ana"
)
CRITERIA = (
    Criterion("disclosure-fr", CriterionKind.DISCLOSURE, "Disclosed", 30, Result.PASS),
    Criterion("hashtags", CriterionKind.HASHTAGS, "Hashtags", 10, Result.FAIL, advice="Add #lune."),
)
CHECKED = Checked(Content("Publicité"), CRITERIA, 1, "2026.1", "REEL", "INSTAGRAM")


def submitted(review: Review | None = None, *, now: datetime = START) -> Review:
    return rules.submit(review, SUBJECT, "reel-1", CHECKED, terms=Terms(), now=now, actor="ana")[0]


def sent_back(review: Review, *, now: datetime = START + DAY) -> Review:
    version = review.latest.version
    return rules.request_changes(review, version, feedback=(), comment="", now=now, actor="lea")[0]


def test_a_submission_tells_what_did_not_pass_and_until_when_it_waits() -> None:
    review, (event,) = rules.submit(None, SUBJECT, "reel-1", CHECKED, terms=Terms(), now=START, actor="ana")
    assert isinstance(event, SubmissionReceived)
    assert event.compliance_percent == 75
    assert [open.criterion for open in event.open_criteria] == ["hashtags"]
    assert event.target_time == START + 7 * DAY
    assert event.auto_approval_time == START + 10 * DAY
    assert event.ref.submission == f"submissions/{review.name.removeprefix('reviews/')}-1"
    assert event.ref.version == 1


def test_the_next_version_comes_only_after_changes_were_requested() -> None:
    review = submitted()
    with pytest.raises(Precondition, match="UNDER_REVIEW"):
        submitted(review)
    review = submitted(sent_back(review))
    assert [(entry.version, entry.state) for entry in review.submissions] == [
        (1, SubmissionState.CHANGES_REQUESTED),
        (2, SubmissionState.IN_REVIEW),
    ]
    approved, _ = rules.approve(review, 2, now=START, actor="lea")
    with pytest.raises(Precondition, match="ALREADY_APPROVED"):
        submitted(approved)
    rejected, _ = rules.reject(review, 2, reason="off", now=START, actor="lea")
    with pytest.raises(Precondition, match="REJECTED"):
        submitted(rejected)


def test_a_person_approves_with_the_measured_compliance() -> None:
    review, (event,) = rules.approve(submitted(), 1, now=START + 2 * DAY, actor="lea", comment="Lovely")
    assert isinstance(event, SubmissionApproved)
    assert (event.automatic, event.compliance_percent, event.measured_compliance_percent) == (False, 75, 75)
    assert event.review_seconds == 2 * 86400
    assert review.latest.granted_compliance_percent == 75


def test_nobody_deciding_for_ten_days_approves_at_100_and_says_that_it_was_automatic() -> None:
    review = submitted()
    ticked = rules.tick(review, START + 10 * DAY)
    assert ticked is not None
    review, events = ticked
    event = events[-1]
    assert isinstance(event, SubmissionApproved)
    assert (event.automatic, event.compliance_percent, event.measured_compliance_percent) == (True, 100, 75)
    entry = review.latest.log[-1]
    assert (entry.action, entry.automatic, entry.actor) == (DecisionAction.APPROVED, True, rules.CLOCK)
    assert (entry.compliance_percent, entry.granted_compliance_percent) == (75, 100)
    assert rules.due_at(review) is None


def test_reminders_come_at_five_and_seven_days_and_never_twice() -> None:
    review = submitted()
    reminders = []
    for hour in range(9 * 24 + 1):
        if ticked := rules.tick(review, START + timedelta(hours=hour)):
            review, events = ticked
            reminders += [(hour, event.waiting_days) for event in events if isinstance(event, ReviewReminderDue)]
    assert reminders == [(5 * 24, 5), (7 * 24, 7)]


def test_a_clock_that_stood_still_catches_up_with_every_step_once() -> None:
    ticked = rules.tick(submitted(), START + 30 * DAY)
    assert ticked is not None
    assert [type(event) for event in ticked[1]] == [ReviewReminderDue, ReviewReminderDue, SubmissionApproved]
    assert rules.tick(ticked[0], START + 60 * DAY) is None


def test_the_clock_starts_anew_with_each_version_and_stands_while_changes_are_awaited() -> None:
    review = sent_back(submitted())
    assert rules.due_at(review) is None
    assert rules.tick(review, START + 30 * DAY) is None
    review = submitted(review, now=START + 20 * DAY)
    assert rules.due_at(review) == START + 25 * DAY


def test_a_decision_is_final_for_its_version() -> None:
    automatic = rules.tick(submitted(), START + 10 * DAY)
    assert automatic is not None
    for review in (automatic[0], sent_back(submitted()), rules.approve(submitted(), 1, now=START, actor="lea")[0]):
        with pytest.raises(Precondition, match="ALREADY_DECIDED"):
            rules.approve(review, 1, now=START, actor="lea")
        with pytest.raises(Precondition, match="ALREADY_DECIDED"):
            rules.override(review, 1, criterion="hashtags", result=Result.PASS, reason="", now=START, actor="lea")
    with pytest.raises(NotFound):
        rules.approve(submitted(), 2, now=START, actor="lea")


def test_changes_carry_the_advice_of_what_failed_unless_the_brand_says_its_own() -> None:
    _, (event,) = rules.request_changes(submitted(), 1, feedback=(), comment="", now=START, actor="lea")
    assert isinstance(event, ChangesRequested)
    assert event.feedback == (CriterionFeedback("hashtags", "Add #lune."),)
    own = (CriterionFeedback("disclosure-fr", "Put it first."),)
    _, (event,) = rules.request_changes(submitted(), 1, feedback=own, comment="", now=START, actor="lea")
    assert isinstance(event, ChangesRequested)
    assert event.feedback == own
    unknown = (CriterionFeedback("colour", "Bluer"),)
    with pytest.raises(Invalid, match="UNKNOWN_CRITERION") as refused:
        rules.request_changes(submitted(), 1, feedback=unknown, comment="", now=START, actor="lea")
    assert [violation.field for violation in refused.value.violations] == ["feedback[0].criterion"]


def test_with_everything_passed_changes_need_a_word() -> None:
    review, _ = rules.override(
        submitted(), 1, criterion="hashtags", result=Result.PASS, reason="in the video", now=START, actor="lea"
    )
    with pytest.raises(Invalid, match="FEEDBACK_MISSING"):
        rules.request_changes(review, 1, feedback=(), comment=" ", now=START, actor="lea")


def test_an_override_keeps_what_the_check_said_and_why() -> None:
    review = submitted()
    for result, reason in ((Result.PASS, "it is in the video"), (Result.FAIL, "no, it is not")):
        review, events = rules.override(
            review, 1, criterion="hashtags", result=result, reason=reason, now=START, actor="lea"
        )
        assert events == ()
    overridden = review.latest.criteria[1]
    assert (overridden.result, overridden.automatic_result) == (Result.FAIL, Result.FAIL)
    assert overridden.override_reason == "no, it is not"
    assert [(entry.reason, entry.compliance_percent) for entry in review.latest.log[1:]] == [
        ("it is in the video", 100),
        ("no, it is not", 75),
    ]


def test_a_collaboration_that_ended_closes_what_is_undecided_without_a_word() -> None:
    closed = rules.close(submitted(), START + DAY)
    assert closed is not None
    assert closed[0].latest.state is SubmissionState.CLOSED
    assert closed[1] == ()
    assert rules.due_at(closed[0]) is None
    assert rules.close(closed[0], START + DAY) is None


Steps = st.lists(
    st.tuples(
        st.sampled_from(["submit", "approve", "changes", "reject", "override", "tick", "close"]), st.integers(0, 96)
    ),
    max_size=25,
)


@given(Steps)
def test_whatever_happens_each_version_is_decided_once_and_the_log_only_grows(steps: list[tuple[str, int]]) -> None:
    review, now = submitted(), START
    events: list[object] = []
    for step, hours in steps:
        now += timedelta(hours=hours)
        before = [entry.log for entry in review.submissions]
        version = review.latest.version
        try:
            match step:
                case "submit":
                    changed: tuple[Review, tuple[object, ...]] | None = (submitted(review, now=now), ())
                case "approve":
                    changed = rules.approve(review, version, now=now, actor="lea")
                case "changes":
                    changed = rules.request_changes(review, version, feedback=(), comment="x", now=now, actor="lea")
                case "reject":
                    changed = rules.reject(review, version, reason="x", now=now, actor="lea")
                case "override":
                    changed = rules.override(
                        review, version, criterion="hashtags", result=Result.PASS, reason="x", now=now, actor="lea"
                    )
                case "tick":
                    changed = rules.tick(review, now)
                case _:
                    changed = rules.close(review, now)
        except Precondition:
            continue
        if changed is None:
            continue
        review, told = changed
        events += told
        assert all(entry.log[: len(old)] == old for entry, old in zip(review.submissions, before, strict=False))
    final = (ChangesRequested, SubmissionApproved, SubmissionRejected)
    decided = [event.ref.version for event in events if isinstance(event, final)]
    assert len(decided) == len(set(decided))
    reminded = [(event.ref.version, event.waiting_days) for event in events if isinstance(event, ReviewReminderDue)]
    assert len(reminded) == len(set(reminded))
    assert sum(entry.state is SubmissionState.IN_REVIEW for entry in review.submissions) <= 1
    assert review.states == tuple(sorted({entry.state for entry in review.submissions}))
    for entry in review.submissions:
        assert [logged.sequence for logged in entry.log] == list(range(1, len(entry.log) + 1))
