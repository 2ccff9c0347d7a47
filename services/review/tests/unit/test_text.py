"""Words are found in captions as people write them, and every match says where it is."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entente_review.domain.text import Caption, Likeness, likeness, plain, tag_likeness


def found(text: str, phrase: str) -> list[tuple[str, Likeness]]:
    return [(match.text, match.likeness) for match in Caption(text).find(phrase)]


@pytest.mark.parametrize(
    ("text", "likeness_of_it"),
    [
        ("Publicité avec Lune", Likeness.EXACT),
        ("PUBLICITÉ", Likeness.EXACT),
        (unicodedata.normalize("NFD", "publicité"), Likeness.EXACT),
        ("\U0001d5e3\U0001d602\U0001d5ef\U0001d5f9\U0001d5f6\U0001d5f0\U0001d5f6\U0001d601é", Likeness.EXACT),
        ("publicite", Likeness.ACCENTS),
        ("publi\u200bcité", Likeness.DISGUISED),
        ("publi\u00adcité", Likeness.DISGUISED),
        ("public\u0456té", Likeness.DISGUISED),
    ],
)
def test_a_word_is_found_however_it_is_typed_and_its_likeness_is_told(text: str, likeness_of_it: Likeness) -> None:
    assert [close for _, close in found(text, "publicité")] == [likeness_of_it]


def test_parts_of_words_hashtags_mentions_and_links_are_not_the_word() -> None:
    text = "adorable advert #ad @ad https://shop.example/ad bad"
    assert found(text, "ad") == []


def test_offsets_point_into_the_caption_as_it_was_given() -> None:
    text = "✨\u200b  Une  COLLABORATION\u00a0\n commerciale, merci"
    (match,) = Caption(text).find("collaboration commerciale")
    assert text[match.start : match.end] == "COLLABORATION\u00a0\n commerciale"


def test_glued_hashtags_are_read_apart_and_said_to_be_glued() -> None:
    tags = Caption("merci#pub#ad #beauté　#été #123 https://x.example/#no").tags
    assert [(tag.body, tag.glued) for tag in tags] == [("pub", True), ("ad", True), ("beauté", False), ("été", False)]
    assert [tag.run for tag in tags] == [0, 1, 2, 3]


def test_a_hashtag_in_fancy_letters_or_with_hidden_ones_is_another_hashtag() -> None:
    assert tag_likeness("Lune", "lune") is Likeness.EXACT
    assert tag_likeness("lu\u200bne", "lune") is Likeness.DISGUISED
    assert tag_likeness("\U0001d5f9\U0001d602\U0001d5fb\U0001d5f2", "lune") is Likeness.DISGUISED
    assert tag_likeness("ete", "été") is Likeness.ACCENTS


def test_mentions_end_before_the_full_stop_and_are_no_part_of_an_email() -> None:
    caption = Caption("Merci @maison.lune. ecris a moi@maison.lune")
    assert [mention.text for mention in caption.mentions] == ["maison.lune"]


def test_links_lose_the_punctuation_after_them() -> None:
    assert [link.text for link in Caption("(voir https://lune.example/a?b=c), ou lune.example/x.").links] == [
        "https://lune.example/a?b=c",
        "lune.example/x",
    ]


@given(st.text(max_size=200))
def test_any_text_can_be_read_and_every_place_is_within_it(text: str) -> None:
    caption = Caption(text)
    for match in [*caption.find("a"), *caption.words, *caption.links, *caption.mentions]:
        assert 0 <= match.start < match.end <= len(text)
    for tag in caption.tags:
        assert text[tag.end - len(tag.body) : tag.end] == tag.body


@given(st.text(alphabet="abcdefghijéèêçñüāšžķ", min_size=1, max_size=12), st.text(max_size=20), st.text(max_size=20))
def test_a_word_between_spaces_is_always_found_where_it_stands(word: str, before: str, after: str) -> None:
    text = f"{before} {word} {after}"
    caption = Caption(text)
    place = len(before) + 1
    assert any(match.start == place and match.likeness is Likeness.EXACT for match in caption.find(word))


@given(st.text(alphabet="abcdéāš", min_size=2, max_size=10), st.data())
def test_a_hidden_character_never_makes_a_disguised_word_exact(word: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(1, len(word) - 1))
    hidden = data.draw(st.sampled_from("\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f"))
    assert likeness(word[:place] + hidden + word[place:], word) is Likeness.DISGUISED


@given(st.text(max_size=100))
def test_plain_text_is_as_plain_as_it_gets(text: str) -> None:
    assert plain(plain(text)) == plain(text)
