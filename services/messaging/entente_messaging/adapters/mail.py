"""The mail server over SMTP, and one in memory for tests."""

from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate

import aiosmtplib

from entente_chassis.refusal import Unavailable
from entente_messaging.application.office import Mail, Mailer, MailRefused

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
            if all(refused.code >= _PERMANENT for refused in error.recipients):
                raise MailRefused from error
            raise _away() from error
        except aiosmtplib.SMTPAuthenticationError as error:
            raise _away() from error
        except aiosmtplib.SMTPResponseException as error:
            if error.code >= _PERMANENT:
                raise MailRefused from error
            raise _away() from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise _away() from error

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


def _away() -> Unavailable:
    return Unavailable("MAIL_SERVER_UNAVAILABLE", "The mail server does not take mail now: it is tried again.")
