"""E-mail through a real SMTP server."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from entente_chassis.refusal import Unavailable
from entente_messaging.adapters.mail import SmtpMailer
from entente_messaging.application.ports import Mail, MailDeferred, MailRefused
from entente_stack import ports

MAIL = Mail("abc", "līga@example.org", "Crème d’été : c’est parti", "Sveiki, Līga!\nÀ bientôt", "lv")


@dataclass
class Inbox:
    """What the server has taken, and what it answers to a recipient."""

    answer: str = "250 OK"
    mails: list[EmailMessage] = field(default_factory=list)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.answer

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.mails.append(message)
        return "250 OK"


@pytest.fixture
async def inbox() -> AsyncIterator[tuple[Inbox, SmtpMailer]]:
    handler = Inbox()
    controller = Controller(handler, hostname="127.0.0.1", port=ports.pick(), enable_SMTPUTF8=True)
    controller.start()
    mailer = SmtpMailer(
        (controller.hostname, controller.port),
        sender="no-reply@entente.example",
        display_name="Entente",
        starttls=False,
        login=None,
    )
    yield handler, mailer
    await mailer.close()
    controller.stop()


async def test_an_email_arrives_as_it_was_written_and_under_the_same_id_each_time(
    inbox: tuple[Inbox, SmtpMailer],
) -> None:
    handler, mailer = inbox
    await mailer.send(MAIL)
    await mailer.send(MAIL)
    first, second = handler.mails
    assert (first["Subject"], first["To"], first["Content-Language"]) == (MAIL.subject, MAIL.to, "lv")
    assert first.get_content().replace("\r\n", "\n").strip() == MAIL.text
    assert first["Message-ID"] == second["Message-ID"] == "<abc@entente.example>"


async def test_a_recipient_that_is_refused_for_good_is_not_tried_again(inbox: tuple[Inbox, SmtpMailer]) -> None:
    handler, mailer = inbox
    handler.answer = "550 no such user"
    with pytest.raises(MailRefused):
        await mailer.send(MAIL)


async def test_a_recipient_that_is_refused_for_now_is_told_from_a_server_that_is_away(
    inbox: tuple[Inbox, SmtpMailer],
) -> None:
    handler, mailer = inbox
    handler.answer = "450 try later"
    with pytest.raises(MailDeferred):
        await mailer.send(MAIL)
    away = SmtpMailer(("127.0.0.1", 1), sender="a@b.example", display_name="x", starttls=False, login=None)
    with pytest.raises(Unavailable):
        await away.send(MAIL)
