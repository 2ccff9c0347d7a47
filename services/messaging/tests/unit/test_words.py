"""Occasions in words: every language knows every occasion, and a brand's words reach nothing but their merge fields."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entente.analytics.v1 import service_pb2 as analytics
from entente.campaign.v1 import service_pb2 as campaign
from entente_chassis.refusal import Invalid
from entente_messaging import notifications_page
from entente_messaging.application.table import table
from entente_messaging.application.words import LOCALES, Source, Words, examples, locale_words
from entente_messaging.domain.moments import FieldType
from entente_messaging.domain.occasions import Occasion

WORDS = Words()
NAMES = {"campaign_title": "Crème d’été", "brand_name": "Maison Zoë", "creator_name": "Līga Bērziņa"}


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("occasion", list(Occasion))
def test_every_occasion_can_be_said_in_every_language(occasion: Occasion, locale: str) -> None:
    said = WORDS.say(occasion, locale, examples(occasion) | NAMES)
    assert said.title
    assert "{" not in said.title + said.text
    if "campaign_title" in table().fields(occasion):
        assert "Crème d’été" in said.title + said.text
    subject, body = locale_words(locale)["occasions"][occasion.value]
    WORDS.check(occasion, subject, body)


@pytest.mark.parametrize("locale", LOCALES)
def test_what_is_not_known_leaves_no_hole_in_the_words(locale: str) -> None:
    said = WORDS.say(Occasion.APPLICATION_DECLINED, locale, NAMES)
    assert "None" not in said.text
    assert "::" not in said.text.replace(" ", "")
    assert "\n\n\n" not in said.text


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


@pytest.mark.parametrize(
    ("occasion", "body"),
    [
        (Occasion.SUBMISSION_RECEIVED, "{{ compliance_percent|upper }}"),
        (Occasion.SUBMISSION_RECEIVED, "{% if compliance_percent > creator_name %}x{% endif %}"),
        (Occasion.SUBMISSION_RECEIVED, "{% if due_date == 3 %}x{% endif %}"),
        (Occasion.SUBMISSION_RECEIVED, "{% for day in due_date %}{{ day }}{% endfor %}"),
        (Occasion.CHANGES_REQUESTED, "{% for a in feedback %}{% for b in feedback %}{{ b }}{% endfor %}{% endfor %}"),
        (Occasion.CHANGES_REQUESTED, "{{ feedback|title }}"),
        (Occasion.SUBMISSION_RECEIVED, "{% if compliance_percent > 80 %}good{% endif %}"),  # It may be missing.
    ],
)
def test_a_value_can_only_be_used_as_what_the_moment_provides(occasion: Occasion, body: str) -> None:
    with pytest.raises(Invalid) as refused:
        WORDS.check(occasion, "x", body)
    assert refused.value.violations[0].field == "template.body"


def test_words_can_ask_for_numbers_and_go_over_lists() -> None:
    body = (
        "{% if compliance_percent and compliance_percent >= 80 %}Presque parfait{% else %}À revoir{% endif %} "
        "{{ campaign_title|upper }}"
    )
    WORDS.check(Occasion.SUBMISSION_RECEIVED, "x", body)
    values = NAMES | {"compliance_percent": "84"}
    said = WORDS.say(Occasion.SUBMISSION_RECEIVED, "fr", values, own=Source("x", body))
    assert said.text == "Presque parfait CRÈME D’ÉTÉ"
    listed = "{{ feedback|count }} : {% for one in feedback %}[{{ one }}]{% endfor %}"
    WORDS.check(Occasion.CHANGES_REQUESTED, "x", listed)
    said = WORDS.say(
        Occasion.CHANGES_REQUESTED, "fr", NAMES | {"feedback": "le hashtag\nla mention"}, own=Source("x", listed)
    )
    assert said.text == "2 : [le hashtag][la mention]"


def test_what_words_make_of_a_list_is_bounded() -> None:
    body = "{% for one in feedback %}" + "x" * 900 + "{{ one }}{% endfor %}"
    WORDS.check(Occasion.CHANGES_REQUESTED, "x", body)
    feedback = "\n".join("y" * 1000 for _ in range(10_000))
    assert (
        len(WORDS.say(Occasion.CHANGES_REQUESTED, "en", {"feedback": feedback}, own=Source("x", body)).text) <= 20_000
    )


@pytest.mark.parametrize("name", ["Ann\r\nBcc: all@example.org", "Ann\x0bX: y", "Ann\u2028X: y", "Ann\x00"])
def test_a_subject_is_one_line_whatever_a_name_holds(name: str) -> None:
    title = WORDS.say(Occasion.APPLICATION_RECEIVED, "en", NAMES | {"creator_name": name}).title
    assert title.isprintable()


def test_the_same_fields_have_words_for_every_code_in_every_language() -> None:
    coded = {
        name
        for occasion in Occasion
        for name, field in table().fields(occasion).items()
        if field.type in (FieldType.WORD, FieldType.WORDS)
    }
    for name in coded:
        assert {frozenset(locale_words(locale)[name]) for locale in LOCALES} == {frozenset(locale_words("en")[name])}


def test_every_unknown_merge_field_is_named_at_once_with_those_that_there_are() -> None:
    with pytest.raises(Invalid) as refused:
        WORDS.check(Occasion.THANK_YOU, "{{ a }}", "{{ b }} {% if c %}x{% endif %}")
    assert len(refused.value.violations) == 3
    assert "creator_name" in refused.value.violations[0].description


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=200))
def test_values_are_text_and_never_a_template(value: str) -> None:
    said = WORDS.say(Occasion.CHANGES_REQUESTED, "en", NAMES | {"comment": value})
    assert value.strip() in said.text or value.strip() == ""


def test_the_page_of_notifications_is_what_the_table_says() -> None:
    assert notifications_page.main(["--check"]) == 0, "run `make notifications`"
