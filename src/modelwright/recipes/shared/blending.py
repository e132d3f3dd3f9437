"""What a blend of models is worth on held-out users: scores of each model once, then weights at will.

Legend: B users, I items, V events held out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from modelwright.core.answers.base import as_objects
from modelwright.core.answers.ranked import Ranking
from modelwright.core.recipe import FitContext
from modelwright.core.schema import Table
from modelwright.recipes.shared.histories import user_column
from modelwright.recipes.shared.recommend import RankModel, best, ranked

_FIRST = 20  # items of a list that metrics look at
CELLS = 1 << 28  # scores kept: of all models, users and items together


class Blending:
    """Held-out events of some users, and the comparable scores of several models for them [B, I]; `order` are the best models of each
    recipe, the best one first."""

    def __init__(self, valid: Table, models: Sequence[tuple[str, RankModel]], ctx: FitContext, most: int) -> None:
        """Take models by the name of their recipe; of each recipe the best one is kept."""
        size = len(ranked(ctx.target).items)
        kinds = len({name for name, _ in models})
        most = max(100, min(most, CELLS // max(1, size * (kinds + 2))))
        codes = valid.column(user_column(valid.schema).name).dictionary_encode()
        count = len(codes.dictionary)
        at = np.asarray(codes.indices.fill_null(0), np.int64)
        chosen = np.sort(np.random.default_rng(0).choice(count, min(most, count), replace=False))
        some = np.isin(at, chosen)
        self.valid, self.ctx = valid.take(np.flatnonzero(some)), ctx
        self.user = np.searchsorted(chosen, at[some])
        self.had = [models[0][1].had(str(u)) for u in codes.dictionary.take(chosen).to_pylist()]
        filled = [i for i, h in enumerate(self.had) if len(h)]
        self.filled = np.array(filled, np.int64)
        self.scores: dict[int, np.ndarray] = {}
        best_of: dict[str, tuple[float, int]] = {}
        none = np.empty((0, size), np.float32)
        for i, (name, model) in enumerate(models):
            self.scores[i] = comparable(model.rank([self.had[i] for i in filled])) if filled else none
            value = self.value({i: 1.0})
            lost = i
            if name not in best_of or value > best_of[name][0]:
                lost = best_of[name][1] if name in best_of else -1
                best_of[name] = value, i
            self.scores.pop(lost, None)
        self.order = [i for _, i in sorted(best_of.values(), reverse=True)]

    def value(self, weights: Mapping[int, float]) -> float:
        """Return what ranks, of models added with weights; users without a history count as answered by nothing."""
        total: np.ndarray | None = None
        for i, weight in weights.items():
            part = np.float32(weight) * self.scores[i]
            total = part if total is None else total + part
        assert total is not None
        answers = [best(np.empty(0, np.float32), 0)] * len(self.had)
        for row, i in zip(total, self.filled.tolist()):
            row[self.had[i]] = -np.inf
        length = min(_FIRST, total.shape[1])
        top = np.argpartition(-total, length - 1, axis=1)[:, :length]
        values = np.take_along_axis(total, top, axis=1)
        order = np.lexsort((top, -values), axis=1)
        top, values = np.take_along_axis(top, order, axis=1), np.take_along_axis(values, order, axis=1)
        for items, found, i in zip(top.astype(np.int32), values, self.filled.tolist()):
            some = np.isfinite(found)
            answers[i] = Ranking(items[some], found[some])
        made = as_objects([answers[u] for u in self.user.tolist()])[:, None]
        value = self.ctx.value(self.valid, made)
        return value if np.isfinite(value) else -np.inf


def comparable(scores: np.ndarray) -> np.ndarray:
    """Return scores [B, I] as they compare between models: how many deviations above the mean of the list, damped."""
    mean = scores.mean(axis=1, keepdims=True)
    deviation = np.maximum(scores.std(axis=1, keepdims=True), 1e-12)
    z = (scores - mean) / deviation
    return np.asarray(np.sign(z) * np.log1p(np.abs(z)), np.float32)
