"""Names of reviews and submissions, and what they are made of."""

import base64
import hashlib
import re

from entente_chassis.refusal import NotFound

_SUBMISSION = re.compile(r"submissions/([a-z0-9]{20})-([1-9][0-9]{0,3})")


def review_name(collaboration: str, deliverable: str) -> str:
    """The one review of a deliverable: its name is made of what it is about, so that there is never a second one."""
    digest = hashlib.sha256(f"{collaboration}|{deliverable}".encode()).digest()
    return f"reviews/{base64.b32encode(digest).decode().lower()[:20]}"


def submission_name(review: str, version: int) -> str:
    """The name of one version."""
    return f"submissions/{review.removeprefix('reviews/')}-{version}"


def parse_submission(name: str) -> tuple[str, int]:
    """The review's name and the version.

    Raises:
        NotFound: no submission can have this name.
    """
    parts = _SUBMISSION.fullmatch(name)
    if parts is None:
        raise no_submission(name)
    return f"reviews/{parts[1]}", int(parts[2])


def no_submission(name: str) -> NotFound:
    """What a caller hears of a submission that is not there, or not theirs."""
    return NotFound("SUBMISSION_NOT_FOUND", f"There is no submission {name}.", resource=name)


def creator_of(collaboration: str) -> str:
    """The creator of a collaboration, which its name says."""
    return f"creators/{collaboration.rsplit('/', 1)[1]}"


def campaign_of(collaboration: str) -> str:
    """The campaign of a collaboration, which its name says."""
    return collaboration.split("/collaborations/", 1)[0]
