"""What messaging does when a moment has come."""

from collections.abc import Awaitable, Callable

from entente_messaging import metrics
from entente_messaging.application import commands
from entente_messaging.application.office import Office

Fire = Callable[[str], Awaitable[None]]


def send_mail(office: Office) -> Fire:
    """Try to send a notification's e-mail."""

    async def fire(name: str) -> None:
        state = await commands.deliver(office, name)
        if state:
            metrics.mails.labels(state.value.lower()).inc()

    return fire


def file_messages(office: Office) -> Fire:
    """Bring messages to an end that a crash left half written."""

    async def fire(name: str) -> None:
        await commands.file_messages(office, name)

    return fire
