"""Who had which items, in the order of time: what recipes that recommend learn from.

Legend: N rows, U users, I items of the catalogue, E events, B users of a block.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csr_matrix

from modelwright.core.answers.ranked import RankedCodec
from modelwright.core.recipe import FitContext
from modelwright.core.schema import Column, Schema, Table

_FEW = 20  # users who are looked up one by one
_SORTED = 0.9  # of neighbours in a history that ascend: more are sorted


def user_column(schema: Schema) -> Column:
    """Return the column that names users."""
    found = schema.who
    assert found is not None
    return found


class Histories:
    """Which user had which items, in the order of time: `items` [E] by their place in the catalogue, those of user u from
    `begins[u]` to `begins[u + 1]`; an item that a user had twice stands where it was had last."""

    def __init__(self, users: Sequence[str] | pa.Array, begins: np.ndarray, items: np.ndarray) -> None:
        self.users = users if isinstance(users, pa.Array) else pa.array(users, pa.string())
        self.begins, self.items = begins, items
        self._by_name: np.ndarray | None = None

    @classmethod
    def of(cls, table: Table, target: RankedCodec) -> Histories:
        """Collect the events of a table; without a column of times the rows' own order counts."""
        item_column = table.schema.target
        assert item_column is not None
        items = target.encode(table.column(item_column.name))
        who = table.column(user_column(table.schema).name).cast(pa.string()).dictionary_encode()
        users = np.asarray(who.indices.fill_null(-1), np.int64)
        known = (items >= 0) & (users >= 0)
        if not known.all():
            users, items = users[known], items[known]
        when = order_of(table)[known]
        if len(when) and (np.diff(when) < 0).any():
            order = np.argsort(when, kind="stable")
            users, items = users[order], items[order]
        users, items = _by_user(users, items, len(who.dictionary))
        users, items = _last_times(users, items, len(target.items))
        begins = np.r_[0, np.cumsum(np.bincount(users, minlength=len(who.dictionary)))].astype(np.int64)
        return cls(who.dictionary, begins, items.astype(np.int32))

    @classmethod
    def kept(cls, table: Table, target: RankedCodec, ctx: FitContext) -> Histories:
        """As `of`, made once for all recipes that are fitted on one table."""
        key = ("histories", id(table.rows), len(table), len(target.items))
        found = ctx.cache.get(key)
        if found is None or found[0] is not table.rows:
            found = ctx.cache[key] = (table.rows, cls.of(table, target))
        made: Histories = found[1]
        return made

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
        if len(users) <= _FEW:
            return np.array([-1 if u is None else self.place(str(u)) for u in users.to_pylist()], np.int64)
        return np.asarray(pc.index_in(users.cast(pa.string()), self.users).fill_null(-1), np.int64)

    def place(self, user: str) -> int:
        """Return where one user stands, -1 for one that is not known. The first call sorts the users once; every other one looks at
        some twenty of them, where `places` would look at all."""
        if self._by_name is None:
            self._by_name = np.asarray(pc.sort_indices(self.users), np.int64)
        names, order = self.users, self._by_name
        at = bisect_left(range(len(order)), user, key=lambda i: names[int(order[i])].as_py())
        return int(order[at]) if at < len(order) and names[int(order[at])].as_py() == user else -1

    def counts(self, width: int) -> np.ndarray:
        """Return how many users had each item [I] float32."""
        return np.bincount(self.items, minlength=width).astype(np.float32)

    def matrix(self, width: int) -> csr_matrix:
        """Return who had what as a matrix of ones [U, I]."""
        ones = np.ones(len(self.items), np.float32)
        out = csr_matrix((ones, self.items.astype(np.int32), self.begins), (len(self), width))
        out.sort_indices()
        return out

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what `restored` takes, besides the users' names: begins [U + 1] and items [E]."""
        return {"begins": self.begins, "items": self.items}

    @classmethod
    def restored(cls, users: Sequence[str], arrays: Mapping[str, np.ndarray], width: int) -> Histories:
        """Read what was saved, in its shapes. Raises ValueError for what does not fit together."""
        begins, items = arrays["begins"].astype(np.int64), arrays["items"].astype(np.int32)
        sound = len(begins) == len(users) + 1 and begins[0] == 0 and begins[-1] == len(items)
        if not sound or (np.diff(begins) < 0).any() or (len(items) and (items.min() < 0 or items.max() >= width)):
            raise ValueError("histories")
        return cls([str(u) for u in users], begins, items)


def _by_user(users: np.ndarray, items: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return events user by user, those of each in the order in which they came; counted, not compared, in one pass."""
    if len(users) == 0 or (np.diff(users) >= 0).all():
        return users, items
    n = len(users)
    order = csr_matrix((np.ones(n, np.int8), (users, np.arange(n))), (count, n)).indices
    return users[order], items[order]


def _last_times(users: np.ndarray, items: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return, of events user by user, the last one of each pair of user and item."""
    n = len(users)
    if n < 2:
        return users, items
    pair = users * width + items
    if int(users[-1] + 1) * width >= np.iinfo(np.int64).max // n:  # numbers too large to hold a place beside them
        last = n - 1 - np.unique(pair[::-1], return_index=True)[1]
    else:
        # sorted with their places, which is several times as quick as a sort that keeps them apart
        pair = np.sort(pair * n + np.arange(n))
        pair, place = np.divmod(pair, n)
        last = place[np.r_[pair[1:] != pair[:-1], True]]
        if len(last) == n:
            return users, items
    last.sort()
    return users[last], items[last]


def ordered(histories: Histories, target: RankedCodec, most: int = 200_000) -> bool:
    """Whether the order of what users had tells anything. It does not where items stand sorted by number, or where two that stand
    side by side come together again no more often than two of one user drawn by chance."""
    width = len(target.items)
    user = np.repeat(np.arange(len(histories)), np.diff(histories.begins))
    same = np.flatnonzero(user[:-1] == user[1:])
    if len(same) < 50:
        return True
    rng = np.random.default_rng(0)
    at = rng.choice(same, min(most, len(same)), replace=False)
    first, second = histories.items[at].astype(np.int64), histories.items[at + 1].astype(np.int64)
    if all(name.isdecimal() for name in target.items):
        number = np.array([float(name) for name in target.items])
        up = float((number[second] > number[first]).mean())
        if max(up, 1 - up) > _SORTED:
            return False
    begins, lengths = histories.begins[user[at]], np.diff(histories.begins)[user[at]]
    other = histories.items[begins + (rng.random(len(at)) * lengths).astype(np.int64)].astype(np.int64)
    apart = other != first
    beside = len(at) - len(np.unique(first * width + second))
    chance = int(apart.sum()) - len(np.unique((first * width + other)[apart]))
    return beside * apart.mean() > 1.15 * chance + 3 * np.sqrt(chance + 1.0)


def order_of(table: Table) -> np.ndarray:
    """Return when each event was [N], in any unit; zeros where nothing says so."""
    columns = table.schema.of_role("time")
    return table.moments(columns[0].name) if columns else np.zeros(len(table))


def latest(table: Table, share: float) -> Table:
    """Return the latest events of a table, by time or the rows' own order."""
    order = np.argsort(order_of(table), kind="stable")
    return table.take(np.sort(order[len(order) - max(1, round(share * len(order))) :]))


def rows_of(histories: Sequence[np.ndarray], width: int, decay: float = 1.0) -> csr_matrix:
    """Return histories as rows [B, I]: ones, or `decay` to the power of how many items came later."""
    lengths = np.array([len(h) for h in histories], np.int64)
    begins = np.r_[0, np.cumsum(lengths)].astype(np.int64)
    items = np.concatenate(histories).astype(np.int64) if len(histories) else np.empty(0, np.int64)
    weights = np.ones(len(items), np.float32)
    if decay < 1:
        age = np.repeat(begins[1:], lengths) - 1 - np.arange(len(items))
        weights = (decay**age).astype(np.float32)
    return csr_matrix((weights, items, begins), (len(histories), width))
