"""What messaging does when a moment has come."""

from collections.abc import Awaitable, Callable

from entente_messaging import metrics
from entente_messaging.application.commands import conversations, notifications
from entente_messaging.application.stores import Stores

Fire = Callable[[str], Awaitable[None]]


def send_mail(stores: Stores) -> Fire:
    """Try to send a notification's e-mail."""

    async def fire(name: str) -> None:
        state = await notifications.deliver(stores, name)
        if state:
            metrics.mails.labels(state.value.lower()).inc()

    return fire


def file_messages(stores: Stores) -> Fire:
    """Bring messages to an end that a crash left half written."""

    async def fire(name: str) -> None:
        await conversations.file_messages(stores, name)

    return fire
