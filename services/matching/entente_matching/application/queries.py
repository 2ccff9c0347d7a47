"""What is asked of matching."""

import asyncio

from entente_chassis.store import Aggregates, Outcome
from entente_matching.domain.creators import Creator
from entente_matching.domain.feedback import Feedback, PastPerformance, fold
from entente_matching.domain.shortlists import Shortlist

_FEEDBACK_READ = 10_000


class Queries:
    """The questions that matching answers.

    Args:
        creators: all creators.
        feedback: one record for each collaboration.
        shortlists: of all brands.
    """

    def __init__(
        self,
        creators: Aggregates[Creator],
        feedback: Aggregates[Feedback],
        shortlists: Aggregates[Shortlist],
    ) -> None:
        self._creators = creators
        self._feedback = feedback
        self._shortlists = shortlists

    async def creator(self, name: str) -> tuple[Outcome[Creator], PastPerformance | None]:
        """A creator with its past performance, or NotFound."""
        found, past = await asyncio.gather(self._creators.require(name, what="The creator"), self._past(name))
        return found, past

    async def creators(self, page_size: int, page_token: str) -> tuple[list[Outcome[Creator]], str]:
        """A page of creators in the order of their names."""
        return await self._creators.page({}, page_size=page_size, page_token=page_token, scope="creators")

    async def shortlist(self, name: str) -> Outcome[Shortlist]:
        """A shortlist, or NotFound."""
        return await self._shortlists.require(name, what="The shortlist")

    async def shortlists(self, brand: str, page_size: int, page_token: str) -> tuple[list[Outcome[Shortlist]], str]:
        """A page of a brand's shortlists."""
        return await self._shortlists.page({"brand": brand}, page_size=page_size, page_token=page_token, scope=brand)

    async def _past(self, name: str) -> PastPerformance | None:
        records = await self._feedback.find({"creator": name}, limit=_FEEDBACK_READ)
        return fold(record.state for record in records)
