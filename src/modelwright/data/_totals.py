"""The last row of a table where it sums up the others: spreadsheets end so, and a model would learn from it as from any row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow.compute as pc

from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.data.coerce import BadValue
from modelwright.data.finding import Finding

_MEANS = frozenset(
    "average mean avg moyenne mittelwert durchschnitt promedio media среднее 平均 平均值 均值 평균".split()
)
_WORDS = (
    frozenset(
        "total totals sum sums subtotal totale somme summe gesamt gesamtsumme totaal suma итого всего 合计 总计 小计 总和 合計 総計 小計 합계".split()
    )
    | {"grand total", "sub total", "total general", "total général", "insgesamt"}
    | _MEANS
)
_NEAR = 0.005  # of a sum, which may have been rounded


def total_row(table: Table, bad: Sequence[BadValue], quote: bool) -> list[Finding]:
    """Find that the last row holds a word for a total where no other row does; it is left out where its numbers are the sums or means of
    the others, else only told: `Total` also sells petrol."""
    last = len(table) - 1
    if last < 2:
        return []
    word = next((b.value for b in bad if b.row == table.rows[last] and _is_total(b.value)), None)
    for column in table.schema:
        if word is None and column.modality in ("category", "text", "id"):
            cells = table.column(column.name)
            cell = cells[last].as_py()
            if cell is not None and _is_total(cell) and pc.sum(pc.equal(cells, cell)).as_py() == 1:
                word = cell
    if word is None:
        return []
    sure = _sums_up([np.asarray(table.column(c.name), float) for c in table.schema if c.modality == "number"], word)
    advice = Words("Take it out if it sums up the others.", "若它是其他行的汇总，请删除。")
    shown = word if quote else "..."
    return [
        Finding(
            "total-row", "warning", None,
            Words(f"The last row (row {table.rows[last]}) is `{shown}`.", f"最后一行（第 {table.rows[last]} 行）是 `{shown}`。"),
            Words("It is left out.", "已排除该行。") if sure else advice,
            rows=(int(table.rows[last]),), drop_rows=(last,) if sure else (),
        )
    ]  # fmt: skip


def _caption(cell: str) -> str:
    return cell.strip(" :：").casefold()


def _is_total(cell: str) -> bool:
    return _caption(cell) in _WORDS


def _sums_up(columns: Sequence[np.ndarray], word: str) -> bool:
    """Whether the last numbers of at least half of the columns that have one are sums or means of those before them, one of them a sum unless the
    word is one for a mean. Columns of one number only tell nothing."""
    found = [kind for numbers in columns if (kind := _kind(numbers)) is not None]
    wanted = "mean" if _caption(word) in _MEANS else "sum"
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
