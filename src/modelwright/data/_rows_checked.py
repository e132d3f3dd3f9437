"""What the data doctor finds of rows as a whole: those without any input, those that repeat or contradict others, too few of them, and
those to test on that were learnt from."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pyarrow as pa

from modelwright.core.schema import MEDIA, Schema, Table
from modelwright.core.unit import Unit
from modelwright.core.words import Words, counted
from modelwright.data._leaks import codes_of
from modelwright.data.finding import Finding
from modelwright.data.split import row_codes


def empty_rows(table: Table, same: Collection[str] = ()) -> list[Finding]:
    """Find rows that hold no input at all: nothing can be learnt from them. Columns that are the `same` in every row say nothing either."""
    empty = np.ones(len(table), bool)
    for column in table.schema.inputs:
        if column.name in same:
            continue
        empty &= np.asarray(table.column(column.name).is_null())
    rows = np.flatnonzero(empty)
    if not 0 < len(rows) < len(table):
        return []
    return [
        Finding(
            "empty-rows", "warning", None,
            Words(f"{counted(len(rows), 'row')} {'holds' if len(rows) == 1 else 'hold'} no input that can be read; first row {table.rows[rows[0]]}.", f"{len(rows)} 行没有任何可读的输入；首个为第 {table.rows[rows[0]]} 行。"),
            Words("They are left out.", "已排除。"),
            rows=tuple(int(r) for r in table.rows[rows[:20]]), drop_rows=tuple(int(i) for i in rows),
        )
    ]  # fmt: skip


def few(rows: int, dropped: int, unit: Unit) -> list[Finding]:
    """Find that few rows are left of so many, once what is `dropped` of them is gone."""
    few_zh = f"{unit.measure}{unit.noun}"
    left = rows - dropped
    if left >= 100:
        return []
    beside, beside_zh = (
        f" ({dropped} of {rows} left out)" * (dropped > 0),
        f"（{rows} {unit.behind}中排除了 {dropped} {unit.behind}）" * (dropped > 0),
    )
    return [
        Finding(
            "few-rows", "warning", None,
            Words(f"There {'is' if left == 1 else 'are'} only {unit.counted(left).en}{beside}.", f"只有 {left} {few_zh}{beside_zh}。"),
            Words(f"Scores will be uncertain; a first usable model takes a few hundred {unit.many}.", f"评分会很不确定；通常几百{unit.behind}才能得到初步可用的模型。"),
        )
    ]  # fmt: skip


def repeated(table: Table, answers: bool, repeats: bool, told: Sequence[int], unit: Unit) -> list[Finding]:
    """Find rows that stand there again, and those of equal inputs with other answers.

    Rows (from 0) that are `told` as what they are, empty or with a cell that cannot be read, are neither: what stood in them may differ.
    """
    out: list[Finding] = []
    n = len(table)
    target = table.schema.target
    if target is None or not table.schema.inputs or repeats:
        return out
    codes = row_codes(table)
    own = codes_of(table.column(target.name))
    both = codes * (own.max() + 2) + own + 1
    for column in (
        *table.schema.of_role("time"),
        *table.schema.of_role("group"),
    ):  # of another time or person: another row
        other = codes_of(table.column(column.name))
        both = np.unique(both * (other.max() + 2) + other + 1, return_inverse=True)[1]
    again = np.ones(n, bool)
    again[told] = False
    looked = np.flatnonzero(again)
    first = looked[np.unique(both[looked], return_index=True)[1]]
    again[first] = False
    duplicates = np.flatnonzero(again)
    wide = _tell_rows_apart(table)
    if len(duplicates) and wide and len(duplicates) < 0.5 * n:
        out.append(
            Finding(
                "duplicates", "info", None,
                Words(f"{len(duplicates):,} of {unit.counted(n).en} {'is an exact duplicate' if len(duplicates) == 1 else 'are exact duplicates'} and left out.", f"{n:,} {unit.behind}中有 {len(duplicates):,} {unit.behind}完全重复，已排除。"),
                Words("So no row is in both training and test data.", "以免同一行同时出现在训练集和测试集中。"),
                rows=tuple(int(r) for r in table.rows[duplicates[:20]]),
                drop_rows=tuple(int(i) for i in duplicates),
            )
        )  # fmt: skip
    groups = np.unique(codes[first], return_counts=True)
    conflicting = np.isin(codes, groups[0][groups[1] > 1])
    conflicting[told] = False
    if conflicting.any() and wide and target.modality != "number" and answers:
        rows = np.flatnonzero(conflicting)
        out.append(
            Finding(
                "conflict", "warning", target.name,
                Words(f"{counted(len(rows), 'row')} {'shares its' if len(rows) == 1 else 'share their'} inputs with a row that has another answer.", f"{len(rows)} 行的输入与另一行相同但答案不同。"),
                Words("No model can get both right; decide which answer is correct.", "任何模型都无法同时答对；请确定哪个正确。"),
                rows=tuple(int(r) for r in table.rows[rows[:20]]),
            )
        )  # fmt: skip
    return out


def _tell_rows_apart(table: Table) -> bool:
    """Whether equal inputs mean the same row: those of one number or category are alike in many, a text, picture or recording is not."""
    inputs = table.schema.inputs
    return len(inputs) > 1 or any(c.modality == "text" or table.column(c.name).type == MEDIA for c in inputs)


def across(table: Table, test: Table, told: Sequence[int]) -> list[Finding]:
    """Find test rows whose inputs stand among the training rows too, but for those that are `told` as for `repeated`."""
    names = [c.name for c in table.schema.inputs]
    if not _tell_rows_apart(table):
        return []
    both = Table(
        pa.concat_tables([table.data.select(names), test.data.select(names)]),
        Schema(tuple(table.schema.inputs)),
        np.concatenate([table.rows, test.rows]),
    )
    codes = row_codes(both)
    shared = np.isin(codes[len(table) :], np.delete(codes[: len(table)], told))
    if not shared.any():
        return []
    share = 100 * shared.mean()
    return [
        Finding(
            "test-overlap", "warning" if share > 1 else "info", None,
            Words(f"{int(shared.sum())} test rows ({share:.1f} %) have inputs that also occur in the training data.", f"{int(shared.sum())} 个测试行（{share:.1f}%）的输入也出现在训练数据中。"),
            Words("The test score may be too good; take them out of the training file for a strict test.", "测试得分可能偏高；如需严格测试，请将其从训练文件中移除。"),
            rows=tuple(int(r) for r in test.rows[np.flatnonzero(shared)[:20]]),
        )
    ]  # fmt: skip
