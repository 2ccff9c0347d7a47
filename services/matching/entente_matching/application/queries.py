"""What is asked of matching."""

import asyncio
import base64
import binascii
import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from entente_chassis.refusal import Invalid, Violation
from entente_chassis.store import Aggregates, Outcome
from entente_matching import metrics
from entente_matching.application.index import Cursor, Found, Query
from entente_matching.application.indexing import Indexer
from entente_matching.domain import fit
from entente_matching.domain.creators import Creator
from entente_matching.domain.feedback import Feedback, PastPerformance, fold
from entente_matching.domain.filters import CreatorFilter, Exclusion, exclusions
from entente_matching.domain.fit import Brief, FitScore
from entente_matching.domain.profiles import Profile, profiles_of, without_account
from entente_matching.domain.reference import Reference
from entente_matching.domain.shortlists import Shortlist

_FEEDBACK_READ = 10_000


@dataclass(frozen=True)
class Match:
    """A creator on a page of results, through its best account, with its fit where there is a brief."""

    profile: Profile
    fit: FitScore | None


@dataclass(frozen=True)
class SearchPage:
    """A page of results, what is true of all matches, and the token of the next page."""

    matches: tuple[Match, ...]
    found: Found
    next_page_token: str


class Queries:
    """The questions that matching answers.

    Args:
        creators: all creators.
        feedback: one record for each collaboration.
        shortlists: of all brands.
        indexer: holds the index that answers searches.
        reference: what is known beforehand.
    """

    def __init__(
        self,
        creators: Aggregates[Creator],
        feedback: Aggregates[Feedback],
        shortlists: Aggregates[Shortlist],
        indexer: Indexer,
        reference: Reference,
    ) -> None:
        self._creators = creators
        self._feedback = feedback
        self._shortlists = shortlists
        self._indexer = indexer
        self._reference = reference

    async def creator(self, name: str) -> tuple[Outcome[Creator], PastPerformance | None]:
        """A creator with its past performance, or NotFound."""
        found, past = await asyncio.gather(self._creators.require(name, what="The creator"), self._past(name))
        return found, past

    async def creators(self, page_size: int, page_token: str) -> tuple[list[Outcome[Creator]], str]:
        """A page of creators in the order of their names."""
        return await self._creators.page({}, page_size=page_size, page_token=page_token, scope="creators")

    async def score(self, name: str, brief: Brief) -> tuple[Profile, FitScore]:
        """How well a creator fits, from its stored state, through the account that fits best.

        A creator without an account on the brief's platforms is scored by what is known of it all the same.
        """
        found, past = await self.creator(name)
        brief = self._canonical(brief)
        best = fit.best(profiles_of(name, found.state, past, self._reference), brief)
        if best is None:
            profile = without_account(name, found.state, past, self._reference)
            best = (profile, fit.score(profile, brief))
        metrics.scores.labels(best[1].confidence).inc()
        return best

    async def explain(self, name: str, wanted: CreatorFilter) -> tuple[Profile, list[Exclusion]]:
        """What keeps a creator out of the results: of its accounts, the one that the fewest demands keep out."""
        found, past = await self.creator(name)
        wanted = self._canonical_filter(wanted)
        profiles = profiles_of(name, found.state, past, self._reference)
        by_account = [(profile, exclusions(profile, wanted)) for profile in profiles]
        return min(by_account, key=lambda pair: len(pair[1]))

    async def search(self, query: Query, page_token: str, scope: str) -> SearchPage:
        """A page of creators that match.

        Args:
            query: what is looked for, in what order, and how many at most.
            page_token: from the page before, or "".
            scope: what the token is bound to: all of the request but its paging.

        Raises:
            Invalid: the token is of another search.
            Unavailable: the index is still being loaded.
        """
        query = replace(
            query,
            wanted=self._canonical_filter(query.wanted),
            brief=self._canonical(query.brief) if query.brief else None,
            after=_read_token(page_token, scope) if page_token else None,
        )
        await self._indexer.until_loaded()
        began = time.perf_counter()
        found = await asyncio.to_thread(self._indexer.index.search, query)
        metrics.search_seconds.observe(time.perf_counter() - began)
        metrics.searches.labels("found" if found.total else "nothing").inc()
        token = _write_token(found.next, scope) if found.next else ""
        return SearchPage(await self._matches(found, query.brief), found, token)

    async def shortlist(self, name: str) -> Outcome[Shortlist]:
        """A shortlist, or NotFound."""
        return await self._shortlists.require(name, what="The shortlist")

    async def shortlists(self, brand: str, page_size: int, page_token: str) -> tuple[list[Outcome[Shortlist]], str]:
        """A page of a brand's shortlists."""
        return await self._shortlists.page({"brand": brand}, page_size=page_size, page_token=page_token, scope=brand)

    async def _matches(self, found: Found, brief: Brief | None) -> tuple[Match, ...]:
        """What a page shows of its hits, from the database."""
        names = [hit.creator for hit in found.hits]
        if not names:
            return ()
        stored, records = await asyncio.gather(
            self._creators.find({"_id": {"$in": names}}, limit=len(names)),
            self._feedback.find({"creator": {"$in": names}}, limit=_FEEDBACK_READ),
        )
        states = {outcome.id: outcome.state for outcome in stored}
        by_creator: dict[str, list[Feedback]] = {}
        for record in records:
            by_creator.setdefault(record.state.creator, []).append(record.state)
        matches = []
        for hit in found.hits:
            profiles = profiles_of(
                hit.creator, states[hit.creator], fold(by_creator.get(hit.creator, ())), self._reference
            )
            profile = next((each for each in profiles if each.platform == hit.platform), profiles[0])
            matches.append(Match(profile, fit.score(profile, brief) if brief else None))
        return tuple(matches)

    async def _past(self, name: str) -> PastPerformance | None:
        records = await self._feedback.find({"creator": name}, limit=_FEEDBACK_READ)
        return fold(record.state for record in records)

    def _canonical(self, brief: Brief) -> Brief:
        words = self._reference.vocabulary.words((*brief.categories, *brief.target.interests))
        return replace(brief, categories=words)

    def _canonical_filter(self, wanted: CreatorFilter) -> CreatorFilter:
        unknown = [tier for tier in wanted.tiers if tier not in self._reference.tiers.names]
        if unknown:
            raise Invalid(
                "TIER_UNKNOWN",
                f"Tiers are {', '.join(self._reference.tiers.names)}.",
                violations=[Violation("filter.tiers", f"{tier!r} is not a tier") for tier in unknown],
            )
        return replace(wanted, categories=self._reference.vocabulary.words(wanted.categories))


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


def order_of(order_by: str, brief: Brief | None) -> tuple[str, bool]:
    """The order that is asked for, and whether it is descending; by fit where there is a brief, else by followers.

    Raises:
        Invalid: an order by fit without a brief.
    """
    words: Sequence[str] = (order_by or ("fit desc" if brief else "followers desc")).split()
    if words[0] == "fit" and brief is None:
        raise Invalid(
            "ORDER_NEEDS_BRIEF",
            "Creators can only be ordered by fit to a brief: give one.",
            violations=[Violation("order_by", "needs a brief")],
        )
    return words[0], len(words) > 1
