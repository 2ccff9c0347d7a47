"""Shortlists: creators that a brand has put aside."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from entente_chassis.refusal import AlreadyExists, Invalid, NotFound, Violation

MOST_CREATORS = 1000
FIELDS = ("display_name", "description", "creators")


@dataclass(frozen=True, slots=True)
class Shortlist:
    """Creators that a brand has put aside, in its order."""

    brand: str
    display_name: str
    created_at: datetime
    updated_at: datetime
    description: str = ""
    creators: tuple[str, ...] = ()


@dataclass(frozen=True)
class ShortlistUpdated:
    """A shortlist was created or changed."""

    shortlist: str
    brand: str
    creators: tuple[str, ...]
    added_creators: tuple[str, ...]
    removed_creators: tuple[str, ...]


def create(existing: Shortlist | None, name: str, new: Shortlist) -> tuple[Shortlist, ShortlistUpdated]:
    """A new shortlist.

    Raises:
        AlreadyExists: the name is taken.
        Invalid: it has no display_name.
    """
    if existing is not None:
        raise AlreadyExists("SHORTLIST_EXISTS", f"{name} exists.", resource=name)
    _check(new)
    return new, ShortlistUpdated(name, new.brand, new.creators, new.creators, ())


def update(
    existing: Shortlist | None, name: str, given: Shortlist, fields: Sequence[str], now: datetime
) -> tuple[Shortlist, ShortlistUpdated] | None:
    """The shortlist with the named fields changed; nothing when it stands so already.

    Raises:
        NotFound: there is none.
        Invalid: a field cannot be changed, or it would be left without a display_name.
    """
    if existing is None:
        raise NotFound("NOT_FOUND", f"{name} does not exist.", resource=name)
    unknown = [field for field in fields if field not in FIELDS]
    if unknown:
        raise Invalid(
            "FIELD_MASK_INVALID",
            f"update_mask may name {', '.join(FIELDS)}.",
            violations=[Violation("update_mask", f"{field} cannot be changed") for field in unknown],
        )
    changed = replace(existing, **{field: getattr(given, field) for field in fields or FIELDS})
    _check(changed)
    if changed == existing:
        return None
    before, after = set(existing.creators), set(changed.creators)
    event = ShortlistUpdated(
        name,
        existing.brand,
        changed.creators,
        tuple(creator for creator in changed.creators if creator not in before),
        tuple(creator for creator in existing.creators if creator not in after),
    )
    return replace(changed, updated_at=now), event


class Addition(StrEnum):
    """What became of a creator that was to be added."""

    ADDED = "ADDED"
    ALREADY_THERE = "ALREADY_THERE"
    NOT_FOUND = "NOT_FOUND"
    BANNED = "BANNED"
    FULL = "FULL"


def add(
    existing: Shortlist,
    name: str,
    creators: Sequence[str],
    known: Collection[str],
    banned: Collection[str],
    now: datetime,
) -> tuple[tuple[Shortlist, ShortlistUpdated] | None, list[tuple[str, Addition]]]:
    """The shortlist with creators more, if any is added, and what became of each.

    Args:
        existing: as it stands.
        name: its name.
        creators: to be added.
        known: those of them that exist.
        banned: by the brand.
        now: when.
    """
    held, results = list(existing.creators), []
    for creator in creators:
        if creator in held:
            results.append((creator, Addition.ALREADY_THERE))
        elif creator not in known:
            results.append((creator, Addition.NOT_FOUND))
        elif creator in banned:
            results.append((creator, Addition.BANNED))
        elif len(held) >= MOST_CREATORS:
            results.append((creator, Addition.FULL))
        else:
            held.append(creator)
            results.append((creator, Addition.ADDED))
    return update(existing, name, replace(existing, creators=tuple(held)), ["creators"], now), results


def _check(shortlist: Shortlist) -> None:
    if not shortlist.display_name.strip():
        raise Invalid(
            "SHORTLIST_INVALID",
            "A shortlist needs a name to show.",
            violations=[Violation("shortlist.display_name", "is required", "REQUIRED")],
        )
