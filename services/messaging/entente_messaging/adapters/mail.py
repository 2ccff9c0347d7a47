"""The mail server over SMTP, and one in memory for tests."""

from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate

import aiosmtplib

from entente_chassis.refusal import Unavailable
from entente_messaging.application.ports import Mail, MailDeferred, Mailer, MailRefused

_TIMEOUT = 15.0
_PERMANENT = 500


class SmtpMailer(Mailer):
    """Hands e-mails to an SMTP server, one connection for each.

    Args:
        address: host and port.
        sender: the address that mails come from.
        display_name: the name beside it.
        starttls: whether to insist on encryption by STARTTLS.
        login: user and password, where the server wants them.
    """

    def __init__(
        self,
        address: tuple[str, int],
        *,
        sender: str,
        display_name: str,
        starttls: bool,
        login: tuple[str, str] | None,
    ) -> None:
        self._host, self._port = address
        self._sender = sender
        self._from = Address(display_name, addr_spec=sender)
        self._starttls = starttls
        self._login = login

    async def send(self, mail: Mail) -> None:
        try:
            await aiosmtplib.send(
                self._compose(mail),
                sender=self._sender,
                recipients=[mail.to],
                hostname=self._host,
                port=self._port,
                timeout=_TIMEOUT,
                start_tls=self._starttls,
                username=self._login[0] if self._login else None,
                password=self._login[1] if self._login else None,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _verdict(error.recipients[0].code) from error
        except aiosmtplib.SMTPDataError as error:
            raise _verdict(error.code) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            # Whatever else it refuses (our greeting, login or sender address) it refuses for every e-mail.
            raise Unavailable(
                "MAIL_SERVER_UNAVAILABLE", "The mail server does not take mail now: it is tried again."
            ) from error

    def _compose(self, mail: Mail) -> EmailMessage:
        message = EmailMessage()
        message.set_content(mail.text)  # First: it takes away every header that begins with "Content-".
        message["From"] = self._from
        message["To"] = mail.to
        message["Subject"] = mail.subject
        message["Date"] = formatdate()
        message["Message-ID"] = f"<{mail.id}@{self._sender.rpartition('@')[2]}>"
        message["Content-Language"] = mail.language
        message["Auto-Submitted"] = "auto-generated"
        return message


class MemoryMailer(Mailer):
    """Keeps e-mails in a list."""

    def __init__(self) -> None:
        self.sent: list[Mail] = []

    async def send(self, mail: Mail) -> None:
        self.sent.append(mail)


def _verdict(code: int) -> Exception:
    return MailRefused() if code >= _PERMANENT else MailDeferred()
