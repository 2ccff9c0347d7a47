"""Writes docs/notifications.md from the table of notifications: `python -m entente_messaging.notifications_page`.

With --check it changes nothing and fails when the page is not what the table says.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from entente_messaging.application.grammar import FILTERS
from entente_messaging.application.table import table
from entente_messaging.domain.moments import Moment

PAGE = Path(__file__).resolve().parents[3] / "docs" / "notifications.md"

INTRODUCTION = """\
# Who is told what, when, where

<!-- Written by `make notifications` from services/messaging/entente_messaging/moments.toml: change it there. -->

Each row is a moment: an event of a service, who is told of it, in which words, on which channels. messaging's handlers
do what this table says, and nothing else. The words are a brand's own template for the occasion in the reader's
language, else the built-in ones (`locales/`: English, French, Italian, Latvian), else those of the default language.
People change the channels by their preferences; e-mails wait for the end of quiet hours.

| event | only if | to | occasion | kind | channels |
|---|---|---|---|---|---|
"""

FIELDS = """
## What words can use

Always: `campaign_title`, `brand_name`, `creator_name`, where the moment is about them. Besides, with its type:

| occasion | merge fields |
|---|---|
"""

LANGUAGE = """
A template is text with `{{{{ field }}}}`, `{{% if … %}}` and `{{% for one in list %}}`, and the filters {filters}.
When it is saved, each field is checked: that the moment provides it, and that it is used as what it is. A *number* can
be compared with numbers, *words* and *lines* are lists, a *date* is written as the reader writes dates, in the reader's
time zone. Anything else is refused, with the line and what there is instead.

## Reminders, and what makes them needless

A reminder whose time comes after one of these events of the same collaboration is not sent, also when the two race:
both are written into the conversation's document, and one of the writes is first.

| reminder | is not sent after |
|---|---|
"""

SILENT = """
## Left alone on purpose

| event | why nobody is told |
|---|---|
"""


def page() -> str:
    """The whole page."""
    rows = table()
    text = INTRODUCTION + "".join(_row(moment) for moment in rows.moments)
    text += FIELDS
    for occasion in dict.fromkeys(moment.occasion for moment in rows.moments):
        fields = [f"`{field.name}` ({field.type})" for field in rows.of(occasion).fields]
        if fields:
            text += f"| {occasion.value} | {', '.join(fields)} |\n"
    text += LANGUAGE.format(filters=", ".join(f"`{name}`" for name in sorted(FILTERS)))
    for moment in rows.moments:
        if moment.stopped_by:
            ends = ", ".join(_short(event) for event in moment.stopped_by)
            text += f"| {moment.occasion.value} | {ends} |\n"
    return text + SILENT + "".join(f"| {_short(event)} | {why} |\n" for event, why in rows.silent.items())


def _row(moment: Moment) -> str:
    event = _short(moment.event) if moment.event else f"(messaging itself: the {moment.about})"
    conditions = "; ".join(f"{path} is {' or '.join(values)}" for path, values in moment.when.items())
    channels = [channel.value.lower().replace("_", "-") for channel in moment.channels]
    if moment.in_conversation:
        channels.append("conversation")
    to = " and ".join(side.value.lower() for side in moment.to)
    kind = moment.category.value.lower()
    return f"| {event} | {conditions} | {to} | {moment.occasion.value} | {kind} | {', '.join(channels)} |\n"


def _short(event: str) -> str:
    """campaign.CreatorInvited of entente.campaign.v1.CreatorInvited."""
    _, service, _, name = event.split(".")
    return f"{service}.{name}"


def main(arguments: Sequence[str]) -> int:
    """Write the page, or check it."""
    if list(arguments) not in ([], ["--check"]):
        print("usage: python -m entente_messaging.notifications_page [--check]", file=sys.stderr)
        return 2
    text = page()
    if not arguments:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        print(f"{PAGE.name} is not what the table says: run `make notifications`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
