"""Pictures for the report, each with the sentence that says what it shows. What a task draws, and what a run draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Protocol

import numpy as np

from modelwright.core.judged import Judged, Metric
from modelwright.core.task import Plot
from modelwright.core.words import Words, chinese
from modelwright.evaluate.metrics.chosen import f1_by_label
from modelwright.evaluate.plots import _class_plots as labels
from modelwright.evaluate.plots import canvas as c

# what training records per epoch beside the metrics of its task -> its name, and whether higher is better
_CURVES = {
    "loss": (Words("training loss", "训练损失"), False),
    "train_loss": (Words("training loss", "训练损失"), False),
    "valid_loss": (Words("validation loss", "验证损失"), False),
    "score": (Words("validation score", "验证得分"), True),
}


class Drop(Protocol):
    """What `importance_bars` reads of an importance."""

    @property
    def column(self) -> str: ...
    @property
    def drop(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...


def classification(judged: Judged) -> list[Plot]:
    """Return the pictures of answers that are one label each. Raises MissingExtra without matplotlib."""
    if not len(judged.rows):
        return []
    columns = labels.binary_columns(judged)
    values, rows = f1_by_label(judged)
    out = [labels.confusion_matrix(judged), labels.f1_bars(list(judged.target.labels), values, rows)]
    if columns:
        out += [labels.roc(columns), labels.precision_recall(columns)]
    return [*out, labels.reliability(judged)]


def multi_label(judged: Judged) -> list[Plot]:
    """Return the pictures of answers that are sets of labels. Raises MissingExtra without matplotlib."""
    if not len(judged.rows):
        return []
    columns = labels.binary_columns(judged)
    values, rows = f1_by_label(judged)
    out = [labels.f1_bars(list(judged.target.labels), values, rows)] if rows.any() else []
    if columns:
        out += [labels.roc(columns), labels.precision_recall(columns)]
    return [*out, labels.reliability(judged)]


def regression(judged: Judged) -> list[Plot]:
    """Return the pictures of answers that are numbers. Raises MissingExtra without matplotlib."""
    if not len(judged.rows):
        return []
    return [_predicted(judged), _residuals(judged), _by_size(judged)]


def _predicted(judged: Judged) -> Plot:
    title = Words("Predicted and true", "预测值与真实值")
    truth, said = judged.truth, judged.scores[:, 0]
    some = np.random.default_rng(0).permutation(len(truth))[:800]  # more points only darken the cloud
    fig = c.figure(480, 440)
    ax = c.axes(fig, 70, 34, 20, 48)
    ends = [float(np.quantile(np.r_[truth, said], q)) for q in (0.002, 0.998)]
    room = (ends[1] - ends[0]) * 0.04 or 1.0
    ax.plot(
        [ends[0] - room, ends[1] + room], [ends[0] - room, ends[1] + room], color=c.MUTED, linewidth=1, dashes=(3, 3)
    )
    ax.plot(truth[some], said[some], "o", color=c.ACCENT, alpha=0.28, markersize=3.4, markeredgewidth=0)
    ax.set_xlim(ends[0] - room, ends[1] + room)
    ax.set_ylim(ends[0] - room, ends[1] + room)
    c.tick_in_thousands(ax)
    c.name_axes(ax, Words("true", "真实值"), Words("predicted", "预测值"))
    lean = float(np.mean(said - truth))
    says = Words(
        f"Each point is a row; on the dashed line the prediction is exact. On average predictions are {_number(abs(lean))} too {'high' if lean > 0 else 'low'}.",
        f"每个点是一行；落在虚线上即完全准确。平均偏{'高' if lean > 0 else '低'} {_number(abs(lean))}。",
    )
    return Plot("predicted", title, says, c.svg(fig, "predicted", title))


def _residuals(judged: Judged) -> Plot:
    title = Words("Errors", "误差分布")
    errors = judged.scores[:, 0] - judged.truth
    low, high = np.quantile(errors, [0.005, 0.995])
    if low == high:
        low, high = low - 0.5, high + 0.5
    counts, edges = np.histogram(np.clip(errors, low, high), 40, (low, high))
    fig = c.figure(480, 300)
    ax = c.axes(fig, 52, 34, 20, 48)
    ax.grid(False, axis="x")
    ax.bar((edges[:-1] + edges[1:]) / 2, counts, np.diff(edges) * 0.86, color=c.ACCENT, alpha=0.85)
    ax.axvline(0, color=c.MUTED, linewidth=1, dashes=(3, 3))
    c.tick_in_thousands(ax)
    c.name_axes(ax, Words("predicted minus true", "预测值减真实值"), Words("rows", "行数"))
    half = float(np.quantile(np.abs(errors), 0.5))
    most = float(np.quantile(np.abs(errors), 0.9))
    says = Words(
        f"Half of the predictions are off by less than {_number(half)}, nine out of ten by less than {_number(most)}.",
        f"一半的预测误差小于 {_number(half)}，九成小于 {_number(most)}。",
    )
    return Plot("errors", title, says, c.svg(fig, "errors", title))


def _by_size(judged: Judged) -> Plot:
    title = Words("Errors by size of the prediction", "误差随预测值的变化")
    said, errors = judged.scores[:, 0], judged.scores[:, 0] - judged.truth
    some = np.random.default_rng(0).permutation(len(said))[:800]
    fig = c.figure(480, 300)
    ax = c.axes(fig, 70, 34, 20, 48)
    left, right = np.quantile(said, [0.002, 0.998])
    most = float(np.quantile(np.abs(errors), 0.995)) or 1.0
    ax.axhline(0, color=c.MUTED, linewidth=1, dashes=(3, 3))
    ax.plot(said[some], errors[some], "o", color=c.ACCENT, alpha=0.28, markersize=3.4, markeredgewidth=0)
    # the middle half of the errors in ten parts of equal size
    parts = [p for p in np.array_split(np.argsort(said, kind="stable"), min(10, max(1, len(said) // 8))) if len(p)]
    middles = [float(np.median(said[p])) for p in parts]
    halves = np.array([np.quantile(errors[p], [0.25, 0.75]) for p in parts])
    ax.plot(middles, halves[:, 0], color=c.INK, linewidth=1.2)
    ax.plot(middles, halves[:, 1], color=c.INK, linewidth=1.2)
    room = float(right - left) * 0.04 or 1.0
    ax.set_xlim(left - room, right + room)
    ax.set_ylim(-most * 1.05, most * 1.05)
    c.tick_in_thousands(ax)
    c.name_axes(ax, Words("predicted", "预测值"), Words("predicted minus true", "预测值减真实值"))
    low, high = (float(np.median(np.abs(errors[p]))) for p in (parts[0], parts[-1]))
    says = Words(
        f"The typical error is {_number(low)} among the smallest predictions and {_number(high)} among the largest. Half of the rows lie between the two solid lines.",
        f"预测值最小的一组误差中位数为 {_number(low)}，最大的一组为 {_number(high)}。两条实线之间是一半的行。",
    )
    return Plot("errors-by-size", title, says, c.svg(fig, "errors-by-size", title))


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def curves(histories: Mapping[str, Sequence[Mapping[str, float]]], metrics: Sequence[Metric]) -> list[Plot]:
    """Return one picture per quantity that candidates recorded per epoch: `loss`, `valid_loss`, `score`, and `metrics` by their names,
    which say which way is better. Of another quantity that is not known, so none is called the best.

    Entries may carry `epoch`; keys that count time or steps are left out. Candidates of one epoch have no curve.
    """
    kept = {name: h for name, h in histories.items() if len(h) > 1}
    found: dict[str, dict[str, tuple[list[float], list[float]]]] = {}
    for name, history in kept.items():
        for i, entry in enumerate(history):
            for key, value in entry.items():
                if key in ("epoch", "step", "seconds", "lr") or not np.isfinite(value):
                    continue
                xs, ys = found.setdefault(key, {}).setdefault(name, ([], []))
                xs.append(float(entry.get("epoch", i + 1)))
                ys.append(float(value))
    known: dict[str, tuple[Words, bool]] = {**_CURVES, **{m.name: (m.title, m.higher) for m in metrics}}
    out = []
    for key, lines in found.items():
        if any(len(x) > 1 for x, _ in lines.values()):
            what, higher = known.get(key, (Words(key.replace("_", " "), key), None))
            out.append(_curve(key, what, higher, lines))
    return out


def _curve(key: str, what: Words, higher: bool | None, lines: Mapping[str, tuple[list[float], list[float]]]) -> Plot:
    title = Words(f"{what.en} by epoch", f"{what.zh}（逐轮）")
    names = {name: c.plain(name, 24) for name in lines}
    fig = c.figure(620, 300)
    ax = c.axes(fig, 52, 34, max(c.wide(n) for n in names.values()) + 26, 48)
    ends = {name: (max(ys) if higher else min(ys)) for name, (_, ys) in lines.items()}
    best = None if higher is None else (max if higher else min)(ends, key=lambda n: ends[n])
    spots = _apart([ys[-1] for _, ys in lines.values()], lines)
    for (name, (xs, ys)), spot in zip(lines.items(), spots):
        colour = c.ACCENT if name == best else c.MUTED
        ax.plot(xs, ys, color=colour, linewidth=1.8 if name == best else 1.1)
        ax.annotate(
            names[name], (1, spot), (8, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
            va="center_baseline", fontsize=c.SIZE, color=colour,
        )  # fmt: skip
    c.name_axes(ax, Words("epoch", "轮次"), what)
    says = Words(f"{what.en[:1].upper() + what.en[1:]} during training", chinese("训练过程中的", what.zh))
    if best is not None:
        says = Words(
            f"{says.en}; best: `{best}` with {ends[best]:.4g}", f"{says.zh}；最好的是 `{best}`，为 {ends[best]:.4g}"
        )
    says = Words(f"{says.en}.", f"{says.zh}。")
    name = f"curve-{key}".replace("_", "-")
    return Plot(name, title, says, c.svg(fig, name, title))


def _apart(values: Sequence[float], lines: Mapping[str, tuple[list[float], list[float]]]) -> list[float]:
    """Return heights for the names beside curves that end at `values`, moved apart until none covers another."""
    all_values = [y for _, ys in lines.values() for y in ys]
    step = (max(all_values) - min(all_values) or 1.0) * 0.075
    order = np.argsort(values)
    out = np.array(values, float)
    for a, b in pairwise(order):
        out[b] = max(out[b], out[a] + step)
    return [float(v) for v in out - (out - np.array(values)).mean()]


def importance_bars(importances: Sequence[Drop], metric_title: Words, told: Words | None = None) -> Plot:
    """Draw how much the metric loses when a column is shuffled, the strongest 25, with intervals; `told` is what follows from it."""
    title = Words("Importance of each column", "各列的重要性")
    order = sorted(importances, key=lambda i: -i.drop)[:25]
    names = [c.plain(i.column) for i in order] or ["-"]
    fig = c.figure(540, 24 * max(1, len(order)) + 46)
    ax = c.axes(fig, max(60.0, *map(c.wide, names)) + 14 if names else 60, 8, 70, 34)
    ax.grid(False, axis="y")
    drops = np.array([i.drop for i in order] or [0.0])
    spots = np.arange(len(drops))
    ax.barh(spots, drops, 0.56, color=c.ACCENT, alpha=0.85)
    for spot, i in zip(spots.tolist(), order):
        high = i.high if np.isfinite(i.high) else i.drop
        ax.plot([i.low, i.high], [spot, spot], color=c.INK, linewidth=1.1)
        ax.text(max(high, i.drop, 0), spot, f"\u2002{i.drop:.3g}", va="center_baseline", fontsize=c.SIZE, color=c.INK)
    ax.axvline(0, color=c.MUTED, linewidth=1)
    ax.set_yticks(spots, names)
    ax.set_ylim(len(drops) - 0.4, -0.6)
    words = Words(
        f"How much {metric_title.en} is lost when one column's values are shuffled among the test rows.",
        chinese("把测试集中某一列的值打乱后，损失多少", metric_title.zh, "。"),
    )
    says = Words(f"{words.en} {told.en}".strip(), f"{words.zh}{told.zh}") if told else words
    return Plot("importance", title, says, c.svg(fig, "importance", title))


def data_curve(sizes: Sequence[int], scores: Sequence[float], metric_title: Words) -> Plot:
    """Draw the metric against the number of training rows."""
    title = Words("Would more data help?", "增加数据是否有用？")
    fig = c.figure(480, 300)
    ax = c.axes(fig, 60, 34, 50, 48)
    ax.plot(sizes, scores, color=c.ACCENT, linewidth=1.8, marker="o", markersize=5)
    for x, y in zip(sizes, scores):
        ax.annotate(f"{y:.4g}", (x, y), (0, 8), textcoords="offset points", ha="center", fontsize=c.SIZE, color=c.INK)
    ax.set_xticks(list(sizes), [f"{s:,}" for s in sizes])
    ax.margins(y=0.25)
    c.name_axes(ax, Words("training rows", "训练行数"), metric_title)
    says = Words(
        f"{metric_title.en} of the simplest model when trained on part of the rows: from {scores[0]:.3g} with {sizes[0]:,} to {scores[-1]:.3g} with {sizes[-1]:,}. If the curve is still moving at its right end, more rows would help.",
        chinese("用部分数据训练最简单的模型所得的", metric_title.zh, "：")
        + f"{sizes[0]:,} 行时 {scores[0]:.3g}，{sizes[-1]:,} 行时 {scores[-1]:.3g}。若曲线右端仍在变化，说明增加数据会有帮助。",
    )
    return Plot("data-curve", title, says, c.svg(fig, "data-curve", title))
