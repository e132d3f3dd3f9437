"""The contract of codecs: what is learnt from the training rows to turn one column into numbers.

One file per modality in this folder; its name is the modality's. It defines `VIEWS`, a mapping of view -> codec class:

| view | for | encoding |
|---|---|---|
| sparse | linear models | scipy CSR float32 [N, D] |
| dense | trees | float32 [N, D], NaN where missing |
| tensor | networks | dict of name -> array [N, ...] or Ragged |
| hub | pretrained encoders | as tensor |

A modality without a view is left out by recipes that need it, and the leaderboard says so. Legend: N rows, D features.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa

from modelwright.core.privacy_budget import Spending
from modelwright.core.registry import load_file, names_in
from modelwright.core.saved import Loading, read_arrays, read_state, write_arrays, write_state
from modelwright.core.schema import Column
from modelwright.core.words import Words

FEATURES = "modelwright.features"


@dataclass(frozen=True)
class Ragged:
    """Rows of different length: row i is `values[offsets[i]:offsets[i + 1]]`; `values` [S, ...], `offsets` [N + 1]."""

    values: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> np.ndarray:
        """Length of each row [N]."""
        return np.diff(self.offsets)

    @classmethod
    def of_ids(cls, rows: Sequence[Sequence[int]]) -> Ragged:
        """Return rows of whole numbers: `values` int64 [S], `offsets` [N + 1]."""
        offsets = np.cumsum([0, *map(len, rows)], dtype=np.int64)
        return cls(np.fromiter((i for row in rows for i in row), np.int64, int(offsets[-1])), offsets)

    def take(self, index: np.ndarray) -> Ragged:
        """Return the rows at `index` [M], M > 0, in that order."""
        parts = [self.values[self.offsets[i] : self.offsets[i + 1]] for i in index]
        return Ragged(np.concatenate(parts), np.cumsum([0, *map(len, parts)], dtype=np.int64))


class Stored(ABC):
    """What is learnt from training rows and kept in a bundle: `state` and `arrays` go into files, `restore` makes it of them.

    The state is JSON values and arrays, never pickle. All that is kept in this way, codecs and their parts, has this
    one signature of `restore`; what has no arrays leaves them unread.
    """

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Return the JSON half of the state."""

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the array half of the state, each array in a shape of its own."""
        return {}

    @classmethod
    @abstractmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        """Make what `state` and `arrays`, in the shapes they were given in, describe. Raises KeyError, ValueError or TypeError for a damaged state."""


class Codec(Stored):
    """Encodes one column."""

    view: ClassVar[str]

    @classmethod
    @abstractmethod
    def fit(cls, values: pa.Array, column: Column, target: np.ndarray | None, seed: int) -> Self:
        """Learn from training values only; `target` [N, ...] is the encoded truth for codecs that use it."""

    @classmethod
    def private_looks(cls, column: Column) -> int | None:
        """Return how many noisy looks at training values `fit_private` takes; None where it has no such form."""
        return None

    @classmethod
    def fit_private(cls, values: pa.Array, column: Column, spending: Spending, seed: int) -> Self:
        """Learn under differential privacy: nothing but what noisy looks give, and what is the same for all data."""
        raise TypeError(f"{cls.__name__} has no private form")

    @abstractmethod
    def encode(self, values: pa.Array) -> Any:
        """Return the view's encoding of values; missing values are allowed everywhere."""


def finite(value: Any) -> np.ndarray:
    """Return numbers of a stored state as float64, in the shape they have. Raises ValueError where one is none, or not finite."""
    try:
        found = np.asarray(value, np.float64)
    except TypeError as e:
        raise ValueError("a state without its numbers") from e
    if not np.isfinite(found).all():
        raise ValueError("a state with numbers that are not finite")
    return found


def codec_class(modality: str, view: str) -> type[Codec] | None:
    """Return the codec class of a modality for a view, or None where it has none."""
    if modality not in names_in(FEATURES):
        return None
    views: dict[str, type[Codec]] = load_file(FEATURES, modality, Words("modality", "模态")).VIEWS
    return views.get(view)


def save_codecs(folder: Path, codecs: Mapping[str, tuple[Column, Codec]]) -> None:
    """Write codecs by column name as `codecs.json` and `codecs.safetensors`."""
    states, arrays = [], {}
    for i, (name, (column, codec)) in enumerate(codecs.items()):
        states.append({"name": name, "column": column.to_json(), "view": codec.view, "state": codec.state()})
        arrays.update({f"{i}.{key}": a for key, a in codec.arrays().items()})
    write_state(folder, states, "codecs.json")
    write_arrays(folder / "codecs.safetensors", arrays)


def load_codecs(folder: Path) -> dict[str, tuple[Column, Codec]]:
    """Read what `save_codecs` wrote. Raises BundleError for damaged files."""
    out: dict[str, tuple[Column, Codec]] = {}
    with Loading(folder, Words("codecs", "编码器")):
        states = read_state(folder, "codecs.json")
        arrays = read_arrays(folder / "codecs.safetensors")
        for i, entry in enumerate(states):
            column = Column.from_json(entry["column"])
            cls = codec_class(column.modality, entry["view"])
            if cls is None:
                raise KeyError(column.modality)
            own = {key.split(".", 1)[1]: a for key, a in arrays.items() if key.startswith(f"{i}.")}
            out[entry["name"]] = (column, cls.restore(entry["state"], own))
    return out
