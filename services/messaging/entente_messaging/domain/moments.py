"""The table of notifications: which event tells whom what, in which words, where. Pure: it is read from a text."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from entente_messaging.domain.occasions import Category, Channel, Occasion, Party


class FieldType(StrEnum):
    """What kind of value a merge field has."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    URL = "url"
    WORD = "word"
    WORDS = "words"
    LINES = "lines"


@dataclass(frozen=True)
class MergeField:
    """A value that words can use.

    Args:
        name: how words call it.
        type: what it is.
        source: path in the event.
        divisor: what the event's number is divided by.
    """

    name: str
    type: FieldType
    source: str
    divisor: int = 1


@dataclass(frozen=True)
class Moment:
    """One row."""

    occasion: Occasion
    event: str
    when: Mapping[str, tuple[str, ...]]
    to: tuple[Party, ...]
    category: Category
    channels: tuple[Channel, ...]
    in_conversation: bool
    fields: tuple[MergeField, ...]
    stopped_by: tuple[str, ...]
    about: str


class MomentsError(ValueError):
    """The table cannot be used as it is."""


@dataclass(frozen=True)
class Table:
    """The whole table.

    Args:
        moments: its rows.
        silent: events that nobody is told of, and why.
    """

    moments: tuple[Moment, ...]
    silent: Mapping[str, str]

    def of_event(self, event: str) -> tuple[Moment, ...]:
        """The rows of an event's type."""
        return tuple(moment for moment in self.moments if moment.event == event)

    def of(self, occasion: Occasion) -> Moment:
        """A row of an occasion: those of one occasion have the same words, fields, category and channels."""
        return next(moment for moment in self.moments if moment.occasion is occasion)

    def fields(self, occasion: Occasion) -> dict[str, MergeField]:
        """What an occasion's words can use, by name."""
        moment = self.of(occasion)
        return {field.name: field for field in (*_always(moment), *moment.fields)}

    def stops(self, event: str) -> tuple[Moment, ...]:
        """The reminders that an event makes needless."""
        return tuple(moment for moment in self.moments if event in moment.stopped_by)

    def events(self) -> tuple[str, ...]:
        """Every event that somebody is told of or that stops a reminder."""
        told = [moment.event for moment in self.moments if moment.event]
        stopping = [event for moment in self.moments for event in moment.stopped_by]
        return tuple(dict.fromkeys([*told, *stopping]))


def read(text: str) -> Table:
    """The table of its TOML text.

    Raises:
        MomentsError: a row lacks something, names what does not exist, or is at odds with another.
    """
    raw = tomllib.loads(text)
    moments = tuple(_moment(number, entry) for number, entry in enumerate(raw["moment"], 1))
    first: dict[Occasion, Moment] = {}
    for moment in moments:
        other = first.setdefault(moment.occasion, moment)
        shared = ("category", "channels", "in_conversation")
        differing = [name for name in shared if getattr(moment, name) != getattr(other, name)]
        if differing or [(f.name, f.type) for f in moment.fields] != [(f.name, f.type) for f in other.fields]:
            raise MomentsError(f"the rows of {moment.occasion} differ in what one occasion has in common")
    if missing := sorted(set(Occasion) - first.keys()):
        raise MomentsError(f"no row for {', '.join(missing)}")
    return Table(moments, raw["silent"])


def _moment(number: int, entry: Mapping[str, Any]) -> Moment:
    try:
        return Moment(
            occasion=Occasion(entry["occasion"]),
            event=entry["event"],
            when={path: tuple(values) for path, values in entry.get("when", {}).items()},
            to=tuple(Party(side.upper()) for side in entry["to"]),
            category=Category(entry["category"]),
            channels=tuple(Channel.of_table(name) for name in entry.get("channels", ("in-app", "e-mail", "webhook"))),
            in_conversation=entry.get("in_conversation", False),
            fields=tuple(_field(line) for line in entry.get("fields", ())),
            stopped_by=tuple(entry.get("stopped_by", ())),
            about=entry.get("about", "collaboration"),
        )
    except (KeyError, ValueError) as error:
        raise MomentsError(f"row {number} of the table of notifications: {error}") from error


def _field(line: str) -> MergeField:
    declared, _, source = (part.strip() for part in line.partition("="))
    name, _, type_name = (part.strip() for part in declared.partition(":"))
    path, _, divisor = (part.strip() for part in source.partition("/"))
    return MergeField(name, FieldType(type_name), path, int(divisor or 1))


def _always(moment: Moment) -> tuple[MergeField, ...]:
    brand = MergeField("brand_name", FieldType.TEXT, "ref.brand_display_name")
    creator = MergeField("creator_name", FieldType.TEXT, "ref.creator_display_name")
    title = MergeField("campaign_title", FieldType.TEXT, "ref.campaign_title")
    # An objective belongs to no creator, and a webhook to no campaign.
    named = {"campaign": (title, brand), "webhook": (), "bulk message": (brand, creator)}
    return named.get(moment.about, (title, brand, creator))
