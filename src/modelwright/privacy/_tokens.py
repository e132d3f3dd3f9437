"""Texts as tokens with features, by arrays: what a token is by itself is worked out once for each distinct one.

Han characters are tokens by themselves, other words and numbers as wholes. Features are hashed into `SIZE` places (Weinberger
et al. 2009). A feature is either of one distinct token at an offset (its letters, its form, the lists that hold it), whose
weights sum up beforehand, or of classes and tokens side by side, hashed by arithmetic on arrays.
Legend: N tokens, V distinct tokens.
"""

from __future__ import annotations

import re
import zlib
from functools import cache
from typing import Any

import numpy as np

from modelwright.privacy import lexicon
from modelwright.privacy.text import END

SIZE = 1 << 17
OFFSETS = (-2, -1, 0, 1, 2)
_HAN = "\u3400-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(rf"[{_HAN}]|[^\W\d_{_HAN}]+(?:['’][^\W\d_{_HAN}]{{2,}})*|\d+|[^\S\n]+|.", re.DOTALL)
_CUT = 150  # tokens of a sequence, at most
_ENDS = frozenset("。！？!?；\n")
_PAD = 0
_WORD, _SPACE, _STOP, _LAST = range(4)  # kinds of tokens: the last ends a sentence
_ODD = np.uint64(0x9E3779B97F4A7C15)
_MORE = np.uint64(0xC2B2AE3D27D4EB4F)


def _hash(text: str) -> int:
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))


def _form(word: str) -> str:
    """Return the form of a token: its script or case, the length of numbers, and marks as themselves."""
    if word.isdigit():
        return f"d{min(len(word), 6)}"
    if not word[0].isalpha():
        return "NL" if word == "\n" else word[0]
    if "\u3400" <= word[0] <= "\u9fff" or "\uf900" <= word[0] <= "\ufaff":
        return "H"
    if word.isupper():
        return "X" if len(word) == 1 else "XX"
    if word[0].isupper():
        return "Xx" if word[1:].islower() else "XxX"
    return "x" if word.islower() else "xX"


def _kind(word: str) -> int:
    """Return whether a token is a word, blanks, the end of a cell or the end of a sentence."""
    if word == END:
        return _STOP
    if word.isspace() and word != "\n":
        return _SPACE
    return _LAST if word in _ENDS else _WORD


class Vocabulary:
    """Distinct tokens seen so far: a class, a hash and the hashed features at each offset of each; 0 stands for none."""

    def __init__(self) -> None:
        self.ids: dict[str, int] = {"": _PAD}
        self.words = [_hash("<pad>")]
        self.classes = [_hash("<pad class>")]
        self.codes = [0]  # of Han characters
        self.capitals = [False]
        self.kinds = [_WORD]
        self.lengths = [0]
        self._arrays: tuple[np.ndarray, ...] = ()
        self.features: list[tuple[list[int], ...]] = [tuple([_hash(f"{o}|pad") % SIZE] for o in OFFSETS)]

    def __len__(self) -> int:
        return len(self.words)

    def arrays(self) -> tuple[np.ndarray, ...]:
        """Return hashes of words, of classes, codes of Han characters, which begin with a capital, kinds and lengths [V]."""
        if not self._arrays or len(self._arrays[0]) != len(self):
            kinds = (np.uint64, np.uint64, np.int64, bool, np.int8, np.int64)
            held: tuple[list[Any], ...] = (
                self.words, self.classes, self.codes, self.capitals, self.kinds, self.lengths,
            )  # fmt: skip
            old = len(self._arrays[0]) if self._arrays else 0
            fresh = [np.array(h[old:], k) for h, k in zip(held, kinds)]
            self._arrays = tuple(np.concatenate([a, f]) for a, f in zip(self._arrays, fresh)) if old else tuple(fresh)
        return self._arrays

    def add(self, tokens: list[str]) -> None:
        """Work out what is new."""
        known = self.ids
        for token in sorted(set(tokens) - known.keys()):
            known[token] = len(self.words)
            self._append(token)

    def _append(self, token: str) -> None:
        low, form = token.lower(), _form(token)
        held = lexicon.bits().get(low, 0)
        if form == "H":
            held = (token in lexicon.surnames()) | (token in lexicon.given()) << 1
        self.words.append(_hash(low))
        self.capitals.append(len(token) > 1 and token[0].isupper())
        self.kinds.append(_kind(token))
        self.lengths.append(len(token))
        self.classes.append(_hash(f"{form}|{held}"))
        self.codes.append(ord(token[0]) if form == "H" else 0)
        near = [f"w={low}", f"f={form}", f"c={form}|{held}"]
        if form != "H":
            near += [f"b={i}" for i in range(len(lexicon.LATIN)) if held >> i & 1]
        here = list(near)
        if form != "H" and token[0].isalpha():
            here += [f"p={low[:n]}" for n in (1, 2, 3, 4)] + [f"s={low[-n:]}" for n in (1, 2, 3, 4)]
            here += [f"l={min(len(low), 10)}|{form}", f"s2={low[-2:]}|{form}"]
            near.append(f"s={low[-3:]}")
        self.features.append(
            tuple(
                [_hash(f"{o}|{f}") % SIZE for f in (here if o == 0 else near if abs(o) == 1 else near[:3])]
                for o in OFFSETS
            )
        )


class Tokens:
    """A text's tokens: `start` and `end` [N] in the text, `ids` [N] in the vocabulary, and the sequence each is of [N]."""

    def __init__(self, text: str, vocabulary: Vocabulary) -> None:
        found = _TOKEN.findall(text)
        vocabulary.add(found)
        every = np.fromiter(map(vocabulary.ids.__getitem__, found), np.int64, len(found))
        words, classes, codes, capitals, kinds, lengths = vocabulary.arrays()
        kind = kinds[every]
        ends = np.cumsum(lengths[every])
        kept = (kind == _WORD) | (kind == _LAST)
        self.ids = every[kept]
        self.end = ends[kept]
        self.start = self.end - lengths[self.ids]
        self.cell = np.cumsum(kind == _STOP)[kept]
        self.sequence = _sequences(kind[kept] == _LAST, self.cell)
        self._words = words[self.ids]
        codes = codes[self.ids]
        marks = _marks(codes, self.sequence)
        self._classes = classes[self.ids] * _ODD + marks.astype(np.uint64) * _MORE
        capital = capitals[self.ids]
        cased = np.zeros(int(self.sequence.max()) + 1 if len(self.ids) else 0, bool)
        np.logical_or.at(cased, self.sequence, capital)
        self._cased = cased[self.sequence].astype(np.uint64) + np.uint64(1)

    def __len__(self) -> int:
        return len(self.ids)

    def shifted(self, values: np.ndarray, offset: int, pad: int) -> np.ndarray:
        """Return the values [N] of the tokens at an offset in the same sequence, `pad` where there is none."""
        if offset == 0:
            return values
        out = np.full(len(values), pad, values.dtype)
        here, there = (
            (slice(None, -offset), slice(offset, None)) if offset > 0 else (slice(-offset, None), slice(None, offset))
        )
        if abs(offset) < len(values):
            same = self.sequence[here] == self.sequence[there]
            out[here] = np.where(same, values[there], pad)
        return out

    def pairs(self) -> list[np.ndarray]:
        """Return the hashed features [N] of tokens and classes side by side, one array for each template."""
        w = {o: self.shifted(self._words, o, 1) for o in OFFSETS}
        c = {o: self.shifted(self._classes, o, 1) for o in OFFSETS}
        templates = [
            (w[-1], w[0]), (w[0], w[1]), (w[-2], w[-1]), (w[1], w[2]), (c[-1], c[0]), (c[0], c[1]), (c[-1], c[0], c[1]),
            (w[-1], c[0]), (c[0], w[1]), (w[-1], w[0], w[1]), (c[-2], c[-1], c[0]), (c[0], c[1], c[2]), (w[-2], w[-1], c[0]),
            (c[0],), (c[-1],), (c[1],), (c[0], self._cased), (w[0], self._cased), (c[0], w[1], w[2]), (w[0], c[1]), (c[-1], w[0]),
        ]  # fmt: skip
        return _mixed(templates)


def _mixed(templates: list[tuple[np.ndarray, ...]]) -> list[np.ndarray]:
    """Return the hash [N] of each template's parts, salted by its place; all templates in one go."""
    salts = [(salt + 1) * 0x632BE59BD9B4E019 & 0xFFFFFFFFFFFFFFFF for salt in range(len(templates))]
    out = np.repeat(np.array(salts, np.uint64)[:, None], len(templates[0][0]), axis=1)
    for step in range(max(map(len, templates))):
        has = [i for i, parts in enumerate(templates) if len(parts) > step]
        mixed = (out[has] ^ np.stack([templates[i][step] for i in has])) * _ODD
        mixed ^= mixed >> np.uint64(29)
        out[has] = mixed
    return list((out % np.uint64(SIZE)).astype(np.int64))


def _sequences(last: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Return the number of each token's sequence [N]: cells, long ones cut at the ends of sentences (`last` [N] bool)."""
    if not len(cells):
        return np.zeros(0, np.int64)
    fresh = np.concatenate([[True], cells[1:] != cells[:-1]])
    firsts = np.append(np.flatnonzero(fresh), len(cells))
    for first, end in zip(firsts[:-1][np.diff(firsts) > _CUT], firsts[1:][np.diff(firsts) > _CUT]):
        while end - first > _CUT:
            stops = np.flatnonzero(last[first + _CUT // 2 : first + _CUT])
            first = first + (_CUT // 2 + int(stops[-1]) + 1 if len(stops) else _CUT)
            fresh[first] = True
    return np.cumsum(fresh) - 1


@cache
def _grams() -> tuple[tuple[int, int, np.ndarray], ...]:
    """Return (length, bit, sorted keys) of the lists of Han words: common words, places, surnames of two characters."""
    lists = {
        1: lexicon.entries("zh_words"),
        4: lexicon.entries("zh_places"),
        16: tuple(s for s in lexicon.entries("zh_surnames") if len(s) == 2),
    }
    out = []
    for bit, words in lists.items():
        for n in (2, 3, 4):
            keys = [_key(np.array([[ord(c) for c in w]]))[0] for w in words if len(w) == n]
            if keys:
                out.append((n, bit, np.unique(np.array(keys, np.int64))))
    return tuple(out)


def _key(codes: np.ndarray) -> np.ndarray:
    """Return one number for n Han characters [M, n]: 15 bits each are enough to tell them apart, four fit."""
    out = np.zeros(len(codes), np.int64)
    for i in range(codes.shape[1]):
        out = out << 15 | ((codes[:, i] - 0x3400) & 0x7FFF) + 1
    return out


def _marks(codes: np.ndarray, sequence: np.ndarray) -> np.ndarray:
    """Return which lists hold the Han characters around each token [N]: bits 1 and 2 starts and is inside a common word,
    4 and 8 a place, 16 and 32 a surname of two characters."""
    out = np.zeros(len(codes), np.int64)
    if not codes.any():
        return out
    for n, bit, keys in _grams():
        count = len(codes) - n + 1
        if count <= 0:
            continue
        inside = np.flatnonzero((sequence[:count] == sequence[n - 1 :]) & (codes[:count] > 0) & (codes[n - 1 :] > 0))
        grams = np.stack([codes[inside + i] for i in range(n)], 1)
        inside = inside[(grams > 0).all(1)]
        key = _key(grams[(grams > 0).all(1)])
        at = np.searchsorted(keys, key).clip(max=len(keys) - 1)
        hit = inside[keys[at] == key]
        out[hit] |= bit
        for i in range(1, n):
            out[hit + i] |= bit * 2
    return out
