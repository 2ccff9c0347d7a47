"""The index built from its topic, against a bare loop that polls, parses and reads the same fields."""

import asyncio
import os
import statistics
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from bench.figures import Figure
from bench.matching_data import AGES, COUNTRIES, DEVICES, GENDERS, LANGUAGES, TYPES, Creators
from entente.matching.v1.events_pb2 import AccountState, AudienceShares, CreatorState
from entente.type.v1.type_pb2 import Platform as PlatformNumber
from entente_chassis import topics
from entente_matching.adapters.creators_topic import CreatorsTopic
from entente_matching.adapters.reference import load_reference
from entente_matching.adapters.states import profiles_of_state
from entente_matching.application.search import SearchIndex
from entente_matching.application.search.columns import DENSE
from entente_matching.application.search.rows import PLATFORMS
from entente_matching.domain.words import AudienceDimension

_TRAITS = {
    "countries": (AudienceDimension.COUNTRY, COUNTRIES),
    "languages": (AudienceDimension.LANGUAGE, LANGUAGES),
    "ages": (AudienceDimension.AGE, AGES),
    "genders": (AudienceDimension.GENDER, GENDERS),
    "devices": (AudienceDimension.DEVICE, DEVICES),
    "types": (AudienceDimension.TYPE, TYPES),
}
_ROUNDS = 3


def states(creators: Creators) -> list[bytes]:
    """The creators as records."""
    made = []
    now = round(datetime.now(UTC).timestamp() * 1000)
    words = creators.words
    columns = {
        name: array.tolist() if array.ndim == 1 else array.T.tolist() for name, array in creators.columns.items()
    }
    for at in range(len(creators)):
        shares: dict[str, Any] = {}
        for trait, (dimension, codes) in _TRAITS.items():
            given = columns[f"{dimension}.share"][at]
            if dimension in DENSE:
                pairs = [(codes[n], share) for n, share in enumerate(given) if share]
            else:
                numbers = columns[f"{dimension}.code"][at]
                pairs = [(words[dimension][n], share) for n, share in zip(numbers, given, strict=True) if n and share]
            if pairs:
                shares[trait] = AudienceShares(codes=[code for code, _ in pairs], shares=[share for _, share in pairs])
        rate = columns["engagement_rate"][at]
        account = AccountState(
            platform=PlatformNumber.Value(f"PLATFORM_{PLATFORMS[creators.platform[at]]}"),
            followers=columns["followers"][at],
            engagement_rate=rate if rate == rate else None,
            **shares,
        )
        state = CreatorState(
            creator=f"creators/c{at:07d}",
            version=1,
            change_millis=now,
            display_name=f"Name {at}",
            country=words["country"][columns["country"][at]],
            categories=[words["category"][n] for n in columns["category"][at] if n],
            languages=[words["language"][n] for n in columns["language"][at] if n],
            accounts=[account],
        )
        made.append(state.SerializeToString())
    return made


def read(state: CreatorState) -> list[Any]:
    """The fields that the index reads, and nothing done with them."""
    fields: list[Any] = [
        state.creator, state.version, state.change_millis, state.display_name, state.bio, state.country,
        list(state.languages), list(state.categories), state.verified, state.HasField("available_from_day"),
        state.HasField("last_active_seconds"),
    ]  # fmt: skip
    for account in state.accounts:
        fields += [
            account.platform, account.handle, account.followers, account.engagement_rate, account.authenticity,
            account.HasField("price"),
        ]  # fmt: skip
        for trait in _TRAITS:
            if account.HasField(trait):  # type: ignore[arg-type]
                shares = getattr(account, trait)
                fields.append((list(shares.codes), list(shares.shares)))
    return fields


async def from_topic(creators: Creators) -> list[Figure]:
    """Both, by turns; needs a broker (ENTENTE_KAFKA_BOOTSTRAP), else the figure is left out and said so."""
    bootstrap = os.environ.get("ENTENTE_KAFKA_BOOTSTRAP")
    if not bootstrap:
        print("no ENTENTE_KAFKA_BOOTSTRAP: the build from the topic is not measured")
        return []
    topic = f"bench-{uuid.uuid4().hex[:8]}.creators.v1"
    await topics.ensure_topics(bootstrap, [topic], partitions=8, replication=1)
    records = states(creators)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=20, max_batch_size=500_000)
    await producer.start()
    for number, value in enumerate(records):
        await producer.send(topic, value, partition=number % 8, key=b"%d" % number)
    await producer.stop()
    ours: list[float] = []
    bare: list[float] = []
    for _ in range(_ROUNDS):
        bare.append(len(records) / await _bare(bootstrap, topic, len(records)))
        ours.append(len(records) / await _ours(bootstrap, topic, len(records)))
    ratio = statistics.median(one / other for one, other in zip(ours, bare, strict=True))
    return [
        Figure(f"built from the topic, {len(records):,} creators", statistics.median(ours), "creators/s",
               "poll, parse, read", statistics.median(bare), ratio, "at least 0.5 of the bare loop", ratio >= 0.5,
               _ROUNDS)
    ]  # fmt: skip


async def _bare(bootstrap: str, topic: str, count: int) -> float:
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, group_id=None, auto_offset_reset="earliest", enable_auto_commit=False,
        max_poll_records=2000, max_partition_fetch_bytes=4 * 1024 * 1024, fetch_max_bytes=16 * 1024 * 1024,
    )  # fmt: skip
    await consumer.start()
    began = time.perf_counter()
    seen = 0
    while seen < count:
        for records in (await consumer.getmany(timeout_ms=200, max_records=2000)).values():
            for record in records:
                read(CreatorState.FromString(record.value))
            seen += len(records)
    taken = time.perf_counter() - began
    await consumer.stop()
    return taken


async def _ours(bootstrap: str, topic: str, count: int) -> float:
    reference, index = load_reference(), SearchIndex()

    async def nothing(*given: Any, **named: Any) -> None:
        raise AssertionError("who reads publishes nothing")

    def take(heard: Any) -> None:
        index.put((s.creator, s.version, profiles_of_state(s, None, reference)) for s in heard.states)

    began = time.perf_counter()
    async for heard in CreatorsTopic(bootstrap, topic, nothing).follow({}):
        await asyncio.to_thread(take, heard)
        if heard.caught_up and len(index) == count:
            break
    return time.perf_counter() - began
