"""The report: one page that opens offline, made from a run's facts in English or Chinese, whenever it is asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files

from modelwright.core.budget import duration_words, told_words
from modelwright.core.facts.run import Facts
from modelwright.core.schema import MODALITY_WORDS, ROLE_WORDS
from modelwright.core.task import get_task, task_names
from modelwright.core.unit import unit_of
from modelwright.core.words import Words
from modelwright.evaluate import privacy
from modelwright.evaluate.report import _examples, _practice, card
from modelwright.evaluate.report import _sections as parts
from modelwright.evaluate.report import fairness as _fairness
from modelwright.evaluate.report._private import private
from modelwright.evaluate.report.html import Html, code, interval, join, number, said, table, tag

# Nothing may be loaded or run: the page is what it is.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:"


@cache
def style() -> str:
    """Return the style sheet that all pages share."""
    return files("modelwright.evaluate.report").joinpath("style.css").read_text(encoding="utf-8")


def write_report(facts: Facts, lang: str) -> str:
    """Return the report page of a run's facts in `lang` (`en` or `zh`): no scripts, nothing loaded from elsewhere.

    Only name, task, metric, leaderboard and metrics are needed; each part is left out where its facts are.
    """
    zh = lang == "zh"
    made = [(key, title.to(lang), make(facts, lang)) for key, title, make in _PARTS]
    kept = [(key, title, body) for key, title, body in made if body]
    links = [tag("li", tag("a", title, href=f"#{key}")) for key, title, _ in kept]
    contents = tag("nav", tag("ol", *links), class_="contents", aria_label="目录" if zh else "contents")
    body = join(tag("section", tag("h2", title), body, id=key) for key, title, body in kept)
    skip = tag("a", "跳到正文" if zh else "Skip to the report", href="#result", class_="skip")
    main = tag("main", _header(facts, lang), contents, body, _footer(facts, lang))
    title = f"{facts['name']} – {'报告' if zh else 'report'}"
    head = tag(
        "head",
        Html('<meta charset="utf-8">'),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", Html(style())),
    )
    return f"<!doctype html>\n{tag('html', head, tag('body', skip, main), lang='zh-CN' if zh else 'en')}\n"


def _header(facts: Facts, lang: str) -> Html:
    zh = lang == "zh"
    task = get_task(facts["task"]) if facts["task"] in task_names() else None
    named = facts.get("target") and not (task and task.makes_files)
    of = [
        task.title.to(lang) if task else facts["task"],
        f"→ {facts['target']}" if named else None,
        facts.get("created"),
    ]
    mark = Words("no gate set", "未设门槛")
    kind = "plain"
    if facts.get("asked"):
        mark = Words("gate met", "达到门槛") if facts.get("met") else Words("gate not met", "未达门槛")
        kind = "good" if facts.get("met") else "bad"
    advice = [tag("li", code(said(a, lang))) for a in facts.get("advice") or []]
    return tag(
        "header",
        tag("h1", facts["name"]),
        tag("p", "  ·  ".join(str(x) for x in of if x), class_="eyebrow"),
        tag("p", code(_together(said(facts.get("verdict"), lang))) or _bare(facts, lang), class_="verdict"),
        tag("p", tag("span", mark.to(lang), class_=f"badge {kind}")),
        tag("p", tag("span", said(facts["due"], lang), class_="badge bad")) if facts.get("due") else "",
        tag("ul", *advice, class_="next", aria_label="下一步" if zh else "what next") if advice else "",
        _numbers(facts, lang),
        id="result",
    )


def _together(text: str) -> str:
    """Return a sentence whose intervals are not broken over lines."""
    return re.sub(r"(\d) - (-?\d)", "\\1\u00a0–\u2060\u00a0\\2", text)


def _bare(facts: Facts, lang: str) -> str:
    return f"{said(facts.get('metric_title'), lang) or facts['metric']} {number(facts.get('value'))}"


def _trained_on(facts: Facts, zh: bool) -> str:
    """Return what stands below the number of training rows: of how many, and with how many the winner was trained again."""
    rows = facts.get("rows") or {}
    said = f"读入 {number(rows.get('read'))}" if zh else f"of {number(rows.get('read'))} read"
    for row in facts.get("leaderboard") or []:
        if row.get("winner") and row.get("learnt") is not None:
            learnt = number(row["learnt"])
            said += (
                f"，{row['name']} 学习 {learnt} {unit_of(rows).behind}"
                if zh
                else f"; {row['name']} learnt from {learnt}"
            )
    if not facts.get("refitted") or rows.get("develop") is None:
        return said
    whole = rows["develop"]
    return f"{said}，重新训练用 {number(whole)}" if zh else f"{said}, refitted on {number(whole)}"


def _ms(value: float) -> str:
    return f"{value:.2g} ms" if value < 10 else f"{value:,.0f} ms"


def _numbers(facts: Facts, lang: str) -> Html:
    """Return the few figures that everyone asks for."""
    zh = lang == "zh"
    cells: list[tuple[str, str, str]] = []
    if facts.get("value") is not None:
        ends = interval(facts.get("low"), facts.get("high"))
        cells.append(
            (
                said(facts.get("metric_title"), lang) or facts["metric"],
                number(facts["value"]),
                f"95%：{ends}" if zh else f"95 %: {ends}",
            )
        )
    rows = facts.get("rows") or {}
    unit = unit_of(rows)
    if rows.get("train") is not None:
        cells.append(
            (
                f"训练{unit.name.zh}数" if zh else f"training {unit.many}",
                number(rows["train"]),
                _trained_on(facts, zh),
            )
        )
    if rows.get("test") is not None:
        where = ("官方划分" if zh else "official split") if rows.get("official") else ("留出" if zh else "held out")
        cells.append((f"测试{unit.name.zh}数" if zh else f"test {unit.many}", number(rows["test"]), where))
    if facts.get("ms_per_row") is not None:
        many = _ms(facts["batch_ms"])
        cells.append(
            (
                f"回答一{unit.behind}" if zh else "one answer",
                _ms(facts["ms_per_row"]),
                f"批量时每{unit.behind} {many}" if zh else f"{many} a {unit.one} in batches",
            )
        )
    seconds = facts.get("seconds")
    total = seconds.get("bundle") if isinstance(seconds, Mapping) else seconds
    if isinstance(total, (int, float)):
        of = facts.get("budget")
        cells.append(
            (
                "用时" if zh else "time",
                duration_words(float(total)).to(lang),
                (f"预算 {told_words(of).zh}" if zh else f"of a budget of {of}") if of else "",
            )
        )
    memory = facts.get("memory")
    if isinstance(memory, Mapping):
        granted = memory.get("granted")
        of = _gigabytes(granted) if granted else ""
        cells.append(
            (
                "内存峰值" if zh else "peak memory",
                _gigabytes(memory["peak"]),
                (f"可用 {of}" if zh else f"of {of} granted") if of else "",
            )
        )
        if worker := memory.get("worker"):
            cells.append(("工作进程内存峰值" if zh else "peak of a worker", _gigabytes(worker), ""))
    grid = [tag("div", tag("dt", name), tag("dd", value, tag("small", note))) for name, value, note in cells]
    return tag("dl", *grid, class_="facts") if grid else Html("")


def _gigabytes(size: float) -> str:
    return f"{size / 2**30:.1f} GB" if size >= 2**30 else f"{size / 2**20:.0f} MB"


def _footer(facts: Facts, lang: str) -> Html:
    made = Words(
        f"Made by Modelwright {facts.get('modelwright', '')}. This page quotes rows of your data: be careful whom you share it with.",
        f"由 Modelwright {facts.get('modelwright', '')} 生成。本页引用了您的数据，分享前请留意。",
    )
    quotes = any(s["private"] for s in facts.get("sections") or []) or any(
        p.get("private") for p in facts.get("plots") or []
    )
    if not (facts.get("mistakes") or facts.get("right") or quotes):
        made = Words(
            f"Made by Modelwright {facts.get('modelwright', '')}.",
            f"由 Modelwright {facts.get('modelwright', '')} 生成。",
        )
    return tag("footer", tag("p", made.to(lang)))


def _result(facts: Facts, lang: str) -> Html:
    return join([parts.metrics(facts, lang), parts.gate(facts, lang)])


def _pictures(facts: Facts, lang: str) -> Html:
    apart = ("curve", "data-curve", "importance", "fairness", "coverage")
    return parts.figures(facts, lang, lambda n: not n.startswith(apart))


def _importance(facts: Facts, lang: str) -> Html:
    zh = lang == "zh"
    rows = facts.get("importance") or []
    head = [
        ("列" if zh else "column", "name"),
        ("损失" if zh else "lost", "n"),
        ("95% 区间" if zh else "95 % interval", "n"),
    ]
    body = [("", [i["column"], number(i["drop"]), interval(i["low"], i["high"])]) for i in rows]
    drawn = parts.figures(facts, lang, lambda n: n == "importance")
    less = parts.without(facts, lang)
    if not rows:
        return join([drawn, less])
    grid = table(head, body, "各列的重要性" if zh else "importances")
    if not drawn:
        told = said(facts.get("importance_says"), lang)
        return join([tag("p", code(told), class_="note") if told else "", grid, less])
    return join([drawn, tag("details", tag("summary", "数值" if zh else "The numbers"), grid), less])


def _sections(facts: Facts, lang: str) -> Html:
    return join(parts.made(s, lang) for s in facts.get("sections") or [])


def _training(facts: Facts, lang: str) -> Html:
    drawn = parts.figures(facts, lang, lambda n: n.startswith("curve") or n == "data-curve")
    return join([drawn, _practice.spent(facts, lang)])


def _weak(facts: Facts, lang: str) -> Html:
    return join([_practice.few_rows(facts, lang), parts.weak(facts, lang)])


def _data(facts: Facts, lang: str) -> Html:
    zh = lang == "zh"
    out: list[Html] = []
    rank = {"error": 0, "warning": 1}
    for f in sorted(facts.get("findings") or [], key=lambda f: rank.get(f["severity"], 2)):
        at = ", ".join(map(str, (f.get("rows") or [])[:12]))
        where = tag("p", f"行 {at}" if zh else f"rows {at}", class_="note") if at else ""
        words = [tag("p", code(said(f["words"], lang))), tag("p", code(said(f["advice"], lang)), class_="note"), where]
        out.append(tag("div", *words, class_=f"finding {f['severity']}"))
    if facts.get("columns"):
        head = [
            ("列" if zh else "column", "name"),
            ("类型" if zh else "kind", ""),
            ("用途" if zh else "used as", ""),
            ("", ""),
        ]
        body = [
            ("failed" if c["role"] == "ignored" else "", [
                c["name"], MODALITY_WORDS[c["modality"]].to(lang), ROLE_WORDS[c["role"]].to(lang), code(said(c.get("reason"), lang)),
            ])
            for c in facts["columns"]
        ]  # fmt: skip
        out += [tag("h3", "列" if zh else "Columns"), parts.folded(head, body, 40, "列" if zh else "columns", zh)]
    return join(out)


def _card(facts: Facts, lang: str) -> Html:
    out = []
    for title, texts in card.sections(facts):
        out += [tag("h3", title.to(lang)), tag("ul", *(tag("li", code(t.to(lang))) for t in texts))]
    return join(out)


def _settings(facts: Facts, lang: str) -> Html:
    zh = lang == "zh"
    out = []
    for title, found in (
        (Words("Options", "选项"), facts.get("config")),
        (Words("Environment", "环境"), facts.get("environment")),
    ):
        kept = {k: v for k, v in (found or {}).items() if v not in (None, [], {}, "")}
        if kept:
            head = [("名称" if zh else "name", "key"), ("值" if zh else "value", "name")]
            grid = table(head, [("", [tag("code", k), str(v)]) for k, v in kept.items()], title.to(lang))
            out.append(tag("details", tag("summary", title.to(lang)), grid))
    return join(out)


_PARTS: list[tuple[str, Words, Callable[[Facts, str], Html]]] = [
    ("practice", Words("In practice", "实际效果"), _practice.practice),
    ("leaderboard", Words("Leaderboard", "排行榜"), parts.leaderboard),
    ("scores", Words("Scores", "得分"), _result),
    ("pictures", Words("Charts", "图表"), _pictures),
    ("answers", Words("In detail", "详情"), _sections),
    ("weak", Words("Weak spots", "薄弱之处"), _weak),
    ("mistakes", Words("Examples", "示例"), _examples.examples),
    ("importance", Words("Which columns matter", "哪些列重要"), _importance),
    ("fairness", Words("Fairness", "公平性"), _fairness.section),
    ("privacy", Words("Privacy", "隐私"), privacy.section),
    ("data", Words("Data", "数据"), _data),
    ("private", Words("Personal data", "个人数据"), private),
    ("training", Words("Training", "训练过程"), _training),
    ("card", Words("Model card", "模型卡"), _card),
    ("settings", Words("How to reproduce this", "如何复现"), _settings),
]
