"""Pictures of forecasts: the end of a series, what was forecast with its interval, and what came.

Legend: N rows, H steps.
"""

from __future__ import annotations

import numpy as np

from modelwright.core.answers.forecast import ForecastCodec
from modelwright.core.judged import Judged
from modelwright.core.schema import Table
from modelwright.core.task import Plot
from modelwright.core.words import Words
from modelwright.data.windows import HISTORY, SERIES, values_of
from modelwright.evaluate.plots import canvas as c

_PICTURES = 3
_BEFORE = 3  # times the horizon that is shown of the past


def forecasts(judged: Judged, table: Table) -> list[Plot]:
    """Draw the test rows that were missed least, typically and most."""
    target = judged.target
    if not isinstance(target, ForecastCodec) or len(judged.rows) == 0:
        return []
    size = np.nanmean(np.abs(judged.truth), axis=1)
    with np.errstate(all="ignore"):
        off = np.nanmean(np.abs(judged.truth - judged.chosen), axis=1) / np.maximum(size, 1e-12)
    order = np.argsort(off, kind="stable")
    some = list(dict.fromkeys(int(order[round(q * (len(order) - 1))]) for q in (0.0, 0.5, 1.0)))[:_PICTURES]
    place = {int(r): i for i, r in enumerate(table.rows)}
    histories, names = values_of(table.column(HISTORY)), table.column(SERIES).to_pylist()
    out = []
    for number, i in enumerate(some):
        at = place[int(judged.rows[i])]
        what = (Words("least", "最小"), Words("typically", "居中"), Words("most", "最大"))[
            number if len(some) == 3 else 1
        ]
        out.append(_plot_of_series(number, str(names[at]), histories[at], judged, i, float(off[i]), what))
    return out


def _plot_of_series(
    number: int, name: str, history: np.ndarray, judged: Judged, i: int, off: float, what: Words
) -> Plot:
    target = judged.target
    assert isinstance(target, ForecastCodec)
    horizon = target.horizon
    before = history[-_BEFORE * horizon :]
    past, ahead = np.arange(-len(before) + 1, 1), np.arange(1, horizon + 1)
    fig = c.figure(620, 260)
    ax = c.axes(fig, 60, 34, 20, 48)
    scores, truth = judged.scores[i], judged.truth[i]
    ax.fill_between(ahead, scores[:, 0], scores[:, -1], color=c.ACCENT, alpha=0.18, linewidth=0)
    ax.plot(past, before, color=c.MUTED, linewidth=1.2)
    known = np.isfinite(truth)
    join = np.r_[0, ahead[known]], np.r_[before[-1], truth[known]]
    ax.plot(*join, color=c.INK, linewidth=1.4)
    ax.plot(ahead, scores[:, target.middle], color=c.ACCENT, linewidth=2)
    ax.axvline(0.5, color=c.LINE, linewidth=1)
    c.tick_in_thousands(ax)
    c.name_axes(ax, Words("steps from the end of the history", "距历史末端的步数"), None)
    share = target.levels[-1] - target.levels[0]
    shown = c.plain(name).replace(r"\$", "$")
    title = Words(f"Forecast of {shown}", f"{shown} 的预测")
    says = Words(
        f"Of the test rows {what.en} missed: {off:.1%} of its mean. Blue what was forecast, with the interval that should hold {share:.0%}; "
        f"dark what came; grey the history.",
        f"测试数据中误差{what.zh}者：为其均值的 {off:.1%}。蓝色为预测及应覆盖 {share:.0%} 的区间；深色为真实值；灰色为历史。",
    )
    return Plot(f"forecast-{number + 1}", title, says, c.svg(fig, f"forecast-{number + 1}", title))
