"""The archive: raw events in daily Parquet partitions, which outlive Kafka's retention, and which DuckDB reads.

``{dataset}/day=2026-03-01/{partition}-{offset}.parquet``: what one partition of a topic brought from an offset on,
until so many records were read. The name says where a file begins, offsets are committed only where one ends, and a
file that is not full yet is written anew with more in it: so a crash or another owner of the partition makes the same
files again, and none twice. An event that was published twice is in them twice: its identity (subject, epoch, n) tells.
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError
from google.protobuf.message import DecodeError, Message

from entente.analytics.v1 import events_pb2 as pb
from entente.analytics.v1 import service_pb2
from entente.type.v1 import type_pb2
from entente_analytics.adapters.batches import Record, stop
from entente_analytics.metrics import archived_records
from entente_chassis.envelope import Envelope, NotAnEvent, read_envelope

log = logging.getLogger(__name__)

CLICKS, SALES, READINGS = "clicks", "sales", "readings"
_FULL = 2_000
_FLUSH_EVERY = 2.0
_POLL_MS = 500

Row = dict[str, Any]

_TEXT, _NUMBER, _TIME = "string", "int64", "timestamp"
SCHEMAS: Mapping[str, Mapping[str, str]] = {
    CLICKS: {
        "link": _TEXT,
        "campaign": _TEXT,
        "collaboration": _TEXT,
        "incarnation": _TEXT,
        "n": _NUMBER,
        "click_time": _TIME,
        "verdict": _TEXT,
    },
    SALES: {
        "type": _TEXT,
        "order": _TEXT,
        "epoch": _NUMBER,
        "n": _NUMBER,
        "brand": _TEXT,
        "campaign": _TEXT,
        "collaboration": _TEXT,
        "creator": _TEXT,
        "deliverable": _TEXT,
        "source": _TEXT,
        "rule": _TEXT,
        "order_time": _TIME,
        "currency": _TEXT,
        "amount_minor": _NUMBER,
        "net_minor": _NUMBER,
        "refund_id": _TEXT,
        "refund_time": _TIME,
    },
    READINGS: {
        "post": _TEXT,
        "epoch": _NUMBER,
        "n": _NUMBER,
        "campaign": _TEXT,
        "collaboration": _TEXT,
        "creator": _TEXT,
        "deliverable": _TEXT,
        "platform": _TEXT,
        "measure_time": _TIME,
        "views": _NUMBER,
        "reach": _NUMBER,
        "impressions": _NUMBER,
        "likes": _NUMBER,
        "comments": _NUMBER,
        "shares": _NUMBER,
        "saves": _NUMBER,
    },
}


@dataclass
class _File:
    """What a partition brought since ``begin``, by dataset and day."""

    begin: int
    count: int = 0
    next_offset: int = 0
    changed: bool = False
    rows: dict[tuple[str, str], list[Row]] = field(default_factory=dict)


class Archive:
    """Writes the raw events of topics.

    Args:
        directory: of the datasets; replicas may share it.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._files: dict[TopicPartition, _File] = {}

    async def run(self, consumer: AIOKafkaConsumer, topics: Sequence[str]) -> None:
        """Archive what topics bring, until cancelled.

        Args:
            consumer: of no topic yet; it is stopped at the end.
            topics: what to archive.

        Raises:
            KafkaError: the broker is away at the start, or refuses.
            OSError: the disk did not take a file; nothing is lost, it is read and written again.
        """
        self._files.clear()
        try:
            consumer.subscribe(list(topics), listener=_Forget(self._files))
            await consumer.start()
            flushed = time.monotonic()
            while True:
                batches = await consumer.getmany(timeout_ms=_POLL_MS, max_records=_FULL)
                for partition, records in batches.items():
                    await self._take(consumer, partition, records)
                if time.monotonic() - flushed >= _FLUSH_EVERY:
                    for partition, file in list(self._files.items()):
                        if file.changed:
                            await self._write(partition, file)
                    flushed = time.monotonic()
        finally:
            await stop(consumer)

    async def _take(self, consumer: AIOKafkaConsumer, partition: TopicPartition, records: Sequence[Record]) -> None:
        for record in records:
            file = self._files.get(partition)
            if file is None:
                file = self._files[partition] = _File(record.offset)
            for dataset, day, row in rows_of(record):
                file.rows.setdefault((dataset, day), []).append(row)
            file.count, file.next_offset, file.changed = file.count + 1, record.offset + 1, True
            if file.count >= _FULL:
                await self._write(partition, file)
                self._files.pop(partition, None)
                try:
                    await consumer.commit({partition: file.next_offset})
                except KafkaError as error:
                    # Its next owner writes the same file again.
                    log.warning("offsets were not committed: %s", type(error).__name__)

    async def _write(self, partition: TopicPartition, file: _File) -> None:
        file.changed = False
        for (dataset, day), rows in list(file.rows.items()):
            folder = self._directory / dataset / f"day={day}"
            name = f"{partition.partition:04d}-{file.begin:020d}.parquet"
            await asyncio.to_thread(_write_file, folder, name, dataset, list(rows))
        archived_records.inc(file.count)

    def clicks_of(self, campaign: str) -> list[tuple[str, str, str, str, int, int]]:
        """The archived clicks of a campaign, counted: link, day, incarnation, verdict, highest n, how many.

        A click that was published twice counts once. It reads files: call it in a thread.
        """
        import pyarrow.compute as pc
        import pyarrow.dataset as ds

        if not (self._directory / CLICKS).exists():
            return []
        data = ds.dataset(
            self._directory / CLICKS, format="parquet", partitioning="hive", schema=_schema(CLICKS, day=True)
        )
        table = data.to_table(
            columns=["link", "day", "incarnation", "verdict", "n"], filter=pc.field("campaign") == campaign
        )
        keys = ["link", "day", "incarnation", "verdict"]
        counted = table.group_by(keys).aggregate([("n", "max"), ("n", "count_distinct")])
        return [
            (row["link"], row["day"], row["incarnation"], row["verdict"], row["n_max"], row["n_count_distinct"])
            for row in counted.to_pylist()
        ]


class _Forget(ConsumerRebalanceListener):  # type: ignore[misc]
    """Drops what was read of partitions that move: their next owner reads it from where the file begins."""

    def __init__(self, files: dict[TopicPartition, _File]) -> None:
        self._files = files

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        for partition in revoked:
            self._files.pop(partition, None)

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Nothing to do: reading begins at the committed offset, where a file begins."""


def rows_of(record: Record) -> list[tuple[str, str, Row]]:
    """The rows of a record, with their dataset and day; none for what is not archived or cannot be read."""
    if record.value is None:
        return []
    try:
        envelope = read_envelope(record.topic, record.headers)
        known = _ROWS.get(envelope.type)
        return known[1](known[0].FromString(record.value), envelope) if known else []
    except (NotAnEvent, DecodeError) as error:
        # Its consumer keeps it as a dead letter; here it is only said.
        log.warning("a record cannot be archived: %s", type(error).__name__)
        return []


def _clicks(message: Any, envelope: Envelope) -> list[tuple[str, str, Row]]:
    rows = []
    for click in message.clicks:
        at = click.click_time.ToDatetime(tzinfo=UTC)
        row = {
            "link": message.link,
            "campaign": message.campaign,
            "collaboration": message.collaboration,
            "incarnation": message.incarnation,
            "n": click.n,
            "click_time": at,
            "verdict": _word(pb.ClickVerdict, click.verdict, "CLICK_VERDICT_"),
        }
        rows.append((CLICKS, at.date().isoformat(), row))
    return rows


def _sale(message: Any, envelope: Envelope) -> list[tuple[str, str, Row]]:
    won = message.attribution
    refund = isinstance(message, pb.ConversionRefunded)
    row = {
        "type": message.DESCRIPTOR.name,
        "order": message.order,
        "epoch": envelope.cause.epoch,
        "n": envelope.cause.n,
        "brand": message.brand,
        "campaign": won.campaign,
        "collaboration": won.collaboration,
        "creator": won.creator,
        "deliverable": won.deliverable,
        "source": won.source,
        "rule": _word(service_pb2.AttributionRule, won.rule, "ATTRIBUTION_RULE_"),
        "order_time": None if refund else message.order_time.ToDatetime(tzinfo=UTC),
        "currency": message.amount.currency_code,
        "amount_minor": message.amount.minor_units,
        "net_minor": message.net_amount.minor_units if refund else None,
        "refund_id": message.refund_id if refund else None,
        "refund_time": message.refund_time.ToDatetime(tzinfo=UTC) if refund else None,
    }
    return [(SALES, envelope.time.astimezone(UTC).date().isoformat(), row)]


def _reading(message: Any, envelope: Envelope) -> list[tuple[str, str, Row]]:
    at: datetime = message.measure_time.ToDatetime(tzinfo=UTC)
    figures = message.figures
    row = {
        "post": message.post,
        "epoch": envelope.cause.epoch,
        "n": envelope.cause.n,
        "campaign": message.campaign,
        "collaboration": message.collaboration,
        "creator": message.creator,
        "deliverable": message.deliverable,
        "platform": _word(type_pb2.Platform, message.platform, "PLATFORM_"),
        "measure_time": at,
    }
    row |= {
        name: getattr(figures, name) if figures.HasField(name) else None
        for name in ("views", "reach", "impressions", "likes", "comments", "shares", "saves")
    }
    return [(READINGS, at.date().isoformat(), row)]


_ROWS: dict[str, tuple[type[Message], Any]] = {
    message.DESCRIPTOR.full_name: (message, rows)
    for message, rows in (
        (pb.LinkClicked, _clicks),
        (pb.ConversionRecorded, _sale),
        (pb.ConversionAttributed, _sale),
        (pb.ConversionRefunded, _sale),
        (pb.ContentMetricsReported, _reading),
    )
}


def _word(enum: Any, number: int, prefix: str) -> str:
    known = enum.DESCRIPTOR.values_by_number.get(number)
    return str(known.name).removeprefix(prefix) if known and number else ""


def _schema(dataset: str, *, day: bool = False) -> Any:
    import pyarrow as pa

    types = {_TEXT: pa.string(), _NUMBER: pa.int64(), _TIME: pa.timestamp("ms", tz="UTC")}
    fields = [(name, types[kind]) for name, kind in SCHEMAS[dataset].items()]
    return pa.schema([*fields, *([("day", pa.string())] if day else [])])


def _write_file(folder: Path, name: str, dataset: str, rows: list[Row]) -> None:
    # Imported here: it takes memory and time, and the first event to archive may be long in coming.
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{name}.partial"
    pq.write_table(pa.Table.from_pylist(rows, schema=_schema(dataset)), partial, compression="zstd")
    partial.replace(folder / name)
