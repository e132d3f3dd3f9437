"""What trees read of an event: statistics of its user, item and their fields, factors, recency; each of them without the row's own part.

Legend: N rows, D features.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from modelwright.core.budget import Deadline
from modelwright.core.schema import Table
from modelwright.recipes.click._click import FOLDS
from modelwright.recipes.click._effects import Effects, keys_of
from modelwright.recipes.click._factors import Factors
from modelwright.recipes.click._fields import Fields, crossed, times
from modelwright.recipes.click._statistics import KeyMeans

_SINGLE, _PAIRED = 24, 12  # fields with a mean of their own, and those crossed with each key
_RECUR = 0.3  # share of the rows whose cross must occur elsewhere
_MOST_PRODUCTS = 3e9  # of the factors' fit: rows times rank squared times sweeps times parts


class Features:
    """Fitted statistics, and the matrix that they make of rows."""

    def __init__(
        self, fields: Fields, effects: Effects, single: Sequence[int], pairs: Sequence[tuple[int, int]],
        means: Sequence[KeyMeans], factors: Sequence[Factors], firsts: Sequence[KeyMeans], daily: KeyMeans | None,
    ) -> None:  # fmt: skip
        self.fields, self.effects, self.single = fields, effects, list(single)
        self.pairs = [(int(a), int(b)) for a, b in pairs]
        self.means, self.factors = list(means), list(factors)  # of single fields, then of pairs
        self.firsts, self.daily = list(firsts), daily  # the mean time of each key; what a user did on that day

    @classmethod
    def fit(
        cls, table: Table, truth: np.ndarray, fold: np.ndarray, *, prior: float, ranks: Sequence[int],
        penalty: float, seed: int, deadline: Deadline,
    ) -> tuple[Features, np.ndarray]:  # fmt: skip
        """Return what was fitted, and the features [N, D] of the training rows."""
        fields = Fields.fit(table)
        hashes = fields.hashes(table)
        keys = keys_of(fields, hashes)
        effects, parts = Effects.fit(hashes, truth, keys, prior, fold)
        rest = truth - effects.base
        left = rest - np.sum(parts, axis=0) if parts else rest
        single = _most_values(fields, hashes)[:_SINGLE]
        pairs = _pairs(fields, hashes, keys)
        columns: list[np.ndarray] = [effects.decide(parts), *parts]
        means: list[KeyMeans] = []
        for place in single:
            found, mean, count = KeyMeans.fit(hashes[place], rest, prior, fold, FOLDS)
            means.append(found)
            columns += [mean, np.log1p(count)]
        for a, b in pairs:
            found, mean, count = KeyMeans.fit(crossed(hashes[a], hashes[b]), left, prior, fold, FOLDS)
            means.append(found)
            columns += [mean, np.log1p(count)]
        factors: list[Factors] = []
        if len(keys) == 2:
            users, items = hashes[keys[1]][:, 0], hashes[keys[0]][:, 0]
            for rank in ranks:
                if len(users) * rank * rank * 8 * FOLDS > _MOST_PRODUCTS:
                    break
                given: Any = {"rank": rank, "penalty": penalty, "sweeps": 8, "seed": seed, "deadline": deadline}
                own = np.zeros(len(users))
                for part in range(FOLDS):
                    inside = fold == part
                    others = Factors.fit(users[~inside], items[~inside], left[~inside], **given)
                    own[inside] = others.look(users[inside], items[inside])
                factors.append(Factors.fit(users, items, left, **given))
                columns.append(own)
        when = times(table)
        firsts, daily = [], None
        if when is not None:
            known = np.nan_to_num(when)
            for key in keys:
                found, _, _ = KeyMeans.fit(hashes[key], known, 0.0)
                firsts.append(found)
                columns.append(when - _mean_of(found, hashes[key]))
            if keys:
                daily, mean, count = KeyMeans.fit(_with_day(hashes[keys[-1]], when), left, prior, fold, FOLDS)
                columns += [mean, np.log1p(count)]
        self = cls(fields, effects, single, pairs, means, factors, firsts, daily)
        return self, self._stacked(columns, table)

    def encode(self, table: Table) -> np.ndarray:
        """Return the features [N, D] of other rows."""
        hashes = self.fields.hashes(table)
        parts = self.effects.look(hashes)
        columns: list[np.ndarray] = [
            self.effects.decide(parts) if parts else np.full(len(table), self.effects.decide([])[0]),
            *parts,
        ]
        whole = [hashes[p] for p in self.single] + [crossed(hashes[a], hashes[b]) for a, b in self.pairs]
        for own, found in zip(whole, self.means, strict=True):
            mean, count = found.look(own)
            columns += [mean, np.log1p(count)]
        keys = self.effects.places
        for factor in self.factors:
            columns.append(factor.look(hashes[keys[1]][:, 0], hashes[keys[0]][:, 0]))
        if self.firsts or self.daily is not None:
            when = times(table)
            when = np.full(len(table), np.nan) if when is None else when
            columns += [when - _mean_of(found, hashes[key]) for found, key in zip(self.firsts, keys, strict=True)]
            if self.daily is not None:
                mean, count = self.daily.look(_with_day(hashes[keys[-1]], when))
                columns += [mean, np.log1p(count)]
        return self._stacked(columns, table)

    def _stacked(self, columns: Sequence[np.ndarray], table: Table) -> np.ndarray:
        numbers = []
        for name in dict.fromkeys(f.column for f in self.fields.fields if f.kind == "bin"):
            numbers.append(np.array(table.column(name).to_numpy(zero_copy_only=False), np.float64))
        when = times(table)
        numbers += [when] if when is not None else []
        out = np.stack([*columns, *numbers], axis=1).astype(np.float32)
        out[np.isinf(out)] = np.nan
        return out

    def state(self) -> dict[str, Any]:
        """Return the JSON half of the state."""
        return {
            "fields": self.fields.state(), "single": self.single, "pairs": self.pairs, "factors": len(self.factors),
            "firsts": len(self.firsts), "daily": self.daily is not None,
        }  # fmt: skip

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the array half of the state, each array in a shape of its own."""
        out = self.effects.arrays()
        named: list[tuple[str, KeyMeans | Factors]] = [(f"mean{i}", m) for i, m in enumerate(self.means)]
        named += [(f"factor{i}", f) for i, f in enumerate(self.factors)]
        named += [(f"first{i}", m) for i, m in enumerate(self.firsts)]
        named += [("daily", self.daily)] if self.daily is not None else []
        for name, found in named:
            out |= {f"{name}.{k}": v for k, v in found.arrays().items()}
        return out

    @classmethod
    def restored(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Features:
        """Read what was saved, in its shapes. Raises ValueError for what does not fit together."""
        fields = Fields.restore(state["fields"])
        count = len(fields.fields)
        if not all(0 <= p < count for p in [*state["single"], *(p for pair in state["pairs"] for p in pair)]):
            raise ValueError("fields")
        effects = Effects.restored(arrays, count)
        means = [KeyMeans.restored(arrays, f"mean{i}") for i in range(len(state["single"]) + len(state["pairs"]))]
        factors = [Factors.restored(arrays, f"factor{i}") for i in range(int(state["factors"]))]
        firsts = [KeyMeans.restored(arrays, f"first{i}") for i in range(int(state["firsts"]))]
        daily = KeyMeans.restored(arrays, "daily") if state["daily"] else None
        if (factors and len(effects.places) != 2) or len(firsts) not in (0, len(effects.places)):
            raise ValueError("keys")
        return cls(fields, effects, state["single"], state["pairs"], means, factors, firsts, daily)


def _mean_of(found: KeyMeans, keys: np.ndarray) -> np.ndarray:
    """Return the mean of each row's key [N], NaN where it has none."""
    mean, count = found.look(keys)
    return np.where(count > 0, mean, np.nan)


def _with_day(keys: np.ndarray, when: np.ndarray) -> np.ndarray:
    days = np.nan_to_num(np.floor(when)).astype(np.int64).astype(np.uint64)[:, None]
    return crossed(keys, days + np.uint64(1))


def _most_values(fields: Fields, hashes: Sequence[np.ndarray]) -> list[int]:
    """Return the fields whose values recur, those with the most values first."""
    out = []
    for i, own in enumerate(hashes):
        distinct = len(np.unique(own))
        if distinct > 2 and distinct <= 0.5 * len(own):
            out.append((-distinct, i))
    return [i for _, i in sorted(out)]


def _pairs(fields: Fields, hashes: Sequence[np.ndarray], keys: Sequence[int]) -> list[tuple[int, int]]:
    """Return crosses of each key with the other fields that recur, those with few values left out last."""
    out: list[tuple[int, int]] = []
    for key in keys:
        found: list[tuple[float, int]] = []
        for i, own in enumerate(hashes):
            if i in keys or fields.fields[i].column == fields.fields[key].column:
                continue
            both = crossed(hashes[key], own)
            distinct, times_ = np.unique(both, return_counts=True)
            some = times_[distinct != 0]
            share = some[some > 2].sum() / max(1, some.sum())
            lone = len(np.unique(hashes[key])) * 1.02 >= len(some)  # the field tells nothing beyond the key
            if share >= _RECUR and not lone:
                found.append((-share, i))
        out += [(key, i) for _, i in sorted(found)[:_PAIRED]]
    return out
