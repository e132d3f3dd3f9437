"""Texts cut into units with their places: characters, or words where words are written apart.

Legend: P pieces (a long text is read in several), S units of all pieces.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

HAN = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORDS = re.compile(rf"[{HAN}]|[^\W\d_{HAN}]+|\d+|[^\w\s]|_", re.UNICODE)
_LETTERS = re.compile(r"\S")
_STOPS = frozenset("。！？!?；;\n")


def places(text: str, letters: bool) -> list[tuple[int, int]]:
    """Return (start, end) of the units of a text."""
    return [m.span() for m in (_LETTERS if letters else _WORDS).finditer(text)]


@dataclass(frozen=True)
class Pieces:
    """Texts cut into pieces of at most so many units. `row` [P]; `starts`, `ends` [S] in the text; `offsets` [P + 1]."""

    texts: Sequence[str]
    row: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.row)

    @property
    def lengths(self) -> np.ndarray:
        """Units of each piece [P]."""
        return np.diff(self.offsets)

    def surfaces(self) -> list[str]:
        """Return the units as they are written, of all pieces [S]."""
        out: list[str] = []
        starts, ends = self.starts.tolist(), self.ends.tolist()
        for piece, row in enumerate(self.row.tolist()):
            text = self.texts[row]
            out += [text[starts[i] : ends[i]] for i in range(self.offsets[piece], self.offsets[piece + 1])]
        return out


def pieces(texts: Iterable[str | None], letters: bool, longest: int) -> Pieces:
    """Return the pieces of texts; long ones are cut after the end of a sentence where there is one. Empty texts have none."""
    plain = [t or "" for t in texts]
    rows, starts, ends, offsets = [], [], [], [0]
    for row, text in enumerate(plain):
        units = places(text, letters)
        at = 0
        while at < len(units):
            end = min(len(units), at + longest)
            if end < len(units):
                stops = [i for i in range(at + longest // 2, end) if text[units[i][0]] in _STOPS]
                end = stops[-1] + 1 if stops else end
            starts += [a for a, _ in units[at:end]]
            ends += [b for _, b in units[at:end]]
            rows.append(row)
            offsets.append(offsets[-1] + end - at)
            at = end
    whole = (np.array(v, np.int64) for v in (rows, starts, ends, offsets))
    return Pieces(plain, *whole)
