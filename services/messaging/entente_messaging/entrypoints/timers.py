"""What messaging does when a moment has come."""

from collections.abc import Awaitable, Callable

from entente_messaging import metrics
from entente_messaging.application import commands
from entente_messaging.application.office import Office

Fire = Callable[[str], Awaitable[None]]


def send_mail(office: Office) -> Fire:
    """Try to send a notification's e-mail."""

    async def fire(name: str) -> None:
        await commands.deliver(office, name)
        after = await office.notifications.require(name, what="Notification")
        metrics.mails.labels(after.state.mail_state.value.lower()).inc()

    return fire


def note_messages(office: Office) -> Fire:
    """Let a conversation take note of a message that a crash kept from it."""

    async def fire(name: str) -> None:
        await commands.note_message(office, name)

    return fire
