"""What the use cases work on, handed in as one."""

from dataclasses import dataclass, field
from datetime import timedelta

from entente_chassis.clock import Clock, SystemClock
from entente_chassis.store import Aggregates
from entente_messaging.application.ports import Languages, Mailer, Poster, Recipients
from entente_messaging.application.rates import Rates
from entente_messaging.application.ways_out import WaysOut
from entente_messaging.application.words import Words
from entente_messaging.domain.bulks import Bulk, Packet
from entente_messaging.domain.contacts import Contact
from entente_messaging.domain.conversations import Conversation, Message
from entente_messaging.domain.deliveries import Delivery, Patience
from entente_messaging.domain.erasures import Erasure
from entente_messaging.domain.mailboxes import Mailbox
from entente_messaging.domain.notifications import Notification
from entente_messaging.domain.preferences import Preferences
from entente_messaging.domain.templates import Template, TemplateVersion
from entente_messaging.domain.webhooks import Webhook


@dataclass(frozen=True)
class Stores:
    """All that the use cases need.

    Args:
        clock: the domain's time, of deadlines, quiet hours and retries.
        technical: the machine's time, of claims and signatures.
        claim_for: how long what a process is sending is left alone by the others; then it is taken for dead.
    """

    contacts: Aggregates[Contact]
    preferences: Aggregates[Preferences]
    conversations: Aggregates[Conversation]
    messages: Aggregates[Message]
    notifications: Aggregates[Notification]
    deliveries: Aggregates[Delivery]
    mailboxes: Aggregates[Mailbox]
    templates: Aggregates[Template]
    template_versions: Aggregates[TemplateVersion]
    webhooks: Aggregates[Webhook]
    bulks: Aggregates[Bulk]
    packets: Aggregates[Packet]
    erasures: Aggregates[Erasure]
    mailer: Mailer
    poster: Poster
    recipients: Recipients
    languages: Languages
    ways_out: WaysOut
    clock: Clock
    technical: Clock = field(default_factory=SystemClock)
    words: Words = field(default_factory=Words)
    rates: Rates = field(default_factory=Rates)
    patience: Patience = field(default_factory=Patience)
    claim_for: timedelta = timedelta(seconds=60)
    default_locale: str = "en"
