"""From texts to hashed n-grams, by array operations over all rows of a chunk at once.

Texts are folded (NFKC, lower case, single spaces) and laid end to end as code points, one space between two texts.
Character n-grams never cross a space but may begin or end with one, so spaced scripts get n-grams within words with
their edges marked, and Chinese, which has no spaces, gets n-grams of the running text. Words are runs of letters and
digits; a Han or Kana character is a word by itself.

Hashes are polynomial in the (mixed) code points modulo 2**64, finished by the splitmix64 mixer (Steele et al. 2014,
doi 10.1145/2660193.2660195), of which the upper 48 bits are kept. Legend: S code points, N rows, G n-grams.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from modelwright.data.splitmix import mix

APART = 4  # words from one of a pair to the other at most
LONGEST = 20_000  # characters of one text that are read; the rest adds time, not sense
_BASE = np.uint64(0x9E3779B97F4A7C15 | 1)
_INVERSE = np.uint64(pow(int(_BASE), -1, 1 << 64))
_KEEP = np.uint64(0xFFFFFFFFFFFF0000)
_OTHER, _LETTER, _HAN = 1, 2, 3
_HAN_RANGES = (
    (0x3005, 0x3007),
    (0x3040, 0x30FF),
    (0x31F0, 0x31FF),
    (0x3400, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x323AF),
)
_kinds = np.zeros(0x110000, np.uint8)  # filled as characters are met; 0 is "not met yet"


def fold(text: str) -> str:
    """Return the text in the one form in which equal texts are equal: NFKC, lower case, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text[:LONGEST]).lower().split())


def fold_with_origin(text: str) -> tuple[str, np.ndarray]:
    """Return the folded text and the half-open original character ranges [S, 2] of its characters."""
    folded: list[str] = []
    spans: list[tuple[int, int]] = []
    text = text[:LONGEST]
    at = 0
    while at < len(text):
        end = at + 1
        while end < len(text) and unicodedata.combining(text[end]):
            end += 1
        for char in unicodedata.normalize("NFKC", text[at:end]).lower():
            if not char.isspace():
                folded.append(char)
                spans.append((at, end))
            elif folded and folded[-1] != " ":
                folded.append(" ")
                spans.append((at, end))
        at = end
    if folded and folded[-1] == " ":
        folded.pop()
        spans.pop()
    return "".join(folded), np.array(spans, np.int64).reshape(-1, 2)


def is_han(code: int) -> bool:
    """Whether a code point is a Han or Kana character, which counts as a word."""
    return any(low <= code <= high for low, high in _HAN_RANGES)


@dataclass(frozen=True)
class Layout:
    """Folded texts end to end: `codes` [S] code points, `mixed` [S] uint64, `rows` [S], number of rows `count`."""

    codes: np.ndarray
    mixed: np.ndarray
    rows: np.ndarray
    count: int


def lay_out(folded: Sequence[str]) -> Layout:
    """Lay folded texts end to end; the space before a text belongs to its row."""
    joined = f" {' '.join(folded)} "
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
    lengths = np.fromiter((len(t) + 1 for t in folded), np.int64, len(folded))
    rows = np.empty(len(codes), np.int32)
    rows[: len(codes) - 1] = np.repeat(np.arange(len(folded), dtype=np.int32), lengths)
    rows[-1] = len(folded) - 1
    return Layout(codes, mix(codes.astype(np.uint64) + _BASE), rows, len(folded))


def char_ngrams(text: Layout, low: int, high: int) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
    """Yield for each length from `low` to `high` the hashes [G], their first positions [G], and the length."""
    blank = text.codes == 32
    size = len(blank)
    spaces = np.flatnonzero(blank)
    # index of the first space after each position: an n-gram may end there, not beyond
    following = spaces[np.minimum(np.cumsum(blank), len(spaces) - 1)]
    here = np.arange(size)
    reach = following - here  # n-grams from here may have up to reach + 1 characters
    reach[blank & (reach == 1)] = 0  # two spaces in a row are no n-gram
    reach[-1] = 0
    hashes = np.zeros(size, np.uint64)
    for n in range(1, high + 1):
        if n > size:
            return
        hashes = hashes[: size - n + 1] * _BASE + text.mixed[n - 1 :]
        if n < low:
            continue
        starts = np.flatnonzero((reach[: size - n + 1] >= n - 1) if n > 1 else ~blank)
        yield mix(hashes[starts] + np.uint64(n)) & _KEEP, starts, n


def word_ngrams(text: Layout, bigrams: bool = True) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield the hashes [G], first positions [G] and ends [G] of words, then of pairs of neighbouring words."""
    kinds = _kinds_of(text.codes)
    letter, han = kinds == _LETTER, kinds == _HAN
    before = np.zeros_like(letter)
    before[1:] = letter[:-1]
    after = np.zeros_like(letter)
    after[:-1] = letter[1:]
    starts = np.flatnonzero(han | (letter & ~before))
    ends = np.flatnonzero(han | (letter & ~after)) + 1
    size = len(text.codes)
    powers = np.full(size, _BASE)
    powers[0] = 1
    powers = np.multiply.accumulate(powers)
    sums = np.zeros(size + 1, np.uint64)
    np.cumsum(text.mixed * powers, out=sums[1:])
    inverse = np.full(size, _INVERSE)
    inverse[0] = 1
    inverse = np.multiply.accumulate(inverse)
    words = mix((sums[ends] - sums[starts]) * inverse[starts])
    yield words & _KEEP, starts, ends
    if bigrams and len(starts) > 1:
        same = text.rows[starts[:-1]] == text.rows[starts[1:]]
        pairs = mix(words[:-1] * _BASE + words[1:])[same]
        yield pairs & _KEEP, starts[:-1][same], ends[1:][same]


def word_pairs(text: Layout) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield for each distance up to `APART` words the hashes [G] of two words in either order, the first position [G] of what
    stands first and the end [G] of the other."""
    words, starts, ends = next(iter(word_ngrams(text, bigrams=False)))
    rows = text.rows[starts]
    for step in range(1, min(APART + 1, len(words))):
        same = rows[:-step] == rows[step:]
        low, high = np.minimum(words[:-step], words[step:])[same], np.maximum(words[:-step], words[step:])[same]
        yield mix(low * _BASE + high + np.uint64(1)) & _KEEP, starts[:-step][same], ends[step:][same]


def _kinds_of(codes: np.ndarray) -> np.ndarray:
    kinds = _kinds[codes]
    if not kinds.all():
        for code in np.unique(codes[kinds == 0]).tolist():
            _kinds[code] = _HAN if is_han(code) else _LETTER if _is_letter(chr(code)) else _OTHER
        kinds = _kinds[codes]
    return kinds


def _is_letter(char: str) -> bool:
    # combining marks belong to the word they stand in (Devanagari, Thai)
    return char.isalnum() or char == "_" or unicodedata.category(char).startswith("M")


FIGURES = 13
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*", re.UNICODE)
_END = re.compile(r"[.!?。！？]+(?=\s|$|[\u3400-\u9fff\"'”’])|\n+")


def text_figures(texts: Sequence[str]) -> np.ndarray:
    """Return float32 [N, 13] about the make-up of texts.

    Characters, words, the shares of digits, capitals, Han and punctuation; sentences, words to a sentence, different
    words, those to the root of all (Guiraud 1954), mean and deviation of the length of words, share of words that are
    longer than six letters.
    """
    out = np.zeros((len(texts), FIGURES), np.float32)
    for i, text in enumerate(texts):
        text = text[:LONGEST]
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
        if not len(codes):
            continue
        kinds = _kinds_of(codes)
        han = int((kinds == _HAN).sum())
        digits = int(((codes >= 48) & (codes <= 57)).sum())
        capitals = int(((codes >= 65) & (codes <= 90)).sum())
        spaces = text.count(" ")
        marks = int((kinds == _OTHER).sum()) - spaces
        out[i, 0] = len(codes)
        out[i, 1] = spaces + 1 + han
        out[i, 2:6] = np.array([digits, capitals, han, marks]) / len(codes)
        words = _WORD.findall(text.lower()) if han * 2 < len(codes) else [c for c in text if is_han(ord(c))]
        sentences = len(_END.findall(text)) or 1
        out[i, 6:8] = sentences, out[i, 1] / sentences
        if words:
            lengths = np.fromiter(map(len, words), np.float64, len(words))
            different = len(set(words))
            out[i, 8:10] = different, different / len(words) ** 0.5
            out[i, 10:] = lengths.mean(), lengths.std(), (lengths > 6).mean()
    return out


def distinct(hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the different hashes [D], sorted, and which of them each is [G] int64.

    A table of hashes finds them in a sixth of the time that sorting all takes (a million of which one in eight differs).
    """
    coded = pa.array(hashes).dictionary_encode()
    found = coded.dictionary.to_numpy()
    order = np.argsort(found)
    place = np.empty(len(found), np.int64)
    place[order] = np.arange(len(found))
    return found[order], place[coded.indices.to_numpy()]


class HashIndex:
    """Finds hashes in a sorted array [V]: buckets by upper bits, then a few steps within the bucket."""

    def __init__(self, keys: np.ndarray) -> None:
        self.keys = keys
        bits = max(1, len(keys).bit_length())
        self._shift = np.uint64(64 - bits)
        edges = np.arange(1 << bits, dtype=np.uint64) << self._shift
        self._first = np.append(np.searchsorted(keys, edges), len(keys)).astype(np.int32)
        self._padded = np.append(keys, np.uint64(0xFFFFFFFFFFFFFFFF))

    def find(self, hashes: np.ndarray) -> np.ndarray:
        """Return the index of each hash [G] int32, -1 where it is not known."""
        if len(hashes) < 4096:
            near = np.searchsorted(self.keys, hashes)
            return np.where(self._padded[near] == hashes, near, -1).astype(np.int32)
        bucket = (hashes >> self._shift).astype(np.int64)
        at = self._first[bucket]
        out = np.full(len(hashes), -1, np.int32)
        open_ = np.flatnonzero(at < self._first[bucket + 1])
        at = at[open_]
        wanted = hashes[open_]
        while len(open_):
            keys = self._padded[at]
            hit = keys == wanted
            out[open_[hit]] = at[hit]
            on = keys < wanted  # the keys are sorted: stop at the first one that is larger
            open_, at, wanted = open_[on], at[on] + 1, wanted[on]
        return out
