"""Text search: what counts as a word, and when a text has it."""

import re
import unicodedata
from collections.abc import Iterable

WORD_BYTES = 24
"""Words are told apart by so many bytes of UTF-8."""
QUERY_WORDS = 10
_WORD = re.compile(r"[^\W_]+")
# Letters that do not come apart into a letter and an accent.
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "\u0131": "i", "ħ": "h"}
)


def words_of(text: str) -> list[bytes]:
    """The words of a text, without case and accents."""
    apart = unicodedata.normalize("NFKD", text).casefold()
    if not apart.isascii():
        apart = "".join(letter for letter in apart if not unicodedata.combining(letter)).translate(_LETTERS)
    return [word.encode()[:WORD_BYTES] for word in _WORD.findall(apart)]


def words_of_all(texts: Iterable[str]) -> set[bytes]:
    """The words of several texts, each once."""
    return {word for text in texts for word in words_of(text)}


def search_words(text: str) -> list[str]:
    """The words that a search asks for, at most ten."""
    return [word.decode(errors="replace") for word in words_of(text)[:QUERY_WORDS]]


def matches_text(texts: Iterable[str], query: str) -> bool:
    """Whether every word of the query begins a word of the texts."""
    words = words_of_all(texts)
    return all(any(word.startswith(asked) for word in words) for asked in words_of(query)[:QUERY_WORDS])
