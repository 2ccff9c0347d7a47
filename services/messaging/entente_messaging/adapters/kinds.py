"""How messaging's aggregates are kept."""

from entente_chassis import topics
from entente_chassis.store import Kind
from entente_messaging.adapters.events import to_message
from entente_messaging.domain.contacts import Contact
from entente_messaging.domain.conversations import Conversation, Message, look_after_at
from entente_messaging.domain.notifications import Notification
from entente_messaging.domain.templates import Template

EVENTS = topics.events("messaging")

CONTACTS = Kind(collection="contacts", state_type=Contact)
CONVERSATIONS = Kind(
    collection="conversations",
    state_type=Conversation,
    topic=EVENTS,
    to_message=to_message,
    due_at=look_after_at,
    indexes=(("about.brand", "-last_message_at"), ("about.creator", "-last_message_at")),
)
MESSAGES = Kind(collection="messages", state_type=Message, indexes=(("conversation", "position"),))
NOTIFICATIONS = Kind(
    collection="notifications",
    state_type=Notification,
    topic=EVENTS,
    to_message=to_message,
    due_at=lambda notification: notification.mail_at,
    indexes=(("recipient", "-created_at"), ("recipient", "unread")),
)
TEMPLATES = Kind(collection="templates", state_type=Template, indexes=(("brand",),))
