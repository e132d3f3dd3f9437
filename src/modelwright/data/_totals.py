"""Rows of a table that sum up others: spreadsheets end so, or have them between, and a model would learn from them as from any row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow.compute as pc

from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.data._subtotals import subtotal_rows
from modelwright.data._total_words import MEANS, caption, is_total
from modelwright.data.coerce import BadValue
from modelwright.data.finding import Finding

_NEAR = 0.005  # of a sum, which may have been rounded
_MOST = 6  # rows at the end that are looked at


def total_rows(table: Table, bad: Sequence[BadValue], quote: bool, test: bool = False) -> list[Finding]:
    """Find rows that sum up others, between them and at the end. `test` says that these are the rows to test on."""
    of = Words(" to test on", "测试数据中") if test else Words("", "")
    between = subtotal_rows(table, bad, quote, of)
    if between is None or set(between.drop_rows) <= _foot(table, bad).keys():
        return _last_rows(table, bad, quote, test)
    kept = np.delete(np.arange(len(table)), between.drop_rows)
    gone = set(between.rows)
    last = _last_rows(table.take(kept), [b for b in bad if b.row not in gone], quote, test)
    return [between, *(replace(f, drop_rows=tuple(kept[list(f.drop_rows)].tolist())) for f in last)]


def _last_rows(table: Table, bad: Sequence[BadValue], quote: bool, test: bool) -> list[Finding]:
    """Find that one of the last rows holds a word for a total where no other row does; it is left out where its numbers are the sums or means of
    the rows above, else only told: `Total` also sells petrol. Below it stand at most further totals and notes, rows with one cell filled.
    """
    foot = _foot(table, bad)
    above = len(table) - len(foot)
    if above < 2:
        return []
    of, of_zh = (" to test on", "测试") if test else ("", "")
    numbers = [np.asarray(table.column(c.name), float) for c in table.schema if c.modality == "number"]
    found = []
    for at, word in foot.items():
        if word is None:
            continue
        sure = _sums_up([np.append(cells[:above], cells[at]) for cells in numbers], word)
        shown, row = word if quote else "...", int(table.rows[at])
        last, last_zh = ("The last", "最后一") if at == len(table) - 1 else ("A last", "末尾有一")
        done, done_zh = (" and left out", "，已排除") if sure else ("", "")
        found.append(
            Finding(
                "total-row", "warning", None,
                Words(f"{last} row{of} (row {row}) is `{shown}`{done}.", f"{of_zh}{last_zh}行（第 {row} 行）是 `{shown}`{done_zh}。"),
                Words("Its numbers sum up the rows above.", "其数值是以上各行的汇总。") if sure
                else Words("Take it out if it sums up the others.", "若它是其他行的汇总，请删除。"),
                rows=(row,), drop_rows=(at,) if sure else (),
            )
        )  # fmt: skip
    return found


def _foot(table: Table, bad: Sequence[BadValue]) -> dict[int, str | None]:
    """Return the rows at the end that may be no data, the last one first: by position the word for a total, None for a note."""
    out: dict[int, str | None] = {}
    if len(table.schema) < 2:
        return out
    words = [c.name for c in table.schema if c.modality in ("category", "text", "id")]
    for at in range(len(table) - 1, max(len(table) - 1 - _MOST, 1), -1):
        unread = [b.value for b in bad if b.row == table.rows[at]]
        word = next(filter(is_total, unread), None)
        for name in words if word is None else ():
            cells = table.column(name)
            cell = cells[at].as_py()
            if cell is not None and is_total(cell) and pc.sum(pc.equal(cells, cell)).as_py() == 1:
                word = cell
        filled = len(unread) + sum(table.column(c.name)[at].is_valid for c in table.schema)
        if word is None and (filled > 1 or len(table.schema) < 3):
            break
        out[at] = word
    while out and out[min(out)] is None:  # notes alone, above which no total stands
        del out[min(out)]
    return out


def _sums_up(columns: Sequence[np.ndarray], word: str) -> bool:
    """Whether the last numbers of at least half of the columns that have one are sums or means of those before them, one of them a sum unless the
    word is one for a mean. Columns of one number only tell nothing."""
    found = [kind for numbers in columns if (kind := _kind(numbers)) is not None]
    wanted = "mean" if caption(word) in MEANS else "sum"
    return wanted in found and 2 * sum(map(bool, found)) >= len(found)


def _kind(numbers: np.ndarray) -> str | None:
    """Return `sum` or `mean` where the last number is that of those before it, empty where it is neither; None where that cannot be told."""
    before, last = numbers[:-1][np.isfinite(numbers[:-1])], numbers[-1]
    if len(before) < 2 or not np.isfinite(last) or ((before == before[0]).all() and last == before[0]):
        return None
    near = _NEAR * abs(last)
    return (
        "sum"
        if last and abs(last - before.sum()) <= near
        else "mean"
        if last and abs(last - before.mean()) <= near
        else ""
    )
