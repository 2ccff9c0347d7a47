"""What can be looked at, and by whom."""

import base64
import json
from collections.abc import Sequence
from typing import Any

from entente_chassis.auth import Caller
from entente_chassis.refusal import Invalid
from entente_chassis.store import Outcome
from entente_review.application.commands import Version
from entente_review.application.stores import Desk
from entente_review.domain.names import creator_of, no_submission, parse_submission
from entente_review.domain.review import Decision, Review, SubmissionState, find_version

_DOCUMENTS_AT_ONCE = 50
_DEFAULT_PAGE = 50


async def get(desk: Desk, caller: Caller, submission: str) -> Version:
    """One submission, for its creator and its brand.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    name, version = parse_submission(submission)
    found = await desk.reviews.get(name)
    if found is None or not _may_see(caller, found.state):
        raise no_submission(submission)
    find_version(found.state, version)
    return Version(found, version)


async def find(
    desk: Desk,
    caller: Caller,
    *,
    campaign: str = "",
    collaboration: str = "",
    state: SubmissionState | None = None,
    latest_only: bool = False,
    page_size: int = 0,
    page_token: str = "",
) -> tuple[list[Version], str]:
    """Submissions within what the caller may see, and the token of the next page.

    Raises:
        Invalid: the token is not of this list.
    """
    where: dict[str, Any] = _within(caller, collaboration)
    if campaign:
        where["subject.campaign"] = campaign
    if collaboration:
        where["subject.collaboration"] = collaboration
    if state:
        where["states"] = state.value
    scope = json.dumps([where, latest_only], sort_keys=True)
    wanted = page_size or _DEFAULT_PAGE
    # A document holds several versions, so a page may end within one: the token says how many were given already.
    token, skip = _read_token(page_token)
    found: list[Version] = []
    while True:
        reviews, following = await desk.reviews.page(where, page_size=_DOCUMENTS_AT_ONCE, page_token=token, scope=scope)
        versions = [version for review in reviews for version in _versions(review, state, latest_only)][skip:]
        room = wanted - len(found)
        found += versions[:room]
        if len(versions) > room:
            return found, _write_token(token, skip + room)
        if not following:
            return found, ""
        token, skip = following, 0


async def decisions(
    desk: Desk, caller: Caller, submission: str, *, page_size: int = 0, page_token: str = ""
) -> tuple[Sequence[Decision], str]:
    """The log of a submission, the oldest entry first."""
    found = await get(desk, caller, submission)
    log = find_version(found.review.state, found.number).log
    _, skip = _read_token(page_token)
    page = log[skip : skip + (page_size or _DEFAULT_PAGE)]
    end = skip + len(page)
    return page, _write_token("", end) if end < len(log) else ""


def _may_see(caller: Caller, review: Review) -> bool:
    return caller.acts_for_brand(review.subject.brand) or caller.acts_for_creator(review.subject.creator)


def _within(caller: Caller, collaboration: str) -> dict[str, Any]:
    """What limits a list to what is the caller's own. Who speaks for brands and creators names a collaboration of the
    creator to see it as the creator.
    """
    if caller.is_operator or caller.is_service:
        return {}
    if collaboration and caller.acts_for_creator(creator_of(collaboration)):
        return {}
    if brands := [brand for brand in caller.brands if caller.acts_for_brand(brand)]:
        return {"subject.brand": {"$in": sorted(brands)}}
    return {"subject.creator": {"$in": sorted(name for name in caller.creators if caller.acts_for_creator(name))}}


def _versions(review: Outcome[Review], state: SubmissionState | None, latest_only: bool) -> list[Version]:
    entries = review.state.submissions[-1:] if latest_only else review.state.submissions
    return [Version(review, entry.version) for entry in entries if state is None or entry.state is state]


def _write_token(token: str, skip: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([token, skip]).encode()).decode()


def _read_token(page_token: str) -> tuple[str, int]:
    if not page_token:
        return "", 0
    try:
        token, skip = json.loads(base64.urlsafe_b64decode(page_token.encode()))
        if isinstance(token, str) and isinstance(skip, int) and skip >= 0:
            return token, skip
    except (ValueError, TypeError):
        pass
    raise Invalid("PAGE_TOKEN_INVALID", "The page_token is not of this list: start again without one.")
