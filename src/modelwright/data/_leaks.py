"""Columns that give the answer away: copies of the target, columns that tell it alone, and the order of the file.

Legend: N rows, B bins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.budget import step
from modelwright.core.schema import Column, Table
from modelwright.core.words import Words
from modelwright.data.finding import Finding

_SAMPLE = 20_000
_FIRST = 100  # rows compared before all are
_BINS = 40
_MANY, _SOME_ROWS = (
    20,
    50,
)  # categories above which, and rows of each below which, they may be persons or things that recur
_TELLS = 0.9  # of what guessing leaves to be explained, on rows that the column was not matched on
_SORTED = 0.5  # of the changes of label from row to row that chance would make
_SURE, _SURE_OF_BLOCKS = 6.0, 3.5  # standard deviations below what chance would make, of rows and of blocks of rows
_NAMING = (
    "id",
    "category",
    "boolean",
    "number",
    "timestamp",
    "text",
)  # kinds of columns that can name what rows belong to
_STEPS = 30  # from row to row, up or down, that tell whether numbers are sorted; with fewer they are taken as labels
_ONE_WAY = 0.9  # of these steps, ups less downs: a few rows that were appended do not count


def codes_of(values: pa.Array) -> np.ndarray:
    """Return a number for each different value [N]; -1 where absent."""
    if pa.types.is_nested(values.type):
        values = pa.array([None if v is None else "|".join(v) for v in values.to_pylist()], pa.string())
    return np.asarray(values.dictionary_encode().indices.fill_null(-1)).astype(np.int64)


def leaks(table: Table, target: str) -> list[Finding]:
    """Find single columns that give the answer away on rows they were not matched on, and rows sorted by their answer."""
    out = _copies(table, target)
    n = len(table)
    if n < 40 or table.schema[target].modality == "labels":
        return out
    sampled = np.sort(np.random.default_rng(0).permutation(n)[:_SAMPLE]) if n > _SAMPLE else np.arange(n)
    some = table.take(sampled) if n > _SAMPLE else table
    number = table.schema[target].modality == "number"
    answers = _floats(some.column(target)) if number else codes_of(some.column(target))
    if (number and not np.isfinite(answers).all()) or (not number and (answers < 0).any()):
        return out
    order = _order(table, target, number)
    out += order
    half = np.random.default_rng(1).permutation(len(some)) < len(some) // 2
    for column in table.schema.inputs:
        if any(f.column == column.name for f in out):
            continue
        step()
        told = _share_told(some, column.name, column.modality, answers, half, number)
        if told is not None and told > _TELLS:
            sorted_ = any(f.code == "sorted" for f in order)
            out.append(_leak(column, target, told, number, sorted_, _recurs(some.column(column.name), column.modality)))
    return out


def _share_told(
    table: Table, name: str, modality: str, answers: np.ndarray, half: np.ndarray, number: bool
) -> float | None:
    """Return what share of what guessing leaves open one column tells, on the other half of the rows; None for other kinds."""
    values = table.column(name)
    if modality in ("number", "timestamp"):
        numbers = _floats(values)
        if number:
            return _share_told_by_number(numbers, answers, half)
        codes = _bins(numbers, half, min(_BINS, max(2, int(half.sum()) // 10)))
    elif modality in ("category", "boolean"):
        codes = codes_of(values) + 1
    else:
        return None
    if codes.max() > 0.3 * len(codes):
        return None
    if number:
        return _explained(_means(codes, answers, half), answers, half)
    said = _commonest(codes[half], answers[half], int(codes.max()) + 1)[codes[~half]]
    known = said >= 0
    if known.mean() < 0.9:
        return None
    right = (said == answers[~half])[known].mean()
    common = np.bincount(answers).max() / len(answers)
    # rare labels: a share of a few rows is no evidence
    if (1 - common) * (~half).sum() < 10:
        return None
    return float((right - common) / (1 - common))


def _commonest(codes: np.ndarray, answers: np.ndarray, count: int) -> np.ndarray:
    """Return the commonest answer of each of `count` codes, the lowest of several; -1 for one that has none. Holds no table of all pairs."""
    most = int(answers.max()) + 1
    pairs, times = np.unique(codes * most + answers, return_counts=True)
    order = np.lexsort((pairs % most, -times, pairs // most))
    code, first = np.unique(pairs[order] // most, return_index=True)
    out = np.full(count, -1)
    out[code] = pairs[order][first] % most
    return out


def _share_told_by_number(numbers: np.ndarray, answers: np.ndarray, half: np.ndarray) -> float | None:
    """Return the better of a straight line and a step function: another unit is a line, another scale is none."""
    known = np.isfinite(numbers)
    if known.mean() < 0.9 or np.unique(numbers[known]).size < 3:
        return None
    here, there = half & known, ~half & known
    if np.ptp(numbers[here]) == 0:
        return None
    line = np.polyfit(numbers[here], answers[here], 1)
    straight = _explained(np.polyval(line, numbers), answers, here, there)
    steps = _means(_bins(numbers, here, max(2, int(here.sum()) // 8)), answers, here)
    return max(straight, _explained(steps, answers, here, there))


def _explained(said: np.ndarray, answers: np.ndarray, half: np.ndarray, other: np.ndarray | None = None) -> float:
    """Return the share of the spread of the other half that is explained; by the middle 98 %, since single rows may be far off."""
    other = ~half if other is None else other
    errors = np.abs(answers[other] - said[other])
    spread = np.abs(answers[other] - np.median(answers[half]))
    cut = np.quantile(errors, 0.98)
    kept = errors <= cut
    return float(1 - (errors[kept] ** 2).mean() / max(1e-12, (spread**2).mean()))


def _means(codes: np.ndarray, answers: np.ndarray, half: np.ndarray) -> np.ndarray:
    total = np.bincount(codes[half], answers[half], codes.max() + 1)
    n = np.bincount(codes[half], minlength=codes.max() + 1)
    return np.where(n > 0, total / np.maximum(1, n), answers[half].mean())[codes]


def _bins(numbers: np.ndarray, half: np.ndarray, bins: int) -> np.ndarray:
    """Return bins [N] of about equal size, with one for absent values."""
    known = np.isfinite(numbers)
    here = numbers[half & known]
    cuts = np.unique(np.quantile(here, np.linspace(0, 1, bins + 1)[1:-1])) if len(here) else np.zeros(0)
    return np.where(known, np.searchsorted(cuts, np.where(known, numbers, 0), side="right") + 1, 0)


def _floats(values: pa.Array) -> np.ndarray:
    if pa.types.is_timestamp(values.type):
        values = values.cast(pa.int64())
    return np.asarray(pc.cast(values, pa.float64(), safe=False).fill_null(float("nan")), np.float64)


def _recurs(values: pa.Array, modality: str) -> bool:
    """Return whether a column may say whose rows these are: many categories, each of some rows."""
    if modality != "category":
        return False
    kinds = len(values.drop_null().unique())
    return kinds > _MANY and len(values) < _SOME_ROWS * kinds


def _leak(column: Column, target: str, told: float, number: bool, ordered: bool, recurs: bool) -> Finding:
    name = column.name
    share = f"{100 * told:.1f}"
    what = Words(
        f"`{name}` alone tells {share} % of what guessing leaves open about `{target}`, on rows it was not matched on.",
        f"仅凭 `{name}` 就能说明 `{target}` 在猜测之外 {share}% 的差异（在未参与匹配的行上）。",
    )
    if ordered:
        what = Words(
            f"{what.en} The file is sorted by `{target}`, and `{name}` runs along with it.",
            f"{what.zh}文件按 `{target}` 排序，而 `{name}` 与其次序一致。",
        )
    advice = Words(f"If it is filled in after the answer is known, leave it out: --ignore {name}", f"若该列在答案已知后才填写，请忽略它：--ignore {name}")  # fmt: skip
    if recurs:
        advice = Words(
            f"If it says whose rows these are, keep them on one side: --group {name}. {advice.en}",
            f"若该列标明数据属于谁，请让同一对象的行留在同一侧：--group {name}。{advice.zh}",
        )
    return Finding("leak", "warning", name, what, advice)


@dataclass(frozen=True)
class _Lie:
    """How rows lie in their file by their answer: sorted by it, or in so many blocks of one answer each."""

    sorted: bool
    blocks: int = 0


def _order(table: Table, target: str, number: bool) -> list[Finding]:
    """Find rows that are sorted by their answer or stand in blocks of it, and columns that count the rows up beside it."""
    place = np.argsort(table.rows, kind="stable")
    lie = _lie(table, target, number, place)
    if lie is None:
        return []
    counting = [
        c.name
        for c in table.schema.inputs
        if c.modality in ("number", "timestamp") and _counts_along(_floats(table.column(c.name))[place])
    ]
    if lie.sorted:
        words = Words(
            f"The rows are sorted by `{target}`: what counts along with them (running numbers, times of writing) gives the answer away.",
            f"数据按 `{target}` 排序：随之递增的列（流水号、写入时间）会泄露答案。",
        )
        beside = Words(f"which are sorted by `{target}`", f"而数据按 `{target}` 排序")
    else:
        words = Words(
            f"Rows with the same `{target}` stand together in the file, in {lie.blocks} blocks: what counts along with the rows "
            "(running numbers, times of writing) can give the answer away.",
            f"`{target}` 相同的行在文件中成段排列（共 {lie.blocks} 段）：随行递增的列（流水号、写入时间）可能泄露答案。",
        )
        beside = Words(f"which stand in blocks of the same `{target}`", f"而 `{target}` 相同的行成段排列")
    in_time = bool(table.schema.of_role("time"))
    advice = Words(
        "The split follows the times." if in_time else "The split does not follow the file's order.",
        "划分按时间进行。" if in_time else "划分不依文件次序进行。",
    )
    code = "sorted" if lie.sorted else "blocks"
    out = [Finding(code, "warning" if counting else "info", target, words, advice)]
    for name in counting:
        said = Words(f"`{name}` counts up with the rows, {beside.en}.", f"`{name}` 随行递增，{beside.zh}。")
        leave = Words(
            f"Unless it is known before the answer is, leave it out: --ignore {name}",
            f"除非它在答案之前就已知道，否则请忽略它：--ignore {name}",
        )
        out.append(Finding("counts-along", "warning", name, said, leave))
    return out


def _lie(table: Table, target: str, number: bool, place: np.ndarray) -> _Lie | None:
    """Return how rows lie by their answer, in the order `place` [N] of the file; None where chance would do it too."""
    values = table.column(target)
    if number:
        answers = _floats(values)[place]
        steps = np.sign(np.diff(answers))
        steps = steps[steps != 0]
        # numbers that only rise on the whole (a trend, a mean by block) go up and down from row to row
        if len(steps) >= _STEPS:
            return _Lie(True) if abs(steps.mean()) > _ONE_WAY else None
        ranks = answers
        codes = np.unique(answers, return_inverse=True)[1]
    else:
        codes = codes_of(values)[place]
        at = np.bincount(codes, np.arange(len(codes))) / np.maximum(1, np.bincount(codes))
        ranks = at[codes]
    if not _together(codes, _SURE):
        return None
    # rows that come by patient or by day, each with one answer: there the blocks are what chance deals out
    for column in table.schema:
        if column.name == target or column.modality not in _NAMING:
            continue
        own = codes_of(table.column(column.name))[place]
        starts = np.flatnonzero(np.diff(own, prepend=-2))
        if len(starts) > len(own) / 2 or len(starts) != len(np.unique(own)):
            continue
        alone = np.minimum.reduceat(codes, starts) == np.maximum.reduceat(codes, starts)
        if alone.all() and not _together(codes[starts], _SURE_OF_BLOCKS):
            return None
    most = abs(_rank_correlation(np.arange(len(ranks)), np.sort(ranks)))
    sortedness = abs(_rank_correlation(np.arange(len(ranks)), ranks)) / max(1e-9, most)
    return _Lie(sortedness > 0.9, 1 + int((codes[1:] != codes[:-1]).sum()))


def _together(codes: np.ndarray, sure: float) -> bool:
    """Whether labels [N] change from one to the next far less often than chance would have it, by `sure` standard deviations."""
    n = len(codes)
    if n < 2:
        return False
    share = np.bincount(codes) / n
    chance = 1 - float((share**2).sum())
    changes = float((codes[1:] != codes[:-1]).mean())
    sigma = max(1e-9, np.sqrt(chance * (1 - chance) / n))
    return chance > 0 and changes < _SORTED * chance and (chance - changes) / sigma > sure


def _counts_along(values: np.ndarray) -> bool:
    known = np.isfinite(values)
    if known.mean() < 0.9 or np.unique(values[known]).size < 0.5 * known.sum():
        return False
    return abs(_rank_correlation(np.flatnonzero(known), values[known])) > 0.98


def _rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    from scipy.stats import rankdata

    if len(a) < 3 or np.ptp(b) == 0:
        return 0.0
    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])


def _comparable(values: pa.Array) -> list[object]:
    """Return values as they compare across modalities."""
    words = {"yes": True, "no": False, "true": True, "false": False, "是": True, "否": False}
    return [words.get(v.lower(), v) if isinstance(v, str) else v for v in values.to_pylist()]


def _copies(table: Table, target: str) -> list[Finding]:
    answers = table.column(target)
    out = []
    for column in table.schema.inputs:
        values = table.column(column.name)
        if pa.types.is_nested(values.type) or pa.types.is_nested(answers.type):
            continue
        # a copy may have been read as another modality: yes and no as truth values, say
        if _comparable(values.slice(0, _FIRST)) == _comparable(answers.slice(0, _FIRST)) and _comparable(
            values
        ) == _comparable(answers):
            out.append(
                Finding(
                    "copy", "error", column.name,
                    Words(f"`{column.name}` is a copy of the target.", f"`{column.name}` 是目标列的副本。"),
                    Words("It is left out.", "已忽略该列。"), drop_column=True,
                )
            )  # fmt: skip
    return out
