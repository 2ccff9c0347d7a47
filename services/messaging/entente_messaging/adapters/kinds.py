"""How messaging's aggregates are kept."""

from dataclasses import dataclass

from entente_chassis import topics
from entente_chassis.store import Kind
from entente_messaging.adapters.events import to_message
from entente_messaging.domain.bulks import Bulk, Packet
from entente_messaging.domain.contacts import Contact
from entente_messaging.domain.conversations import Conversation, Message, look_after_at
from entente_messaging.domain.deliveries import Delivery
from entente_messaging.domain.erasures import Erasure
from entente_messaging.domain.mailboxes import Mailbox
from entente_messaging.domain.notifications import Notification
from entente_messaging.domain.preferences import Preferences
from entente_messaging.domain.templates import Template, TemplateVersion
from entente_messaging.domain.webhooks import Webhook

EVENTS = topics.events("messaging")


@dataclass(frozen=True)
class Secret:
    """A key of this service's own."""

    value: str


CONTACTS = Kind(collection="contacts", state_type=Contact)
PREFERENCES = Kind(collection="preferences", state_type=Preferences)
CONVERSATIONS = Kind(
    collection="conversations",
    state_type=Conversation,
    topic=EVENTS,
    to_message=to_message,
    due_at=look_after_at,
    indexes=(
        ("about.brand", "-last_message_at"),
        ("about.creator", "-last_message_at"),
        ("about.brand", "brand_unread"),
        ("about.creator", "creator_unread"),
    ),
)
MESSAGES = Kind(
    collection="messages",
    state_type=Message,
    indexes=(("conversation", "position"), ("brand", "words"), ("creator", "words")),
)
NOTIFICATIONS = Kind(
    collection="notifications",
    state_type=Notification,
    indexes=(("recipient", "-created_at"), ("recipient", "unread"), ("creator", "erased")),
)
DELIVERIES = Kind(
    collection="deliveries",
    state_type=Delivery,
    topic=EVENTS,
    to_message=to_message,
    due_at=lambda delivery: delivery.next_at,
    indexes=(("recipient", "-created_at"), ("recipient", "state")),
)
MAILBOXES = Kind(collection="mailboxes", state_type=Mailbox, due_at=lambda mailbox: mailbox.digest_at)
TEMPLATES = Kind(collection="templates", state_type=Template, indexes=(("brand",),))
TEMPLATE_VERSIONS = Kind(
    collection="template_versions", state_type=TemplateVersion, indexes=(("template", "-version"),)
)
WEBHOOKS = Kind(
    collection="webhooks",
    state_type=Webhook,
    topic=EVENTS,
    to_message=to_message,
    indexes=(("owner", "enabled"),),
)
BULKS = Kind(
    collection="bulks",
    state_type=Bulk,
    topic=EVENTS,
    to_message=to_message,
    due_at=lambda bulk: bulk.look_at,
    indexes=(("brand", "-created_at"),),
)
PACKETS = Kind(
    collection="packets",
    state_type=Packet,
    due_at=lambda packet: packet.due_at,
    indexes=(("bulk", "number"),),
)
ERASURES = Kind(
    collection="erasures",
    state_type=Erasure,
    topic=EVENTS,
    to_message=to_message,
    due_at=lambda erasure: erasure.work_at,
)
SECRETS = Kind(collection="secrets", state_type=Secret)
