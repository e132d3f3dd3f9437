"""What RDKit knows of a molecule: descriptors, Morgan counts, and its graph of atoms and bonds.

Legend: D descriptors, A atoms, F atom features, K bonds of an atom.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any, NamedTuple

import numpy as np

from modelwright.data.kinds.molecule import molecule

FOLDED = 2048
SLOTS = 4  # more bonds are rare (hypervalent sulfur fluorides), and each slot costs
DESCRIPTORS = 76
_ELEMENTS = (5, 6, 7, 8, 9, 14, 15, 16, 17, 34, 35, 53)
_DEGREES, _HYDROGENS, _CHARGES = 6, 4, (-1, 0, 1)
_HYBRIDS = ("SP", "SP2", "SP3")
_BONDS = {"SINGLE": 0, "DOUBLE": 1, "TRIPLE": 2, "AROMATIC": 3}
ATOM_WIDTH = 1 + len(_ELEMENTS) + 1 + _DEGREES + _HYDROGENS + len(_CHARGES) + 1 + len(_HYBRIDS) + 1 + 7
BOND_KINDS = 1 + (len(_BONDS) + 1) * 4  # none, then kind x conjugated x in a ring


class Facts(NamedTuple):
    """Descriptors float32 [D], and the folded fingerprint as places and counts of its bits."""

    descriptors: np.ndarray
    bits: np.ndarray
    counts: np.ndarray


@cache
def _generator() -> Any:
    from rdkit.Chem import rdFingerprintGenerator

    return rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=FOLDED)


@lru_cache(maxsize=50_000)
def facts(smiles: str) -> Facts | None:
    """Return what is known of a molecule; None where it does not parse."""
    from rdkit import rdBase

    found = molecule(smiles)
    if found is None:
        return None
    with rdBase.BlockLogs():
        counts = _generator().GetCountFingerprintAsNumPy(found)
        figures = np.array(_figures(found), np.float64)
    figures[~np.isfinite(figures)] = np.nan
    bits = np.flatnonzero(counts)
    limited = np.clip(figures, -1e6, 1e6).astype(np.float32)
    return Facts(limited, bits.astype(np.int32), counts[bits].astype(np.float32))


def _figures(found: Any) -> list[float]:
    """Return the descriptors [D] in a fixed order: size, polarity, shape, rings, charges, and surface by property."""
    from rdkit.Chem import GraphDescriptors, rdMolDescriptors

    atoms = max(1, found.GetNumAtoms())
    elements = [a.GetAtomicNum() for a in found.GetAtoms()]
    aromatic = sum(a.GetIsAromatic() for a in found.GetAtoms())
    charges = _charges(found)
    halogens = sum(z in (9, 17, 35, 53) for z in elements)
    plain = [
        *rdMolDescriptors.CalcCrippenDescriptors(found), rdMolDescriptors._CalcMolWt(found),
        rdMolDescriptors.CalcTPSA(found), rdMolDescriptors.CalcLabuteASA(found), rdMolDescriptors.CalcNumHBD(found),
        rdMolDescriptors.CalcNumHBA(found), rdMolDescriptors.CalcNumRotatableBonds(found), atoms,
        rdMolDescriptors.CalcNumHeteroatoms(found), rdMolDescriptors.CalcNumRings(found),
        rdMolDescriptors.CalcNumAromaticRings(found), rdMolDescriptors.CalcNumAliphaticRings(found),
        rdMolDescriptors.CalcNumAromaticHeterocycles(found), rdMolDescriptors.CalcNumSpiroAtoms(found),
        rdMolDescriptors.CalcNumBridgeheadAtoms(found), rdMolDescriptors.CalcNumAmideBonds(found),
        rdMolDescriptors.CalcNumAtomStereoCenters(found), rdMolDescriptors.CalcFractionCSP3(found), aromatic / atoms,
        halogens, elements.count(7), elements.count(8), elements.count(16), elements.count(9), elements.count(17),
        sum(a.GetFormalCharge() for a in found.GetAtoms()), sum(a.GetFormalCharge() != 0 for a in found.GetAtoms()),
        rdMolDescriptors.CalcKappa1(found), rdMolDescriptors.CalcKappa2(found), rdMolDescriptors.CalcKappa3(found),
        rdMolDescriptors.CalcHallKierAlpha(found), rdMolDescriptors.CalcChi0v(found), rdMolDescriptors.CalcChi1v(found),
        rdMolDescriptors.CalcChi2v(found), rdMolDescriptors.CalcChi3v(found), rdMolDescriptors.CalcPhi(found),
        GraphDescriptors.BertzCT(found), max(charges), min(charges),
    ]  # fmt: skip
    surface = [
        *rdMolDescriptors.PEOE_VSA_(found), *rdMolDescriptors.SMR_VSA_(found), *rdMolDescriptors.SlogP_VSA_(found)
    ]  # fmt: skip
    return [float(v) for v in (*plain, *surface)]


def _charges(found: Any) -> list[float]:
    """Return Gasteiger's partial charges (1980); NaN where elements lack parameters."""
    from rdkit.Chem import rdPartialCharges

    rdPartialCharges.ComputeGasteigerCharges(found)
    return [a.GetDoubleProp("_GasteigerCharge") for a in found.GetAtoms()] or [float("nan")]


def _one_hot(place: int, width: int) -> list[float]:
    return [float(k == place) for k in range(width)]


@lru_cache(maxsize=20_000)
def graph(smiles: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Return atoms float32 [A, F] and slots int64 [A, K, 3]: neighbour + 1, kind of bond, and the neighbour's own slot.

    Atoms with more than K bonds keep the first K. None where the string does not parse.
    """
    found = molecule(smiles)
    if found is None:
        return None
    count = found.GetNumAtoms()
    atoms = np.array([_atom(a) for a in found.GetAtoms()], np.float32).reshape(count, ATOM_WIDTH)
    slots = np.zeros((count, SLOTS, 3), np.int64)
    used = np.zeros(count, np.int64)
    for bond in found.GetBonds():
        a, b = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        if used[a] >= SLOTS or used[b] >= SLOTS:
            continue
        kind = _BONDS.get(str(bond.GetBondType()), len(_BONDS))
        code = 1 + kind * 4 + 2 * int(bond.GetIsConjugated()) + int(bond.IsInRing())
        slots[a, used[a]] = (b + 1, code, used[b])
        slots[b, used[b]] = (a + 1, code, used[a])
        used[a] += 1
        used[b] += 1
    return atoms, slots


def _atom(atom: Any) -> list[float]:
    """Return an atom's features [F]: that it is one, element, degree, hydrogens, charge, hybrid, rings, mass, chirality."""
    number = atom.GetAtomicNum()
    charge = min(1, max(-1, atom.GetFormalCharge()))
    hybrid = str(atom.GetHybridization())
    rings = atom.GetOwningMol().GetRingInfo()
    place = atom.GetIdx()
    return [
        1.0,
        *_one_hot(_ELEMENTS.index(number) if number in _ELEMENTS else len(_ELEMENTS), len(_ELEMENTS) + 1),
        *_one_hot(min(atom.GetDegree(), _DEGREES - 1), _DEGREES),
        *_one_hot(min(atom.GetTotalNumHs(), _HYDROGENS - 1), _HYDROGENS),
        *_one_hot(_CHARGES.index(charge), len(_CHARGES)),
        float(atom.GetIsAromatic()),
        *_one_hot(_HYBRIDS.index(hybrid) if hybrid in _HYBRIDS else -1, len(_HYBRIDS)),
        atom.GetMass() / 100,
        *(float(rings.IsAtomInRingOfSize(place, size)) for size in (3, 4, 5, 6, 7)),
        *_one_hot({"CHI_TETRAHEDRAL_CW": 0, "CHI_TETRAHEDRAL_CCW": 1}.get(str(atom.GetChiralTag()), -1), 2),
    ]
