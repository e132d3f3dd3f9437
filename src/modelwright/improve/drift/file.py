"""A file against the reference of a model: one look, in a stream; and a reference made from a file, for bundles that have none."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.answers.base import as_label
from modelwright.core.errors import DataError
from modelwright.core.reading import Detected
from modelwright.core.schema import MODALITY_WORDS, Schema, Table
from modelwright.core.words import Words
from modelwright.data.prediction_source import STDIN, given
from modelwright.data.series import gathered, layouts_of, whole
from modelwright.data.sources import batches
from modelwright.evaluate.drift.answers import fit_answers
from modelwright.evaluate.drift.labels import LabelShares
from modelwright.evaluate.drift.performance import Performance
from modelwright.evaluate.drift.reference import Reference, Tally, make_reference
from modelwright.evaluate.drift.verdicts import State, Verdict, looked, overall
from modelwright.improve.drift.state import labels_of, performance_of
from modelwright.release.bundle import Predictor
from modelwright.release.needs import some_column
from modelwright.release.spelling import is_open, looked_ahead, spelt_as

_KEPT = 20_000  # rows that a reference is made of
_SHOWN = 5  # new values of a category that are named


@dataclass(frozen=True)
class Compared:
    """What one look at a file found: verdicts, what is told of the shape of the table, and estimates without labels."""

    rows: int
    verdicts: list[Verdict]
    shape: list[Words]
    performance: Performance | None
    labels: LabelShares | None

    @property
    def state(self) -> State:
        """The gravest state of any column."""
        return overall(self.verdicts)


class _Rows:
    """A file's rows, typed as the model reads them; what its columns are is noted on the way."""

    def __init__(self, predictor: Predictor, data: str, reading: dict[str, Any]) -> None:
        self.predictor, self.data, self.how = predictor, data, reading
        self.names: dict[str, None] = {}
        self.told: list[Words] = []
        self.new: dict[str, dict[str, int]] = {}  # values by category that the model does not know

    def __iter__(self) -> Any:
        predictor, detected = self.predictor, Detected()
        how = predictor.reading_of(self.how)
        name = Words("standard input", "标准输入") if self.data == STDIN else Words(self.data, self.data)

        def settle(rows: pa.Table) -> None:
            schema, told = spelt_as(predictor.schema, rows, how.decimal, detected)
            predictor.read_as(schema)
            self.told += told

        with given(self.data, predictor.schema.inputs, predictor.target.labels) as (source, folder):
            parts = map(predictor.with_fields, batches(source, reading=how, detected=detected))
            ahead = looked_ahead(parts, lambda rows: is_open(predictor.schema, rows, how.decimal), settle)
            first = True
            for raw in whole(ahead, predictor.layouts):
                self.names |= dict.fromkeys(gathered(raw, predictor.layouts).column_names)
                if first:
                    some_column(predictor.schema.inputs, list(self.names), name)
                    first = False
                table, bad = predictor.table(raw, folder)
                unreadable: dict[str, np.ndarray] = {}
                for value in bad:
                    unreadable.setdefault(value.column, np.zeros(len(table), bool))[value.row - 1] = True
                yield raw, table, unreadable
        if first:
            raise DataError(f"{name.en} holds no rows.", f"{name.zh} 没有任何数据行。")


def compare_file(predictor: Predictor, reference: Reference, data: str, **reading: Any) -> Compared:
    """Compare the rows of a file with a reference, in a stream. `reading` are options of `Reading`.

    Raises DataError for a file that cannot be read, holds no rows, or none of the model's columns.
    """
    rows, tally = _Rows(predictor, data, reading), Tally()
    binned: np.ndarray | None = None
    known = {r.column: frozenset(r.figures[1].values) for r in reference.readers if r.modality == "category" and len(r.figures) > 1}  # fmt: skip
    for _, table, unreadable in rows:
        answers = _answers(predictor, table, unreadable)
        codes, counted = reference.read(table, answers, unreadable)
        part = reference.binned(codes)
        binned = part if binned is None else binned + part
        tally.add(counted)
        _note_new(rows.new, known, table)
    found = looked(reference, binned if binned is not None else np.zeros((0, 0)), tally)
    shape = shape_words(predictor.schema, list(rows.names), rows.new)
    return Compared(
        int(tally.rows), found, [*rows.told, *shape], performance_of(reference, tally), labels_of(reference, tally)
    )


def _answers(predictor: Predictor, table: Table, unreadable: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    answers = predictor.answers(predictor.scores(table))
    for marks in unreadable.values():
        for i in np.flatnonzero(marks):
            answers[i] = {"error": {}}
    return answers


def _note_new(new: dict[str, dict[str, int]], known: dict[str, frozenset[str]], table: Table) -> None:
    names = frozenset(table.data.column_names)
    for column, values in known.items():
        if column not in names:
            continue
        for pair in table.column(column).drop_null().value_counts().to_pylist():
            if pair["values"] not in values:
                held = new.setdefault(column, {})
                if pair["values"] in held or len(held) < 1000:
                    held[pair["values"]] = held.get(pair["values"], 0) + pair["counts"]


def shape_words(schema: Schema, names: list[str], new: dict[str, dict[str, int]]) -> list[Words]:
    """Return what has changed in the shape of a table: columns that are absent or new, values that are new."""
    out = []
    inputs = [c.name for c in schema.inputs]
    flags = {n for layout in layouts_of(schema).values() for n in layout.get("flags", ())}  # the answer's own columns
    strange = [n for n in names if n not in schema and n not in flags]
    for name in inputs:
        if name in names:
            continue
        like = difflib.get_close_matches(name, strange, 1, 0.6)
        hint = Words(f"; did `{like[0]}` take its place?", f"；是否改名为 `{like[0]}`？") if like else Words("", "")
        kind = MODALITY_WORDS[schema[name].modality]
        out.append(Words(f"column `{name}` ({kind.en}) is absent{hint.en}", f"缺少列 `{name}`（{kind.zh}）{hint.zh}"))
    if strange:
        shown = ", ".join(f"`{n}`" for n in strange[:_SHOWN])
        more = f" (+{len(strange) - _SHOWN})" if len(strange) > _SHOWN else ""
        out.append(Words(f"columns that the model does not know: {shown}{more}", f"模型不认识的列：{shown}{more}"))
    for name, values in new.items():
        often = sorted(values.items(), key=lambda v: (-v[1], v[0]))[:_SHOWN]
        shown = ", ".join(f"`{v[:40]}` ({c:,})" for v, c in often)
        out.append(
            Words(
                f"column `{name}`: values that are rare or unknown to the model: {shown}",
                f"列 `{name}`：罕见或模型未见过的取值：{shown}",
            )
        )
    return out


def reference_from(predictor: Predictor, data: str, **reading: Any) -> Reference:
    """Return a reference made from a file with rows like the training data, of at most 20,000 rows spread over it.

    Where the file holds the target, it tells also how often answers are right: it should then hold rows that the model was not
    trained on. Raises DataError as `compare_file` does.
    """
    rows, kept, scored = _Rows(predictor, data, reading), list[Table](), list[tuple[dict[str, Any], str | None]]()
    target = predictor.schema.target
    rng, seen, step = np.random.default_rng(0), 0, 1
    for raw, table, unreadable in rows:
        at = np.flatnonzero(rng.random(len(table)) < 1 / step)
        seen += len(at)
        if seen >= _KEPT:  # rows that were kept are thinned, so that all of the file has the same chance
            step, seen = step * 2, seen // 2
            kept = [t.take(np.flatnonzero(rng.random(len(t)) < 0.5)) for t in kept]
            scored = [s for s in scored if rng.random() < 0.5]
        part = table.take(at)
        kept.append(part)
        if predictor.target.averages:
            answers = predictor.answers(predictor.scores(part))
            truth: list[str | None] = [None] * len(part)
            if target is not None and target.name in raw.column_names:
                told = raw.column(target.name).to_pylist()
                truth = [None if told[i] is None else as_label(told[i]) for i in at]
            bad = np.zeros(len(table), bool)
            for marks in unreadable.values():
                bad |= marks
            scored += [(a, t) for a, t, b in zip(answers, truth, bad[at], strict=True) if not b]
    table = Table.of(pa.concat_tables([t.data for t in kept]), kept[0].schema)
    labels = predictor.target.labels if predictor.target.one_label else ()
    told_any = any(t is not None for _, t in scored)
    answers_reader = (
        fit_answers([a for a, _ in scored], labels, [t for _, t in scored] if told_any else ()) if scored else None
    )
    return make_reference(table, predictor.schema, answers_reader)
