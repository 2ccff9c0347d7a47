"""Options of the commands that look for creators, as a filter and as a brief."""

import functools
import inspect
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from google.protobuf.json_format import ParseDict, ParseError

from entente.matching.v1.service_pb2 import AudienceDimension, AudienceShareFilter, CreatorFilter, MatchBrief
from entente.type.v1.type_pb2 import Money, Platform, TargetAudience
from entente_cli.errors import CommandError

_SHARE = re.compile(r"^(?:(country|age|gender|language|device|type):)?([^<>=]+)(>=|<=|=)([0-9.]+)%?$")
_MONEY = re.compile(r"^([0-9]+)(?:\.([0-9]{2}))? ?([A-Z]{3})$")


def filter_of(
    *,
    platform: Annotated[list[str] | None, typer.Option(help="instagram, tiktok, youtube …; may be repeated.")] = None,
    country: Annotated[list[str] | None, typer.Option(help="Where the creator lives, ISO code.")] = None,
    audience_country: Annotated[
        list[str] | None, typer.Option(help="Largest country of the audience, ISO code.")
    ] = None,
    audience: Annotated[
        list[str] | None,
        typer.Option(
            "--audience",
            "--audience-share",
            help='Share of the audience: "FR,BE>=0.4", "gender:FEMALE>=0.5", "type:SUSPICIOUS<=0.1".',
        ),
    ] = None,
    category: Annotated[list[str] | None, typer.Option(help="What the creator talks about.")] = None,
    language: Annotated[list[str] | None, typer.Option(help="Language of the creator, ISO code.")] = None,
    tier: Annotated[list[str] | None, typer.Option(help="nano, micro, macro or mega.")] = None,
    min_followers: Annotated[int | None, typer.Option(min=0)] = None,
    max_followers: Annotated[int | None, typer.Option(min=0)] = None,
    min_engagement: Annotated[float | None, typer.Option(min=0, help="Least engagement rate in percent.")] = None,
    max_engagement: Annotated[float | None, typer.Option(min=0, help="Greatest engagement rate in percent.")] = None,
    min_authenticity: Annotated[int | None, typer.Option(min=0, max=100)] = None,
    max_price: Annotated[str, typer.Option(help='Most that the creator may ask, "500.00 EUR".')] = "",
    available_on: Annotated[str, typer.Option(help='A day on which the creator takes work, "2026-03-01".')] = "",
    active_since: Annotated[str, typer.Option(help='Last active on this day or later, "2026-03-01".')] = "",
    verified: Annotated[bool | None, typer.Option("--verified/--not-verified")] = None,
    text: Annotated[str, typer.Option(help="Words that begin words of the name, bio or categories.")] = "",
    filter_json: Annotated[
        str, typer.Option("--filter", help="A CreatorFilter as JSON, or a file of it: all_of, any_of, none_of.")
    ] = "",
) -> CreatorFilter:
    """The filter that the options ask for."""
    wanted = CreatorFilter(
        platforms=[required_platform(name) for name in platform or ()],
        countries=[code.upper() for code in country or ()],
        main_audience_countries=[code.upper() for code in audience_country or ()],
        categories=category or (),
        languages=[code.lower() for code in language or ()],
        tiers=tier or (),
        min_followers=min_followers,
        max_followers=max_followers,
        min_engagement_rate=None if min_engagement is None else min_engagement / 100,
        max_engagement_rate=None if max_engagement is None else max_engagement / 100,
        min_authenticity=min_authenticity,
        max_price=money(max_price) if max_price else None,
        available_on=available_on,
        verified=verified,
        text=text,
        audience=[_share(each) for each in audience or ()],
    )
    if active_since:
        wanted.active_since.FromDatetime(_day(active_since))
    if filter_json:
        wanted.all_of.append(_read_filter(filter_json))
    return wanted


def brief_of(
    *,
    target_country: Annotated[list[str] | None, typer.Option(help="Score against this country.")] = None,
    target_age: Annotated[list[str] | None, typer.Option(help='Score against this age band, "25-34".')] = None,
    target_gender: Annotated[list[str] | None, typer.Option(help="Score against this gender.")] = None,
    target_language: Annotated[list[str] | None, typer.Option(help="Score against this language.")] = None,
    interest: Annotated[list[str] | None, typer.Option(help="Score against this interest.")] = None,
    budget: Annotated[str, typer.Option(help='What one creator may cost, "500.00 EUR".')] = "",
) -> MatchBrief | None:
    """The brief that the options describe; nothing when they describe none."""
    if not any((target_country, target_age, target_gender, target_language, interest, budget)):
        return None
    target = TargetAudience(
        countries=[code.upper() for code in target_country or ()],
        ages=target_age or (),
        genders=[gender.upper() for gender in target_gender or ()],
        languages=[code.lower() for code in target_language or ()],
        interests=interest or (),
    )
    return MatchBrief(target_audience=target, budget=money(budget) if budget else None)


def with_options(**makers: Callable[..., Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of other functions; it gets what they make of them, by the names given here."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        options = {name: inspect.signature(make).parameters for name, make in makers.items()}

        @functools.wraps(command)
        def run(**given: Any) -> None:
            made = {
                name: make(**{option: given.pop(option) for option in options[name]}) for name, make in makers.items()
            }
            command(**given, **made)

        own = [each for name, each in inspect.signature(command).parameters.items() if name not in makers]
        every = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own]
        every += [each for parameters in options.values() for each in parameters.values()]
        run.__signature__ = inspect.Signature(every)  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in every}
        return run

    return decorate


def required_platform(name: str) -> "Platform.ValueType":
    """A platform by its name."""
    known = {full.removeprefix("PLATFORM_").lower(): value for full, value in Platform.items() if value}
    if name.lower() not in known:
        raise CommandError(f"There is no platform {name!r}: it is one of {', '.join(known)}.")
    return known[name.lower()]


def money(text: str) -> Money:
    """An amount with two decimal places and its currency."""
    found = _MONEY.match(text.upper())
    if not found:
        raise CommandError(f"{text!r} is not an amount: write it like “500.00 EUR”.")
    whole, cents, currency = found.groups()
    return Money(currency_code=currency, minor_units=int(whole) * 100 + int(cents or 0))


def _share(text: str) -> AudienceShareFilter:
    found = _SHARE.match(text.strip())
    try:
        if not found:
            raise ValueError
        dimension, codes, relation, number = found.groups()
        share = float(number) / (100 if text.strip().endswith("%") else 1)
    except ValueError:
        raise CommandError(
            f"{text!r} is no share of the audience: write it like FR=0.4, gender:FEMALE>=0.5, type:SUSPICIOUS<=0.1."
        ) from None
    dimension = dimension or "country"
    cased = codes.lower() if dimension == "language" else codes.upper()
    return AudienceShareFilter(
        dimension=AudienceDimension.Value(f"AUDIENCE_DIMENSION_{dimension.upper()}"),
        codes=[code.strip() for code in cased.split(",")],
        min_share=0 if relation == "<=" else share,
        max_share=share if relation == "<=" else None,
    )


def _day(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        raise CommandError(f"{text!r} is not a day: write it like 2026-03-01.") from None


def _read_filter(given: str) -> CreatorFilter:
    path = Path(given)
    try:
        text = given if given.lstrip().startswith("{") else path.read_text(encoding="utf-8")
        return ParseDict(json.loads(text), CreatorFilter())
    except OSError as error:
        raise CommandError(f"--filter: {given} is no JSON, and no file: {error.strerror}.") from None
    except (ValueError, ParseError) as error:
        raise CommandError(f"--filter: {error}") from None
