"""What was told goes out: by e-mail, in digests, and to webhooks. At least once; a repeat has the same id.

A process claims a delivery by a conditional write before it sends, so that of several replicas one sends. A reminder is
claimed in its conversation, too: there the event that makes it needless is noted, and of the two writes one is first.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import replace

from entente_chassis.refusal import NotFound, Unavailable
from entente_chassis.store import Cause, Change, Outcome, Request
from entente_messaging.application import html
from entente_messaging.application.commands.telling import contact_of, is_erased, preferences_of, say, tell
from entente_messaging.application.ports import Mail, MailDeferred, MailRefused, Post, PostFailed
from entente_messaging.application.stores import Stores
from entente_messaging.application.words import locale_words
from entente_messaging.domain import conversations, deliveries, mailboxes, webhooks
from entente_messaging.domain.contacts import Contact
from entente_messaging.domain.conversations import Conversation
from entente_messaging.domain.deliveries import (
    Collect,
    Delivery,
    DeliveryState,
    Go,
    Leave,
    Settle,
    Wait,
    mail_plan,
)
from entente_messaging.domain.mailboxes import Mailbox
from entente_messaging.domain.names import contact_name, delivery_name, derived_id, mailbox_name
from entente_messaging.domain.notifications import Notification, Said, Telling, telling_of
from entente_messaging.domain.occasions import Category, Channel, Occasion, Party
from entente_messaging.domain.preferences import Preferences, next_digest, quiet_until
from entente_messaging.domain.webhooks import Webhook


async def deliver(stores: Stores, name: str) -> DeliveryState | None:
    """Try a delivery whose time has come.

    Returns:
        How far it has come by this; None when there was nothing to do.

    Raises:
        Unavailable: the mail server takes nothing now, or the provider has had its share.
    """
    delivery = (await stores.deliveries.require(name, what="Delivery")).state
    if not deliveries.is_due(delivery, stores.clock.now(), stores.technical.now()):
        return None
    if await is_erased(stores, delivery.recipient):
        leave = Leave(deliveries.ERASED)
        return await _settle(stores, name, lambda d: deliveries.left_out(d, stores.clock.now(), leave))
    if delivery.channel is Channel.WEBHOOK:
        return await _post(stores, name, delivery)
    return await _mail(stores, name, delivery)


# -- e-mail -----------------------------------------------------------------------------------------------------------


async def _mail(stores: Stores, name: str, delivery: Delivery) -> DeliveryState | None:
    now = stores.clock.now()
    contact, preferences = await asyncio.gather(
        contact_of(stores, delivery.recipient), preferences_of(stores, delivery.recipient)
    )
    plan = mail_plan(delivery, contact, preferences, now, stores.patience)
    if isinstance(plan, Wait):
        until = plan.until
        return await _settle(stores, name, lambda d: deliveries.waiting(d, until))
    if isinstance(plan, Leave):
        leave = plan
        return await _settle(stores, name, lambda d: deliveries.left_out(d, now, leave))
    assert contact is not None
    if isinstance(plan, Go):
        plan = await _within_cap(stores, name, delivery, contact, preferences)
    if isinstance(plan, Collect):
        return await _collect(stores, name, delivery.recipient, plan)
    wait_for_provider(stores, contact.email)
    if not await _claim(stores, name):
        return None
    if not await begin_reminder(stores, delivery):
        return await _settle(stores, name, lambda d: deliveries.left_out(d, now, Leave(deliveries.MOVED_ON)))
    notification = (await stores.notifications.require(delivery.notification, what="Notification")).state
    said = await say(stores, telling_of(notification), contact)
    try:
        code = await stores.mailer.send(
            mail_of(stores, delivery.notification, delivery.recipient, contact, delivery.category, said)
        )
    except MailDeferred as error:
        told = str(error)
        return await _settle(stores, name, lambda d: deliveries.put_off(d, now, told, stores.patience))
    except MailRefused as error:
        told = str(error)
        return await _settle(stores, name, lambda d: deliveries.failed(d, now, deliveries.REFUSED, told))
    except Unavailable:
        await _settle(stores, name, lambda d: (replace(d, claimed_until=None), []))
        raise
    if (said.locale, said.title, said.text) != (notification.locale, notification.title, notification.text):
        await _say_the_same(stores, delivery.notification, said)
    return await _settle(stores, name, lambda d: deliveries.sent(d, now, code))


async def _say_the_same(stores: Stores, name: str, said: Said) -> None:
    """The language became known after the inbox was written: it says now what the e-mail says."""

    def decide(kept: Notification | None) -> Change[Notification] | None:
        if kept is None:
            return None
        return Change(replace(kept, locale=said.locale, title=said.title, text=said.text, template=said.source))

    await stores.notifications.change(name, decide)


def mail_of(
    stores: Stores, notification: str, recipient: str, contact: Contact, category: Category, said: Said
) -> Mail:
    """A notification as an e-mail: its text, the same as HTML, and below why it comes and how to end it."""
    words = locale_words(stores.words.language(said.locale, stores.default_locale))["mail"]
    ways_out = [
        (words["stop_kind"], stores.ways_out.address(recipient, category)),
        (words["stop_all"], stores.ways_out.address(recipient, None)),
    ]
    links = [(shown, address) for shown, address in ways_out if address]
    below = "\n".join([words["footer"], *(f"{shown}: {address}" for shown, address in links)])
    return Mail(
        id=notification.removeprefix("notifications/"),
        to=contact.email,
        subject=said.title,
        text=f"{said.text}\n\n-- \n{below}\n",
        language=said.locale,
        html=html.page(said.title, said.text, said.locale, words["footer"], links),
        way_out=ways_out[0][1],
    )


def wait_for_provider(stores: Stores, address: str) -> None:
    """Take the provider's token.

    Raises:
        Unavailable: it has had its share of this second.
    """
    if stores.rates.take(address):
        raise Unavailable("PROVIDER_RATE", "This provider has had its share of e-mails just now.")


async def begin_reminder(stores: Stores, delivery: Delivery) -> bool:
    """Whether a reminder is still of use; if so, that is noted in the one document where its end would be."""
    if delivery.event is None or not delivery.conversation:
        return True
    event = delivery.event
    may = False

    def decide(conversation: Conversation | None) -> Change[Conversation] | None:
        nonlocal may
        may = conversation is None or conversations.may_remind(
            conversation, delivery.occasion, event.subject, event.order
        )
        return Change(replace(conversation, reminders=conversation.reminders + 1)) if conversation and may else None

    try:
        await stores.conversations.change(delivery.conversation, decide)
    except NotFound:
        return True  # Nothing is known of the collaboration that could end it.
    return may


async def _within_cap(
    stores: Stores, name: str, delivery: Delivery, contact: Contact, preferences: Preferences
) -> Go | Collect:
    """Reminders beyond the cap come with the next digest."""
    if delivery.category is not Category.REMINDER:
        return Go()
    now, fits = stores.clock.now(), False

    def decide(mailbox: Mailbox | None) -> Change[Mailbox] | None:
        nonlocal fits
        before = mailbox or Mailbox(delivery.recipient)
        after = mailboxes.reminding(before, name, now, preferences.reminders_per_day)
        fits = after is not None
        return Change(after or before)

    await stores.mailboxes.change(mailbox_name(delivery.recipient), decide)
    return Go() if fits else Collect(next_digest(preferences, contact.zone, now))


async def _collect(stores: Stores, name: str, recipient: str, plan: Collect) -> DeliveryState | None:
    def decide(mailbox: Mailbox | None) -> Change[Mailbox] | None:
        return Change(mailboxes.collecting(mailbox or Mailbox(recipient), name, plan.at))

    # First where it waits: a crash in between puts it there again, and once is enough.
    await stores.mailboxes.change(mailbox_name(recipient), decide)
    return await _settle(stores, name, deliveries.collected)


async def send_digest(stores: Stores, name: str) -> int:
    """Send what waits for a digest, in one e-mail. Returns of how many things it told.

    Raises:
        Unavailable: the mail server takes nothing now.
    """
    mailbox = (await stores.mailboxes.require(name, what="Mailbox")).state
    now, owner = stores.clock.now(), mailbox.owner
    if mailbox.digest_at is None or mailbox.digest_at > now or _is_claimed(stores, mailbox):
        return 0
    contact, preferences = await asyncio.gather(contact_of(stores, owner), preferences_of(stores, owner))
    zone = contact.zone if contact else now.tzinfo
    assert zone is not None
    quiet = quiet_until(preferences, zone, now)
    if quiet:
        await _change_mailbox(stores, name, lambda m: replace(m, digest_at=quiet))
        return 0
    if not await _claim_mailbox(stores, name):
        return 0
    taken = mailbox.waiting[: mailboxes.DIGEST_MOST]
    found = await asyncio.gather(*(stores.deliveries.get(delivery) for delivery in taken))
    waiting = [d for d in found if d and d.state.in_digest and d.state.state is DeliveryState.PENDING]
    unwanted = contact is None or not contact.email_enabled or contact.email_problem or await is_erased(stores, owner)
    useful = [] if unwanted else [d for d in waiting if await begin_reminder(stores, d.state)]
    told = await asyncio.gather(*(stores.notifications.get(d.state.notification) for d in useful))
    code = ""
    try:
        if useful and contact:
            notifications = [n.state for n in told if n]
            code = await stores.mailer.send(_digest_of(stores, name, mailbox, contact, notifications))
    except (Unavailable, MailDeferred) as error:
        await _change_mailbox(stores, name, lambda m: replace(m, claimed_until=None))
        raise Unavailable("MAIL_SERVER_UNAVAILABLE", "The digest is tried again.") from error
    except MailRefused as error:
        told_us = str(error)
        for delivery in useful:
            await _settle(stores, delivery.id, lambda d: deliveries.failed(d, now, deliveries.REFUSED, told_us))
    else:
        for delivery in useful:
            await _settle(stores, delivery.id, lambda d: deliveries.sent(d, now, code))
    kept = {delivery.id for delivery in useful}
    reason = deliveries.UNWANTED if unwanted else deliveries.MOVED_ON
    for delivery in waiting:
        if delivery.id not in kept:
            await _settle(stores, delivery.id, lambda d: deliveries.left_out(d, now, Leave(reason)))
    again = next_digest(preferences, zone, now)
    await _change_mailbox(stores, name, lambda m: mailboxes.digested(m, taken, again))
    return len(useful)


def _digest_of(
    stores: Stores, name: str, mailbox: Mailbox, contact: Contact, notifications: Sequence[Notification]
) -> Mail:
    words = locale_words(stores.words.language(contact.locale, stores.default_locale))["mail"]
    parts = [f"{n.title}\n{n.text}" for n in notifications]
    locale = stores.words.language(contact.locale, stores.default_locale)
    title = f"{words['digest_subject']} ({len(parts)})"
    said = Said(locale, title, "\n\n".join([words["digest_intro"], *parts]))
    id = derived_id("digest", name, str(mailbox.digests))
    return mail_of(stores, id, mailbox.owner, contact, notifications[0].category, said)


# -- webhooks ---------------------------------------------------------------------------------------------------------


async def _post(stores: Stores, name: str, delivery: Delivery) -> DeliveryState | None:
    now = stores.clock.now()
    found = await stores.webhooks.get(delivery.webhook)
    if found is None or found.state.deleted:
        return await _settle(stores, name, lambda d: deliveries.left_out(d, now, Leave(deliveries.WEBHOOK_GONE)))
    webhook = found.state
    if not webhook.enabled:
        leave = Leave(deliveries.WEBHOOK_DISABLED, failed=True)
        return await _settle(stores, name, lambda d: deliveries.left_out(d, now, leave))
    if not await _claim(stores, name):
        return None
    if not await begin_reminder(stores, delivery):
        return await _settle(stores, name, lambda d: deliveries.left_out(d, now, Leave(deliveries.MOVED_ON)))
    notification = await stores.notifications.get(delivery.notification)
    post = Post(
        url=webhook.url,
        id=f"msg_{derived_id(name)}",
        time=stores.technical.now(),
        body=_body(delivery, notification.state if notification else None),
        secrets=webhook.secrets(now),
    )
    try:
        status = await stores.poster.post(post)
    except PostFailed as error:
        detail, gone = error.detail, error.gone
        await _note(stores, delivery.webhook, ok=False, gone=gone)
        return await _settle(stores, name, lambda d: deliveries.not_answered(d, now, detail))
    await _note(stores, delivery.webhook, ok=True)
    return await _settle(stores, name, lambda d: deliveries.sent(d, now, status))


async def _note(stores: Stores, webhook: str, *, ok: bool, gone: bool = False) -> None:
    def decide(state: Webhook | None) -> Change[Webhook] | None:
        if state is None:
            return None
        now = stores.clock.now()
        if ok:
            well = webhooks.answered(state, now)
            return Change(well) if well else None
        ill = webhooks.not_answered(state, webhook, now, gone=gone)
        return Change(*ill) if ill else None

    changed = await stores.webhooks.change(webhook, decide)
    if changed.applied and not changed.state.enabled and not ok:
        await tell_disabled(stores, webhook, changed.state)


async def tell_disabled(stores: Stores, name: str, webhook: Webhook) -> None:
    """Tell its owner that a webhook is not called any more: on the other channels."""
    host = webhook.url.split("/")[2] if "//" in webhook.url else webhook.url
    telling = Telling(
        party=Party.BRAND if webhook.owner.startswith("brands/") else Party.CREATOR,
        occasion=Occasion.WEBHOOK_DISABLED,
        category=Category.ACCOUNT,
        brand="",
        recipient=webhook.owner,
        campaign="",
        values={"url": host},
    )
    since = webhook.failing_since or stores.clock.now()
    await tell(stores, telling, None, Cause("webhooks", name, 0, int(since.timestamp())))


def _body(delivery: Delivery, notification: Notification | None) -> str:
    """What a webhook gets: the thing that happened, with the names of what it is about, and the words."""
    data: dict[str, object] = {
        "notification": delivery.notification,
        "recipient": delivery.recipient,
        "occasion": delivery.occasion.value,
        "campaign": delivery.campaign,
    }
    if notification:
        data |= {
            "collaboration": notification.collaboration,
            "locale": notification.locale,
            "title": notification.title,
            "text": notification.text,
            "values": notification.values,
        }
    kind = f"entente.{delivery.occasion.value.lower()}" if notification else "entente.test"
    body = {"type": kind, "timestamp": delivery.created_at.isoformat(), "data": data}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


# -- dead letters and bounces -----------------------------------------------------------------------------------------


async def replay(stores: Stores, name: str, *, request: Request | None) -> Outcome[Delivery]:
    """Send a dead letter again.

    Raises:
        Precondition: it did not fail.
    """

    def decide(delivery: Delivery | None) -> Change[Delivery] | None:
        return Change(deliveries.replayed(delivery, name, stores.clock.now())) if delivery else None

    return await stores.deliveries.change(name, decide, request=request)


async def bounce(stores: Stores, notification_id: str, status: str, *, permanent: bool) -> str:
    """An e-mail came back. Returns the delivery; "" when it is none of ours.

    A permanent bounce makes the e-mail a dead letter, and its address one that is written to no more until it changes.
    """
    name = delivery_name(f"notifications/{notification_id}")
    found = await stores.deliveries.get(name)
    if found is None:
        return ""
    if permanent:

        def decide(delivery: Delivery | None) -> Change[Delivery] | None:
            if delivery is None or delivery.state is not DeliveryState.SENT:
                return None
            return Change(*deliveries.bounced(delivery, stores.clock.now(), status))

        def mark(contact: Contact | None) -> Change[Contact] | None:
            problem = f"{deliveries.BOUNCED} {status}"
            return Change(replace(contact, email_problem=problem)) if contact else None

        await stores.deliveries.change(name, decide)
        if await stores.contacts.get(contact_name(found.state.recipient)):
            await stores.contacts.change(contact_name(found.state.recipient), mark)
    return name


# -- writing it down --------------------------------------------------------------------------------------------------


async def _claim(stores: Stores, name: str) -> bool:
    def decide(delivery: Delivery | None) -> Change[Delivery] | None:
        technical = stores.technical.now()
        if delivery is None or not deliveries.is_due(delivery, stores.clock.now(), technical):
            return None
        return Change(deliveries.claimed(delivery, technical + stores.claim_for))

    return (await stores.deliveries.change(name, decide)).applied


async def _settle(stores: Stores, name: str, settle: Settle) -> DeliveryState | None:
    def decide(delivery: Delivery | None) -> Change[Delivery] | None:
        if delivery is None or delivery.state is not DeliveryState.PENDING:
            return None  # Another process was first.
        return Change(*settle(delivery))

    settled = await stores.deliveries.change(name, decide)
    return settled.state.state if settled.applied else None


def _is_claimed(stores: Stores, mailbox: Mailbox) -> bool:
    return mailbox.claimed_until is not None and mailbox.claimed_until > stores.technical.now()


async def _claim_mailbox(stores: Stores, name: str) -> bool:
    def decide(mailbox: Mailbox | None) -> Change[Mailbox] | None:
        if mailbox is None or mailbox.digest_at is None or _is_claimed(stores, mailbox):
            return None
        return Change(replace(mailbox, claimed_until=stores.technical.now() + stores.claim_for))

    return (await stores.mailboxes.change(name, decide)).applied


async def _change_mailbox(stores: Stores, name: str, after: Callable[[Mailbox], Mailbox]) -> None:
    await stores.mailboxes.change(name, lambda mailbox: Change(after(mailbox)) if mailbox else None)
