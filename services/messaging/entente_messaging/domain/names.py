"""Names of conversations, messages, notifications, contacts and templates, and what they are made of."""

import base64
import hashlib

from entente_messaging.domain.occasions import Occasion


def conversation_name(collaboration: str) -> str:
    """The one conversation of a collaboration: its name is made of the collaboration's."""
    campaign, _, creator = collaboration.removeprefix("campaigns/").partition("/collaborations/")
    return f"conversations/{campaign}~{creator}"


def message_name(conversation: str, id: str) -> str:
    """The name of a message."""
    return f"{conversation}/messages/{id}"


def contact_name(party: str) -> str:
    """The name of a brand's or creator's contact."""
    return f"{party}/contact"


def template_name(brand: str, occasion: Occasion, locale: str) -> str:
    """The name of a brand's template: one for each occasion and locale."""
    return f"{brand}/templates/{occasion.value.lower().replace('_', '-')}~{locale.lower()}"


def version_name(template: str, version: int) -> str:
    """The name of a template's version."""
    return f"{template}/versions/{version}"


def preferences_name(party: str) -> str:
    """The name of a brand's or creator's preferences."""
    return f"{party}/preferences"


def mailbox_name(party: str) -> str:
    """The name of what is kept of a brand's or creator's e-mails."""
    return f"{party}/mailbox"


def delivery_name(notification: str, webhook: str = "") -> str:
    """The name of a notification's delivery by e-mail, or to a webhook."""
    return f"{notification}/deliveries/{webhook.rpartition('/')[2] or 'email'}"


def erasure_name(person: str) -> str:
    """The name of the tombstone of a brand or creator."""
    return f"erasures/{person.replace('/', '-')}"


def derived_id(*parts: str) -> str:
    """An id that is always the same for the same parts, and for no others."""
    digest = hashlib.sha256("\n".join(parts).encode()).digest()
    return base64.b32encode(digest).decode().lower()[:32]
