"""Matching's calls, and who may make them."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from google.protobuf.message import Message

from entente.matching.v1 import service_pb2 as pb
from entente_chassis.clock import Clock
from entente_chassis.refusal import Denied, Invalid, NotFound, Violation
from entente_chassis.rpc import Access, Role, current_caller, new_id, request_key
from entente_matching import metrics
from entente_matching.adapters import messages
from entente_matching.application.commands import Commands, CreatorImport
from entente_matching.application.queries import Queries
from entente_matching.application.search import Query
from entente_matching.application.search.model import FACETS
from entente_matching.application.searching import order_of
from entente_matching.domain.creators import Creator
from entente_matching.domain.reference import Reference
from entente_matching.domain.rows import RowReader, UnreadableRows
from entente_matching.domain.shortlists import Shortlist
from entente_matching.domain.words import Platform
from entente_matching.entrypoints import brands
from entente_matching.entrypoints.brands import BrandCalls, Given

_EVERYBODY = frozenset(Role)
_BUYERS = frozenset({Role.BRAND, Role.AGENCY, Role.OPERATOR, Role.SERVICE})
_SUPPLIERS = frozenset({Role.CREATOR, Role.OPERATOR, Role.SERVICE})
_OPERATORS = frozenset({Role.OPERATOR, Role.SERVICE})

ACCESS: Access = {
    "RegisterCreator": _SUPPLIERS,
    "GetCreator": _EVERYBODY,
    "ListCreators": _BUYERS,
    "ImportCreators": _OPERATORS,
    "RecordMetrics": _SUPPLIERS,
    "SetOffer": _SUPPLIERS,
    "SearchCreators": _BUYERS,
    "ScoreCreator": _BUYERS,
    "ExplainExclusion": _BUYERS,
    "ListLookalikes": _BUYERS,
    "CreateShortlist": _BUYERS,
    "GetShortlist": _BUYERS,
    "ListShortlists": _BUYERS,
    "UpdateShortlist": _BUYERS,
    **brands.ACCESS,
}
"""Who may call what. Beyond this table a creator sees and measures itself alone, and a brand its own shortlists."""


class MatchingServicer(BrandCalls):
    """Answers matching's calls.

    Args:
        commands: what changes state.
        queries: what is asked.
        given: what the calls about brands' own need, and the searches.
        clock: the domain's.
    """

    def __init__(self, commands: Commands, queries: Queries, given: Given, clock: Clock) -> None:
        self.given = given
        self._commands = commands
        self._queries = queries
        self._searching = given.searching
        self._clock = clock

    @property
    def _reference(self) -> Reference:
        """With the benchmarks of now."""
        return self.given.indexer.reference

    # -- creators -----------------------------------------------------------------------------------------------------

    async def RegisterCreator(self, request: pb.RegisterCreatorRequest, context: Any) -> pb.Creator:
        """Register a creator: itself, or by an operator."""
        key = request_key(request)
        name = f"creators/{request.creator_id or new_id(key)}"
        if not current_caller().acts_for_creator(name):
            raise Denied(
                "CREATOR_NOT_YOURS", f"A creator registers under its own creator_id; this call would make {name}."
            )
        if request.verified and not (current_caller().is_operator or current_caller().is_service):
            raise Denied("VERIFICATION_BY_OPERATOR", "Only an operator verifies a creator: leave verified out.")
        # The times are set by the command.
        now = self._clock.now()
        given = Creator(
            display_name=request.display_name,
            created_at=now,
            updated_at=now,
            changed_at=now,
            company=request.company,
            country=self._country(request.country),
            languages=tuple(request.languages),
            categories=tuple(request.categories),
            verified=request.verified,
            accounts=messages.read_accounts(request.accounts),
        )
        registered = await self._commands.register(name, given, key)
        return messages.creator_message(registered, None, self._reference, history=True)

    async def GetCreator(self, request: pb.GetCreatorRequest, context: Any) -> pb.Creator:
        """Return one creator; to a creator, only itself."""
        self._require_own(request.name)
        found, past = await self._queries.creator(request.name)
        return messages.creator_message(found, past, self._reference, history=True)

    async def ListCreators(self, request: pb.ListCreatorsRequest, context: Any) -> pb.ListCreatorsResponse:
        """List creators."""
        found, token = await self._queries.creators(request.page_size, request.page_token)
        return pb.ListCreatorsResponse(
            creators=[messages.creator_message(each, None, self._reference, history=False) for each in found],
            next_page_token=token,
        )

    async def ImportCreators(
        self, requests: AsyncIterator[pb.ImportCreatorsRequest], context: Any
    ) -> pb.ImportCreatorsResponse:
        """Import a file of creators."""
        running: CreatorImport | None = None
        defaults: tuple[Platform | None, str] = (None, "")
        async for request in requests:
            if running is None:
                defaults = (messages.read_platform(request.default_platform), request.default_snapshot)
                name = f"imports/{new_id(request_key(request))}"
                reader = self._reader(request.columns, *defaults)
                running = self._commands.import_creators(reader, name, current_caller().subject)
            elif request.columns:
                # Columns that change are those of single records, such as lines of JSON: they cost only their own rows.
                try:
                    running.reader = self._reader(request.columns, *defaults)
                except Invalid as refusal:
                    running.reader = UnreadableRows(refusal.violations)
            await running.add((row.row, row.values) for row in request.rows)
        if running is None:
            raise Invalid("FILE_EMPTY", "The stream held no message: send the columns first, then rows.")
        result = await running.finish()
        metrics.import_rows.labels("accepted").inc(result.accepted_rows)
        metrics.import_rows.labels("rejected").inc(result.rejected_rows)
        return messages.import_message(result)

    async def RecordMetrics(self, request: pb.RecordMetricsRequest, context: Any) -> pb.Creator:
        """Add a measurement."""
        self._require_own(request.creator)
        key = request_key(request)
        changed = await self._commands.record_metrics(request.creator, messages.read_observation(request), key)
        return messages.creator_message(changed, None, self._reference, history=True)

    async def SetOffer(self, request: pb.SetOfferRequest, context: Any) -> pb.Creator:
        """Say what a creator offers."""
        self._require_own(request.creator)
        key = request_key(request)
        changed = await self._commands.set_offer(request.creator, messages.read_offer(request.offer), key)
        return messages.creator_message(changed, None, self._reference, history=True)

    # -- matching -----------------------------------------------------------------------------------------------------

    async def SearchCreators(self, request: pb.SearchCreatorsRequest, context: Any) -> pb.SearchCreatorsResponse:
        """Find creators."""
        self._require_searching(request.brand)
        brief = messages.read_brief(request.brief) if request.HasField("brief") else None
        order, descending = order_of(request.order_by, brief)
        query = Query(
            wanted=messages.read_filter(request.filter),
            brief=brief,
            order=order,
            descending=descending,
            limit=request.page_size or 50,
            facets=() if request.skip_facets else tuple(request.facets) or FACETS,
        )
        scope = pb.SearchCreatorsRequest(order_by=request.order_by, brand=request.brand)
        scope.filter.CopyFrom(request.filter)
        scope.brief.CopyFrom(request.brief)
        page = await self._searching.search(query, request.page_token, _scope(scope), request.brand)
        return messages.search_message(page)

    async def ScoreCreator(self, request: pb.ScoreCreatorRequest, context: Any) -> pb.ScoreCreatorResponse:
        """Say how well a creator fits."""
        profile, fit = await self._searching.score(request.creator, messages.read_brief(request.brief))
        return messages.score_message(profile, fit)

    async def ExplainExclusion(self, request: pb.ExplainExclusionRequest, context: Any) -> pb.ExplainExclusionResponse:
        """Say why a creator is not among the results."""
        self._require_searching(request.brand)
        wanted = messages.read_filter(request.filter)
        profile, exclusions = await self._searching.explain(request.creator, wanted, request.brand)
        return messages.exclusion_message(profile, exclusions)

    async def ListLookalikes(self, request: pb.ListLookalikesRequest, context: Any) -> pb.ListLookalikesResponse:
        """List who is like others."""
        self._require_searching(request.brand)
        scope = pb.ListLookalikesRequest(seeds=request.seeds, filter=request.filter, brand=request.brand)
        page = await self._searching.lookalikes(
            list(request.seeds),
            messages.read_filter(request.filter),
            request.page_size or 50,
            request.page_token,
            _scope(scope),
            request.brand,
        )
        return messages.lookalikes_message(page)

    # -- shortlists ---------------------------------------------------------------------------------------------------

    async def CreateShortlist(self, request: pb.CreateShortlistRequest, context: Any) -> pb.Shortlist:
        """Create a shortlist."""
        self._require_brand(request.parent, request.parent)
        key = request_key(request)
        name = f"{request.parent}/shortlists/{new_id(key)}"
        given = self._shortlist(request.parent, request.shortlist)
        return messages.shortlist_message(await self._commands.create_shortlist(name, request.parent, given, key))

    async def GetShortlist(self, request: pb.GetShortlistRequest, context: Any) -> pb.Shortlist:
        """Return one shortlist."""
        self._require_brand(_brand_of(request.name), request.name)
        return messages.shortlist_message(await self._queries.shortlist(request.name))

    async def ListShortlists(self, request: pb.ListShortlistsRequest, context: Any) -> pb.ListShortlistsResponse:
        """List a brand's shortlists."""
        self._require_brand(request.parent, request.parent)
        found, token = await self._queries.shortlists(request.parent, request.page_size, request.page_token)
        return pb.ListShortlistsResponse(
            shortlists=[messages.shortlist_message(each) for each in found], next_page_token=token
        )

    async def UpdateShortlist(self, request: pb.UpdateShortlistRequest, context: Any) -> pb.Shortlist:
        """Change a shortlist."""
        name = request.shortlist.name
        if not name:
            raise Invalid(
                "FIELD_REQUIRED",
                "shortlist.name says which one to change.",
                violations=[Violation("shortlist.name", "is required", "REQUIRED")],
            )
        brand = _brand_of(name)
        self._require_brand(brand, name)
        changed = await self._commands.update_shortlist(
            name,
            self._shortlist(brand, request.shortlist),
            list(request.update_mask.paths),
            request_key(request),
            request.shortlist.etag,
        )
        return messages.shortlist_message(changed)

    # -- shared -------------------------------------------------------------------------------------------------------

    def _reader(self, columns: Sequence[str], platform: Platform | None, snapshot: str) -> RowReader:
        return RowReader(
            self._reference,
            columns,
            default_platform=platform,
            default_snapshot=snapshot,
            not_after=self._clock.now(),
        )

    def _shortlist(self, brand: str, given: pb.Shortlist) -> Shortlist:
        now = self._clock.now()
        return Shortlist(brand, given.display_name, now, now, given.description, tuple(given.creators))

    def _country(self, code: str) -> str:
        if code and code not in self._reference.countries.codes:
            raise Invalid(
                "COUNTRY_UNKNOWN",
                f"{code} is not a country (ISO 3166-1 alpha-2).",
                violations=[Violation("country", f"{code} is not a country")],
            )
        return code

    @staticmethod
    def _require_own(creator: str) -> None:
        """A creator sees itself alone; that there are others it is not told."""
        caller = current_caller()
        if caller.roles <= {Role.CREATOR} and not caller.acts_for_creator(creator):
            raise NotFound("NOT_FOUND", f"{creator} does not exist.", resource=creator)

    @classmethod
    def _require_searching(cls, brand: str) -> None:
        """Nobody searches with another brand's bans."""
        if brand:
            cls._require_brand(brand, brand)

    @staticmethod
    def _require_brand(brand: str, resource: str) -> None:
        """Another tenant's resource does not exist for the caller."""
        if not current_caller().acts_for_brand(brand):
            raise NotFound("NOT_FOUND", f"{resource} does not exist.", resource=resource)


def _brand_of(shortlist: str) -> str:
    return shortlist.partition("/shortlists/")[0]


def _scope(request: Message) -> str:
    return request.SerializeToString(deterministic=True).hex()
