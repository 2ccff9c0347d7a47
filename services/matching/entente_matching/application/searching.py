"""What is asked about creators together: searches, scores, why not, and lookalikes."""

import asyncio
import base64
import binascii
import hashlib
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from entente_chassis.refusal import Invalid, NotFound, Violation
from entente_chassis.store import Aggregates, Outcome
from entente_matching import metrics
from entente_matching.application.indexing import Indexer
from entente_matching.application.search import Cursor, Found, Order, Query
from entente_matching.domain import fit
from entente_matching.domain.creators import Creator
from entente_matching.domain.feedback import Feedback, PastPerformance, fold
from entente_matching.domain.filters import CreatorFilter, Exclusion, check_filter, exclusions
from entente_matching.domain.fit import Brief, FitScore
from entente_matching.domain.lookalikes import Likeness, Similarity, likeness_of, similarity
from entente_matching.domain.profiles import Profile, profiles_of, without_account

_FEEDBACK_READ = 10_000

Bans = Callable[[str], Awaitable[frozenset[str]]]
"""The creators that a brand has banned."""


async def no_bans(brand: str) -> frozenset[str]:
    """Nobody is banned."""
    return frozenset()


@dataclass(frozen=True)
class Match:
    """A creator on a page of results, through its best account; with its fit, or in what it is alike."""

    profile: Profile
    fit: FitScore | None = None
    similarity: Similarity | None = None


@dataclass(frozen=True)
class SearchPage:
    """A page of results, what is true of all matches, and the token of the next page."""

    matches: tuple[Match, ...]
    found: Found
    next_page_token: str


class Searching:
    """The questions about creators.

    Args:
        creators: all creators.
        feedback: one record for each collaboration.
        indexer: holds the index that answers searches.
        bans: whom a brand does not want to see.
    """

    def __init__(
        self,
        creators: Aggregates[Creator],
        feedback: Aggregates[Feedback],
        indexer: Indexer,
        bans: Bans = no_bans,
    ) -> None:
        self._creators = creators
        self._feedback = feedback
        self._indexer = indexer
        self._bans = bans

    async def score(self, name: str, brief: Brief) -> tuple[Profile, FitScore]:
        """How well a creator fits, from its stored state, through the account that fits best.

        A creator without an account on the brief's platforms is scored by what is known of it all the same.
        """
        found, past = await self._stored(name)
        brief = self._canonical(brief)
        best = fit.best(profiles_of(name, found.state, past, self._indexer.reference), brief)
        if best is None:
            profile = without_account(name, found.state, past, self._indexer.reference)
            best = (profile, fit.score(profile, brief))
        metrics.scores.labels(best[1].confidence).inc()
        return best

    async def explain(self, name: str, wanted: CreatorFilter, brand: str = "") -> tuple[Profile, list[Exclusion]]:
        """What keeps a creator out of the results: of its accounts, the one that the fewest demands keep out."""
        wanted = self._checked(wanted)
        (found, past), banned = await asyncio.gather(self._stored(name), self._banned(brand))
        profiles = profiles_of(name, found.state, past, self._indexer.reference)
        by_account = [(profile, exclusions(profile, wanted)) for profile in profiles]
        profile, reasons = min(by_account, key=lambda pair: len(pair[1]))
        if name in banned:
            reasons = [Exclusion("brand", f"not banned by {brand}", "banned"), *reasons]
        return profile, reasons

    async def search(self, query: Query, page_token: str, scope: str, brand: str = "") -> SearchPage:
        """A page of creators that match.

        Args:
            query: what is looked for, in what order, and how many at most.
            page_token: from the page before, or "".
            scope: what the token is bound to: all of the request but its paging.
            brand: who searches; those that it has banned are not found.

        Raises:
            Invalid: the filter makes no sense, or the token is of another search.
            Unavailable: the index is still being loaded.
        """
        query = replace(
            query,
            wanted=self._checked(query.wanted),
            brief=self._canonical(query.brief) if query.brief else None,
            after=_read_token(page_token, scope) if page_token else None,
            excluded=query.excluded | await self._banned(brand),
        )
        await self._indexer.until_loaded()
        began = time.perf_counter()
        # The index's arithmetic runs beside the event loop, and its library does without the interpreter's lock.
        page = await asyncio.to_thread(self._answer, query, scope)
        metrics.search_seconds.observe(time.perf_counter() - began)
        metrics.searches.labels("found" if page.found.total else "nothing").inc()
        return page

    async def lookalikes(
        self, seeds: Sequence[str], wanted: CreatorFilter, limit: int, page_token: str, scope: str, brand: str = ""
    ) -> SearchPage:
        """A page of the creators that are most like a few others, each of these seen through its largest account.

        Raises:
            NotFound: a seed does not exist; all that do not are named.
        """
        stored = await self._creators.find({"_id": {"$in": list(seeds)}}, limit=len(seeds))
        missing = sorted(set(seeds) - {found.id for found in stored})
        if missing:
            raise NotFound("NOT_FOUND", f"{', '.join(missing)}: no such creator.", resource=missing[0])
        largest = [self._largest(found) for found in stored]
        query = Query(
            wanted=wanted,
            likeness=likeness_of(largest),
            order=Order.SIMILARITY,
            limit=limit,
            excluded=frozenset(seeds),
            facets=(),
        )
        return await self.search(query, page_token, scope, brand)

    # -- shared -------------------------------------------------------------------------------------------------------

    def _answer(self, query: Query, scope: str) -> SearchPage:
        found = self._indexer.index.search(query)
        matches = tuple(_match(hit.profile, query.brief, query.likeness) for hit in found.hits)
        return SearchPage(matches, found, _write_token(found.next, scope) if found.next else "")

    async def _stored(self, name: str) -> tuple[Outcome[Creator], PastPerformance | None]:
        found, records = await asyncio.gather(
            self._creators.require(name, what="The creator"),
            self._feedback.find({"creator": name}, limit=_FEEDBACK_READ),
        )
        return found, fold(record.state for record in records)

    def _largest(self, found: Outcome[Creator]) -> Profile:
        profiles = profiles_of(found.id, found.state, None, self._indexer.reference)
        return max(profiles, key=lambda profile: profile.followers or 0)

    async def _banned(self, brand: str) -> frozenset[str]:
        return await self._bans(brand) if brand else frozenset()

    def _canonical(self, brief: Brief) -> Brief:
        vocabulary = self._indexer.reference.vocabulary
        return replace(brief, categories=vocabulary.words((*brief.categories, *brief.target.interests)))

    def _checked(self, wanted: CreatorFilter) -> CreatorFilter:
        reference = self._indexer.reference
        check_filter(wanted, tiers=reference.tiers.names, countries=reference.countries.codes)
        return self._with_words(wanted)

    def _with_words(self, wanted: CreatorFilter) -> CreatorFilter:
        """The filter with canonical words for what creators talk about."""
        return replace(
            wanted,
            categories=self._indexer.reference.vocabulary.words(wanted.categories),
            all_of=tuple(self._with_words(child) for child in wanted.all_of),
            any_of=tuple(self._with_words(child) for child in wanted.any_of),
            none_of=tuple(self._with_words(child) for child in wanted.none_of),
        )


def _match(profile: Profile, brief: Brief | None, likeness: Likeness | None) -> Match:
    return Match(
        profile,
        fit.score(profile, brief) if brief else None,
        similarity(profile, likeness) if likeness else None,
    )


def _digest(scope: str) -> str:
    return hashlib.sha256(scope.encode()).hexdigest()[:16]


def _write_token(cursor: Cursor, scope: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([_digest(scope), cursor.key, cursor.name]).encode()).decode()


def _read_token(token: str, scope: str) -> Cursor:
    try:
        digest, key, name = json.loads(base64.urlsafe_b64decode(token.encode()))
        cursor = Cursor(float(key), str(name))
    except (binascii.Error, ValueError, TypeError) as error:
        raise _invalid_token() from error
    if digest != _digest(scope):
        raise _invalid_token()
    return cursor


def _invalid_token() -> Invalid:
    return Invalid(
        "PAGE_TOKEN_INVALID",
        "page_token is not of this search: repeat the request's other fields as they were, or start again without it.",
    )


def order_of(order_by: str, brief: Brief | None) -> tuple[Order, bool]:
    """The order that is asked for, and whether it is descending; by fit where there is a brief, else by followers.

    Raises:
        Invalid: an order by fit without a brief.
    """
    words: Sequence[str] = (order_by or ("fit desc" if brief else "followers desc")).split()
    if words[0] == Order.FIT and brief is None:
        raise Invalid(
            "ORDER_NEEDS_BRIEF",
            "Creators can only be ordered by fit to a brief: give one.",
            violations=[Violation("order_by", "needs a brief")],
        )
    return Order(words[0]), len(words) > 1
