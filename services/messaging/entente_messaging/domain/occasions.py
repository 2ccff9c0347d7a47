"""What people are told of, and which merge fields each occasion's words may use."""

from enum import StrEnum


class Party(StrEnum):
    """Which side."""

    BRAND = "BRAND"
    CREATOR = "CREATOR"


class Occasion(StrEnum):
    """What somebody is told of; the proto says to whom and when."""

    INVITATION = "INVITATION"
    APPLICATION_RECEIVED = "APPLICATION_RECEIVED"
    APPLICATION_UNANSWERED = "APPLICATION_UNANSWERED"
    APPLICATION_ACCEPTED = "APPLICATION_ACCEPTED"
    APPLICATION_DECLINED = "APPLICATION_DECLINED"
    INVITATION_ACCEPTED = "INVITATION_ACCEPTED"
    INVITATION_DECLINED = "INVITATION_DECLINED"
    COLLABORATION_WITHDRAWN = "COLLABORATION_WITHDRAWN"
    COLLABORATION_CANCELLED = "COLLABORATION_CANCELLED"
    COLLABORATION_EXPIRED = "COLLABORATION_EXPIRED"
    COLLABORATION_OVERDUE = "COLLABORATION_OVERDUE"
    PARCEL_SENT = "PARCEL_SENT"
    CONFIRM_RECEIPT = "CONFIRM_RECEIPT"
    PARCEL_RECEIVED = "PARCEL_RECEIVED"
    PARCEL_LOST = "PARCEL_LOST"
    PUBLICATION_REMINDER = "PUBLICATION_REMINDER"
    SUBMISSION_RECEIVED = "SUBMISSION_RECEIVED"
    REVIEW_REMINDER = "REVIEW_REMINDER"
    CHANGES_REQUESTED = "CHANGES_REQUESTED"
    SUBMISSION_APPROVED = "SUBMISSION_APPROVED"
    SUBMISSION_AUTO_APPROVED = "SUBMISSION_AUTO_APPROVED"
    SUBMISSION_REJECTED = "SUBMISSION_REJECTED"
    CONTENT_PUBLISHED = "CONTENT_PUBLISHED"
    THANK_YOU = "THANK_YOU"
    OBJECTIVE_STATUS = "OBJECTIVE_STATUS"


_ALWAYS = frozenset({"campaign_title", "brand_name", "creator_name"})
_FURTHER: dict[Occasion, frozenset[str]] = {
    Occasion.INVITATION: frozenset({"comment", "due_date"}),
    Occasion.APPLICATION_UNANSWERED: frozenset({"due_date"}),
    Occasion.APPLICATION_ACCEPTED: frozenset({"comment", "due_date"}),
    Occasion.APPLICATION_DECLINED: frozenset({"comment", "reasons"}),
    Occasion.INVITATION_DECLINED: frozenset({"comment"}),
    Occasion.COLLABORATION_WITHDRAWN: frozenset({"comment"}),
    Occasion.COLLABORATION_CANCELLED: frozenset({"comment"}),
    Occasion.COLLABORATION_OVERDUE: frozenset({"due_date"}),
    Occasion.PARCEL_SENT: frozenset({"carrier", "tracking_number"}),
    Occasion.PARCEL_RECEIVED: frozenset({"due_date"}),
    Occasion.PARCEL_LOST: frozenset({"carrier", "tracking_number"}),
    Occasion.PUBLICATION_REMINDER: frozenset({"due_date"}),
    Occasion.SUBMISSION_RECEIVED: frozenset({"compliance_percent", "due_date"}),
    Occasion.REVIEW_REMINDER: frozenset({"due_date"}),
    Occasion.CHANGES_REQUESTED: frozenset({"comment", "feedback"}),
    Occasion.SUBMISSION_APPROVED: frozenset({"comment", "compliance_percent"}),
    Occasion.SUBMISSION_AUTO_APPROVED: frozenset({"compliance_percent"}),
    Occasion.SUBMISSION_REJECTED: frozenset({"comment"}),
    Occasion.CONTENT_PUBLISHED: frozenset({"url"}),
    Occasion.OBJECTIVE_STATUS: frozenset({"status", "progress_percent"}),
}

# What the brand says to the creator, and so belongs in their conversation as well.
SAID_BY_THE_BRAND = frozenset(
    {
        Occasion.INVITATION,
        Occasion.APPLICATION_ACCEPTED,
        Occasion.APPLICATION_DECLINED,
        Occasion.PARCEL_SENT,
        Occasion.CHANGES_REQUESTED,
        Occasion.SUBMISSION_APPROVED,
        Occasion.SUBMISSION_REJECTED,
        Occasion.THANK_YOU,
    }
)


def merge_fields(occasion: Occasion) -> frozenset[str]:
    """The fields that an occasion's words may use."""
    # An objective belongs to no creator.
    always = _ALWAYS - {"creator_name"} if occasion is Occasion.OBJECTIVE_STATUS else _ALWAYS
    return always | _FURTHER.get(occasion, frozenset())
