"""Tables of the report on found boxes: by label and size, by kind of error, and what is taken for what."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modelwright.core.judged import Judged
from modelwright.core.task import Section
from modelwright.core.words import Words
from modelwright.evaluate.metrics import coco
from modelwright.evaluate.metrics.boxes import count_errors, units_of
from modelwright.evaluate.metrics.tide import KINDS, sorted_errors

_SIZES = (Words("small", "小"), Words("medium", "中"), Words("large", "大"))
_ERRORS = {
    "class": Words("wrong label", "类别错误"), "place": Words("badly placed", "定位不准"), "both": Words("wrong label and badly placed", "类别与位置皆错"),
    "double": Words("found twice", "重复检测"), "background": Words("nothing there", "背景误检"), "missed": Words("missed", "漏检"),
}  # fmt: skip
_BACKGROUND, _NOTHING = Words("(background)", "（背景）"), Words("(nothing)", "（未检出）")


def _number(value: float) -> str:
    return "–" if not np.isfinite(value) else f"{value:.3f}"


def by_label(judged: Judged, thresholds: Sequence[float] | None = None) -> Section:
    """Return for each label its boxes, AP by overlap and size, what is shown of it, and how its count errs."""
    units = units_of(judged)
    labels, pictures = units[0][0], [p for _, p in units]
    rows = []
    for k, label in enumerate(labels):
        one = (label,)
        right, wrong, total = coco.sure_counts(pictures, one)
        errors = count_errors(pictures, one)
        rows.append([
            label, str(total), _number(coco.mean_precision(pictures, one, overlaps=(0,))), _number(coco.mean_precision(pictures, one)),
            *(_number(coco.mean_precision(pictures, one, size=s)) for s in (1, 2, 3)),
            _number(right / (right + wrong) if right + wrong else float("nan")), _number(right / total if total else float("nan")),
            f"{errors.mean():.2f}", f"{100 * (errors <= 1).mean():.0f} %",
            "–" if thresholds is None or k >= len(thresholds) else f"{thresholds[k]:.2f}",
        ])  # fmt: skip
    head = (
        Words("label", "类别"), Words("boxes", "框数"), Words("AP50", "AP50"), Words("AP", "AP"), *(Words(f"AP, {s.en}", f"AP（{s.zh}）") for s in _SIZES),
        Words("precision", "精确率"), Words("recall", "召回率"), Words("count is off by", "计数误差"), Words("within one", "误差≤1"), Words("shown from", "显示阈值"),
    )  # fmt: skip
    flooded = [
        label for label in labels if not coco.boxes_of(pictures, label) and coco.sure_counts(pictures, (label,))[1]
    ]
    more = Words("", "")
    if flooded:
        more = Words(
            f" {', '.join(flooded)}: no box in these pictures, so that no AP counts the false ones.",
            f"{'、'.join(flooded)}：这些图片中没有该类标注，误检不计入 AP。",
        )
    says = Words(
        "Small is below 32 x 32 pixels, large above 96 x 96. Precision, recall and counts are of the boxes that are shown."
        + more.en,
        "小：低于 32×32 像素；大：高于 96×96 像素。精确率、召回率与计数均针对所示的框。" + more.zh,
    )
    return Section("boxes-by-label", Words("By label and size", "按类别与大小"), says, head, rows)


def errors(judged: Judged) -> Section:
    """Return how often boxes go wrong in which way."""
    kinds, _ = sorted_errors(list(judged.truth), list(judged.scores[:, 0]))
    total = max(1, sum(kinds.values()))
    rows: list[list[str | Words]] = [
        [_ERRORS[k], str(kinds[k]), f"{100 * kinds[k] / total:.0f} %"] for k in KINDS if kinds[k]
    ]
    head = (Words("error", "错误"), Words("boxes", "框数"), Words("share", "占比"))
    says = Words(
        "Of the boxes that are shown and the things that were missed. Badly placed: the right label, but an overlap below one half. Nothing there: "
        "a box where nothing is marked; look whether a mark was forgotten.",
        "针对所示的框与漏检的目标。定位不准：类别正确但重叠不足一半。背景误检：该处没有标注，请查看是否漏标。",
    )
    return Section("box-errors", Words("Kinds of errors", "错误类型"), says, head, rows)


def confusions(judged: Judged) -> Section:
    """Return which label is answered with which, and with nothing."""
    _, pairs = sorted_errors(list(judged.truth), list(judged.scores[:, 0]))
    wrong = sorted(((n, a, b) for (a, b), n in pairs.items() if a != b), reverse=True)
    rows: list[list[str | Words]] = [[a or _BACKGROUND, b or _NOTHING, str(n)] for n, a, b in wrong[:20]]
    head = (Words("marked as", "标注为"), Words("found as", "检测为"), Words("boxes", "框数"))
    says = Words(
        "(background): a box where nothing is marked. (nothing): a thing that was missed.",
        "（背景）：没有标注之处的框；（未检出）：漏检的目标。",
    )
    return Section("box-confusions", Words("What is taken for what", "混淆情况"), says, head, rows)
