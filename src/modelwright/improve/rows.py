"""Corrections as rows to learn from: joined to the rows of the run before, what repeats or contradicts them settled, and the
latest of them held out."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.words import Words, counted
from modelwright.improve.source import Correction, Source

_HELD = 0.3  # of the feedback that the champion has not learnt from, the latest part that judges
LEAST_HELD = 10  # rows; fewer judge nothing, so all are learnt from
LEAST_OF_LABEL = 2  # rows of a label that is new, for it to be learnt
_AGREE = 0.5  # share of tellers from which an answer counts; a tie says nothing
_OFTEN = 0.5  # share of rows that must hold a further column for it to be told


@dataclass(frozen=True)
class Gathered:
    """Rows to learn from, rows that judge, and what became of the corrections."""

    rows: pa.Table  # of the source, then corrections
    fresh: list[Correction]  # held out: the latest, whole subjects
    learnt: int = 0  # corrections among the rows
    repeated: int = 0  # told of equal rows more than once
    contested: int = 0  # left out: no answer that most tellers gave
    replaced: int = 0  # rows of the source whose answer was corrected
    tested: int = 0  # left out: test rows of the run before, which must stay unseen
    new_labels: dict[str, int] = field(default_factory=dict)  # learnt now, with their rows
    few_labels: dict[str, int] = field(default_factory=dict)  # too few rows yet
    new_columns: dict[str, int] = field(default_factory=dict)  # that the model does not read, with their rows
    single: str | None = None  # the one label that all corrections hold
    wrong_only: bool = False  # whether all of `fresh` corrects wrong answers

    def to_json(self) -> dict[str, Any]:
        """Return the counts as JSON values."""
        out = {k: v for k, v in self.__dict__.items() if k not in ("rows", "fresh")}
        return {**out, "source": self.rows.num_rows - self.learnt, "fresh": len(self.fresh)}


def gather(
    source: Source, labelled: Sequence[Correction], labels: Sequence[Any] | None, *, since: float = 0.0,
    new_columns: bool = False, gist: Callable[[Any], Any] = repr, repeats: bool = False,
) -> Gathered:  # fmt: skip
    """Join corrections to the rows of a source.

    The latest 30 % of what was told since `since`, whole subjects, are held out, where that makes 10 rows. Of equal
    rows the last correction counts, and takes the place of rows of the source. `labels` are those that the model knows, None
    where answers are no labels. Further columns are learnt from where `new_columns`.
    """
    inputs = [n for n in source.modalities if n != source.target]
    base = source.rows if source.rows is not None else source.test
    known = [] if base is None else base.column_names
    extra = _further(labelled, {*inputs, *known, source.target})
    told = [one for one in labelled if one.agree > _AGREE or one.votes == 1]
    unseen = set() if repeats else _keys(source.test, inputs)
    free = [one for one in told if _key(one.row, inputs) not in unseen]
    latest: dict[tuple[str, ...], Correction] = {}
    for one in free:
        latest.pop(_key(one.row, inputs), None)  # so that it comes last
        latest[_key(one.row, inputs)] = one
    settled = free if repeats else list(latest.values())
    learn, fresh = _held_out(settled, since)
    few, new = _labels(learn, labels)
    learn = [one for one in learn if not (isinstance(one.answer, str) and str(one.answer) in few)]
    corrected = {_key(one.row, inputs) for one in learn}
    gone = set() if repeats else corrected | {_key(one.row, inputs) for one in fresh}
    old, replaced = _without(source.rows, inputs, gone)
    more = _table(learn, source, old, inputs, list(extra) if new_columns else [])
    rows = more if old is None else pa.concat_tables([_as_wide(old, more), more], promote_options="default")
    answers = {repr(gist(one.answer)) for one in settled}
    return Gathered(
        rows=rows, fresh=fresh, learnt=len(learn), repeated=len(free) - len(settled),
        contested=len(labelled) - len(told), replaced=replaced, tested=len(told) - len(free), new_labels=new,
        few_labels=few, new_columns=extra, single=str(settled[0].answer) if len(answers) == 1 else None,
        wrong_only=bool(fresh) and all(one.correct is False for one in fresh),
    )  # fmt: skip


def weighed(found: Gathered, source: Source, times: float) -> tuple[pa.Table, str | None]:
    """Return the rows with a column in which a correction counts as `times` old rows, and its name; None where all count the same."""
    rows, old = found.rows, found.rows.num_rows - found.learnt
    if source.weight is None and (times == 1.0 or not found.learnt):
        return rows, None
    name = source.weight or next(n for n in _names("weight") if n not in rows.column_names)
    if source.weight is None:
        return rows.append_column(name, pa.array([1.0] * old + [times] * found.learnt)), name
    given = [float(v) for v in rows.column(name).to_pylist()[:old]]
    usual = sum(given) / len(given) if given else 1.0
    column = pa.array([*given, *[times * usual] * found.learnt])
    return rows.set_column(rows.column_names.index(name), name, column), name


def _names(word: str) -> Iterator[str]:
    yield word
    yield from (f"{word} {i}" for i in count(2))


def fresh_table(fresh: Sequence[Correction], source: Source) -> pa.Table:
    """Return held-out corrections as rows with their answers."""
    base = source.rows if source.rows is not None else source.test
    return _table(list(fresh), source, base, [n for n in source.modalities if n != source.target], [])


def _held_out(settled: Sequence[Correction], since: float) -> tuple[list[Correction], list[Correction]]:
    """Return what is learnt from and what judges: of what was told since, whole subjects that were heard of last."""
    recent = [one for one in settled if one.told_at > since]
    wanted = round(_HELD * len(recent))
    if wanted < LEAST_HELD:
        return list(settled), []
    last: dict[str, float] = {}
    for one in settled:
        unit = one.subject or one.id
        last[unit] = max(last.get(unit, 0.0), one.told_at)
    held: set[str] = set()
    taken = 0
    for one in sorted(recent, key=lambda o: last[o.subject or o.id], reverse=True):
        if taken >= wanted:
            break
        unit = one.subject or one.id
        if unit not in held:
            held.add(unit)
            taken += sum((o.subject or o.id) == unit for o in settled)
    learn = [one for one in settled if (one.subject or one.id) not in held]
    fresh = [one for one in settled if (one.subject or one.id) in held]
    return (learn, fresh) if learn else (list(settled), [])


def _labels(learn: Sequence[Correction], labels: Sequence[Any] | None) -> tuple[dict[str, int], dict[str, int]]:
    """Return the labels that are new and have too few rows, and those with enough."""
    if labels is None:
        return {}, {}
    known = {str(v) for v in labels}
    parts = (one.answer if isinstance(one.answer, list) else [one.answer] for one in learn)
    new = Counter(str(v) for part in parts for v in part if str(v) not in known)
    few = {label: n for label, n in sorted(new.items()) if n < LEAST_OF_LABEL}
    return few, {label: n for label, n in new.most_common() if label not in few}


def _further(labelled: Iterable[Correction], known: set[str]) -> dict[str, int]:
    """Return columns that rows came with and that nobody knew, with how many rows hold them."""
    rows = [one.row for one in labelled]
    found = Counter(n for row in rows for n, value in row.items() if n not in known and value is not None)
    return {name: n for name, n in found.most_common() if n >= _OFTEN * len(rows)}


def _without(
    rows: pa.Table | None, inputs: Sequence[str], corrected: set[tuple[str, ...]]
) -> tuple[pa.Table | None, int]:
    """Return the rows of a source without those that are told otherwise now, and how many those are."""
    if rows is None or not corrected:
        return rows, 0
    stays = np.array([key not in corrected for key in _row_keys(rows, inputs)], bool)
    return rows.filter(pa.array(stays)), int((~stays).sum())


def _keys(rows: pa.Table | None, inputs: Sequence[str]) -> set[tuple[str, ...]]:
    return set() if rows is None else set(_row_keys(rows, inputs))


def _row_keys(rows: pa.Table, inputs: Sequence[str]) -> list[tuple[str, ...]]:
    columns = [
        [_comparable(v) for v in rows.column(n).to_pylist()] if n in rows.column_names else [""] * rows.num_rows
        for n in inputs
    ]
    return list(zip(*columns, strict=True)) if columns else [()] * rows.num_rows


def _key(row: Mapping[str, Any], inputs: Sequence[str]) -> tuple[str, ...]:
    return tuple(_comparable(row.get(n)) for n in inputs)


def _comparable(value: Any) -> str:
    """Return a cell so that equal ones are equal however they were written: 3, 3.0 and "3"; True and "true"."""
    if value is None:
        return ""
    text = str(value).strip()
    try:
        number = float(text)
    except ValueError:
        return text.casefold() if isinstance(value, bool) else text
    return repr(number) if math.isfinite(number) else text


def _table(
    learn: Sequence[Correction], source: Source, like: pa.Table | None, inputs: Sequence[str], more: Sequence[str]
) -> pa.Table:
    """Return corrections as rows in the columns and types of the source."""
    types = {f.name: f.type for f in like.schema} if like is not None else {}
    names = list(types) or [*inputs, source.target]
    arrays = {}
    for name in [*names, *(n for n in more if n not in names)]:
        cells = [_cell_of(one, name, source) for one in learn]
        kind = pa.string() if any(isinstance(c, dict) for c in cells) else types.get(name, pa.string())
        arrays[name] = _array(cells, kind, source.separator)
    return pa.table(arrays)


def _as_wide(old: pa.Table, more: pa.Table) -> pa.Table:
    """Return old rows with columns as texts where corrections are such: marks by criterion in the place of one mark."""
    for name in more.column_names:
        at = old.schema.get_field_index(name)
        if at >= 0 and pa.types.is_string(more.schema.field(name).type) and not _is_text(old.schema.field(at).type):
            old = old.set_column(at, name, old.column(at).cast(pa.string()))
    return old


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind)


def _cell_of(one: Correction, name: str, source: Source) -> Any:
    if name == source.target:
        return one.answer
    value = one.row.get(name)
    if value is None and one.subject is not None and name in (source.group, source.subject):
        return one.subject  # so that rows of one subject are never split
    if value is None and name == source.time:
        return datetime.fromtimestamp(one.answered_at or one.told_at, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return value


def _array(cells: Sequence[Any], kind: pa.DataType, separator: str) -> pa.Array:
    """Return cells in an Arrow type; what does not fit it is missing."""
    if _is_text(kind):
        return pa.array([_text(c, separator) for c in cells], pa.string())
    out = []
    for cell in cells:
        try:
            out.append(pa.scalar(cell, kind))
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, TypeError, ValueError):
            try:
                out.append(pa.scalar(str(cell)).cast(kind))
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
                out.append(pa.scalar(None, kind))
    return pa.array([s.as_py() for s in out], kind)


def _text(cell: Any, separator: str) -> str | None:
    if cell is None:
        return None
    if isinstance(cell, (list, tuple)):
        return separator.join(str(c) for c in cell) if separator else json.dumps(cell, ensure_ascii=False)
    if isinstance(cell, dict):
        return json.dumps(cell, ensure_ascii=False)
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def notes(found: Gathered, source: Source) -> list[Words]:
    """Return what whoever asked must know of the corrections, in sentences."""

    def shown(counts: Mapping[str, int], between: str) -> str:
        return between.join(f"`{k}` ({n})" for k, n in list(counts.items())[:8]) + (" ..." if len(counts) > 8 else "")

    out = []
    if source.state != "same" and source.why is not None:
        out.append(Words(f"Not all old rows could be used: {source.why.en}.", f"旧数据未能完整使用：{source.why.zh}。"))
    if found.new_labels:
        out.append(
            Words(
                f"New labels are learnt: {shown(found.new_labels, ', ')}.",
                f"学习新标签：{shown(found.new_labels, '、')}。",
            )
        )
    if found.few_labels:
        few = shown(found.few_labels, ", "), shown(found.few_labels, "、")
        out.append(
            Words(
                f"New labels with fewer than {LEAST_OF_LABEL} rows are left out until more come: {few[0]}.",
                f"不足 {LEAST_OF_LABEL} 行的新标签暂不学习：{few[1]}。",
            )
        )
    if found.new_columns:
        out.append(
            Words(
                f"Rows came with columns that the model does not read: {shown(found.new_columns, ', ')}; to learn from them: --new-columns.",
                f"收到的行含有模型不读取的列：{shown(found.new_columns, '、')}；如需学习请加 --new-columns。",
            )
        )
    if found.single is not None:
        out.append(
            Words(
                f"All corrections say `{found.single}`: only the rows of the run before hold other answers.",
                f"所有更正都是 `{found.single}`：其他答案只存在于此前运行的数据中。",
            )
        )
    if found.contested:
        out.append(
            Words(
                f"{counted(found.contested, 'row')} left out, since those who told do not agree.",
                f"{found.contested} 行因意见不一而未使用。",
            )
        )
    if found.wrong_only:
        out.append(
            Words(
                "All feedback that judges corrects wrong answers: the champion is wrong there by choice of rows, so it says how "
                "many mistakes are mended, and the old test rows whether new ones were made.",
                "用于评判的反馈全部是对错误回答的更正，champion 在这些行上必然出错：它只说明改正了多少错误，是否新增错误由旧测试集判断。",
            )
        )
    return out
