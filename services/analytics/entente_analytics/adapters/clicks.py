"""From the click journal to the stream of clicks."""

import asyncio
import logging
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol

from google.protobuf.message import Message

from entente_analytics.adapters.events import link_clicked
from entente_analytics.adapters.kinds import CLICKS
from entente_analytics.application.redirect import TakenClick
from entente_chassis.refusal import Unavailable

log = logging.getLogger(__name__)

_LINKS_AT_ONCE = 32
_CLICKS_TOGETHER = 500
_WAIT_FROM, _WAIT_TO = 0.2, 10.0


class Publish(Protocol):
    """The runtime's way to publish a fact that is no aggregate's event."""

    def __call__(
        self, topic: str, message: Message, *, subject: str, epoch: int, n: int, event_time: datetime
    ) -> Awaitable[None]:
        """Return when the broker has it; raise Unavailable when it has not."""
        ...


def new_incarnation() -> str:
    """A name for this process that none had before: when it started, and chance, in hexadecimal; it fits 63 bits."""
    return f"{time.time_ns() // 1_000_000:x}{secrets.randbits(20):05x}"


def sender(publish: Publish) -> Callable[[Sequence[TakenClick]], Awaitable[None]]:
    """What sends clicks: those of one link together and in order, those of several links beside each other."""

    async def send(clicks: Sequence[TakenClick]) -> None:
        by_link: dict[tuple[str, str], list[TakenClick]] = {}
        for taken in clicks:
            by_link.setdefault((taken.click.link, taken.click.incarnation), []).append(taken)
        at_once = asyncio.Semaphore(_LINKS_AT_ONCE)

        async def send_in_order(of_link: list[TakenClick]) -> None:
            async with at_once:
                for start in range(0, len(of_link), _CLICKS_TOGETHER):
                    await _publish_until_taken(publish, of_link[start : start + _CLICKS_TOGETHER])

        await asyncio.gather(*(send_in_order(of_link) for of_link in by_link.values()))

    return send


async def _publish_until_taken(publish: Publish, together: Sequence[TakenClick]) -> None:
    last = together[-1].click
    wait = _WAIT_FROM
    while True:
        try:
            return await publish(
                CLICKS,
                link_clicked(together),
                subject=last.link,
                epoch=int(last.incarnation, 16),
                n=last.n,
                event_time=last.at,
            )
        except Unavailable:
            log.warning("the broker does not take clicks: they wait in the journal")
        await asyncio.sleep(wait * random.uniform(0.5, 1.0))
        wait = min(wait * 2, _WAIT_TO)
