"""Columns with a modality, and tables of them in Arrow.

Canonical Arrow types, which every reader may rely on:

| modality | Arrow type |
|---|---|
| number | float64 |
| category, text, id, molecule (SMILES), sequence (letters) | string |
| boolean | bool |
| timestamp | timestamp[us], no zone (UTC) |
| labels (several at once) | list<string> |
| image, audio, video | `MEDIA`: struct of path or bytes as they came, a digest of the content, and how it is to be decoded |
| series | list<list<float>>: channels of equal length, each its values in time |
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import pyarrow as pa

from modelwright.core.errors import ColumnError, unknown
from modelwright.core.facts.data import ColumnFact
from modelwright.core.libraries import plain_pyarrow
from modelwright.core.words import Words

plain_pyarrow()  # before the first array is made

Modality = Literal[
    "number", "category", "boolean", "text", "timestamp", "labels", "id",
    "image", "audio", "video", "series", "molecule", "sequence", "boxes",
]  # fmt: skip
MODALITIES: tuple[str, ...] = get_args(Modality)
Role = Literal["input", "target", "group", "time", "weight", "sensitive", "ignored"]

# what people read of them; messages and options keep the English names
MODALITY_WORDS = {
    "number": Words("number", "数值"), "category": Words("category", "类别"), "boolean": Words("boolean", "布尔"),
    "text": Words("text", "文本"), "timestamp": Words("timestamp", "时间"), "labels": Words("labels", "多标签"), "id": Words("id", "标识"),
    "image": Words("image", "图像"), "audio": Words("audio", "音频"), "video": Words("video", "视频"), "series": Words("series", "序列"),
    "molecule": Words("molecule", "分子"), "sequence": Words("sequence", "生物序列"), "boxes": Words("boxes", "标注框"),
}  # fmt: skip
ROLE_WORDS = {
    "input": Words("input", "输入"), "target": Words("target", "目标"), "group": Words("group", "分组"), "time": Words("time", "时间"),
    "weight": Words("weight", "权重"), "sensitive": Words("sensitive", "敏感"), "ignored": Words("ignored", "忽略"),
}  # fmt: skip

# `how`: what the column has settled for all its cells, as JSON (the range of grey values, the channel); None for nothing
MEDIA = pa.struct([("path", pa.string()), ("bytes", pa.large_binary()), ("digest", pa.string()), ("how", pa.string())])

_ARROW: dict[str, pa.DataType] = {
    "number": pa.float64(),
    "category": pa.string(),
    "text": pa.string(),
    "id": pa.string(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us"),
    "labels": pa.list_(pa.string()),
    "image": MEDIA,
    "audio": MEDIA,
    "video": MEDIA,
    "series": pa.list_(pa.list_(pa.float32())),
    "molecule": pa.string(),
    "sequence": pa.string(),
    "boxes": pa.string(),  # a JSON list; a target only
}


def arrow_type(modality: str) -> pa.DataType:
    """Return the canonical Arrow type of a modality."""
    return _ARROW[modality]


OPTIONAL: Mapping[str, Any] = {"optional": True}  # options of a column that a row to be answered may be without


@dataclass(frozen=True)
class Column:
    """A named field of the data.

    `options` is what inference learnt and coercion needs again at prediction time (for example the date
    format, the words for true and false, the separator of several labels); JSON values only.
    `reason` says why the column is ignored, for the report.
    """

    name: str
    modality: str
    role: Role = "input"
    options: Mapping[str, Any] = field(default_factory=dict)
    reason: Words | None = None

    @property
    def optional(self) -> bool:
        """Whether a row to be answered may well be without it: a wish, or a past that a newcomer has not."""
        return bool(self.options.get("optional"))

    def to_json(self) -> ColumnFact:
        """Return the column as JSON values."""
        out: ColumnFact = {"name": self.name, "modality": self.modality, "role": self.role}
        if self.options:
            out["options"] = dict(self.options)
        if self.reason:
            out["reason"] = list(self.reason)
        return out

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Column:
        """Read what `to_json` wrote. Raises ValueError for a modality or role that there is not."""
        if data["modality"] not in MODALITIES or data["role"] not in get_args(Role):
            raise ValueError(f"a column of modality {data['modality']!s:.40} and role {data['role']!s:.40}")
        reason = data.get("reason")
        return cls(
            data["name"],
            data["modality"],
            data["role"],
            dict(data.get("options", {})),
            Words(*reason) if reason else None,
        )


@dataclass(frozen=True)
class Schema:
    """The columns of a table, in order, each with modality and role."""

    columns: tuple[Column, ...]

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def __contains__(self, name: object) -> bool:
        return name in self._places

    @cached_property
    def _places(self) -> dict[str, int]:
        return {c.name: i for i, c in enumerate(self.columns)}

    def __getitem__(self, name: str) -> Column:
        at = self._places.get(name)
        if at is not None:
            return self.columns[at]
        raise unknown(Words("column", "列"), name, self.names, ColumnError)

    @property
    def names(self) -> list[str]:
        """All column names, in order."""
        return [c.name for c in self.columns]

    @cached_property
    def _roles(self) -> dict[str, list[Column]]:
        out: dict[str, list[Column]] = {}
        for column in self.columns:
            out.setdefault(column.role, []).append(column)
        return out

    def of_role(self, role: Role) -> list[Column]:
        """Columns of one role, in order."""
        return list(self._roles.get(role, ()))

    @property
    def inputs(self) -> list[Column]:
        """Columns a model reads."""
        return self.of_role("input")

    @property
    def target(self) -> Column | None:
        """The column to predict; None when there is none."""
        found = self.of_role("target")
        return found[0] if found else None

    @property
    def who(self) -> Column | None:
        """The first input of identifiers, which names the user, learner or the like of a row; None where there is none."""
        return next((c for c in self.inputs if c.modality == "id"), None)

    def with_column(self, name: str, **changes: Any) -> Schema:
        """Return a schema in which one column has been changed."""
        return self.with_columns({name: changes})

    def with_columns(self, changes: Mapping[str, Mapping[str, Any]]) -> Schema:
        """Return a schema in which columns have been changed, each by fields of `Column`."""
        columns = list(self.columns)
        for name, fields in changes.items():
            at = self._places[self[name].name]
            columns[at] = replace(columns[at], **fields)
        return Schema(tuple(columns))

    def to_json(self) -> list[ColumnFact]:
        """Return the schema as JSON values."""
        return [c.to_json() for c in self.columns]

    @classmethod
    def from_json(cls, data: Iterable[Mapping[str, Any]]) -> Schema:
        """Read what `to_json` wrote."""
        return cls(tuple(Column.from_json(d) for d in data))


@dataclass(frozen=True)
class Table:
    """Rows in Arrow with a schema; columns hold the canonical type of their modality.

    `rows` [N] are the numbers of the rows in the source (the first data row is 1), kept through every
    selection so that messages and reports can name them. `hidden` says by row which placeholder stands for which value,
    in what is to be answered; it is not kept through selections, and never written. `related` are further tables, by name, of what
    the rows name (the items of events, say); every selection keeps them whole.
    """

    data: pa.Table
    schema: Schema
    rows: np.ndarray
    source: str = "table"
    hidden: tuple[Mapping[str, str], ...] = ()
    related: Mapping[str, Related] = field(default_factory=dict)

    @classmethod
    def of(cls, data: pa.Table, schema: Schema, source: str = "table") -> Table:
        """Wrap a whole source: rows are numbered from 1."""
        return cls(data, schema, np.arange(1, data.num_rows + 1), source)

    def __len__(self) -> int:
        return (
            self.data.num_rows if self.data.num_columns else len(self.rows)
        )  # Arrow counts no rows where no column is

    def __contains__(self, name: object) -> bool:
        """Whether there is a column of that name; unlike a look into Arrow's list of names, quick for thousands of columns."""
        return name in self._places

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.data.column_names)}

    def column(self, name: str) -> pa.Array:
        """Return one column as a single contiguous array."""
        at = self._places.get(name)
        if at is None:
            raise unknown(Words("column", "列"), name, self.data.column_names, ColumnError)
        chunked = self.data.column(at)
        return chunked.chunk(0) if chunked.num_chunks == 1 else chunked.combine_chunks()

    def cells(self, name: str) -> list[Any]:
        """Return the cells of a column as Python values [N]; N times None where the table has no such column."""
        return self.column(name).to_pylist() if name in self else [None] * len(self)

    def moments(self, name: str) -> np.ndarray:
        """Return when each row was by a column of times or numbers [N], float64 in any unit; -inf where nothing says so."""
        values = self.column(name)
        if pa.types.is_timestamp(values.type):
            values = values.cast(pa.int64())
        return np.asarray(values.cast(pa.float64()).fill_null(-np.inf), np.float64)

    def take(self, index: np.ndarray) -> Table:
        """Return the rows at `index` [M], in that order."""
        return replace(self, data=self.data.take(pa.array(index)), rows=self.rows[index], hidden=())

    def part(self, first: int, count: int) -> Table:
        """Return `count` rows from `first` on, without copying them."""
        data, rows = self.data.slice(first, count), self.rows[first : first + count]
        return replace(self, data=data, rows=rows, hidden=())

    def with_data(self, data: pa.Table) -> Table:
        """Return the same rows with other values in some columns."""
        return replace(self, data=data)

    def with_schema(self, schema: Schema) -> Table:
        """Return the same rows under another schema (roles changed, columns ignored)."""
        return replace(self, schema=schema, hidden=())

    def beside(self, related: Mapping[str, Related]) -> Table:
        """Return the same rows with further tables."""
        return replace(self, related=dict(related))

    def concat(self, other: Table) -> Table:
        """Return the rows of both, this table's first."""
        data = pa.concat_tables([self.data, other.data.select(self.data.column_names)])
        return replace(self, data=data, rows=np.concatenate([self.rows, other.rows]), hidden=())


@dataclass(frozen=True)
class Related:
    """A table of M lines, each known by its value in the column `key`: texts [M], none twice."""

    table: Table
    key: str

    def __len__(self) -> int:
        return len(self.table)

    @cached_property
    def keys(self) -> pa.Array:
        """What the lines are about [M]."""
        return self.table.column(self.key).cast(pa.string())

    @property
    def inputs(self) -> list[Column]:
        """The columns that models may read."""
        return self.table.schema.inputs

    def places(self, values: pa.Array) -> np.ndarray:
        """Return the line of each value [N], -1 for one that has none."""
        import pyarrow.compute as pc  # takes longer than all of this module, and helpers that decode never need it

        return np.asarray(pc.index_in(values.cast(pa.string()), self.keys).fill_null(-1), np.int64)

    def lines(self, values: pa.Array) -> Table:
        """Return a line for each value [N], all missing for one that has none."""
        places = self.places(values)
        data = self.table.data.take(pa.array(places, pa.int64(), mask=places < 0))
        return Table(data, self.table.schema, np.arange(1, len(places) + 1), self.table.source)

    def one(self, value: str) -> dict[str, Any]:
        """Return what is known of one thing by column, without its key; empty for one that has no line."""
        place = int(self.places(pa.array([value], pa.string()))[0])
        return {} if place < 0 else {c.name: self.table.column(c.name)[place].as_py() for c in self.inputs}
