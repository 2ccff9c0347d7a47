"""Whether a caption says clearly enough, for one market, that it is paid for. The rules are data (``rules/``).

What a machine cannot settle needs a person; it never passes.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import islice

from entente_review.domain.criteria import Evidence, Finding, Result
from entente_review.domain.text import Caption, Likeness, Match, Tag, joined, plain, tag_likeness

_NEGATION_REACH = 4
"""A negator turns a word round when at most this many words stand between them."""
_BRAND_REACH = 60
"""The brand stands beside a disclosure when at most this many characters of the line are between them."""
_MOST_USES = 20
"""So many uses of a word are judged; who repeats it more often does not make it clearer."""
_MOST_TAGS = 200
"""So many hashtags are judged; no platform takes more."""


class Form(StrEnum):
    """What a disclosure is written as."""

    TEXT = "TEXT"
    HASHTAG = "HASHTAG"


class Position(StrEnum):
    """Where a disclosure must stand."""

    ANYWHERE = "ANYWHERE"
    FOLD = "FOLD"
    START = "START"
    LINES = "LINES"
    FIRST_TAGS = "FIRST_TAGS"


class Misplaced(StrEnum):
    """What a disclosure in another place is worth."""

    FAIL = "FAIL"
    PERSON = "PERSON"


@dataclass(frozen=True)
class Way:
    """One way to disclose that a market knows."""

    form: Form
    words: tuple[str, ...]
    position: Position = Position.ANYWHERE
    misplaced: Misplaced = Misplaced.FAIL
    limit: int = 0
    label_only: bool = False
    brand: bool = False
    brand_tag: bool = False
    compensations: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    buried_after: int = 0


@dataclass(frozen=True)
class MarketRules:
    """The rules of one market."""

    version: str
    source: str
    accents_optional: bool
    advice: str
    ways: tuple[Way, ...]
    unclear: tuple[str, ...] = ()
    insufficient: tuple[str, ...] = ()


@dataclass(frozen=True)
class RuleSet:
    """The rules of all markets that are known, at one version."""

    version: str
    audience_share: float
    negators: tuple[str, ...]
    connectors: tuple[str, ...]
    default_fold: int
    markets: dict[str, MarketRules]
    folds: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Circumstances:
    """What a disclosure depends on beside the caption."""

    platform: str
    compensation: str | None
    language: str | None
    brand_names: tuple[str, ...]
    paid_partnership_label: bool = False


@dataclass(frozen=True)
class _Candidate:
    """Words that might disclose, and what they are worth."""

    result: Result
    evidence: Evidence
    remedy: str = ""
    is_negated: bool = False


def check_market(caption: Caption, market: str, rules: RuleSet, given: Circumstances) -> Finding:
    """Judge a caption by the rules of one market."""
    market_rules = rules.markets.get(market)
    if market_rules is None:
        return Finding(
            Result.NEEDS_PERSON, (), f"There is no rule set for {market}: a person must judge the disclosure for it."
        )
    reader = _Reader(caption, market_rules, rules, given)
    candidates = [candidate for way in market_rules.ways for candidate in reader.candidates(way)]
    passed = [candidate for candidate in candidates if candidate.result is Result.PASS]
    # A caption that also says it is no advertising contradicts itself.
    if passed and not any(candidate.is_negated for candidate in candidates):
        return Finding(Result.PASS, (*(candidate.evidence for candidate in passed[:3]), *_label(given)), "")

    unclear = tuple(reader.loose(market_rules.unclear, "unclear word"))
    doubtful = passed or any(candidate.result is Result.NEEDS_PERSON for candidate in candidates)
    evidence = (
        *(candidate.evidence for candidate in candidates),
        *unclear,
        *reader.loose(market_rules.insufficient, "does not suffice"),
        *_label(given),
    )
    remedies = dict.fromkeys(candidate.remedy for candidate in candidates if candidate.remedy)
    brand_tag = joined(given.brand_names[0]) if given.brand_names else "brand"
    advice = " ".join([*remedies, market_rules.advice.replace("{brand_tag}", brand_tag)])
    # The platform's label speaks for it, but no market known here takes it alone without a look at the rest.
    needs_person = doubtful or unclear or given.paid_partnership_label
    return Finding(Result.NEEDS_PERSON if needs_person else Result.FAIL, evidence, advice)


class _Reader:
    """Reads one caption by one market's rules."""

    def __init__(self, caption: Caption, market: MarketRules, rules: RuleSet, given: Circumstances) -> None:
        self._caption = caption
        self._market = market
        self._rules = rules
        self._given = given
        self._negators = {plain(word) for word in rules.negators}
        self._connectors = {plain(word) for word in rules.connectors}

    def candidates(self, way: Way) -> Iterator[_Candidate]:
        """Every use of a way, with what it is worth."""
        if way.form is Form.TEXT:
            for word in way.words:
                for match in islice(self._caption.find(word), _MOST_USES):
                    yield self._judge(way, match, None)
            return
        for tag in self._caption.tags[:_MOST_TAGS]:
            likenesses = [self._tag_likeness(way, tag, word) for word in way.words]
            close = max((likeness for likeness in likenesses if likeness), default=None)
            if close:
                yield self._judge(way, Match(tag.start, tag.end, tag.text, close), tag)

    def loose(self, words: Sequence[str], label: str) -> Iterator[Evidence]:
        """Where words stand, as text or as hashtags."""
        for word in words:
            for match in islice(self._caption.find(word), _MOST_USES):
                yield Evidence(label, match.text, match.start, match.end)
            for tag in self._caption.tags[:_MOST_TAGS]:
                if tag_likeness(tag.body, word.replace(" ", "")):
                    yield Evidence(label, tag.text, tag.start, tag.end)

    def _tag_likeness(self, way: Way, tag: Tag, word: str) -> Likeness | None:
        close = tag_likeness(tag.body.replace("_", ""), word)
        if close or not way.brand:
            return close
        # "#sponsorizzatodabrand": the brand is in the hashtag itself.
        name, wanted = plain(tag.body), plain(word)
        named = name.startswith(wanted) and any(name == wanted + joined(brand) for brand in self._given.brand_names)
        return Likeness.EXACT if named else None

    def _judge(self, way: Way, match: Match, tag: Tag | None) -> _Candidate:
        def candidate(result: Result, label: str, remedy: str = "") -> _Candidate:
            return _Candidate(result, Evidence(label, match.text, match.start, match.end), remedy)

        negation = self._negation(match)
        if negation is Result.FAIL:
            remedy = f"“{match.text}” is negated, so it discloses nothing."
            return replace(candidate(Result.FAIL, "negated", remedy), is_negated=True)
        if way.compensations and self._given.compensation not in way.compensations:
            return candidate(
                Result.FAIL if self._given.compensation else Result.NEEDS_PERSON,
                "not for this compensation",
                f"“{match.text}” is not enough for this kind of compensation.",
            )
        if (way.brand or way.brand_tag) and not self._given.brand_names:
            return candidate(Result.NEEDS_PERSON, "brand not known", "The brand must be named beside the disclosure.")
        if way.brand and not self._brand_beside(match, tag):
            return candidate(Result.FAIL, "brand missing", f"Name the brand beside “{match.text}”.")
        if way.brand_tag and not any(self._is_brand(other.body) for other in self._caption.tags[: way.limit]):
            remedy = f"Put the brand's hashtag beside “{match.text}”, among the first {way.limit}."
            return candidate(Result.FAIL, "brand missing", remedy)
        place = self._place(way, match, tag)
        if place is not Result.PASS:
            return candidate(place, "misplaced", f"“{match.text}” stands where it is easily missed.")
        if negation is Result.NEEDS_PERSON:
            return candidate(Result.NEEDS_PERSON, "perhaps negated", f"“{match.text}” may be read as negated.")
        if match.likeness is Likeness.DISGUISED:
            return candidate(
                Result.NEEDS_PERSON,
                "hidden or look-alike characters",
                f"Type “{match.text}” anew: it holds hidden characters or letters of another script.",
            )
        if match.likeness is Likeness.ACCENTS and not self._market.accents_optional:
            return candidate(Result.NEEDS_PERSON, "accents differ", f"Write “{match.text}” with its accents.")
        if tag and tag.glued:
            return candidate(Result.NEEDS_PERSON, "glued hashtag", f"Put a space before “{match.text}”.")
        if way.languages and self._given.language not in way.languages:
            return candidate(
                Result.NEEDS_PERSON, "another language", f"“{match.text}” may not be understood beside this caption."
            )
        if way.label_only and not tag and not self._is_label(match):
            return candidate(Result.NEEDS_PERSON, "within a sentence", f"Let “{match.text}” stand alone, as a label.")
        return candidate(Result.PASS, "disclosure")

    def _negation(self, match: Match) -> Result:
        before = self._caption.sentence_before(match.start)
        words = list(re.finditer(r"[^\W_]+(?:['\u2019][^\W_]+)*", before))
        for word in words[-_NEGATION_REACH:]:
            if plain(word.group()) in self._negators:
                return Result.NEEDS_PERSON if "," in before[word.end() :] else Result.FAIL
        after = re.match(r"\s*[?,]\s*([^\W_]+)", self._caption.sentence_after(match.end))
        if after and plain(after.group(1)) in self._negators | {"nein", "nope"}:
            return Result.NEEDS_PERSON
        return Result.PASS

    def _place(self, way: Way, match: Match, tag: Tag | None) -> Result:
        fold = self._rules.folds.get(self._given.platform, self._rules.default_fold)
        beyond = Result.FAIL if self._given.platform in self._rules.folds else Result.NEEDS_PERSON
        if way.misplaced is Misplaced.PERSON:
            beyond = Result.NEEDS_PERSON
        visible = match.end <= fold
        if tag and way.buried_after and tag.run >= way.buried_after:
            return Result.FAIL
        match way.position:
            case Position.ANYWHERE:
                return Result.PASS
            case Position.FOLD:
                return Result.PASS if visible else beyond
            case Position.LINES:
                return Result.PASS if self._caption.line_of(match.start) < way.limit else Result.FAIL
            case Position.FIRST_TAGS:
                first = tag is not None and tag in self._caption.tags[: way.limit]
                return (Result.PASS if visible else beyond) if first else Result.FAIL
            case Position.START:
                if not any(word.start < match.start for word in self._caption.words):
                    return Result.PASS if visible else beyond
                return Result.NEEDS_PERSON if visible else beyond

    def _brand_beside(self, match: Match, tag: Tag | None) -> bool:
        """Whether the brand is named in a hashtag itself, or after it in the same line and not far away."""
        if tag and any(plain(tag.body).endswith(joined(name)) for name in self._given.brand_names):
            return True
        end = min(match.end + _BRAND_REACH, len(self._caption.text))
        newline = self._caption.text.find("\n", match.end, end)
        end = newline if newline >= 0 else end
        handles = [(mention.start, mention.text) for mention in self._caption.mentions]
        handles += [(tag.start, tag.body) for tag in self._caption.tags]
        if any(match.end <= start < end and self._is_brand(handle) for start, handle in handles):
            return True
        names = (found for name in self._given.brand_names for found in self._caption.find(name))
        return any(match.end <= found.start < end for found in names)

    def _is_brand(self, handle: str) -> bool:
        written = joined(handle)
        return any(
            written == name or (len(name) > 3 and written.startswith(name))
            for name in map(joined, self._given.brand_names)
            if name
        )

    def _is_label(self, match: Match) -> bool:
        """Whether a word stands alone, or with the brand, rather than within a sentence."""
        line = self._caption.text[self._caption.text.rfind("\n", 0, match.start) + 1 : match.start]
        segment = re.split(r"[.!?:;|,()\[\]{}\u00ab\u00bb\"\u201c\u201d*~\u2022\u2026/\u2013\u2014]|\s-\s", line)[-1]
        if any(part.isalnum() for part in re.sub(r"[#@][\w.]+", "", segment)):
            return False
        rest = self._caption.sentence_after(match.end)
        following = re.match(r"[ \t]*([^\W_]+)", rest)
        if not following:
            return True
        return plain(following.group(1)) in self._connectors or any(
            found.start <= match.end + following.start(1) < found.end
            for name in self._given.brand_names
            for found in self._caption.find(name)
        )


def _label(given: Circumstances) -> tuple[Evidence, ...]:
    return (Evidence("platform label", "paid partnership"),) if given.paid_partnership_label else ()
