"""Pictures of answers that are labels. Legend: N rows, K classes or labels."""

from __future__ import annotations

import numpy as np

from modelwright.core.judged import Judged
from modelwright.core.task import Plot
from modelwright.core.words import Words
from modelwright.evaluate.metrics.chosen import auc, confusion, precision_area
from modelwright.evaluate.plots import canvas as c

_MOST = 20  # classes in a confusion matrix
_BARS = 25  # classes in a bar chart
_POINTS = 300  # points of a curve


def confusion_matrix(judged: Judged) -> Plot:
    """Draw truth against answers for at most 20 classes: those with the most mistakes."""
    counts, labels = confusion(judged), judged.target.labels
    wrong = counts.sum(1) + counts.sum(0) - 2 * np.diag(counts)
    kept = np.sort(np.lexsort((-counts.sum(1), -wrong))[:_MOST])
    shares = counts[np.ix_(kept, kept)] / np.maximum(1, counts[kept].sum(1))[:, None]
    names = [c.plain(labels[k], 24) for k in kept]
    k, longest = len(kept), max(c.wide(n) for n in names)
    cell = float(np.clip(560 / k, 24, 64))
    left, below = longest + 34, longest * 0.72 + 22
    fig = c.figure(left + cell * k + 24, cell * k + below + 34)
    ax = c.axes(fig, left, 34, 24, below)
    ax.grid(False)
    for i in range(k):
        for j in range(k):
            if shares[i, j] > 0:
                colour = c.ACCENT if i == j else c.HARM
                ax.add_patch(_cell(i, j, colour, 0.1 + 0.5 * float(shares[i, j])))
            count = counts[kept[i], kept[j]]
            if count and (k <= 12 or i == j or shares[i, j] >= 0.05):
                ax.text(j, i, f"{count}", ha="center", va="center_baseline", fontsize=c.SIZE - (k > 12), color=c.INK)
    ax.set_xlim(-0.5, k - 0.5)
    ax.set_ylim(k - 0.5, -0.5)
    ax.set_yticks(range(k), names)
    ax.set_xticks(range(k), names, rotation=40, ha="right", rotation_mode="anchor")
    ax.text(
        1,
        1.02,
        c.both(Words("across: predicted", "横向：预测")),
        transform=ax.transAxes,
        ha="right",
        fontsize=c.SIZE,
        color=c.MUTED,
    )
    ax.text(0, 1.02, c.both(Words("down: true", "纵向：真实")), transform=ax.transAxes, ha="left", fontsize=c.SIZE, color=c.MUTED)  # fmt: skip
    title = Words("Confusion matrix", "混淆矩阵")
    off = counts - np.diag(np.diag(counts))
    at, said = np.unravel_index(int(off.argmax()), off.shape)
    says = Words(
        f"Each row is a true class, each column what the model predicted; {int(np.trace(counts))} of {counts.sum()} rows lie on the diagonal and are right.",
        f"每行是真实类别，每列是模型的预测；{counts.sum()} 行中有 {int(np.trace(counts))} 行落在对角线上，即预测正确。",
    )
    if off.max() > 0:
        says = Words(
            f"{says.en} Most often confused: `{labels[at]}` mistaken for `{labels[said]}` ({off[at, said]} times).",
            f"{says.zh}最常见的混淆：`{labels[at]}` 被误判为 `{labels[said]}`（{off[at, said]} 次）。",
        )
    if len(labels) > _MOST:
        says = Words(
            f"{says.en} Shown: the {k} classes with the most mistakes.", f"{says.zh}图中为错误最多的 {k} 个类别。"
        )
    return Plot("confusion", title, says, c.svg(fig, "confusion", title))


def _cell(i: int, j: int, colour: str, alpha: float):  # type: ignore[no-untyped-def]
    from matplotlib.patches import Rectangle

    return Rectangle((j - 0.47, i - 0.47), 0.94, 0.94, facecolor=colour, alpha=alpha, linewidth=0)


def binary_columns(judged: Judged) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Return (label, truth [N], scores [N]) for each label whose truth varies; the second of two classes alone."""
    labels, k = judged.target.labels, judged.target.outputs
    of_sets = judged.target.kind == "label_sets"
    chosen = [1] if k == 2 and not of_sets else range(k)
    truths = [(i, judged.truth[:, i] > 0.5 if of_sets else judged.truth == i) for i in chosen]
    return [(labels[i], t, judged.scores[:, i]) for i, t in truths if t.any() and not t.all()]


def roc(columns: list[tuple[str, np.ndarray, np.ndarray]]) -> Plot:
    """Draw ROC curves of (label, truth [N], scores [N]): the weakest labels named, the others grey."""
    title = Words("ROC curve", "ROC 曲线")
    areas = [auc(t, s) for _, t, s in columns]
    fig, ax = _square()
    ax.plot([0, 1], [0, 1], color=c.LINE, linewidth=1.2, dashes=(3, 3))
    _curves(ax, columns, areas, lambda t, s: _roc_points(t, s), 0.03)
    c.name_axes(ax, Words("false positive rate", "假阳性率"), Words("true positive rate", "真阳性率"))
    mean = float(np.mean(areas))
    says = Words(
        f"What share of a label's rows is found (up) at what rate of false alarms (right) as the threshold falls; area {mean:.3f}"
        f"{' on average' if len(columns) > 1 else ''}, 0.5 is chance.",
        f"阈值降低时，找出的比例（纵轴）与误报的比例（横轴）；曲线下面积{'平均' if len(columns) > 1 else ''}为 {mean:.3f}，0.5 相当于随机猜测。",
    )
    return Plot("roc", title, says, c.svg(fig, "roc", title))


def precision_recall(columns: list[tuple[str, np.ndarray, np.ndarray]]) -> Plot:
    """Draw precision-recall curves of (label, truth [N], scores [N]): the weakest labels named, the others grey."""
    title = Words("Precision and recall", "精确率与召回率")
    areas = [precision_area(t, s) for _, t, s in columns]
    fig, ax = _square()
    _curves(ax, columns, areas, lambda t, s: _pr_points(t, s), 0.03)
    c.name_axes(ax, Words("recall", "召回率"), Words("precision", "精确率"))
    says = Words(
        f"What share of the answers is right (up) when a given share of a label's rows is to be found (right); average precision {np.mean(areas):.3f}.",
        f"要找出相应比例的行（横轴）时，预测正确的比例（纵轴）；平均精确率 {np.mean(areas):.3f}。",
    )
    return Plot("precision-recall", title, says, c.svg(fig, "precision-recall", title))


def _square():  # type: ignore[no-untyped-def]
    fig = c.figure(480, 420)
    ax = c.axes(fig, 44, 34, 20, 48)
    ax.set_xlim(-0.01, 1.01)
    ax.set_ylim(-0.01, 1.02)
    ticks = [0, 0.25, 0.5, 0.75, 1]
    ax.set_xticks(ticks)
    ax.set_yticks(ticks)
    return fig, ax


def _curves(ax, columns, areas, points, low) -> None:  # type: ignore[no-untyped-def]
    """Draw at most 40 curves; the three weakest in accent (one line style each), named at the lower right."""
    order = np.argsort(areas, kind="stable")
    named = order[:3] if len(columns) > 1 else order[:1]
    grey = [i for i in order[3:] if len(columns) > 1]
    for i in grey[:: max(1, len(grey) // 37)]:
        ax.plot(*points(*columns[i][1:]), color=c.MUTED, linewidth=0.8, alpha=0.35)
    height = 0.055 * len(named) + 0.02
    ax.axhspan(low - 0.02, low - 0.02 + height, 0.41, 0.99, facecolor=c.PAPER, alpha=0.85, linewidth=0, zorder=3)
    for n, i in enumerate(named):
        style = ("-", (0, (5, 2)), (0, (1.5, 1.5)))[n]
        ax.plot(*points(*columns[i][1:]), color=c.ACCENT, linewidth=1.8, linestyle=style)
        y = low + 0.055 * (len(named) - 1 - n)
        ax.plot([0.42, 0.49], [y + 0.012] * 2, color=c.ACCENT, linewidth=1.8, linestyle=style, zorder=4)
        ax.text(
            0.51, y, f"{c.plain(columns[i][0], 24)}\u2002{areas[i]:.3f}", fontsize=c.SIZE, color=c.INK, va="baseline"
        )


def _thin(*lines: np.ndarray) -> list[np.ndarray]:
    """Keep at most 300 points of a curve, its ends among them."""
    n = len(lines[0])
    index = np.unique(np.linspace(0, n - 1, min(n, _POINTS)).round().astype(int))
    return [line[index] for line in lines]


def _roc_points(truth: np.ndarray, scores: np.ndarray) -> list[np.ndarray]:
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.r_[np.diff(scores[order]) != 0, True])
    found = np.cumsum(truth[order])[ends]
    false = ends + 1 - found
    return _thin(np.r_[0, false / false[-1]], np.r_[0, found / found[-1]])


def _pr_points(truth: np.ndarray, scores: np.ndarray) -> list[np.ndarray]:
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.r_[np.diff(scores[order]) != 0, True])
    found = np.cumsum(truth[order])[ends]
    return _thin(found / found[-1], found / (ends + 1))


def reliability(judged: Judged) -> Plot:
    """Draw confidence against the share that is right, ten bins, with how many rows each holds."""
    title = Words("Can confidence be trusted?", "置信度是否可信？")
    if judged.target.kind == "label_sets":
        sure, right = judged.scores.ravel(), (judged.truth > 0.5).ravel()
    else:
        sure, right = judged.scores.max(1), judged.scores.argmax(1) == judged.truth
    at = np.minimum((sure * 10).astype(int), 9)
    n = np.bincount(at, minlength=10)
    used = np.flatnonzero(n)
    mean = np.bincount(at, sure, 10)[used] / n[used]
    share = np.bincount(at, right, 10)[used] / n[used]
    fig, ax = _square()
    ax.bar((used + 0.5) / 10, 0.22 * n[used] / n.max(), 0.085, color=c.LINE)
    ax.plot([0, 1], [0, 1], color=c.MUTED, linewidth=1, dashes=(3, 3))
    ax.plot(mean, share, color=c.ACCENT, linewidth=1.8, marker="o", markersize=5)
    c.name_axes(ax, Words("confidence", "置信度"), Words("share that is right", "实际正确的比例"))
    gap = float((np.abs(mean - share) * n[used]).sum() / n.sum())
    lean = "overconfident" if (mean * n[used]).sum() > (share * n[used]).sum() else "underconfident"
    says = Words(
        f"On the dashed line, 80 % confidence means right in 80 % of cases. On average confidence is off by {gap:.3f}: the model is {lean}. Grey bars show how many rows each point stands for.",
        f"落在虚线上时，80% 的置信度即意味着 80% 的预测正确。平均偏差 {gap:.3f}，模型整体{'过于自信' if lean == 'overconfident' else '偏于保守'}；灰色柱表示各段的行数。",
    )
    return Plot("reliability", title, says, c.svg(fig, "reliability", title))


def f1_bars(labels: list[str], values: np.ndarray, rows: np.ndarray) -> Plot:
    """Draw F1 by label, `values` [K] of `rows` [K], the weakest 25 first; labels that occur neither in truth nor in answers are left out."""
    title = Words("F1 by label", "各类别 F1")
    order = [int(i) for i in np.argsort(values, kind="stable") if rows[i] > 0][:_BARS]
    names = [c.plain(labels[i]) for i in order]
    left = max([60.0, *(c.wide(n) for n in names)]) + 14
    fig = c.figure(540, 22 * len(order) + 40)
    ax = c.axes(fig, left, 8, 110, 30)
    ax.grid(False, axis="y")
    spots = np.arange(len(order))
    ax.barh(spots, values[order], 0.62, color=c.ACCENT, alpha=0.85)
    for spot, i in zip(spots.tolist(), order):
        text = Words(f"{values[i]:.2f}\u2002{rows[i]} rows", f"{values[i]:.2f}\u2002{rows[i]} 行")
        ax.text(values[i] + 0.012, spot, c.both(text), va="center_baseline", fontsize=c.SIZE, color=c.INK)
    ax.set_yticks(spots, names)
    ax.set_xlim(0, 1)
    ax.set_ylim(len(order) - 0.4, -0.6)
    worst = order[0]
    says = Words(
        f"How well each label is recognised; the weakest is `{labels[worst]}` with {values[worst]:.2f}.",
        f"各类别被正确识别的程度；最弱的是 `{labels[worst]}`，F1 为 {values[worst]:.2f}。",
    )
    if len(labels) > len(order):
        says = Words(
            f"{says.en} Shown: the weakest {len(order)} of {len(labels)}.",
            f"{says.zh}图中为 {len(labels)} 个类别中最弱的 {len(order)} 个。",
        )
    return Plot("f1", title, says, c.svg(fig, "f1", title))
