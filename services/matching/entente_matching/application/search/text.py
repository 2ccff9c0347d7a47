"""The text index: which creators have a word that begins so.

Sorted segments of (word, numbers of texts), merged four by four as they come, and a small part that is still open. A
text that changes gets a new number, so that segments are never changed; numbers that are out of use are left out when a
segment is read, and of what is merged.
"""

from collections.abc import Iterable
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from entente_matching.domain.texts import QUERY_WORDS, WORD_BYTES, words_of

Array = NDArray[Any]
_OPEN_TEXTS = 4000
_MERGE = 4
_WORD = f"S{WORD_BYTES}"


class Segment(NamedTuple):
    """Sorted words, where the texts of each begin in ``texts``, and the texts."""

    words: Array
    starts: Array
    texts: Array

    def beginning(self, prefix: bytes) -> Array:
        """The texts with a word that begins so; some of them more than once."""
        low = np.searchsorted(self.words, np.bytes_(prefix))
        high = np.searchsorted(self.words, np.bytes_(prefix.ljust(WORD_BYTES, b"\xff")), side="right")
        texts: Array = self.texts[self.starts[low] : self.starts[high]]
        return texts


def _merged(segments: list[Segment], in_use: Array) -> Segment:
    words = np.concatenate([segment.words for segment in segments])
    counts = np.concatenate([np.diff(segment.starts) for segment in segments])
    offsets = np.cumsum([0, *(len(segment.texts) for segment in segments[:-1])])
    begins = np.concatenate([s.starts[:-1] + offset for s, offset in zip(segments, offsets, strict=True)])
    texts = np.concatenate([segment.texts for segment in segments])
    # Stable sorting finds the sorted runs, and merges them.
    order = np.argsort(words, kind="stable")
    words, counts, begins = words[order], counts[order], begins[order]
    ends = np.cumsum(counts)
    places = np.repeat(begins - (ends - counts), counts) + np.arange(len(texts))
    texts = texts[places]
    new = np.ones(len(words), dtype=np.bool_)
    new[1:] = words[1:] != words[:-1]
    of_word = np.repeat(np.cumsum(new) - 1, counts)
    kept = in_use[texts]
    per_word = np.bincount(of_word[kept], minlength=int(new.sum()))
    used = per_word > 0
    starts = np.concatenate([[0], np.cumsum(per_word[used])])
    return Segment(words[new][used], starts, texts[kept])


class TextIndex:
    """Words of creators, who are known by their numbers (``owner``)."""

    def __init__(self) -> None:
        self._text_of = np.full(1024, -1, dtype=np.int32)  # By owner.
        self._hash_of = np.zeros(1024, dtype=np.int64)
        self._owner_of = np.zeros(1024, dtype=np.int32)  # By text.
        self._texts = 0
        self._open: dict[bytes, list[int]] = {}
        self._open_texts = 0
        self._segments: list[Segment] = []

    def put(self, owner: int, words: Iterable[bytes]) -> None:
        """The words of a creator, instead of those it had."""
        words = frozenset(words)
        fingerprint = hash(words)
        if owner >= len(self._text_of):
            size = max(owner + 1, 2 * len(self._text_of))
            self._text_of = _grown(self._text_of, size, -1)
            self._hash_of = _grown(self._hash_of, size, 0)
        if self._text_of[owner] >= 0 and self._hash_of[owner] == fingerprint:
            return
        text = self._texts
        if text >= len(self._owner_of):
            self._owner_of = _grown(self._owner_of, 2 * len(self._owner_of), 0)
        self._texts += 1
        self._owner_of[text] = owner
        self._text_of[owner], self._hash_of[owner] = text, fingerprint
        for word in words:
            self._open.setdefault(word, []).append(text)
        self._open_texts += 1
        if self._open_texts >= _OPEN_TEXTS:
            self.close()

    def remove(self, owner: int) -> None:
        """Forget the words of a creator."""
        if owner < len(self._text_of):
            self._text_of[owner] = -1

    def close(self) -> None:
        """Make a segment of what is open."""
        if not self._open:
            return
        words = sorted(self._open)
        lists = [self._open[word] for word in words]
        starts = np.concatenate([[0], np.cumsum([len(texts) for texts in lists])])
        texts = np.fromiter(chain.from_iterable(lists), dtype=np.int32, count=int(starts[-1]))
        self._segments.append(Segment(np.array(words, dtype=_WORD), starts, texts))
        self._open, self._open_texts = {}, 0
        # As in a number to the base of four: what is as large as its neighbours is merged with them.
        while len(self._segments) >= _MERGE:
            last = self._segments[-_MERGE:]
            if len(last[0].texts) > 3 * _MERGE * len(last[-1].texts):
                break
            self._segments[-_MERGE:] = [_merged(last, self._in_use())]

    def owners(self, query: str, count: int) -> NDArray[np.bool_]:
        """Which of so many creators have, for each word of the query, a word that begins so."""
        found = np.ones(count, dtype=np.bool_)
        for asked in words_of(query)[:QUERY_WORDS]:
            having = np.zeros(count, dtype=np.bool_)
            still_open = chain.from_iterable(texts for word, texts in self._open.items() if word.startswith(asked))
            for texts in (*(s.beginning(asked) for s in self._segments), np.fromiter(still_open, dtype=np.int32)):
                owners = self._owner_of[texts]
                having[owners[self._text_of[owners] == texts]] = True
            found &= having
        return found

    def _in_use(self) -> NDArray[np.bool_]:
        texts = np.arange(self._texts)
        return np.equal(self._text_of[self._owner_of[: self._texts]], texts)

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        own = self._text_of.nbytes + self._hash_of.nbytes + self._owner_of.nbytes
        return own + sum(array.nbytes for segment in self._segments for array in segment)

    def arrays(self) -> dict[str, Array]:
        """All of it but what is still open, for a snapshot."""
        owner_of = self._owner_of[: self._texts]
        kept: dict[str, Array] = {"text_of": self._text_of, "hash_of": self._hash_of, "owner_of": owner_of}
        for number, segment in enumerate(self._segments):
            kept |= {f"{number}.{name}": getattr(segment, name) for name in Segment._fields}
        return kept

    @classmethod
    def from_arrays(cls, arrays: dict[str, Array]) -> "TextIndex":
        """As it was kept."""
        made = cls()
        made._text_of = arrays["text_of"]
        # Hashes of words differ from process to process: what is put again is taken for changed, once.
        made._hash_of = np.zeros_like(arrays["hash_of"])
        made._texts = len(arrays["owner_of"])
        made._owner_of = _grown(arrays["owner_of"], max(1024, 2 * made._texts), 0)
        number = 0
        while f"{number}.words" in arrays:
            made._segments.append(Segment(*(arrays[f"{number}.{name}"] for name in Segment._fields)))
            number += 1
        return made


def _grown(array: Array, size: int, fill: int) -> Array:
    larger = np.full(max(size, len(array)), fill, dtype=array.dtype)
    larger[: len(array)] = array
    return larger
