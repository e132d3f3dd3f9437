"""What recipes that recommend share: answers from scores of all items, what is left out, and how models are kept.

Legend: N rows, I items of the catalogue, B users of a block, K items of an answer.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_matrix

from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.ranked import HISTORY, RankedCodec, Ranking
from modelwright.core.recipe import FitContext, Model, Options, Recipe
from modelwright.core.saved import Loading, read_arrays, read_state, write_arrays, write_state
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.shared.histories import Histories, latest, rows_of, user_column

__all__ = ["Histories", "RankModel", "RankRecipe", "best", "latest", "nothing", "ranked", "rows_of", "user_column"]

LENGTH = 100  # K: items of an answer that are kept for metrics
_BLOCK = 1 << 24  # scores of a block of users at a time
_PART = 16  # every so manieth score bounds the best ones from below
_FITTED = "fitted to rank"  # where fits of a run are kept, for recipes that combine them


class RankModel(Model):
    """Ranks the items of the catalogue for a history. Derived classes say how in `rank`, and what is stored of that."""

    extent: dict[str, Any]
    history: list[dict[str, float]]
    reads_users: ClassVar[bool] = False  # whether `rank_told` reads what is told of users beside their histories

    def __init__(self, target: RankedCodec, histories: Histories) -> None:
        self.target, self.histories = target, histories
        self.extent, self.history = {}, []
        self.keeps_histories = True  # whether they are stored with the model
        self._held: dict[int, Ranking] = {}
        self._had_by: Any = None  # who had which item, by item

    @abstractmethod
    def rank(self, had: Sequence[np.ndarray]) -> np.ndarray:
        """Return scores [B, I] float32 for histories [B], each items in the order of time; higher is better."""

    def rank_told(self, had: Sequence[np.ndarray], told: Table | None) -> np.ndarray:
        """Return what `rank` does [B, I], with what is told of the users: a table of one line for each; None where nothing is."""
        return self.rank(had)

    @abstractmethod
    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return what is stored of the model: JSON values and arrays, each in a shape of its own."""

    @classmethod
    @abstractmethod
    def made(
        cls, target: RankedCodec, histories: Histories, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> RankModel:
        """Make the model from its parts, arrays in their shapes. Raises ValueError where they do not fit together."""

    def save_more(self, folder: Path) -> None:
        """Write what a model keeps beside its parts, such as codecs."""

    def load_more(self, folder: Path) -> None:
        """Read what `save_more` wrote, within `Loading`."""

    def first(self, had: np.ndarray, length: int, out: np.ndarray) -> Ranking | None:
        """Return the best items for one history, at most `length`, without those that are `out` [I], as the best of `rank` would be;
        None where the model has no quicker way than to score the whole catalogue."""
        return None

    def because(self, had: np.ndarray, item: int) -> list[int]:
        """Return items of a history [T] that speak most for an item, the first one most; none where the model cannot tell."""
        return []

    def remember(self, histories: Histories) -> None:
        """Take further events of users into account, without learning anew."""
        self.histories, self._held = histories, {}

    @property
    def gives_reasons(self) -> bool:
        """Whether `because` tells anything."""
        return type(self).because is not RankModel.because

    @property
    def item_vectors(self) -> np.ndarray | None:
        """Vectors of the items [I, D] whose products with `query` order the items as `rank` does; None where there are none."""
        return None

    def query(self, had: Sequence[np.ndarray]) -> np.ndarray:
        """Return a vector for each history [B, D], for models with `item_vectors`."""
        raise NotImplementedError

    def alike(self, places: np.ndarray) -> np.ndarray | None:
        """Return how alike items [M] are, 0 to 1 [M, M]: by the angle between their vectors, or by who had them. None where neither
        is known."""
        if self.item_vectors is not None:
            some = self.item_vectors[places].astype(np.float64)
            some /= np.maximum(np.linalg.norm(some, axis=1, keepdims=True), 1e-9)
            return np.clip(some @ some.T, 0, 1)
        if not len(self.histories.items):
            return None
        if self._had_by is None:
            self._had_by = self.histories.matrix(len(self.target.items)).tocsc()
        own = self._had_by[:, places]
        both = np.asarray((own.T @ own).todense(), np.float64)
        counts = np.sqrt(np.maximum(np.diag(both), 1e-9))
        return both / counts[:, None] / counts[None, :]

    def scores(self, table: Table) -> np.ndarray:
        """As Model.scores: a Ranking for each row; rows of one user share it, and what the user had is left out of it."""
        names = table.schema.names
        column = table.column(user_column(table.schema).name)
        where = self.histories.places(column)
        given = table.column(HISTORY).to_pylist() if HISTORY in names and HISTORY in table.data.column_names else None
        told = self._lines_of_users(table, column) if self.reads_users else None
        out = np.empty((len(table), 1), object)
        by_row = np.array([bool(given is not None and given[i]) for i in range(len(table))], bool)
        if told is not None:
            by_row |= where < 0
        step = max(1, _BLOCK // max(1, len(self.target.items)))
        first = {int(p): i for i, p in reversed(list(enumerate(where.tolist())))}
        wanted = [p for p in np.unique(where[~by_row]).tolist() if p not in self._held]
        for i in range(0, len(wanted), step):
            block = wanted[i : i + step]
            lines = None if told is None else told.take(np.array([first[p] for p in block], np.int64))
            for place, ranking in zip(block, self.answer([self._had(p) for p in block], told=lines)):
                self._held[place] = ranking
        for row in np.flatnonzero(~by_row).tolist():
            out[row, 0] = self._held[int(where[row])]
        own = np.flatnonzero(by_row)
        for i in range(0, len(own), step):
            rows = own[i : i + step]
            histories = [self.joined(self._had(int(where[r])), (given or {})[r] or [] if given else []) for r in rows]
            lines = None if told is None else told.take(rows)
            for row, ranking in zip(rows.tolist(), self.answer(histories, told=lines)):
                out[row, 0] = ranking
        if len(self._held) > 50_000:
            self._held = {}
        return out

    def _lines_of_users(self, table: Table, users: pa.Array) -> Table | None:
        """Return a line for each row of what is known of its user: from the table of users, else from the row itself."""
        beside = table.related.get("users")
        return table if beside is None else beside.lines(users)

    def _had(self, place: int) -> np.ndarray:
        return self.histories.of_user(place) if place >= 0 else np.empty(0, np.int32)

    def had(self, user: str | None) -> np.ndarray:
        """Return the history of a user [E]; empty for one that is not known."""
        if user is None:
            return np.empty(0, np.int32)
        return self._had(self.histories.place(user))

    def forget(self, subject: str) -> bool:
        place = self.histories.place(subject)
        if place < 0:
            return False
        had = self.histories
        users = [u for i, u in enumerate(had.users.to_pylist()) if i != place]
        lengths = np.delete(np.diff(had.begins), place)
        items = np.concatenate([had.items[: had.begins[place]], had.items[had.begins[place + 1] :]])
        self.histories = Histories(users, np.r_[0, np.cumsum(lengths)].astype(np.int64), items)
        self._held, self._had_by = {}, None
        return True

    def joined(self, had: np.ndarray, items: Sequence[str]) -> np.ndarray:
        """Return a history [T] with further items behind it; those that the catalogue lacks tell nothing."""
        more = [p for item in items if (p := self.target.places.get(str(item))) is not None]
        if not more:
            return np.asarray(had, np.int32)
        last = np.array(list(dict.fromkeys(more)), np.int32)
        return np.concatenate([had[~np.isin(had, last)], last]).astype(np.int32)

    def answer(
        self,
        histories: Sequence[np.ndarray],
        *,
        length: int = LENGTH,
        without: np.ndarray | None = None,
        seen: bool = False,
        told: Table | None = None,
    ) -> list[Ranking]:
        """Return the best items for each history, at most `length`; `without` [I] (true) are left out for all, and what a history
        holds unless `seen`. `told` are lines of what is known of the users [B]."""
        if not len(histories):
            return []
        found = self.rank(histories) if told is None else self.rank_told(histories, told)
        scores = np.array(found, np.float32)
        for row, had in zip(scores, histories):
            if not seen:
                row[had] = -np.inf
            if without is not None:
                row[without] = -np.inf
        return [best(row, length) for row in scores]

    def save(self, folder: Path) -> None:
        state, arrays = self.parts()
        had = self.histories if self.keeps_histories else Histories.none()
        write_state(folder, {**state, "users": had.users.to_pylist()})
        write_arrays(folder / "arrays.safetensors", {**arrays, **{f"had_{k}": v for k, v in had.arrays().items()}})
        self.save_more(folder)

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> Model:
        with Loading(folder):
            if not isinstance(target, RankedCodec):
                raise ValueError("target")
            state, arrays = read_state(folder), read_arrays(folder / "arrays.safetensors")
            had = {k.removeprefix("had_"): v for k, v in arrays.items() if k.startswith("had_")}
            histories = Histories.restored(state["users"], had, len(target.items))
            model = cls.made(target, histories, state, arrays)
            model.load_more(folder)
            return model


def cut(scores: np.ndarray, length: int) -> float:
    """Return the score at place `length` of the highest of scores [I]; infinity for 0. `length` is at most I."""
    if not length:
        return np.inf
    if len(scores) >= 2 * _PART * length:
        # a part's score at that place is no higher than the one of all; where few are above it, it is the same
        least = cut(scores[::_PART], length)
        above = scores[scores > least]
        return least if len(above) < length else cut(above, length)
    # of the negatives: from the other end NumPy takes 25 times as long where most scores are equal
    return float(-np.partition(-scores, length - 1)[length - 1])


def best(scores: np.ndarray, length: int) -> Ranking:
    """Return the items with the highest finite scores [I], at most `length`; of equal ones the more frequent item first."""
    length = min(length, len(scores))
    if length < len(scores):
        least = cut(scores, length)
        some = np.flatnonzero(scores > least)
        some = np.concatenate([some, np.flatnonzero(scores == least)[: length - len(some)]])
    else:
        some = np.arange(len(scores))
    some = some[np.isfinite(scores[some])]
    order = some[np.lexsort((some, -scores[some]))]
    return Ranking(order.astype(np.int32), scores[order].astype(np.float32))


def sparse_parts(matrix: csr_matrix, name: str = "") -> dict[str, np.ndarray]:
    """Return a sparse matrix as arrays to be kept: `data` [E], `indices` int32 [E], `indptr` int64 [rows + 1], each after `name`."""
    return {
        f"{name}data": matrix.data,
        f"{name}indices": matrix.indices.astype(np.int32),
        f"{name}indptr": matrix.indptr.astype(np.int64),
    }


def sparse_made(arrays: Mapping[str, np.ndarray], shape: tuple[int, int], name: str = "") -> csr_matrix:
    """Make the matrix of `shape` that `sparse_parts` took apart. Raises KeyError for arrays that are missing, ValueError for damaged ones."""
    found = csr_matrix((arrays[f"{name}data"], arrays[f"{name}indices"], arrays[f"{name}indptr"]), shape)
    found.check_format(full_check=True)
    return found


class RankRecipe(Recipe):
    """A recipe that recommends. What it learns in `learn` is kept while a run compares, for those that combine models."""

    tasks: ClassVar[frozenset[str] | None] = frozenset({"recommendation"})
    baseline = False
    seeded = False
    needs: ClassVar[tuple[str, ...]] = ()
    extra = ""
    combines: ClassVar[bool] = True  # whether others may take its models as parts

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        if isinstance(target, RankedCodec):
            return None
        return Words("it ranks the items of a catalogue", "仅用于对物品目录排序")

    def items(self, target: TargetCodec) -> int:
        """Return I."""
        return len(target.items) if isinstance(target, RankedCodec) else 0

    @abstractmethod
    def learn(self, train: Table, valid: Table | None, options: Any, ctx: FitContext) -> RankModel:
        """Fit as `Recipe.fit`."""

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        began = time.monotonic()
        model = self.learn(train, valid, options, ctx)
        if valid is not None and self.combines:
            took = time.monotonic() - began
            ctx.cache.setdefault(_FITTED, {})[self.name, options.model_dump_json()] = (model, took)
        return model


def fitted(ctx: FitContext) -> dict[tuple[str, str], tuple[RankModel, float]]:
    """Return what was fitted on the rows of this context so far, by recipe and options, with the seconds that each took."""
    found: dict[tuple[str, str], tuple[RankModel, float]] = ctx.cache.get(_FITTED, {})
    return found


def ranked(target: TargetCodec) -> RankedCodec:
    """Return the codec as what it must be here."""
    assert isinstance(target, RankedCodec)
    return target


def nothing(histories: Sequence[np.ndarray], popularity: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Put the items' popularity [I] in place of scores [B, I] of empty histories, which tell nothing."""
    for row, had in zip(scores, histories):
        if len(had) == 0:
            row[:] = popularity
    return scores
