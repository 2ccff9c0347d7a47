"""Occasions put into words: a brand's own template, or the built-in one of the language."""

import tomllib
from collections.abc import Mapping
from datetime import datetime, tzinfo
from functools import cache
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import StrictUndefined, TemplateError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from entente_chassis.refusal import Invalid, Violation
from entente_messaging.domain.notifications import Said
from entente_messaging.domain.occasions import Occasion, merge_fields
from entente_messaging.domain.templates import refuse_unknown_fields

LOCALES = ("en", "fr", "it", "lv")
_DATES = {"en": "%-d %B %Y", "fr": "%d/%m/%Y", "it": "%d/%m/%Y", "lv": "%d.%m.%Y."}
_LONGEST = 20_000
_FILTERS = {"capitalize", "lower", "title", "trim", "upper"}
_NODES = (
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.If,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
)


class Words:
    """Renders templates in a sandbox: a brand's words can use merge fields and conditions, and reach nothing else."""

    def __init__(self) -> None:
        self._environment = ImmutableSandboxedEnvironment(
            undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True
        )

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
        own: tuple[str, str] | None = None,
        zone: str = "",
    ) -> Said:
        """Put an occasion into words.

        Args:
            occasion: what it is.
            language: one of ``LOCALES``, or that of ``own``.
            values: the merge fields; what is missing is empty. Fields that end in "_date" are RFC 3339.
            own: a brand's own subject and body.
            zone: the reader's time zone; UTC without.
        """
        built_in = language if language in LOCALES else "en"
        subject, body = own or _built_in(built_in)["occasions"][occasion.value]
        known = dict.fromkeys(merge_fields(occasion), "")
        shown = known | {name: _shown(name, value, built_in, zone) for name, value in values.items() if name in known}
        return Said(language, " ".join(self._render(subject, shown).split()), self._render(body, shown))

    def check(self, occasion: Occasion, subject: str, body: str) -> None:
        """Refuse a template that cannot be rendered or uses what is not there.

        Raises:
            Invalid: names the text at fault and what to do.
        """
        used: list[tuple[str, str]] = []
        for path, text in (("template.subject", subject), ("template.body", body)):
            try:
                parsed = self._environment.parse(text)
                used += [(path, name.name) for name in parsed.find_all(nodes.Name) if name.ctx == "load"]
                if any(not _is_allowed(node) for node in parsed.find_all(nodes.Node)):
                    raise _unusable(path, "may use merge fields and conditions, and nothing else")
            except TemplateError as error:
                raise _unusable(path, f"cannot be read: {error.message}") from error
        refuse_unknown_fields(occasion, used)
        sample = dict.fromkeys(merge_fields(occasion), "x")
        for path, text in (("template.subject", subject), ("template.body", body)):
            try:
                self._render(text, sample)
            except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
                raise _unusable(path, f"cannot be rendered: {type(error).__name__}") from error

    def _render(self, text: str, values: Mapping[str, str]) -> str:
        return self._environment.from_string(text).render(values).strip()[:_LONGEST]


def _is_allowed(node: nodes.Node) -> bool:
    # A loop, a call, arithmetic or a filter with arguments could fill the memory with a few letters.
    if isinstance(node, nodes.Filter):
        return node.name in _FILTERS and not node.args and not node.kwargs
    return isinstance(node, _NODES)


def _unusable(path: str, why: str) -> Invalid:
    return Invalid("TEMPLATE_INVALID", "The template cannot be used.", violations=[Violation(path, why)])


@cache
def _built_in(language: str) -> dict[str, dict[str, Any]]:
    text = resources.files("entente_messaging").joinpath("locales", f"{language}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _shown(name: str, value: str, language: str, zone: str) -> str:
    if not value:
        return ""
    if name.endswith("_date"):
        at: tzinfo = ZoneInfo(zone or "UTC")
        return datetime.fromisoformat(value).astimezone(at).strftime(_DATES[language])
    if name in ("reasons", "status"):
        words = _built_in(language)[name]
        return ", ".join(words[code] for code in value.split(",") if code in words)
    return value
