"""What people are told, in the inbox and by e-mail."""

from entente_chassis.store import Cause, Change, Outcome, Request
from entente_messaging.application.commands.conversations import open_conversation, write
from entente_messaging.application.ports import Mail, MailDeferred, MailRefused
from entente_messaging.application.stores import Stores
from entente_messaging.domain import notifications
from entente_messaging.domain.conversations import Collaboration, Message
from entente_messaging.domain.names import contact_name, derived_id, template_name
from entente_messaging.domain.notifications import MailState, Notification, Said, Telling
from entente_messaging.domain.occasions import SAID_BY_THE_BRAND, Party


async def tell(stores: Stores, telling: Telling, about: Collaboration | None, cause: Cause) -> bool:
    """Tell somebody something, once for each event and side: in the inbox, by e-mail, and where it is the brand's word
    to the creator in their conversation. Returns whether it is new."""
    id = derived_id(cause.stream, cause.subject, str(cause.epoch), str(cause.n), telling.party.value)
    said = await _say(stores, telling)
    now = stores.clock.now()
    notification = Notification(
        recipient=telling.recipient,
        party=telling.party,
        occasion=telling.occasion,
        brand=telling.brand,
        campaign=telling.campaign,
        collaboration=telling.collaboration,
        values=dict(telling.values),
        locale=said.locale,
        title=said.title,
        text=said.text,
        created_at=now,
        mail_at=now,
    )
    told = await stores.notifications.change(
        f"notifications/{id}", lambda kept: Change(notification) if kept is None else None, cause=cause
    )
    if about and telling.party is Party.CREATOR and telling.occasion in SAID_BY_THE_BRAND:
        message = Message(
            conversation=await open_conversation(stores, about),
            sender=Party.BRAND,
            text=said.text,
            created_at=now,
            automatic=True,
            occasion=telling.occasion,
        )
        await write(stores, message, id, cause=cause)
    return told.applied


async def deliver(stores: Stores, name: str) -> MailState | None:
    """Send a notification's e-mail. At least once: a crash between the mail server's answer and the note sends again.

    Returns:
        How far it has come by this; None when there was nothing to do.

    Raises:
        Unavailable: the mail server does not take it now.
    """
    found = await stores.notifications.require(name, what="Notification")
    notification, now = found.state, stores.clock.now()
    if notification.mail_state is not MailState.PENDING or notification.mail_at is None or notification.mail_at > now:
        return None
    contact = await stores.contacts.get(contact_name(notification.recipient))
    if contact is None:
        return await _settle(stores, name, lambda n: notifications.without_address(n, name, now, stores.patience))
    if not notifications.wants_mail(contact.state):
        return await _settle(stores, name, lambda n: (notifications.skipped(n), []))
    said = await _say(stores, _telling_of(notification))
    mail = Mail(name.removeprefix("notifications/"), contact.state.email, said.title, said.text, said.locale)
    try:
        await stores.mailer.send(mail)
    except MailDeferred:
        return await _settle(stores, name, lambda n: notifications.deferred(n, name, now, stores.patience))
    except MailRefused:
        return await _settle(stores, name, lambda n: notifications.failed(n, name, notifications.REFUSED))
    return await _settle(stores, name, lambda n: notifications.sent(n, name, said))


async def mark_notification_read(stores: Stores, name: str, *, request: Request | None) -> Outcome[Notification]:
    """Mark a notification as read."""

    def decide(notification: Notification | None) -> Change[Notification] | None:
        read = notifications.read(notification, stores.clock.now()) if notification else None
        return Change(read) if read else None

    return await stores.notifications.change(name, decide, request=request)


async def _settle(stores: Stores, name: str, settle: notifications.Settle) -> MailState | None:
    def decide(notification: Notification | None) -> Change[Notification] | None:
        if notification is None or notification.mail_state is not MailState.PENDING:
            return None  # Another process was first.
        return Change(*settle(notification))

    settled = await stores.notifications.change(name, decide)
    return settled.state.mail_state if settled.applied else None


def _telling_of(notification: Notification) -> Telling:
    return Telling(
        party=notification.party,
        occasion=notification.occasion,
        brand=notification.brand,
        recipient=notification.recipient,
        campaign=notification.campaign,
        collaboration=notification.collaboration,
        values=notification.values,
    )


async def _say(stores: Stores, telling: Telling) -> Said:
    contact = await stores.contacts.get(contact_name(telling.recipient))
    locale = contact.state.locale if contact else stores.default_locale
    language = locale.partition("-")[0]
    own = await stores.templates.get(template_name(telling.brand, telling.occasion, language))
    return stores.words.say(
        telling.occasion,
        language if own else stores.words.language(locale, stores.default_locale),
        telling.values,
        own=(own.state.subject, own.state.body) if own else None,
        zone=contact.state.time_zone if contact else "",
    )
