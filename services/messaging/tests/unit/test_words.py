"""Occasions in words: every language knows every occasion, and a brand's words reach nothing but their merge fields."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entente.analytics.v1 import service_pb2 as analytics
from entente.campaign.v1 import service_pb2 as campaign
from entente_chassis.refusal import Invalid
from entente_messaging.application.words import LOCALES, Words
from entente_messaging.domain.occasions import Occasion, merge_fields

WORDS = Words()
NAMES = {"campaign_title": "Crème d’été", "brand_name": "Maison Zoë", "creator_name": "Līga Bērziņa"}


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("occasion", list(Occasion))
def test_every_occasion_can_be_said_in_every_language(occasion: Occasion, locale: str) -> None:
    values = dict.fromkeys(merge_fields(occasion), "wort") | {
        name: "2026-03-09T10:00:00Z" for name in merge_fields(occasion) if name.endswith("_date")
    }
    said = WORDS.say(occasion, locale, values | NAMES)
    assert said.title
    assert "Crème d’été" in said.title + said.text
    assert "{" not in said.title + said.text
    WORDS.check(occasion, said.title, said.text)


@pytest.mark.parametrize("locale", LOCALES)
def test_what_is_not_known_leaves_no_hole_in_the_words(locale: str) -> None:
    said = WORDS.say(Occasion.APPLICATION_DECLINED, locale, NAMES)
    assert "None" not in said.text
    assert "::" not in said.text.replace(" ", "")


def test_a_date_is_written_as_the_reader_writes_it_in_the_readers_time_zone() -> None:
    values = NAMES | {"due_date": "2026-03-08T23:30:00Z"}
    assert "09/03/2026" in WORDS.say(Occasion.PUBLICATION_REMINDER, "fr", values, zone="Europe/Paris").text
    assert "8 March 2026" in WORDS.say(Occasion.PUBLICATION_REMINDER, "en", values).text
    assert "09.03.2026." in WORDS.say(Occasion.PUBLICATION_REMINDER, "lv", values, zone="Europe/Riga").text


def test_reasons_are_told_in_the_readers_language() -> None:
    values = NAMES | {"reasons": "AUDIENCE,PRICE,A_NEW_ONE"}
    assert "l’audience recherchée, le prix." in WORDS.say(Occasion.APPLICATION_DECLINED, "fr", values).text
    assert "il pubblico da raggiungere, il prezzo." in WORDS.say(Occasion.APPLICATION_DECLINED, "it", values).text


@pytest.mark.parametrize("locale", LOCALES)
def test_every_reason_and_status_of_the_other_services_has_words_in_every_language(locale: str) -> None:
    reasons = [name.removeprefix("DECLINE_REASON_") for name in campaign.DeclineReason.keys()[1:]]
    for reason in reasons:
        said = WORDS.say(Occasion.APPLICATION_DECLINED, locale, NAMES | {"reasons": reason})
        assert said.text != WORDS.say(Occasion.APPLICATION_DECLINED, locale, NAMES).text, reason
    unsaid = WORDS.say(Occasion.OBJECTIVE_STATUS, locale, NAMES).title
    for status in [name.removeprefix("OBJECTIVE_STATUS_") for name in analytics.ObjectiveStatus.keys()[1:]]:
        assert WORDS.say(Occasion.OBJECTIVE_STATUS, locale, NAMES | {"status": status}).title != unsaid, status


def test_a_language_without_words_falls_back() -> None:
    assert WORDS.language("fr-BE", "en") == "fr"
    assert WORDS.language("de", "lv") == "lv"


@pytest.mark.parametrize(
    ("subject", "body", "field"),
    [
        ("{{ campaign_titel }}", "x", "template.subject"),
        ("x", "{{ tracking_number }}", "template.body"),
        ("x", "{{ brand_name", "template.body"),
        ("x", "{{ brand_name.__class__.__mro__ }}", "template.body"),
        ("x", "{% for x in brand_name %}{{ x }}{% endfor %}", "template.body"),
        ("x", "{{ brand_name * 1000000000 }}", "template.body"),
        ("x", "{{ brand_name|center(1000000000) }}", "template.body"),
        ("x", "{{ range(10) }}", "template.body"),
        ("x", "{% include 'secrets' %}", "template.body"),
    ],
)
def test_a_template_that_cannot_be_used_is_refused_with_the_text_at_fault(subject: str, body: str, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        WORDS.check(Occasion.THANK_YOU, subject, body)
    assert field in [violation.field for violation in refused.value.violations]


def test_every_unknown_merge_field_is_named_at_once_with_those_that_there_are() -> None:
    with pytest.raises(Invalid) as refused:
        WORDS.check(Occasion.THANK_YOU, "{{ a }}", "{{ b }} {% if c %}x{% endif %}")
    assert len(refused.value.violations) == 3
    assert "creator_name" in refused.value.violations[0].description


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=200))
def test_values_are_text_and_never_a_template(value: str) -> None:
    said = WORDS.say(Occasion.CHANGES_REQUESTED, "en", NAMES | {"feedback": value})
    assert value.strip() in said.text or value.strip() == ""
