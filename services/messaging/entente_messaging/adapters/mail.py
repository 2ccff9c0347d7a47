"""The mail server over SMTP, and one in memory for tests."""

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import charset, policy
from email.header import Header
from email.message import EmailMessage
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import formataddr, formatdate

import aiosmtplib

from entente_chassis.refusal import Unavailable
from entente_messaging.application.ports import Mail, MailDeferred, Mailer, MailRefused

_TIMEOUT = 15.0
_PERMANENT = 500
_IDLE = 20.0
_MAILS_EACH = 200
_UTF8 = charset.Charset("utf-8")
_UTF8.body_encoding = charset.QP
_POLICY = policy.compat32.clone(linesep="\r\n", max_line_length=None)
# A line break would begin another header, or the body.
_BREAKS_OUT = re.compile(r"[\x00\r\n\v\f\x1c-\x1e\x85\u2028\u2029]")


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
        self._from = formataddr((display_name, sender))
        self._domain = sender.rpartition("@")[2]
        self._starttls = starttls
        self._login = login
        self._slots = asyncio.Semaphore(connections)
        self._idle: list[_Connection] = []

    async def send(self, mail: Mail) -> str:
        message = self._compose(mail)
        # Only for an address beyond ASCII (RFC 6531): a server that does not know it refuses the option.
        options = [] if mail.to.isascii() else ["SMTPUTF8", "BODY=8BITMIME"]
        try:
            async with self._connection() as smtp:
                _, answer = await smtp.sendmail(self._sender, [mail.to], message, mail_options=options)
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

    def _compose(self, mail: Mail) -> bytes:
        if not mail.to.isascii():
            return self._compose_beyond_ascii(mail)
        # The classes of the older policy: those of the newer one parse each header twice, and cost five times as much.
        text = MIMEText(mail.text, "plain", _UTF8)  # type: ignore[arg-type]  # A charset says how to encode.
        message: MIMEBase = text
        if mail.html:
            message = MIMEMultipart("alternative", _subparts=[text, MIMEText(mail.html, "html", _UTF8)])  # type: ignore[arg-type]
        for name, value in self._headers(mail).items():
            message[name] = (
                Header(value, "utf-8", header_name=name).encode(linesep="\r\n") if name == "Subject" else value
            )
        return message.as_bytes(policy=_POLICY)

    def _headers(self, mail: Mail) -> dict[str, str]:
        headers = {
            "From": self._from,
            "To": mail.to,
            "Subject": mail.subject,
            "Date": formatdate(),
            "Message-ID": f"<{mail.id}@{self._domain}>",
            "Content-Language": mail.language,
            "Auto-Submitted": "auto-generated",
        }
        if mail.way_out:
            headers |= {
                "List-Unsubscribe": f"<{mail.way_out}>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            }
        if any(_BREAKS_OUT.search(value) for value in headers.values()):
            raise MailRefused("HEADER_NOT_ONE_LINE")
        return headers

    def _compose_beyond_ascii(self, mail: Mail) -> bytes:
        message = EmailMessage(policy=policy.SMTPUTF8)
        message.set_content(mail.text)  # First: it takes away every header that begins with "Content-".
        if mail.html:
            message.add_alternative(mail.html, subtype="html")
        for name, value in self._headers(mail).items():
            message[name] = value
        return message.as_bytes()


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
