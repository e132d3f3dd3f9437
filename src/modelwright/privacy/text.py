"""Cells made comparable and laid end to end, so that one pass of a pattern reads thousands of them.

Full-width letters and digits, wide blanks and all kinds of dashes become their plain forms, one character for one, so places
stay; characters without width are taken out, and their places kept to find the way back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

END = "\x00"  # stands between cells; no pattern may cross it
_WIDE = {c: c - 0xFEE0 for c in range(0xFF01, 0xFF5F)}
_WIDE |= dict.fromkeys([0x3000, 0xA0, 0x2007, 0x2009, 0x200A, 0x202F], 0x20)
_WIDE |= dict.fromkeys([0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2015, 0x2212, 0xFE58, 0xFE63], 0x2D)
_WIDE |= {0: 0x20, 0xFF65: 0xB7, 0x30FB: 0xB7, 0x2022: 0xB7}
_WIDE |= {start + d: 0x30 + d for start in (0x660, 0x6F0, 0x966) for d in range(10)}
_FEW, _SHORT = 100, 5_000  # cells, and characters of all together, for which arrays are not worth their start
_NO_WIDTH = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff\u202a-\u202e]")

_PLAIN = np.arange(1 << 16, dtype=np.uint32)  # what each code point becomes
_PLAIN[list(_WIDE)] = list(_WIDE.values())
_THIN = np.zeros(1 << 16, bool)
_THIN[[0xAD, *range(0x200B, 0x2010), 0x2060, 0xFEFF, *range(0x202A, 0x202F)]] = True  # as `_NO_WIDTH`

NONE: Mapping[str, int] = MappingProxyType({})
IN_HAN = -1  # beside a hint, in place of a number of digits: for cells with a Han character
HAN = "汉"  # in `having`: any Han character
SIGNS = "@#*+·<:=.([{【-\n" + HAN  # what stands in few cells, and has to where some patterns are found
_SIGN = np.zeros(1 << 16, np.uint32)  # the bit of each code point
for _i, _c in enumerate(SIGNS):
    _SIGN[ord(_c)] = 1 << _i
_SIGN[0x4E00:0xA000] = 1 << SIGNS.index(HAN)


def plain(text: str) -> str:
    """Return a text in plain forms, of the same length."""
    return text.replace(END, " ") if text.isascii() else text.translate(_WIDE)


@cache
def bare(pattern: re.Pattern[str]) -> str:
    """Return a pattern without what RE2 does not know: looking ahead and back."""
    flags = "(?i)" if pattern.flags & re.IGNORECASE else ""
    return flags + re.sub(r"\(\?<?[!=](?:[^()\[\]]|\[[^\]]*\])*\)", "", pattern.pattern)


@cache
def _search(hint: str) -> Callable[[str], object]:
    return re.compile(hint).search


@cache
def _any_of(hints: tuple[str, ...]) -> str:
    """Return one pattern that finds what any of the hints finds."""
    return "|".join(f"(?i:{h[4:]})" if h.startswith("(?i)") else f"(?:{h})" for h in hints)


@cache
def _sign_of(signs: str) -> str:
    """Return a hint that finds any of some signs."""
    return "[" + re.escape(signs).replace(HAN, "\u4e00-\u9fff") + "]"


@cache
def _bits(signs: str) -> int:
    """Return the bits that stand for some signs in `_SIGN`, one for each of `SIGNS`. Raises ValueError for any other sign."""
    return sum(1 << SIGNS.index(c) for c in signs)


class Block:
    """Cells end to end. `index` [N] says which cell of the source each one is; `text` has each cell followed by `END`.

    A block is whole or a part of a whole one. Few cells are looked through one by one, many by arrays: which signs each holds,
    and for hints in `together` which cells may hold any of them, is worked out for all at once; the number beside a hint
    says how many digits the cells have that are asked for it, or `IN_HAN`.
    """

    def __init__(self, cells: Sequence[str], together: Mapping[str, int] = NONE) -> None:
        self._begin(np.arange(len(cells)), None)
        self._together = together
        self._likely: dict[int, np.ndarray] = {}
        if len(cells) <= _FEW and sum(map(len, cells)) <= _SHORT:
            self._few = True
            self.cells = self._comparable(cells)
        else:
            self._translate(cells)

    def _begin(self, index: np.ndarray, whole: Block | None) -> None:
        self.index, self._whole = index, whole
        self._ways: dict[int, list[int]] = {}
        self._selected: dict[object, Block] = {}

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
        self._codes = codes
        self.text = codes.tobytes().decode("utf-32-le", "surrogatepass")

    @cached_property
    def cells(self) -> list[str]:
        """The plain cells."""
        if self._whole is None:
            text, first, last = self.text, self.starts[:-1], self.starts[1:]
        else:
            text, starts = self._whole.text, self._whole.starts
            first, last = starts[self.index], starts[self.index + 1]
        return [text[a:b] for a, b in zip(first.tolist(), (last - 1).tolist())]

    @cached_property
    def text(self) -> str:
        """The plain cells, each followed by `END`."""
        return END.join([*self.cells, ""])

    @cached_property
    def starts(self) -> np.ndarray:
        """Where each cell begins in `text`, and the end of the last one [N + 1]."""
        if self._whole is None:
            lengths = np.fromiter(map(len, self.cells), np.int64, len(self.cells)) + 1
        else:
            lengths = np.diff(self._whole.starts)[self.index]
        return np.concatenate([[0], np.cumsum(lengths)])

    def __len__(self) -> int:
        return len(self.index)

    @cached_property
    def _few(self) -> bool:
        """Whether the cells are looked through one by one."""
        return len(self) <= _FEW and int(self.starts[-1]) <= _SHORT

    @cached_property
    def _digits(self) -> np.ndarray:
        """How many digits each cell of a whole block holds [N]."""
        so_far = np.concatenate([[0], np.cumsum((self._codes >= 0x30) & (self._codes <= 0x39))])
        return np.diff(so_far[self.starts])

    @cached_property
    def _signs(self) -> np.ndarray:
        """Which of `SIGNS` each cell of a whole block holds, as bits [N]."""
        held = _SIGN[np.minimum(self._codes, len(_SIGN) - 1)]
        return np.bitwise_or.reduceat(held, self.starts[:-1])

    def _may_hold(self, digits: int) -> np.ndarray:
        """Which cells of a whole block hold something that any hint in `together` with so many digits finds [N] bool."""
        if digits not in self._likely:
            some = self.having(HAN) if digits == IN_HAN else self.with_digits(digits)
            self._likely[digits] = np.zeros(len(self), bool)
            hints = tuple(h for h, n in self._together.items() if n == digits)
            self._likely[digits][some.index] = np.asarray(pc.match_substring_regex(some._array, _any_of(hints)))
        return self._likely[digits]

    @cached_property
    def _array(self) -> pa.Array:
        if self._whole is not None:
            return self._whole._array.take(pa.array(self.index))
        return pa.array(self.cells, pa.large_string())

    def select(self, hint: str) -> Block:
        """Return the cells in which a hint is found (in what RE2 and Python have in common); each is looked for once."""
        if not hint or not len(self):
            return self
        if hint not in self._selected:
            whole = self._whole or self
            if self._few:
                search = _search(hint)
                self._selected[hint] = self._where([search(c) is not None for c in self.cells])
            elif hint in whole._together:
                likely = self._where(whole._may_hold(whole._together[hint])[self.index])
                if len(likely) and not likely._few:
                    likely = likely._where(np.asarray(pc.match_substring_regex(likely._array, hint)))
                else:
                    likely = likely.select(hint)
                self._selected[hint] = likely
            else:
                self._selected[hint] = self._where(np.asarray(pc.match_substring_regex(self._array, hint)))
        return self._selected[hint]

    def _where(self, kept: np.ndarray | Sequence[bool]) -> Block:
        """Return the part of the cells that is kept [N] bool: the block itself where that is all of it."""
        kept = np.asarray(kept, bool)
        if kept.all():
            return self
        part = Block.__new__(Block)
        part._begin(self.index[kept], self._whole or self)
        if "cells" in self.__dict__ and self._few:
            part.cells = [c for c, k in zip(self.cells, kept.tolist()) if k]
        return part

    def with_digits(self, least: int) -> Block:
        """Return the cells with at least so many digits; a few cells are not worth the count and stay all."""
        if not least or self._few:
            return self
        if least not in self._selected:
            self._selected[least] = self._where((self._whole or self)._digits[self.index] >= least)
        return self._selected[least]

    def having(self, signs: str) -> Block:
        """Return the cells that hold at least one of some signs, all of them in `SIGNS`."""
        if not signs or not len(self):
            return self
        if self._few:
            return self.select(_sign_of(signs))
        key = ("signs", signs)
        if key not in self._selected:
            self._selected[key] = self._where(((self._whole or self)._signs[self.index] & _bits(signs)) > 0)
        return self._selected[key]

    def matching(self, pattern: re.Pattern[str]) -> Block:
        """Return at least the cells in which a pattern is found: what stands around it is not looked at."""
        return self.select(bare(pattern))

    def finditer(self, pattern: re.Pattern[str]) -> Iterator[tuple[int, re.Match[str]]]:
        """Yield (cell, match in `text`) for every place where a pattern is found."""
        if not len(self):
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
