"""What the use cases work on, handed in as one, and the port to the mail server."""

from dataclasses import dataclass, field
from typing import Protocol

from entente_chassis.clock import Clock
from entente_chassis.store import Aggregates
from entente_messaging.application.words import Words
from entente_messaging.domain.contacts import Contact
from entente_messaging.domain.conversations import Conversation, Message
from entente_messaging.domain.notifications import Notification, Patience
from entente_messaging.domain.templates import Template


@dataclass(frozen=True)
class Mail:
    """One e-mail.

    Args:
        id: the same for each attempt, so that a mail server or reader can recognise a repeat.
    """

    id: str
    to: str
    subject: str
    text: str
    language: str


class MailRefused(Exception):
    """The mail server refuses this e-mail for good."""


class MailDeferred(Exception):
    """The mail server does not take this e-mail now, though it may take others."""


class Mailer(Protocol):
    """The way to a mail server. Sending is at least once: a crash after the server's answer sends again."""

    async def send(self, mail: Mail) -> None:
        """Hand an e-mail to the mail server.

        Raises:
            MailDeferred: this one is not taken now.
            MailRefused: it will never be taken.
            Unavailable: none is taken now.
        """
        ...


@dataclass(frozen=True)
class Office:
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
