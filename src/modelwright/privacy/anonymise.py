"""The copy that `modelwright anonymise` makes: read twice in a stream (three times for k-anonymity), never half-written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from modelwright.core.envelope import SUFFIX
from modelwright.core.errors import ColumnError, OptionError, unknown
from modelwright.core.words import Words, counted
from modelwright.data.json_text import json_rows
from modelwright.data.records import Misfit
from modelwright.data.sources import batches
from modelwright.data.write import FORMATS, TableWriter, flat
from modelwright.privacy.anonymity import Anonymous, make_anonymous
from modelwright.privacy.policy import Policy
from modelwright.privacy.pseudonyms import Pseudonyms
from modelwright.privacy.redact import SAMPLE, Objects, Redactor, in_batches, texts_of

OUT_FORMATS = (*FORMATS, ".xlsx")
_TOLD = 20  # rows of which is said why they could not be read
_NESTED = (".jsonl", ".ndjson", ".json")


@dataclass
class Copied:
    """What was made: rows written, what was done, and how k was reached where it was asked for."""

    out: Path
    rows: int
    redactor: Redactor
    anonymous: Anonymous | None = None
    unread: list[Misfit] = field(default_factory=list)  # rows that could not be read and stand empty

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values; no value of a row is in it."""
        return {
            "out": str(self.out),
            "rows": self.rows,
            "unread": len(self.unread),
            "done": self.redactor.to_json(),
            "anonymity": self.anonymous.to_json() if self.anonymous else None,
        }


def anonymise(
    source: str,
    out: Path,
    *,
    rules: Sequence[str] = (),
    pseudonyms: Pseudonyms | None = None,
    k: int | None = None,
    quasi: Sequence[str] = (),
    also: Sequence[str] = (),
    force: bool = False,
    **reading: Any,
) -> Copied:
    """Write a copy of a source without personal data; `reading` are the options of `data.sources.batches`.

    Without `pseudonyms` a key is drawn that is nowhere kept: pseudonyms agree within this copy only. Raises OptionError where
    the copy exists (unless `force`), ColumnError for quasi-identifiers that are not there, DataError for what cannot be read.
    """
    check_out(source, out, force)
    if (k is None) != (not quasi):
        raise OptionError(
            "Give both --k and --quasi: how many rows must share the values of which columns.",
            "请同时给出 --k 与 --quasi：多少行必须共享哪些列的取值。",
        )
    redactor = Redactor(Policy.parse(rules), pseudonyms or Pseudonyms.fresh(), tuple(also))
    if k is None and nested(source, out):
        return _objects(Path(source), out, redactor)
    names = _look(source, redactor, reading)
    redactor.policy.check(names)
    for column in quasi:
        if column not in names:
            raise unknown(Words("column", "列"), column, names, ColumnError)
    anonymous = _combinations(source, redactor, quasi, k, reading) if k is not None else None
    rows, unread = 0, list[Misfit]()
    with TableWriter(out, OUT_FORMATS) as writer:
        for raw in batches(source, misfits=unread, **reading):
            table = redactor.table(_with(raw, quasi))
            if anonymous is not None:
                table = _coarse(table, quasi, anonymous)
            if writer.suffix == ".xlsx" or writer.suffix in (".csv", ".tsv"):
                table = pa.table({n: flat(table.column(n), writer.suffix) for n in table.column_names})
            writer.write_table(table)
            rows += len(table)
    return Copied(out, rows, redactor, anonymous, unread)


def stand_empty(source: str, unread: Sequence[Misfit]) -> list[Words]:
    """Return what is said of rows that could not be read and stand empty in a copy: of each of the first, and how many more there are."""
    said = [
        Words(f"{at.en}: {m.words.en}; it stands empty in the copy.", f"{at.zh}：{m.words.zh}；副本中该行为空。")
        for m in unread[:_TOLD]
        for at in [m.place(source)]
    ]
    more = len(unread) - _TOLD
    if more > 0:
        rows = counted(more, "further row")
        said.append(Words(f"{source}: {rows} could not be read either.", f"{source}：另有 {more:,} 行同样无法读取。"))
    return said


def nested(source: str, out: Path) -> bool:
    """Whether both are files of JSON Lines (encrypted ones too), so that nesting can stay as it is."""
    ends = [Path(str(p).removesuffix(SUFFIX)).suffix.lower() for p in (source, out)]
    return ends[0] in _NESTED and ends[1] == ".jsonl" and Path(source).is_file()


def check_out(source: str, out: Path, force: bool) -> None:
    """Refuse to write over the source, and over anything else unless `force`. Raises OptionError."""
    if Path(source).exists() and out.exists() and Path(source).resolve() == out.resolve():
        raise OptionError(
            f"{out} is the source itself; name another file for the copy.", f"{out} 就是源文件；请为副本另起文件名。"
        )
    if out.exists() and not force:
        raise OptionError(
            f"{out} exists already. Name another file, or replace it with --force.",
            f"{out} 已存在。请另起文件名，或用 --force 覆盖。",
        )


def _look(source: str, redactor: Redactor, reading: dict[str, Any]) -> list[str]:
    """Look at a sample of the source, plan every column, and return the columns' names."""
    parts, seen = [], 0
    for part in batches(source, **reading):
        parts.append(part)
        seen += len(part)
        if seen >= SAMPLE:
            break
    sample = pa.concat_tables(parts, promote_options="permissive")
    for name in sample.column_names:
        redactor.plan(name, sample.column(name))
    return list(sample.column_names)


def _combinations(source: str, redactor: Redactor, quasi: Sequence[str], k: int, reading: dict[str, Any]) -> Anonymous:
    """Count the combinations of the quasi-identifiers as they will be written, and find out how coarse they must be."""
    gone = [c for c in quasi if redactor.plans[c].drop]
    if gone:
        raise ColumnError(
            f"Column `{gone[0]}` is left out, so it is no quasi-identifier.",
            f"列 `{gone[0]}` 会被移除，不能作为准标识符。",
        )
    counts: Counter[tuple[str, ...]] = Counter()
    counting = Redactor(redactor.policy, redactor.pseudonyms, redactor.also, redactor.plans)
    for raw in batches(source, **reading):
        raw = _with(raw, quasi)
        counts.update(texts_of(counting.table(raw.select(list(quasi))), quasi))
    return make_anonymous(quasi, counts, k)


def _with(table: pa.Table, names: Sequence[str]) -> pa.Table:
    """Return a table that has the named columns: missing ones stand empty, where fields come late or end early."""
    for name in names:
        if name not in table.column_names:
            table = table.append_column(name, pa.nulls(table.num_rows, pa.string()))
    return table


def _coarse(table: pa.Table, quasi: Sequence[str], anonymous: Anonymous) -> pa.Table:
    rows = [anonymous.row(values) for values in texts_of(table, quasi)]
    for i, name in enumerate(quasi):
        fresh = pa.array([r[i] or None for r in rows], pa.string())
        table = table.set_column(table.column_names.index(name), name, fresh)
    return table


def _objects(source: Path, out: Path, redactor: Redactor) -> Copied:
    """Copy JSON Lines with their nesting as it is."""
    objects = Objects(redactor)
    sample: list[dict[str, Any]] = []
    rows_of: Iterator[dict[str, Any]] = json_rows(source, misfits=[])
    for row in rows_of:
        sample.append(row)
        if len(sample) >= SAMPLE:
            break
    objects.plan(sample)
    rows, unread = 0, list[Misfit]()
    with TableWriter(out, OUT_FORMATS) as writer:
        for block in in_batches(json_rows(source, misfits=unread)):
            writer.write_rows(objects.redact(block))
            rows += len(block)
    return Copied(out, rows, redactor, None, unread)
