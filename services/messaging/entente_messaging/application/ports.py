"""What the use cases need of the world outside: the way to a mail server."""

from dataclasses import dataclass
from typing import Protocol


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
