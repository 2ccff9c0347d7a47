"""Places and budget of a campaign: who holds a place, and how much of the budget it takes.

A place is first reserved, then confirmed by the collaboration's acceptance. Both live in one document with the budget,
so that what is promised never exceeds it, whatever races: the collaboration is another document, and a reservation that
its acceptance never followed is taken back after a while.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from entente_chassis.money import Money
from entente_chassis.refusal import Precondition


@dataclass(frozen=True)
class Place:
    """What a creator holds of a campaign.

    Args:
        amount: the part of the budget.
        reservation: which attempt to accept it stands for; a new attempt after a failed one has another.
        pending_until: until when the acceptance may follow; None once it has.
        occupied: false once the creator has left and only costs that cannot be taken back remain.
        payable: the part of the amount that is owed.
    """

    amount: Money
    reservation: str
    pending_until: datetime | None = None
    occupied: bool = True
    payable: Money | None = None


Held = Mapping[str, Place]


def committed(held: Held, currency: str) -> Money:
    """What is promised."""
    return Money.sum(currency, (place.amount for place in held.values()))


def payable(held: Held, currency: str) -> Money:
    """What is owed."""
    return Money.sum(currency, (place.payable for place in held.values() if place.payable))


def taken(held: Held) -> int:
    """How many places are taken."""
    return sum(place.occupied for place in held.values())


def reserve(
    held: Held, creator: str, amount: Money, *, places: int, budget: Money, reservation: str, until: datetime
) -> dict[str, Place]:
    """Take a place for a creator, for a while.

    A creator who holds one keeps it: an attempt that was broken off is taken up again under its own reservation, which
    lasts anew.

    Raises:
        Precondition: no place is left, or the budget does not suffice.
    """
    mine = held.get(creator)
    if mine is not None and mine.occupied:
        if mine.pending_until is None:
            return dict(held)
        # A place that was offered stays held as long as was said.
        return {**held, creator: replace(mine, pending_until=max(mine.pending_until, until))}
    if taken(held) >= places:
        raise Precondition(
            "NO_PLACES_LEFT",
            f"All {places} places are taken: raise places, or wait until one is free.",
            places=str(places),
        )
    kept = mine.amount if mine else Money.zero(budget.currency_code)
    promised = committed(held, budget.currency_code)
    if promised + amount > budget:
        raise Precondition(
            "BUDGET_EXCEEDED",
            f"{amount.minor_units} of {budget.currency_code} do not fit into the budget: {promised.minor_units} of "
            f"{budget.minor_units} are committed (minor units). Raise the budget, or agree on less.",
            budget=str(budget.minor_units),
            committed=str(promised.minor_units),
            needed=str(amount.minor_units),
        )
    return {**held, creator: Place(kept + amount, reservation, pending_until=until)}


def confirm(held: Held, creator: str, reservation: str) -> dict[str, Place]:
    """The acceptance followed. Another reservation's confirmation changes nothing."""
    mine = held.get(creator)
    if mine is None or mine.reservation != reservation:
        return dict(held)
    return {**held, creator: replace(mine, pending_until=None)}


def give_back(held: Held, creator: str, reservation: str) -> dict[str, Place]:
    """The acceptance did not follow and never will: the place is free again. One that was confirmed stays."""
    mine = held.get(creator)
    if mine is None or mine.reservation != reservation or mine.pending_until is None:
        return dict(held)
    return {name: place for name, place in held.items() if name != creator}


def release(held: Held, creator: str, *, kept: Money | None) -> dict[str, Place]:
    """The creator left after the acceptance: the place is free, and only costs that cannot be taken back remain."""
    mine = held.get(creator)
    if mine is None or not mine.occupied:
        return dict(held)
    if kept is None or kept.minor_units <= 0:
        return {name: place for name, place in held.items() if name != creator}
    left = Place(min(kept, mine.amount), mine.reservation, pending_until=None, occupied=False)
    return {**held, creator: left}


def settle(held: Held, creator: str, *, amount: Money, owed: Money) -> dict[str, Place]:
    """A fee is owed: what it takes of the budget is now known, and never more than was promised."""
    mine = held.get(creator)
    if mine is None or not mine.occupied:
        return dict(held)
    return {**held, creator: replace(mine, amount=min(amount, mine.amount), payable=min(owed, mine.amount))}


def overdue(held: Held, now: datetime) -> Iterator[tuple[str, Place]]:
    """Reservations whose acceptance should have followed by now."""
    for creator, place in held.items():
        if place.pending_until is not None and place.pending_until <= now:
            yield creator, place


def next_overdue(held: Held) -> datetime | None:
    """When the first reservation lapses."""
    return min((place.pending_until for place in held.values() if place.pending_until), default=None)
