"""What messaging does when a moment has come."""

from collections.abc import Awaitable, Callable

from entente_messaging import metrics
from entente_messaging.application.commands import bulks, conversations, delivering, erasing
from entente_messaging.application.stores import Stores

Fire = Callable[[str], Awaitable[None]]


def deliver(stores: Stores) -> Fire:
    """Try a delivery."""

    async def fire(name: str) -> None:
        state = await delivering.deliver(stores, name)
        if state:
            channel = "mail" if name.endswith("/email") else "webhook"
            metrics.deliveries.labels(channel, state.value.lower()).inc()

    return fire


def send_digest(stores: Stores) -> Fire:
    """Send what waits for somebody's digest."""

    async def fire(name: str) -> None:
        metrics.digested.inc(await delivering.send_digest(stores, name))

    return fire


def file_messages(stores: Stores) -> Fire:
    """Bring messages to an end that a crash left half written."""

    async def fire(name: str) -> None:
        await conversations.file_messages(stores, name)

    return fire


def collect_recipients(stores: Stores) -> Fire:
    """Pack the next recipients of a bulk message."""

    async def fire(name: str) -> None:
        await bulks.collect(stores, name)

    return fire


def send_packet(stores: Stores) -> Fire:
    """Write to the recipients of a packet."""

    async def fire(name: str) -> None:
        await bulks.send_packet(stores, name)

    return fire


def erase(stores: Stores) -> Fire:
    """Take out what is personal of somebody who is to be forgotten."""

    async def fire(name: str) -> None:
        await erasing.take_out(stores, name)

    return fire
