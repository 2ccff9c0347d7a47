"""Clicks: whose count, and that none counts twice."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entente_analytics.domain.clicks import (
    Click,
    ClickIds,
    DayVisitors,
    Verdict,
    automatic,
    visitor_mark,
)
from entente_analytics.domain.links import Destination, Owner, TrackedLink, Utm, new_link
from entente_analytics.domain.rollups import Bucket, count_clicks, new_bucket
from entente_chassis.refusal import Invalid

NOW = datetime(2026, 3, 10, 12, 0, 0, 123000, tzinfo=UTC)
OWNER = Owner("brands/b", "campaigns/c", "campaigns/c/collaborations/x", "creators/x")
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Instagram 310.0"


def test_a_click_id_says_its_link_and_time() -> None:
    ids = ClickIds(b"k" * 32)

    assert ids.read(ids.make("abc123", NOW, "19a")) == ("abc123", NOW)


@given(st.text(max_size=60))
def test_a_click_id_that_was_not_made_here_is_not_read(text: str) -> None:
    assert ClickIds(b"k" * 32).read(text) is None


def test_an_altered_click_id_is_not_read() -> None:
    made = ClickIds(b"k" * 32).make("abc123", NOW, "19a")

    assert ClickIds(b"k" * 32).read(made.replace("abc123", "abc124")) is None
    assert ClickIds(b"o" * 32).read(made) is None


@pytest.mark.parametrize(
    ("method", "user_agent", "purpose", "why"),
    [
        ("GET", PHONE, "", None),
        ("GET", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36", "", None),
        ("GET", "Mozilla/5.0 (Linux; Android 9; CUBOT X19) AppleWebKit/537.36 Mobile Safari/537.36", "", None),
        ("HEAD", PHONE, "", Verdict.PROBE),
        ("GET", PHONE, "prefetch;prerender", Verdict.PREFETCH),
        ("GET", "", "", Verdict.PROBE),
        ("GET", "facebookexternalhit/1.1", "", Verdict.PREVIEW),
        ("GET", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "", Verdict.BOT),
        ("GET", "WhatsApp/2.23", "", Verdict.PREVIEW),
        ("GET", "python-requests/2.32", "", Verdict.BOT),
    ],
)
def test_programs_are_told_from_people(method: str, user_agent: str, purpose: str, why: Verdict | None) -> None:
    assert automatic(method, user_agent, purpose) is why


def test_a_visitor_is_new_once_a_day_and_link() -> None:
    visitors = DayVisitors(10)
    mark = visitor_mark(b"salt", "trackedLinks/a", "192.0.2.1", PHONE)

    assert visitors.is_new("2026-03-10", mark)
    assert not visitors.is_new("2026-03-10", mark)
    assert visitors.is_new("2026-03-10", visitor_mark(b"salt", "trackedLinks/b", "192.0.2.1", PHONE))
    assert visitors.is_new("2026-03-11", mark)


def test_the_memory_of_visitors_is_bounded() -> None:
    visitors = DayVisitors(3)
    for number in range(10):
        visitors.is_new("2026-03-10", bytes([number]))

    assert not visitors.is_new("2026-03-10", bytes([9]))
    assert visitors.is_new("2026-03-10", bytes([0]))


VERDICTS = st.sampled_from(list(Verdict))


@given(st.lists(st.tuples(st.sampled_from(["p", "q"]), VERDICTS), max_size=30), st.randoms(use_true_random=False))
def test_repeated_and_interleaved_deliveries_count_each_click_once(
    clicks: list[tuple[str, Verdict]], random: Random
) -> None:
    numbers = {"p": 0, "q": 0}
    streams: dict[str, list[Click]] = {"p": [], "q": []}
    for incarnation, verdict in clicks:
        numbers[incarnation] += 1
        streams[incarnation].append(Click("trackedLinks/a", incarnation, numbers[incarnation], NOW, verdict))
    # Only first occurrences are ordered, per process: each stream may jump back at any point and go on from there.
    delivered: list[Click] = []
    at = {"p": 0, "q": 0}
    while any(at[name] < len(streams[name]) for name in streams):
        name = random.choice([name for name in streams if at[name] < len(streams[name])])
        delivered.append(streams[name][at[name]])
        at[name] += 1
        if random.random() < 0.3:
            again = random.randrange(at[name])
            delivered += streams[name][again : at[name]]

    bucket: Bucket = new_bucket(OWNER, "2026-03-10")
    while delivered:
        together = random.randint(1, 4)
        bucket = count_clicks(bucket, delivered[:together]) or bucket
        del delivered[:together]

    told = [verdict for _, verdict in clicks]
    by_verdict = bucket.all_clicks.by_verdict
    assert {verdict: by_verdict.get(verdict.value, 0) for verdict in Verdict} == {
        verdict: told.count(verdict) for verdict in Verdict
    }


def test_a_click_lands_on_the_destination_with_utm_and_click_id_and_what_was_there() -> None:
    link = new_link(
        "abc123",
        replace(OWNER, platform="INSTAGRAM"),
        Destination("https://shop.example/p?id=7&utm_source=old&q=a%20b#top"),
        Utm(term="été"),
        timedelta(0),
        NOW,
    )

    assert link.landing_url("abc123.1.2.x") == (
        "https://shop.example/p?id=7&q=a+b&utm_source=instagram&utm_medium=influencer&utm_campaign=c"
        "&utm_term=%C3%A9t%C3%A9&utm_content=abc123&entente_click=abc123.1.2.x#top"
    )
    assert link.window == timedelta(days=30)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "https://user:pass@shop.example/",
        "https:///p",
        "ftp://a.example",
        "https://shop.example\\@evil.example/",
        "https://shop.example/\r\nSet-Cookie: a=b",
        "//evil.example",
        "https://[::1/",
    ],
)
def test_a_destination_that_is_no_page_is_refused(url: str) -> None:
    with pytest.raises(Invalid):
        new_link("abc123", OWNER, Destination(url), Utm(), timedelta(0), NOW)


def test_a_device_with_the_app_is_sent_to_it_and_others_to_the_page() -> None:
    apps = Destination("https://shop.example/p", "maison://product/7?ref=a", "https://app.shop.example/p")
    link = new_link("abc123", OWNER, apps, Utm(), timedelta(0), NOW)

    assert link.landing_url("c", PHONE).startswith("maison://product/7?ref=a&utm_source=creator")
    assert link.landing_url("c", "Mozilla/5.0 (Linux; Android 14)").startswith("https://app.shop.example/p?utm_")
    assert link.landing_url("c", "Mozilla/5.0 (X11; Linux x86_64)").startswith("https://shop.example/p?utm_")


@pytest.mark.parametrize("field", ["ios_url", "android_url"])
@pytest.mark.parametrize("url", ["javascript:alert(1)", "intent", "data:text/html,x"])
def test_what_no_app_opens_is_refused_and_its_field_named(field: str, url: str) -> None:
    with pytest.raises(Invalid) as refusal:
        new_link("a123", OWNER, Destination("https://s.example", **{field: url}), Utm(), timedelta(0), NOW)

    assert [violation.field for violation in refusal.value.violations] == [f"tracked_link.{field}"]


def test_a_link_is_named_by_its_code() -> None:
    link = TrackedLink("abc123", OWNER, Destination("https://shop.example"), Utm(), timedelta(days=1), NOW)

    assert (link.name, link.short_url("https://go.example/")) == ("trackedLinks/abc123", "https://go.example/r/abc123")
