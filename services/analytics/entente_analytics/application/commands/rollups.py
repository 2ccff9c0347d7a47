"""Keeping the roll-ups: clicks by the batch, sales when an order changed, and all of it anew from the raw events."""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from entente_analytics.application.ports import ClickArchive
from entente_analytics.application.stores import Stores, every
from entente_analytics.domain import rollups
from entente_analytics.domain.clicks import Click
from entente_analytics.domain.links import Owner, TrackedLink
from entente_analytics.domain.orders import Order, rolled_up
from entente_analytics.domain.rollups import Bucket, ClickCounts
from entente_chassis.refusal import NotFound
from entente_chassis.store.documents import Write, WriteUncertain
from entente_chassis.store.model import WRITES_KEPT, Change, Outcome

_AT_ONCE = 32


async def count(stores: Stores, clicked: Sequence[tuple[TrackedLink, Sequence[Click]]]) -> int:
    """Count clicks of many links, with one read for all and one write for each bucket. How many were new.

    A bucket that another process changes meanwhile is decided anew: what it has seen is in it, so nothing counts twice.
    """
    owners: dict[str, tuple[Owner, str]] = {}
    clicks: dict[str, list[Click]] = {}
    for link, of_link in clicked:
        for click in of_link:
            name = rollups.bucket_of(link.owner, click.day)
            owners.setdefault(name, (link.owner, click.day))
            clicks.setdefault(name, []).append(click)
    known = {
        found.id: found for found in await stores.buckets.find({"_id": {"$in": sorted(clicks)}}, limit=len(clicks))
    }
    at_once = asyncio.Semaphore(_AT_ONCE)

    async def write(name: str, found: Outcome[Bucket]) -> int:
        after = rollups.count_clicks(found.state, clicks[name])
        if after is None:
            return 0
        paths = {
            f"state.clicks.{code}.{process}": counts
            for code, processes in after.clicks.items()
            for process, counts in processes.items()
            if found.state.clicks.get(code, {}).get(process) != counts
        }
        async with at_once:
            try:
                write = Write(paths, {"writes": ([uuid.uuid4().hex], WRITES_KEPT)})
                if await stores.buckets.documents.update(name, found.version, write):
                    return _more(found.state, after)
            except WriteUncertain:
                pass
            return await change(name)

    async def change(name: str) -> int:
        before: list[Bucket] = []

        def decide(state: Bucket | None) -> Change[Bucket] | None:
            bucket = state or rollups.new_bucket(*owners[name])
            before[:] = [bucket]
            after = rollups.count_clicks(bucket, clicks[name])
            return Change(after) if after else None

        outcome = await stores.buckets.change(name, decide)
        return _more(before[0], outcome.state) if outcome.applied else 0

    new = [
        (name, Change(after))
        for name in clicks.keys() - known.keys()
        if (after := rollups.count_clicks(rollups.new_bucket(*owners[name]), clicks[name]))
    ]
    taken = await stores.buckets.create_many(new) if new else set()
    made = sum(_more(None, created.state) for name, created in new if name not in taken)
    changed = await asyncio.gather(*(write(name, found) for name, found in known.items()), *map(change, sorted(taken)))
    return made + sum(changed)


def _more(before: Bucket | None, after: Bucket) -> int:
    return sum(after.all_clicks.by_verdict.values()) - (sum(before.all_clicks.by_verdict.values()) if before else 0)


async def roll_up(stores: Stores, outcome: Outcome[Order], now: datetime) -> Outcome[Order]:
    """Let the buckets know that an order of theirs changed, and the order that they do.

    Both are repeated by the order's timer when a crash comes between: telling a bucket again is harmless.
    """
    order = outcome.state
    if not order.roll_ups:
        return outcome
    for name in order.roll_ups:
        await _touch(stores, order, name, now)
    told = order.roll_ups

    def decide(state: Order | None) -> Change[Order] | None:
        # What changed since then names its buckets again, and is told by who changed it.
        return Change(rolled_up(state, told)) if state and state.roll_ups == told else None

    written = await stores.orders.change(outcome.id, decide)
    return Outcome(written.id, written.state, written.version, outcome.applied)


async def _touch(stores: Stores, order: Order, name: str, now: datetime) -> None:
    collaboration, _, rest = name.partition("/buckets/")
    platform, deliverable, day = rest.split("~")
    campaign, _, creator = collaboration.partition("/collaborations/")
    owner = Owner(
        order.brand,
        campaign,
        collaboration,
        f"creators/{creator}",
        "" if platform == "-" else platform.upper(),
        "" if deliverable == "-" else deliverable,
    )
    await stores.buckets.change(
        name, lambda state: Change(rollups.touched(state or rollups.new_bucket(owner, day), now))
    )


async def refresh(stores: Stores, name: str) -> Bucket:
    """Add a bucket's orders up anew. When one changes meanwhile, the bucket stays due."""
    bucket = (await stores.buckets.require(name, what="Bucket")).state
    begin = datetime.fromisoformat(bucket.day).replace(tzinfo=UTC)
    where = {
        "attribution.collaboration": bucket.collaboration,
        "ordered_at": {"$gte": begin, "$lt": begin + timedelta(days=1)},
    }
    orders = [order async for order in every(stores.orders, where) if order.bucket == name]

    def decide(state: Bucket | None) -> Change[Bucket] | None:
        after = rollups.with_sales(state, bucket.touched, orders) if state else None
        return Change(after) if after else None

    return (await stores.buckets.change(name, decide)).state


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuild of a campaign's roll-ups found."""

    buckets: int
    changed: int
    unarchived: int
    archived: int
    orders: int


async def rebuild(stores: Stores, archive: ClickArchive, campaign: str, now: datetime) -> Rebuilt:
    """Make the roll-ups of a campaign anew: clicks as the archive has them, sales from the orders."""
    archived = await _archived(stores, archive, campaign)
    before = {bucket.name: bucket async for bucket in every(stores.buckets, {"campaign": campaign})}
    sold: set[str] = set()
    count = 0
    async for order in every(stores.orders, {"attribution.campaign": campaign}):
        count += 1
        if order.bucket:
            sold.add(order.bucket)
            if order.bucket not in before:
                await _touch(stores, order, order.bucket, now)
    changed = unarchived = 0
    names = sorted({*before, *archived, *sold})
    for name in names:
        clicks = archived.get(name)
        ahead = [0]

        def decide(
            state: Bucket | None,
            clicks: tuple[Owner, str, ClickCounts] | None = clicks,
            ahead: list[int] = ahead,
        ) -> Change[Bucket] | None:
            bucket = state
            if bucket is None:
                if clicks is None:
                    return None
                bucket = rollups.new_bucket(clicks[0], clicks[1])
            bucket, ahead[0] = rollups.with_archived(bucket, clicks[2] if clicks else {})
            return Change(rollups.touched(bucket, now))

        try:
            await stores.buckets.change(name, decide)
        except NotFound:
            continue
        unarchived += ahead[0]
        after = await refresh(stores, name)
        old = before.get(name)
        changed += old is None or (old.clicks, old.sales) != (after.clicks, after.sales)
    archived_clicks = sum(
        sum(counts[1:])
        for _, _, of_link in archived.values()
        for processes in of_link.values()
        for counts in processes.values()
    )
    return Rebuilt(len(names), changed, unarchived, archived_clicks, count)


async def _archived(stores: Stores, archive: ClickArchive, campaign: str) -> dict[str, tuple[Owner, str, ClickCounts]]:
    """bucket -> whose it is, its day, and its clicks in the archive."""
    owners = {link.name: link.owner async for link in every(stores.links, {"owner.campaign": campaign})}
    buckets: dict[str, tuple[Owner, str, ClickCounts]] = {}
    for link, day, process, verdict, highest, count in await asyncio.to_thread(archive.clicks_of, campaign):
        owner = owners.get(link)
        if owner is None:
            continue  # A link that the database does not have, after a restore from before it.
        clicks = buckets.setdefault(rollups.bucket_of(owner, day), (owner, day, {}))[2]
        rollups.add_archived(clicks, link, process, verdict, highest, count)
    return buckets
