"""What recipes that recommend share: events as a matrix, the histories of users, and answers from scores of all items.

Legend: N rows, U users, I items of the catalogue, E events, B users of a block, K items of an answer.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csr_matrix

from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.ranked import HISTORY, RankedCodec, Ranking
from modelwright.core.recipe import Model, Options, Recipe
from modelwright.core.saved import Loading, read_arrays, read_state, write_arrays, write_state
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.words import Words

LENGTH = 100  # K: items of an answer that are kept for metrics
_BLOCK = 1 << 24  # scores of a block of users at a time


def user_column(schema: Schema) -> Column:
    """Return the column that names users."""
    return next(c for c in schema.inputs if c.modality == "id")


class Histories:
    """Which user had which items, in the order of time: `items` [E] by their place in the catalogue, those of user u from
    `begins[u]` to `begins[u + 1]`; an item that a user had twice stands where it was had last."""

    def __init__(self, users: Sequence[str], begins: np.ndarray, items: np.ndarray) -> None:
        self.users, self.begins, self.items = pa.array(users, pa.string()), begins, items

    @classmethod
    def of(cls, table: Table, target: RankedCodec) -> Histories:
        """Collect the events of a table; without a column of times the rows' own order counts."""
        item_column = table.schema.target
        assert item_column is not None
        items = target.encode(table.column(item_column.name))
        who = table.column(user_column(table.schema).name).cast(pa.string()).dictionary_encode()
        users = np.asarray(who.indices.fill_null(-1), np.int64)
        when = _order(table)
        known = (items >= 0) & (users >= 0)
        order = np.lexsort((np.arange(len(items))[known], when[known], users[known]))
        users, items = users[known][order], items[known][order]
        pair = users * len(target.items) + items
        last = len(pair) - 1 - np.unique(pair[::-1], return_index=True)[1]  # the last time that a user had an item
        last.sort()
        users, items = users[last], items[last]
        names = who.dictionary.to_pylist()
        begins = np.r_[0, np.cumsum(np.bincount(users, minlength=len(names)))].astype(np.int64)
        return cls(names, begins, items.astype(np.int32))

    @classmethod
    def none(cls) -> Histories:
        """Return the histories of nobody."""
        return cls([], np.zeros(1, np.int64), np.empty(0, np.int32))

    def __len__(self) -> int:
        return len(self.users)

    def of_user(self, place: int) -> np.ndarray:
        """Return the items of a user [E], the first one first."""
        return self.items[self.begins[place] : self.begins[place + 1]]

    def places(self, users: pa.Array) -> np.ndarray:
        """Return where users stand [N], -1 for those that are not known."""
        return np.asarray(pc.index_in(users.cast(pa.string()), self.users).fill_null(-1), np.int64)

    def matrix(self, width: int) -> csr_matrix:
        """Return who had what as a matrix of ones [U, I]."""
        ones = np.ones(len(self.items), np.float32)
        out = csr_matrix((ones, self.items.astype(np.int64), self.begins), (len(self), width))
        out.sort_indices()
        return out

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what `restored` takes, besides the users' names."""
        return {"begins": self.begins, "items": self.items}

    @classmethod
    def restored(cls, users: Sequence[str], arrays: Mapping[str, np.ndarray], width: int) -> Histories:
        """Read what was saved. Raises ValueError for what does not fit together."""
        begins, items = arrays["begins"].astype(np.int64), arrays["items"].astype(np.int32)
        sound = len(begins) == len(users) + 1 and begins[0] == 0 and begins[-1] == len(items)
        if not sound or (np.diff(begins) < 0).any() or (len(items) and (items.min() < 0 or items.max() >= width)):
            raise ValueError("histories")
        return cls([str(u) for u in users], begins, items)


def _order(table: Table) -> np.ndarray:
    columns = table.schema.of_role("time")
    if not columns:
        return np.zeros(len(table))
    values = table.column(columns[0].name)
    if pa.types.is_timestamp(values.type):
        values = values.cast(pa.int64())
    return np.asarray(values.cast(pa.float64()).fill_null(-np.inf), np.float64)


def latest(table: Table, share: float) -> Table:
    """Return the latest events of a table, by time or the rows' own order."""
    order = np.lexsort((np.arange(len(table)), _order(table)))
    return table.take(np.sort(order[len(order) - max(1, round(share * len(order))) :]))


class RankModel(Model):
    """Ranks the items of the catalogue for a history. Derived classes say how in `rank`, and what is stored of that."""

    extent: dict[str, Any]
    history: list[dict[str, float]]

    def __init__(self, target: RankedCodec, histories: Histories) -> None:
        self.target, self.histories = target, histories
        self.extent, self.history = {}, []
        self.keeps_histories = True  # whether they are stored with the model
        self._held: dict[int, Ranking] = {}

    @abstractmethod
    def rank(self, had: Sequence[np.ndarray]) -> np.ndarray:
        """Return scores [B, I] float32 for histories [B], each items in the order of time; higher is better."""

    @abstractmethod
    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return what is stored of the model: JSON values and arrays."""

    @classmethod
    @abstractmethod
    def made(
        cls, target: RankedCodec, histories: Histories, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> RankModel:
        """Make the model from its parts. Raises ValueError where they do not fit together."""

    def because(self, had: np.ndarray, item: int) -> list[int]:
        """Return items of a history that speak most for an item, the first one most; none where the model cannot tell."""
        return []

    def scores(self, table: Table) -> np.ndarray:
        """As Model.scores: a Ranking for each row; rows of one user share it, and what the user had is left out of it."""
        names = table.schema.names
        where = self.histories.places(table.column(user_column(table.schema).name))
        given = table.column(HISTORY).to_pylist() if HISTORY in names and HISTORY in table.data.column_names else None
        out = np.empty((len(table), 1), object)
        wanted = [int(p) for p in np.unique(where) if p not in self._held]
        own = [i for i in range(len(table)) if given is not None and given[i]]
        step = max(1, _BLOCK // max(1, len(self.target.items)))
        for i in range(0, len(wanted), step):
            block = wanted[i : i + step]
            for place, ranking in zip(block, self.answer([self._had(p) for p in block])):
                self._held[place] = ranking
        for i, place in enumerate(where.tolist()):
            out[i, 0] = self._held[place]
        for i in range(0, len(own), step):
            rows = own[i : i + step]
            histories = [self.joined(self._had(int(where[r])), given[r] if given else []) for r in rows]
            for row, ranking in zip(rows, self.answer(histories)):
                out[row, 0] = ranking
        if len(self._held) > 50_000:
            self._held = {}
        return out

    def _had(self, place: int) -> np.ndarray:
        return self.histories.of_user(place) if place >= 0 else np.empty(0, np.int32)

    def had(self, user: str | None) -> np.ndarray:
        """Return the history of a user [E]; empty for one that is not known."""
        if user is None:
            return np.empty(0, np.int32)
        return self._had(int(self.histories.places(pa.array([user], pa.string()))[0]))

    def joined(self, had: np.ndarray, items: Sequence[str]) -> np.ndarray:
        """Return a history with further items behind it; those that the catalogue lacks tell nothing."""
        more = [p for item in items if (p := self.target.places.get(str(item))) is not None]
        whole = [int(i) for i in had if i not in set(more)] + list(dict.fromkeys(more))
        return np.array(whole, np.int32)

    def answer(
        self,
        histories: Sequence[np.ndarray],
        *,
        length: int = LENGTH,
        without: np.ndarray | None = None,
        seen: bool = False,
    ) -> list[Ranking]:
        """Return the best items for each history, at most `length`; `without` [I] (true) are left out for all, and what a history
        holds unless `seen`."""
        if not len(histories):
            return []
        scores = np.array(self.rank(histories), np.float32)
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

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> Model:
        with Loading(folder):
            if not isinstance(target, RankedCodec):
                raise ValueError("target")
            state, arrays = read_state(folder), read_arrays(folder / "arrays.safetensors")
            had = {k.removeprefix("had_"): v for k, v in arrays.items() if k.startswith("had_")}
            histories = Histories.restored(state["users"], had, len(target.items))
            return cls.made(target, histories, state, arrays)


def best(scores: np.ndarray, length: int) -> Ranking:
    """Return the items with the highest finite scores [I], at most `length`; of equal ones the more frequent item first."""
    length = min(length, len(scores))
    if length < len(scores):
        cut = np.partition(scores, len(scores) - length)[len(scores) - length]
        some = np.flatnonzero(scores > cut)
        some = np.concatenate([some, np.flatnonzero(scores == cut)[: length - len(some)]])
    else:
        some = np.arange(len(scores))
    some = some[np.isfinite(scores[some])]
    order = some[np.lexsort((some, -scores[some]))]
    return Ranking(order.astype(np.int32), scores[order].astype(np.float32))


def rows_of(histories: Sequence[np.ndarray], width: int) -> csr_matrix:
    """Return histories as rows of ones [B, I]."""
    begins = np.r_[0, np.cumsum([len(h) for h in histories])].astype(np.int64)
    items = np.concatenate(histories).astype(np.int64) if histories else np.empty(0, np.int64)
    return csr_matrix((np.ones(len(items), np.float32), items, begins), (len(histories), width))


class RankRecipe(Recipe):
    """A recipe that recommends."""

    tasks: ClassVar[frozenset[str] | None] = frozenset({"recommendation"})
    baseline = False
    seeded = False
    needs = ()
    extra = ""

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        if isinstance(target, RankedCodec):
            return None
        return Words("it ranks the items of a catalogue", "仅用于对物品目录排序")

    def items(self, target: TargetCodec) -> int:
        """Return I."""
        return len(target.items) if isinstance(target, RankedCodec) else 0


def ranked(target: TargetCodec) -> RankedCodec:
    """Return the codec as what it must be here."""
    assert isinstance(target, RankedCodec)
    return target


class NoOptions(Options):
    """There is nothing to choose."""


def nothing(histories: Sequence[np.ndarray], popularity: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Put the items' popularity [I] in place of scores [B, I] of empty histories, which tell nothing."""
    for row, had in zip(scores, histories):
        if len(had) == 0:
            row[:] = popularity
    return scores
