"""What the service reads in batches: its own stream of clicks, to count them."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from google.protobuf.message import DecodeError

from entente.analytics.v1.events_pb2 import LinkClicked
from entente_analytics.adapters import kinds
from entente_analytics.adapters.batches import Handle, Record
from entente_analytics.adapters.copies import clicks_of
from entente_analytics.application.commands import rollups
from entente_analytics.application.commands.objectives import look_at_objective
from entente_analytics.application.redirect import LinkBook
from entente_analytics.application.stores import Stores
from entente_analytics.domain.clicks import Click, Verdict
from entente_analytics.domain.links import TrackedLink
from entente_analytics.metrics import clicks_counted
from entente_chassis.clock import Clock
from entente_chassis.consumer import events_consumed
from entente_chassis.deadletters import DeadLetters, Letter, headers_of_letter
from entente_chassis.envelope import NotAnEvent, read_envelope, subject_of

log = logging.getLogger(__name__)

READS = (kinds.CLICKS,)


def count_clicks(stores: Stores, book: LinkBook, letters: DeadLetters, clock: Clock) -> Handle:
    """Counts a batch of click events: one read for all their buckets, and one write for each."""

    async def handle(records: Sequence[Record]) -> None:
        by_link: dict[str, list[Click]] = {}
        for record in records:
            message = _message(record)
            if message is None:
                if record.value is not None:
                    await letters.keep(f"{record.topic}/{record.partition}/{record.offset}", _letter(record))
                    events_consumed.labels(record.topic, "dead").inc()
                continue
            by_link.setdefault(message.link, []).extend(clicks_of(message))
            events_consumed.labels(record.topic, "handled").inc()
        clicked: list[tuple[TrackedLink, Sequence[Click]]] = []
        for name, clicks in by_link.items():
            link = await book.find(name.removeprefix("trackedLinks/"))
            if link is None:
                # Only after a restore of the database from before the link: a count, and no refusal for each of many.
                clicks_counted.labels("unknown_link").inc(len(clicks))
            else:
                clicked.append((link, clicks))
        new = await rollups.count(stores, clicked)
        clicks_counted.labels("counted").inc(new)
        clicks_counted.labels("known").inc(max(0, sum(len(clicks) for _, clicks in clicked) - new))
        moved = {
            link.owner.campaign for link, clicks in clicked if any(click.verdict is Verdict.COUNTED for click in clicks)
        }
        for campaign in sorted(moved):
            await look_at_objective(stores, campaign, clock.now())

    return handle


def _message(record: Record) -> LinkClicked | None:
    try:
        envelope = read_envelope(record.topic, record.headers)
        if record.value is None or envelope.type != LinkClicked.DESCRIPTOR.full_name:
            return None
        return LinkClicked.FromString(record.value)
    except (NotAnEvent, DecodeError):
        return None


def _letter(record: Record) -> Letter:
    # Without a park: clicks are known by their numbers, and those that follow do not depend on these.
    return Letter(
        park="",
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        subject=subject_of(record.key, record.headers),
        type=LinkClicked.DESCRIPTOR.full_name,
        headers=headers_of_letter(record.headers),
        value=record.value,
        reason="the payload is no LinkClicked, or a header of the event is missing",
        arrived_at=datetime.now(UTC),
    )
