"""Rows that sum up those before them in the middle of a table, as reports by district or month have them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.schema import Table
from modelwright.core.words import Words, some_of
from modelwright.data._total_words import MEANS, caption, pattern, word_in
from modelwright.data.coerce import BadValue
from modelwright.data.finding import Finding

_NEAR = 0.005  # of a sum, which may have been rounded
_BACK = 8  # rows with a word for a total, back to which those before one are tried as what it sums up
_SHARE = 0.5  # of the rows with such a word, of which at least so many must be sums: `Total` also sells petrol
_SHOWN = 5  # row numbers that are told


def subtotal_rows(table: Table, bad: Sequence[BadValue], quote: bool, of: Words) -> Finding | None:
    """Find rows with a word for a total whose numbers are sums or means of the rows since an earlier such row, or since the first one.

    `of` says of which rows, where these are not those to train on. Nothing is found where less than half of such rows are sums.
    """
    marked = _marked(table, bad)
    if not marked or 2 * len(marked) > len(table):
        return None
    columns = [np.asarray(table.column(c.name), float) for c in table.schema if c.modality == "number"]
    at = np.array(sorted(marked))
    plain = np.ones(len(table), bool)
    plain[at] = False
    proofs = [_proof(columns, plain, at, i, marked[int(row)]) for i, row in enumerate(at)]
    by_word: dict[str, list[int]] = {}  # each word for itself: `social media` is no row of means
    for i, row in enumerate(at):
        by_word.setdefault(word_in(marked[int(row)]), []).append(i)
    kept = [ones for ones in by_word.values() if sum(proofs[i] > 0 for i in ones) >= _SHARE * len(ones)]
    sure = sorted(int(at[i]) for ones in kept for i in ones if proofs[i])
    if sum(proofs[i] for ones in kept for i in ones) < 2:
        return None
    rows = tuple(int(table.rows[i]) for i in sure)
    shown = ", ".join(map(str, rows[:_SHOWN])) + (" ..." if len(rows) > _SHOWN else "")
    words = list(dict.fromkeys(marked[i].strip() for i in sure))
    such = some_of(words[:3], 40) if quote else Words("...", "……")
    many = len(rows) != 1
    return Finding(
        "total-row", "warning", None,
        Words(
            f"{len(rows):,} row{'s' * many}{of.en} ({'rows' if many else 'row'} {shown}), such as {such.en}, {'sum' if many else 'sums'} up other rows and {'are' if many else 'is'} left out.",
            f"{of.zh}有 {len(rows):,} 行（第 {shown.replace(', ', '、').replace(' ...', '……')} 行，如 {such.zh}）是其他行的汇总，已排除。",
        ),
        Words("A model would learn from them as from any row.", "否则模型会把它们当作普通的行来学习。"),
        rows=rows, drop_rows=tuple(sure),
    )  # fmt: skip


def _marked(table: Table, bad: Sequence[BadValue]) -> dict[int, str]:
    """Return the positions of rows with a word for a total, and the cell that holds it."""
    out: dict[int, str] = {}
    for column in table.schema:
        cells = table.column(column.name)
        if column.modality not in ("category", "text", "id") or not pa.types.is_string(cells.type):
            continue
        hits = pc.fill_null(pc.match_substring_regex(cells, pattern(), ignore_case=True), False)
        for i in np.flatnonzero(np.asarray(hits)):
            out.setdefault(int(i), cells[int(i)].as_py())
    position = {int(row): i for i, row in enumerate(table.rows)} if bad else {}
    for one in bad:
        if (
            one.row in position
            and pc.match_substring_regex(pa.array([one.value]), pattern(), ignore_case=True)[0].as_py()
        ):
            out.setdefault(position[one.row], one.value)
    return out


def _proof(columns: Sequence[np.ndarray], plain: np.ndarray, at: np.ndarray, i: int, word: str) -> int:
    """Return how many numbers of a row are sums or means of the rows before it back to one of the earlier marked rows; 0 where too few are."""
    wanted = "mean" if caption(word) in MEANS else "sum"
    for start in _starts(at, i):
        rows = start + np.flatnonzero(plain[start : at[i]])
        if len(rows) < 2:
            continue
        kinds = [k for c in columns if (k := _kind(c[rows], c[at[i]])) is not None]
        found = sum(map(bool, kinds))
        if wanted in kinds and 2 * found >= len(kinds):
            return found + (len(rows) > 2)
    return 0


def _starts(at: np.ndarray, i: int) -> Iterator[int]:
    """Yield the positions after earlier marked rows, the nearest first, and the first of all."""
    yield from (int(j) + 1 for j in at[max(i - _BACK, 0) : i][::-1])
    yield 0


def _kind(before: np.ndarray, last: float) -> str | None:
    """Return `sum` or `mean` where a number is that of others, empty where it is neither; None where that cannot be told."""
    before = before[np.isfinite(before)]
    if len(before) < 2 or not np.isfinite(last) or ((before == before[0]).all() and last == before[0]):
        return None
    near = _NEAR * abs(last)
    if last and abs(last - before.sum()) <= near:
        return "sum"
    return "mean" if last and abs(last - before.mean()) <= near else ""
