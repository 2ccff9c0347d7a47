"""Rows of a file of creators, read strictly: each wrong column is named with what is wrong, and nothing is guessed.

A row without a sound identity, date or figure is refused: its other values may stand in the wrong place. What describes
the creator or its audience is set aside value by value, and the rest of the row is kept.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from typing import Any, NamedTuple

from entente_chassis.refusal import Invalid, Violation
from entente_matching.domain.creators import Audience, Observation, Share, audience_violations
from entente_matching.domain.reference import Reference, fold
from entente_matching.domain.words import Platform

VALUE_SHOWN = 100
_LARGEST = 1e13


class Reject(NamedTuple):
    """Why a row is not imported, or one of its values is not (then the row is kept)."""

    row: int
    column: str
    value: str
    reason: str
    row_kept: bool = False


@dataclass(frozen=True)
class GoodRow:
    """A row that was understood, and those of its values that were set aside."""

    creator: str
    observation: Observation
    set_aside: tuple[Reject, ...] = ()


class Malformed(ValueError):
    """A value that is not what its column holds; the message says what is wrong."""


_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_WHOLE = re.compile(r"[0-9]+(\.0+)?")
_DECIMAL = re.compile(r"[0-9]+(\.[0-9]+)?")
_LANGUAGE = re.compile(r"[a-z]{2}")
_MONTH_OR_DAY = re.compile(r"(\d{4})-(\d{2})(?:-(\d{2}))?", re.ASCII)
_AGES = re.compile(r"[0-9]{2}(-[0-9]{2}|\+)")
_GENDERS = {"FEMALE", "MALE", "OTHER"}
_DEVICES = {"IOS", "ANDROID", "DESKTOP", "OTHER"}
_YES, _NO = {"true", "yes", "1"}, {"false", "no", "0"}


def _creator(text: str) -> str:
    if not _ID.fullmatch(text):
        raise Malformed("is not an id: lower-case letters, digits and hyphens, 63 at most")
    return text


def _platform(text: str) -> Platform:
    try:
        return Platform(text.upper())
    except ValueError:
        raise Malformed(f"is not one of {', '.join(Platform)}") from None


def _date(text: str) -> datetime:
    found = _MONTH_OR_DAY.fullmatch(text)
    if not found:
        raise Malformed('is not a date such as "2022-06" or "2022-06-30"')
    year, month, day = found.groups()
    try:
        return datetime.combine(date(int(year), int(month), int(day or 1)), time(), UTC)
    except ValueError:
        raise Malformed("is not a day of the calendar") from None


def _number(pattern: re.Pattern[str], what: str) -> Callable[[str], float]:
    def read(text: str) -> float:
        if not pattern.fullmatch(text):
            raise Malformed(f"is not {what}")
        number = float(text)
        if number > _LARGEST:
            raise Malformed("is too large")
        return number

    return read


def _percent(text: str) -> float:
    return _number(_DECIMAL, "a number of 0 or more")(text) / 100


def _fraction(text: str) -> float:
    number = _number(_DECIMAL, "a number from 0 to 1")(text)
    if number > 1:
        raise Malformed("is not a number from 0 to 1")
    return number


def _yes_or_no(text: str) -> bool:
    word = fold(text)
    if word not in _YES | _NO:
        raise Malformed("is neither yes nor no")
    return word in _YES


def _text(text: str) -> str:
    if len(text) > 200:
        raise Malformed("is longer than 200 characters")
    return text


def _language(text: str) -> str:
    if not _LANGUAGE.fullmatch(text):
        raise Malformed('is not a language such as "fr" (ISO 639-1)')
    return text


def _languages(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_language(part) for part in re.split(r"[|;\s]+", text) if part))


class _Readers:
    """What each column holds, and how it is read."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        whole = _number(_WHOLE, "a whole number of 0 or more")
        decimal = _number(_DECIMAL, "a number of 0 or more")
        figures: dict[str, tuple[str, Callable[[str], Any]]] = {
            "followers": ("followers", whole),
            "followees": ("following", whole),
            "posts_total": ("posts", whole),
            "posts_sampled": ("posts_sampled", whole),
            "sponsor_tagged_posts": ("sponsored_posts", whole),
            "avg_views": ("average_views", decimal),
            "median_views": ("median_views", decimal),
            "avg_likes": ("average_likes", decimal),
            "avg_comments": ("average_comments", decimal),
            "avg_shares": ("average_shares", decimal),
            "median_likes": ("median_likes", decimal),
            "median_comments": ("median_comments", decimal),
            "engagement_avg": ("average_engagements", decimal),
            "engagement_authentic": ("authentic_engagements", decimal),
            "engagement_rate_pct": ("engagement_rate", _percent),
        }
        facts: dict[str, tuple[str, Callable[[str], Any]]] = {
            "display_name": ("display_name", _text),
            "country": ("country", self._country),
            "top_geotag_country": ("country", self._country),
            "languages": ("languages", _languages),
            "caption_language": ("languages", _languages),
            "categories": ("categories", lambda text: tuple(re.split(r"\s*[|;]\s*", _text(text)))),
            "category": ("categories", lambda text: (_text(text),)),
            "category_1": ("categories", lambda text: (_text(text),)),
            "category_2": ("categories", lambda text: (_text(text),)),
            "verified": ("verified", _yes_or_no),
        }
        audience: dict[str, tuple[str, Callable[[str], Any]]] = {
            "audience_country": ("main_country", self._country),
            "audience_countries": ("countries", self._shares(self._country)),
            "audience_ages": ("ages", self._shares(_matching(_AGES, 'an age band such as "25-34"'))),
            "audience_genders": ("genders", self._shares(_one_of(_GENDERS))),
            "audience_languages": ("languages", self._shares(_language)),
            "audience_devices": ("devices", self._shares(_one_of(_DEVICES))),
            "audience_active_share": ("active_share", _fraction),
        }
        own: dict[str, tuple[str, Callable[[str], Any]]] = {
            "creator": ("creator", _creator),
            "platform": ("platform", _platform),
            "snapshot": ("at", _date),
            "handle": ("handle", lambda text: _text(text.removeprefix("@"))),
        }
        self.by_column = {
            column: (group, target, read)
            for group, columns in (("own", own), ("figures", figures), ("facts", facts), ("audience", audience))
            for column, (target, read) in columns.items()
        }

    def _country(self, text: str) -> str:
        code = self._reference.countries.code(text)
        if code is None:
            raise Malformed("is not a country")
        return code

    @staticmethod
    def _shares(code: Callable[[str], str]) -> Callable[[str], tuple[Share, ...]]:
        def read(text: str) -> tuple[Share, ...]:
            shares = []
            for part in text.split("|"):
                name, separator, weight = part.strip().partition(":")
                if not separator:
                    raise Malformed('is not a list of codes and shares such as "FR:0.62|BE:0.08"')
                shares.append(Share(code(name.strip()), _fraction(weight.strip())))
            return tuple(shares)

        return read


def _matching(pattern: re.Pattern[str], what: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not pattern.fullmatch(text):
            raise Malformed(f"does not name {what}")
        return text

    return read


def _one_of(words: set[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text.upper() not in words:
            raise Malformed(f"is not one of {', '.join(sorted(words))}")
        return text.upper()

    return read


@dataclass
class _Read:
    """What has been read of a row so far, by what it is of."""

    own: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    audience: dict[str, Any] = field(default_factory=dict)

    def group(self, name: str) -> dict[str, Any]:
        groups: Mapping[str, dict[str, Any]] = {
            "own": self.own, "figures": self.figures, "facts": self.facts, "audience": self.audience
        }  # fmt: skip
        return groups[name]


class RowReader:
    """Reads the rows of one file.

    Args:
        reference: countries and the vocabulary of topics.
        columns: the file's columns, in order.
        default_platform: of the rows, when there is no such column.
        default_snapshot: date of the rows, when there is no such column.
        not_after: no measurement can be later.

    Raises:
        Invalid: columns are unknown, given twice or missing; all are named.
    """

    def __init__(
        self,
        reference: Reference,
        columns: Sequence[str],
        *,
        default_platform: Platform | None,
        default_snapshot: str,
        not_after: datetime,
    ) -> None:
        self._reference = reference
        self._not_after = not_after
        readers = _Readers(reference).by_column
        names = [column.strip().removeprefix("\ufeff") for column in columns]
        violations = [
            Violation("columns", f"{name!r} is given twice") for name in dict.fromkeys(names) if names.count(name) > 1
        ]
        violations += [
            Violation("columns", f"{name!r} is not known: leave it out, or give it one of the documented names")
            for name in dict.fromkeys(names)
            if name not in readers
        ]
        self._defaults: dict[str, Any] = {}
        if default_platform:
            self._defaults["platform"] = default_platform
        if default_snapshot:
            try:
                self._defaults["at"] = _date(default_snapshot)
            except Malformed as error:
                violations.append(Violation("default_snapshot", str(error)))
        given = {"creator": True, "platform": bool(default_platform), "snapshot": bool(default_snapshot)}
        violations += [
            Violation("columns", f"{name!r} is missing", "REQUIRED")
            for name, is_given in given.items()
            if name not in names and (name == "creator" or not is_given)
        ]
        if violations:
            named = "; ".join(violation.description for violation in violations)
            raise Invalid("COLUMNS_INVALID", f"The file cannot be read: {named}.", violations=violations)
        self._columns = [(name, *readers[name]) for name in names]
        self._creator_at = names.index("creator")

    def creator_of(self, values: Sequence[str]) -> str:
        """What stands in the column of the creator, right or wrong."""
        return values[self._creator_at].strip() if self._creator_at < len(values) else ""

    def read(self, row: int, values: Sequence[str]) -> GoodRow | list[Reject]:
        """A row, or all that is wrong with it."""
        if len(values) != len(self._columns):
            return [Reject(row, "", "", f"has {len(values)} values, and there are {len(self._columns)} columns")]
        read = _Read()
        rejects: list[Reject] = []
        set_aside: list[Reject] = []
        read.own.update(self._defaults)
        for (column, group, target, reader), value in zip(self._columns, values, strict=True):
            text = value.strip()
            try:
                if "\ufffd" in text or "\x00" in text:
                    raise Malformed("holds bytes that are not UTF-8 text")
                if not text:
                    continue
                found = reader(text)
            except Malformed as error:
                described = group in ("facts", "audience")
                reject = Reject(row, column, value[:VALUE_SHOWN], str(error), described)
                (set_aside if described else rejects).append(reject)
                continue
            into = read.group(group)
            # category_1 and category_2 make one list, and so do further columns of the same fact.
            into[target] = into[target] + found if isinstance(found, tuple) and target in into else found
        rejects += self._missing(row, read, {reject.column for reject in rejects})
        if rejects:
            return [*rejects, *(reject._replace(row_kept=False) for reject in set_aside)]
        return self._good_row(row, read, set_aside)

    def _missing(self, row: int, read: _Read, rejected: set[str]) -> list[Reject]:
        columns = {"creator": "creator", "platform": "platform", "snapshot": "at"}
        return [
            Reject(row, column, "", "is empty, and it is needed")
            for column, target in columns.items()
            if target not in read.own and column not in rejected
        ]

    def _good_row(self, row: int, read: _Read, set_aside: list[Reject]) -> GoodRow | list[Reject]:
        at: datetime = read.own["at"]
        if at > self._not_after:
            return [Reject(row, "snapshot", at.date().isoformat(), "is in the future")]
        main = read.audience.pop("main_country", "")
        countries = read.audience.get("countries", ())
        if main and not countries:
            read.audience["countries"] = (Share(main),)
        elif main and main not in {share.code for share in countries}:
            set_aside.append(Reject(row, "audience_country", main, "is not among audience_countries", True))
        audience = Audience(**read.audience)
        for violation in audience_violations(audience, ""):
            trait = violation.field.removeprefix(".")
            set_aside.append(Reject(row, f"audience_{trait}", "", violation.description, True))
            audience = replace(audience, **{trait: ()})  # type: ignore[arg-type]
        facts = dict(read.facts)
        if "categories" in facts:
            facts["categories"] = self._reference.vocabulary.words(facts["categories"])
        if "languages" in facts:
            facts["languages"] = tuple(dict.fromkeys(facts["languages"]))
        observation = Observation(
            at=at,
            platform=read.own["platform"],
            figures=read.figures,
            facts=facts,
            handle=read.own.get("handle", ""),
            audience=audience,
        )
        return GoodRow(read.own["creator"], observation, tuple(set_aside))


class UnreadableRows:
    """Rows whose columns are not those of creators: each is refused, with all that is wrong.

    Args:
        violations: what is wrong with the columns.
    """

    def __init__(self, violations: Sequence[Violation]) -> None:
        self._reasons = [violation.description for violation in violations]

    def creator_of(self, values: Sequence[str]) -> str:
        """Nobody's: which column would say so is not known."""
        return ""

    def read(self, row: int, values: Sequence[str]) -> GoodRow | list[Reject]:
        """All that is wrong with the row."""
        return [Reject(row, "", "", reason) for reason in self._reasons]
