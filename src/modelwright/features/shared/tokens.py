"""Tokens for networks: words of spaced scripts and single characters of Han and Kana, from one pattern.

Words seen in fewer than `min_df` training rows stay out of the vocabulary, since they may tell who wrote a row; they
fall into hashed buckets, as do bigrams of neighbouring tokens. Legend: N rows, S tokens in all.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pyarrow as pa

from modelwright.core.privacy_budget import Spending
from modelwright.core.schema import Column
from modelwright.features.base import Codec, Ragged
from modelwright.features.shared.once import once

PAD, BUCKETS, BIGRAMS = 0, 1024, 1 << 15
_TOKEN = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W\d_\u3040-\u30ff\u3400-\u9fff]+(?:'\w+)?|\d+|[^\w\s]", re.UNICODE
)
_MOST = 512
_LONGEST, _MOST_BUCKETS = 1 << 20, 1 << 24  # that a stored state may name
_PRIVATE_BUCKETS, _PRIVATE_LENGTH = 4096, 128


def tokenize(text: str) -> list[str]:
    """Return the tokens of a text: NFKC, lower case; words, numbers, marks, and Han or Kana one by one."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return _TOKEN.findall(text.lower())


def _tokens(values: pa.Array) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return the different tokens of texts, which one stands at each place [S], and where each row begins [N + 1]."""
    index: dict[str, int] = {}
    flat: list[int] = []
    ends = [0]
    for text in values.to_pylist():
        for token in tokenize(text) if text else ():
            flat.append(index.setdefault(token, len(index)))
        ends.append(len(flat))
    return list(index), np.array(flat, np.int64), np.array(ends, np.int64)


class TokenCodec(Codec):
    """Text to ids; encodes to {"ids": Ragged, "bigrams": Ragged} of equal lengths, at least one token a row.

    ids: 0 is padding, 1..buckets are hash buckets of unknown words, then the vocabulary. bigrams: hashed pairs of a
    token and the one after it, 1..BIGRAMS-1.
    """

    view = "tensor"

    def __init__(self, vocabulary: list[str], length: int, buckets: int = BUCKETS) -> None:
        self.vocabulary, self.length, self.buckets = vocabulary, length, buckets
        self._index = {w: i + 1 + buckets for i, w in enumerate(vocabulary)}
        self._unknown: dict[str, int] = {}

    @classmethod
    def fit(
        cls, values: pa.Array, column: Column, target: np.ndarray | None, seed: int, min_df: int = 2, most: int = 60_000
    ) -> Self:
        counts: Counter[str] = Counter()
        lengths = []
        for text in values.to_pylist():
            tokens = tokenize(text) if text else []
            counts.update(set(tokens))
            lengths.append(len(tokens))
        words = sorted((w for w, n in counts.items() if n >= min_df), key=lambda w: (-counts[w], w))[:most]
        length = int(np.percentile(lengths, 99)) if lengths else 8
        return cls(words, int(np.clip(length, 8, _MOST)))

    @classmethod
    def private_looks(cls, column: Column) -> int | None:
        return 0

    @classmethod
    def fit_private(cls, values: pa.Array, column: Column, spending: Spending, seed: int) -> Self:
        """No vocabulary: all words are hashed."""
        return cls([], int(column.options.get("length", _PRIVATE_LENGTH)), _PRIVATE_BUCKETS)

    @property
    def size(self) -> int:
        """Number of ids, padding and buckets included."""
        return 1 + self.buckets + len(self.vocabulary)

    def _id(self, token: str) -> int:
        found = self._index.get(token)
        if found is None:
            found = self._unknown.get(token)
            if found is None:
                found = 1 + zlib.crc32(token.encode("utf-8", "replace")) % self.buckets
                if len(self._unknown) < 100_000:
                    self._unknown[token] = found
        return found

    def ids(self, values: pa.Array) -> Ragged:
        """Return the ids alone."""
        words, flat, ends = once("tokens", values, lambda: _tokens(values))
        known = np.array([*map(self._id, words), 1], np.int64)
        sizes = np.minimum(np.diff(ends), self.length)
        if len(sizes) == 1:
            found = known[flat[: sizes[0]]] if sizes[0] else known[-1:]
            return Ragged(found, np.array([0, len(found)], np.int64))
        held = np.maximum(sizes, 1)  # a row without a token has one, the unknown
        offsets = np.concatenate([[0], np.cumsum(held)])
        row = np.repeat(np.arange(len(sizes)), held)
        place = np.arange(offsets[-1]) - offsets[row] + ends[row]
        flat = np.append(flat, len(words))
        return Ragged(known[np.where(sizes[row] > 0, flat[np.minimum(place, len(flat) - 1)], len(words))], offsets)

    def encode(self, values: pa.Array) -> dict[str, Ragged]:
        found = self.ids(values)
        flat, ends = found.values, found.offsets
        following = np.r_[flat[1:], 0]
        following[ends[1:] - 1] = 0  # the last token of a row has no neighbour
        mixed = (flat * 0x9E3779B1 + following * 0x85EBCA77) & 0xFFFFFFFF
        bigrams = 1 + ((mixed >> 7) ^ mixed) % (BIGRAMS - 1)
        return {"ids": Ragged(flat, ends), "bigrams": Ragged(bigrams, ends)}

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return (start, end) in the normalised, lower-cased text of each token that is encoded."""
        plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
        return [m.span() for m in _TOKEN.finditer(plain.lower())][: self.length]

    def state(self) -> dict[str, Any]:
        return {"vocabulary": self.vocabulary, "length": self.length, "buckets": self.buckets}

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        length, buckets = int(state["length"]), int(state.get("buckets", BUCKETS))
        if not (1 <= length <= _LONGEST and 1 <= buckets <= _MOST_BUCKETS):
            raise ValueError(f"texts of {length} tokens in {buckets} buckets")
        return cls(list(state["vocabulary"]), length, buckets)
