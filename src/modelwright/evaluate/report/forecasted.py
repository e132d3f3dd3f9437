"""Tables of the report on forecasts: errors by step ahead and by series, and how often the interval held.

Legend: N rows, H steps.
"""

from __future__ import annotations

import numpy as np

from modelwright.core.answers.forecast import ForecastCodec
from modelwright.core.figures import rounded
from modelwright.core.judged import Judged
from modelwright.core.schema import Table
from modelwright.core.task import Section
from modelwright.core.words import Words
from modelwright.data.windows import SERIES
from modelwright.evaluate.metrics.forecasting import SCALES, within_outermost

_WORST = 10
_STEPS = 8


def sections(judged: Judged, test: Table) -> list[Section]:
    """Return what the report shows of forecasts of test rows."""
    target = judged.target
    if not isinstance(target, ForecastCodec) or len(judged.rows) == 0:
        return []
    off = judged.chosen - judged.truth
    size = np.abs(judged.truth)
    inside, known = within_outermost(judged)
    asked = target.levels[-1] - target.levels[0]
    return [_by_step(off, size, inside, known, asked), _by_series(judged, test, off, size, inside, known)]


def _by_step(off: np.ndarray, size: np.ndarray, inside: np.ndarray, known: np.ndarray, asked: float) -> Section:
    horizon = off.shape[1]
    steps = np.unique(np.linspace(0, horizon - 1, min(_STEPS, horizon)).round().astype(int))
    rows = []
    for h in steps:
        k = known[:, h]
        if k.any():
            mean = max(float(size[k, h].mean()), 1e-12)
            rows.append([
                str(h + 1), f"{np.abs(off[k, h]).mean() / mean:.1%}", f"{off[k, h].mean() / mean:+.1%}", f"{inside[k, h].mean():.1%}",
            ])  # fmt: skip
    share = float(inside[known].mean())
    says = Words(
        f"Intervals that should hold {asked:.0%} of what comes held {share:.1%} of {int(known.sum()):,} values. Bias is forecast minus truth.",
        f"应覆盖 {asked:.0%} 的区间实际覆盖了 {int(known.sum()):,} 个值中的 {share:.1%}。偏差为预测减真实值。",
    )
    head = (
        Words("step ahead", "步数"), Words("error (share of the mean)", "误差（占均值）"), Words("bias", "偏差"),
        Words("within the interval", "落在区间内"),
    )  # fmt: skip
    return Section("by-step", Words("By step ahead", "按预测步数"), says, head, rows)


def _by_series(
    judged: Judged, test: Table, off: np.ndarray, size: np.ndarray, inside: np.ndarray, known: np.ndarray
) -> Section:
    place = {int(r): i for i, r in enumerate(test.rows)}
    names = test.column(SERIES).to_pylist()
    of = np.array([names[place[int(r)]] or "" for r in judged.rows], object)
    scale = judged.known[SCALES][:, 0] if SCALES in judged.known else np.full(len(of), np.nan)
    with np.errstate(all="ignore"):
        scaled = np.where(known, np.abs(off), 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1) / scale
    found = []
    for name in dict.fromkeys(of.tolist()):
        at = of == name
        k = known[at]
        mean = max(float(size[at][k].mean()), 1e-12)
        error = float(np.nanmean(scaled[at])) if np.isfinite(scaled[at]).any() else float("nan")
        found.append((error, name, np.abs(off[at][k]).mean() / mean, off[at][k].mean() / mean, inside[at][k].mean()))
    found.sort(key=lambda f: -f[0] if np.isfinite(f[0]) else np.inf)
    rows = [
        [name, "–" if not np.isfinite(error) else rounded(error), f"{part:.1%}", f"{bias:+.1%}", f"{held:.0%}"]
        for error, name, part, bias, held in found[:_WORST]
    ]
    beaten = sum(f[0] < 1 for f in found)
    says = Words(
        f"The {len(rows)} of {len(found):,} series that are missed most. A MASE below 1, which {beaten:,} reach, is better than repeating the "
        f"past was within it.",
        f"{len(found):,} 条序列中误差最大的 {len(rows)} 条。MASE 低于 1 表示优于在历史中重复过去值的做法，共有 {beaten:,} 条达到。",
    )
    head = (
        Words("series", "序列"), Words("MASE", "MASE"), Words("error (share of the mean)", "误差（占均值）"), Words("bias", "偏差"),
        Words("within the interval", "落在区间内"),
    )  # fmt: skip
    return Section("by-series", Words("The worst series", "误差最大的序列"), says, head, rows, private=True)
