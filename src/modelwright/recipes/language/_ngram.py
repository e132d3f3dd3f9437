"""Interpolated Kneser-Ney n-grams over characters: the baselines of language models, without any network.

Kneser & Ney 1995; Chen & Goodman 1999. Lower orders count in how many different contexts a stretch stands. Legend: M
stretches of n characters that occur, V vocabulary, T ids of a text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Estimate, FitContext, Options, Recipe
from modelwright.core.saved import Loading, read_arrays, read_state, write_arrays
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.features.shared.chats import Chat, documents, opening
from modelwright.features.shared.vocabulary import Characters, load_vocabulary
from modelwright.recipes.shared.lm import LanguageModel

_MOST = 20_000_000  # characters that are counted
_ACCOUNT = 1_114_112  # characters that an unknown one may be


@dataclass
class Level:
    """One order: stretches as numbers in the base V, sorted [M], their counts [M], and what each context sums to."""

    keys: np.ndarray
    counts: np.ndarray
    discount: float
    contexts: np.ndarray
    starts: np.ndarray
    totals: np.ndarray
    best: np.ndarray

    @classmethod
    def of(cls, keys: np.ndarray, counts: np.ndarray, size: int) -> Level:
        """Return the level of sorted stretches [M] and their counts [M]."""
        once, twice = int((counts == 1).sum()), int((counts == 2).sum())
        discount = min(0.95, max(0.1, once / max(1, once + 2 * twice)))
        contexts, starts = np.unique(keys // size, return_index=True)
        totals = np.add.reduceat(counts, starts) if len(keys) else counts
        order = np.lexsort((-counts, keys // size))
        best = (keys[order] % size)[starts] if len(keys) else keys
        return cls(keys, counts, discount, contexts, np.append(starts, len(keys)), totals, best)


def count(ids: np.ndarray, order: int, size: int) -> list[Level]:
    """Return the levels of orders 1 to `order` of a run of ids [T]."""
    out: list[Level] = []
    while size**order >= 1 << 62 or len(ids) < order:
        order -= 1
    keys, counts = np.unique(_codes(ids, order, size), return_counts=True)
    out.append(Level.of(keys, counts, size))
    for n in range(order - 1, 0, -1):
        keys, counts = np.unique(out[-1].keys % size**n, return_counts=True)
        out.append(Level.of(keys, counts, size))
    return out[::-1]


def _codes(ids: np.ndarray, n: int, size: int) -> np.ndarray:
    """Return each stretch of n ids as a number, the first id weighing most [T - n + 1]."""
    out = np.zeros(len(ids) - n + 1, np.int64)
    for k in range(n):
        out = out * size + ids[k : len(ids) - n + 1 + k]
    return out


class NGramModel(LanguageModel):
    """Counted stretches of characters."""

    vocabulary: Characters

    def __init__(self, levels: list[Level], vocabulary: Characters, form: str) -> None:
        self.levels, self.vocabulary, self.form = levels, vocabulary, form
        self.chat = Chat(vocabulary)
        self.context = 1 << 20
        self.extent, self.history = {}, []

    def nats(self, full: Sequence[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        size = self.vocabulary.size
        for ids in full:
            ids = ids.astype(np.int64)
            p = np.full(len(ids), 1 / size)
            best = np.full(len(ids), -1)
            for n, level in enumerate(self.levels, 1):
                if len(ids) < n:
                    break
                codes = _codes(ids, n, size)
                at = np.minimum(np.searchsorted(level.contexts, codes // size), len(level.contexts) - 1)
                known = level.contexts[at] == codes // size
                place = np.minimum(np.searchsorted(level.keys, codes), len(level.keys) - 1)
                seen = np.where(level.keys[place] == codes, level.counts[place], 0)
                types = level.starts[at + 1] - level.starts[at]
                mixed = (np.maximum(seen - level.discount, 0) + level.discount * types * p[n - 1 :]) / level.totals[at]
                p[n - 1 :] = np.where(known, mixed, p[n - 1 :])
                best[n - 1 :] = np.where(known, level.best[at], best[n - 1 :])
            nats = -np.log(p) + np.log(_ACCOUNT) * (ids == self.vocabulary.unknown)
            yield nats[1:], (best == ids)[1:]

    def following(self, history: Sequence[int]) -> np.ndarray:
        """Return the probabilities [V] of what follows a history."""
        size = self.vocabulary.size
        p = np.full(size, 1 / size)
        for n, level in enumerate(self.levels, 1):
            if len(history) < n - 1:
                break
            code = 0
            for i in history[len(history) - n + 1 :]:
                code = code * size + int(i)
            at = int(np.searchsorted(level.contexts, code))
            if at == len(level.contexts) or level.contexts[at] != code:
                break  # a longer one is not known either
            low, high = level.starts[at], level.starts[at + 1]
            p = p * (level.discount * (high - low) / level.totals[at])
            p[level.keys[low:high] % size] += np.maximum(level.counts[low:high] - level.discount, 0) / level.totals[at]
        return p

    def net(self, slots: int, context: int | None = None) -> Any:
        return _NGramNet(self, slots, min(self.context, context or 1 << 16))

    def told(self) -> dict[str, Any]:
        return super().told() | {"orders": len(self.levels)}

    def save(self, folder: Path) -> None:
        super().save(folder)
        arrays = {f"{n}.keys": level.keys for n, level in enumerate(self.levels)}
        arrays |= {f"{n}.counts": level.counts.astype(np.int32) for n, level in enumerate(self.levels)}
        write_arrays(folder / "counts.safetensors", arrays)

    @classmethod
    def load(cls, folder: Path, target: TargetCodec | None) -> NGramModel:
        with Loading(folder, Words("counts", "计数")):
            data = read_state(folder)
            arrays = read_arrays(folder / "counts.safetensors")
            vocabulary = load_vocabulary(folder)
            if not isinstance(vocabulary, Characters):
                raise ValueError("characters")
            levels = [
                Level.of(arrays[f"{n}.keys"], arrays[f"{n}.counts"].astype(np.int64), vocabulary.size)
                for n in range(data["orders"])
            ]
            return cls(levels, vocabulary, data["form"])


class _NGramNet:
    """Counted stretches as the decoding engine runs them: each slot keeps its last few ids."""

    def __init__(self, model: NGramModel, slots: int, context: int) -> None:
        self.model, self.context, self.vocab = model, context, model.vocabulary.size
        self._kept: list[list[int]] = [[] for _ in range(slots + 1)]

    def _logits(self, slot: int) -> Any:
        import torch

        return torch.from_numpy(np.log(self.model.following(self._kept[slot]))).float()

    def read(self, ids: Sequence[int], slot: int, at: int) -> Any:
        self._kept[slot] = ([] if at == 0 else self._kept[slot]) + list(ids)
        return self._logits(slot)

    def step(self, ids: Sequence[int], at: Sequence[int]) -> Any:
        import torch

        for slot, i in enumerate(ids):
            self._kept[slot] = [*self._kept[slot], i][-len(self.model.levels) :]
        return torch.stack([self._logits(slot) for slot in range(len(ids))])

    def move(self, source: int, goal: int) -> None:
        self._kept[goal] = list(self._kept[source])


class NGramRecipe(Recipe):
    """What the n-gram recipes share."""

    needs = ("torch",)
    extra = "nn"
    baseline = True
    seeded = False
    tasks = frozenset({"text-generation"})

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        return None

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        column = train.schema.target
        size = min(_MOST, train.column(column.name if column else "").nbytes)
        order = int(getattr(options, "order", 1))
        return Estimate(0.2 + 4e-7 * size * order, 60 * size * order + (50 << 20))

    def counted(self, train: Table, order: int, ctx: FitContext) -> tuple[list[Level], Characters, str]:
        """Return levels, vocabulary and form of the training texts."""
        form = str(getattr(ctx.target, "form", "texts"))
        column = train.schema.target
        cells = [c or "" for c in train.column(column.name if column else "").to_pylist()]
        distinct = len(set().union(*map(set, cells)))
        vocabulary = Characters.fit([*cells, ROLES], 2 if distinct > 1000 else 1)
        docs = documents(cells, form, vocabulary, Chat(vocabulary))
        first = opening(form, vocabulary) or [vocabulary.end]
        ids = np.concatenate([np.array(first, np.int32), *(d.ids for d in docs)])[:_MOST].astype(np.int64)
        return count(ids, order, vocabulary.size), vocabulary, form


ROLES = "\nsystem user assistant tool\n"  # what every chat may need besides its own characters
