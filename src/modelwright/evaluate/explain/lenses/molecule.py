"""Molecules: parts are the atoms of the SMILES string, each replaced by `*`, an atom of any kind; drawn with atoms tinted.

A drawing is an SVG as a data URL, shown as an image: nothing in it can run, and its colours follow the reader's setting.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from modelwright.core.errors import MissingExtra
from modelwright.evaluate.explain.lenses.base import Lens, Parts, edges

_ATOM = re.compile(r"\[[^\[\]]+\]|Br|Cl|[BCNOPSFI]|[bcnops]")
_FOR, _AGAINST = (0.18, 0.56, 1.0), (1.0, 0.35, 0.24)  # the colours of heat maps
_LEAST, _STRONGEST = 0.1, 0.75  # shares of the largest weight: below the first nothing is tinted; the strongest tint
_NARROWEST = 260  # pixels of a drawing, which costs no more for being larger
_MOST_ATOMS = 150  # more are no picture any more
_COLOURS = "svg{color:#1c2430}@media (prefers-color-scheme:dark){svg{color:#e6e9ee}}"


class MoleculeLens(Lens):
    """Atoms; in large molecules neighbours go together."""

    modality = "molecule"
    texts = True

    def picture(self, cell: Any, side: int, found: Sequence[Mapping[str, Any]] = ()) -> str | None:
        drawn = drawing(str(cell), max(side, _NARROWEST), atom_weights(str(cell), found))
        return drawn and f"data:image/svg+xml;base64,{base64.b64encode(drawn.encode()).decode()}"

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


def atom_weights(smiles: str, found: Sequence[Mapping[str, Any]]) -> dict[int, float]:
    """Return the weights of atoms by their place in the string, from stretches (start, end) with a weight."""
    atoms = [m.span() for m in _ATOM.finditer(smiles)]
    out: dict[int, float] = {}
    for part in found:
        if part.get("start") is not None and part.get("end") is not None:
            inside = [i for i, (a, b) in enumerate(atoms) if a >= part["start"] and b <= part["end"]]
            out.update(dict.fromkeys(inside, float(part["weight"])))
    return out


def drawing(smiles: str, side: int, weights: Mapping[int, float]) -> str | None:
    """Return a molecule as SVG `side` pixels wide, atoms tinted by weight; None for what does not parse or is too large.

    Raises MissingExtra without RDKit.
    """
    try:
        from rdkit import Chem, rdBase
        from rdkit.Chem.Draw import rdMolDraw2D
    except ImportError as e:
        raise MissingExtra("molecule", "Drawing molecules", "绘制分子") from e
    told: Any = Chem.SmilesParserParams()
    told.removeHs = False  # atoms stay in the string's order
    with rdBase.BlockLogs():
        made = Chem.MolFromSmiles(smiles, told)
        if made is None or not 0 < made.GetNumAtoms() <= _MOST_ATOMS:
            return None
        most = max(map(abs, weights.values()), default=0.0)
        known = len(_ATOM.findall(smiles)) == made.GetNumAtoms()
        tints = {
            i: (*(_FOR if w > 0 else _AGAINST), round(_STRONGEST * abs(w) / most, 3))
            for i, w in weights.items()
            if known and most and abs(w) >= _LEAST * most
        }
        pen = rdMolDraw2D.MolDraw2DSVG(side, round(0.7 * side))
        options: Any = pen.drawOptions()
        options.clearBackground = False
        options.useBWAtomPalette()  # colour is for weights alone
        options.padding, options.highlightRadius, options.fillHighlights = 0.06, 0.42, True
        pen.DrawMolecule(
            rdMolDraw2D.PrepareMolForDrawing(made),
            highlightAtoms=list(tints),
            highlightAtomColors=tints,
            highlightBonds=[],
        )
        pen.FinishDrawing()
    text = re.sub(r"^<\?xml[^>]*\?>\s*|<!--.*?-->\s*", "", pen.GetDrawingText(), flags=re.DOTALL)
    text = re.sub(r" class='[^']*'| xmlns:(?:rdkit|xlink)='[^']*'| xml:space='[^']*'", "", text)
    return re.sub(r"\s*\n\s*", "\n", text.replace("#000000", "currentColor")).replace(
        ">", f"><style>{_COLOURS}</style>", 1
    )


LENS = MoleculeLens
