"""Texts as sequences of units with their places, tags of units, and hashed features of each unit and its neighbours.

Units are single Han and Kana characters and, elsewhere, words, numbers and marks; or characters throughout, where the
marked spans begin and end inside words. Offsets always point into the original text.
Legend: R rows, P pieces (a long text is read in several), S units of all pieces, K tags, F features of a unit.
"""

from __future__ import annotations

import json
import re
import unicodedata
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np

from modelwright.features.shared.lexicon import Lexicon
from modelwright.features.shared.pieces import HAN, Pieces, places

_INSIDE = 0.005  # share of spans whose ends lie inside words from which characters are the units
Span = Mapping[str, Any]


def by_letters(texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> bool:
    """Return whether the units must be characters: spans of the training rows begin or end inside words."""
    total = inside = 0
    for text, marked in zip(texts, spans, strict=True):
        if not marked:
            continue
        units = places(text, False)
        starts, ends = {a for a, _ in units}, {b for _, b in units}
        total += len(marked)
        inside += sum(s["start"] not in starts or s["end"] not in ends for s in marked)
    return total > 0 and inside > _INSIDE * total


class Tags:
    """Tags of units for labels: O, then begin, inside, end and single of each label (BIOES)."""

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = tuple(labels)
        self.size = 1 + 4 * len(self.labels)

    def of(self, spans: Sequence[Span], units: Sequence[tuple[int, int]]) -> np.ndarray:
        """Return the tags [T] of a text's units; of spans that overlap, the longest is kept (a sequence has one tag each)."""
        out = np.zeros(len(units), np.int64)
        taken = np.zeros(len(units), bool)
        index = {n: i for i, n in enumerate(self.labels)}
        starts, ends = np.array([a for a, _ in units]), np.array([b for _, b in units])
        for span in sorted(spans, key=lambda s: (s["start"] - s["end"], s["start"])):
            if span["label"] not in index or not len(units):
                continue
            first, last = np.searchsorted(ends, span["start"], "right"), np.searchsorted(starts, span["end"]) - 1
            if first > last or taken[first : last + 1].any():
                continue
            base = 1 + 4 * index[span["label"]]
            taken[first : last + 1] = True
            out[first : last + 1] = base + 1
            out[first], out[last] = base, base + 2
            if first == last:
                out[first] = base + 3
        return out

    def allowed(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return which tag may follow which [K, K], which may begin [K], which may end [K]."""
        kind = np.r_[4, np.tile(np.arange(4), len(self.labels))]  # begin 0, inside 1, end 2, single 3, O 4
        label = np.r_[-1, np.repeat(np.arange(len(self.labels)), 4)]
        open_ = (kind == 0) | (kind == 1)
        goes_on = (kind == 1) | (kind == 2)
        same = label[:, None] == label[None]
        follows = np.where(open_[:, None], goes_on[None] & same, ~goes_on[None])
        return follows, ~goes_on, ~open_

    def spans(self, tags: np.ndarray) -> list[tuple[int, int, str]]:
        """Return (first unit, last unit, label) of allowed tags [T]."""
        out, begun = [], 0
        for i, tag in enumerate(tags.tolist()):
            kind = (tag - 1) % 4 if tag else 4
            if kind in (0, 3):
                begun = i
            if kind in (2, 3):
                out.append((begun, i, self.labels[(tag - 1) // 4]))
        return out


def tags_of(found: Pieces, spans: Sequence[Sequence[Span]], tags: Tags) -> np.ndarray:
    """Return the tags of all units [S] from the spans of each row."""
    out = np.zeros(len(found.starts), np.int64)
    for piece, row in enumerate(found.row.tolist()):
        part = slice(found.offsets[piece], found.offsets[piece + 1])
        units = list(zip(found.starts[part].tolist(), found.ends[part].tolist(), strict=True))
        low, high = units[0][0], units[-1][1]
        inside = [s for s in spans[row] if s["start"] < high and s["end"] > low]
        out[part] = tags.of(inside, units)
    return out


def read_spans(value: str | None) -> list[dict[str, Any]]:
    """Return the spans that a target cell holds as JSON text."""
    return list(json.loads(value)) if value else []


# -- features of units ----------------------------------------------------------------------------------------------


@lru_cache(200_000)
def _looks(surface: str) -> tuple[int, int, int, int, int, int]:
    """Return hashes of a unit: itself, its shape, its first two and three letters, its last two and three."""
    plain, low = unicodedata.normalize("NFKC", surface), normal(surface)
    shape = re.sub(r"(.)\1+", r"\1", "".join(_kind(c) for c in plain))
    return (_hash(low), _hash(shape), _hash(low[:2]), _hash(low[:3]), _hash(low[-2:]), _hash(low[-3:]))


@lru_cache(200_000)
def normal(surface: str) -> str:
    """Return a unit as vocabularies hold it: in half width, lower case, digits told by their number only."""
    low = unicodedata.normalize("NFKC", surface).lower()
    return "0" * len(low) if low.isdigit() else low


@cache
def _kind(char: str) -> str:
    if char.isdigit():
        return "9"
    if re.match(rf"[{HAN}]", char):
        return "汉"
    if char.isalpha():
        return "A" if char.isupper() else "a"
    return char


def _hash(text: str) -> int:
    return zlib.crc32(text.encode("utf-8", "replace"))


@dataclass(frozen=True)
class Looks:
    """Hashes of every unit [S] by name, and which piece it is in [S]: what the templates are made of."""

    columns: dict[str, np.ndarray]
    piece: np.ndarray

    def at(self, name: str, shift: int) -> np.ndarray:
        """Return a column [T] as seen `shift` units away, a mark of its own beyond the ends of the piece."""
        values = self.columns[name]
        place = np.arange(len(values)) + shift
        inside = (place >= 0) & (place < len(values))
        place = np.clip(place, 0, max(0, len(values) - 1))
        inside &= self.piece[place] == self.piece
        return np.where(inside, values[place], np.uint64(7 + abs(shift)))


def looks(found: Pieces, lexicon: Lexicon | None) -> Looks:
    """Return the hashes of every unit, with those of the dictionary words that cover it where a lexicon is given."""
    table = np.array([_looks(s) for s in found.surfaces()], np.uint64).reshape(-1, 6)
    names = ("word", "shape", "first2", "first3", "last2", "last3")
    columns = {n: np.ascontiguousarray(table[:, i]) for i, n in enumerate(names)}
    piece = np.repeat(np.arange(len(found)), found.lengths)
    if lexicon is not None:
        for name, values in lexicon.marks(found).items():
            columns[name] = values
    return Looks(columns, piece)


Template = tuple[tuple[str, int], ...]
_W, _S = "word", "shape"
TEMPLATES: tuple[Template, ...] = (
    *(((_W, i),) for i in (-2, -1, 0, 1, 2)),
    *(((_W, i), (_W, i + 1)) for i in (-2, -1, 0, 1)),
    ((_W, -1), (_W, 1)),
    ((_W, -1), (_W, 0), (_W, 1)),
    ((_W, -2), (_W, -1), (_W, 0)),
    ((_W, 0), (_W, 1), (_W, 2)),
    ((_S, 0),),
    ((_S, -1), (_S, 0), (_S, 1)),
)  # fmt: skip
SPELLING: tuple[Template, ...] = tuple(((n, i),) for n in ("first3", "last2", "last3") for i in (0,)) + (
    (("last3", -1),),
    (("last3", 1),),
    ((_S, -1), (_W, 0)),
    ((_S, 1), (_W, 0)),
)
LEXICAL: tuple[Template, ...] = (
    *((("ahead", i),) for i in (-1, 0, 1)),
    (("back", 0),),
    (("ahead", -1), ("ahead", 0)),
    (("ahead", 0), ("ahead", 1)),
    (("ahead", 0), (_W, 0)),
    (("entry", 0), ("ahead", 0)),
    (("before", 0), ("ahead", 0)),
    (("after", 0), ("ahead", 0)),
)


def features(seen: Looks, templates: Sequence[Template]) -> np.ndarray:
    """Return the hashes of all templates' values at every unit [S, F] uint64."""
    out = np.empty((len(seen.piece), len(templates)), np.uint64)
    with np.errstate(over="ignore"):
        for i, template in enumerate(templates):
            mixed = np.full(
                len(seen.piece), np.uint64(0x9E3779B97F4A7C15 ^ (i + 1) * 0xD1B54A32D192ED03 & (1 << 64) - 1)
            )
            for name, shift in template:
                mixed = (mixed ^ seen.at(name, shift)) * np.uint64(0xFF51AFD7ED558CCD)
                mixed ^= mixed >> np.uint64(32)
            out[:, i] = mixed
    return out
