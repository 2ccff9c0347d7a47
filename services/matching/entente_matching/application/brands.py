"""What a brand keeps for itself: relations with creators, shortlists filled in bulk, and whom to work with again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from entente_chassis.filters import flag, parse_filter
from entente_chassis.refusal import NotFound
from entente_chassis.store import Change, Outcome, Request
from entente_matching.application.stores import Stores
from entente_matching.domain import again, relations, shortlists
from entente_matching.domain.relations import Ban, Note, Relation
from entente_matching.domain.shortlists import Addition, Shortlist

_FILTER = {"favourite": flag("favourite"), "banned": flag("banned")}
_MOST_BANNED = 10_000
_FEEDBACK_READ = 10_000

Decide = Callable[[Relation], Relation | None]


def creator_of(name: str) -> str:
    """The creator of a relation's name."""
    return f"creators/{name.rpartition('/')[2]}"


def brand_of(name: str) -> str:
    """The brand of the name of something that is a brand's."""
    return "/".join(name.split("/")[:2])


async def relation(stores: Stores, name: str) -> Outcome[Relation]:
    """What a brand keeps about a creator; blank where it keeps nothing yet.

    Raises:
        NotFound: there is no such creator.
    """
    found = await stores.relations.get(name)
    if found is None:
        await stores.creators.require(creator_of(name), what="The creator")
        return Outcome(name, _blank(name, stores.clock.now()), 0)
    return found


async def list_relations(
    stores: Stores, brand: str, expression: str, page_size: int, page_token: str
) -> tuple[list[Outcome[Relation]], str]:
    """A page of a brand's relations."""
    asked = parse_filter(expression, _FILTER)
    return await stores.relations.page(
        {"brand": brand, **({"$and": [asked]} if asked else {})},
        page_size=page_size,
        page_token=page_token,
        scope=f"relations {brand} {expression}",
    )


async def banned(stores: Stores, brand: str) -> frozenset[str]:
    """The creators that a brand has banned."""
    found = await stores.relations.find({"brand": brand, "banned": True}, limit=_MOST_BANNED)
    return frozenset(outcome.state.creator for outcome in found)


async def set_favourite(stores: Stores, name: str, favourite: bool, request: Request | None) -> Outcome[Relation]:
    """Mark or unmark a favourite."""
    now = stores.clock.now()
    return await _change(stores, name, lambda old: relations.set_favourite(old, favourite, now), request)


async def set_ban(
    stores: Stores, name: str, *, is_banned: bool, reason: str, by: str, request: Request | None
) -> Outcome[Relation]:
    """Ban a creator, or lift its ban."""
    now = stores.clock.now()

    def decide(old: Relation) -> Relation | None:
        return relations.set_ban(old, Ban(reason, by, now)) if is_banned else relations.lift_ban(old, now)

    return await _change(stores, name, decide, request)


async def add_note(
    stores: Stores, name: str, *, id: str, text: str, by: str, request: Request | None
) -> Outcome[Relation]:
    """Keep a note."""
    note = Note(id, text, by, stores.clock.now())
    return await _change(stores, name, lambda old: relations.add_note(old, note), request)


async def delete_note(stores: Stores, name: str, id: str, request: Request | None) -> Outcome[Relation]:
    """Take a note away."""
    now = stores.clock.now()
    return await _change(stores, name, lambda old: relations.delete_note(old, id, now), request)


async def add_to_shortlist(
    stores: Stores, name: str, creators: Sequence[str], request: Request | None
) -> tuple[Outcome[Shortlist], list[tuple[str, Addition]]]:
    """Add creators to a shortlist, and say what became of each.

    Raises:
        NotFound: there is no such shortlist.
    """
    before = await stores.shortlists.require(name, what="The shortlist")
    found = await stores.creators.find({"_id": {"$in": list(creators)}}, limit=len(creators))
    known = frozenset(outcome.id for outcome in found)
    out = await banned(stores, brand_of(name))
    results: list[tuple[str, Addition]] = []

    def decide(existing: Shortlist | None) -> Change[Shortlist] | None:
        nonlocal results
        if existing is None:
            raise NotFound("NOT_FOUND", f"{name} does not exist.", resource=name)
        changed, results = shortlists.add(existing, name, creators, known, out, stores.clock.now())
        return Change(changed[0], [changed[1]]) if changed else None

    after = await stores.shortlists.change(name, decide, request=request)
    if not results:
        # A repetition: the first one has added what could be added.
        _, results = shortlists.add(before.state, name, creators, known, out, stores.clock.now())
    return after, results


@dataclass(frozen=True)
class Suggestions:
    """A page of creators to work with again."""

    found: list[again.Suggestion]
    next_offset: int | None


async def work_again(stores: Stores, brand: str, offset: int, page_size: int) -> Suggestions:
    """Whom a brand should work with again, the best first."""
    records = await stores.feedback.find({"brand": brand}, limit=_FEEDBACK_READ)
    suggestions = again.suggest((record.state for record in records), await banned(stores, brand))
    size = page_size or 50
    page = suggestions[offset : offset + size]
    return Suggestions(page, offset + size if len(suggestions) > offset + size else None)


async def _change(stores: Stores, name: str, decide: Decide, request: Request | None) -> Outcome[Relation]:
    await stores.creators.require(creator_of(name), what="The creator")
    blank = _blank(name, stores.clock.now())

    def change(existing: Relation | None) -> Change[Relation] | None:
        changed = decide(existing or blank)
        if changed is None:
            return Change(blank) if existing is None else None
        return Change(changed)

    return await stores.relations.change(name, change, request=request)


def _blank(name: str, now: datetime) -> Relation:
    return Relation(brand_of(name), creator_of(name), now)
