"""What the use cases work on, handed in as one."""

from dataclasses import dataclass, field

from entente_chassis.clock import Clock
from entente_chassis.store import Aggregates
from entente_messaging.application.ports import Mailer
from entente_messaging.application.words import Words
from entente_messaging.domain.contacts import Contact
from entente_messaging.domain.conversations import Conversation, Message
from entente_messaging.domain.notifications import Notification, Patience
from entente_messaging.domain.templates import Template


@dataclass(frozen=True)
class Stores:
    """All that the use cases need."""

    contacts: Aggregates[Contact]
    conversations: Aggregates[Conversation]
    messages: Aggregates[Message]
    notifications: Aggregates[Notification]
    templates: Aggregates[Template]
    mailer: Mailer
    clock: Clock
    words: Words = field(default_factory=Words)
    patience: Patience = field(default_factory=Patience)
    default_locale: str = "en"
