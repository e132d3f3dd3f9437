"""Molecules: parts are the atoms of the SMILES string, each replaced by `*`, an atom of any kind."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

from modelwright.evaluate.media.base import Lens, Parts, edges

_ATOM = re.compile(r"\[[^\[\]]+\]|Br|Cl|[BCNOPSFI]|[bcnops]")


class MoleculeLens(Lens):
    """Atoms; in large molecules neighbours go together."""

    modality = "molecule"
    texts = True

    def parts(self, cell: Any, most: int) -> Parts | None:
        atoms = [m.span() for m in _ATOM.finditer(cell)]
        if len(atoms) < 2 or most < 2:
            return None
        ends = edges(len(atoms), min(len(atoms), most))

        def without(part: int) -> str:
            out = str(cell)
            for a, b in reversed(atoms[ends[part] : ends[part + 1]]):
                out = f"{out[:a]}*{out[b:]}"
            return out

        spans = tuple((atoms[i][0], atoms[j - 1][1]) for i, j in pairwise(ends))
        return Parts(cell, len(spans), without, spans=spans)


LENS = MoleculeLens
