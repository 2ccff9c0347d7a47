"""A submission is checked against every part of its brief, with evidence and advice for each."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entente_review.adapters.rules import load_rules
from entente_review.domain.brief import AudienceShare, Brief, MandatoryElement, markets_of
from entente_review.domain.checks import check
from entente_review.domain.content import Content
from entente_review.domain.criteria import Criterion, CriterionKind, Result, compliance_percent

RULES = load_rules()
BRIEF = Brief(
    revision=3,
    brand_name="Maison Lune",
    product="Sérum Aurore",
    hashtags=("RituelLune", "beauté"),
    mentions=("maisonlune",),
    mandatory_elements=(
        MandatoryElement("vegan", "Say that the serum is vegan", ("vegan", "végane")),
        MandatoryElement("texture", "Show the texture on the skin"),
    ),
    forbidden_terms=("miracle", "anti-âge"),
    competitors=("Soleil Noir",),
    link="https://lune.example/serum",
    promo_code="LUNE10",
    languages=("fr",),
    markets=("FR",),
    compensation="GIFTED",
)
CAPTION = (
    "Collaboration commerciale avec @maisonlune ✨\n"
    "Le Sérum Aurore est dans ma routine du soir depuis deux semaines et je suis conquise : il est végane et "
    "très doux. "
    "Avec le code LUNE10, c'est par ici : https://lune.example/serum?from=me #RituelLune #beauté"
)
CONTENT = Content(caption=CAPTION, language="fr", media=("https://files.example/1.jpg",))


def results(caption: str = CAPTION, brief: Brief = BRIEF, **changes: object) -> dict[str, Criterion]:
    content = replace(CONTENT, caption=caption, **changes)  # type: ignore[arg-type]
    criteria = check(content, brief=brief, markets=brief.markets, platform="INSTAGRAM", kind="POST", rules=RULES)
    return {criterion.id: criterion for criterion in criteria}


def test_a_caption_that_meets_the_brief_passes_all_that_a_machine_can_tell() -> None:
    assert {name: entry.result for name, entry in results().items() if entry.result is not Result.PASS} == {
        "mandatory-texture": Result.NEEDS_PERSON
    }


@pytest.mark.parametrize(
    ("old", "new", "criterion", "result"),
    [
        ("Collaboration commerciale avec", "Merci à", "disclosure-fr", Result.FAIL),
        ("#RituelLune", "", "hashtags", Result.FAIL),
        ("#RituelLune", "#RITUELLUNE", "hashtags", Result.PASS),
        ("#beauté", "#beaute", "hashtags", Result.FAIL),
        ("#beauté", "#beau\u200bté", "hashtags", Result.FAIL),
        (" #beauté", "#beauté", "hashtags", Result.NEEDS_PERSON),
        ("@maisonlune", "@maisonlunes", "mentions", Result.FAIL),
        ("@maisonlune", "@MaisonLune", "mentions", Result.PASS),
        ("Sérum Aurore", "serum aurore", "product", Result.PASS),
        ("Sérum Aurore", "sérum", "product", Result.NEEDS_PERSON),
        ("Sérum Aurore", "produit", "product", Result.FAIL),
        ("végane", "léger", "mandatory-vegan", Result.FAIL),
        ("très doux", "un vrai MIRACLE", "forbidden-terms", Result.FAIL),
        ("très doux", "anti-age", "forbidden-terms", Result.FAIL),
        ("très doux", "m\u0456racle", "forbidden-terms", Result.NEEDS_PERSON),
        ("#beauté", "#beauté #miracleserum", "forbidden-terms", Result.NEEDS_PERSON),
        ("très doux", "mieux que Soleil noir", "competitors", Result.FAIL),
        ("#beauté", "#beauté @soleilnoir", "competitors", Result.FAIL),
        ("https://lune.example/serum?from=me", "https://lune.example/serums", "link", Result.FAIL),
        ("https://lune.example/serum?from=me", "www.lune.example/serum/", "link", Result.PASS),
        ("LUNE10", "LUNE100", "promo-code", Result.FAIL),
        ("LUNE10", "lune10", "promo-code", Result.PASS),
    ],
)
def test_each_part_of_the_brief_is_checked(old: str, new: str, criterion: str, result: Result) -> None:
    assert old in CAPTION
    found = results(CAPTION.replace(old, new))[criterion]
    assert found.result is result, found
    assert bool(found.advice) == (result is not Result.PASS)


def test_a_caption_in_another_language_fails_and_an_unclear_one_needs_a_person() -> None:
    english = "I have been using this for two weeks and it is just so good for my skin, you really have to try it"
    assert results(english)["language"].result is Result.FAIL
    assert results("Sérum Aurore ✨ #RituelLune")["language"].result is Result.NEEDS_PERSON
    assert results(language="it")["language"].result is Result.NEEDS_PERSON


def test_without_media_or_with_too_long_a_caption_it_fails() -> None:
    assert results(media=())["media"].result is Result.FAIL
    assert results("a" * 2201)["length"].result is Result.FAIL
    assert results("")["length"].result is Result.FAIL


def test_what_the_brief_does_not_ask_for_is_not_a_criterion() -> None:
    bare = Brief(revision=1, brand_name="Maison Lune", markets=("FR",))
    assert set(results(brief=bare)) == {"disclosure-fr", "media", "length"}


def test_every_market_of_the_audience_has_its_own_criterion_with_its_rules_version() -> None:
    found = results(brief=replace(BRIEF, markets=("FR", "LV", "BR")))
    assert found["disclosure-fr"].rule_version == RULES.markets["FR"].version
    assert found["disclosure-lv"].result is Result.FAIL
    assert found["disclosure-br"].result is Result.NEEDS_PERSON
    assert found["disclosure-br"].rule_version == ""


def test_without_any_known_market_the_disclosure_needs_a_person() -> None:
    assert results(brief=replace(BRIEF, markets=()))["disclosure"].result is Result.NEEDS_PERSON


def test_markets_are_the_campaigns_the_main_ones_of_the_audience_and_those_declared() -> None:
    audience = (
        AudienceShare("IT", 0.4),
        AudienceShare("US", 0.05),
        AudienceShare("IN", None),
        AudienceShare("FR", 0.5),
    )
    assert markets_of(BRIEF, ("UK",), audience, 0.2) == ("FR", "IT", "IN", "GB")


def test_compliance_is_passed_weight_over_total_weight_rounded_down() -> None:
    def one(weight: int, result: Result) -> Criterion:
        return Criterion(f"{weight}", CriterionKind.PRODUCT, "", weight, result)

    assert compliance_percent((one(2, Result.PASS), one(1, Result.FAIL))) == 66
    assert compliance_percent((one(199, Result.PASS), one(1, Result.NEEDS_PERSON))) == 99
    assert compliance_percent((one(1, Result.PASS),)) == 100


@given(st.text(max_size=300))
def test_any_caption_can_be_checked_and_evidence_lies_within_it(caption: str) -> None:
    for criterion in results(caption).values():
        for evidence in criterion.evidence:
            if evidence.start is not None:
                assert evidence.end is not None
                assert 0 <= evidence.start <= evidence.end <= len(caption)


@given(st.lists(st.tuples(st.integers(1, 20), st.sampled_from(Result)), max_size=20))
def test_compliance_is_a_percentage_and_100_only_when_everything_passed(entries: list[tuple[int, Result]]) -> None:
    criteria = tuple(Criterion("", CriterionKind.MEDIA, "", weight, result) for weight, result in entries)
    percent = compliance_percent(criteria)
    assert 0 <= percent <= 100
    assert (percent == 100) == all(result is Result.PASS for _, result in entries)
