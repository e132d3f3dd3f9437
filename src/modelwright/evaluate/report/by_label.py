"""The table of the report that shows metrics by unit label by label, each with its interval."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from modelwright.core.judged import Judged, Metric
from modelwright.core.task import Section
from modelwright.core.words import Words, chinese
from modelwright.evaluate.intervals import bootstrap

_MOST = 40  # labels that are shown
UNITS = {
    "row": Words("rows", "行"),
    "user": Words("users", "个用户"),
    "series": Words("series", "条序列"),
    "picture": Words("pictures", "张图片"),
}  # in Chinese with what they are counted by


def by_label(metrics: Sequence[Metric], judged: Judged, seconds: float) -> list[Section]:
    """Return a table for each metric by unit that can be asked for one label; labels that the rows do not have are left out."""
    out = []
    asked = [m for m in metrics if m.per_label and m.by_unit is not None]
    until = time.monotonic() + seconds
    for metric in asked:
        rows = []
        for i, label in enumerate(judged.target.labels[:_MOST]):
            left = max(0.05, (until - time.monotonic()) / max(1, len(judged.target.labels) - i))
            found = bootstrap(metric, judged, label=i, resamples=400, seconds=left)
            if np.isfinite(found.value):
                rows.append([label, f"{found.value:.3f}", f"{found.low:.3f}–{found.high:.3f}"])
        unit = UNITS.get(metric.unit, Words(metric.unit, f"个 {metric.unit}"))
        count = len(np.unique(judged.unit(metric.unit)))
        if rows:
            out.append(Section(
                f"{metric.name}-by-label", Words(f"{metric.title.en} by label", chinese("各标签的", metric.title.zh)),
                Words(f"With 95 % intervals over {count} {unit.en}.", f"附 95% 区间，按 {count} {unit.zh}计算。"),
                (Words("label", "标签"), metric.title, Words("interval", "区间")), rows,
            ))  # fmt: skip
    return out
