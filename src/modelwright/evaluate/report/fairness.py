"""The report's part on fairness: a table and a picture for each sensitive column, gaps, and what mitigation cost."""

from __future__ import annotations

import numpy as np

from modelwright.core.facts.privacy import FairnessFacts, MitigationFact, SensitiveColumn
from modelwright.core.facts.run import Facts
from modelwright.core.task import Plot
from modelwright.core.words import Words
from modelwright.evaluate.plots import canvas as c
from modelwright.evaluate.report.html import Html, code, interval, join, number, said, table, tag

_MOST = 16  # groups in a picture


def pictures(fair: FairnessFacts) -> list[Plot]:
    """Return a picture of each sensitive column: measures by group with their 95 % intervals."""
    return [_picture(fair, column, i) for i, column in enumerate(fair["columns"])]


def _picture(fair: FairnessFacts, column: SensitiveColumn, index: int) -> Plot:
    groups = [g for g in column["groups"] if g["rows"]][:_MOST]
    measures = [m for m in fair["measures"] if all(m in g["scores"] for g in groups)][:3]
    names = [c.plain(g["name"] or "–", 22) for g in groups]
    left = max([c.wide(n) for n in names] + [40]) + 20
    each, tall = 200.0, 26.0 * len(groups) + 70
    fig = c.figure(left + each * len(measures) + 12, tall)
    for k, key in enumerate(measures):
        ax = c.axes(fig, left + each * k, 38, each * (len(measures) - k - 1) + 24, 30)
        ax.grid(False, axis="y")
        place = np.arange(len(groups))
        values, low, high = (np.array([g["scores"][key][j] for g in groups], float) for j in range(3))
        for p, a, b, g in zip(place, low, high, groups):
            ax.plot([a, b], [p, p], color=c.MUTED if g["few"] else c.ACCENT, linewidth=2.4, alpha=0.45)
        for p, v, g in zip(place, values, groups):
            ax.plot([v], [p], "o", color=c.MUTED if g["few"] else c.ACCENT, markersize=5)
        ax.set_ylim(len(groups) - 0.5, -0.5)
        ax.set_yticks(place, names if k == 0 else [""] * len(names))
        ax.locator_params(axis="x", nbins=4)
        c.name_axes(ax, None, Words(*fair["measures"][key]))
    title = Words(f"By {column['column']}", f"按 {column['column']} 分组")
    worst = max(
        (g for g in column["gaps"] if g["name"].startswith("gap:")), key=lambda g: _size(g["value"]), default=None
    )
    says = Words(
        "Each line is a group of the test rows, with its 95 % interval; grey ones have too few rows to count.",
        "每行是测试集中的一组及其 95% 区间；灰色的组行数太少，不计入差距。",
    )
    if worst is not None and np.isfinite(worst["value"]):
        says = Words(
            f"{says.en} The largest gap is the {Words(*worst['title']).en}: {number(worst['value'])} ({interval(worst['low'], worst['high'])}).",
            f"{says.zh}最大的是{Words(*worst['title']).zh}：{number(worst['value'])}（{interval(worst['low'], worst['high'])}）。",
        )
    name = f"fairness-{index}"
    return Plot(name, title, says, c.svg(fig, name, title))


def _size(value: float) -> float:
    return value if np.isfinite(value) else -1.0


def section(facts: Facts, lang: str) -> Html:
    """Return the report's part on fairness; empty where no sensitive column was named."""
    fair = facts.get("fairness")
    if not fair:
        return Html("")
    zh = lang == "zh"
    out: list[Html] = [tag("p", code(_summary(fair).to(lang)), class_="note")]
    plots = {p["name"]: p for p in facts.get("plots") or []}
    for i, column in enumerate(fair["columns"]):
        out.append(tag("h3", f"按 {column['column']} 分组" if zh else f"By {column['column']}"))
        plot = plots.get(f"fairness-{i}")
        if plot:
            picture = tag("div", Html(c.in_lang(plot["svg"], lang, said(plot["title"], lang))), class_="scroll")
            out.append(tag("figure", tag("p", code(said(plot["says"], lang))), picture, id=f"plot-fairness-{i}"))
        out += [_groups(fair, column, lang), _gaps(column, lang)]
    if fair.get("mitigation"):
        out.append(_mitigation(fair["mitigation"], lang))
    return join(out)


def _summary(fair: FairnessFacts) -> Words:
    good, zh = "", ""
    if fair["favourable"] is not None:
        good, zh = (
            f" The answer that is good to get is `{fair['favourable']}`.",
            f"“应得”的回答为 `{fair['favourable']}`。",
        )
    return Words(
        f"On the test rows. A gap is the largest difference between two groups of 20 rows or more; with few rows, chance alone makes gaps, so mind the intervals.{good}",
        f"在测试集上计算。差距为任意两组（各不少于 20 行）之间的最大差异；行数少时偶然也会造成差距，请留意区间。{zh}",
    )


def _groups(fair: FairnessFacts, column: SensitiveColumn, lang: str) -> Html:
    zh = lang == "zh"
    head = [("组" if zh else "group", "name"), ("行数" if zh else "rows", "n")]
    for title in fair["measures"].values():
        head += [(said(title, lang), "n"), ("95% 区间" if zh else "95 % interval", "n")]
    rows = []
    for g in column["groups"]:
        cells: list[object] = [said(g["words"], lang), number(g["rows"])]
        for key in fair["measures"]:
            value, low, high = g["scores"].get(key, (float("nan"),) * 3)
            cells += [number(value), interval(low, high)]
        rows.append(("failed" if g["few"] else "", cells))
    return table(head, rows, "各组" if zh else "groups")


def _gaps(column: SensitiveColumn, lang: str) -> Html:
    zh = lang == "zh"
    head = [
        ("差距" if zh else "gap", "name"), ("门槛中的写法" if zh else "in a gate", "key"), ("值" if zh else "value", "n"),
        ("95% 区间" if zh else "95 % interval", "n"),
    ]  # fmt: skip
    rows = [
        ("", [said(g["title"], lang), tag("code", g["name"]), number(g["value"]), interval(g["low"], g["high"])])
        for g in column["gaps"]
    ]
    return table(head, rows, "差距" if zh else "gaps")


def _mitigation(found: MitigationFact, lang: str) -> Html:
    zh = lang == "zh"
    out = [
        tag("h3", "缩小差距的措施与代价" if zh else "What was done, and what it cost"),
        tag("p", said(found["words"], lang)),
    ]
    if found.get("rows"):
        head = [("", "name"), ("之前" if zh else "before", "n"), ("之后" if zh else "after", "n")]
        rows = [("", [said(r["title"], lang), number(r["before"]), number(r["after"])]) for r in found["rows"]]
        out.append(table(head, rows, "代价" if zh else "cost"))
    return join(out)
