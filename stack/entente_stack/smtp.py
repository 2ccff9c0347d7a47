"""A mail server for this machine: takes every mail, stores it and delivers it to nobody.

Run with `python -m entente_stack.smtp --port 2525 --folder mail`.
"""

import argparse
import asyncio
import json
from datetime import UTC, datetime
from email import policy
from email.parser import BytesParser
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from entente_stack import ports
from entente_stack.processes import told_to_stop

INDEX = "index.jsonl"


class MailStore:
    """Keeps mails as files, with one line each in an index.

    Args:
        folder: where they go.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._count = len(read(folder))

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Store a mail before it is acknowledged."""
        content = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
        self._count += 1
        name = f"{self._count:06}.eml"
        (self._folder / name).write_bytes(content)
        headers = BytesParser(policy=policy.default).parsebytes(content, headersonly=True)
        entry = {
            "file": name,
            "time": datetime.now(UTC).isoformat(),
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "subject": str(headers.get("Subject", "")),
            "message_id": str(headers.get("Message-ID", "")),
        }
        with (self._folder / INDEX).open("a") as index:
            index.write(json.dumps(entry, ensure_ascii=False) + "\n")
        return f"250 OK stored as {name}"


def read(folder: Path) -> list[dict[str, Any]]:
    """The mails that were stored, oldest first."""
    index = folder / INDEX
    return [json.loads(line) for line in index.read_text().splitlines()] if index.exists() else []


async def serve(port: int, folder: Path) -> None:
    """Serve until SIGTERM."""
    stopping, loop = told_to_stop(), asyncio.get_running_loop()
    store = MailStore(folder)
    server = await loop.create_server(lambda: SMTP(store, enable_SMTPUTF8=True, hostname="localhost"), ports.HOST, port)
    async with server:
        await stopping.wait()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.port, arguments.folder))


if __name__ == "__main__":
    main()
