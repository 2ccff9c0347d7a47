"""Matching's calls about what is a brand's own, about benchmarks and authenticity, and plans."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from entente.matching.v1 import service_pb2 as pb
from entente.matching.v1 import service_pb2_grpc
from entente_chassis.money import Money
from entente_chassis.refusal import Invalid, NotFound
from entente_chassis.rpc import Access, Role, current_caller, new_id, request_key
from entente_matching.adapters import messages
from entente_matching.adapters import messages_brands as answers
from entente_matching.application import brands, rosters
from entente_matching.application.commands import Commands
from entente_matching.application.indexing import Indexer
from entente_matching.application.ports import Solver
from entente_matching.application.searching import Searching
from entente_matching.application.stores import Stores
from entente_matching.domain.advice import advise
from entente_matching.domain.planning import Prices

_EVERYBODY = frozenset(Role)
_BUYERS = frozenset({Role.BRAND, Role.AGENCY, Role.OPERATOR, Role.SERVICE})

ACCESS: Access = {
    "OverrideAuthenticity": frozenset({Role.OPERATOR}),
    "ListBenchmarks": _EVERYBODY,
    "AddToShortlist": _BUYERS,
    "GetRelation": _BUYERS,
    "ListRelations": _BUYERS,
    "SetFavourite": _BUYERS,
    "SetBan": _BUYERS,
    "AddNote": _BUYERS,
    "DeleteNote": _BUYERS,
    "ListWorkAgain": _BUYERS,
    "GetPlatformAdvice": _EVERYBODY,
    "PlanRoster": _BUYERS,
}
"""Who may call what. Beyond this table a brand has its own relations and shortlists alone."""


@dataclass(frozen=True)
class Given:
    """What these calls need.

    Args:
        populations: country -> people.
    """

    stores: Stores
    commands: Commands
    searching: Searching
    indexer: Indexer
    solver: Solver
    populations: Mapping[str, int]


class BrandCalls(service_pb2_grpc.MatchingServiceServicer):
    """Answers the calls of the table above."""

    given: Given

    async def OverrideAuthenticity(self, request: pb.OverrideAuthenticityRequest, context: Any) -> pb.Creator:
        """Set or clear an operator's word."""
        platform = messages.read_platform(request.platform)
        assert platform is not None
        changed = await self.given.commands.override_authenticity(
            request.creator,
            platform,
            score=request.score if request.HasField("score") else None,
            reason=request.reason,
            by=current_caller().subject,
            request=request_key(request),
        )
        return messages.creator_message(changed, None, self.given.indexer.reference, history=True)

    async def ListBenchmarks(self, request: pb.ListBenchmarksRequest, context: Any) -> pb.ListBenchmarksResponse:
        """List the benchmarks in force."""
        benchmarks = self.given.indexer.reference.benchmarks
        return answers.benchmarks_message(benchmarks, messages.read_platform(request.platform))

    async def AddToShortlist(self, request: pb.AddToShortlistRequest, context: Any) -> pb.AddToShortlistResponse:
        """Add creators to a shortlist."""
        _require_brand(request.name)
        changed, results = await brands.add_to_shortlist(
            self.given.stores, request.name, list(request.creators), request_key(request)
        )
        return pb.AddToShortlistResponse(
            shortlist=messages.shortlist_message(changed), results=answers.addition_messages(results)
        )

    async def GetRelation(self, request: pb.GetRelationRequest, context: Any) -> pb.Relation:
        """Return what a brand keeps about a creator."""
        _require_brand(request.name)
        return answers.relation_message(await brands.relation(self.given.stores, request.name))

    async def ListRelations(self, request: pb.ListRelationsRequest, context: Any) -> pb.ListRelationsResponse:
        """List a brand's relations."""
        _require_brand(request.parent)
        found, token = await brands.list_relations(
            self.given.stores, request.parent, request.filter, request.page_size, request.page_token
        )
        return pb.ListRelationsResponse(
            relations=[answers.relation_message(each) for each in found], next_page_token=token
        )

    async def SetFavourite(self, request: pb.SetFavouriteRequest, context: Any) -> pb.Relation:
        """Mark or unmark a favourite."""
        _require_brand(request.name)
        key = request_key(request)
        return answers.relation_message(
            await brands.set_favourite(self.given.stores, request.name, request.favourite, key)
        )

    async def SetBan(self, request: pb.SetBanRequest, context: Any) -> pb.Relation:
        """Ban a creator, or lift its ban."""
        _require_brand(request.name)
        changed = await brands.set_ban(
            self.given.stores,
            request.name,
            is_banned=request.banned,
            reason=request.reason,
            by=current_caller().subject,
            request=request_key(request),
        )
        return answers.relation_message(changed)

    async def AddNote(self, request: pb.AddNoteRequest, context: Any) -> pb.Relation:
        """Add a note."""
        _require_brand(request.name)
        key = request_key(request)
        changed = await brands.add_note(
            self.given.stores,
            request.name,
            id=new_id(key),
            text=request.text,
            by=current_caller().subject,
            request=key,
        )
        return answers.relation_message(changed)

    async def DeleteNote(self, request: pb.DeleteNoteRequest, context: Any) -> pb.Relation:
        """Delete a note."""
        _require_brand(request.name)
        key = request_key(request)
        return answers.relation_message(await brands.delete_note(self.given.stores, request.name, request.note_id, key))

    async def ListWorkAgain(self, request: pb.ListWorkAgainRequest, context: Any) -> pb.ListWorkAgainResponse:
        """List whom to work with again."""
        _require_brand(request.parent)
        offset = _read_offset(request.page_token, request.parent)
        found = await brands.work_again(self.given.stores, request.parent, offset, request.page_size)
        return pb.ListWorkAgainResponse(
            suggestions=[answers.suggestion_message(each) for each in found.found],
            next_page_token=_write_offset(found.next_offset, request.parent) if found.next_offset else "",
        )

    async def GetPlatformAdvice(self, request: pb.GetPlatformAdviceRequest, context: Any) -> pb.PlatformAdvice:
        """Advise one or two platforms."""
        kinds = [pb.ProductKind.Name(kind).removeprefix("PRODUCT_KIND_") for kind in request.kinds]
        return answers.advice_message(advise(kinds, list(request.ages), self.given.indexer.reference.advice))

    async def PlanRoster(self, request: pb.PlanRosterRequest, context: Any) -> pb.Roster:
        """Plan a roster."""
        if request.brand:
            _require_brand(request.brand)
        budget = Money(request.budget.currency_code, request.budget.minor_units)
        wish = rosters.Wish(
            brief=messages.read_brief(request.brief),
            wanted=messages.read_filter(request.filter),
            budget=budget,
            limits=answers.read_limits(request, self.given.indexer.reference.tiers.names),
            prices=Prices(
                budget.currency_code,
                {price.creator: price.minor_units for price in request.prices},
                request.assumed_price_per_thousand if request.HasField("assumed_price_per_thousand") else None,
            ),
            markets={market.country: market.people for market in request.markets},
            seconds=request.max_duration.ToTimedelta().total_seconds() if request.HasField("max_duration") else 5.0,
            brand=request.brand,
        )
        plan = await rosters.plan(self.given.searching, self.given.solver, self.given.populations, wish)
        return answers.roster_message(plan, budget)


def _require_brand(name: str) -> None:
    """Another tenant's resource does not exist for the caller."""
    if not current_caller().acts_for_brand(brands.brand_of(name)):
        raise NotFound("NOT_FOUND", f"{name} does not exist.", resource=name)


def _write_offset(offset: int, scope: str) -> str:
    return base64.urlsafe_b64encode(f"{offset} {scope}".encode()).decode()


def _read_offset(token: str, scope: str) -> int:
    if not token:
        return 0
    try:
        offset, _, of = base64.urlsafe_b64decode(token.encode()).decode().partition(" ")
        number = int(offset)
    except (binascii.Error, ValueError) as error:
        raise _invalid_token() from error
    if of != scope or number < 0:
        raise _invalid_token()
    return number


def _invalid_token() -> Invalid:
    return Invalid("PAGE_TOKEN_INVALID", "page_token is not of this list: start again without it.")
