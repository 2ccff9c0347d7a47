"""What changes something."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from entente_chassis.refusal import Aborted, AlreadyExists, Invalid, NotFound, Violation
from entente_chassis.store import Cause, Change, Outcome, Request
from entente_messaging.application.office import Mail, MailDeferred, MailRefused, Office
from entente_messaging.domain import conversations, notifications
from entente_messaging.domain.contacts import Contact, checked
from entente_messaging.domain.conversations import Attachment, Collaboration, Conversation, Message
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
    conversation: str,
    sender: Party,
    text: str,
    attachments: tuple[Attachment, ...],
    *,
    id: str,
    request: Request | None,
) -> Outcome[Message]:
    """Write a message.

    Raises:
        Invalid: the request id was used for another one.
        Unavailable: too many are being written in this conversation.
    """
    message = Message(
        conversation=conversation,
        sender=sender,
        text=text,
        created_at=office.clock.now(),
        attachments=attachments,
        fingerprint=request.fingerprint if request else "",
    )
    return await _write(office, message, id)


async def file_messages(office: Office, conversation: str) -> None:
    """Make documents of the messages that a crash left in their conversation."""
    found = await office.conversations.require(conversation, what="Conversation")
    for id, message in found.state.arriving.items():
        await _file(office, id, message)


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
        read = conversations.read(state, party, message, found.state) if state else None
        return Change(read) if read else None

    return await office.conversations.change(conversation, decide, request=request)


async def _write(office: Office, message: Message, id: str, *, cause: Cause | None = None) -> Outcome[Message]:
    """Write a message, once for each id.

    The conversation takes it first: that one write numbers it and holds its events, and from then on it is never lost.
    A document of its own follows at once, or by a timer when this process ends in between.
    """
    name = message_name(message.conversation, id)
    applied = False
    written = await office.messages.get(name)
    if written is None:

        def take(conversation: Conversation | None) -> Change[Conversation] | None:
            if conversation is None or id in conversation.arriving:
                return None
            return Change(*conversations.take(message.conversation, conversation, id, message))

        # Somebody with the same id may finish between the two looks: the conversation remembers ids for a while.
        mark = Request(f"message {id}", message.fingerprint)
        taken = await office.conversations.change(message.conversation, take, request=mark)
        applied = taken.applied
        if id in taken.state.arriving:
            written = await _file(office, id, taken.state.arriving[id], cause=cause)
        else:
            written = await office.messages.require(name, what="Message")
    if written.state.fingerprint != message.fingerprint:
        raise Invalid("REQUEST_ID_REUSED", "This request_id was used for another message: take a new one.")
    return replace(written, applied=applied)


async def _file(office: Office, id: str, message: Message, *, cause: Cause | None = None) -> Outcome[Message]:
    name = message_name(message.conversation, id)
    filed = await office.messages.change(name, lambda kept: Change(message) if kept is None else None, cause=cause)

    def known(conversation: Conversation | None) -> Change[Conversation] | None:
        without = conversations.arrived(conversation, id) if conversation else None
        return Change(without) if without else None

    # The message is written. When many write at once, the note of it may be left to the timer.
    with suppress(Aborted):
        await office.conversations.change(message.conversation, known)
    return filed


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


async def tell(office: Office, telling: Telling, about: Collaboration | None, cause: Cause) -> bool:
    """Tell somebody something, once for each event and side: in the inbox, by e-mail, and where it is the brand's word
    to the creator in their conversation. Returns whether it is new."""
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
    told = await office.notifications.change(
        f"notifications/{id}", lambda kept: Change(notification) if kept is None else None, cause=cause
    )
    if about and telling.party is Party.CREATOR and telling.occasion in SAID_BY_THE_BRAND:
        message = Message(
            conversation=await open_conversation(office, about),
            sender=Party.BRAND,
            text=said.text,
            created_at=now,
            automatic=True,
            occasion=telling.occasion,
        )
        await _write(office, message, id, cause=cause)
    return told.applied


async def deliver(office: Office, name: str) -> MailState | None:
    """Send a notification's e-mail. At least once: a crash between the mail server's answer and the note sends again.

    Returns:
        How far it has come by this; None when there was nothing to do.

    Raises:
        Unavailable: the mail server does not take it now.
    """
    found = await office.notifications.require(name, what="Notification")
    notification, now = found.state, office.clock.now()
    if notification.mail_state is not MailState.PENDING or notification.mail_at is None or notification.mail_at > now:
        return None
    contact = await office.contacts.get(contact_name(notification.recipient))
    if contact is None:
        return await _settle(office, name, lambda n: notifications.without_address(n, name, now, office.patience))
    if not notifications.wants_mail(contact.state):
        return await _settle(office, name, lambda n: (notifications.skipped(n), []))
    said = await _say(office, _telling_of(notification))
    mail = Mail(name.removeprefix("notifications/"), contact.state.email, said.title, said.text, said.locale)
    try:
        await office.mailer.send(mail)
    except MailDeferred:
        return await _settle(office, name, lambda n: notifications.deferred(n, name, now, office.patience))
    except MailRefused:
        return await _settle(office, name, lambda n: notifications.failed(n, name, notifications.REFUSED))
    return await _settle(office, name, lambda n: notifications.sent(n, name, said))


async def mark_notification_read(office: Office, name: str, *, request: Request | None) -> Outcome[Notification]:
    """Mark a notification as read."""

    def decide(notification: Notification | None) -> Change[Notification] | None:
        read = notifications.read(notification, office.clock.now()) if notification else None
        return Change(read) if read else None

    return await office.notifications.change(name, decide, request=request)


async def _settle(office: Office, name: str, settle: notifications.Settle) -> MailState | None:
    def decide(notification: Notification | None) -> Change[Notification] | None:
        if notification is None or notification.mail_state is not MailState.PENDING:
            return None  # Another process was first.
        return Change(*settle(notification))

    settled = await office.notifications.change(name, decide)
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
