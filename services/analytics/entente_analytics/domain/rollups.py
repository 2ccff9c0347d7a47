"""Roll-ups: what one collaboration's platform and deliverable had on one day. Figures are folded from these.

Each click is counted once: it is known by its link, the process that redirected it and its number there, and a bucket
keeps, for each link and process, the highest number that it has seen. Sales are added up anew from the orders of the
day when one of them changes: an order is one document, so none can count twice.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from entente_analytics.domain.clicks import AUTOMATIC, Click, Verdict
from entente_analytics.domain.links import Owner
from entente_analytics.domain.names import bucket_name, link_name
from entente_analytics.domain.orders import Order, Rule

# What stands where in the list that counts the clicks of one link and process: the highest number, then by verdict.
_SEEN = 0
_COLUMNS = {verdict: number for number, verdict in enumerate(Verdict, start=1)}
_NOTHING = [0] * (1 + len(_COLUMNS))

ClickCounts = dict[str, dict[str, list[int]]]
"""link's code -> process incarnation -> the highest number seen, and how many of each verdict"""


@dataclass(frozen=True)
class Clicks:
    """Clicks added up, by verdict."""

    by_verdict: Mapping[str, int] = field(default_factory=dict)

    def _of(self, *verdicts: Verdict) -> int:
        return sum(self.by_verdict.get(verdict.value, 0) for verdict in verdicts)

    @property
    def counted(self) -> int:
        """Those that count."""
        return self._of(Verdict.COUNTED)

    @property
    def automatic(self) -> int:
        """Those that no visitor made."""
        return self._of(*AUTOMATIC)

    @property
    def repeats(self) -> int:
        """Further ones of the same visitor on the same day."""
        return self._of(Verdict.REPEAT)

    @property
    def filtered(self) -> dict[str, int]:
        """Those that do not count, by reason."""
        return {
            name: count for name, count in sorted(self.by_verdict.items()) if count and name != Verdict.COUNTED.value
        }

    def __add__(self, other: "Clicks") -> "Clicks":
        names = {*self.by_verdict, *other.by_verdict}
        return Clicks({name: self.by_verdict.get(name, 0) + other.by_verdict.get(name, 0) for name in names})


@dataclass(frozen=True)
class Sales:
    """Attributed orders, added up.

    Args:
        orders_by_click: those that were won by a click and not by a code.
        new_customers: None when the shop says of none whether it is a buyer's first.
        revenue: net of refunds, in minor units by currency.
        squares: the squares of the net amounts added up, by currency: how far the revenue hangs on few orders.
    """

    orders: int = 0
    orders_by_click: int = 0
    new_customers: int | None = None
    revenue: dict[str, int] = field(default_factory=dict)
    squares: dict[str, str] = field(default_factory=dict)


def sales_of(orders: Iterable[Order]) -> Sales:
    """Orders added up. One refunded in full is no sale any more, but its currency stays named."""
    count = by_click = 0
    new_customers: int | None = None
    revenue: dict[str, int] = {}
    squares: dict[str, int] = {}
    for order in orders:
        net = order.net
        revenue[net.currency_code] = revenue.get(net.currency_code, 0) + net.minor_units
        squares[net.currency_code] = squares.get(net.currency_code, 0) + net.minor_units**2
        if net.minor_units == 0:
            continue
        count += 1
        by_click += order.attribution is not None and order.attribution.rule is Rule.LAST_CLICK
        if order.new_customer is not None:
            new_customers = (new_customers or 0) + order.new_customer
    # Squares of cents outgrow the integers of a database: they are kept as text.
    return Sales(
        count,
        by_click,
        new_customers,
        dict(sorted(revenue.items())),
        {code: str(squares[code]) for code in sorted(squares)},
    )


@dataclass(frozen=True)
class Bucket:
    """The figures of one day of a collaboration's platform and deliverable.

    Args:
        touched: raised whenever one of its orders changed.
        stale_at: since when its sales are behind its orders; None when they are not.
    """

    campaign: str
    collaboration: str
    creator: str
    platform: str
    deliverable: str
    day: str
    clicks: ClickCounts = field(default_factory=dict)
    sales: Sales = field(default_factory=Sales)
    touched: int = 0
    stale_at: datetime | None = None

    @property
    def name(self) -> str:
        """The name of its document."""
        return bucket_name(self.collaboration, self.platform, self.deliverable, self.day)

    @property
    def links(self) -> dict[str, Clicks]:
        """The clicks by name of the link."""
        return {
            link_name(code): sum((_clicks(counts) for counts in processes.values()), Clicks())
            for code, processes in self.clicks.items()
        }

    @property
    def all_clicks(self) -> Clicks:
        """The clicks of all its links."""
        totals = dict.fromkeys(_COLUMNS, 0)
        for processes in self.clicks.values():
            for counts in processes.values():
                for verdict, column in _COLUMNS.items():
                    totals[verdict] += counts[column] if column < len(counts) else 0
        return Clicks({verdict.value: count for verdict, count in totals.items()})


def new_bucket(owner: Owner, day: str) -> Bucket:
    """A bucket in which nothing is counted."""
    return Bucket(owner.campaign, owner.collaboration, owner.creator, owner.platform, owner.deliverable, day)


def bucket_of(owner: Owner, day: str) -> str:
    """The name of the bucket that counts for an owner on a day."""
    return bucket_name(owner.collaboration, owner.platform, owner.deliverable, day)


def count_clicks(bucket: Bucket, clicks: Sequence[Click]) -> Bucket | None:
    """The bucket with more clicks of its day, or None when all of them are in it already."""
    changed: dict[str, dict[str, list[int]]] = {}
    for click in clicks:
        code = click.link.removeprefix("trackedLinks/")
        processes = changed.get(code)
        if processes is None:
            processes = changed[code] = dict(bucket.clicks.get(code, {}))
        counts = processes.get(click.incarnation, _NOTHING)
        if click.n <= counts[_SEEN]:
            continue
        counts = list(counts) + [0] * (len(_NOTHING) - len(counts))
        counts[_SEEN] = click.n
        counts[_COLUMNS[click.verdict]] += 1
        processes[click.incarnation] = counts
    news = {code: processes for code, processes in changed.items() if processes != bucket.clicks.get(code, {})}
    return replace(bucket, clicks={**bucket.clicks, **news}) if news else None


def add_archived(clicks: ClickCounts, link: str, process: str, verdict: str, highest: int, count: int) -> None:
    """Add what the archive has of one link, process and verdict. A verdict of a newer version counts as a repeat."""
    code = link.removeprefix("trackedLinks/")
    counts = clicks.setdefault(code, {}).setdefault(process, list(_NOTHING))
    counts[_SEEN] = max(counts[_SEEN], highest)
    known = Verdict(verdict) if verdict in set(Verdict) else Verdict.REPEAT
    counts[_COLUMNS[known]] += count


def with_archived(bucket: Bucket, archived: ClickCounts) -> tuple[Bucket, int]:
    """The bucket with the clicks as the archive has them, and how many of its clicks are not archived.

    Where the bucket has seen further than the archive, what it has stays: those clicks are still on their way there.
    """
    ahead = 0
    clicks: ClickCounts = {}
    for code in sorted({*bucket.clicks, *archived}):
        mine, theirs = bucket.clicks.get(code, {}), archived.get(code, {})
        for process in sorted({*mine, *theirs}):
            known, raw = mine.get(process, _NOTHING), theirs.get(process, _NOTHING)
            behind = known[_SEEN] > raw[_SEEN]
            ahead += sum(known[1:]) - sum(raw[1:]) if behind else 0
            clicks.setdefault(code, {})[process] = known if behind else raw
    return replace(bucket, clicks=clicks), ahead


def touched(bucket: Bucket, now: datetime) -> Bucket:
    """The bucket once one of its orders has changed."""
    return replace(bucket, touched=bucket.touched + 1, stale_at=bucket.stale_at or now)


def with_sales(bucket: Bucket, seen: int, orders: Iterable[Order]) -> Bucket | None:
    """The bucket with its orders added up, or None when one of them changed since they were read."""
    if bucket.touched != seen:
        return None
    return replace(bucket, sales=sales_of(orders), stale_at=None)


def _clicks(counts: Sequence[int]) -> Clicks:
    return Clicks({verdict.value: counts[column] for verdict, column in _COLUMNS.items() if column < len(counts)})
