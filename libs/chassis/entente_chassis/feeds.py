"""Events for those who watch: every replica hears all of a topic from now on, and hands them to its open streams.

A feed is no consumer: it has no group, commits nothing and promises nothing. Whoever watches reads the state first,
*after* subscribing, and reads it again when the feed says that something may have been missed. So a stream shows every
state that lasts, through any replica, whatever happens to the broker.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from google.protobuf.message import DecodeError, Message
from prometheus_client import Counter, Gauge

from entente_chassis.consumer import Incoming
from entente_chassis.envelope import NotAnEvent, read_envelope

log = logging.getLogger(__name__)

Keys = Callable[[Incoming[Any]], Iterable[str]]
"""Whom an event concerns: the keys that they subscribe to, such as names of resources."""

subscriptions_open = Gauge("entente_feed_subscriptions", "Open subscriptions to events")
subscriptions_behind = Counter("entente_feed_missed_total", "Times that a subscription had to read the state anew")

_BUFFER = 1_000
_POLL_MS = 500
_RECONNECT_AFTER = 1.0


class Subscription:
    """What one stream hears."""

    def __init__(self) -> None:
        self._events: asyncio.Queue[Incoming[Any] | None] = asyncio.Queue()
        self._behind = False

    async def next(self) -> Incoming[Any] | None:
        """The next event; None when some may have been missed, so that the state must be read anew."""
        event = await self._events.get()
        if event is None:
            self._behind = False
        return event

    def _offer(self, event: Incoming[Any]) -> None:
        if self._events.qsize() >= _BUFFER:
            self._missed()
        elif not self._behind:
            self._events.put_nowait(event)

    def _missed(self) -> None:
        if self._behind:
            return
        self._behind = True
        subscriptions_behind.inc()
        # What waits is in the state that will be read.
        while not self._events.empty():
            self._events.get_nowait()
        self._events.put_nowait(None)


class Feed:
    """Who has subscribed to what, in this process.

    Args:
        routes: what kinds of event are of interest, and whom each concerns.
    """

    def __init__(self, routes: Mapping[type[Message], Keys]) -> None:
        self._routes = {message.DESCRIPTOR.full_name: (message, keys) for message, keys in routes.items()}
        self._by_key: dict[str, set[Subscription]] = {}
        self.listening = asyncio.Event()

    @asynccontextmanager
    async def subscribe(self, *keys: str) -> AsyncIterator[Subscription]:
        """Hear what concerns any of the keys, from now on. Read the state inside, not before."""
        await self.listening.wait()
        subscription = Subscription()
        for key in keys:
            self._by_key.setdefault(key, set()).add(subscription)
        subscriptions_open.inc()
        try:
            yield subscription
        finally:
            subscriptions_open.dec()
            for key in keys:
                self._by_key[key].discard(subscription)
                if not self._by_key[key]:
                    del self._by_key[key]

    def offer(self, topic: str, headers: Sequence[tuple[str, bytes | None]], value: bytes | None) -> None:
        """Hand a record of the bus to whom it concerns."""
        if not self._by_key or value is None:
            return
        try:
            envelope = read_envelope(topic, headers)
            message_type, keys = self._routes[envelope.type]
            event = Incoming.of(message_type.FromString(value), envelope, topic)
        except (NotAnEvent, DecodeError, KeyError):
            return  # The consumers of the topic keep it for a person, or know that it is not for them.
        for subscription in {found for key in keys(event) for found in self._by_key.get(key, ())}:
            subscription._offer(event)

    def missed(self) -> None:
        """Tell everybody that events may have passed unheard."""
        for subscription in {found for subscriptions in self._by_key.values() for found in subscriptions}:
            subscription._missed()


class FeedReader:
    """Reads topics from their end into a feed.

    Args:
        bootstrap: the broker's addresses.
        client_id: this process's name at the broker.
        topics: what to read.
        feed: where to.
    """

    def __init__(self, bootstrap: str, client_id: str, topics: Sequence[str], feed: Feed) -> None:
        self._bootstrap = bootstrap
        self._client_id = client_id
        self._topics = topics
        self._feed = feed

    async def run(self) -> None:
        """Read until cancelled; while the broker is away, wait for it."""
        while True:
            try:
                await self._read()
            except KafkaError as error:
                log.warning("the feed has lost the broker", extra={"reason": type(error).__name__})
            await asyncio.sleep(_RECONNECT_AFTER)

    async def _read(self) -> None:
        consumer = AIOKafkaConsumer(
            *self._topics,
            bootstrap_servers=self._bootstrap,
            client_id=self._client_id,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="latest",
        )
        await consumer.start()
        try:
            await consumer.seek_to_end()
            # Whoever subscribed before hears from the new end on: what lay between, they find in the state.
            self._feed.missed()
            self._feed.listening.set()
            while True:
                for partition, records in (await consumer.getmany(timeout_ms=_POLL_MS)).items():
                    for record in records:
                        self._feed.offer(partition.topic, record.headers, record.value)
        finally:
            await consumer.stop()
