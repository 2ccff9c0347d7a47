"""What happened, in the domain's words."""

from dataclasses import dataclass
from datetime import datetime

from entente_review.domain.criteria import Result


@dataclass(frozen=True)
class SubmissionRef:
    """What a submission is about: enough for a notification."""

    submission: str
    collaboration: str
    campaign: str
    brand: str
    creator: str
    campaign_title: str
    brand_display_name: str
    creator_display_name: str
    deliverable: str
    deliverable_kind: str | None
    platform: str | None
    version: int


@dataclass(frozen=True)
class CriterionSummary:
    """A criterion that did not pass."""

    criterion: str
    title: str
    result: Result


@dataclass(frozen=True)
class CriterionFeedback:
    """What to mend about one criterion."""

    criterion: str
    comment: str


@dataclass(frozen=True)
class SubmissionReceived:
    """A version was sent and checked."""

    ref: SubmissionRef
    submit_time: datetime
    compliance_percent: int
    open_criteria: tuple[CriterionSummary, ...]
    target_time: datetime
    auto_approval_time: datetime


@dataclass(frozen=True)
class ChangesRequested:
    """The brand sent it back."""

    ref: SubmissionRef
    decide_time: datetime
    compliance_percent: int
    feedback: tuple[CriterionFeedback, ...]
    comment: str


@dataclass(frozen=True)
class SubmissionApproved:
    """It may be published."""

    ref: SubmissionRef
    decide_time: datetime
    automatic: bool
    compliance_percent: int
    measured_compliance_percent: int
    comment: str
    review_seconds: int


@dataclass(frozen=True)
class SubmissionRejected:
    """The deliverable was refused for good."""

    ref: SubmissionRef
    decide_time: datetime
    reason: str
    compliance_percent: int


@dataclass(frozen=True)
class ReviewReminderDue:
    """It still waits."""

    ref: SubmissionRef
    waiting_days: int
    target_time: datetime
    auto_approval_time: datetime
