"""Cells made comparable and laid end to end, so that one pass of a pattern reads thousands of them.

Full-width letters and digits, wide blanks and all kinds of dashes become their plain forms, one character for one, so places
stay; characters without width are taken out, and their places kept to find the way back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache, cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

END = "\x00"  # stands between cells; no pattern may cross it
_WIDE = {c: c - 0xFEE0 for c in range(0xFF01, 0xFF5F)}
_WIDE |= dict.fromkeys([0x3000, 0xA0, 0x2007, 0x2009, 0x200A, 0x202F], 0x20)
_WIDE |= dict.fromkeys([0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2015, 0x2212, 0xFE58, 0xFE63], 0x2D)
_WIDE |= {0: 0x20, 0xFF65: 0xB7, 0x30FB: 0xB7, 0x2022: 0xB7}
_WIDE |= {start + d: 0x30 + d for start in (0x660, 0x6F0, 0x966) for d in range(10)}
_FEW = 100  # cells for which arrays are not worth their start
_NO_WIDTH = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff\u202a-\u202e]")

_PLAIN = np.arange(1 << 16, dtype=np.uint32)  # what each code point becomes
_PLAIN[list(_WIDE)] = list(_WIDE.values())
_THIN = np.zeros(1 << 16, bool)
_THIN[[0xAD, *range(0x200B, 0x2010), 0x2060, 0xFEFF, *range(0x202A, 0x202F)]] = True  # as `_NO_WIDTH`


def plain(text: str) -> str:
    """Return a text in plain forms, of the same length."""
    return text.replace(END, " ") if text.isascii() else text.translate(_WIDE)


@cache
def _bare(pattern: re.Pattern[str]) -> str:
    """Return a pattern without what RE2 does not know: looking ahead and back."""
    flags = "(?i)" if pattern.flags & re.IGNORECASE else ""
    return flags + re.sub(r"\(\?<?[!=](?:[^()\[\]]|\[[^\]]*\])*\)", "", pattern.pattern)


@cache
def _search(hint: str) -> Callable[[str], object]:
    return re.compile(hint).search


class Block:
    """Cells end to end. `index` [N] says which cell of the source each one is; `text` has each cell followed by `END`."""

    def __init__(self, cells: Sequence[str], index: np.ndarray | None = None, *, made: bool = False) -> None:
        self._ways: dict[int, list[int]] = {}
        self.index = np.arange(len(cells)) if index is None else index
        self._selected: dict[object, Block] = {}
        if made or len(cells) <= _FEW:
            self.cells = list(cells) if made else self._comparable(cells)
            self.text = END.join([*self.cells, ""])
            lengths = np.fromiter(map(len, self.cells), np.int64, len(self.cells))
            self.starts = np.concatenate([[0], np.cumsum(lengths + 1)])
        else:
            self._translate(cells)

    def _comparable(self, cells: Sequence[str]) -> list[str]:
        out = [plain(c) for c in cells]
        for i, cell in enumerate(out):
            if not cell.isascii() and _NO_WIDTH.search(cell):
                self._ways[i] = [k for k, c in enumerate(cell) if not _NO_WIDTH.match(c)] + [len(cell)]
                out[i] = _NO_WIDTH.sub("", cell)
        return out

    def _translate(self, cells: Sequence[str]) -> None:
        """Do for many cells at once, on their code points, what `plain` does for one."""
        starts = np.concatenate([[0], np.cumsum(np.fromiter(map(len, cells), np.int64, len(cells)) + 1)])
        codes = np.frombuffer(END.join([*cells, ""]).encode("utf-32-le", "surrogatepass"), np.uint32)
        low = np.minimum(codes, len(_PLAIN) - 1)
        codes = np.where(codes < len(_PLAIN), _PLAIN[low], codes)
        codes[starts[1:] - 1] = 0
        thin = _THIN[low] & (codes > 0)
        if thin.any():
            for i in np.unique(np.searchsorted(starts, np.flatnonzero(thin), "right") - 1).tolist():
                gone = thin[starts[i] : starts[i + 1] - 1]
                self._ways[i] = [*np.flatnonzero(~gone).tolist(), len(gone)]
            starts -= np.concatenate([[0], np.cumsum(thin)])[starts]
            codes = codes[~thin]
        self.starts = starts
        self.text = codes.tobytes().decode("utf-32-le", "surrogatepass")
        ends = (starts[1:] - 1).tolist()
        self.cells = [self.text[a:b] for a, b in zip(starts.tolist(), ends)]

    def __len__(self) -> int:
        return len(self.cells)

    @cached_property
    def _digits(self) -> np.ndarray:
        """How many digits each cell holds [N]."""
        codes = np.frombuffer(self.text.encode("utf-32-le", "surrogatepass"), np.uint32)
        so_far = np.concatenate([[0], np.cumsum((codes >= 0x30) & (codes <= 0x39))])
        return np.diff(so_far[self.starts])

    @cached_property
    def _array(self) -> pa.Array:
        return pa.array(self.cells, pa.large_string())

    def select(self, hint: str) -> Block:
        """Return the cells in which a hint is found (in what RE2 and Python have in common); each is looked for once."""
        if not hint:
            return self
        if hint not in self._selected:
            if len(self.cells) <= _FEW:
                search = _search(hint)
                if len(self.cells) == 1 and search(self.cells[0]):
                    self._selected[hint] = self
                    return self
                found = np.array([i for i, c in enumerate(self.cells) if search(c)], np.int64)
            else:
                found = np.flatnonzero(np.asarray(pc.match_substring_regex(self._array, hint)))
            self._selected[hint] = self._picked(found)
        return self._selected[hint]

    def _picked(self, found: np.ndarray) -> Block:
        return Block([self.cells[i] for i in found.tolist()], self.index[found], made=True)

    def with_digits(self, least: int) -> Block:
        """Return the cells with at least so many digits; a few cells are not worth the count and stay all."""
        if not least or len(self.cells) <= _FEW:
            return self
        if least not in self._selected:
            self._selected[least] = self._picked(np.flatnonzero(self._digits >= least))
        return self._selected[least]

    def matching(self, pattern: re.Pattern[str]) -> Block:
        """Return at least the cells in which a pattern is found: what stands around it is not looked at."""
        return self.select(_bare(pattern))

    def finditer(self, pattern: re.Pattern[str]) -> Iterator[tuple[int, re.Match[str]]]:
        """Yield (cell, match in `text`) for every place where a pattern is found."""
        if not self.cells:
            return
        starts, at = self.starts, 0
        for m in pattern.finditer(self.text):
            if m.start() >= starts[at + 1]:
                at = int(np.searchsorted(starts, m.start(), "right")) - 1
            yield at, m

    def back(self, cell: int, start: int, end: int) -> tuple[int, int]:
        """Return a span of a source cell as it lies in the original, where characters without width were taken out."""
        way = self._ways.get(cell)
        return (start, end) if way is None else (way[start], way[end - 1] + 1)
