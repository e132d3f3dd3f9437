"""The columns of an event as fields of hashed features: what factorisation machines and crossed models read.

Each field gives a row one feature or several: a category its value, a number the quantile bin it falls in, a moment its hour
and weekday, several labels or the words of a text one each. A feature is a 64-bit hash of the field's name and the value,
so nothing is stored of values that occur once, and new values need no new codec (Weinberger et al. 2009,
arXiv 0902.2206).

Legend: N rows, F fields, S features of a field (0 where a row has fewer).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.schema import Column, Schema, Table
from modelwright.core.words import Words
from modelwright.data.splitmix import mix

_BINS = 24  # quantile bins of a number
_MOST_LABELS, _MOST_WORDS = 12, 24  # features of a row from several labels, or from a text
_HOUR = 3_600_000_000  # microseconds
_PARTS = re.compile(r"\s*[|;；、]\s*")
_WORD = re.compile(r"[^\W\d_\u3400-\u9fff]{2,}|\d+|[\u3400-\u9fff]{1,2}")
_ONE = frozenset(("category", "boolean", "id", "molecule", "sequence"))
_READ = _ONE | {"number", "timestamp", "labels", "text"}


def unread(schema: Schema) -> Words | None:
    """Return why no field can be made of these columns, or None where at least one can be read."""
    if any(c.modality in _READ for c in schema.inputs):
        return None
    kinds = ", ".join(sorted({c.modality for c in schema.inputs})) or "-"
    return Words(f"It reads none of the input columns ({kinds}).", f"它无法读取任何输入列（{kinds}）。")


@dataclass(frozen=True)
class Field:
    """One field: how it reads its column; `edges` are those between the bins of a number, `key` says user or item."""

    column: str
    kind: str
    edges: tuple[float, ...] = ()
    key: str = ""

    @property
    def name(self) -> str:
        """What its hashes begin with."""
        return f"{self.column}:{self.kind}"

    def to_json(self) -> dict[str, Any]:
        """Return the field as JSON values."""
        return {"column": self.column, "kind": self.kind, "edges": list(self.edges), "key": self.key}


class Fields:
    """The fields of a table. Fitted on training rows: the edges of bins are all that is learnt."""

    def __init__(self, fields: Sequence[Field]) -> None:
        self.fields = tuple(fields)

    @classmethod
    def fit(cls, table: Table) -> Fields:
        """Settle the fields of all input columns that can be read."""
        out: list[Field] = []
        for column in table.schema.inputs:
            if column.modality in _ONE:
                key = str(column.options.get("key", ""))
                parted = not key and column.modality == "category" and _parted(table.column(column.name))
                out.append(Field(column.name, "parts" if parted else "one", key=key))
            elif column.modality == "number":
                out.append(Field(column.name, "bin", _edges(_numbers(table.column(column.name)))))
            elif column.modality == "timestamp":
                edges = _edges(_micros(table.column(column.name)))
                out += [Field(column.name, "hour"), Field(column.name, "weekday"), Field(column.name, "when", edges)]
            elif column.modality in ("labels", "text"):
                out.append(Field(column.name, column.modality))
        return cls(out)

    def hashes(self, table: Table) -> list[np.ndarray]:
        """Return for each field its features, uint64 [N, S]; every row has at least one."""
        return [_READERS[f.kind](table.column(f.column), f) for f in self.fields]

    def place(self, key: str) -> int | None:
        """Return where the field stands that names users or items."""
        return next((i for i, f in enumerate(self.fields) if f.key == key), None)

    def state(self) -> list[dict[str, Any]]:
        """Return the fields as JSON values."""
        return [f.to_json() for f in self.fields]

    @classmethod
    def restore(cls, state: Sequence[Mapping[str, Any]]) -> Fields:
        """Make the fields that `state` describes. Raises ValueError for kinds that there are not."""
        if not all(f["kind"] in _READERS for f in state):
            raise ValueError("fields")
        return cls([Field(f["column"], f["kind"], tuple(f["edges"]), f["key"]) for f in state])


def crossed(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the features of all pairs, uint64 [N, S1 * S2], of two fields' features [N, S1] and [N, S2]; 0 where either is."""
    a, b = first[:, :, None], second[:, None, :]
    out = _not_0(a * np.uint64(0x9E3779B97F4A7C15) + np.uint64(1)) ^ b
    return np.where((a == 0) | (b == 0), np.uint64(0), _not_0(out)).reshape(len(first), -1)


def _not_0(codes: np.ndarray) -> np.ndarray:
    """Return codes with their bits mixed; none is 0, which stands for no feature."""
    return np.maximum(mix(codes), np.uint64(1))


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "big") or 1


def _coded(values: pa.Array, field: Field) -> np.ndarray:
    coded = values.dictionary_encode()
    distinct, place = coded.dictionary.to_pylist(), np.asarray(coded.indices.fill_null(-1), np.int64)
    known = [_hash(f"{field.name}={v}") for v in distinct]
    return np.array([*known, _hash(f"{field.name}?")], np.uint64)[place][:, None]


def _codes_of(values: pa.Array, field: Field) -> np.ndarray:
    return _coded(values.cast(pa.string()), field)


def _of_numbers(codes: np.ndarray, field: Field, count: int) -> np.ndarray:
    """Return the hashes of codes [N] from 0 to `count` - 1, -1 where missing."""
    table = np.array([*(_hash(f"{field.name}={i}") for i in range(count)), _hash(f"{field.name}?")], np.uint64)
    return table[codes][:, None]


def _bins(numbers: np.ndarray, field: Field) -> np.ndarray:
    codes = np.searchsorted(np.array(field.edges), np.nan_to_num(numbers), side="right")
    return _of_numbers(np.where(np.isnan(numbers), -1, codes), field, len(field.edges) + 1)


def _hour(values: pa.Array, field: Field) -> np.ndarray:
    micros = _micros(values)
    return _of_numbers(np.where(np.isnan(micros), -1, np.nan_to_num(micros) // _HOUR % 24).astype(int), field, 24)


def _weekday(values: pa.Array, field: Field) -> np.ndarray:
    micros = _micros(values)
    days = np.nan_to_num(micros) // (24 * _HOUR)
    return _of_numbers(np.where(np.isnan(micros), -1, (days + 3) % 7).astype(int), field, 7)


def _many(values: pa.Array, field: Field, most: int, parts: Callable[[Any], Sequence[str]]) -> np.ndarray:
    coded = [list(dict.fromkeys(parts(v)))[:most] if v is not None else [] for v in values.to_pylist()]
    known: dict[str, int] = {}
    out = np.zeros((len(coded), max([1, *map(len, coded)])), np.uint64)
    for row, words in enumerate(coded):
        for i, word in enumerate(words):
            if word not in known:
                known[word] = _hash(f"{field.name}={word}")
            out[row, i] = known[word]
    out[:, 0] = np.where(out[:, 0] == 0, np.uint64(_hash(f"{field.name}?")), out[:, 0])
    return out


def _labels(values: pa.Array, field: Field) -> np.ndarray:
    return _many(values, field, _MOST_LABELS, lambda v: [str(x) for x in v])


def _text(values: pa.Array, field: Field) -> np.ndarray:
    return _many(values, field, _MOST_WORDS, lambda v: _WORD.findall(v.lower()))


def _of_parts(values: pa.Array, field: Field) -> np.ndarray:
    return _many(values, field, _MOST_LABELS, lambda v: [x for x in _PARTS.split(v) if x])


def _parted(values: pa.Array) -> bool:
    """Return whether cells are lists of values that recur, such as `comedy|drama`."""
    cells = [v for v in values.unique().to_pylist() if v is not None][:2000]
    several = [v for v in cells if _PARTS.search(v)]
    return len(several) > 0.3 * len(cells) and len({x for v in cells for x in _PARTS.split(v)}) < 0.7 * len(cells)


_READERS: dict[str, Callable[[pa.Array, Field], np.ndarray]] = {
    "one": _codes_of,
    "bin": lambda values, field: _bins(_numbers(values), field),
    "when": lambda values, field: _bins(_micros(values), field),
    "hour": _hour,
    "weekday": _weekday,
    "labels": _labels,
    "parts": _of_parts,
    "text": _text,
}


def _numbers(values: pa.Array) -> np.ndarray:
    """Return float64 [N], NaN where missing or infinite."""
    out = np.array(values.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)
    out[np.isinf(out)] = np.nan
    return out


def _micros(values: pa.Array) -> np.ndarray:
    return _numbers(pc.cast(values, pa.int64()).cast(pa.float64()))


def _edges(numbers: np.ndarray) -> tuple[float, ...]:
    """Return the edges between bins: between the values where there are few, else at quantiles."""
    some = numbers[np.isfinite(numbers)]
    values = np.unique(some)
    if len(values) <= 1:
        return ()
    if len(values) <= _BINS:
        return tuple(((values[:-1] + values[1:]) / 2).tolist())
    return tuple(np.unique(np.quantile(some, np.linspace(0, 1, _BINS + 1)[1:-1])).tolist())


def times(table: Table) -> np.ndarray | None:
    """Return when each row was, in days [N], NaN where unknown; None where no column says so."""
    columns = [c for c in table.schema.inputs if c.options.get("when") or c.modality == "timestamp"]
    columns.sort(key=lambda c: not c.options.get("when"))
    if not columns:
        return None
    column: Column = columns[0]
    values = table.column(column.name)
    return _micros(values) / (24 * _HOUR) if column.modality == "timestamp" else _numbers(values)
