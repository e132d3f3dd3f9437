"""What new rows ask of a forecast: each series as far as it is known now, and what is known ahead of it.

Legend: N series, T values of a history, H steps ahead, Q quantile levels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.answers.forecast import level_name
from modelwright.core.errors import DataError
from modelwright.core.reading import Reading
from modelwright.core.recipe import Model
from modelwright.core.schema import Schema, Table
from modelwright.core.task import Asked
from modelwright.core.words import Words
from modelwright.data.coerce import coerce
from modelwright.data.continuation import joined
from modelwright.data.hierarchy import MOST, is_total, reconciled, with_totals
from modelwright.data.panel import Series, Told, series_of, told_of
from modelwright.data.sources import read_table, source_name
from modelwright.data.time_parts import again
from modelwright.data.wide import to_long
from modelwright.data.windows import TEST, to_table
from modelwright.recipes.shared.forecast import ForecastModel

_SHOWN = 5


def asked(
    schema: Schema, models: Sequence[Model], source: Any, reading: Reading, protect: Callable[[Table], Table]
) -> Asked | None:
    """Return the series that a source asks of: its own, continued from what the model keeps; without a source all that it keeps.

    Raises DataError for rows that cannot be read as series, or where there is nothing to go on from.
    """
    target = schema.target
    if target is None or "told" not in target.options:
        return None
    told, about = told_of(target.options["told"]), target.options
    kept: Mapping[str, Series] = next(
        (m.recent.series for m in models if isinstance(m, ForecastModel) and m.recent), {}
    )
    words: list[Words] = []
    if source is None:
        series = list(kept.values())
    else:
        series = _continued(_series_in(source, told, about, reading, protect, words), kept, told, words)
    series = [s for s in series if len(s.values)]
    adds = False
    if about.get("totals") and series:
        series, adds = _added_up(series, kept, words)
    if not series:
        raise DataError(
            "There is nothing to go on from: the bundle keeps no values. Give the history of the series.",
            "没有可延续的历史：模型包未保留数值。请提供序列的历史。",
        )
    horizon, gap = int(about["horizon"]), int(about.get("gap") or 0)
    _say_unknown(series, told, horizon, words)
    cuts = [(i, len(s.values), len(s.values), TEST) for i, s in enumerate(series)]
    table = to_table(
        series, cuts, told, horizon - gap, about, source_name(source, "rows") if source is not None else "series"
    )
    plain = table.with_schema(Schema(tuple(c for c in table.schema if c.name in schema.names)))
    levels = [float(q) for q in about["levels"]]
    middle = int(np.argmin(np.abs(np.array(levels) - 0.5)))

    codec = next(m.target for m in models if isinstance(m, ForecastModel))

    def answers(scores: np.ndarray) -> pa.Table:
        made = reconciled(scores, [s.parts for s in series], middle) if adds else scores
        return written(series, told, made, levels, codec.quantity(made))

    return Asked(plain, answers, tuple(words))


def _added_up(series: list[Series], kept: Mapping[str, Series], words: list[Words]) -> tuple[list[Series], bool]:
    """Return the series at the bottom, those that were not asked of among them, with their sums; and whether they can be made to
    add up: all must end at the same time."""
    bottom = {s.name: s for s in kept.values() if not is_total(s)} | {s.name: s for s in series if not is_total(s)}
    found = list(bottom.values())
    ends = {s.first + len(s.values) for s in found}
    if len(ends) == 1 and len(found) <= MOST:
        return with_totals(found), True
    words.append(
        Words(
            "Sums are not forecast: the series end at different times, or are too many. Give new values of all of them.",
            "未预测合计：各序列结束时间不同，或数量过多。请提供所有序列的新值。",
        )
    )
    return [s for s in series if not is_total(s)], False


def _series_in(
    source: Any, told: Told, about: Mapping[str, Any], reading: Reading, protect: Callable[[Table], Table],
    words: list[Words],
) -> list[Series]:  # fmt: skip
    raw = again(read_table(source, reading)[0], told.time)
    if told.target not in raw.column_names and (long := to_long(raw, reading, told.time)) is not None:
        raw = long[0]
    if told.target not in raw.column_names and not set(told.known) & set(raw.column_names):
        wanted = [told.target, *([told.time] if told.time else []), *told.keys]
        raise DataError(
            f"Expected rows with the columns {', '.join(wanted)}, as in the training table.",
            f"应与训练数据一样包含列：{'、'.join(wanted)}。",
        )
    missing = [n for n in (told.time, *told.keys) if n is not None and n not in raw.column_names]
    if missing:
        raise DataError(
            f"The rows lack {', '.join(missing)}, which the training table has.",
            f"缺少训练数据中的列：{'、'.join(missing)}。",
        )
    name = source_name(source, "rows")
    table, bad = coerce(raw, Schema.from_json(about["long"]), source=name, need_target=False)
    for value in bad[:_SHOWN]:
        words.append(
            Words(
                f"row {value.row}, column `{value.column}`: {value.words.en}; taken as missing.",
                f"第 {value.row} 行，列 `{value.column}`：{value.words.zh}；按缺失处理。",
            )
        )
    table = protect(table)
    series, _, findings = series_of(table, told, empty=True)
    words += [f.words for f in findings if f.severity != "info"]
    return series


def _continued(new: list[Series], kept: Mapping[str, Series], told: Told, words: list[Words]) -> list[Series]:
    """Return each new series behind what is kept of it; one that begins after a break stands by itself where it can."""
    assert told.frequency is not None
    out, breaks, strange, fresh = [], [], [], []
    for s in new:
        old = kept.get(s.name)
        if old is None:
            if not len(s.values):
                strange.append(s.name)
                continue
            out.append(s)
            fresh.append(s.name)
            continue
        if len(s.values) and s.first <= old.first:  # the whole history was sent, or another one
            out.append(s)
            continue
        whole = joined(old, s, follows=False)
        if not len(s.values):
            whole.values, whole.rows = whole.values[: len(old.values)], whole.rows[: len(old.values)]
        gap = ~np.isfinite(whole.values)
        if gap.any():
            if s.first - (old.first + len(old.values)) > len(s.values):  # more is missing than there is
                breaks.append(s.name)
                out.append(s)
                continue
            places = np.arange(len(gap))
            whole.values = np.interp(places, places[~gap], whole.values[~gap])
            breaks.append(s.name)
        out.append(whole)
    if strange:
        raise DataError(
            f"Nothing is known of the series {_some(strange)}: give values of its past, or one of those that were trained on.",
            f"没有序列 {_some(strange)} 的任何信息：请提供其历史值，或使用训练过的序列。",
        )
    if fresh and kept:
        words.append(
            Words(
                f"{_some(fresh)}: not among the series that were trained on; forecast from the values given here alone.",
                f"{_some(fresh)} 不在训练过的序列之中：仅根据此处给出的值预测。",
            )
        )
    if breaks:
        words.append(
            Words(
                f"Between the values that are kept and the new ones some are missing, for {_some(breaks)}; they are filled by straight "
                f"lines, or the new ones alone count where the break is long.",
                f"{_some(breaks)} 保留的值与新值之间有缺失；已线性填补，间断较长时只使用新值。",
            )
        )
    return out


def _say_unknown(series: list[Series], told: Told, horizon: int, words: list[Words]) -> None:
    """Say which columns that should be known ahead are not; their last value is taken."""
    for name in told.known:
        short = []
        for s in series:
            end = len(s.values)
            values = s.numbers.get(name, np.empty(0))
            ahead = np.full(end + horizon, np.nan)
            ahead[: min(len(values), end + horizon)] = values[: end + horizon]
            gaps = ~np.isfinite(ahead)
            if gaps[end:].any():
                short.append(s.name)
            last = np.maximum.accumulate(np.where(gaps, -1, np.arange(len(ahead))))
            s.numbers[name] = np.where(last >= 0, ahead[np.maximum(last, 0)], np.nan)
        if short:
            words.append(
                Words(
                    f"`{name}` is not known for all {horizon} steps ahead of {_some(short)}: its last value is taken. Give rows with "
                    f"`{name}` and without a `{told.target}` for these times.",
                    f"{_some(short)} 未来 {horizon} 步的 `{name}` 不完整：沿用其最后的值。请为这些时间提供含 `{name}`、不含 `{told.target}` 的行。",
                )
            )


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(f"`{n}`" for n in names[:_SHOWN])
    return f"{shown} ..." if len(names) > _SHOWN else shown


def written(
    series: Sequence[Series], told: Told, scores: np.ndarray, levels: Sequence[float], quantity: np.ndarray | None
) -> pa.Table:
    """Return answers [N, H, Q] as a long table: the columns that tell series apart, time, prediction, one column a quantile, and the
    quantity to order [N, H] where there is one."""
    assert told.frequency is not None
    count, horizon, _ = scores.shape
    names = told.keys or (("series",) if count > 1 or series[0].parts != ("series",) else ())
    columns: dict[str, Any] = {}
    for i, key in enumerate(names):
        parts = [s.parts[i] if i < len(s.parts) else s.name for s in series]
        columns[key] = pa.array(np.repeat(np.array(parts, object), horizon), pa.string())
    ends = np.array([s.first + len(s.values) for s in series], np.int64)
    places = (ends[:, None] + np.arange(horizon)).ravel()
    times = told.frequency.times(places)
    stamped = told.frequency.unit != "step"
    when = pa.array(times, pa.int64()).cast(pa.timestamp("us")) if stamped else pa.array(times.astype(np.int64))
    columns[told.time or "step"] = when
    middle = int(np.argmin(np.abs(np.array(levels) - 0.5)))
    flat = scores.reshape(count * horizon, -1)
    columns["prediction"] = pa.array(flat[:, middle], pa.float64())
    for i, level in enumerate(levels):
        columns[level_name(level)] = pa.array(flat[:, i], pa.float64())
    if quantity is not None:
        columns["quantity"] = pa.array(quantity.ravel(), pa.float64())
    return pa.table(columns)
