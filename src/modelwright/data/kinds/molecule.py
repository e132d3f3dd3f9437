"""Molecules: SMILES strings (Weininger 1988, doi 10.1021/ci00057a005) or InChI, checked and made canonical SMILES by RDKit."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from modelwright.core.errors import MissingExtra
from modelwright.core.schema import Column
from modelwright.core.words import Words
from modelwright.data.kinds.base import Kind, Unreadable, seeded, some_strings
from modelwright.data.values import is_missing

_TOKEN = re.compile(
    r"\[[^\[\]\s]{1,60}\]|Br|Cl|[BCNOPSFI]|[bcnops]|%\(\d{1,5}\)|%\d\d|\d|[-=#$:/\\.()~*@+]"  # atoms, rings, bonds
)
_INCHI = "InChI="
_STRUCTURE = re.compile(r"[=#()\[\]\d]")
_NAMED = re.compile(r"smiles|molecule|(^|_)mol($|_)|分子", re.IGNORECASE)
_LONGEST = 2000  # characters of one string that are read
_SHARE = 0.9
_SAMPLES = (("CCCCCC", "CCCCCCC", "CC(C)CCC"), ("c1ccccc1", "Cc1ccccc1", "c1ccncc1"), ("OCC(O)CO", "OCCO", "OCC(O)O"))


def tokens_of(smiles: str) -> list[str] | None:
    """Return a SMILES string's tokens: bracket atoms, atoms, ring numbers, bonds; None where other characters occur."""
    found = _TOKEN.findall(smiles)
    return found if sum(map(len, found)) == len(smiles) else None


def molecule(smiles: str) -> Any:
    """Return RDKit's molecule of a SMILES string or an InChI, or None where the string does not parse. Raises MissingExtra without RDKit."""
    try:
        from rdkit import Chem, rdBase
    except ImportError as e:
        raise MissingExtra("molecule", "Reading molecules", "读取分子") from e
    with rdBase.BlockLogs():  # what does not parse is told by our own message
        return Chem.MolFromInchi(smiles) if smiles.startswith(_INCHI) else Chem.MolFromSmiles(smiles)


@lru_cache(maxsize=100_000)
def scaffold(smiles: str) -> str:
    """Return the Bemis-Murcko scaffold (doi 10.1021/jm9602928) as SMILES; the empty string where there are no rings."""
    from rdkit import rdBase
    from rdkit.Chem.Scaffolds import MurckoScaffold

    found = molecule(smiles)
    if found is None:
        return ""
    with rdBase.BlockLogs():
        return str(MurckoScaffold.MurckoScaffoldSmiles(mol=found, includeChirality=False))


def _plausible(text: str) -> bool:
    """Whether a string is an InChI, or could be SMILES by its characters, its brackets, and ring numbers that come in pairs."""
    if text.startswith(_INCHI):
        return True
    tokens = tokens_of(text) if 0 < len(text) <= _LONGEST else None
    if not tokens or not (tokens[0][0].isalpha() or tokens[0][0] in "[*"):
        return False
    depth = 0
    rings: dict[str, int] = {}
    for part in tokens:
        depth += (part == "(") - (part == ")")
        if depth < 0:
            return False
        if part.isdigit() or part[0] == "%":
            rings[part] = rings.get(part, 0) + 1
    return depth == 0 and all(n % 2 == 0 for n in rings.values())


class MoleculeKind(Kind):
    """SMILES strings, kept in RDKit's canonical form."""

    modality = "molecule"
    title = Words("molecule", "分子")

    def recognise(self, name: str, values: pa.ChunkedArray) -> Mapping[str, Any] | None:
        cells = [c.strip() for c in some_strings(values) if not is_missing(c)]
        if not cells:
            return None
        own = [c for c in cells if _plausible(c)]
        named = _NAMED.search(name) is not None
        if len(own) < (0.7 if named else _SHARE) * len(cells):
            return None
        if not named:
            marked = sum(_STRUCTURE.search(c) is not None for c in own)
            if sum(map(len, own)) < 6 * len(own) or marked < 0.5 * len(own):
                return None
        if importlib.util.find_spec("rdkit") is None:
            return {}  # told when the cells are read
        sound = sum(molecule(c) is not None for c in own)
        return {} if sound >= (0.7 if named else _SHARE) * len(own) else None

    def read(self, value: Any, column: Column, folder: Path | None) -> Any:
        text = str(value).strip()
        if is_missing(text) and tokens_of(text) is None:
            return None
        if not text:
            return None
        found = molecule(text) if len(text) <= _LONGEST and not re.search(r"\s", text) else None
        if found is None or found.GetNumAtoms() == 0:
            said = text[:60]
            raise Unreadable(
                f"expected a molecule as SMILES (such as CCO) or InChI, received `{said}`, which does not parse",
                f"应为 SMILES（如 CCO）或 InChI 形式的分子，收到的是 `{said}`，无法解析",
            )
        from rdkit import Chem

        return Chem.MolToSmiles(found)

    def groups(self, values: pa.Array, column: Column) -> list[str | None]:
        return [None if v is None else scaffold(v) or v for v in values.to_pylist()]  # no rings: a family of its own

    def sample(self, states: Sequence[int], seed: int) -> list[Any]:
        rng = seeded(states, seed)
        return [_SAMPLES[s][int(rng.integers(3))] for s in states]


KIND = MoleculeKind
