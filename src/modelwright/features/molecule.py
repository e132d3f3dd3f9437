"""Molecule columns: fingerprints and descriptors for linear models and trees, graphs and tokens for networks.

Legend: N rows, D descriptors, F features, S atoms in all, K bonds of an atom.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pyarrow as pa

from modelwright.core.privacy_budget import Spending
from modelwright.core.schema import Column
from modelwright.features._smiles import SmilesTokens
from modelwright.features.base import Codec, Ragged
from modelwright.features.shared.chemistry import ATOM_WIDTH, DESCRIPTORS, FOLDED, SLOTS, facts, graph

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


def _tables(values: pa.Array) -> tuple[np.ndarray, csr_matrix]:
    """Return descriptors float32 [N, D], NaN where missing, and fingerprint counts CSR float32 [N, 2048]."""
    from scipy.sparse import csr_matrix

    figures = np.full((len(values), DESCRIPTORS), np.nan, np.float32)
    indices, counts, ends = [], [], [0]
    for i, smiles in enumerate(values.to_pylist()):
        found = None if smiles is None else facts(smiles)
        if found is not None:
            figures[i] = found.descriptors
            indices.append(found.bits)
            counts.append(found.counts)
        ends.append(ends[-1] + (0 if found is None else len(found.bits)))
    index = np.concatenate(indices) if indices else np.zeros(0, np.int32)
    data = np.concatenate(counts) if counts else np.zeros(0, np.float32)
    return figures, csr_matrix((data, index, np.array(ends)), shape=(len(values), FOLDED))


def _scales(figures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and deviation [D] of the known descriptors."""
    known = np.isfinite(figures)
    count = np.maximum(known.sum(0), 1)
    mean = np.where(known, figures, 0).sum(0) / count
    std = np.sqrt((np.where(known, figures - mean, 0) ** 2).sum(0) / count)
    return mean.astype(np.float32), np.maximum(std, 1e-3).astype(np.float32)


class MoleculeSparse(Codec):
    """Standardised descriptors, a mark for missing, and logarithms of Morgan counts; CSR float32 [N, D + 1 + 2048].

    Morgan fingerprints of radius 2 (Rogers & Hahn 2010, doi 10.1021/ci100050t), folded.
    """

    view = "sparse"
    weight = 0.5  # of a fingerprint bit beside a descriptor

    def __init__(self, mean: np.ndarray, std: np.ndarray) -> None:
        self.mean, self.std = mean, std

    @classmethod
    def fit(cls, values: pa.Array, column: Column, target: np.ndarray | None, seed: int) -> Self:
        return cls(*_scales(_tables(values)[0]))

    def encode(self, values: pa.Array) -> csr_matrix:
        from scipy.sparse import csr_matrix, hstack

        figures, bits = _tables(values)
        scaled = np.nan_to_num(np.clip((figures - self.mean) / self.std, -5, 5))
        scaled = np.concatenate([scaled, np.asarray(values.is_null())[:, None]], axis=1)
        bits.data = (self.weight * np.log1p(bits.data)).astype(np.float32)
        return csr_matrix(hstack([csr_matrix(scaled.astype(np.float32)), bits], format="csr", dtype=np.float32))

    def state(self) -> dict[str, Any]:
        return {}

    def arrays(self) -> dict[str, np.ndarray]:
        return {"mean": self.mean, "std": self.std}

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        return cls(arrays["mean"], arrays["std"])


class MoleculeDense(Codec):
    """Descriptors and the counts of the most telling fingerprint bits; float32 [N, D + kept], NaN where missing.

    Kept are bits that stand in at least 1 % (and 3) of the training rows, those nearest to half of them first.
    """

    view = "dense"
    most = 480

    def __init__(self, bits: np.ndarray) -> None:
        self.bits = bits

    @property
    def categorical(self) -> tuple[bool, ...]:
        """Which features hold codes: none."""
        return (False,) * (DESCRIPTORS + len(self.bits))

    @classmethod
    def fit(cls, values: pa.Array, column: Column, target: np.ndarray | None, seed: int) -> Self:
        share = np.bincount(_tables(values)[1].indices, minlength=FOLDED) / max(1, len(values))
        often = np.flatnonzero(share >= max(0.01, 3 / max(1, len(values))))
        spread = share[often] * (1 - share[often])
        return cls(np.sort(often[np.argsort(-spread, kind="stable")[: cls.most]]).astype(np.int64))

    def encode(self, values: pa.Array) -> np.ndarray:
        figures, bits = _tables(values)
        out = np.concatenate([figures, bits[:, self.bits].toarray()], axis=1).astype(np.float32)
        out[np.asarray(values.is_null())] = np.nan
        return out

    def state(self) -> dict[str, Any]:
        return {}

    def arrays(self) -> dict[str, np.ndarray]:
        return {"bits": self.bits}

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        return cls(arrays["bits"])


class MoleculeGraph(Codec):
    """Molecules as padded graphs: one row of values an atom, so that all arrays of a molecule have its length.

    {"atoms": Ragged float32 [S, F], feature 0 is 1 for every true atom; "neighbours": Ragged int64 [S, K], the place of
    each neighbour in the molecule plus 1, 0 for none; "bonds": Ragged int64 [S, K], the kind of each bond, 0 for none;
    "back": Ragged int64 [S, K], in which of the neighbour's slots this atom stands; "figures": float32 [N, D]
    standardised descriptors}. A missing molecule is one atom of zeros.
    """

    view = "tensor"
    atom_width: ClassVar[int] = ATOM_WIDTH
    figures: ClassVar[int] = DESCRIPTORS

    def __init__(self, mean: np.ndarray, std: np.ndarray) -> None:
        self.mean, self.std = mean, std

    @classmethod
    def fit(cls, values: pa.Array, column: Column, target: np.ndarray | None, seed: int) -> Self:
        return cls(*_scales(_tables(values)[0]))

    @classmethod
    def private_looks(cls, column: Column) -> int | None:
        return 0

    @classmethod
    def fit_private(cls, values: pa.Array, column: Column, spending: Spending, seed: int) -> Self:
        """The graph alone: the descriptors' scales would have to be learnt, so they are left at 0."""
        return cls(np.zeros(DESCRIPTORS, np.float32), np.full(DESCRIPTORS, np.inf, np.float32))

    def encode(self, values: pa.Array) -> dict[str, Any]:
        atoms, slots, sizes = [], [], []
        for smiles in values.to_pylist():
            found = None if smiles is None else graph(smiles)
            atoms.append(np.zeros((1, ATOM_WIDTH), np.float32) if found is None else found[0])
            slots.append(np.zeros((1, SLOTS, 3), np.int64) if found is None else found[1])
            sizes.append(len(atoms[-1]))
        offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        flat = np.concatenate(slots) if slots else np.zeros((0, SLOTS, 3), np.int64)
        names = ("neighbours", "bonds", "back")
        out: dict[str, Any] = {n: Ragged(np.ascontiguousarray(flat[:, :, k]), offsets) for k, n in enumerate(names)}
        whole = np.concatenate(atoms) if atoms else np.zeros((0, ATOM_WIDTH), np.float32)
        scaled = np.clip((_tables(values)[0] - self.mean) / self.std, -4, 4)
        return {"atoms": Ragged(whole, offsets), **out, "figures": np.nan_to_num(scaled).astype(np.float32)}

    def state(self) -> dict[str, Any]:
        return {}

    def arrays(self) -> dict[str, np.ndarray]:
        return {"mean": self.mean, "std": self.std}

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        return cls(arrays["mean"], arrays["std"])


VIEWS = {"sparse": MoleculeSparse, "dense": MoleculeDense, "tensor": MoleculeGraph, "tokens": SmilesTokens}
