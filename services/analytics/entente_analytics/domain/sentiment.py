"""What comments say of a post: approval, disapproval or neither, in English, French, Italian and Latvian.

A list of words for each language, with negations, amplifiers and turns ("but"), and emoji. It is small, explains itself
and holds for comments of a few words; its figures on sentences that it was not written with are in the README.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

COMMENTS_KEPT = 20_000
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_NEGATION_REACHES = 3
_UNDECIDED = 0.4


class Sentiment(StrEnum):
    """What a comment says of the post."""

    POSITIVE = "POSITIVE"
    NEUTRAL = "NEUTRAL"
    NEGATIVE = "NEGATIVE"
    NOT_JUDGED = "NOT_JUDGED"


@dataclass(frozen=True)
class Lexicon:
    """The words of one language; a stem stands for all words that begin with it."""

    common: frozenset[str]
    negations: frozenset[str]
    amplifiers: frozenset[str]
    turns: frozenset[str]
    words: Mapping[str, float]
    stems: Mapping[str, float]

    def weight(self, word: str) -> float:
        """1 for approval, -1 for disapproval, 0 for neither; the longest stem decides."""
        known = self.words.get(word)
        if known is not None:
            return known
        for end in range(len(word), 1, -1):
            stem = self.stems.get(word[:end])
            if stem is not None:
                return stem
        return 0.0


@dataclass(frozen=True)
class Lexicons:
    """The words of all languages that are judged, and emoji."""

    version: str
    languages: Mapping[str, Lexicon]
    emoji: Mapping[str, float]


def lexicon(raw: Mapping[str, Sequence[str]]) -> Lexicon:
    """A language's words as its table holds them."""
    words: dict[str, float] = {}
    stems: dict[str, float] = {}
    for name, weight in (("positive", 1.0), ("negative", -1.0)):
        for entry in raw[name]:
            (stems if entry.endswith("*") else words)[entry.removesuffix("*")] = weight
    sets = {name: frozenset(raw[name]) for name in ("common", "negations", "amplifiers", "turns")}
    return Lexicon(**sets, words=words, stems=stems)


def judge(text: str, language: str, lexicons: Lexicons) -> Sentiment:
    """What a comment says.

    Args:
        text: the comment.
        language: ISO 639-1; "" to tell it by its words.
        lexicons: the words.
    """
    text = unicodedata.normalize("NFC", text).lower().replace("’", "'")
    emoji = sum(lexicons.emoji.get(letter, 0.0) for letter in text)
    words = _WORD.findall(text)
    if not words:
        # Without words, emoji say it in every language.
        return _decided(emoji)
    known = lexicons.languages.get(language or told_language(words, lexicons))
    if known is None:
        return _decided(emoji) if emoji else Sentiment.NOT_JUDGED
    return _decided(_score(text, known) + emoji)


def told_language(words: Sequence[str], lexicons: Lexicons) -> str:
    """The language of some words by the most common ones and those that judge; "" when it is none of ours."""
    best, most = "", 0.0
    for name, known in lexicons.languages.items():
        score = sum((word in known.common) + 0.8 * bool(known.weight(word)) for word in words)
        if score > most:
            best, most = name, score
    return best


def _score(text: str, known: Lexicon) -> float:
    total = 0.0
    for clause in re.split(r"[.!?;:,\n]+", text):
        part = 0.0
        negated, amplified = 0, 1.0
        for word in _WORD.findall(clause):
            if word in known.turns:
                # What comes after "but" is what is meant.
                total, part, negated, amplified = total * 0.5, part * 0.5, 0, 1.0
                continue
            weight = known.weight(word)
            if weight:
                part += weight * amplified * (-0.8 if negated else 1.0)
                negated, amplified = 0, 1.0
            elif word in known.negations:
                negated = _NEGATION_REACHES
                continue
            elif word in known.amplifiers:
                amplified = 1.5
            negated = max(0, negated - 1)
        total += part
    return total


def _decided(score: float) -> Sentiment:
    if abs(score) <= _UNDECIDED:
        return Sentiment.NEUTRAL
    return Sentiment.POSITIVE if score > 0 else Sentiment.NEGATIVE


@dataclass(frozen=True)
class PostComments:
    """How the comments of a post were judged. Neither their text nor their authors are kept.

    Args:
        days: day -> sentiment -> how many.
        seen: digests of the ids of the comments that count, the latest of them.
    """

    collaboration: str
    campaign: str
    post: str
    days: dict[str, dict[str, int]] = field(default_factory=dict)
    seen: tuple[str, ...] = ()

    @property
    def total(self) -> dict[str, int]:
        """All of them by sentiment."""
        return added_up(self.days.values())


def added_up(days: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Counts by sentiment, added up."""
    total: dict[str, int] = {}
    for counts in days:
        for name, count in counts.items():
            total[name] = total.get(name, 0) + count
    return total


def by_day(posts: Sequence[PostComments]) -> list[tuple[str, dict[str, int]]]:
    """Counts of several posts by day and sentiment."""
    days = sorted({day for post in posts for day in post.days})
    return [(day, added_up(post.days.get(day, {}) for post in posts)) for day in days]


def counted(post: PostComments, judged: Sequence[tuple[str, str, Sentiment]]) -> PostComments | None:
    """The post with more comments, or None when all of them were counted before.

    Args:
        post: the post.
        judged: id, day and sentiment of each comment.
    """
    seen = dict.fromkeys(post.seen)
    days = {day: dict(counts) for day, counts in post.days.items()}
    for id, day, sentiment in judged:
        digest = hashlib.blake2b(f"{post.post}\n{id}".encode(), digest_size=8).hexdigest()
        if digest in seen:
            continue
        seen[digest] = None
        counts = days.setdefault(day, {})
        counts[sentiment.value] = counts.get(sentiment.value, 0) + 1
    if len(seen) == len(post.seen):
        return None
    return replace(post, days=days, seen=tuple(seen)[-COMMENTS_KEPT:])
