"""Answering a file in a stream: row by row beside what came, bad rows told and left empty."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.budget import duration_words
from modelwright.core.encrypted_files import unlocked
from modelwright.core.errors import DataError
from modelwright.core.events import EventStream, Note, Warned
from modelwright.core.reading import Detected
from modelwright.core.schema import Column, Table
from modelwright.core.task import Asked
from modelwright.core.words import Words, counted
from modelwright.data.coerce import BadValue
from modelwright.data.prediction_source import STDIN, given
from modelwright.data.records import Misfit
from modelwright.data.series import gathered, whole
from modelwright.data.sources import batches
from modelwright.privacy.ledger import model_id, ready, record
from modelwright.release.bundle import Predictor, load
from modelwright.release.needs import renamed, renames_of, some_column
from modelwright.release.registry.find import find_bundle
from modelwright.release.spelling import is_open, looked_ahead, spelt_as
from modelwright.release.write import Writer
from modelwright.release.write_media import OneFile, one_ending

Say = Callable[[Words], None]
_MOST_TOLD = 50  # rows of which is said what was left out
_NAMED = 5  # blank rows that are named
_BLANK = (
    Words("is blank and has no prediction", "为空行，没有预测"),
    Words("are blank and have no prediction", "为空行，没有预测"),
)
_BARE = (
    Words("holds no value in any column that the model reads; its prediction rests on nothing in it", "在模型读取的列中均无值，其预测没有依据"),
    Words("hold no value in any column that the model reads; their predictions rest on nothing in them", "在模型读取的列中均无值，其预测没有依据"),
)  # fmt: skip


def _silent(words: Words) -> None:
    """Say nothing."""


def predict_file(
    model: str,
    data: str,
    out: Path | None = None,
    *,
    scores: bool = False,
    strict: bool = False,
    bom: bool = False,
    allow_missing: bool = False,
    rename: list[str] | None = None,
    vault: str | None = None,
    say: Say = _silent,
    **reading: Any,
) -> dict[str, Any]:
    """Answer a file in a stream; return how many rows were answered, and how many were bad.

    `out` None writes to standard output; `say` hears of bad rows and of what was missing; `reading` are options of `Reading`.
    Raises DataError for a file that cannot be read, or at the first bad row where `strict`; ColumnError where a column is
    absent that carries the model, unless `allow_missing`.
    """
    ready()
    with unlocked(vault):
        summary = _answered(model, data, out, scores, strict, bom, allow_missing, rename, say, reading)
    bundle = find_bundle(model)
    record(bundle, "predict", model=model_id(bundle), rows=summary["rows"], bad=summary["bad"])
    return summary


def _answered(
    model: str,
    data: str,
    out: Path | None,
    scores: bool,
    strict: bool,
    bom: bool,
    allow_missing: bool,
    rename: list[str] | None,
    say: Say,
    reading: dict[str, Any],
) -> dict[str, Any]:
    predictor = load(find_bundle(model))
    answered, bad_rows, done, told, passed = 0, 0, 0, 0, 0
    names: dict[str, None] = {}  # of all rows, since columns may come late
    misfits: list[Misfit] = []
    names_of = renames_of(rename, predictor.schema)
    how = predictor.reading_of(reading)
    detected = Detected()
    gaps: Counter[str] = Counter()
    bare = _Places()
    blank = _Places()
    start = time.monotonic()
    if data != STDIN and (asked := predictor.asked(data, replace(how, names=()))) is not None:
        return _predict_source(predictor, asked, data, out, bom, start, say)
    with (
        given(data, predictor.schema.inputs, predictor.target.labels) as (source, folder),
        _writer(out, bom, predictor.target.media) as writer,
    ):
        name = Words("standard input", "标准输入") if data == STDIN else Words(data, data)

        def known_as(rows: pa.Table, first: bool = True) -> pa.Table:
            return predictor.with_fields(renamed(rows, names_of, first=first))

        def settle(rows: pa.Table) -> None:
            schema, told = spelt_as(predictor.schema, known_as(rows), how.decimal, detected)
            predictor.read_as(schema)
            for words in told:
                say(Words(f"{name.en}: {words.en}.", f"{name.zh}：{words.zh}。"))

        def unsettled(rows: pa.Table) -> bool:
            return is_open(predictor.schema, known_as(rows, first=False), how.decimal)

        events = EventStream()
        events.listen(lambda e: say(_by_users_name(name, source, e.words)) if isinstance(e, Note | Warned) else None)
        parts = batches(
            source, reading=how, rows=predictor.target.rows_at_once, events=events, misfits=misfits, detected=detected
        )
        for raw in whole(looked_ahead(parts, unsettled, settle), predictor.layouts, together=predictor.task.in_turn):
            known = predictor.task.with_past(known_as(raw, first=done == 0), predictor.schema)
            table, bad = predictor.table(known, folder)
            names |= dict.fromkeys(gathered(known, predictor.layouts).column_names)
            if done == 0:
                some_column(predictor.schema.inputs, list(names), name)
                predictor.lacking(known, allow=allow_missing)
            unread = {m.row - done: m for m in misfits[told:] if m.row <= done + raw.num_rows}
            told += len(unread)
            for words in _bad_words(name, done, unread if strict else _worded(unread), bad):
                if strict:
                    raise DataError(words)
                say(words)
            blank.add([m.row for m in unread.values() if m.blank])
            if passed < _MOST_TOLD:
                for words in _bad_words(name, done, {}, predictor.left_out(table)[: _MOST_TOLD - passed]):
                    say(words)
                    passed += 1
            answers = predictor.answers(predictor.scores(table), scores, table.hidden)
            gone = {v.row - 1 for v in bad} | {row - 1 for row in unread}
            bare.add([done + i + 1 for i in predictor.without_input(table) if i not in gone])
            for i in gone:
                answers[i] = {"prediction": None}
            writer.write(raw, answers, predictor.target, scores)
            gaps.update({w.column: w.rows for w in predictor.needs.warned(_answered_rows(table, gone))})
            done += raw.num_rows
            bad_rows += len(gone)
            answered += raw.num_rows - len(gone)
        for words in blank.said(name, *_BLANK):
            say(words)
        if bad_rows and not answered:
            raise DataError(
                f"No row of {name.en} can be read: what is wrong with each is told above. Nothing is written.",
                f"{name.zh} 没有一行可以读取：各行的问题见上。未写入任何内容。",
            )
    if done:
        _say_absent(predictor.schema.inputs, list(names), writer.left_out, name, say)
    else:
        say(Words(f"{name.en} holds no rows.", f"{name.zh} 没有数据行。"))
    if writer.replaced:
        shown, shown_zh = (mark.join(f"`{n}`" for n in writer.replaced) for mark in (", ", "、"))
        say(
            Words(
                f"{name.en}: what stood under {shown} is replaced by the answers.",
                f"{name.zh}：{shown_zh} 列原有的内容已被预测结果替换。",
            )
        )
    for words in bare.said(name, *_BARE):
        say(words)
    for words in predictor.needs.told(gaps):
        say(Words(f"{name.en}: {words.en}", f"{name.zh}：{words.zh}"))
    summary = {"rows": done, "answered": answered, "bad": bad_rows, "out": str(out) if out else None}
    if out is not None:
        took = duration_words(time.monotonic() - start)
        words = Words(
            f"{answered:,} row{'s' * (answered != 1)} predicted in {took.en}, {bad_rows} unreadable; written to {out}",
            f"已预测 {answered:,} 行，用时 {took.zh}，{bad_rows} 行无法读取；结果写入 {out}",
        )
        say(words)
    return summary


class _Places:
    """Rows of which the same is to be said: how many, and which are the first of them."""

    def __init__(self) -> None:
        self._count, self._first = 0, list[int]()

    def add(self, rows: list[int]) -> None:
        self._count += len(rows)
        self._first = [*self._first, *rows][:_NAMED]

    def said(self, data: Words, one: Words, many: Words) -> Iterator[Words]:
        if self._count:
            what, more = (one, "") if self._count == 1 else (many, "s")
            rest = " ..." * (self._count > _NAMED)
            shown, shown_zh = (mark.join(f"{r:,}" for r in self._first) + rest for mark in (", ", "、"))
            yield Words(
                f"{data.en}: {counted(self._count, 'row')} {what.en} (row{more} {shown}).",
                f"{data.zh}：{self._count:,} 行{what.zh}（第 {shown_zh} 行）。",
            )


def _answered_rows(table: Table, gone: Collection[int]) -> Table:
    """Return the rows of a table that are answered: without those (from 0) that are `gone`."""
    return table.take(np.array([i for i in range(len(table)) if i not in gone], np.int64)) if gone else table


def _by_users_name(name: Words, source: Any, words: Words) -> Words:
    """Return words of a source with the name by which the user knows it."""
    return Words(words.en.replace(str(source), name.en), words.zh.replace(str(source), name.zh))


def _worded(unread: dict[int, Misfit]) -> dict[int, Misfit]:
    """Return the rows of which is said what is wrong with each: blank ones are counted."""
    return {row: m for row, m in unread.items() if not m.blank}


def _writer(out: Path | None, bom: bool, media: bool) -> Any:
    """Return what writes the answers: a table, with files beside it where they are files, or the one file that `out` names."""
    if media and out is not None and one_ending(out):
        return OneFile(out)
    return Writer(out, bom=bom, media=media)


def _predict_source(
    predictor: Predictor, asked: Asked, data: str, out: Path | None, bom: bool, start: float, say: Say
) -> dict[str, Any]:
    """Answer a source whose rows are not answered one by one."""
    for words in asked.words:
        say(Words(f"{data}: {words.en}", f"{data}：{words.zh}"))
    found = asked.written(predictor.scores(asked.table))
    with Writer(out, bom=bom) as writer:
        writer.write_table(found)
    series = len(asked.table)
    if out is not None:
        took = duration_words(time.monotonic() - start)
        say(
            Words(
                f"{series:,} series answered with {counted(found.num_rows, 'row')} in {took.en}; written to {out}",
                f"已预测 {series:,} 条序列，共 {found.num_rows:,} 行，用时 {took.zh}；结果写入 {out}",
            )
        )
    return {"rows": found.num_rows, "answered": found.num_rows, "bad": 0, "out": str(out) if out else None}


def _bad_words(data: Words, done: int, unread: dict[int, Misfit], bad: list[BadValue]) -> Iterator[Words]:
    """Say of each row of a block, after `done` rows, what in it cannot be read."""
    for _, misfit in sorted(unread.items()):
        at = misfit.place(data.en, data.zh)
        yield Words(f"{at.en}: {misfit.words.en}", f"{at.zh}：{misfit.words.zh}")
    for value in bad:
        row, column = done + value.row, value.column
        yield Words(
            f"{data.en}, row {row}, column `{column}`: {value.words.en}",
            f"{data.zh} 第 {row} 行，列 `{column}`：{value.words.zh}",
        )


def _say_absent(inputs: list[Column], names: list[str], left_out: list[str], data: Words, say: Say) -> None:
    """Say which columns of the model the file lacks, and which of its columns came too late to be written."""
    absent = [c.name for c in inputs if c.name not in names and not c.optional]
    if absent:
        words = Words(
            f"{data.en} lacks {', '.join(absent)}; these count as missing.",
            f"{data.zh} 缺少 {'、'.join(absent)}；按缺失处理。",
        )
        say(words)
    if left_out:
        words = Words(
            f"Fields that first appear after the header was written are left out: {', '.join(left_out)}. Write to a file with --out to keep them.",
            f"以下字段在表头写出之后才出现，未写出：{'、'.join(left_out)}。用 --out 写入文件即可保留。",
        )
        say(words)
