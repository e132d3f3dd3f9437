"""SMILES as tokens for a Transformer. Legend: N rows, S tokens in all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pyarrow as pa

from modelwright.core.privacy_budget import Spending
from modelwright.core.schema import Column
from modelwright.data.kinds.molecule import tokens_of
from modelwright.features.base import Codec, Ragged

_MOST = 256
_USUAL = (
    "B C N O P S F Cl Br I b c n o p s ( ) = # - + / \\ . 1 2 3 4 5 6 7 8 9 %10 %11 %12 [C@H] [C@@H] [C@] [C@@] [nH] [N+] "
    "[n+] [NH+] [NH2+] [NH3+] [N-] [O-] [OH-] [S+] [S-] [s+] [P+] [Si] [se] [Se] [B-] [H] [2H] [13C] [Na+] [K+] [Cl-] [Br-] [I-]"
)


class SmilesTokens(Codec):
    """Atoms, bonds and ring numbers as ids: 0 padding, 1 a missing molecule, 2 unknown, then tokens of two rows or more.

    {"ids": Ragged int64}, at least one token a row.
    """

    view = "tokens"

    def __init__(self, vocabulary: list[str], length: int) -> None:
        self.vocabulary, self.length = vocabulary, length
        self._index = {t: i + 3 for i, t in enumerate(vocabulary)}

    @property
    def size(self) -> int:
        """Number of ids, padding, missing and unknown included."""
        return len(self.vocabulary) + 3

    @classmethod
    def fit(cls, values: pa.Array, column: Column, target: np.ndarray | None, seed: int) -> Self:
        counts: Counter[str] = Counter()
        lengths = [1]
        for smiles in values.drop_null().to_pylist():
            tokens = tokens_of(smiles) or []
            counts.update(set(tokens))
            lengths.append(len(tokens))
        return cls(sorted(t for t, n in counts.items() if n >= 2), int(np.clip(max(lengths), 8, _MOST)))

    @classmethod
    def private_looks(cls, column: Column) -> int | None:
        return 0

    @classmethod
    def fit_private(cls, values: pa.Array, column: Column, spending: Spending, seed: int) -> Self:
        """The tokens that chemistry writes most, whatever the rows hold."""
        return cls(sorted(_USUAL.split(" ")), int(column.options.get("length", 128)))

    def encode(self, values: pa.Array) -> dict[str, Ragged]:
        ids: list[int] = []
        offsets = [0]
        for smiles in values.to_pylist():
            tokens = (tokens_of(smiles) or [])[: self.length] if smiles else []
            ids += [self._index.get(t, 2) for t in tokens] or [1]
            offsets.append(len(ids))
        return {"ids": Ragged(np.array(ids, np.int64), np.array(offsets, np.int64))}

    def state(self) -> dict[str, Any]:
        return {"vocabulary": self.vocabulary, "length": self.length}

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        return cls(list(state["vocabulary"]), int(state["length"]))
