"""The search over profiles one by one: plain, slow, and what the index must agree with."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from entente_chassis.store import Aggregates
from entente_matching.application.search.model import SORT_KEYS, Cursor, Found, Hit, Order, Query, facet, tie
from entente_matching.domain import fit, lookalikes
from entente_matching.domain.creators import Creator
from entente_matching.domain.feedback import Feedback, fold
from entente_matching.domain.filters import matches, may_match
from entente_matching.domain.profiles import Profile, profiles_of
from entente_matching.domain.reference import Reference

_AT_ONCE = 500


class PlainSearch:
    """Answers searches by looking at every creator.

    Args:
        creators: names, each with the creator through its accounts.
        seen_until: as of when they are.
    """

    def __init__(self, creators: Iterable[tuple[str, Sequence[Profile]]], seen_until: datetime | None = None) -> None:
        self._creators = list(creators)
        self._seen_until = seen_until

    @classmethod
    async def read(
        cls, creators: Aggregates[Creator], feedback: Aggregates[Feedback], reference: Reference
    ) -> "PlainSearch":
        """All creators as the database has them now."""
        found: list[tuple[str, Sequence[Profile]]] = []
        last = ""
        while batch := await creators.find({"_id": {"$gt": last}}, limit=_AT_ONCE):
            for each in batch:
                records = await feedback.find({"creator": each.id}, limit=10_000)
                past = fold(record.state for record in records)
                found.append((each.id, profiles_of(each.id, each.state, past, reference)))
            last = batch[-1].id
        return cls(found)

    def search(self, query: Query) -> Found:
        """The creators that match, in order, and how they divide."""
        found: list[tuple[float, int, Hit]] = []
        unsure = 0
        for name, profiles in self._creators:
            if name in query.excluded:
                continue
            on_platform = [
                each
                for each in profiles
                if not (query.brief and query.brief.platforms) or each.platform in query.brief.platforms
            ]
            matching = [each for each in on_platform if matches(each, query.wanted)]
            if matching:
                scored = [(*_scored(each, query), each) for each in matching]
                key, score, best = min(scored, key=lambda entry: (entry[0], entry[2].platform or ""))
                found.append((key, tie(name), Hit(name, best, score)))
            else:
                unsure += any(may_match(each, query.wanted) for each in on_platform)
        if query.order is Order.NAME:
            found.sort(key=lambda entry: entry[2].creator, reverse=query.descending)
        else:
            found.sort(key=lambda entry: entry[:2])
        after = query.after
        rest = found if after is None else [entry for entry in found if _is_after(entry, after, query)]
        page = rest[: query.limit]
        more = len(rest) > len(page) > 0
        return Found(
            hits=tuple(hit for _, _, hit in page),
            next=Cursor(page[-1][0], page[-1][2].creator) if more else None,
            total=len(found),
            facets=tuple(
                facet(field, Counter(value for _, _, hit in found for value in _traits(hit.profile)[field]))
                for field in query.facets
            ),
            unknown_audience=unsure,
            seen_until=self._seen_until,
        )


def _scored(profile: Profile, query: Query) -> tuple[float, int | None]:
    """The sort key, the smallest first, and the score that is shown."""
    score: int | None = None
    if query.likeness is not None:
        score = lookalikes.similarity(profile, query.likeness).score_hundredths
    elif query.brief is not None:
        score = fit.score(profile, query.brief).score_hundredths
    if query.order is Order.NAME:
        return 0.0, score
    value = score if query.order in (Order.FIT, Order.SIMILARITY) else SORT_KEYS[query.order](profile)
    if value is None:
        return float("inf"), score
    return float(-value if query.descending else value), score


def _is_after(entry: tuple[float, int, Hit], after: Cursor, query: Query) -> bool:
    if query.order is Order.NAME:
        return entry[2].creator < after.name if query.descending else entry[2].creator > after.name
    return entry[:2] > (after.key, tie(after.name))


def _traits(profile: Profile) -> dict[str, Sequence[str]]:
    return {
        "platform": [profile.platform or ""],
        "country": [profile.country],
        "main_audience_country": [profile.main_audience_country],
        "category": profile.categories or [""],
        "tier": [profile.tier],
        "language": profile.languages or [""],
        "verified": ["true" if profile.verified else "false"],
    }
