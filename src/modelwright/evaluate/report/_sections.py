"""The parts of the report page, each a function of the run's facts and the language; empty where there is nothing."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from modelwright.core.facts.candidates import CandidateRow
from modelwright.core.facts.details import SectionFact
from modelwright.core.facts.run import Facts
from modelwright.core.recipe import guesses
from modelwright.core.unit import unit_of
from modelwright.core.words import Words, chinese
from modelwright.evaluate.plots.canvas import in_lang
from modelwright.evaluate.report.compared import compared
from modelwright.evaluate.report.html import (
    Html,
    better,
    code,
    interval,
    join,
    number,
    said,
    scale,
    spanned,
    table,
    tag,
)
from modelwright.evaluate.report.plain import defined
from modelwright.evaluate.report.played import played

_SIZE = re.compile(r'viewBox="0 0 ([\d.]+) ')


def paragraph(words: Words, lang: str, class_: str | None = None) -> Html:
    """Return a paragraph in one language."""
    return tag("p", code(words.to(lang)), class_=class_)


def heads(lang: str, *columns: tuple[str, str, str]) -> list[tuple[str, str]]:
    """Return the heads of a table in one language, with their classes; each column is (English, Chinese, class)."""
    return [(zh if lang == "zh" else en, class_) for en, zh, class_ in columns]


_INTERVAL = ("95 % interval", "95% 区间", "n")
_BAR = ("", "", "bar")
# status of a candidate without a score -> the head of its column, the caption of the table
_WITHOUT_SCORE = (
    ("failed", Words("did not finish", "未能完成"), Words("failed models", "未能完成的模型")),
    ("untried", Words("not trained", "未训练"), Words("models that were not trained", "未训练的模型")),
)


def _titled(title: Words, lang: str, grid: Html, note: Words | None = None) -> Html:
    """Return a table below its title, and between them what it says."""
    return join([tag("h3", title.to(lang)), *([paragraph(note, lang, "note")] if note else []), grid])


def folded(
    head: Sequence[tuple[str, str]], rows: Sequence[tuple[str, Sequence[object]]], shown: int, caption: str, zh: bool
) -> Html:
    """Return a table of the first rows, with the others behind a fold."""
    grid = table(head, rows[:shown], caption)
    if len(rows) <= shown:
        return grid
    more = f"另外 {len(rows) - shown} 行" if zh else f"{len(rows) - shown} more"
    rest = f"{caption}：{more}" if zh else f"{caption}: {more}"
    return join([grid, tag("details", tag("summary", more), table(head, rows[shown:], rest))])


def made(section: SectionFact, lang: str) -> Html:
    """Return a section that a task added: a title, a sentence, a table, pictures to compare, sounds to hear."""
    title = said(section["title"], lang)
    head = [(said(h, lang), "name") for h in section["head"]]
    rows = [("", [said(cell, lang) for cell in r]) for r in section["rows"]]
    grid = folded(head, rows, 12, title, lang == "zh") if rows else Html("")
    shown = compared(section.get("pictures") or [], lang)
    return join(
        [
            tag("h3", title),
            paragraph(Words(*section["says"]), lang),
            grid,
            shown,
            played(section.get("sounds") or [], lang),
        ]
    )


def _bar(row: Mapping[str, Any], ends: tuple[float, float], marks: Iterable[float] = ()) -> Html:
    value, low, high = (_real(row.get(k)) for k in ("value", "low", "high"))
    return spanned(value, low, high, ends, tuple(marks), f"{number(value)} ({interval(low, high)})")


def _real(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else math.nan


def gate(facts: Facts, lang: str) -> Html:
    """Return what was asked and what was reached, and the comparison with the baselines."""
    return join([_conditions(facts, lang), _baselines(facts, lang)])


def _conditions(facts: Facts, lang: str) -> Html:
    if not facts.get("gate"):
        return Html("")
    met, unmet = Words("met", "满足").to(lang), Words("not met", "未满足").to(lang)
    rows = []
    for g in facts["gate"]:
        mark = tag("span", met if g["met"] else unmet, class_="good" if g["met"] else "harm")
        rows.append(("", [tag("code", g["condition"]), number(g["value"]), interval(g["low"], g["high"]), mark]))
    note = Words(
        "A condition counts as met when even the worse end of the interval meets it.",
        "区间中较差的一端也满足条件，才算满足。",
    )
    head = heads(lang, ("condition", "条件", "name"), ("reached", "达到", "n"), _INTERVAL, ("", "", ""))
    return _titled(Words("The gate", "门槛"), lang, table(head, rows, Words("gate", "门槛").to(lang)), note)


def _baselines(facts: Facts, lang: str) -> Html:
    if not facts.get("baselines"):
        return Html("")
    rows = [
        ("", [b["name"], number(b["difference"]), interval(b["low"], b["high"]), _p(b["p"])])
        for b in facts["baselines"]
    ]
    unit = unit_of(facts.get("rows") or {})
    note = Words(
        f"The model and each baseline on the same test {unit.many}; where the whole interval is above zero, the model is really better, and not by luck of these {unit.many}.",
        f"模型与各基线在相同测试{unit.name.zh}上的比较；整个区间都大于零时，说明模型确实更好，而非偶然。",
    )
    head = heads(lang, ("baseline", "基线", "name"), ("better by", "优势", "n"), _INTERVAL, ("p", "p 值", "n less"))
    title = Words("Against the baselines and the runner-up", "与基线及次优者比较")
    return _titled(title, lang, table(head, rows, Words("baselines", "与基线比较").to(lang)), note)


def _p(value: Any) -> str:
    return "< 0.01" if isinstance(value, (int, float)) and value < 0.01 else number(value)


def leaderboard(facts: Facts, lang: str) -> Html:
    """Return all candidates, the best first, failures with their reason at the end."""
    rows = facts.get("leaderboard") or []
    if not rows:
        return Html("")
    zh = lang == "zh"
    good = [r for r in rows if r.get("status", "ok") == "ok"]
    # guessing is so far off that it would squeeze all others together
    ends = scale([r for r in good if not guesses(r.get("recipe", ""))] or good)
    metric = said(facts.get("metric_title"), lang) or facts["metric"]
    unit = unit_of(facts.get("rows") or {})
    head = heads(
        lang, ("model", "模型", "name"), (metric, metric, "n"), _INTERVAL, _BAR, (f"ms/{unit.one}", f"毫秒/{unit.behind}", "n"),
        (f"ms/{unit.one} in batches", f"批量毫秒/{unit.behind}", "n less"), ("seconds", "秒", "n less"), ("weight", "权重", "n less"),
    )  # fmt: skip
    some = any(r.get("learnt") is not None for r in good)
    if some:
        head.insert(7, ("学习行数" if zh else "rows learnt from", "n"))
    priced = any(r.get("cost") is not None for r in good)
    if priced:
        head.insert(len(head) - 1, ("费用" if zh else "cost", "n"))
    body = []
    for r in good:
        weight = number(r["weight"]) if r.get("winner") and r.get("weight") is not None else ""
        cells = [
            _candidate_cell(r),
            number(r.get("value")),
            interval(r.get("low"), r.get("high")),
            _bar(r, ends) if ends[0] <= _real(r.get("value")) <= ends[1] else "",
            _few(r.get("ms_per_row")),
            _few(r.get("batch_ms")),
            _few(r.get("seconds")),
            *([_learnt(r, facts)] if some else []),
            *([number(r["cost"]) if r.get("cost") is not None else ""] if priced else []),
            weight,
        ]
        body.append(("won" if r.get("winner") else "", cells))
    words = Words(
        f"Scores on the validation {unit.many}, by which the winner was chosen. The bar is the 95 % interval; the winner is highlighted.",
        "验证集上的得分，据此选出最佳模型；横条为 95% 区间，最佳模型以底色标出。",
    )
    out = [paragraph(words, lang, "note"), folded(head, body, 20, "排行榜" if zh else "leaderboard", zh)]
    for status, title, caption in _WITHOUT_SCORE:
        without = [r for r in rows if r.get("status") == status]
        if without:
            head = [(title.to(lang), "name"), ("原因" if zh else "reason", "")]
            body = [("failed", [_candidate_cell(r), code(said(r.get("reason"), lang))]) for r in without]
            out.append(table(head, body, caption.to(lang)))
    unfit = [r["name"] for r in rows if r.get("status") == "unfit"]
    if unfit:
        words = Words(
            f"Not tried, as they are for other data or settings: {', '.join(unfit)}.",
            f"未尝试的方案（适用于其他数据或设置）：{'、'.join(unfit)}。",
        )
        out.append(paragraph(words, lang, "note"))
    return join(out)


def _learnt(row: CandidateRow, facts: Facts) -> str:
    """Return how many rows a candidate learnt from; nothing for a blend, whose members stand by themselves."""
    if row.get("recipe") == "ensemble":
        return ""
    return number(row.get("learnt", (facts.get("rows") or {}).get("train")))


def _candidate_cell(row: CandidateRow) -> Html:
    options = row.get("options") or {}
    told = ", ".join(
        f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in options.items() if v is not None
    )
    return tag("span", row["name"], title=told or None)


def _few(value: Any) -> str:
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        return "–"
    if 0 < value < 0.01:
        return "< 0.01"
    return f"{value:.2g}" if value < 1 else f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def metrics(facts: Facts, lang: str) -> Html:
    """Return every metric on the test rows with its interval."""
    rows = defined(facts)
    if not rows:
        return Html("")
    zh = lang == "zh"
    head = heads(lang, ("metric", "指标", "name"), ("value", "值", "n"), _INTERVAL, _BAR, ("", "", "side"))
    share = all(0 <= _real(m.get("value")) <= 1 for m in rows if math.isfinite(_real(m.get("value"))))
    body = []
    for m in rows:
        fits = share or 0 <= _real(m.get("value")) <= 1
        body.append((
            "main" if m["name"] == facts.get("metric") else "",
            [
                tag("span", said(m.get("title"), lang) or m["name"], title=m["name"]), number(m["value"]), interval(m["low"], m["high"]),
                _bar(m, (0.0, 1.0)) if fits and facts.get("task") != "regression" else "",
                tag("span", better(m, lang), class_="quiet"),
            ],
        ))  # fmt: skip
    words = Words(
        f"On the test {unit_of(facts.get('rows') or {}).many}, which were used only once, after the winner had been chosen.",
        "在测试集上计算；测试集只在选定模型之后使用一次。",
    )
    return join([paragraph(words, lang, "note"), table(head, body, "指标" if zh else "metrics")])


def figures(facts: Facts, lang: str, wanted: Any) -> Html:
    """Return the plots whose name `wanted` accepts; broad ones take the whole width."""
    out = []
    for plot in facts.get("plots") or []:
        if not wanted(plot["name"]):
            continue
        picture = tag("div", Html(in_lang(plot["svg"], lang, said(plot["title"], lang))), class_="scroll")
        parts = [tag("h3", said(plot["title"], lang)), tag("p", code(said(plot["says"], lang))), picture]
        size = _SIZE.search(plot["svg"])
        broad = size is not None and float(size[1]) > 540
        out.append(tag("figure", *parts, class_="whole" if broad else None, id=f"plot-{plot['name']}"))
    return tag("div", *out, class_="figures") if out else Html("")


def weak(facts: Facts, lang: str) -> Html:
    """Return the worst slices, labels and confusions."""
    return join([_slices(facts, lang), _labels(facts, lang), _confusions(facts, lang)])


def _slices(facts: Facts, lang: str) -> Html:
    rows = facts.get("slices")
    if not rows:
        return Html("")
    ends = scale([*rows, {"value": rows[0]["overall"]}])
    metric = said(rows[0].get("metric") or facts.get("metric_title"), lang)
    body = []
    for s in rows:
        told = [said(s["words"], lang), number(s["rows"]), number(s["value"]), interval(s["low"], s["high"])]
        body.append(("unmet", [*told, _bar(s, ends, [s["overall"]])]))
    note = Words(
        "Parts of the test rows with a worse score than all rows together (vertical line).",
        "测试集中表现低于整体（竖线）的部分。",
    )
    head = heads(lang, ("rows where", "范围", "name"), ("rows", "行数", "n"), (metric, metric, "n"), _INTERVAL, _BAR)
    grid = table(head, body, Words("slices", "最弱的切片").to(lang))
    return _titled(Words("Weakest slices", "最弱的切片"), lang, grid, note)


def _labels(facts: Facts, lang: str) -> Html:
    if not facts.get("per_class"):
        return Html("")
    head = heads(
        lang, ("label", "类别", "name"), ("precision", "精确率", "n"), ("recall", "召回率", "n"), ("F1", "F1", "n"),
        ("rows", "行数", "n"),
    )  # fmt: skip
    body = [
        ("", [p["label"], number(p["precision"]), number(p["recall"]), number(p["f1"]), number(p["rows"])])
        for p in facts["per_class"]
    ]
    grid = folded(head, body, 12, Words("labels", "类别").to(lang), lang == "zh")
    return _titled(Words("Labels, the weakest first", "各类别，最弱的在前"), lang, grid)


def _confusions(facts: Facts, lang: str) -> Html:
    if not facts.get("confusions"):
        return Html("")
    head = heads(lang, ("true", "真实", "name"), ("predicted", "误判为", "name"), ("times", "次数", "n"))
    body = [("", [c["true"], c["said"], number(c["count"])]) for c in facts["confusions"]]
    grid = folded(head, body, 8, Words("confusions", "混淆").to(lang), lang == "zh")
    return _titled(Words("Most frequent confusions", "最常见的混淆"), lang, grid)


def without(facts: Facts, lang: str) -> Html:
    """Return what the metric loses without each column, where that was measured."""
    rows = facts.get("without") or []
    if not rows:
        return Html("")
    ends = scale([*({**a, "value": a["drop"]} for a in rows), {"value": 0.0}])
    head = heads(lang, ("without", "缺少的列", "name"), ("lost", "损失", "n"), _INTERVAL, _BAR)
    body = [
        (
            "main" if _real(a["low"]) > 0 else "",
            [
                a["column"],
                number(a["drop"]),
                interval(a["low"], a["high"]),
                _bar({**a, "value": a["drop"]}, ends, [0.0]),
            ],
        )
        for a in rows
    ]
    title = said(facts.get("metric_title"), lang) or facts["metric"]
    words = Words(
        f"How much {title} is lost when a column is missing, on {rows[0]['rows']:,} test rows. Where the whole interval is above zero, the column adds something that the others do not have.",
        chinese("缺少某一列时损失多少", title)
        + f"（{rows[0]['rows']:,} 行测试数据）。区间全部大于零，说明该列提供了其他列没有的信息。",
    )
    grid = table(head, body, Words("what each column adds", "各列的贡献").to(lang))
    return _titled(Words("What each column adds", "各列的贡献"), lang, grid, words)
