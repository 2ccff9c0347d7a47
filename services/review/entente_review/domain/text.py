"""Finding words in captions as people write them: any case, with or without accents, in fancy letters, with hidden
characters, or with look-alike letters from other scripts. Every match says where it is and how far it is from what was
looked for, so that the caller decides what is good enough.

Positions count Unicode code points of the caption as it was given.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property, lru_cache

# Letters of other scripts that pass for Latin ones. Upper and lower case apart: the Greek capital nu passes for N, the
# small one for v.
_LOOK_ALIKES = {
    0x0410: "a", 0x0412: "b", 0x0415: "e", 0x041A: "k", 0x041C: "m", 0x041D: "h", 0x041E: "o", 0x0420: "p",
    0x0421: "c", 0x0422: "t", 0x0423: "y", 0x0425: "x", 0x0405: "s", 0x0406: "i", 0x0408: "j", 0x04C0: "l",
    0x0430: "a", 0x0435: "e", 0x043E: "o", 0x0440: "p", 0x0441: "c", 0x0443: "y", 0x0445: "x", 0x0455: "s",
    0x0456: "i", 0x0458: "j", 0x04CF: "l", 0x0501: "d", 0x04BB: "h", 0x051B: "q", 0x051D: "w", 0x043C: "m",
    0x0391: "a", 0x0392: "b", 0x0395: "e", 0x0396: "z", 0x0397: "h", 0x0399: "i", 0x039A: "k", 0x039C: "m",
    0x039D: "n", 0x039F: "o", 0x03A1: "p", 0x03A4: "t", 0x03A5: "y", 0x03A7: "x",
    0x03B1: "a", 0x03B9: "i", 0x03BA: "k", 0x03BD: "v", 0x03BF: "o", 0x03C1: "p", 0x03C4: "t", 0x03C5: "u",
    0x0131: "i", 0x0261: "g", 0x0578: "n", 0x057D: "u", 0x0585: "o",
}  # fmt: skip

# Invisible, though Unicode does not class them as format characters.
_BLANKS = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180E, 0x3164, 0xFFA0}
_APOSTROPHES = {0x2019, 0x2018, 0x02BC, 0x0060, 0x00B4, 0xFF07}

_LINK = re.compile(r"(?:https?://|www\.)[^\s<>\"]+|(?<![@\w.])(?:[a-z0-9-]+\.)+[a-z]{2,}/[^\s<>\"]*", re.IGNORECASE)
_MENTION = re.compile(r"(?<!\w)[@\uFF20]([A-Za-z0-9_](?:[A-Za-z0-9_.]*[A-Za-z0-9_])?)")
_WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")


class Likeness(IntEnum):
    """How a match is written, the best last."""

    DISGUISED = 1
    """With hidden characters or letters of another script: it reads the same, and is not the same."""
    ACCENTS = 2
    """Accents are missing or added."""
    EXACT = 3
    """As it should be, whatever the case."""


@dataclass(frozen=True)
class Match:
    """Where something stands in a caption."""

    start: int
    end: int
    text: str
    likeness: Likeness = Likeness.EXACT


@dataclass(frozen=True)
class Tag:
    """A hashtag of a caption."""

    start: int
    end: int
    text: str
    """As written, with the "#"."""
    body: str
    """Without the "#", as written."""
    glued: bool
    """It follows a word or another hashtag without a space: not every platform makes a hashtag of it."""
    run: int
    """How many hashtags stand directly before it, with nothing but spaces between."""

    @property
    def name(self) -> str:
        """Without hidden characters, in lower case: what people take it for."""
        return "".join(letter for letter in self.body if not is_hidden(letter)).casefold()


def is_hidden(letter: str) -> bool:
    """Whether a character takes no room: a zero-width space or joiner, a soft hyphen, a direction mark."""
    return (
        unicodedata.category(letter) == "Cf"
        or ord(letter) in _BLANKS
        or 0xFE00 <= ord(letter) <= 0xFE0F
        or 0xE0100 <= ord(letter) <= 0xE01EF
    )


@lru_cache(maxsize=4096)
def _latin(letter: str) -> str:
    """A character as the plain lower-case letters that it passes for."""
    if is_hidden(letter):
        return ""
    if letter.isspace():
        return " "
    if ord(letter) in _APOSTROPHES:
        return "'"
    if unicodedata.category(letter) == "Pd":
        return "-"
    return "".join(
        _LOOK_ALIKES.get(ord(part), part).casefold()
        for part in unicodedata.normalize("NFKD", letter)
        if not unicodedata.category(part).startswith("M") and not is_hidden(part)
    )


@lru_cache(maxsize=8192)
def plain(text: str) -> str:
    """Text in plain lower-case letters, with single spaces."""
    return " ".join("".join(map(_latin, text)).split())


def joined(name: str) -> str:
    """A name as a hashtag or handle would spell it."""
    return "".join(letter for letter in plain(name) if letter.isalnum())


def _accented(text: str) -> str:
    """Text in lower case with its accents and its script, without hidden characters."""
    visible = "".join(letter for letter in text if not is_hidden(letter))
    visible = "".join("'" if ord(letter) in _APOSTROPHES else letter for letter in visible)
    return " ".join(unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", visible).casefold()).split())


def _unaccented(text: str) -> str:
    return "".join(letter for letter in _accented(text) if not unicodedata.category(letter).startswith("M"))


def likeness(written: str, wanted: str) -> Likeness | None:
    """How close a piece of text is to what is wanted; None when it is something else."""
    if plain(written) != plain(wanted):
        return None
    if any(map(is_hidden, written)):
        return Likeness.DISGUISED
    if _accented(written) == _accented(wanted):
        return Likeness.EXACT
    return Likeness.ACCENTS if _unaccented(written) == _unaccented(wanted) else Likeness.DISGUISED


def tag_likeness(body: str, wanted: str) -> Likeness | None:
    """The same for hashtags, where fancy letters make another hashtag."""
    close = likeness(body, wanted)
    if close and unicodedata.normalize("NFC", body) != unicodedata.normalize("NFKC", body):
        return Likeness.DISGUISED
    return close


class Caption:
    """A caption, read once and searched often.

    Args:
        text: as it will be published.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def _plain(self) -> tuple[str, list[int]]:
        letters: list[str] = []
        places: list[int] = []
        for place, letter in enumerate(self.text):
            for part in _latin(letter):
                if part == " " and letters and letters[-1] == " ":
                    continue
                letters.append(part)
                places.append(place)
        return "".join(letters), places

    @cached_property
    def links(self) -> tuple[Match, ...]:
        """Web addresses, without the punctuation that follows them."""
        found = []
        for match in _LINK.finditer(self.text):
            text = match.group().rstrip(".,;:!?)]}'\"\u00bb\u2026")
            found.append(Match(match.start(), match.start() + len(text), text))
        return tuple(found)

    @cached_property
    def mentions(self) -> tuple[Match, ...]:
        """Mentions, with the "@" in their place and without it in their text."""
        return tuple(
            Match(match.start(), match.end(), match.group(1))
            for match in _MENTION.finditer(self.text)
            if not self._linked[match.start()]
        )

    @cached_property
    def tags(self) -> tuple[Tag, ...]:
        """Hashtags in order. "#a#b" is read as two."""
        found: list[Tag] = []
        for place, letter in enumerate(self.text):
            if letter not in "#\uff03" or self._linked[place]:
                continue
            end = place + 1
            while end < len(self.text) and _in_tag(self.text[end]):
                end += 1
            while end > place + 1 and is_hidden(self.text[end - 1]):
                end -= 1
            body = self.text[place + 1 : end]
            if not any(part.isalpha() for part in body):
                continue
            before = found[-1] if found else None
            follows = before is not None and not self.text[before.end : place].strip()
            glued = place > 0 and (self.text[place - 1].isalnum() or (before is not None and before.end == place))
            found.append(
                Tag(place, end, self.text[place:end], body, glued, before.run + 1 if before and follows else 0)
            )
        return tuple(found)

    @cached_property
    def words(self) -> tuple[Match, ...]:
        """Words of the running text, hashtags, mentions and links left out."""
        return tuple(
            Match(match.start(), match.end(), match.group())
            for match in _WORD.finditer(self.text)
            if not self._taken[match.start()]
        )

    def find(self, phrase: str) -> Iterator[Match]:
        """Every place where a phrase stands as whole words, outside of hashtags, mentions and links."""
        wanted = plain(phrase)
        if not wanted:
            return
        letters, places = self._plain
        at = letters.find(wanted)
        while at >= 0:
            after = at + len(wanted)
            whole = not _joins(letters, at - 1, at) and not _joins(letters, after - 1, after)
            start, end = places[at], self._after(places[after - 1])
            if whole and not self._taken[start]:
                written = self.text[start:end]
                close = likeness(written, phrase)
                if close:
                    yield Match(start, end, written, close)
            at = letters.find(wanted, at + 1)

    def sentence_before(self, place: int) -> str:
        """What stands before a place in its sentence."""
        return re.split(r"[.!?\n\u2026|\u2022:;]", self.text[:place])[-1]

    def sentence_after(self, place: int) -> str:
        """What stands after a place in its sentence."""
        return re.split(r"[.!\n\u2026|\u2022]", self.text[place:], maxsplit=1)[0]

    def line_of(self, place: int) -> int:
        """The number of the line of a place, from 0; blank lines count."""
        return self.text.count("\n", 0, place)

    def _after(self, place: int) -> int:
        # Accents that are characters of their own belong to the letter before them.
        end = place + 1
        while end < len(self.text) and unicodedata.category(self.text[end]) == "Mn" and not is_hidden(self.text[end]):
            end += 1
        return end

    @cached_property
    def _linked(self) -> bytearray:
        """For each place, whether it is within a link."""
        return _marked(bytearray(len(self.text)), self.links)

    @cached_property
    def _taken(self) -> bytearray:
        """For each place, whether it is within a link, a hashtag or a mention."""
        return _marked(_marked(bytearray(self._linked), self.tags), self.mentions)


def _marked(places: bytearray, found: Iterable[Match] | Iterable[Tag]) -> bytearray:
    for entry in found:
        places[entry.start : entry.end] = b"\1" * (entry.end - entry.start)
    return places


def _in_tag(letter: str) -> bool:
    return letter.isalnum() or letter == "_" or unicodedata.category(letter).startswith("M") or is_hidden(letter)


def _joins(letters: str, left: int, right: int) -> bool:
    """Whether two neighbouring characters are of one word."""
    if left < 0 or right >= len(letters):
        return False
    return all(letter.isalnum() or letter == "_" for letter in (letters[left], letters[right]))
