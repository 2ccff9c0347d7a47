"""What changes something."""

import time
from collections.abc import Sequence
from dataclasses import replace

from entente_chassis.refusal import AlreadyExists, Invalid, NotFound, Violation
from entente_chassis.store import Cause, Change, Outcome, Request
from entente_messaging.application.office import Mail, MailRefused, Office
from entente_messaging.domain import conversations, notifications
from entente_messaging.domain.contacts import Contact, checked
from entente_messaging.domain.conversations import Attachment, Collaboration, Conversation, Message, MessageSent
from entente_messaging.domain.names import contact_name, conversation_name, derived_id, message_name, template_name
from entente_messaging.domain.notifications import MailState, Notification, Said, Telling
from entente_messaging.domain.occasions import SAID_BY_THE_BRAND, Occasion, Party
from entente_messaging.domain.templates import Template, check_whole

_CONTACT_FIELDS = {"email", "locale", "time_zone", "email_enabled"}
_TEMPLATE_FIELDS = {"subject", "body"}


async def set_contact(
    office: Office, name: str, wanted: Contact, mask: Sequence[str], *, etag: str, request: Request | None
) -> Outcome[Contact]:
    """Set how a brand or creator is reached.

    Raises:
        Invalid: the mask or the contact has unusable fields.
    """
    fields = _masked(mask, _CONTACT_FIELDS)

    def decide(contact: Contact | None) -> Change[Contact]:
        before = contact or Contact(email="", locale="")
        after = replace(before, **{field: getattr(wanted, field) for field in fields}, updated_at=office.clock.now())
        return Change(checked(after))

    return await office.contacts.change(name, decide, request=request, etag=etag or None)


# -- conversations ----------------------------------------------------------------------------------------------------


async def open_conversation(office: Office, about: Collaboration) -> str:
    """Make sure that the conversation of a collaboration is there, and return its name."""
    name = conversation_name(about.collaboration)

    def decide(conversation: Conversation | None) -> Change[Conversation] | None:
        if conversation is None:
            return Change(conversations.opened(about, office.clock.now()))
        return None if conversation.about == about else Change(replace(conversation, about=about))

    await office.conversations.change(name, decide)
    return name


async def send_message(
    office: Office,
    conversation: Outcome[Conversation],
    sender: Party,
    text: str,
    attachments: tuple[Attachment, ...],
    *,
    id: str,
    request: Request | None,
) -> Outcome[Message]:
    """Write a message. The conversation takes note of it now, or by a timer if this process ends before that."""
    message = Message(
        conversation=conversation.id,
        sender=sender,
        text=text,
        position=time.time_ns() // 1000,
        created_at=office.clock.now(),
        attachments=attachments,
    )
    return await _write(office, conversation.state.about, message, id, request=request)


async def note_message(office: Office, name: str) -> None:
    """Let a message's conversation take note of it, once."""
    message = (await office.messages.require(name, what="Message")).state

    def take_in(conversation: Conversation | None) -> Change[Conversation] | None:
        return Change(*conversations.note(message.conversation, conversation, message)) if conversation else None

    # A repeat is recognised by the message's name, as a caller's repeat is by its request id.
    await office.conversations.change(message.conversation, take_in, request=Request(f"note {name}", name))
    await office.messages.change(name, lambda m: Change(replace(m, noted=True)) if m and not m.noted else None)


async def mark_read(
    office: Office, conversation: str, party: Party, message: str, *, request: Request | None
) -> Outcome[Conversation]:
    """Say how far a side has read.

    Raises:
        Invalid: the message is not of this conversation.
    """
    found = await office.messages.get(message)
    if found is None or found.state.conversation != conversation:
        violation = Violation("message", "is no message of this conversation", "UNKNOWN_MESSAGE")
        raise Invalid("MESSAGE_UNKNOWN", f"{conversation} has no such message.", violations=[violation])

    def decide(state: Conversation | None) -> Change[Conversation] | None:
        read = conversations.read(state, party, message, found.state.position) if state else None
        return Change(read) if read else None

    return await office.conversations.change(conversation, decide, request=request)


async def _write(
    office: Office,
    about: Collaboration,
    message: Message,
    id: str,
    *,
    request: Request | None = None,
    cause: Cause | None = None,
) -> Outcome[Message]:
    name = message_name(message.conversation, id)
    event = MessageSent(
        message=name,
        conversation=message.conversation,
        campaign=about.campaign,
        brand=about.brand,
        creator=about.creator,
        sender=message.sender,
        automatic=message.automatic,
        send_time=message.created_at,
    )
    written = await office.messages.change(
        name, lambda existing: Change(message, [event]) if existing is None else None, request=request, cause=cause
    )
    if not written.state.noted:
        await note_message(office, name)
    return written


# -- templates --------------------------------------------------------------------------------------------------------


async def create_template(
    office: Office,
    brand: str,
    occasion: Occasion,
    locale: str,
    subject: str,
    body: str,
    *,
    request: Request | None,
) -> Outcome[Template]:
    """Keep a brand's own words.

    Raises:
        AlreadyExists: the brand has words for this occasion and locale.
        Invalid: the words use what is not there.
    """
    check_whole(locale, subject, body)
    office.words.check(occasion, subject, body)
    now = office.clock.now()
    name = template_name(brand, occasion, locale)

    def decide(template: Template | None) -> Change[Template]:
        if template is not None:
            raise AlreadyExists("TEMPLATE_EXISTS", f"{name} exists: change it with UpdateTemplate.", resource=name)
        return Change(Template(brand, occasion, locale, subject, body, now, now))

    return await office.templates.change(name, decide, request=request)


async def update_template(
    office: Office, name: str, subject: str, body: str, mask: Sequence[str], *, etag: str, request: Request | None
) -> Outcome[Template]:
    """Change a brand's own words.

    Raises:
        Invalid: the mask or the words use what is not there.
        NotFound: there is no such template.
    """
    fields = _masked(mask, _TEMPLATE_FIELDS)
    wanted = {field: value for field, value in (("subject", subject), ("body", body)) if field in fields}

    def decide(template: Template | None) -> Change[Template] | None:
        if template is None:
            return None
        after = replace(template, **wanted, updated_at=office.clock.now())  # type: ignore[arg-type]
        check_whole(after.locale, after.subject, after.body)
        office.words.check(after.occasion, after.subject, after.body)
        return Change(after)

    return await office.templates.change(name, decide, request=request, etag=etag or None)


# -- notifications ----------------------------------------------------------------------------------------------------


async def tell(office: Office, telling: Telling, about: Collaboration | None, cause: Cause) -> None:
    """Tell somebody something, once for each event and side: in the inbox, by e-mail, and where it is the brand's word
    to the creator in their conversation."""
    id = derived_id(cause.stream, cause.subject, str(cause.epoch), str(cause.n), telling.party.value)
    said = await _say(office, telling)
    now = office.clock.now()
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
    await office.notifications.change(
        f"notifications/{id}", lambda kept: Change(notification) if kept is None else None, cause=cause
    )
    if about and telling.party is Party.CREATOR and telling.occasion in SAID_BY_THE_BRAND:
        message = Message(
            conversation=await open_conversation(office, about),
            sender=Party.BRAND,
            text=said.text,
            position=time.time_ns() // 1000,
            created_at=now,
            automatic=True,
            occasion=telling.occasion,
        )
        await _write(office, about, message, id, cause=cause)


async def deliver(office: Office, name: str) -> None:
    """Send a notification's e-mail. At least once: a crash between the mail server's answer and the note sends again.

    Raises:
        Unavailable: the mail server does not take it now.
    """
    found = await office.notifications.require(name, what="Notification")
    notification, now = found.state, office.clock.now()
    if notification.mail_state is not MailState.PENDING or notification.mail_at is None or notification.mail_at > now:
        return
    contact = await office.contacts.get(contact_name(notification.recipient))
    if contact is None:
        await _settle(office, name, lambda n: notifications.without_address(n, name, now, office.patience))
        return
    if not notifications.wants_mail(contact.state):
        await _settle(office, name, lambda n: (notifications.skipped(n), []))
        return
    said = await _say(office, _telling_of(notification))
    mail = Mail(name.removeprefix("notifications/"), contact.state.email, said.title, said.text, said.locale)
    try:
        await office.mailer.send(mail)
    except MailRefused:
        await _settle(office, name, lambda n: notifications.failed(n, name, "REFUSED_BY_MAIL_SERVER"))
        return
    await _settle(office, name, lambda n: notifications.sent(n, name, said))


async def mark_notification_read(office: Office, name: str, *, request: Request | None) -> Outcome[Notification]:
    """Mark a notification as read."""

    def decide(notification: Notification | None) -> Change[Notification] | None:
        read = notifications.read(notification, office.clock.now()) if notification else None
        return Change(read) if read else None

    return await office.notifications.change(name, decide, request=request)


async def _settle(office: Office, name: str, settle: notifications.Settle) -> None:
    def decide(notification: Notification | None) -> Change[Notification] | None:
        if notification is None or notification.mail_state is not MailState.PENDING:
            return None  # Another process was first.
        return Change(*settle(notification))

    await office.notifications.change(name, decide)


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


async def _say(office: Office, telling: Telling) -> Said:
    contact = await office.contacts.get(contact_name(telling.recipient))
    locale = contact.state.locale if contact else office.default_locale
    language = locale.partition("-")[0]
    own = await office.templates.get(template_name(telling.brand, telling.occasion, language))
    return office.words.say(
        telling.occasion,
        language if own else office.words.language(locale, office.default_locale),
        telling.values,
        own=(own.state.subject, own.state.body) if own else None,
        zone=contact.state.time_zone if contact else "",
    )


def _masked(mask: Sequence[str], known: set[str]) -> set[str]:
    unknown = [path for path in mask if path not in known]
    if unknown:
        described = f"has no field {', '.join(unknown)} to set; there are {', '.join(sorted(known))}"
        raise Invalid(
            "UPDATE_MASK_INVALID",
            "update_mask names fields that cannot be set.",
            violations=[Violation("update_mask", described)],
        )
    return set(mask) or known


def no_such(what: str, name: str) -> NotFound:
    """What a caller hears of what is not there, or not theirs."""
    return NotFound(f"{what.upper()}_NOT_FOUND", f"There is no {what.lower()} {name}.", resource=name)
