"""The creators come in, are searched, explained and listed, and learn what campaigns made of them."""

from google.protobuf.json_format import ParseDict

from entente.campaign.v1 import service_pb2 as ca
from entente.matching.v1 import service_pb2 as ma
from entente.type.v1.type_pb2 import Money
from entente_cli import texts
from entente_cli.commands.creators import explanation
from entente_cli.commands.creators import import_creators as import_file
from entente_cli.commands.creators_brands import roster_summary
from entente_cli.errors import CommandError
from entente_cli.patience import answered, observed
from entente_cli.scenario.stage import Cast, Stage

_INVITED, _APPLYING, _OFF_TARGET = 6, 4, 3


async def import_creators(stage: Stage) -> None:
    """The creators come in from the file."""
    imported = await answered(lambda: import_file(stage.file, session=stage.session), seconds=300)
    known = imported.created + imported.updated + imported.unchanged
    stage.tell(
        "matching",
        "CreatorsImported",
        f"{known:,} creators from {imported.accepted_rows:,} rows; {imported.rejected_rows:,} rows refused",
    )
    stage.outcome.imported = imported

    async def indexed() -> ma.SearchCreatorsResponse:
        return await stage.session.matching.SearchCreators(ma.SearchCreatorsRequest(page_size=1))

    await observed("the index to hold the creators", indexed, lambda found: found.total_size >= known)


async def search(stage: Stage) -> None:
    """The brand looks for creators whose audience is French, and gets each score explained."""
    campaign = ParseDict(texts.CAMPAIGN, ca.Campaign())
    request = ma.SearchCreatorsRequest(
        filter=ma.CreatorFilter(platforms=campaign.platforms, main_audience_countries=["FR"]),
        brief=ma.MatchBrief(target_audience=campaign.target_audience, platforms=campaign.platforms),
        page_size=100,
    )
    found = await stage.call(stage.brand, stage.session.matching.SearchCreators, request)
    stage.outcome.matches = found.total_size
    needed = _INVITED + _APPLYING
    if len(found.matches) < needed:
        raise CommandError(f"{len(found.matches)} creators of the file match; the scenario needs {needed}.")
    # By score, and by name where scores are equal, so that every run has the same cast.
    best = sorted(found.matches, key=lambda match: (-match.fit.score_hundredths, match.creator))
    stage.tell("matching", "SearchCreators", f"{found.total_size} match; the best is {explanation(best[0])}")

    names = [match.creator for match in best]
    stage.platforms = {match.creator: match.platform for match in best}
    others = await stage.call(
        stage.brand,
        stage.session.matching.SearchCreators,
        ma.SearchCreatorsRequest(
            filter=ma.CreatorFilter(platforms=campaign.platforms, main_audience_countries=["US", "GB", "DE"]),
            order_by="name",
            page_size=_OFF_TARGET,
        ),
    )
    stage.cast = Cast(
        accepting=names[:4],
        refusing=names[4:5],
        silent=names[5:_INVITED],
        chosen=names[_INVITED:needed],
        off_target=[match.creator for match in others.matches],
    )
    excluded = await stage.call(
        stage.brand,
        stage.session.matching.ExplainExclusion,
        ma.ExplainExclusionRequest(creator=stage.cast.off_target[0], filter=request.filter),
    )
    reasons = "; ".join(f"{e.field} must be {e.required}, is {e.actual}" for e in excluded.exclusions)
    stage.tell("matching", "ExplainExclusion", f"why not {stage.cast.off_target[0]}: {reasons}")
    shortlist = await stage.call(
        stage.brand,
        stage.session.matching.CreateShortlist,
        ma.CreateShortlistRequest(
            parent=stage.brand_name,
            shortlist=ma.Shortlist(display_name="Sérum Aube, premier choix", creators=stage.cast.invited),
        ),
    )
    stage.tell("matching", "ShortlistUpdated", f"{len(shortlist.creators)} on “{shortlist.display_name}”")

    await _plan(stage, campaign, request)


async def _plan(stage: Stage, campaign: ca.Campaign, searched: ma.SearchCreatorsRequest) -> None:
    """What the same money would buy at most, and what a quarter more would."""
    roster = await stage.call(
        stage.brand,
        stage.session.matching.PlanRoster,
        ma.PlanRosterRequest(
            brand=stage.brand_name,
            brief=searched.brief,
            filter=searched.filter,
            budget=Money(currency_code="EUR", minor_units=2_000_000),
            max_creators=campaign.places,
            assumed_price_per_thousand=500,
        ),
    )
    stage.tell("matching", "PlanRoster", roster_summary(roster))
    if roster.alternatives:
        more = roster.alternatives[-1]
        stage.tell(
            "matching",
            "PlanRoster",
            f"for {more.budget.minor_units / 100:,.0f} {more.budget.currency_code}: {more.difference:+,} people",
        )


async def learn(stage: Stage) -> None:
    """The ratings come into the profiles."""

    async def rated() -> list[ma.Creator]:
        get = stage.session.matching.GetCreator
        return [await get(ma.GetCreatorRequest(name=name)) for name in stage.cast.taking_part]

    profiles = await observed(
        "the ratings to be in the profiles", rated, lambda found: all(c.past_performance.rated == 1 for c in found)
    )
    rating = profiles[0].past_performance.rating
    stage.tell("matching", "GetCreator", f"ratings are in {len(profiles)} profiles, the first {rating:.1f} of 5")
