"""Disclosure is judged by the market of the audience; what is unsure needs a person and never passes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entente_review.adapters.rules import load_rules
from entente_review.domain.criteria import Finding, Result
from entente_review.domain.disclosure import Circumstances, check_market
from entente_review.domain.text import Caption

RULES = load_rules()
LANGUAGE = {"FR": "fr", "IT": "it", "LV": "lv", "GB": "en", "US": "en", "DE": "de", "IN": "en"}


def judge(
    text: str,
    market: str,
    *,
    platform: str = "INSTAGRAM",
    compensation: str | None = "FIXED_FEE",
    language: str | None = None,
    brands: tuple[str, ...] = ("Maison Lune", "maisonlune"),
    label: bool = False,
) -> Finding:
    given = Circumstances(platform, compensation, language or LANGUAGE.get(market), brands, label)
    return check_market(Caption(text), market, RULES, given)


@pytest.mark.parametrize(
    ("market", "text"),
    [
        ("FR", "Publicité | Mon rituel du soir avec @maisonlune"),
        ("FR", "PUBLICITE\nMon rituel du soir"),
        ("FR", "Collaboration commerciale non rémunérée avec @maisonlune. Mon rituel."),
        ("FR", "Mon rituel du soir ✨ #CollaborationCommerciale @maisonlune"),
        ("FR", "Mon rituel \uff03collaboration_commerciale"),
        ("IT", "Pubblicità. La mia routine con @maisonlune"),
        ("IT", "✨ In collaborazione con @maisonlune: la mia routine"),
        ("IT", "La mia routine #adv #maisonlune #skincare"),
        ("IT", "La mia routine #skincare #SponsorizzatoDaMaisonLune"),
        ("LV", "Mana rutīna ar @maisonlune #reklāma"),
        ("LV", "Apmaksāta sadarbība ar @maisonlune. Mana rutīna"),
        ("GB", "Ad | My evening routine"),
        ("GB", "#ad My evening routine"),
        ("US", "My evening routine #ad with @maisonlune"),
        ("US", "Paid partnership with @maisonlune. My evening routine"),
        ("DE", "Werbung für @maisonlune. Meine Routine"),
        ("DE", "[Anzeige] Meine Routine"),
        ("IN", "Hello\nMy routine\n#Sponsored"),
    ],
)
def test_what_a_market_accepts_passes_with_its_place_as_evidence(market: str, text: str) -> None:
    finding = judge(text, market)
    assert finding.result is Result.PASS, finding
    evidence = finding.evidence[0]
    assert text[evidence.start : evidence.end] == evidence.text


@pytest.mark.parametrize(
    ("market", "text"),
    [
        ("FR", "Mon rituel du soir #pub @maisonlune"),
        ("FR", "Mon rituel #sponso #ad #collab"),
        ("FR", "Ce n'est pas de la publicité, promis"),
        ("FR", "Sans collaboration commerciale : juste mon avis"),
        ("IT", "La mia routine #adv"),
        ("IT", "La mia routine #a #b #c #adv #maisonlune"),
        ("LV", "Mana rutīna #sadarbojamies #collab"),
        ("GB", "My routine #gifted @maisonlune thanks"),
        ("GB", "My routine " + "so lovely " * 15 + "#ad"),
        ("US", "My routine #partner #ambassador"),
        ("US", "My routine " + "so lovely " * 15 + "#ad"),
        ("US", "My routine #skin #care #night #ad"),
        ("DE", "Meine Routine #danke"),
        ("DE", "Keine Werbung, nur meine Routine"),
        ("IN", "One\nTwo\nThree\nFour #ad"),
        ("IN", "My routine, thanks"),
        ("FR", ""),
    ],
)
def test_what_a_market_does_not_accept_fails_with_advice(market: str, text: str) -> None:
    finding = judge(text, market)
    assert finding.result is Result.FAIL, finding
    assert finding.advice


@pytest.mark.parametrize(
    ("market", "text"),
    [
        ("FR", "J'adore cette publicité trouvée dans le métro"),
        ("FR", "Publi\u200bcité | Mon rituel"),
        ("FR", "Mon rituel#publicité"),
        ("FR", "#Publicité Mon rituel, ce n'est pas une publicité"),
        ("FR", "Publicité ? Non, un coup de coeur"),
        ("FR", "Partenariat rémunéré avec @maisonlune"),
        ("FR", "Mon rituel " + "très doux " * 15 + "#publicité"),
        ("IT", "La mia routine, pubblicità"),
        ("LV", "Mana rutīna #reklama"),
        ("LV", "Mana rutīna #ad"),
        ("GB", "My evening routine #ad"),
        ("US", "My routine #\u0430d"),
        ("DE", "Meine Routine #ad"),
        ("BR", "#publi Minha rotina"),
    ],
)
def test_what_is_unsure_needs_a_person(market: str, text: str) -> None:
    finding = judge(text, market)
    assert finding.result is Result.NEEDS_PERSON, finding
    assert finding.advice


def test_the_same_hashtag_passes_in_one_market_and_not_in_another() -> None:
    text = "#ad my evening routine with @maisonlune"
    results = {market: judge(text, market, language="en").result for market in ("US", "GB", "FR", "LV", "IT", "DE")}
    assert results == {
        "US": Result.PASS,
        "GB": Result.PASS,
        "FR": Result.FAIL,
        "LV": Result.NEEDS_PERSON,
        "IT": Result.FAIL,
        "DE": Result.NEEDS_PERSON,
    }


def test_a_gift_and_an_affiliate_link_have_their_own_words_in_italy() -> None:
    gift = "Prodotto inviato da @maisonlune: la mia routine"
    assert judge(gift, "IT", compensation="GIFTED").result is Result.PASS
    assert judge(gift, "IT", compensation="FIXED_FEE").result is Result.FAIL
    affiliate = "Link affiliato Maison Lune in bio"
    assert judge(affiliate, "IT", compensation="COMMISSION").result is Result.PASS
    assert judge(affiliate, "IT", compensation="GIFTED").result is Result.FAIL


def test_a_disclosure_in_a_language_that_the_caption_is_not_in_needs_a_person() -> None:
    assert judge("#ad mi rutina de noche", "US", language="es").result is Result.NEEDS_PERSON


def test_the_platform_label_alone_is_evidence_and_never_a_pass() -> None:
    finding = judge("Mon rituel du soir", "FR", label=True)
    assert finding.result is Result.NEEDS_PERSON
    assert [evidence.label for evidence in finding.evidence] == ["platform label"]


def test_beyond_a_fold_that_is_not_known_a_person_decides() -> None:
    text = "My routine " + "so lovely " * 15 + "#ad"
    assert judge(text, "US", platform="YOUTUBE").result is Result.NEEDS_PERSON


def test_every_market_has_a_version_and_a_source() -> None:
    for market, rules in RULES.markets.items():
        assert rules.version.endswith(f"/{market}")
        assert rules.source
        assert rules.advice
        assert rules.ways


@given(st.text(max_size=150), st.sampled_from(["BR", "JP", "ZZ"]))
def test_without_a_rule_set_nothing_passes(text: str, market: str) -> None:
    assert judge(text, market).result is Result.NEEDS_PERSON


@given(st.text(max_size=150), st.sampled_from(sorted(RULES.markets)))
def test_any_caption_can_be_judged_and_evidence_lies_within_it(text: str, market: str) -> None:
    for evidence in judge(text, market).evidence:
        if evidence.start is not None and evidence.end is not None:
            assert text[evidence.start : evidence.end] == evidence.text


@given(
    st.sampled_from(["Publicité", "#publicité", "collaboration commerciale"]),
    st.sampled_from(["pas de", "sans", "aucune"]),
)
def test_a_negated_disclosure_never_passes(word: str, negator: str) -> None:
    assert judge(f"{negator} {word} ici", "FR").result is not Result.PASS
