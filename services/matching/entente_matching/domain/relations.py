"""What a brand keeps to itself about a creator: whether it is a favourite, notes, and a ban. No other brand sees it."""

from dataclasses import dataclass, replace
from datetime import datetime

from entente_chassis.refusal import Exhausted, Invalid, NotFound, Violation

MOST_NOTES = 200
LONGEST_NOTE = 5_000


@dataclass(frozen=True, slots=True)
class Note:
    """A note of one person."""

    id: str
    text: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Ban:
    """The brand does not work with the creator: it is not found, scored or planned for the brand any more."""

    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Relation:
    """A brand's side of a creator."""

    brand: str
    creator: str
    updated_at: datetime
    favourite: bool = False
    banned: bool = False
    ban: Ban | None = None
    notes: tuple[Note, ...] = ()


def set_favourite(relation: Relation, favourite: bool, now: datetime) -> Relation | None:
    """Mark or unmark a favourite; nothing when it is so already.

    Raises:
        Invalid: the creator is banned.
    """
    if relation.favourite == favourite:
        return None
    if favourite and relation.banned:
        raise _refused("creator", f"{relation.creator} is banned: lift the ban first")
    return replace(relation, favourite=favourite, updated_at=now)


def add_note(relation: Relation, note: Note) -> Relation:
    """Keep a note more.

    Raises:
        Invalid: it is empty or too long.
        Exhausted: there are too many.
    """
    if not note.text.strip() or len(note.text) > LONGEST_NOTE:
        raise _refused("text", f"must hold 1 to {LONGEST_NOTE} characters, and not only spaces")
    if len(relation.notes) >= MOST_NOTES:
        raise Exhausted("NOTES_FULL", f"There are {MOST_NOTES} notes on {relation.creator}: delete one first.")
    return replace(relation, notes=(*relation.notes, note), updated_at=note.at)


def delete_note(relation: Relation, id: str, now: datetime) -> Relation:
    """Take a note away.

    Raises:
        NotFound: there is none of this id.
    """
    kept = tuple(note for note in relation.notes if note.id != id)
    if len(kept) == len(relation.notes):
        raise NotFound("NOT_FOUND", f"There is no note {id} on {relation.creator}.", resource=id)
    return replace(relation, notes=kept, updated_at=now)


def set_ban(relation: Relation, ban: Ban) -> Relation | None:
    """Ban a creator, which ends it as a favourite; nothing when it is banned for this reason already.

    Raises:
        Invalid: no reason is given.
    """
    if not ban.reason.strip():
        raise _refused("reason", "say why: it is kept for those who come after")
    if relation.ban is not None and relation.ban.reason == ban.reason:
        return None
    return replace(relation, ban=ban, banned=True, favourite=False, updated_at=ban.at)


def lift_ban(relation: Relation, now: datetime) -> Relation | None:
    """Take the ban back; nothing when there is none."""
    return replace(relation, ban=None, banned=False, updated_at=now) if relation.banned else None


def _refused(field: str, description: str) -> Invalid:
    return Invalid("RELATION_INVALID", f"{field}: {description}.", violations=[Violation(field, description)])
