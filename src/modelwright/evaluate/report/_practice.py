"""The parts of the report for those who decide: what the score means, what can be automated, what errors cost, where time went."""

from __future__ import annotations

from modelwright.core.budget import duration_words
from modelwright.core.facts.run import Facts
from modelwright.core.words import Words
from modelwright.evaluate.report import _sections as parts
from modelwright.evaluate.report.html import Html, code, join, number, said, table, tag
from modelwright.evaluate.report.plain import rounded, share

FEW = 10  # test rows of a label below which its figures are rough
_STAGES = {
    "data": Words("reading and checking the data", "读取并检查数据"),
    "train": Words("training", "训练"),
    "tune": Words("tuning", "调优"),
    "ensemble": Words("combining models", "组合模型"),
    "student": Words("one model learns what the blend answers", "单模型学习组合的回答"),
    "evaluate": Words("testing", "测试"),
    "bundle": Words("writing the bundle", "写出模型包"),
    "report": Words("writing the report", "生成报告"),
}
_WORK = {
    "probe": Words("trying out", "试跑"),
    "fit": Words("training", "训练"),
    "score": Words("scoring", "评分"),
    "refit": Words("training again", "重新训练"),
    "twin": Words("training again", "重新训练"),
}


def practice(facts: Facts, lang: str) -> Html:
    """Return what the scores mean for the work that the model is to do: how it compares, automation, money."""
    told = [said(pair, lang) for pair in (facts.get("chosen"), facts.get("guessing")) if pair]
    told = [
        text for text in told if text != " + ".join(facts.get("winner") or [])
    ]  # a name alone, as on the leaderboard
    return join([*(tag("p", code(text)) for text in told), _automation(facts, lang), money(facts, lang)])


def _automation(facts: Facts, lang: str) -> Html:
    zh = lang == "zh"
    drawn = parts.figures(facts, lang, lambda n: n == "coverage")
    rows = facts.get("coverage") or []
    if not rows:
        return drawn
    head = parts.heads(
        lang, ("left to the model", "交给模型的比例", "n"), ("confidence from", "置信度不低于", "n"), ("right", "正确率", "n"),
        ("95 % interval", "95% 区间", "n"), ("rows left to people", "留给人的行数", "n less"),
    )  # fmt: skip
    total = rows[0]["rows"]
    body = [
        ("", [f"{100 * r['share']:.0f} %", f"{r['confidence']:.2f}" if r["share"] < 1 else "0", f"{share(round(r['right'] * r['rows']), r['rows'])} %",
              f"{100 * r['low']:.0f} – {100 * r['high']:.0f} %", f"{total - r['rows']:,}"])
        for r in rows
    ]  # fmt: skip
    grid = table(head, body, "部分自动处理" if zh else "partial automation")
    if not drawn:
        return join([tag("h3", "部分自动处理，其余交给人" if zh else "Automate some, keep the rest for people"), grid])
    return join([drawn, tag("details", tag("summary", "数值" if zh else "The numbers"), grid)])


def money(facts: Facts, lang: str) -> Html:
    """Return what wrong answers cost, where `--cost` said what each costs."""
    found = facts.get("costs")
    if not found:
        return _orders(facts, lang)
    zh = lang == "zh"
    ends = f"{rounded(found['low'])} – {rounded(found['high'])}"
    label, fixed = found["fixed"]["label"], found["fixed"]["per_1000"]
    words = Words(
        f"Errors cost {rounded(found['per_1000'])} per 1,000 cases (95 %: {ends}), in the unit of --cost; answering `{label}` every time would cost {rounded(fixed)}.",
        f"按 --cost 的单位计，每 1,000 例的错误代价为 {rounded(found['per_1000'])}（95%：{ends}）；若一律回答 `{label}`，则为 {rounded(fixed)}。",
    )
    plain = found.get("likeliest")
    if plain:
        saved, saved_ends = rounded(plain["saved"]), f"{rounded(plain['low'])} – {rounded(plain['high'])}"
        words = Words(
            f"{words.en} Answers are those that cost least on the average; always giving the likeliest label would cost {rounded(plain['per_1000'])}, {saved} more (95 %: {saved_ends}).",
            f"{words.zh} 回答取期望代价最小者；若一律给出最可能的标签，代价为 {rounded(plain['per_1000'])}，多 {saved}（95%：{saved_ends}）。",
        )
    head = [
        ("实际" if zh else "true", "name"), ("预测" if zh else "predicted", "name"), ("次数" if zh else "times", "n"),
        ("每次代价" if zh else "cost each", "n less"), ("合计" if zh else "together", "n"),
    ]  # fmt: skip
    body = [
        ("", [e["true"], e["said"], number(e["count"]), rounded(e["each"]), rounded(e["cost"])])
        for e in found["errors"]
    ]
    title = "错误的代价" if zh else "What errors cost"
    return join([tag("h3", title), tag("p", code(words.to(lang))), table(head, body, title) if body else ""])


def _orders(facts: Facts, lang: str) -> Html:
    """Return what ordering the quantities of the answers costs, where `--too-much` and `--too-little` said what each unit does."""
    found = facts.get("order")
    if not found:
        return Html("")
    ends, saved = (
        f"{rounded(found['low'])} – {rounded(found['high'])}",
        f"{rounded(found['saved_low'])} – {rounded(found['saved_high'])}",
    )
    words = Words(
        f"A unit too much costs {rounded(found['too_much'])}, one too little {rounded(found['too_little'])}: the quantity to order should suffice in {100 * found['share']:.0f} % of cases; on the test rows it did in {100 * found['sufficed']:.0f} %. "
        f"Ordering it costs {rounded(found['mean'])} each time (95 %: {ends}); ordering the prediction itself would cost {rounded(found['plain'])}, {rounded(found['saved'])} more (95 %: {saved}).",
        f"多一单位的代价为 {rounded(found['too_much'])}，少一单位为 {rounded(found['too_little'])}：订货数量应在 {100 * found['share']:.0f}% 的情况下足够，测试集上实际为 {100 * found['sufficed']:.0f}%。"
        f"按此订货每次代价 {rounded(found['mean'])}（95%：{ends}）；若直接按预测值订货则为 {rounded(found['plain'])}，多 {rounded(found['saved'])}（95%：{saved}）。",
    )
    title = "订多少，代价多少" if lang == "zh" else "How much to order, and what it costs"
    return join([tag("h3", title), tag("p", code(words.to(lang)))])


def few_rows(facts: Facts, lang: str) -> Html:
    """Return a warning where labels have so few test rows that their figures are rough."""
    few = [p for p in facts.get("per_class") or [] if p["rows"] < FEW]
    if not few:
        return Html("")
    names, names_zh = (sep.join(f"`{p['label']}` ({p['rows']})" for p in few[:8]) for sep in (", ", "、"))
    words = Words(
        f"Fewer than {FEW} test rows: {names}. The figures of these labels are rough; more rows would settle them.",
        f"测试行不足 {FEW} 行的标签：{names_zh}。这些标签的数值仅供参考，需要更多数据才能确定。",
    )
    return tag("div", tag("p", code(words.to(lang))), class_="finding warning")


def spent(facts: Facts, lang: str) -> Html:
    """Return where the time went: by stage, and by model with what did not finish."""
    found = facts.get("time")
    if not found:
        return Html("")
    zh = lang == "zh"
    stages = [(_STAGES.get(k, Words(k, k)).to(lang), v) for k, v in found["stages"].items() if v >= 0.05]
    whole = sum(v for _, v in stages) or 1.0
    head = [("阶段" if zh else "stage", "name"), ("用时" if zh else "time", "n"), ("占比" if zh else "share", "n")]
    body = [("", [name, duration_words(v).to(lang), f"{100 * v / whole:.0f} %"]) for name, v in stages]
    out = [
        tag("h3", "时间用在哪里" if zh else "Where the time went"),
        table(head, body, "各阶段用时" if zh else "time by stage"),
    ]
    kinds = list(dict.fromkeys(w for spent in found["models"].values() for w in spent))
    if kinds:
        marks = {"failed": Words("did not finish", "未完成"), "untried": Words("not trained", "未训练")}
        status = {r["name"]: r.get("status", "ok") for r in facts.get("leaderboard") or []}
        head = [("模型" if zh else "model", "name"), *((_WORK.get(k, Words(k, k)).to(lang), "n") for k in kinds), ("合计" if zh else "together", "n"), ("", "")]  # fmt: skip
        rows = []
        for name, spent_ in sorted(found["models"].items(), key=lambda m: -sum(m[1].values())):
            cells = [duration_words(spent_[k]).to(lang) if k in spent_ else "" for k in kinds]
            mark = marks.get(status.get(name, "ok"), Words("", "")).to(lang)
            rows.append(("failed" if mark else "", [name, *cells, duration_words(sum(spent_.values())).to(lang), mark]))
        out.append(parts.folded(head, rows, 15, "各模型用时" if zh else "time by model", zh))
    return join(out)
