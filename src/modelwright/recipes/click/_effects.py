"""A base rate, and by how much items and then users are above or below it.

Legend: N rows, P keys of a row (item and user, say).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from modelwright.recipes.click._click import FOLDS
from modelwright.recipes.click._fields import Fields
from modelwright.recipes.click._statistics import KeyMeans

_KEYS = 2  # fields that are taken for keys where none is named


class Effects:
    """The mean of the truth, and for each of some fields the mean of what those before it left."""

    def __init__(self, places: Sequence[int], base: float, means: Sequence[KeyMeans]) -> None:
        self.places, self.base, self.means = list(places), base, list(means)

    @classmethod
    def fit(
        cls, hashes: Sequence[np.ndarray], truth: np.ndarray, places: Sequence[int], prior: float, fold: np.ndarray
    ) -> tuple[Effects, list[np.ndarray]]:
        """Return the effects, and those of the training rows [N] for each key, each without the row's own `fold` [N]."""
        base = float(truth.mean())
        rest = truth - base
        means, parts = [], []
        for place in places:
            found, own, _ = KeyMeans.fit(hashes[place], rest, prior, fold, FOLDS)
            means.append(found)
            parts.append(own)
            rest = rest - own
        return cls(places, base, means), parts

    def look(self, hashes: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return the effect of each key on rows [N]."""
        return [m.look(hashes[p])[0] for m, p in zip(self.means, self.places, strict=True)]

    def decide(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """Return decision values [N] of effects: the logit of their sum with the base rate."""
        p = np.clip(self.base + np.sum(parts, axis=0), 0.02, 0.98) if len(parts) else np.array([self.base])
        return np.log(p / (1 - p))

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what `restored` takes, each array in a shape of its own."""
        out = {"effects": np.array([self.base, *self.places], np.float64)}
        for i, m in enumerate(self.means):
            out |= {f"effect{i}.{k}": v for k, v in m.arrays().items()}
        return out

    @classmethod
    def restored(cls, arrays: Mapping[str, np.ndarray], fields: int) -> Effects:
        """Read what was saved, in its shapes. Raises ValueError for what does not fit together."""
        base, *places = arrays["effects"].tolist()
        if not all(0 <= p < fields for p in places):
            raise ValueError("effects")
        return cls(
            [int(p) for p in places], base, [KeyMeans.restored(arrays, f"effect{i}") for i in range(len(places))]
        )


def keys_of(fields: Fields, hashes: Sequence[np.ndarray]) -> list[int]:
    """Return the fields that name items and users, items first; where none does, those with the most values that recur.

    `hashes` holds for each field those of its values [N, values].
    """
    named = [p for key in ("item", "user") if (p := fields.place(key)) is not None]
    if named:
        return named
    single = [i for i, f in enumerate(fields.fields) if f.kind == "one"] or list(range(len(fields.fields)))
    many = {i: len(np.unique(hashes[i][:, 0])) for i in single}
    recurring = [i for i in single if many[i] <= 0.5 * len(hashes[i])] or single
    return sorted(recurring, key=lambda i: -many[i])[:_KEYS]
