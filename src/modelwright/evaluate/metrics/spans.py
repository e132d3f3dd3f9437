"""Metrics and tables of marked spans: a span is right where its ends and its label are.

Each row gives counts [3 (L + 1)]: hits, spans in truth, spans answered, for each of L labels and for all others, so that
a bootstrap reads every row once. Source: Tjong Kim Sang & De Meulder 2003 (CoNLL F1). Legend: N rows, L labels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from modelwright.core.judged import Judged, Metric
from modelwright.core.task import Section
from modelwright.core.words import Words, shortened

_LONGEST = 300  # characters of a cell


def spans_of(row: Any) -> set[tuple[int, int, str]]:
    """Return the spans of a row as (start, end, label)."""
    return {(int(s["start"]), int(s["end"]), str(s["label"])) for s in row or ()}


def parts(judged: Judged) -> np.ndarray:
    """Return the counts of every judged row, float64 [N, 3 (L + 1)]: hits, spans in truth, spans answered, by label."""
    labels = {name: i for i, name in enumerate(judged.target.labels)}
    size = len(labels) + 1
    out = np.zeros((len(judged.truth), 3, size))
    for row, (truth, said) in enumerate(zip(judged.truth, judged.scores[:, 0], strict=True)):
        a, b = spans_of(truth), spans_of(said)
        for at, found in enumerate((a & b, a, b)):
            for _, _, label in found:
                out[row, at, labels.get(label, size - 1)] += 1
    return out.reshape(len(out), -1)


def _sides(total: np.ndarray, label: int | None) -> tuple[float, float, float]:
    hit, truth, said = total.reshape(3, -1)
    if label is not None:
        return float(hit[label]), float(truth[label]), float(said[label])
    return float(hit.sum()), float(truth.sum()), float(said.sum())


def f1(total: np.ndarray, label: int | None = None) -> float:
    """Return the harmonic mean of precision and recall over all spans of summed counts [3 (L + 1)] (micro), or of one label; NaN without spans."""
    hit, truth, said = _sides(total, label)
    return 2 * hit / (truth + said) if truth + said else float("nan")


def precision(total: np.ndarray, label: int | None = None) -> float:
    """Return which share of the spans answered is right, of summed counts [3 (L + 1)]; 0 where none is answered, NaN without any span."""
    hit, truth, said = _sides(total, label)
    return hit / said if said else 0.0 if truth else float("nan")


def recall(total: np.ndarray, label: int | None = None) -> float:
    """Return which share of the true spans is found, of summed counts [3 (L + 1)]; NaN where there is none."""
    hit, truth, _ = _sides(total, label)
    return hit / truth if truth else float("nan")


def macro_f1(total: np.ndarray) -> float:
    """Return the mean of the labels' F1 of summed counts [3 (L + 1)]; labels that occur neither in truth nor answers are left out, NaN for none."""
    size = len(total) // 3
    values = [f1(total, i) for i in range(size)]
    known = [v for v in values if np.isfinite(v)]
    return float(np.mean(known)) if known else float("nan")


def metrics() -> tuple[Metric, ...]:
    """Return the metrics; span F1 ranks."""

    def made(name: str, title: Words, function: Callable[..., float], per_label: bool = True) -> Metric:
        return Metric(name, title, True, function, per_label, parts=parts)

    return (
        made("f1", Words("span F1", "片段 F1"), f1),
        made("precision", Words("span precision", "片段精确率"), precision),
        made("recall", Words("span recall", "片段召回率"), recall),
        made("macro_f1", Words("macro span F1", "片段宏平均 F1"), macro_f1, per_label=False),
    )


def per_label(judged: Judged) -> Section:
    """Return the table of labels: how many there are, and how well they are found."""
    total = parts(judged).sum(axis=0)
    labels = judged.target.labels
    rows = []
    for i in sorted(range(len(labels)), key=lambda i: -total.reshape(3, -1)[1, i]):
        _, truth, said = _sides(total, i)
        if truth or said:
            values = [precision(total, i), recall(total, i), f1(total, i)]
            rows.append(
                [labels[i], f"{truth:.0f}", f"{said:.0f}", *(f"{v:.3f}" if np.isfinite(v) else "–" for v in values)]
            )
    weak = min((r for r in rows if int(r[1]) >= 5), key=lambda r: r[5], default=None)
    says = Words("Each label's spans in the test rows.", "测试集中各类片段的识别情况。")
    if weak:
        says = Words(
            f"Each label's spans in the test rows; `{weak[0]}` is the weakest (F1 {weak[5]}).",
            f"测试集中各类片段的识别情况；`{weak[0]}` 最弱（F1 {weak[5]}）。",
        )
    head = (
        Words("label", "标签"), Words("in truth", "真实数"), Words("answered", "预测数"),
        Words("precision", "精确率"), Words("recall", "召回率"), Words("F1", "F1"),
    )  # fmt: skip
    return Section("labels", Words("Labels", "各标签"), says, head, rows)


def mistakes(judged: Judged) -> Section:
    """Return what goes wrong: spans missed, invented, of another label, of other ends."""
    kinds: Counter[tuple[str, str]] = Counter()
    for truth, said in zip(judged.truth, judged.scores[:, 0], strict=True):
        a, b = spans_of(truth), spans_of(said)
        missed, extra = sorted(a - b), sorted(b - a)
        used: set[tuple[int, int, str]] = set()
        for s in missed:
            near = [e for e in extra if e not in used and e[0] < s[1] and e[1] > s[0]]
            if not near:
                kinds[s[2], "missed"] += 1
                continue
            other = max(near, key=lambda e: min(e[1], s[1]) - max(e[0], s[0]))
            used.add(other)
            kinds[s[2], "ends" if other[2] == s[2] else f"as {other[2]}"] += 1
        for e in extra:
            if e not in used:
                kinds[e[2], "invented"] += 1
    names = {
        "missed": Words("missed", "漏标"), "invented": Words("invented", "误标"),
        "ends": Words("right label, other ends", "标签正确，边界不同"),
    }  # fmt: skip
    rows: list[list[str | Words]] = []
    for (label, kind), n in kinds.most_common(12):
        words = names.get(kind, Words(kind, f"标成 {kind[3:]}"))
        rows.append([label, words, str(n)])
    says = Words("The most frequent mistakes.", "最常见的错误。")
    head = (Words("label", "标签"), Words("what happens", "错误"), Words("spans", "片段数"))
    return Section("confusions", Words("Mistakes", "错误类型"), says, head, rows)


def marked(text: str, spans: Any) -> str:
    """Return a text with its spans in brackets: `[高勇|NAME]：男`."""
    out, at = "", 0
    for start, end, label in sorted(spans_of(spans)):
        if start >= at:
            out += f"{text[at:start]}[{text[start:end]}|{label}]"
            at = end
    return out + text[at:]


def examples(judged: Judged, texts: Mapping[int, str], count: int = 8) -> Section:
    """Return rows with their marks as they should be and as they were answered, those with most mistakes first."""
    wrong = [
        (len(spans_of(t) ^ spans_of(s)), i)
        for i, (t, s) in enumerate(zip(judged.truth, judged.scores[:, 0], strict=True))
    ]
    rows = []
    for n, i in sorted(wrong, key=lambda w: (-w[0], w[1]))[:count]:
        if n:
            row, text = int(judged.rows[i]), texts.get(int(judged.rows[i]), "")
            rows.append(
                [str(row), *(shortened(marked(text, s), _LONGEST) for s in (judged.truth[i], judged.scores[i, 0]))]
            )
    says = Words("The test rows with most mistakes.", "错误最多的测试行。")
    head = (Words("row", "行"), Words("as it should be", "应为"), Words("answered", "预测"))
    return Section("examples", Words("Examples", "示例"), says, head, rows, private=True)
