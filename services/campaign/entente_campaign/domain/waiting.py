"""The waiting list of a campaign: who takes the place that becomes free.

It lives in the campaign's document, beside the places: taking somebody from the list and holding the place for them is
one write, so that no two are offered one place.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from entente_campaign.domain import places
from entente_campaign.domain.places import Held
from entente_chassis.money import Money

MOST = 1000
"""As many can wait as there can be places: the document stays small."""


@dataclass(frozen=True)
class Waiting:
    """Who waits.

    Args:
        amount: what the creator would take of the budget.
        since: who waits longest is offered a place first.
    """

    amount: Money
    since: datetime


List = Mapping[str, Waiting]


def first(waiting: List, held: Held, *, places_in_all: int, budget: Money) -> str | None:
    """Who is offered a place now: the one of those who fit the budget who waits longest; None when no place is free."""
    if not waiting or places.taken(held) >= places_in_all:
        return None
    free = budget - places.committed(held, budget.currency_code)
    fitting = [(each.since, creator) for creator, each in waiting.items() if each.amount <= free]
    return min(fitting)[1] if fitting else None


def without(waiting: List, creator: str) -> dict[str, Waiting]:
    """The list without a creator."""
    return {name: each for name, each in waiting.items() if name != creator}
