"""Dictionary words that cover the characters of Chinese text, with their parts of speech: features of taggers.

The dictionary is the one that comes with jieba (MIT licence); its file is read here, and nothing of jieba's own cache
is. Words are found by the longest match from the front and from the back, which is quick and, as features, enough.
"""

from __future__ import annotations

import importlib.util
import zlib
from functools import cache
from pathlib import Path

import numpy as np

from modelwright.core.errors import MissingExtra
from modelwright.features.shared.pieces import Pieces

_LONGEST = 8


def installed() -> bool:
    """Return whether there is a dictionary."""
    return importlib.util.find_spec("jieba") is not None


@cache
def _words() -> dict[str, str]:
    """Return the part of speech of every dictionary word of 2 to 8 characters."""
    spec = importlib.util.find_spec("jieba")
    if spec is None or spec.origin is None:
        raise MissingExtra("chinese", "Chinese dictionary features", "中文词典特征")
    out: dict[str, str] = {}
    for line in (Path(spec.origin).parent / "dict.txt").read_text(encoding="utf-8").splitlines():
        word, _, rest = line.partition(" ")
        if 2 <= len(word) <= _LONGEST:
            out[word] = rest.rpartition(" ")[2]
    return out


class Lexicon:
    """Marks units by the dictionary words over them."""

    def __init__(self) -> None:
        self.words = _words()
        self.heads, self.tails = _ends()

    def marks(self, found: Pieces) -> dict[str, np.ndarray]:
        """Return hashes of every unit [S]: place and part of speech of its word from the front (`ahead`) and from the
        back (`back`), the word itself (`entry`), and the words before and after it (`before`, `after`).
        """
        count = len(found.starts)
        out = {name: np.zeros(count, np.uint64) for name in ("ahead", "back", "entry", "before", "after")}
        starts, ends = found.starts.tolist(), found.ends.tolist()
        for piece, row in enumerate(found.row.tolist()):
            first, last = int(found.offsets[piece]), int(found.offsets[piece + 1])
            text = found.texts[row]
            low, high = starts[first], ends[last - 1]
            part = text[low:high]
            front, behind = self._front(part), self._behind(part)
            places = np.array(starts[first:last]) - low
            for name, cut in (("ahead", front), ("back", behind)):
                out[name][first:last] = self._mark(part, cut)[places]
            which = np.repeat(np.arange(len(front)), [b - a for a, b in front])
            hashes = np.array([zlib.crc32(part[a:b].encode("utf-8", "replace")) for a, b in front], np.uint64)
            padded = np.r_[np.uint64(1), hashes, np.uint64(2)]
            out["entry"][first:last] = padded[1 + which[places]]
            out["before"][first:last] = padded[which[places]]
            out["after"][first:last] = padded[2 + which[places]]
        return out

    def _mark(self, text: str, cut: list[tuple[int, int]]) -> np.ndarray:
        """Return a hash of place in the word and part of speech for every character."""
        out: list[int] = []
        for a, b in cut:
            if b - a == 1:
                out.append(5)
                continue
            kind = _kinds(self.words[text[a:b]])
            out += [kind[0]] + [kind[1]] * (b - a - 2) + [kind[2]]
        return np.array(out, np.uint64)

    def _front(self, text: str) -> list[tuple[int, int]]:
        words, heads, out, at = self.words, self.heads, [], 0
        while at < len(text):
            end = at + 1
            if text[at : at + 2] in heads:
                for stop in range(min(len(text), at + _LONGEST), at + 1, -1):
                    if text[at:stop] in words:
                        end = stop
                        break
            out.append((at, end))
            at = end
        return out

    def _behind(self, text: str) -> list[tuple[int, int]]:
        words, tails, out, end = self.words, self.tails, [], len(text)
        while end > 0:
            begin = end - 1
            if text[max(0, end - 2) : end] in tails:
                for start in range(max(0, end - _LONGEST), end - 1):
                    if text[start:end] in words:
                        begin = start
                        break
            out.append((begin, end))
            end = begin
        return out[::-1]


@cache
def _ends() -> tuple[frozenset[str], frozenset[str]]:
    """Return the first and the last two characters of all words: most places need no further look."""
    return frozenset(w[:2] for w in _words()), frozenset(w[-2:] for w in _words())


@cache
def _kinds(flag: str) -> tuple[int, int, int]:
    """Return the hashes of beginning, inside and end of a word of a part of speech."""
    begin, inside, end = (zlib.crc32(f"{place}-{flag}".encode()) for place in "BME")
    return begin, inside, end
