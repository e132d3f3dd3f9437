"""Codecs over a fixed number of figures of a cell, in which nothing or only a scale is learnt; shared by media.

Legend: N rows, D figures.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pyarrow as pa

from modelwright.core.schema import Column
from modelwright.features.base import Codec

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


def standardised(figures: np.ndarray, mean: np.ndarray, std: np.ndarray) -> csr_matrix:
    """Return figures [N, D] by their mean and deviation [D], cut at 5, with a mark of those that are missing: [N, D + 1]."""
    from scipy.sparse import csr_matrix

    scaled = np.clip((figures - mean) / std, -5, 5)
    missing = np.isnan(scaled).any(axis=1, keepdims=True)
    return csr_matrix(np.concatenate([np.nan_to_num(scaled), missing], axis=1).astype(np.float32))


class Figures(Codec):
    """What a modality fills in: `width` (D) and `figures(values)`."""

    width: ClassVar[int]

    @classmethod
    @abstractmethod
    def figures(cls, values: pa.Array) -> np.ndarray:
        """Return float32 [N, D], NaN where missing."""

    def state(self) -> dict[str, Any]:
        return {}


class FiguresDense(Figures):
    """For trees: the figures as they are, float32 [N, D]; nothing is learnt."""

    view = "dense"

    @property
    def categorical(self) -> tuple[bool, ...]:
        """Which features hold codes: none."""
        return (False,) * self.width

    @classmethod
    def fit(cls, values: pa.Array, column: Column, target: np.ndarray | None, seed: int) -> Self:
        return cls()

    def encode(self, values: pa.Array) -> np.ndarray:
        return self.figures(values)

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        return cls()


class FiguresSparse(Figures):
    """For linear models: the figures standardised and held within 5 deviations, and a mark for missing; CSR [N, D + 1]."""

    view = "sparse"

    def __init__(self, mean: np.ndarray, std: np.ndarray) -> None:
        self.mean, self.std = mean, std

    @classmethod
    def fit(cls, values: pa.Array, column: Column, target: np.ndarray | None, seed: int) -> Self:
        found = cls.figures(values.drop_null())
        if not len(found):
            found = np.zeros((1, cls.width), np.float32)
        return cls(found.mean(0), np.maximum(found.std(0), 1e-3))

    def encode(self, values: pa.Array) -> csr_matrix:
        return standardised(self.figures(values), self.mean, self.std)

    def arrays(self) -> dict[str, np.ndarray]:
        return {"mean": self.mean, "std": self.std}

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        return cls(arrays["mean"], arrays["std"])
