"""What is known of the items that a model ranks: conditions on their columns, groups, likeness, and what is shown of them.

Legend: I items of the catalogue, M items that are looked at, D hashed features.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csr_matrix, diags

from modelwright.core.errors import ColumnError, DataError, unknown
from modelwright.core.schema import MEDIA, Column, Related, Schema, Table
from modelwright.core.words import Words
from modelwright.data.coerce import coerce_rows
from modelwright.models.retrieval import unit_rows

_CONDITION = re.compile(r"^\s*(.+?)\s*(<=|>=|!=|=|<|>|~)\s*(.*?)\s*$", re.DOTALL)
_WORD = re.compile(r"[^\W_\u3400-\u9fff]+|[\u3400-\u9fff]{1,2}")
_TITLES = frozenset(("title", "name", "productdisplayname", "titleen", "nameen", "itemname", "productname"))
_CHINESE = re.compile(r"(title|name)(zh|cn|zhcn|chinese)$|^(标题|名称|商品名|商品名称|中文名|片名|书名)$")
_WIDTH = 1 << 16
_BINS = 8  # quantile bins of a number, for likeness
_ORDERED = ("<=", ">=", "<", ">")
_NONE = Words(
    "The model knows no columns of its items: train it with --items FILE.",
    "模型不了解物品的任何列：请用 --items 文件 训练。",
)


@dataclass(frozen=True)
class Condition:
    """What a column of an item must hold: `price<=50`, `category=shoes|hats`, `brand!=own`, `title~running`."""

    column: str
    sign: str
    value: str

    @classmethod
    def read(cls, text: str) -> Condition:
        """Read a condition. Raises DataError for what is none."""
        found = _CONDITION.match(text)
        if found is None or not found[3]:
            raise DataError(
                f"Expected a condition such as price<=50 or category=shoes, received `{text[:80]}`.",
                f"应为条件，例如 price<=50 或 category=shoes，收到的是 `{text[:80]}`。",
            )
        return cls(found[1], found[2], found[3])


class Catalogue:
    """The items in the order of the model's answers, each with its line of the table of items, where there is one."""

    def __init__(self, items: Sequence[str], related: Related | None) -> None:
        self.items, self._related = items, related

    @cached_property
    def table(self) -> Table | None:
        """A line for each item [I]; all missing for those that have none. None without a table of items."""
        return None if self._related is None else self._related.lines(pa.array(self.items, pa.string()))

    @cached_property
    def columns(self) -> dict[str, Column]:
        """The columns that conditions may name, in their order."""
        if self._related is None:
            return {}
        plain = [c for c in self._related.table.schema if c.name != self._related.key]
        return {c.name: c for c in plain if self._related.table.column(c.name).type != MEDIA}

    @cached_property
    def picture_column(self) -> str | None:
        """The column of pictures, if any."""
        if self._related is None:
            return None
        return next((c.name for c in self._related.table.schema if c.modality == "image"), None)

    @cached_property
    def title_columns(self) -> dict[str, str]:
        """The columns whose values are shown as the names of items, by language `en` and `zh`: by their names, else the one with the
        most different texts; the same for both where there is only one."""
        texts = [n for n, c in self.columns.items() if c.modality in ("text", "id", "category")]
        plain = {n: re.sub(r"[\s_\-.]+", "", n).lower() for n in texts}
        en = next((n for n in texts if plain[n] in _TITLES), None)
        zh = next((n for n in texts if _CHINESE.search(plain[n])), None)
        if en is None and zh is None and texts and self._related is not None:
            many = {n: len(self._related.table.column(n).unique()) for n in texts}
            en = max(texts, key=lambda n: many[n])
        found = {"en": en or zh, "zh": zh or en}
        return {lang: name for lang, name in found.items() if name is not None}

    def _column(self, name: str) -> tuple[Column, pa.Array]:
        if not self.columns or self.table is None:
            raise ColumnError(_NONE)
        if name not in self.columns:
            raise unknown(Words("column of items", "物品列"), name, list(self.columns), ColumnError)
        return self.columns[name], self.table.column(name)

    def mask(self, condition: Condition) -> np.ndarray:
        """Return which items [I] meet a condition; a missing value meets `!=` alone.

        Raises ColumnError for an unknown column, DataError for a value that does not fit it.
        """
        column, values = self._column(condition.column)
        if column.modality in ("number", "timestamp"):
            found = _numbers(values)
            wanted = [_number(v, column) for v in self._values_of(condition)]
            if condition.sign == "~":
                raise DataError(
                    f"`~` looks for a word; `{column.name}` holds {column.modality}.",
                    f"`~` 用于查找词语；`{column.name}` 的类型为 {column.modality}。",
                )
            with np.errstate(invalid="ignore"):
                if condition.sign in _ORDERED:
                    return np.asarray(_compared(found, condition.sign, wanted[0]))
                inside = np.isin(found, wanted)
            return inside if condition.sign == "=" else ~inside
        if condition.sign in _ORDERED:
            raise DataError(
                f"`{condition.sign}` compares numbers and times; `{column.name}` holds {column.modality}.",
                f"`{condition.sign}` 用于数值和时间；`{column.name}` 的类型为 {column.modality}。",
            )
        if condition.sign == "~":
            texts = _texts(values)
            return np.asarray(pc.match_substring(texts, condition.value, ignore_case=True).fill_null(False))
        parts = self._values_of(condition)
        if pa.types.is_list(values.type):
            inside = np.array([any(v in parts for v in cell or ()) for cell in values.to_pylist()], bool)
        elif pa.types.is_boolean(values.type):
            inside = np.asarray(pc.is_in(values.cast(pa.string()), pa.array([p.lower() for p in parts], pa.string())))
        else:
            inside = np.asarray(pc.is_in(_texts(values), pa.array(parts, pa.string())))
        return inside if condition.sign == "=" else ~inside

    def _values_of(self, condition: Condition) -> list[str]:
        if condition.sign in _ORDERED:
            return [condition.value]
        return [p.strip() for p in condition.value.split("|")]

    def groups(self, name: str) -> np.ndarray:
        """Return the number of each item's value in a column [I], -1 where it has none. Raises ColumnError."""
        _, values = self._column(name)
        if pa.types.is_list(values.type):
            values = pa.array([None if not cell else str(cell[0]) for cell in values.to_pylist()], pa.string())
        return np.asarray(values.dictionary_encode().indices.fill_null(-1), np.int64)

    def shown(self, place: int) -> dict[str, Any]:
        """Return what is known of an item by column, as JSON values; what is missing is left out."""
        if self.table is None:
            return {}
        out = {}
        for name in self.columns:
            value = self.table.column(name)[place].as_py()
            if value is not None:
                out[name] = value.isoformat(sep=" ") if hasattr(value, "isoformat") else value
        return out

    def title(self, place: int, lang: str = "en") -> str:
        """Return what an item is called: its title, else its id."""
        name = self.title_columns.get(lang)
        found = None if name is None or self.table is None else self.table.column(name)[place].as_py()
        return self.items[place] if found is None else str(found)

    def search(self, text: str, most: int) -> list[int]:
        """Return the first items whose title, or id, holds a text; all that come first for an empty one."""
        wanted = text.strip()
        if not wanted:
            return list(range(min(most, len(self.items))))
        ids = pc.match_substring(pa.array(self.items, pa.string()), wanted, ignore_case=True)
        for name in dict.fromkeys(self.title_columns.values()):
            assert self.table is not None
            titles = pc.match_substring(_texts(self.table.column(name)), wanted, ignore_case=True).fill_null(False)
            ids = pc.or_(ids, titles)
        return [int(p) for p in np.flatnonzero(np.asarray(ids))[:most]]

    def picture(self, place: int) -> bytes | None:
        """Return an item's picture as JPEG, None where there is none."""
        if self.picture_column is None or self.table is None:
            return None
        cell = self.table.column(self.picture_column)[place].as_py()
        return None if cell is None else cell["bytes"]

    @cached_property
    def _features(self) -> tuple[csr_matrix, dict[str, np.ndarray], np.ndarray]:
        """Return features of unit length [I, D], the edges between the bins of numbers, and the weight of each feature [D]."""
        assert self.table is not None
        edges = {}
        for name, column in self.columns.items():
            if column.modality in ("number", "timestamp"):
                some = _numbers(self.table.column(name))
                some = some[np.isfinite(some)]
                if len(some):
                    edges[name] = np.unique(np.quantile(some, np.linspace(0, 1, _BINS + 1)[1:-1]))
        raw = _hashed(self.table, self.columns, edges)
        often = np.asarray((raw > 0).sum(axis=0)).ravel()
        rare = np.log((1 + raw.shape[0]) / (1 + often)) / np.log(1 + raw.shape[0])
        # of words the rare ones tell; a category or a number tells as much as any other
        words = {n: c for n, c in self.columns.items() if c.modality in ("text", "id")}
        told = np.asarray(_hashed(self.table, words, edges).sum(axis=0)).ravel() > 0
        weight = np.where(told, rare + 0.05, 1.0).astype(np.float32)
        return unit_rows(csr_matrix(raw @ diags(weight))), edges, weight

    def alike(self, places: np.ndarray) -> np.ndarray | None:
        """Return how alike items [M] are by their columns, 0 to 1 [M, M]; None without columns."""
        if not self.columns:
            return None
        some = self._features[0][places]
        return np.asarray((some @ some.T).todense(), np.float64)

    def nearest(self, told: Mapping[str, Any]) -> np.ndarray:
        """Return how alike each item [I] is to a description by columns, 0 to 1.

        Raises ColumnError for an unknown column, DataError for a value that does not fit its column.
        """
        if not self.columns:
            raise ColumnError(_NONE)
        for name in told:
            self._column(name)
        features, edges, weight = self._features
        used = {n: self.columns[n] for n in told}
        table, bad = coerce_rows([dict(told)], Schema(tuple(used.values())))
        if bad:
            raise DataError(
                f"Column `{bad[0].column}`: {bad[0].words.en}.", f"列 `{bad[0].column}`：{bad[0].words.zh}。"
            )
        described = unit_rows(csr_matrix(_hashed(table, used, edges) @ diags(weight)))
        return np.asarray((features @ described.T).todense(), np.float64).ravel()


def _hashed(table: Table, columns: Mapping[str, Column], edges: Mapping[str, np.ndarray]) -> csr_matrix:
    """Return the values of columns as hashed features [N, D], those of one column of length 1 together: a category whole, a text by
    its words, a number by bins."""
    rows: list[int] = []
    places: list[int] = []
    weights: list[float] = []
    for name, column in columns.items():
        values = table.column(name)
        if column.modality in ("number", "timestamp"):
            numbers = _numbers(values)
            for i in np.flatnonzero(np.isfinite(numbers)).tolist():
                at = int(np.searchsorted(edges.get(name, np.zeros(0)), numbers[i], side="right"))
                for near in (at, at + 1):  # neighbouring bins share one
                    rows.append(i)
                    places.append(zlib.crc32(f"{name}#{near}".encode()) % _WIDTH)
                    weights.append(0.5**0.5)
            continue
        known: dict[Any, list[int]] = {}
        for i, cell in enumerate(values.to_pylist()):
            if cell is None:
                continue
            key = tuple(cell) if isinstance(cell, list) else cell
            if key not in known:
                known[key] = [
                    zlib.crc32(f"{name}={p}".encode("utf-8", "replace")) % _WIDTH for p in _words(key, column)
                ]
            rows += [i] * len(known[key])
            places += known[key]
            weights += [max(1, len(known[key])) ** -0.5] * len(known[key])
    where = np.array(rows, np.int64), np.array(places, np.int64)
    return csr_matrix((np.array(weights, np.float32), where), (len(table), _WIDTH))


def _words(cell: Any, column: Column) -> list[str]:
    if isinstance(cell, tuple):
        return [str(c) for c in cell]
    text = str(cell)
    if column.modality in ("text", "id"):
        return list(dict.fromkeys(_WORD.findall(text.lower())))
    return [text]


def _numbers(values: pa.Array) -> np.ndarray:
    """Return numbers, or microseconds of moments [N], NaN where missing."""
    if pa.types.is_timestamp(values.type):
        values = values.cast(pa.int64())
    return np.array(values.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)


def _texts(values: pa.Array) -> pa.Array:
    return values if pa.types.is_string(values.type) else values.cast(pa.string())


def _number(text: str, column: Column) -> float:
    table, bad = coerce_rows([{column.name: text}], Schema((column,)))
    found = _numbers(table.column(column.name))[0]
    if bad or np.isnan(found):
        kind = Words("a date or time", "日期或时间") if column.modality == "timestamp" else Words("a number", "数字")
        raise DataError(
            f"`{column.name}` holds {column.modality}: expected {kind.en}, received `{text[:60]}`.",
            f"`{column.name}` 应为{kind.zh}，收到的是 `{text[:60]}`。",
        )
    return float(found)


def _compared(found: np.ndarray, sign: str, wanted: float) -> np.ndarray:
    if sign == "<=":
        return found <= wanted
    if sign == ">=":
        return found >= wanted
    return found < wanted if sign == "<" else found > wanted
