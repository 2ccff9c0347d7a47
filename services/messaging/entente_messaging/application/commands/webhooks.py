"""Registering webhooks, their secrets, and tests of them."""

import base64
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from entente_chassis.refusal import Exhausted
from entente_chassis.store import Change, Outcome, Request
from entente_messaging.application.commands.common import masked, no_such
from entente_messaging.application.stores import Stores
from entente_messaging.domain import webhooks
from entente_messaging.domain.deliveries import Delivery
from entente_messaging.domain.names import delivery_name, derived_id
from entente_messaging.domain.occasions import Category, Channel, Occasion
from entente_messaging.domain.webhooks import Webhook

MOST = 20
_FIELDS = {"url", "occasions", "enabled"}


async def create_webhook(
    stores: Stores, owner: str, id: str, url: str, occasions: tuple[Occasion, ...], *, request: Request | None
) -> Outcome[Webhook]:
    """Register a webhook, with a new secret.

    Raises:
        Invalid: the address cannot be called.
        Exhausted: the owner has as many as there may be.
    """
    stores.poster.check(url)
    there = await stores.webhooks.find({"owner": owner})
    name = f"{owner}/webhooks/{id}"
    alive = [found for found in there if not found.state.deleted and found.id != name]
    if len(alive) >= MOST:
        raise Exhausted("TOO_MANY_WEBHOOKS", f"{owner} has {MOST} webhooks: take one away first.")
    webhook = Webhook(owner, url, tuple(dict.fromkeys(occasions)), new_secret(), stores.clock.now())
    return await stores.webhooks.change(name, lambda kept: Change(webhook) if kept is None else None, request=request)


async def update_webhook(
    stores: Stores, name: str, wanted: Webhook, mask: Sequence[str], *, etag: str, request: Request | None
) -> Outcome[Webhook]:
    """Change a webhook; enabling one forgets its failures.

    Raises:
        Invalid: the address cannot be called.
    """
    fields = masked(mask, _FIELDS)
    if "url" in fields:
        stores.poster.check(wanted.url)

    def decide(webhook: Webhook | None) -> Change[Webhook] | None:
        if webhook is None:
            return None
        after = webhooks.enabled(webhook, wanted.enabled) if "enabled" in fields else webhook
        if "url" in fields:
            after = replace(after, url=wanted.url)
        if "occasions" in fields:
            after = replace(after, occasions=tuple(dict.fromkeys(wanted.occasions)))
        return Change(after)

    return await stores.webhooks.change(name, decide, request=request, etag=etag or None)


async def delete_webhook(stores: Stores, name: str, *, request: Request | None) -> Outcome[Webhook]:
    """Take a webhook away. Its secrets go with it."""

    def decide(webhook: Webhook | None) -> Change[Webhook] | None:
        if webhook is None or webhook.deleted:
            return None
        return Change(replace(webhook, deleted=True, enabled=False, secret="", old_secret="", url=""))

    return await stores.webhooks.change(name, decide, request=request)


async def rotate_secret(stores: Stores, name: str, overlap: timedelta, *, request: Request | None) -> Outcome[Webhook]:
    """Give a webhook a new secret; the old one signs as well for a while."""
    secret = new_secret()

    def decide(webhook: Webhook | None) -> Change[Webhook] | None:
        return Change(webhooks.rotated(webhook, secret, stores.clock.now(), overlap)) if webhook else None

    return await stores.webhooks.change(name, decide, request=request)


async def send_test(stores: Stores, name: str, id: str) -> Outcome[Delivery]:
    """Send a webhook a test: a delivery like any other, of no notification."""
    found = await stores.webhooks.require(name, what="Webhook")
    if found.state.deleted:
        raise no_such("Webhook", name)
    notification = f"notifications/{derived_id('test', name, id)}"
    now = stores.clock.now()
    delivery = Delivery(
        notification=notification,
        recipient=found.state.owner,
        channel=Channel.WEBHOOK,
        occasion=Occasion.WEBHOOK_DISABLED,
        category=Category.ACCOUNT,
        campaign="",
        conversation="",
        created_at=now,
        webhook=name,
        next_at=now,
    )
    return await stores.deliveries.change(
        delivery_name(notification, name), lambda kept: Change(delivery) if kept is None else None
    )


def new_secret() -> str:
    """A secret as Standard Webhooks writes them."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
