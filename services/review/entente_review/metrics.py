"""What the business watches of reviews."""

from prometheus_client import Counter, Histogram

from entente_review.domain.review import Submission

_received = Counter("entente_review_submissions", "Submissions received", ["platform"])
_criteria = Counter("entente_review_criteria", "Criteria checked automatically", ["kind", "result"])
_decisions = Counter("entente_review_decisions", "Decisions on submissions", ["state", "automatic"])
_overrides = Counter("entente_review_overrides", "Criteria that a person overrode", ["kind", "result"])
_days = Histogram(
    "entente_review_decision_days",
    "Domain days from a submission to the decision on it",
    buckets=(0.25, 0.5, 1, 2, 3, 5, 7, 10, 14),
)


def received(submission: Submission) -> None:
    """Count a submission and what was found in it."""
    _received.labels(submission.platform or "").inc()
    for criterion in submission.criteria:
        _criteria.labels(criterion.kind, criterion.result).inc()


def decided(submission: Submission) -> None:
    """Count a decision."""
    _decisions.labels(submission.state, str(submission.automatic).lower()).inc()
    if submission.decide_time:
        _days.observe((submission.decide_time - submission.submit_time).total_seconds() / 86400)


def overridden(submission: Submission, criterion: str) -> None:
    """Count an override."""
    for entry in submission.criteria:
        if entry.id == criterion:
            _overrides.labels(entry.kind, entry.result).inc()
