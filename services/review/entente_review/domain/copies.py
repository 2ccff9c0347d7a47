"""What review keeps of campaigns and collaborations, which are campaign's own."""

from dataclasses import dataclass

from entente_chassis.refusal import Invalid, Precondition, Refusal, Unavailable, Violation
from entente_review.domain.brief import AudienceShare, Brief
from entente_review.domain.review import Subject

_BEFORE_CONTENT = {"INVITED", "APPLIED", "PRESELECTED", "CONTRACT_PENDING", "SHIPMENT_PENDING"}
_OVER = {"PUBLISHED", "DECLINED", "WITHDRAWN", "EXPIRED", "CANCELLED", "COMPLETED", "RATED", "DISPUTED"}
_RETRY_AFTER = "2"


@dataclass(frozen=True)
class CampaignCopy:
    """A campaign's brief, as it was pinned at publication. A draft's is not kept."""

    brief: Brief


@dataclass(frozen=True)
class Deliverable:
    """A piece of content that was agreed on."""

    id: str
    kind: str | None = None
    platform: str | None = None


@dataclass(frozen=True)
class CollaborationCopy:
    """A collaboration, as far as a review needs it."""

    subject: Subject
    state: str
    platform: str | None = None
    deliverables: tuple[Deliverable, ...] = ()
    audience: tuple[AudienceShare, ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether nothing is to be decided any more."""
        return self.state in _OVER


def why_not_open(name: str, copy: CollaborationCopy | None) -> Refusal | None:
    """Why content cannot be submitted for a collaboration as it is known here; None when it can."""
    if copy is None:
        return Unavailable(
            "COLLABORATION_NOT_YET_KNOWN",
            f"Nothing is known of {name} here. If it was accepted a moment ago, repeat the request with the same "
            "request_id; otherwise check the name.",
            collaboration=name,
            retry_after_seconds=_RETRY_AFTER,
        )
    if copy.state in _BEFORE_CONTENT:
        return Precondition(
            "COLLABORATION_NOT_READY",
            f"{name} is {copy.state}: content is due once it is accepted and the parcel, if there is "
            "one, is sent. If that was a moment ago, repeat the request with the same request_id.",
            state=copy.state,
            retry_after_seconds=_RETRY_AFTER,
        )
    if copy.is_over:
        return Precondition("COLLABORATION_OVER", f"{name} is {copy.state}: nothing is submitted.", state=copy.state)
    return None


def why_no_brief(campaign: str, copy: CampaignCopy | None) -> Refusal | None:
    """Why there is nothing to check against; None when the pinned brief is known."""
    if copy is not None:
        return None
    return Unavailable(
        "BRIEF_NOT_YET_KNOWN",
        f"The brief of {campaign} has not arrived here yet: repeat the request with the same request_id.",
        campaign=campaign,
        retry_after_seconds=_RETRY_AFTER,
    )


def agreed_deliverable(copy: CollaborationCopy, wanted: str, kind: str | None, platform: str | None) -> Deliverable:
    """The deliverable that a submission is for, with what was agreed on it.

    Args:
        copy: the collaboration.
        wanted: its id, or "" when there is only one.
        kind: what the creator says it is, if they do.
        platform: where the creator says it goes, if they do.

    Raises:
        Invalid: there is none of this id, or it was agreed on otherwise.
    """
    agreed = {deliverable.id: deliverable for deliverable in copy.deliverables} or {"main": Deliverable("main")}
    if not wanted and len(agreed) == 1:
        wanted = next(iter(agreed))
    found = agreed.get(wanted)
    if found is None:
        ids = ", ".join(agreed)
        raise Invalid(
            "UNKNOWN_DELIVERABLE",
            f"The deliverables of this collaboration are: {ids}.",
            violations=[Violation("deliverable", f"must be one of: {ids}", "UNKNOWN")],
        )
    violations = [
        Violation(field, f"{wanted} was agreed on as {was}; leave it out", "DIFFERENT")
        for field, said, was in (
            ("deliverable_kind", kind, found.kind),
            ("platform", platform, found.platform or copy.platform),
        )
        if said and was and said != was
    ]
    if violations:
        raise Invalid("NOT_AS_AGREED", f"{wanted} was agreed on otherwise.", violations=violations)
    return Deliverable(wanted, found.kind or kind, found.platform or copy.platform or platform)
