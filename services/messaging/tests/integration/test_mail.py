"""E-mail through a real SMTP server."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

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


def _certificate(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "mail.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "mail.pem")
    return context


async def test_where_starttls_is_insisted_on_mail_goes_over_tls_and_a_server_without_gets_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inbox: tuple[Inbox, SmtpMailer]
) -> None:
    handler = Inbox()
    context = _certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "mail.pem"))
    controller = Controller(
        handler, hostname="localhost", port=ports.pick(), tls_context=context, require_starttls=True
    )
    controller.start()
    plain, _ = inbox
    try:
        mailer = SmtpMailer(
            ("localhost", controller.port), sender="a@b.example", display_name="x", starttls=True, login=None
        )
        await mailer.send(MAIL)
        await mailer.close()
        plain_address = inbox[1]._host, inbox[1]._port
        insisting = SmtpMailer(plain_address, sender="a@b.example", display_name="x", starttls=True, login=None)
        with pytest.raises(Unavailable):
            await insisting.send(MAIL)
    finally:
        controller.stop()
    assert len(handler.mails) == 1
    assert plain.mails == []


async def test_an_email_has_a_text_the_same_as_html_and_a_way_out_of_one_click(
    inbox: tuple[Inbox, SmtpMailer],
) -> None:
    handler, mailer = inbox
    await mailer.send(replace(MAIL, html="<p>Bonjour Līga</p>", way_out="https://mail.example/u/t.s"))
    (mail,) = handler.mails
    assert mail.get_content_type() == "multipart/alternative"
    html = mail.get_body(("html",))
    assert html is not None
    assert "Bonjour Līga" in html.get_content()
    assert mail["List-Unsubscribe"] == "<https://mail.example/u/t.s>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


async def test_many_mails_go_over_few_connections_and_one_that_is_refused_breaks_none(
    inbox: tuple[Inbox, SmtpMailer],
) -> None:
    handler, mailer = inbox
    await asyncio.gather(*(mailer.send(replace(MAIL, id=f"m{number}")) for number in range(40)))
    handler.answer = "550 no"
    with pytest.raises(MailRefused):
        await mailer.send(MAIL)
    handler.answer = "250 OK"
    await mailer.send(MAIL)
    assert len(handler.mails) == 41


@pytest.mark.parametrize("subject", ["Merci\r\nBcc: all@example.org", "Merci\nX: y", "Merci\x00"])
async def test_a_subject_that_would_begin_another_header_is_not_sent(
    inbox: tuple[Inbox, SmtpMailer], subject: str
) -> None:
    handler, mailer = inbox
    with pytest.raises(MailRefused):
        await mailer.send(replace(MAIL, subject=subject))
    assert handler.mails == []


async def test_a_long_subject_and_an_address_beyond_ascii_arrive_whole(inbox: tuple[Inbox, SmtpMailer]) -> None:
    handler, mailer = inbox
    subject = "Crème d’été, « Rituel du soir » : " * 5
    await mailer.send(replace(MAIL, subject=subject.strip(), to="līga@example.org"))
    (mail,) = handler.mails
    assert mail["Subject"] == subject.strip()
    assert "līga@example.org" in mail["To"]
