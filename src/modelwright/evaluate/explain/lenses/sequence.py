"""Sequences of nucleotides or amino acids: parts are stretches of letters, replaced by the letter for an unknown one."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from modelwright.evaluate.explain.lenses.base import Lens, Parts, edges

_STRETCHES = 40
_NUCLEOTIDES = frozenset("ACGTUNacgtun")


class SequenceLens(Lens):
    """Stretches of letters: N for nucleotides, X for amino acids."""

    modality = "sequence"
    texts = True

    def parts(self, cell: Any, most: int) -> Parts | None:
        if len(cell) < 2 or most < 2:
            return None
        mark = "N" if set(cell) <= _NUCLEOTIDES else "X"
        ends = [int(e) for e in edges(len(cell), min(_STRETCHES, most, len(cell)))]
        spans = tuple(pairwise(ends))

        def without(part: int) -> str:
            a, b = spans[part]
            return f"{cell[:a]}{mark * (b - a)}{cell[b:]}"

        return Parts(cell, len(spans), without, spans=spans)


LENS = SequenceLens
