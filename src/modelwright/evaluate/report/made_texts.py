"""What a report shows of texts that were made: the best and worst beside their references, scores by length, slots."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from modelwright.core.judged import Judged, Metric
from modelwright.core.schema import Table
from modelwright.core.task import Plot, Section
from modelwright.core.words import Words, chinese, shortened
from modelwright.evaluate.metrics.texts import CHRF, grouped, tokens

_SHOWN = 8  # answers of either end
_LONGEST = 320  # characters of a cell
_BINS = 5


def sections(metric: Metric, judged: Judged, model: Any, test: Table) -> list[Section]:
    """Return the tables: answers, score by length of the source, and slots where rows have any."""
    if len(judged.rows) == 0:
        return []
    out = [_answers(judged), _by_length(metric, judged)]
    check = getattr(model, "check", None)
    if check is not None:
        found = _slots(judged, model, test)
        out += [found] if found.rows else []
    return out


def _answers(judged: Judged) -> Section:
    groups = grouped(judged)
    parts = CHRF.parts(judged) if CHRF.parts else np.zeros((len(judged.rows), 1))
    scored = sorted(((CHRF.function(parts[i]), i, s, r) for i, s, r in groups), key=lambda g: (g[0], g[1]))
    ends = scored if len(scored) <= 2 * _SHOWN else scored[:_SHOWN] + scored[-_SHOWN:]
    rows = [
        [
            str(judged.rows[i]),
            f"{value:.3f}",
            *(shortened(t, _LONGEST) for t in (score["source"] or "", score["text"], references[0])),
        ]
        for value, i, score, references in ends
    ]
    return Section(
        "answers", Words("Worst and best answers", "最差与最好的回答"),
        Words(
            "Answers on test rows beside a reference, from the worst to the best by chrF.",
            "测试集上的回答与参考答案对照，按 chrF 从差到好排列。",
        ),
        (Words("row", "行"), Words("chrF", "chrF"), Words("source", "原文"), Words("answer", "回答"), Words("reference", "参考")),
        rows, private=True,
    )  # fmt: skip


def lengths(judged: Judged) -> list[tuple[int, int, np.ndarray]]:
    """Return ranges of source lengths (shortest, longest, rows [M]) that hold about as many sources each."""
    groups = grouped(judged)
    sizes = np.array([len(tokens(s["source"] or "")) for _, s, _ in groups])
    edges = np.unique(np.quantile(sizes, np.linspace(0, 1, _BINS + 1)).astype(int))
    place = np.clip(np.searchsorted(edges, sizes, side="right") - 1, 0, max(0, len(edges) - 2))
    member = {s["source"]: int(p) for (_, s, _), p in zip(groups, place, strict=True)}
    rows = np.array([member[s["source"]] for s in judged.scores[:, 0]])
    return [
        (int(sizes[place == b].min()), int(sizes[place == b].max()), np.flatnonzero(rows == b))
        for b in np.unique(place)
    ]


def _by_length(metric: Metric, judged: Judged) -> Section:
    rows = []
    for low, high, index in lengths(judged):
        part = judged.take(index)
        rows.append([f"{low} - {high}", str(len(grouped(part))), f"{metric(part):.3f}", f"{CHRF(part):.3f}"])
    return Section(
        "length", Words("By length of the source", "按原文长度"),
        Words(
            "Sources from short to long, in words (Han characters one by one). Long ones are usually harder.",
            "原文由短到长，按词（汉字逐字）计。较长的通常更难。",
        ),
        (Words("length", "长度"), Words("sources", "原文数"), metric.title, CHRF.title), rows,
    )  # fmt: skip


def _slots(judged: Judged, model: Any, test: Table) -> Section:
    """Return by slot how often it was missing or added, and the same of the references: what the check itself errs by."""
    place = {int(r): i for i, r in enumerate(test.rows)}
    sources = model.reader.read(test)
    groups = [(sources[place[int(judged.rows[i])]], s, r[0]) for i, s, r in grouped(judged)]
    slots = [s.slots for s, _, _ in groups]
    held = Counter(n for row in slots for n in dict.fromkeys(n for n, _ in row))
    made = _counts([score for _, score, _ in groups])
    told = _counts(model.check.check(slots, [reference for _, _, reference in groups]))
    rows = [
        [name, str(count), *(str(c[kind][name]) for c in (made, told) for kind in ("missing", "added"))]
        for name, count in held.most_common(30)
        if name in model.check.worded or name in model.check.told
    ]
    return Section(
        "slots", Words("Values said", "取值覆盖"),
        Words(
            "How often a value was missing from an answer or said without being asked for, and what the same check finds in one human "
            "reference each: where that is much, the check is unsure of the slot or the references leave it out.",
            "各项取值在回答中缺失或凭空出现的次数，以及用同样方法检查一条人工参考的结果：若后者很多，说明检查不可靠，或参考本身省略了该项。",
        ),
        (
            Words("slot", "槽位"), Words("sources", "原文数"), Words("missing", "缺失"), Words("added", "多出"),
            Words("missing, references", "缺失（参考）"), Words("added, references", "多出（参考）"),
        ), rows,
    )  # fmt: skip


def _counts(found: Sequence[dict[str, Any]]) -> dict[str, Counter[str]]:
    return {kind: Counter(n for f in found for n in f.get(kind, ())) for kind in ("missing", "added")}


def plots(metric: Metric, judged: Judged) -> list[Plot]:
    """Return the score by length of the source, with how many sources each bar stands for."""
    from modelwright.evaluate.plots import canvas as c

    ranges = lengths(judged) if len(judged.rows) else []
    if len(ranges) < 2:
        return []
    title = Words("Score by length of the source", "得分与原文长度")
    values = [metric(judged.take(index)) for _, _, index in ranges]
    fig = c.figure(480, 280)
    ax = c.axes(fig, 60, 34, 20, 56)
    ax.bar(range(len(values)), values, color=c.ACCENT, width=0.6)
    for x, y in enumerate(values):
        ax.annotate(f"{y:.3f}", (x, y), (0, 5), textcoords="offset points", ha="center", fontsize=c.SIZE, color=c.INK)
    ax.set_xticks(range(len(values)), [f"{low}-{high}" for low, high, _ in ranges])
    ax.margins(y=0.15)
    c.name_axes(ax, Words("words of the source", "原文词数"), metric.title)
    says = Words(
        f"{metric.title.en} of sources from short to long: {values[0]:.3f} for the shortest fifth, {values[-1]:.3f} for the longest.",
        chinese("原文由短到长的", metric.title.zh)
        + f"：最短的约五分之一为 {values[0]:.3f}，最长的为 {values[-1]:.3f}。",
    )
    return [Plot("length", title, says, c.svg(fig, "length", title))]
