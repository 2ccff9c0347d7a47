"""Places and budget of a campaign: who holds a place, and how much of the budget it takes.

A place is first reserved, then confirmed by the collaboration's acceptance. Both live in one document with the budget,
so that what is promised never exceeds it, whatever races: the collaboration is another document, and a reservation that
its acceptance never followed is taken back after a while.
"""

from collections.abc import Callable, Iterator, Mapping
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
        spent: the part of the amount that is gone.
        paid: whether what is owed was paid, so that it is counted as spent once.
        parcels: for how many parcels it suffices, where it is more than one.
        meter: the French meter that it is counted in; empty when in none.
    """

    amount: Money
    reservation: str
    pending_until: datetime | None = None
    occupied: bool = True
    payable: Money | None = None
    spent: Money | None = None
    paid: bool = False
    parcels: int = 0
    meter: str = ""


Held = Mapping[str, Place]


def committed(held: Held, currency: str) -> Money:
    """What is promised or spent: no more than the budget, whatever happens."""
    return Money.sum(currency, (place.amount for place in held.values()))


def payable(held: Held, currency: str) -> Money:
    """What is owed."""
    return Money.sum(currency, (place.payable for place in held.values() if place.payable))


def spent(held: Held, currency: str) -> Money:
    """What is gone."""
    return Money.sum(currency, (place.spent for place in held.values() if place.spent))


def taken(held: Held) -> int:
    """How many places are taken."""
    return sum(place.occupied for place in held.values())


def reserve(
    held: Held,
    creator: str,
    amount: Money,
    *,
    places: int,
    budget: Money,
    reservation: str,
    until: datetime,
    meter: str = "",
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
        # A place that was offered stays held as long as was said. Another option may cost more than the attempt before.
        promised = committed(held, budget.currency_code)
        if (more := max(amount, mine.amount) - mine.amount).minor_units and promised + more > budget:
            raise _exceeded(more, promised, budget)
        later = max(mine.pending_until, until)
        again = replace(mine, pending_until=later, amount=mine.amount + more, meter=meter or mine.meter)
        return {**held, creator: again}
    if taken(held) >= places:
        raise Precondition(
            "NO_PLACES_LEFT",
            f"All {places} places are taken: raise places, or wait until one is free.",
            places=str(places),
        )
    kept = mine.amount if mine else Money.zero(budget.currency_code)
    promised = committed(held, budget.currency_code)
    if promised + amount > budget:
        raise _exceeded(amount, promised, budget)
    return {
        **held,
        creator: Place(
            kept + amount, reservation, pending_until=until, spent=mine.spent if mine else None, meter=meter
        ),
    }


def confirm(
    held: Held, creator: str, reservation: str, amount_for: Callable[[int], Money] | None = None
) -> dict[str, Place]:
    """The acceptance followed, and says what it takes. Another reservation's confirmation changes nothing."""
    mine = held.get(creator)
    if mine is None or mine.reservation != reservation:
        return dict(held)
    if mine.pending_until is None:
        return dict(held)
    amount = min(amount_for(mine.parcels), mine.amount) if amount_for else mine.amount
    return {**held, creator: replace(mine, pending_until=None, amount=amount)}


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
    sunk = min(kept, mine.amount)
    left = Place(sunk, mine.reservation, pending_until=None, occupied=False, spent=sunk)
    return {**held, creator: left}


def settle(held: Held, creator: str, *, amount: Money, owed: Money) -> dict[str, Place]:
    """A fee is owed: what it takes of the budget is now known, and never more than was promised.

    What is not owed of it went for parcels, and is spent.
    """
    mine = held.get(creator)
    if mine is None or not mine.occupied or mine.paid:
        return dict(held)
    whole = min(amount, mine.amount)
    due = min(owed, whole)
    return {**held, creator: replace(mine, amount=whole, payable=due, spent=whole - due)}


def pay(held: Held, creator: str) -> dict[str, Place]:
    """What is owed was paid: it is spent. Again: once."""
    mine = held.get(creator)
    if mine is None or mine.paid or mine.payable is None:
        return dict(held)
    gone = mine.payable + (mine.spent or Money.zero(mine.payable.currency_code))
    return {**held, creator: replace(mine, spent=gone, paid=True)}


def raise_to(held: Held, creator: str, amount: Money, *, parcels: int, budget: Money) -> dict[str, Place]:
    """Hold more for a creator before more is promised: another parcel, or a contract for more. It is never lowered.

    Raises:
        Precondition: the budget does not suffice.
    """
    mine = held.get(creator)
    if mine is None or not mine.occupied or (amount <= mine.amount and parcels <= mine.parcels):
        return dict(held)
    promised = committed(held, budget.currency_code)
    more = max(amount, mine.amount) - mine.amount
    if promised + more > budget:
        raise _exceeded(more, promised, budget)
    return {**held, creator: replace(mine, amount=max(amount, mine.amount), parcels=max(parcels, mine.parcels))}


def fit(held: Held, creator: str, amount_for: Callable[[int], Money]) -> dict[str, Place]:
    """Less is promised than was held: hold that.

    Args:
        amount_for: what is promised with so many parcels, so that one that is about to be sent stays held.
    """
    mine = held.get(creator)
    if mine is None or not mine.occupied or mine.payable is not None:
        return dict(held)
    return {**held, creator: replace(mine, amount=min(amount_for(mine.parcels), mine.amount))}


def _exceeded(amount: Money, promised: Money, budget: Money) -> Precondition:
    return Precondition(
        "BUDGET_EXCEEDED",
        f"{amount.minor_units} of {budget.currency_code} do not fit into the budget: {promised.minor_units} of "
        f"{budget.minor_units} are committed (minor units). Raise the budget, or agree on less.",
        budget=str(budget.minor_units),
        committed=str(promised.minor_units),
        needed=str(amount.minor_units),
    )


def overdue(held: Held, now: datetime) -> Iterator[tuple[str, Place]]:
    """Reservations whose acceptance should have followed by now."""
    for creator, place in held.items():
        if place.pending_until is not None and place.pending_until <= now:
            yield creator, place


def next_overdue(held: Held) -> datetime | None:
    """When the first reservation lapses."""
    return min((place.pending_until for place in held.values() if place.pending_until), default=None)
