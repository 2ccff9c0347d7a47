import asyncio
from datetime import UTC, datetime

from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import Int64Value, StringValue

from entente_chassis.envelope import headers_of
from entente_chassis.feeds import Feed, Subscription
from entente_chassis.store.model import Outgoing

TOPIC = "entente.test.events.v1"


def told(feed: Feed, message: Message, subject: str = "things/a") -> None:
    event = Outgoing.of(message, topic=TOPIC, subject=subject, epoch=0, n=1, time=datetime(2026, 3, 2, tzinfo=UTC))
    feed.offer(TOPIC, [(name, value.encode()) for name, value in headers_of(event, "test", "").items()], event.data)


def a_feed() -> Feed:
    feed = Feed({Int64Value: lambda event: [event.subject, "all"]})
    feed.listening.set()
    return feed


async def next_value(subscription: Subscription) -> int | None:
    async with asyncio.timeout(1):
        event = await subscription.next()
    return event.message.value if event else None


async def test_each_subscriber_hears_what_concerns_it_once() -> None:
    feed = a_feed()
    async with feed.subscribe("things/a") as a, feed.subscribe("things/b") as b, feed.subscribe("all", "things/a") as c:
        told(feed, Int64Value(value=1), "things/a")
        told(feed, StringValue(value="of no interest"), "things/a")
        told(feed, Int64Value(value=2), "things/b")
        assert await next_value(a) == 1
        assert await next_value(b) == 2
        assert [await next_value(c), await next_value(c)] == [1, 2]
    # Nobody is left, and nothing is kept of who was there.
    told(feed, Int64Value(value=3))
    assert not feed._by_key


async def test_a_record_that_is_no_event_disturbs_nobody() -> None:
    feed = a_feed()
    async with feed.subscribe("things/a") as subscription:
        feed.offer(TOPIC, [], b"?")
        feed.offer(TOPIC, [("ce_type", b"google.protobuf.Int64Value")], None)
        told(feed, Int64Value(value=1))
        assert await next_value(subscription) == 1


async def test_who_falls_behind_is_told_to_read_anew_and_hears_on() -> None:
    feed = a_feed()
    async with feed.subscribe("things/a") as slow:
        for number in range(1_500):
            told(feed, Int64Value(value=number))
        assert await next_value(slow) is None
        told(feed, Int64Value(value=7))
        assert await next_value(slow) == 7


async def test_a_lost_broker_makes_everybody_read_anew_once() -> None:
    feed = a_feed()
    async with feed.subscribe("things/a") as subscription:
        told(feed, Int64Value(value=1))
        feed.missed()
        feed.missed()
        assert await next_value(subscription) is None
        told(feed, Int64Value(value=2))
        assert await next_value(subscription) == 2


async def test_nobody_is_let_in_before_the_feed_listens() -> None:
    feed = Feed({})

    async def subscribe() -> None:
        async with feed.subscribe("things/a"):
            pass

    waiting = asyncio.create_task(subscribe())
    await asyncio.sleep(0.01)
    assert not waiting.done()
    feed.listening.set()
    async with asyncio.timeout(1):
        await waiting
