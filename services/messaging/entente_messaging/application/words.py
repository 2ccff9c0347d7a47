"""Occasions put into words: a brand's own template, or the built-in one of the language."""

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import cache, lru_cache
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import StrictUndefined, TemplateError
from jinja2 import Template as Compiled
from jinja2.sandbox import ImmutableSandboxedEnvironment

from entente_chassis.refusal import Invalid, Violation
from entente_messaging.application import grammar
from entente_messaging.application.table import table
from entente_messaging.domain.moments import FieldType, MergeField
from entente_messaging.domain.notifications import Said
from entente_messaging.domain.occasions import Occasion

LOCALES = ("en", "fr", "it", "lv")
LONGEST = 20_000
"""Characters of a text that was put into words; what is beyond is cut off."""
_LONGEST_SUBJECT = 200
_GAPS = re.compile(r"\n\s*\n\s*\n")
_DATES = {"en": "%-d %B %Y", "fr": "%d/%m/%Y", "it": "%d/%m/%Y", "lv": "%d.%m.%Y."}
_EXAMPLE_DATE = "2026-03-09T10:00:00Z"
_EXAMPLES = {FieldType.NUMBER: "84", FieldType.DATE: _EXAMPLE_DATE, FieldType.URL: "https://example.org/p/1"}


class _Words(tuple[str, ...]):
    """Several words, shown with commas."""

    def __str__(self) -> str:
        return ", ".join(self)


class _Lines(tuple[str, ...]):
    """Several lines, shown as a list."""

    def __str__(self) -> str:
        return "\n".join(f"- {line}" for line in self)


@dataclass(frozen=True)
class Source:
    """A brand's words, and their name for the records."""

    subject: str
    body: str
    name: str = ""


class Words:
    """Renders templates in a sandbox: a brand's words can use the merge fields of their occasion, conditions, loops
    over lists and a few filters, and reach nothing else."""

    def __init__(self) -> None:
        self._environment = ImmutableSandboxedEnvironment(
            undefined=StrictUndefined,
            autoescape=False,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=lambda value: "" if value is None else value,
        )
        self._environment.filters = dict(grammar.FUNCTIONS)
        self._environment.globals.clear()
        self._compiled = lru_cache(maxsize=500)(self._environment.from_string)

    def language(self, locale: str, default: str) -> str:
        """The language to write in: that of the locale if there are words in it."""
        language = locale.partition("-")[0]
        return language if language in LOCALES else default

    def say(
        self,
        occasion: Occasion,
        language: str,
        values: Mapping[str, str],
        *,
        own: Source | None = None,
        zone: str = "",
    ) -> Said:
        """Put an occasion into words.

        Args:
            occasion: what it is.
            language: one of ``LOCALES``, or that of ``own``.
            values: the merge fields as an event's handler keeps them; what is missing is empty.
            own: a brand's own words.
            zone: the reader's time zone; UTC without.
        """
        built_in = self.language(language, "en")
        fields = table().fields(occasion)
        shown = {name: _shown(field, values.get(name, ""), built_in, zone) for name, field in fields.items()}
        if own is not None:
            return Said(language, self._line(own.subject, shown), self._render(own.body, shown), own.name)
        subject, body = locale_words(built_in)["occasions"][occasion.value]
        return Said(built_in, self._line(subject, shown), self._render(body, shown), f"built-in/{built_in}")

    def check(self, occasion: Occasion, subject: str, body: str) -> None:
        """Refuse a template that cannot be rendered, or uses what is not there or does not fit its type.

        Raises:
            Invalid: names all that is wrong, where, and what to do.
        """
        fields = table().fields(occasion)
        violations: list[Violation] = []
        for path, text in (("template.subject", subject), ("template.body", body)):
            try:
                problems = grammar.problems(self._environment.parse(text), fields)
            except TemplateError as error:
                line = getattr(error, "lineno", 1)
                problems = [grammar.Problem(line, f"cannot be read: {error.message}")]
            violations += [Violation(path, f"line {p.line}: {p.what}", p.reason) for p in problems]
        if violations:
            raise Invalid("TEMPLATE_INVALID", "The template cannot be used as it is.", violations=violations)
        for values in (examples(occasion), {}):
            self._try(occasion, subject, body, values)

    def _try(self, occasion: Occasion, subject: str, body: str, values: Mapping[str, str]) -> None:
        for path, source in (("template.subject", Source(subject, "")), ("template.body", Source("", body))):
            try:
                said = self.say(occasion, "en", values, own=source)
            except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
                what = "when every value is there" if values else "when the optional values are missing"
                described = f"cannot be rendered {what}: ask with {{% if … %}} first ({type(error).__name__})"
                raise Invalid(
                    "TEMPLATE_INVALID", "The template cannot be used.", violations=[Violation(path, described)]
                ) from error
            if values and not (said.title or said.text):
                described = "says nothing"
                raise Invalid(
                    "TEMPLATE_INVALID", "The template cannot be used.", violations=[Violation(path, described)]
                )

    def _line(self, text: str, values: Mapping[str, Any]) -> str:
        """One line: a line break in a subject would begin another header of the e-mail."""
        shown = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in self._render(text, values))
        return " ".join(shown.split())[:_LONGEST_SUBJECT]

    def _render(self, text: str, values: Mapping[str, Any]) -> str:
        template: Compiled = self._compiled(text)
        parts: list[str] = []
        length = 0
        for part in template.generate(values):
            parts.append(part)
            length += len(part)
            if length >= LONGEST:  # A loop in a loop is refused, and yet one list of long lines can be long.
                break
        return _GAPS.sub("\n\n", "".join(parts).strip())[:LONGEST]


def examples(occasion: Occasion) -> dict[str, str]:
    """A value of every merge field of an occasion, as an event's handler keeps them."""
    names = {"campaign_title": "Rituel du soir", "brand_name": "Maison Lune", "creator_name": "Ana"}
    return {
        name: names.get(name) or _EXAMPLES.get(field.type) or _example_word(field)
        for name, field in table().fields(occasion).items()
    }


@cache
def locale_words(language: str) -> dict[str, dict[str, Any]]:
    """The words of a language: of occasions, of codes, and around an e-mail."""
    text = resources.files("entente_messaging").joinpath("locales", f"{language}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _example_word(field: MergeField) -> str:
    if field.type in (FieldType.WORD, FieldType.WORDS):
        return next(iter(locale_words("en")[field.name]))
    return f"({field.name})"


def _shown(field: MergeField, value: str, language: str, zone: str) -> Any:
    if field.type is FieldType.NUMBER:
        return int(value) if value else None
    if field.type is FieldType.DATE:
        at: tzinfo = ZoneInfo(zone or "UTC")
        return datetime.fromisoformat(value).astimezone(at).strftime(_DATES[language]) if value else ""
    if field.type is FieldType.LINES:
        return _Lines(line for line in value.split("\n") if line.strip())
    if field.type in (FieldType.WORD, FieldType.WORDS):
        words = locale_words(language)[field.name]
        known = _Words(words[code] for code in value.split(",") if code in words)
        return known if field.type is FieldType.WORDS else str(known)
    return value
