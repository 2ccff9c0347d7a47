"""What the use cases need of the world outside: a mail server, webhooks, who takes part in a campaign, languages."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from entente_messaging.domain.bulks import Audience


@dataclass(frozen=True)
class Mail:
    """One e-mail.

    Args:
        id: the same for each attempt, so that a mail server or reader can recognise a repeat.
        html: the same as the text, with paragraphs and links; "" for a text alone.
        way_out: address at which one click ends such e-mails; "" for none.
    """

    id: str
    to: str
    subject: str
    text: str
    language: str
    html: str = ""
    way_out: str = ""


class MailRefused(Exception):
    """The mail server refuses this e-mail for good."""


class MailDeferred(Exception):
    """The mail server does not take this e-mail now, though it may take others."""


class Mailer(Protocol):
    """The way to a mail server. Sending is at least once: a crash after the server's answer sends again."""

    async def send(self, mail: Mail) -> str:
        """Hand an e-mail to the mail server, and return its answer's code.

        Raises:
            MailDeferred: this one is not taken now.
            MailRefused: it will never be taken.
            Unavailable: none is taken now.
        """
        ...


@dataclass(frozen=True)
class Post:
    """What a webhook is told.

    Args:
        id: the same for each attempt, so that the receiver can recognise a repeat.
        secrets: sign it, each for itself.
    """

    url: str
    id: str
    time: datetime
    body: str
    secrets: Sequence[str] = field(repr=False)


class PostFailed(Exception):
    """A webhook did not take it.

    Args:
        detail: the status, or what went wrong: nothing personal.
        gone: the receiver says that it is gone for good.
    """

    def __init__(self, detail: str, *, gone: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.gone = gone


class Poster(Protocol):
    """The way to webhooks. Posting is at least once."""

    def check(self, url: str) -> None:
        """Refuse an address that can never be called.

        Raises:
            Invalid: says why.
        """
        ...

    async def post(self, post: Post) -> str:
        """Tell a webhook, and return its answer's status.

        Raises:
            PostFailed: it was not reached, or did not answer 2xx.
        """
        ...


@dataclass(frozen=True)
class Recipient:
    """Who gets a bulk message, and about what, where that is known."""

    creator: str
    display_name: str = ""
    collaboration: str = ""
    campaign: str = ""
    campaign_title: str = ""


class Recipients(Protocol):
    """Who a bulk message goes to, as the services that know say."""

    async def page(
        self, brand: str, audience: Audience, page_token: str, page_size: int
    ) -> tuple[list[Recipient], str]:
        """Some of the recipients, and the token of the next ones ("" at the end).

        Raises:
            NotFound: the brand has no such shortlist or campaign.
            Invalid: the stage cannot be asked for.
            Unavailable: the service does not answer.
        """
        ...


class Languages(Protocol):
    """Tells languages apart."""

    async def detect(self, text: str) -> str:
        """The language of a text, ISO 639-1; "" when it cannot be told."""
        ...
