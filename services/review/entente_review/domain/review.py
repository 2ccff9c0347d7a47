"""The review of one deliverable: its versions, what was found in them, and what was decided.

Every function takes a review as it stands and gives back how it stands then, with the events that tell of it. All
versions live in one aggregate, so that a decision, a new version and the clock can only win or lose against each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from entente_chassis.refusal import Invalid, Precondition, Violation
from entente_review.domain.content import Content
from entente_review.domain.criteria import Criterion, Result, compliance_percent
from entente_review.domain.events import (
    ChangesRequested,
    CriterionFeedback,
    CriterionSummary,
    ReviewReminderDue,
    SubmissionApproved,
    SubmissionReceived,
    SubmissionRef,
    SubmissionRejected,
)
from entente_review.domain.names import no_submission, review_name, submission_name

CLOCK = "entente.review"
"""Who acts when no person does."""
GRANTED_BY_CLOCK = 100
"""The compliance that is granted when nobody decided in time, whatever was measured."""

_MOST_VERSIONS = 20
_LONGEST_LOG = 100

Events = tuple[object, ...]


class SubmissionState(StrEnum):
    """Where a submission stands."""

    IN_REVIEW = "IN_REVIEW"
    CHANGES_REQUESTED = "CHANGES_REQUESTED"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    CLOSED = "CLOSED"


class DecisionAction(StrEnum):
    """What was done to a submission."""

    CHECKED = "CHECKED"
    CRITERION_OVERRIDDEN = "CRITERION_OVERRIDDEN"
    CHANGES_REQUESTED = "CHANGES_REQUESTED"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    CLOSED = "CLOSED"


@dataclass(frozen=True)
class Terms:
    """How long a brand has, from the submission on."""

    remind_after: tuple[timedelta, ...] = (timedelta(days=5), timedelta(days=7))
    target: timedelta = timedelta(days=7)
    auto_approve_after: timedelta = timedelta(days=10)


@dataclass(frozen=True)
class Subject:
    """The collaboration that a review belongs to."""

    collaboration: str
    campaign: str
    brand: str
    creator: str
    campaign_title: str = ""
    brand_display_name: str = ""
    creator_display_name: str = ""


@dataclass(frozen=True)
class Standing:
    """How a criterion stood when a decision was made."""

    criterion: str
    result: Result
    rule_version: str = ""


@dataclass(frozen=True)
class Decision:
    """One entry of a submission's log."""

    sequence: int
    action: DecisionAction
    actor: str
    automatic: bool
    decide_time: datetime
    standings: tuple[Standing, ...]
    compliance_percent: int
    brief_revision: int
    rules_version: str
    reason: str = ""
    criterion: str = ""
    feedback: tuple[CriterionFeedback, ...] = ()
    granted_compliance_percent: int | None = None


@dataclass(frozen=True)
class Submission:
    """One version of the deliverable."""

    version: int
    content: Content
    criteria: tuple[Criterion, ...]
    brief_revision: int
    rules_version: str
    submit_time: datetime
    update_time: datetime
    target_time: datetime
    auto_approval_time: datetime
    reminders: tuple[datetime, ...] = ()
    """When to remind; those before ``reminded`` are done."""
    reminded: int = 0
    state: SubmissionState = SubmissionState.IN_REVIEW
    deliverable_kind: str | None = None
    platform: str | None = None
    decide_time: datetime | None = None
    automatic: bool = False
    granted_compliance_percent: int | None = None
    comment: str = ""
    feedback: tuple[CriterionFeedback, ...] = ()
    log: tuple[Decision, ...] = ()
    request: str = ""
    """Digest of the request that made it."""

    @property
    def compliance_percent(self) -> int:
        """What was measured, with what people overrode."""
        return compliance_percent(self.criteria)


@dataclass(frozen=True)
class Review:
    """All versions of one deliverable, the oldest first."""

    subject: Subject
    deliverable: str
    submissions: tuple[Submission, ...] = ()
    states: tuple[SubmissionState, ...] = field(default=())
    """The states that occur among them, to be found by."""

    @property
    def name(self) -> str:
        """ "reviews/{id}"."""
        return review_name(self.subject.collaboration, self.deliverable)

    @property
    def latest(self) -> Submission:
        """The newest version."""
        return self.submissions[-1]

    def ref(self, submission: Submission) -> SubmissionRef:
        """What an event says the submission is about."""
        return SubmissionRef(
            submission=submission_name(self.name, submission.version),
            collaboration=self.subject.collaboration,
            campaign=self.subject.campaign,
            brand=self.subject.brand,
            creator=self.subject.creator,
            campaign_title=self.subject.campaign_title,
            brand_display_name=self.subject.brand_display_name,
            creator_display_name=self.subject.creator_display_name,
            deliverable=self.deliverable,
            deliverable_kind=submission.deliverable_kind,
            platform=submission.platform,
            version=submission.version,
        )


@dataclass(frozen=True)
class Checked:
    """Content with what was found in it."""

    content: Content
    criteria: tuple[Criterion, ...]
    brief_revision: int
    rules_version: str
    deliverable_kind: str | None
    platform: str | None


def submit(
    review: Review | None,
    subject: Subject,
    deliverable: str,
    checked: Checked,
    *,
    terms: Terms,
    now: datetime,
    actor: str,
    request: str = "",
) -> tuple[Review, Events]:
    """Take in the first version, or the next one after changes were requested.

    Raises:
        Precondition: the version before it is still in review, or was decided for good.
    """
    review = review or Review(subject, deliverable)
    if review.submissions:
        _require_open_for_next(review)
    submission = Submission(
        version=len(review.submissions) + 1,
        content=checked.content,
        criteria=checked.criteria,
        brief_revision=checked.brief_revision,
        rules_version=checked.rules_version,
        submit_time=now,
        update_time=now,
        target_time=now + terms.target,
        auto_approval_time=now + terms.auto_approve_after,
        reminders=tuple(now + after for after in sorted(terms.remind_after) if after < terms.auto_approve_after),
        deliverable_kind=checked.deliverable_kind,
        platform=checked.platform,
        request=request,
    )
    submission = _logged(submission, DecisionAction.CHECKED, actor=actor, automatic=True, now=now)
    review = _with_states(replace(review, subject=subject, submissions=(*review.submissions, submission)))
    return review, (
        SubmissionReceived(
            ref=review.ref(submission),
            submit_time=now,
            compliance_percent=submission.compliance_percent,
            open_criteria=tuple(
                CriterionSummary(criterion.id, criterion.title, criterion.result) for criterion in _unmet(submission)
            ),
            target_time=submission.target_time,
            auto_approval_time=submission.auto_approval_time,
        ),
    )


def approve(review: Review, version: int, *, now: datetime, actor: str, comment: str = "") -> tuple[Review, Events]:
    """Accept a version for publication, with the compliance that was measured."""
    return _approved(review, _undecided(review, version), now=now, actor=actor, comment=comment, automatic=False)


def request_changes(
    review: Review,
    version: int,
    *,
    feedback: Sequence[CriterionFeedback],
    comment: str,
    now: datetime,
    actor: str,
) -> tuple[Review, Events]:
    """Send a version back. Without feedback, the advice of what did not pass is the feedback.

    Raises:
        Invalid: a criterion is not one of the submission's, or there is nothing to mend.
    """
    submission = _undecided(review, version)
    known = {criterion.id for criterion in submission.criteria}
    unknown = [
        Violation(f"feedback[{index}].criterion", f"{entry.criterion} is not a criterion of this submission", "UNKNOWN")
        for index, entry in enumerate(feedback)
        if entry.criterion not in known
    ]
    if unknown:
        raise Invalid("UNKNOWN_CRITERION", f"The criteria are: {', '.join(sorted(known))}.", violations=unknown)
    feedback = tuple(feedback) or tuple(
        CriterionFeedback(criterion.id, criterion.advice or criterion.title) for criterion in _unmet(submission)
    )
    if not feedback and not comment.strip():
        raise Invalid(
            "FEEDBACK_MISSING",
            "Every criterion passed: say in feedback or comment what to change.",
            violations=[Violation("comment", "is required when no criterion is to be mended", "REQUIRED")],
        )
    decided = replace(
        submission, state=SubmissionState.CHANGES_REQUESTED, decide_time=now, comment=comment, feedback=feedback
    )
    decided = _logged(
        decided,
        DecisionAction.CHANGES_REQUESTED,
        actor=actor,
        automatic=False,
        now=now,
        reason=comment,
        feedback=feedback,
    )
    return _with(review, decided), (
        ChangesRequested(
            ref=review.ref(decided),
            decide_time=now,
            compliance_percent=decided.compliance_percent,
            feedback=feedback,
            comment=comment,
        ),
    )


def reject(review: Review, version: int, *, reason: str, now: datetime, actor: str) -> tuple[Review, Events]:
    """Refuse the deliverable for good."""
    submission = _undecided(review, version)
    decided = replace(submission, state=SubmissionState.REJECTED, decide_time=now, comment=reason)
    decided = _logged(decided, DecisionAction.REJECTED, actor=actor, automatic=False, now=now, reason=reason)
    return _with(review, decided), (
        SubmissionRejected(
            ref=review.ref(decided), decide_time=now, reason=reason, compliance_percent=decided.compliance_percent
        ),
    )


def override(
    review: Review, version: int, *, criterion: str, result: Result, reason: str, now: datetime, actor: str
) -> tuple[Review, Events]:
    """Set a criterion's result by hand; what the check said is kept beside it.

    Raises:
        Invalid: the submission has no such criterion, or a person is asked to need a person.
    """
    submission = _undecided(review, version)
    known = [entry.id for entry in submission.criteria]
    if criterion not in known:
        raise Invalid(
            "UNKNOWN_CRITERION",
            f"The criteria are: {', '.join(sorted(known))}.",
            violations=[Violation("criterion", f"{criterion} is not a criterion of this submission", "UNKNOWN")],
        )
    if result is Result.NEEDS_PERSON:
        raise Invalid("PERSON_DECIDES", "Say PASS or FAIL: a person has looked at it now.")
    if len(submission.log) >= _LONGEST_LOG:
        raise Precondition(
            "LOG_FULL", f"{_LONGEST_LOG} entries are in the log of this submission: decide on it, or ask for changes."
        )
    criteria = tuple(
        replace(entry, result=result, automatic_result=entry.automatic_result or entry.result, override_reason=reason)
        if entry.id == criterion
        else entry
        for entry in submission.criteria
    )
    changed = _logged(
        replace(submission, criteria=criteria),
        DecisionAction.CRITERION_OVERRIDDEN,
        actor=actor,
        automatic=False,
        now=now,
        reason=reason,
        criterion=criterion,
    )
    return _with(review, changed), ()


def due_at(review: Review) -> datetime | None:
    """When the clock has something to do: the next reminder, or the approval."""
    if not review.submissions or review.latest.state is not SubmissionState.IN_REVIEW:
        return None
    latest = review.latest
    return min([*latest.reminders[latest.reminded :], latest.auto_approval_time])


def tick(review: Review, now: datetime) -> tuple[Review, Events] | None:
    """Do what has come due, in its order; None when nothing has.

    A clock that was stopped for days catches up with every reminder, so that the outcome does not depend on when it was
    stopped; a reminder says until when it matters.
    """
    due = due_at(review)
    if due is None or due > now:
        return None
    latest = review.latest
    passed = [moment for moment in latest.reminders[latest.reminded :] if moment <= now]
    events: list[object] = [
        ReviewReminderDue(
            ref=review.ref(latest),
            waiting_days=(moment - latest.submit_time).days,
            target_time=latest.target_time,
            auto_approval_time=latest.auto_approval_time,
        )
        for moment in passed
    ]
    review = _with(review, replace(latest, reminded=latest.reminded + len(passed)))
    if latest.auto_approval_time <= now:
        review, approved = _approved(
            review,
            review.latest,
            now=now,
            actor=CLOCK,
            comment="Approved automatically: nobody decided in time.",
            automatic=True,
        )
        events += approved
    return review, tuple(events)


def close(review: Review, now: datetime) -> tuple[Review, Events] | None:
    """End what is undecided, since the collaboration is over; None when everything is decided."""
    if due_at(review) is None:
        return None
    closed = replace(review.latest, state=SubmissionState.CLOSED, decide_time=now, automatic=True)
    reason = "The collaboration ended before a decision."
    closed = _logged(closed, DecisionAction.CLOSED, actor=CLOCK, automatic=True, now=now, reason=reason)
    return _with(review, closed), ()


def find_version(review: Review, version: int) -> Submission:
    """One version of the deliverable.

    Raises:
        NotFound: there is none.
    """
    if not 1 <= version <= len(review.submissions):
        raise no_submission(submission_name(review.name, version))
    return review.submissions[version - 1]


def _approved(
    review: Review, submission: Submission, *, now: datetime, actor: str, comment: str, automatic: bool
) -> tuple[Review, Events]:
    granted = GRANTED_BY_CLOCK if automatic else submission.compliance_percent
    decided = replace(
        submission,
        state=SubmissionState.APPROVED,
        decide_time=now,
        automatic=automatic,
        granted_compliance_percent=granted,
        comment=comment,
    )
    decided = _logged(
        decided, DecisionAction.APPROVED, actor=actor, automatic=automatic, now=now, reason=comment, granted=granted
    )
    return _with(review, decided), (
        SubmissionApproved(
            ref=review.ref(decided),
            decide_time=now,
            automatic=automatic,
            compliance_percent=granted,
            measured_compliance_percent=decided.compliance_percent,
            comment=comment,
            review_seconds=int((now - decided.submit_time).total_seconds()),
        ),
    )


def _undecided(review: Review, version: int) -> Submission:
    submission = find_version(review, version)
    if submission.state is not SubmissionState.IN_REVIEW:
        by = "automatically" if submission.automatic else "already"
        raise Precondition(
            "ALREADY_DECIDED",
            f"The submission was decided {by}: it is {submission.state}. A decision is final for its version.",
            state=submission.state.value,
        )
    return submission


def _require_open_for_next(review: Review) -> None:
    latest = review.latest
    name = submission_name(review.name, latest.version)
    match latest.state:
        case SubmissionState.IN_REVIEW:
            raise Precondition(
                "UNDER_REVIEW", f"{name} is still in review: wait for the decision on it.", submission=name
            )
        case SubmissionState.APPROVED:
            raise Precondition("ALREADY_APPROVED", f"{name} is approved: publish it.", submission=name)
        case SubmissionState.REJECTED:
            raise Precondition("REJECTED", f"{name} was refused for good.", submission=name)
        case SubmissionState.CLOSED:
            raise Precondition("COLLABORATION_OVER", f"{name} was closed with its collaboration.", submission=name)
    if len(review.submissions) >= _MOST_VERSIONS:
        raise Precondition(
            "TOO_MANY_VERSIONS",
            f"{_MOST_VERSIONS} versions were submitted: agree on the content in the conversation first.",
        )


def _unmet(submission: Submission) -> list[Criterion]:
    return [criterion for criterion in submission.criteria if criterion.result is not Result.PASS]


def _logged(
    submission: Submission,
    action: DecisionAction,
    *,
    actor: str,
    automatic: bool,
    now: datetime,
    reason: str = "",
    criterion: str = "",
    feedback: tuple[CriterionFeedback, ...] = (),
    granted: int | None = None,
) -> Submission:
    entry = Decision(
        sequence=len(submission.log) + 1,
        action=action,
        actor=actor,
        automatic=automatic,
        decide_time=now,
        reason=reason,
        criterion=criterion,
        feedback=feedback,
        standings=tuple(Standing(c.id, c.result, c.rule_version) for c in submission.criteria),
        compliance_percent=submission.compliance_percent,
        granted_compliance_percent=granted,
        brief_revision=submission.brief_revision,
        rules_version=submission.rules_version,
    )
    return replace(submission, log=(*submission.log, entry), update_time=now)


def _with(review: Review, submission: Submission) -> Review:
    index = submission.version - 1
    return _with_states(
        replace(review, submissions=(*review.submissions[:index], submission, *review.submissions[index + 1 :]))
    )


def _with_states(review: Review) -> Review:
    return replace(review, states=tuple(sorted({submission.state for submission in review.submissions})))
