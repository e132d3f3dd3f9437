"""Metrics of forecasts. Each is a mean over rows (a series up to some moment), so that small series count as much as large ones,
but for WQL, bias, MAE and MSE, which count values.

Sources: MASE, Hyndman & Koehler 2006; sMAPE and the scaled errors as in Makridakis et al. 2020 (M4) and 2022 (M5: RMSSE); quantile
losses as in Koenker & Bassett 1978, their mean over levels an approximation of CRPS (Gneiting & Raftery 2007).
Legend: N rows, H steps, Q levels, S statistics.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from modelwright.core.judged import Judged, Metric
from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.data.windows import HISTORY, values_of

SCALES = "scales"
_TINY = 1e-12


def scales_of(table: Table) -> np.ndarray:
    """Return how large the errors of a seasonal naive forecast were within each row's history [N, 2]: mean absolute, root of mean
    squared; NaN where the history never changed, or is no longer than a season."""
    target = table.schema.target
    season = int(target.options["season"]) if target is not None else 1
    out = np.full((len(table), 2), np.nan)
    for i, values in enumerate(values_of(table.column(HISTORY))):
        step = season if len(values) > season else 1
        if len(values) > step:
            off = np.abs(values[step:] - values[:-step])
            out[i] = off.mean(), math.sqrt(float((off**2).mean()))
    out[out <= _TINY] = np.nan
    return out


def _scale(judged: Judged, column: int) -> np.ndarray:
    found = judged.known.get(SCALES)
    return np.full(len(judged.rows), np.nan) if found is None else found[:, column]


def _off(judged: Judged) -> np.ndarray:
    return np.asarray(judged.truth - judged.chosen, np.float64)


def _mean_of(rows: np.ndarray) -> np.ndarray:
    """Return rows' values as parts of a mean over rows [N, 2]; those that are not defined count for nothing."""
    known = np.isfinite(rows)
    return np.stack([np.where(known, rows, 0.0), known.astype(float)], axis=1)


def _sums_of(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Return sums over each row's known values as parts of a ratio [N, 2]."""
    known = np.isfinite(above) & np.isfinite(below)
    return np.stack([np.where(known, above, 0).sum(axis=1), np.where(known, below, 0).sum(axis=1)], axis=1)


def ratio(sums: np.ndarray) -> float:
    """Return the first of two sums [2] divided by the second; NaN where that is not above 0."""
    return float(sums[0] / sums[1]) if sums[1] > 0 else math.nan


def absolute(sums: np.ndarray) -> float:
    """Return the ratio of sums [2] without its sign, NaN where the second is zero."""
    return abs(ratio(sums))


def mase(judged: Judged) -> np.ndarray:
    """Return parts of the mean absolute scaled error [N, 2]."""
    return _mean_of(np.nanmean(np.abs(_off(judged)), axis=1) / _scale(judged, 0))


def rmsse(judged: Judged) -> np.ndarray:
    """Return parts of the root mean squared scaled error [N, 2]."""
    return _mean_of(np.sqrt(np.nanmean(_off(judged) ** 2, axis=1)) / _scale(judged, 1))


def smape(judged: Judged) -> np.ndarray:
    """Return parts [N, 2] of the symmetric error in percent as M4 has it, 200 |y - f| / (|y| + |f|); 0 where both are 0."""
    size = np.abs(judged.truth) + np.abs(judged.chosen)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.where(size > 0, 200 * np.abs(_off(judged)) / size, np.where(np.isfinite(size), 0.0, np.nan))
    return _mean_of(np.nanmean(found, axis=1))


def _quantile_losses(judged: Judged) -> np.ndarray:
    levels = np.array(judged.target.levels)  # type: ignore[attr-defined]
    off = judged.truth[:, :, None] - judged.scores
    return np.asarray(2 * np.maximum(levels * off, (levels - 1) * off).mean(axis=2))


def wql(judged: Judged) -> np.ndarray:
    """Return parts of the weighted quantile loss [N, 2]."""
    return _sums_of(_quantile_losses(judged), np.abs(judged.truth))


def crps(judged: Judged) -> np.ndarray:
    """Return parts of the scaled CRPS [N, 2]: the mean quantile loss over the error that MASE is scaled by."""
    return _mean_of(np.nanmean(_quantile_losses(judged), axis=1) / _scale(judged, 0))


def within_outermost(judged: Judged) -> tuple[np.ndarray, np.ndarray]:
    """Return which values lie between the outermost quantiles, bool [N, H], and which are known at all, bool [N, H]."""
    inside = (judged.truth >= judged.scores[:, :, 0]) & (judged.truth <= judged.scores[:, :, -1])
    return inside, np.isfinite(judged.truth)


def coverage(judged: Judged) -> np.ndarray:
    """Return parts of the share of values between the outermost quantiles [N, 2]."""
    inside, known = within_outermost(judged)
    return np.stack([(inside & known).sum(axis=1), known.sum(axis=1)], axis=1).astype(float)


def bias(judged: Judged) -> np.ndarray:
    """Return parts of the mean of forecast minus truth, as a share of the mean truth [N, 2]."""
    return _sums_of(-_off(judged), np.abs(judged.truth))


def mae(judged: Judged) -> np.ndarray:
    """Return parts of the mean absolute error [N, 2]."""
    return _sums_of(np.abs(_off(judged)), np.ones_like(judged.truth))


def mse(judged: Judged) -> np.ndarray:
    """Return parts of the mean squared error [N, 2]."""
    return _sums_of(_off(judged) ** 2, np.ones_like(judged.truth))


def metrics() -> tuple[Metric, ...]:
    """Return the metrics of forecasts; MASE ranks."""
    inf = math.inf
    told: tuple[tuple[str, Words, Callable[[Judged], np.ndarray], Any, dict[str, Any]], ...] = (
        ("mase", Words("MASE", "平均绝对标度误差 MASE"), mase, ratio, {"high": inf}),
        ("smape", Words("sMAPE (%)", "对称平均绝对百分比误差 sMAPE（%）"), smape, ratio, {"high": 200.0}),
        ("rmsse", Words("RMSSE", "均方根标度误差 RMSSE"), rmsse, ratio, {"high": inf}),
        ("wql", Words("weighted quantile loss", "加权分位数损失 WQL"), wql, ratio, {"high": inf}),
        ("crps", Words("scaled CRPS", "标度化 CRPS"), crps, ratio, {"high": inf}),
        ("mae", Words("mean absolute error", "平均绝对误差"), mae, ratio, {"high": inf}),
        ("mse", Words("mean squared error", "均方误差"), mse, ratio, {"high": inf}),
        ("bias", Words("bias (share of the mean)", "偏差（占均值的比例）"), bias, absolute, {"high": inf}),
        ("coverage", Words("coverage of the interval", "区间覆盖率"), coverage, ratio, {"higher": True, "ideal": 0.9}),
    )
    return tuple(
        Metric(name, title, more.pop("higher", False), function, parts=parts, known_of={SCALES: scales_of}, **more)
        for name, title, parts, function, more in told
    )
