"""The mail server over SMTP, and one in memory for tests."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate

import aiosmtplib

from entente_chassis.refusal import Unavailable
from entente_messaging.application.ports import Mail, MailDeferred, Mailer, MailRefused

_TIMEOUT = 15.0
_PERMANENT = 500
_IDLE = 20.0
_MAILS_EACH = 200


class SmtpMailer(Mailer):
    """Hands e-mails to an SMTP server, over a few connections that are kept for a while.

    Args:
        address: host and port.
        sender: the address that mails come from.
        display_name: the name beside it.
        starttls: whether to insist on encryption by STARTTLS.
        login: user and password, where the server wants them.
        connections: at most so many at once.
    """

    def __init__(
        self,
        address: tuple[str, int],
        *,
        sender: str,
        display_name: str,
        starttls: bool,
        login: tuple[str, str] | None,
        connections: int = 4,
    ) -> None:
        self._host, self._port = address
        self._sender = sender
        self._from = Address(display_name, addr_spec=sender)
        self._starttls = starttls
        self._login = login
        self._slots = asyncio.Semaphore(connections)
        self._idle: list[_Connection] = []

    async def send(self, mail: Mail) -> str:
        message = self._compose(mail)
        try:
            async with self._connection() as smtp:
                _, answer = await smtp.send_message(message, sender=self._sender, recipients=[mail.to])
                return answer.partition(" ")[0][:40]
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _verdict(error.recipients[0].code) from error
        except aiosmtplib.SMTPDataError as error:
            raise _verdict(error.code) from error
        except aiosmtplib.SMTPNotSupported as error:
            raise MailRefused("ADDRESS_NOT_SUPPORTED") from error
        except (aiosmtplib.SMTPException, OSError) as error:
            # Whatever else it refuses (our greeting, login or sender address) it refuses for every e-mail.
            raise Unavailable(
                "MAIL_SERVER_UNAVAILABLE", "The mail server does not take mail now: it is tried again."
            ) from error

    async def close(self) -> None:
        """Say goodbye."""
        while self._idle:
            await self._idle.pop().end()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[aiosmtplib.SMTP]:
        async with self._slots:
            connection = await self._fresh() or await self._open()
            try:
                yield connection.smtp
            except (aiosmtplib.SMTPRecipientsRefused, aiosmtplib.SMTPDataError):
                await self._give_back(connection)  # It refused this one, and goes on.
                raise
            except BaseException:
                connection.smtp.close()
                raise
            else:
                await self._give_back(connection)

    async def _fresh(self) -> "_Connection | None":
        while self._idle:
            connection = self._idle.pop()
            if time.monotonic() - connection.used_at < _IDLE and connection.smtp.is_connected:
                return connection
            await connection.end()
        return None

    async def _open(self) -> "_Connection":
        smtp = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            timeout=_TIMEOUT,
            start_tls=self._starttls,
            username=self._login[0] if self._login else None,
            password=self._login[1] if self._login else None,
        )
        await smtp.connect()
        return _Connection(smtp)

    async def _give_back(self, connection: "_Connection") -> None:
        connection.used_at = time.monotonic()
        connection.mails += 1
        if connection.mails >= _MAILS_EACH:
            await connection.end()
        else:
            self._idle.append(connection)

    def _compose(self, mail: Mail) -> EmailMessage:
        message = EmailMessage()
        message.set_content(mail.text)  # First: it takes away every header that begins with "Content-".
        if mail.html:
            message.add_alternative(mail.html, subtype="html")
        message["From"] = self._from
        message["To"] = mail.to
        message["Subject"] = mail.subject
        message["Date"] = formatdate()
        message["Message-ID"] = f"<{mail.id}@{self._sender.rpartition('@')[2]}>"
        message["Content-Language"] = mail.language
        message["Auto-Submitted"] = "auto-generated"
        if mail.way_out:
            message["List-Unsubscribe"] = f"<{mail.way_out}>"
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        return message


class _Connection:
    def __init__(self, smtp: aiosmtplib.SMTP) -> None:
        self.smtp = smtp
        self.used_at = time.monotonic()
        self.mails = 0

    async def end(self) -> None:
        with contextlib.suppress(aiosmtplib.SMTPException, OSError):
            await self.smtp.quit()
        self.smtp.close()


class MemoryMailer(Mailer):
    """Keeps e-mails in a list."""

    def __init__(self) -> None:
        self.sent: list[Mail] = []

    async def send(self, mail: Mail) -> str:
        self.sent.append(mail)
        return "250"


def _verdict(code: int) -> Exception:
    return MailRefused(str(code)) if code >= _PERMANENT else MailDeferred(str(code))
