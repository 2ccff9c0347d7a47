"""Roll-ups: clicks that come in batches count once, sales follow their orders, and all can be made anew."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from google.protobuf.message import Message

from entente.analytics.v1 import events_pb2
from entente_analytics.adapters import archive as archive_module
from entente_analytics.adapters import kinds
from entente_analytics.adapters.archive import Archive
from entente_analytics.adapters.events import link_clicked
from entente_analytics.application.commands import rollups
from entente_analytics.application.queries import load_facts
from entente_analytics.application.redirect import LinkBook, TakenClick
from entente_analytics.application.stores import Stores
from entente_analytics.domain.clicks import Click, Verdict
from entente_analytics.domain.kpis import campaign_kpis
from entente_analytics.domain.links import Destination, Owner, TrackedLink, Utm
from entente_analytics.entrypoints.streams import count_clicks
from entente_chassis.clock import ManualClock
from entente_chassis.deadletters import LETTERS, PARKS, DeadLetters
from entente_chassis.envelope import headers_of
from entente_chassis.store.memory import MemoryAggregates
from entente_chassis.store.model import Change, Outgoing

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
ANNA = "campaigns/spring/collaborations/anna"
OWNER = Owner("brands/maison", "campaigns/spring", ANNA, "creators/anna", "INSTAGRAM", "reel-1")
LINK = "trackedLinks/abc1"

Deliver = Callable[[Sequence[Any]], Awaitable[None]]


def clicked(*clicks: tuple[int, Verdict], link: str = LINK, days: int = 0) -> events_pb2.LinkClicked:
    at = START + timedelta(days=days)
    taken = [TakenClick(Click(link, "1a", n, at, verdict), "campaigns/spring", ANNA, b"mark") for n, verdict in clicks]
    return link_clicked(taken)


def record(message: Message, subject: str = LINK, *, offset: int = 0, n: int = 1, value: bytes | None = None) -> Any:
    """A record as the broker gives it."""
    data = message.SerializeToString(deterministic=True) if value is None else value
    event = Outgoing(kinds.CLICKS, subject, 26, n, message.DESCRIPTOR.full_name, data, START)
    headers = [(name, text.encode()) for name, text in headers_of(event, "analytics", "").items()]
    return SimpleNamespace(
        topic=kinds.CLICKS, partition=0, offset=offset, key=subject.encode(), value=data, headers=headers
    )


@pytest.fixture
def letters(clock: ManualClock) -> DeadLetters:
    return DeadLetters(MemoryAggregates(LETTERS, clock), MemoryAggregates(PARKS, clock))


@pytest.fixture
def deliver(stores: Stores, letters: DeadLetters, clock: ManualClock) -> Deliver:
    return count_clicks(stores, LinkBook(stores), letters, clock)


@pytest.fixture
async def link(stores: Stores) -> TrackedLink:
    made = TrackedLink("abc1", OWNER, Destination("https://shop.example"), Utm(), timedelta(days=30), START)
    await stores.links.change(made.name, lambda _: Change(made))
    return made


async def test_clicks_that_come_again_in_other_batches_and_company_count_once_and_ask_for_a_look_at_the_objective(
    deliver: Deliver, stores: Stores, link: TrackedLink
) -> None:
    first, second, third = (1, Verdict.COUNTED), (2, Verdict.BOT), (3, Verdict.REPEAT)
    late = clicked((4, Verdict.PREFETCH), days=1)
    for batch in (
        [clicked(first), clicked(first, second)],
        [clicked(second)],
        [clicked(first, second, third), late],
        [late, clicked(first)],
    ):
        await deliver([record(message) for message in batch])

    buckets = {bucket.id: bucket.state for bucket in await stores.buckets.find()}
    assert {name: bucket.all_clicks.by_verdict for name, bucket in buckets.items()} == {
        f"{ANNA}/buckets/instagram~reel-1~2026-03-01": dict.fromkeys(Verdict, 0)
        | {"COUNTED": 1, "BOT": 1, "REPEAT": 1},
        f"{ANNA}/buckets/instagram~reel-1~2026-03-02": dict.fromkeys(Verdict, 0) | {"PREFETCH": 1},
    }
    watch = (await stores.watches.require("campaigns/spring/objective", what="Objective")).state
    assert watch.evaluate_at == START


async def test_a_click_on_a_link_that_is_not_there_is_not_counted(deliver: Deliver, stores: Stores) -> None:
    await deliver([record(clicked((1, Verdict.COUNTED), link="trackedLinks/gone"), "trackedLinks/gone")])

    assert await stores.buckets.count() == 0


async def test_a_record_that_is_no_click_is_kept_as_a_dead_letter_and_the_others_of_its_batch_count(
    deliver: Deliver, stores: Stores, letters: DeadLetters, link: TrackedLink
) -> None:
    broken = record(clicked((1, Verdict.COUNTED)), value=b"\xff\xff", offset=7)

    await deliver([broken, record(clicked((1, Verdict.COUNTED)), offset=8)])
    await deliver([broken])

    assert [(kept.state.offset, kept.state.value) for kept in await letters.letters.find()] == [(7, b"\xff\xff")]
    (bucket,) = await stores.buckets.find()
    assert bucket.state.all_clicks.counted == 1


def archived(directory: Path, records: Sequence[Any]) -> Archive:
    """An archive with some records, in files as a consumer would write them."""
    archive = Archive(directory)
    for number, each in enumerate(records):
        for dataset, day, row in archive_module.rows_of(each):
            folder = directory / dataset / f"day={day}"
            archive_module._write_file(folder, f"0000-{number:020d}.parquet", dataset, [row])
    return archive


async def test_figures_made_anew_from_raw_events_equal_those_that_were_counted_and_mend_those_that_were_not(
    deliver: Deliver, stores: Stores, link: TrackedLink, tmp_path: Path, clock: ManualClock
) -> None:
    verdicts = [Verdict.COUNTED, Verdict.BOT, Verdict.COUNTED, Verdict.REPEAT]
    records = [record(clicked((n, verdict), days=n % 2), offset=n) for n, verdict in enumerate(verdicts, start=1)]
    await deliver(records)
    archive = archived(tmp_path, [*records, *records[:2]])
    counted = await load_facts(stores, "campaigns/spring")

    same = await rollups.rebuild(stores, archive, "campaigns/spring", clock.now())
    again = await load_facts(stores, "campaigns/spring")
    spoilt = counted.buckets[0]
    documents: Any = stores.buckets.documents
    documents._documents[spoilt.name]["state"]["clicks"]["abc1"]["1a"] = [1, 99, 0, 0, 0, 0, 0]
    mended = await rollups.rebuild(stores, archive, "campaigns/spring", clock.now())
    after = await load_facts(stores, "campaigns/spring")

    assert (same.buckets, same.changed, same.unarchived, same.archived) == (2, 0, 0, 4)
    assert campaign_kpis(again) == campaign_kpis(counted)
    assert mended.changed == 1
    assert campaign_kpis(after) == campaign_kpis(counted)


async def test_clicks_that_are_not_archived_yet_stay_in_a_rebuild(
    deliver: Deliver, stores: Stores, link: TrackedLink, tmp_path: Path, clock: ManualClock
) -> None:
    records = [record(clicked((n, Verdict.COUNTED)), offset=n) for n in (1, 2, 3)]
    await deliver(records)

    done = await rollups.rebuild(stores, archived(tmp_path, records[:2]), "campaigns/spring", clock.now())

    assert (done.changed, done.unarchived) == (0, 1)
    assert campaign_kpis(await load_facts(stores, "campaigns/spring")).total.clicks == 3


def test_the_archive_is_read_by_duckdb_as_it_is(tmp_path: Path) -> None:
    records = [record(clicked((n, Verdict.COUNTED), days=n), offset=n) for n in (1, 2, 3)]
    archived(tmp_path, records)

    clicks = duckdb.read_parquet(f"{tmp_path}/clicks/*/*.parquet", hive_partitioning=True)
    found = clicks.aggregate("day, count(distinct (link, incarnation, n))").order("day").fetchall()

    assert [(str(day), count) for day, count in found] == [("2026-03-02", 1), ("2026-03-03", 1), ("2026-03-04", 1)]
    (file, *_) = sorted((tmp_path / "clicks").rglob("*.parquet"))
    assert pq.read_schema(file).names == list(archive_module.SCHEMAS["clicks"])
