"""Addresses that are told by HTTP POST."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from entente_chassis.refusal import Invalid, Violation
from entente_messaging.domain.occasions import Occasion

GIVE_UP_AFTER = timedelta(days=5)
GONE = "GONE"
FAILING = "FAILING"


@dataclass(frozen=True)
class Webhook:
    """A webhook.

    Args:
        owner: "brands/{brand}" or "creators/{creator}".
        occasions: what it is told of; empty: everything.
        secret: signs what is sent, "whsec_…".
        old_secret, old_until: signs as well until then.
        failing_since: since when every call failed.
    """

    owner: str
    url: str
    occasions: tuple[Occasion, ...]
    secret: str
    created_at: datetime
    enabled: bool = True
    disabled_reason: str = ""
    old_secret: str = ""
    old_until: datetime | None = None
    failing_since: datetime | None = None
    last_success_at: datetime | None = None
    deleted: bool = False

    def wants(self, occasion: Occasion) -> bool:
        """Whether it is to be told of this."""
        return self.enabled and not self.deleted and (not self.occasions or occasion in self.occasions)

    def secrets(self, now: datetime) -> tuple[str, ...]:
        """The secrets that sign now, the present one first."""
        overlaps = self.old_secret and self.old_until is not None and now < self.old_until
        return (self.secret, self.old_secret) if overlaps else (self.secret,)


@dataclass(frozen=True)
class WebhookDisabled:
    """It is not called any more."""

    webhook: str
    owner: str
    reason: str


def rotated(webhook: Webhook, secret: str, now: datetime, overlap: timedelta) -> Webhook:
    """A new secret; the old one signs as well for a while."""
    return replace(webhook, secret=secret, old_secret=webhook.secret, old_until=now + overlap)


def answered(webhook: Webhook, now: datetime) -> Webhook | None:
    """A call succeeded. Noted when that is news, and else once an hour, not at each call."""
    recent = webhook.last_success_at is not None and now - webhook.last_success_at < timedelta(hours=1)
    if webhook.failing_since is None and recent:
        return None
    return replace(webhook, failing_since=None, last_success_at=now)


def not_answered(webhook: Webhook, name: str, now: datetime, *, gone: bool) -> tuple[Webhook, list[object]] | None:
    """A call failed: note since when, and stop calling it when it is gone or has failed for long."""
    if not webhook.enabled or webhook.deleted:
        return None
    since = webhook.failing_since or now
    if gone or now - since >= GIVE_UP_AFTER:
        reason = GONE if gone else FAILING
        after = replace(webhook, failing_since=since, enabled=False, disabled_reason=reason)
        return after, [WebhookDisabled(name, webhook.owner, reason)]
    return (replace(webhook, failing_since=since), []) if webhook.failing_since is None else None


def enabled(webhook: Webhook, on: bool) -> Webhook:
    """Turn it on, with its failures forgotten, or off."""
    if not on:
        return replace(webhook, enabled=False)
    return replace(
        webhook, enabled=True, disabled_reason="", failing_since=None if not webhook.enabled else webhook.failing_since
    )


def invalid_url(described: str) -> Invalid:
    """What the owner hears of an address that cannot be used."""
    return Invalid("WEBHOOK_INVALID", "The webhook cannot be used.", violations=[Violation("webhook.url", described)])
