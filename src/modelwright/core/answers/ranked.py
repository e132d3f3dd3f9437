"""Items in an order, best first: what is recommended.

Legend: N rows, I items of the catalogue, K items of an answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel
from safetensors.numpy import load_file as load_arrays
from safetensors.numpy import save_file as save_arrays

from modelwright.core.answers.base import Answers, TargetCodec, as_objects
from modelwright.core.answers.corrections import Form, Unfit, expected, is_label
from modelwright.core.errors import DataError
from modelwright.core.words import Words

HISTORY = "history"  # the column of a request that holds items instead of, or beside, a known user's
SHOWN = 20  # items of an answer where nobody asks for another number


class Ranked(BaseModel):
    """One item of an answer; a higher `score` stands earlier, scores of different models do not compare."""

    item: str
    score: float


@dataclass(frozen=True, eq=False)
class Ranking:
    """Items [K] by their place in the catalogue, best first, and their scores [K]. Rows of one user share one object."""

    items: np.ndarray
    scores: np.ndarray

    def __eq__(self, other: object) -> bool:
        """Whether the same items stand in the same order, with the same scores but for rounding."""
        if not isinstance(other, Ranking) or not np.array_equal(self.items, other.items):
            return False
        return np.allclose(self.scores, other.scores, rtol=1e-4, atol=1e-6)

    __hash__ = object.__hash__


class RankedCodec(TargetCodec):
    """A catalogue of items. Truth is the place of an item in it, -1 for one that no training row has; scores are an object
    array [N, 1] of Ranking."""

    kind = "ranked"
    link = ""
    averages = False
    explains = False
    compares_groups = False
    labels = ()
    told_as: ClassVar[Form] = "label"

    def __init__(self, items: Sequence[str]) -> None:
        self.items = tuple(items)

    @classmethod
    def fit(cls, values: pa.Array) -> RankedCodec:
        """Learn the catalogue [I], the most frequent item first. Raises DataError for fewer than two items."""
        counts = values.drop_null().value_counts()
        items, times = counts.field("values").to_pylist(), np.asarray(counts.field("counts"))
        if len(items) < 2:
            raise DataError(
                f"Expected events of at least two different items, received {len(items)}.",
                f"事件中至少应有两种不同的物品，实际为 {len(items)} 种。",
            )
        return cls([items[i] for i in sorted(range(len(items)), key=lambda i: (-times[i], items[i]))])

    @property
    def outputs(self) -> int:
        return 1

    @cached_property
    def places(self) -> dict[str, int]:
        """The place of each item in the catalogue."""
        return {item: i for i, item in enumerate(self.items)}

    def encode(self, values: pa.Array) -> np.ndarray:
        found = pc.index_in(values.cast(pa.string()), pa.array(self.items, pa.string()))
        return np.asarray(found.fill_null(-1), np.int64)

    def decode(self, scores: np.ndarray, thresholds: Sequence[float] | None = None) -> Answers:
        once = {
            id(ranking): ranking for ranking in scores[:, 0]
        }  # rows of one user share a list: it is written out once
        shown = {key: self.shown(ranking) for key, ranking in once.items()}
        return Answers([shown[id(ranking)] for ranking in scores[:, 0]], None)

    def shown(self, ranking: Ranking, most: int = SHOWN) -> list[dict[str, Any]]:
        """Return the first items of a ranking as JSON values."""
        pairs = zip(ranking.items[:most].tolist(), ranking.scores[:most].tolist(), strict=True)
        return [{"item": self.items[i], "score": s} for i, s in pairs]

    def chosen(self, answers: Answers, scores: np.ndarray) -> np.ndarray:
        """Return the first item of each answer [N], -1 where there is none."""
        return np.array([r.items[0] if len(r.items) else -1 for r in scores[:, 0]], np.int64)

    def perfect(self, truth: np.ndarray) -> np.ndarray:
        made = [Ranking(np.array([t], np.int32), np.ones(1, np.float32)) for t in truth.tolist()]
        return as_objects(made)[:, None]

    def faults(self, scores: np.ndarray) -> str | None:
        for ranking in scores[:, 0]:
            if not isinstance(ranking, Ranking) or ranking.items.shape != ranking.scores.shape:
                return "an answer is no ranking"
            if len(np.unique(ranking.items)) < len(ranking.items):
                return "an item stands twice in an answer"
            if not np.isfinite(ranking.scores).all() or (np.diff(ranking.scores) > 0).any():
                return "scores are not finite, or a later item has a higher one"
        return None

    def finite(self, scores: np.ndarray) -> bool:
        return all(bool(np.isfinite(r.scores).all()) for r in {id(r): r for r in scores[:, 0]}.values())

    def answered(self, scores: np.ndarray) -> np.ndarray:
        return np.array([r is not None for r in scores[:, 0]], bool)

    def blend(self, weights: Sequence[float], scores: Sequence[np.ndarray]) -> np.ndarray:
        """Return the scores [N, 1] of the weightiest model: the scales of different models do not compare."""
        return scores[int(np.argmax(weights))]

    def save_scores(self, folder: Path, scores: np.ndarray) -> None:
        """Write each ranking of scores [N, 1] once, however many rows share it."""
        seen: dict[int, int] = {}
        kept: list[Ranking] = []
        row = np.empty(len(scores), np.int64)
        for i, ranking in enumerate(scores[:, 0]):
            if id(ranking) not in seen:
                seen[id(ranking)] = len(kept)
                kept.append(ranking)
            row[i] = seen[id(ranking)]
        none = np.empty(0)
        arrays: dict[str, np.ndarray] = {
            "row": row,
            "length": np.array([len(r.items) for r in kept], np.int64),
            "items": np.concatenate([r.items for r in kept] or [none]).astype(np.int32),
            "scores": np.concatenate([r.scores for r in kept] or [none]).astype(np.float32),
        }
        save_arrays(arrays, str(folder / "validation.safetensors"))

    def load_scores(self, folder: Path) -> np.ndarray:
        found = load_arrays(str(folder / "validation.safetensors"))
        ends = np.cumsum(found["length"])
        kept = [
            Ranking(found["items"][end - n : end], found["scores"][end - n : end])
            for n, end in zip(found["length"].tolist(), ends.tolist(), strict=True)
        ]
        return as_objects([kept[i] for i in found["row"].tolist()])[:, None]

    def unseen(self, values: pa.Array) -> dict[str, int]:
        return {}  # a shop gets new items every day: the report says how many in a table of its own

    def told(self, value: Any, *, new: bool = False) -> tuple[Any, bool]:
        """As TargetCodec.told: one item, that was clicked, bought or taken."""
        if isinstance(value, bool) or not isinstance(value, (str, int)) or not is_label(value):
            raise expected("one item, by its id", "一个物品的标识")
        item = str(value).strip()
        if item in self.places:
            return item, False
        if not new:
            raise Unfit(
                "label",
                Words(
                    "That item is not in the catalogue. If it is a new one, add `new: true`.",
                    "目录中没有该物品。若为新物品，请加 `new: true`。",
                ),
            )
        return item, True

    def gist(self, answer: Any) -> Any:
        """Return the item that stands first, or that was told."""
        if isinstance(answer, list):
            return answer[0]["item"] if answer else None
        return answer

    def answer_fields(self) -> dict[str, Any]:
        return {"prediction": (list[Ranked], ...)}

    def column(self, predictions: Sequence[Any], flat: bool) -> pa.Array:
        """Return the items of each answer, best first; in formats that hold no lists divided by blanks."""
        items = [None if p is None else [hit["item"] for hit in p] for p in predictions]
        if flat:
            return pa.array([None if found is None else " ".join(found) for found in items], pa.string())
        return pa.array(items, pa.list_(pa.string()))

    def plainly(self, truth: np.ndarray, chosen: np.ndarray) -> Words | None:
        return None

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> TargetCodec:
        return cls([str(item) for item in state["items"]])

    def state(self) -> dict[str, Any]:
        return {"kind": self.kind, "items": list(self.items)}


CODEC = RankedCodec
