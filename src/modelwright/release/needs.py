"""What rows must hold to be answered: the columns that carry the model, and those that no training row lacked.

A renamed column, or one that a program forgot, would otherwise be answered as if it were missing, and nobody would know.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.errors import ColumnError, DataError, OptionError, nearest, unknown
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.words import Words
from modelwright.data.coerce import BadValue
from modelwright.evaluate.explain.importance import Importance

_LITTLE = 0.3  # of the largest drop: a column below, or not certain to help, is hardly used


@dataclass(frozen=True)
class Gap:
    """A number that some rows lack though no training row did, and how many rows."""

    column: str
    rows: int
    words: Words

    def to_json(self) -> dict[str, Any]:
        """Return the gap as a warning in JSON values."""
        return {
            "code": "never-missing",
            "column": self.column,
            "rows": self.rows,
            "message": self.words.en,
            "message_zh": self.words.zh,
        }


@dataclass(frozen=True)
class Needs:
    """`columns` carry the model; `whole` were never missing in training; `missing` says what is done with numbers that are
    missing all the same: answered as they are, by the median of training (`medians`), or refused."""

    columns: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()
    missing: str = "keep"
    medians: Mapping[str, float] = field(default_factory=dict)
    beside: tuple[str, ...] = ()  # columns that the bundle knows by what a row names: those of items, say

    def to_json(self) -> dict[str, Any]:
        """Return the needs as JSON values."""
        return {
            "columns": list(self.columns),
            "whole": list(self.whole),
            "missing": self.missing,
            "medians": dict(self.medians),
            **({"beside": list(self.beside)} if self.beside else {}),
        }

    @classmethod
    def from_json(cls, data: Any) -> Needs:
        """Read what `to_json` wrote; nothing is needed where nothing was written. Raises ValueError for other things."""
        if data is None:
            return cls()
        beside = tuple(data.get("beside", ()))
        names = [*data["columns"], *data["whole"], *data["medians"], *beside]
        medians = {k: float(v) for k, v in data["medians"].items()}
        if not all(isinstance(n, str) for n in names) or not all(np.isfinite(list(medians.values()))):
            raise ValueError("needs")
        if data["missing"] not in ("keep", "median", "refuse"):
            raise ValueError("needs")
        return cls(tuple(data["columns"]), tuple(data["whole"]), data["missing"], medians, beside)

    def check(
        self, inputs: Schema, names: Iterable[str], allow: bool = False, *, row: int | None = None
    ) -> list[Words]:
        """Return words for columns that are absent from `names`.

        Raises ColumnError where one of them carries the model, where a name beside is much like one, and where all are absent.
        One row by itself (`row`) may leave out what was missing in training at times.
        """
        have = dict.fromkeys(names)
        absent = [c.name for c in inputs if c.name not in have and c.name not in self.beside]
        others = [n for n in have if n not in inputs]
        offered = sum(bool(c.options.get("optional")) for c in inputs)  # on top, by the task: the seed of a picture
        none = len(absent) == len(inputs) > offered and (row is None or bool(have))
        out = []
        for name in absent:
            like = next((n for n in nearest(name, others)[:1] if _alike(n, name)), None)
            carries = name in self.columns and (row is None or name in self.whole)
            if not allow and (carries or none or like is not None):
                raise ColumnError(_refusal(name, like, row))
            hint = Words(f" Did you mean `{like}`?", f"是否指 `{like}`？") if like else Words("", "")
            out.append(
                Words(f"`{name}` is absent and counts as missing.{hint.en}", f"缺少 `{name}`，按缺失处理。{hint.zh}")
            )
        return out

    def refused(self, table: Table) -> list[BadValue]:
        """Return the rows that lack a number which no training row lacked, where these are to be refused."""
        out = []
        for name in self._numbers(table) if self.missing == "refuse" else ():
            words = Words("is missing, which it never was in training", "缺失，而训练数据中从未缺失")
            out += [BadValue(int(i) + 1, name, "", words) for i in np.flatnonzero(table.column(name).is_null())]
        return out

    def filled(self, table: Table) -> Table:
        """Return the table with the median in place of numbers that are missing and never were in training, where asked for."""
        if self.missing != "median":
            return table
        data = table.data
        for name in self._numbers(table):
            values = table.column(name)
            if values.null_count and name in self.medians:
                at = data.column_names.index(name)
                data = data.set_column(at, data.schema.field(at), pc.fill_null(values, pa.scalar(self.medians[name])))
        return table.with_data(data) if data is not table.data else table

    def warned(self, table: Table) -> list[Gap]:
        """Return which numbers rows of a typed table lack though no training row did."""
        names = self._numbers(table) if self.missing != "refuse" else []
        counts = {n: table.column(n).null_count for n in names}
        return [Gap(n, c, self._gap_words(n, c)) for n, c in counts.items() if c]

    def told(self, counts: Mapping[str, int]) -> list[Words]:
        """Return words for counts of missing numbers by column."""
        return [self._gap_words(name, count) for name, count in counts.items()]

    def loosened(self) -> Needs:
        """Return the needs of a model that answers whatever is absent."""
        return replace(self, columns=())

    def _gap_words(self, name: str, count: int) -> Words:
        how = Words("the model was never shown such a row", "模型从未见过这样的行")
        if self.missing == "median" and name in self.medians:
            median = f"{self.medians[name]:g}"
            how = Words(f"the median of training, {median}, is taken", f"按训练数据的中位数 {median} 处理")
        rows = f"{count:,} row{'s lack' if count != 1 else ' lacks'}"
        return Words(
            f"{rows} `{name}`, which no training row lacked: {how.en}.",
            f"{count:,} 行缺少 `{name}`，而训练数据中从未缺失：{how.zh}。",
        )

    def _numbers(self, table: Table) -> list[str]:
        known = frozenset(table.data.column_names)
        return [
            n for n in self.whole if n in known and table.schema[n].modality in ("number", "timestamp")
            and (table.schema[n].modality == "number" or self.missing != "median")
        ]  # fmt: skip


def needs_of(
    schema: Schema, train: Table, found: list[Importance] | None, missing: str, spared: Collection[str] = (),
    beside: Collection[str] = (),
) -> Needs:  # fmt: skip
    """Return what rows must hold: the columns that the importances say carry the model; none where they are not sure.

    `found` is None where nothing could be measured. Columns that were not measured beside others that were are needed; those `spared`
    never are, such as groups, which have a common threshold where they are not said, nor are those that are known `beside` the rows, or that
    a task offers on top (the seed of a picture).
    """
    spared = {*spared, *beside}
    names = [c.name for c in schema.inputs]
    needed: list[str] = names if len(names) == 1 else []
    most = max((i.drop for i in found or ()), default=0.0)
    if found and any(i.low > 0 for i in found):
        little = {i.column for i in found if i.drop < _LITTLE * most or not i.low > 0}
        needed = [n for n in names if n not in little]
    needed = [n for n in needed if n not in spared and not schema[n].options.get("optional")]
    known = frozenset(train.data.column_names)
    whole = [n for n in names if n not in spared and n in known and train.column(n).null_count == 0]
    medians = {
        n: float(np.median(np.asarray(train.column(n)))) for n in whole if missing == "median" and schema[n].modality == "number"
    }  # fmt: skip
    return Needs(tuple(needed), tuple(whole), missing, medians, tuple(beside))


def _alike(a: str, b: str) -> bool:
    """Whether two names are the same but for case, blanks and marks, or nearly so."""
    plain = ["".join(ch for ch in x.casefold() if ch.isalnum()) for x in (a, b)]
    return plain[0] == plain[1] or difflib.SequenceMatcher(None, plain[0], plain[1]).ratio() >= 0.75


def _refusal(name: str, like: str | None, row: int | None) -> Words:
    where = Words("", "") if row is None else Words(f"Row {row}: ", f"第 {row} 行：")
    if like:
        return Words(
            f"{where.en}the column `{name}` is absent, and the model rests on it. Did you mean `{like}`? Then say --rename {like}={name}, "
            "or send it under its own name; --allow-missing predicts without it.",
            f"{where.zh}缺少模型所依赖的列 `{name}`。是否指 `{like}`？可用 --rename {like}={name}，或以原名提供；--allow-missing 表示缺少它也预测。",
        )
    return Words(
        f"{where.en}the column `{name}` is absent, and the model rests on it. Give it, name it with --rename OLD={name}, or predict "
        "without it: --allow-missing",
        f"{where.zh}缺少模型所依赖的列 `{name}`。请提供该列，或用 --rename 原名={name} 指定；若缺少它也要预测：--allow-missing",
    )


def renames_of(given: Iterable[str] | None, inputs: Schema) -> dict[str, str]:
    """Return new names by old ones from OLD=NEW. Raises OptionError for another form, or a name that the model does not read."""
    out = {}
    for text in given or ():
        old, equals, new = text.partition("=")
        if not (old and equals and new):
            raise OptionError(
                f"Expected --rename OLD=NEW, received `{text}`.", f"应写作 --rename 原名=新名，收到的是 `{text}`。"
            )
        if new not in inputs:
            raise unknown(Words("column of the model", "模型的列"), new, inputs.names, OptionError)
        out[old] = new
    return out


def renamed(raw: pa.Table, names: Mapping[str, str], *, first: bool = True) -> pa.Table:
    """Return a raw table whose columns bear the names that the model knows. Raises ColumnError for a name that the first rows lack."""
    for old, new in names.items():
        if old not in raw.column_names and first:
            raise unknown(Words("column", "列"), old, raw.column_names, ColumnError)
        if new in raw.column_names:
            raise ColumnError(
                f"--rename {old}={new}: there is a column `{new}` already.", f"--rename {old}={new}：已有列 `{new}`。"
            )
    return raw.rename_columns([names.get(n, n) for n in raw.column_names]) if names else raw


def some_column(inputs: Iterable[Column], names: list[str], data: Words) -> None:
    """Refuse a file that holds none of the model's columns; one that lacks some is answered with those missing."""
    wanted = [c.name for c in inputs]
    if not set(wanted) & set(names):
        raise DataError(
            f"{data.en} has none of the columns that the model reads ({', '.join(wanted[:8])}); it has {', '.join(names[:8])}.",
            f"{data.zh} 不含模型所需的任何列（{'、'.join(wanted[:8])}）；其列为 {'、'.join(names[:8])}。",
        )
