"""The model card: what a model is for, where it comes from, how good it is and where not, in plain words.

Source of the form: Mitchell et al., Model Cards for Model Reporting, arXiv 1810.03993. Every part is left out where the
facts do not hold it, so a bundle's short facts and a report's long ones give cards of different length.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from modelwright.core.budget import told_words
from modelwright.core.facts.base import Pair
from modelwright.core.facts.candidates import OriginFact
from modelwright.core.facts.run import Facts
from modelwright.core.facts.scores import BaselineFact
from modelwright.core.schema import MODALITY_WORDS
from modelwright.core.task import get_task, task_names
from modelwright.core.unit import unit_of
from modelwright.core.words import Words, counted
from modelwright.evaluate import privacy
from modelwright.evaluate.report import _private
from modelwright.evaluate.report.html import interval, number, said
from modelwright.evaluate.report.plain import defined

_MACHINE = {"system": "系统", "cores": "处理器核数"}  # of the environment, in Chinese


def card(facts: Facts, lang: str) -> str:
    """Return the model card as Markdown in `lang`."""
    lines = [f"# {_md(facts['name'])}", ""]
    for title, texts in sections(facts):
        lines += [f"## {title.to(lang)}", ""]
        lines += [f"- {_md(text.to(lang))}" for text in texts]
        lines.append("")
    return "\n".join(lines)


def sections(facts: Facts) -> list[tuple[Words, list[Words]]]:
    """Return the card's parts in order: a title, and one sentence or fact per line."""
    parts: list[tuple[Words, Callable[[Facts], list[Words]]]] = [
        (Words("Intended use", "用途"), _use),
        (Words("Data", "数据"), _data),
        (Words("Training", "训练"), _training),
        (Words("Results", "结果"), _results),
        (Words("Privacy", "隐私"), privacy.told),
        (Words("Limits", "局限"), _limits),
        (Words("Cost", "开销"), _cost),
        (Words("Findings in the data", "数据中的发现"), _findings),
        (Words("Origin", "来源"), _origin),
    ]
    made = [(title, make(facts)) for title, make in parts]
    told = [(Words(*title), [Words(*text)]) for title, text in facts.get("card") or []]
    return [(title, texts) for title, texts in made if texts] + told


def _as_code(names: Sequence[object], more: str = "") -> Words:
    """Return names as code, one after the other."""
    shown = [f"`{n}`" for n in names]
    return Words(", ".join(shown) + more, "、".join(shown) + more)


def _md(text: str) -> str:
    """Return a text on one line that Markdown does not take for a tag or a table."""
    return " ".join(text.split()).replace("<", "&lt;").replace("|", "\\|")


def _use(facts: Facts) -> list[Words]:
    target = facts.get("target", "")
    inputs = [c for c in facts.get("columns") or [] if c["role"] == "input"]
    more = " ..." if len(inputs) > 30 else ""
    names = ", ".join(f"`{c['name']}` ({c['modality']})" for c in inputs[:30]) + more
    names_zh = "、".join(f"`{c['name']}`（{MODALITY_WORDS[c['modality']].zh}）" for c in inputs[:30]) + more
    task = get_task(facts["task"]).title if facts["task"] in task_names() else Words(facts["task"], facts["task"])
    of = unit_of(facts.get("rows") or {}).name
    out = [Words(f"Task: {task.en}; it answers `{target}`.", f"任务：{task.zh}；回答 `{target}`。")]
    if names:
        out.append(Words(f"It reads: {names}.", f"读取的列：{names_zh}。"))
    labels = facts.get("labels") or [p["label"] for p in facts.get("per_class") or []]
    if labels:
        shown = _as_code(labels[:40], " ..." if len(labels) > 40 else "")
        out.append(
            Words(f"Possible answers ({len(labels)}): {shown.en}.", f"可能的回答（{len(labels)} 个）：{shown.zh}。")
        )
    out.append(
        Words(
            f"For {of.en} like those it was trained on. Where a prediction affects a person, a person should make the decision.",
            f"适用于与训练数据相似的{of.zh}。若预测关系到个人权益，应由人作出决定，模型仅供参考。",
        )
    )
    return out


def _data(facts: Facts) -> list[Words]:
    rows = facts.get("rows") or {}
    unit, out = unit_of(rows), []
    if rows.get("read") is not None:
        name = unit.many
        out.append(
            Words(
                f"{name[:1].upper()}{name[1:]} read: {number(rows['read'])}.",
                f"读入 {number(rows['read'])} {unit.behind}。",
            )
        )
    if rows.get("train") is not None:
        out.append(
            Words(
                f"Trained on {number(rows['train'])}, chosen on {number(rows.get('valid'))}, tested on {number(rows.get('test'))} {unit.many} that were read once, at the end.",
                f"训练 {number(rows['train'])} {unit.behind}，验证 {number(rows.get('valid'))} {unit.behind}，测试 {number(rows.get('test'))} {unit.behind}；测试集只在最后读取一次。",
            )
        )
    if rows.get("official"):
        out.append(Words(f"The test {unit.many} are the official split that was given.", "测试集为给定的官方划分。"))
    elif rows.get("test"):
        out.append(Words(f"The test {unit.many} were held out from the same source.", "测试集从同一来源中留出。"))
    return out + _private.sentences(facts)


def _training(facts: Facts) -> list[Words]:
    out = []
    if facts.get("winner"):
        names = _as_code(facts["winner"])
        both = len(facts["winner"]) > 1
        out.append(
            Words(
                f"Model: {names.en}{', averaged with weights' if both else ''}.",
                f"模型：{names.zh}{'，按权重平均' if both else ''}。",
            )
        )
    if facts.get("refitted"):
        out.append(
            Words(
                "After the choice it was trained again on all rows but the test rows.",
                "选定后用测试集以外的全部数据重新训练。",
            )
        )
    rows = [r for r in facts.get("leaderboard") or [] if r.get("recipe") != "ensemble"]
    tried = [r for r in rows if r.get("status", "ok") in ("ok", "failed")]
    if tried:
        failed = sum(r.get("status") == "failed" for r in tried)
        told = Words(
            counted(len(tried), "candidate was", "candidates were") + " tried", f"共尝试 {len(tried)} 个候选模型"
        )
        if failed:
            told = Words(f"{told.en}, {failed} of which did not finish", f"{told.zh}，其中 {failed} 个未能完成")
        out.append(Words(f"{told.en}.", f"{told.zh}。"))
    untried: dict[tuple[str, str], list[str]] = {}
    for r in rows:
        if r.get("status") == "untried":
            untried.setdefault((said(r.get("reason"), "en"), said(r.get("reason"), "zh")), []).append(r["name"])
    if untried:
        parts = [(_as_code(names), why) for why, names in untried.items()]
        en = "; ".join(f"{names.en} ({why[0]})" for names, why in parts)
        zh = "；".join(f"{names.zh}（{why[1]}）" for names, why in parts)
        out.append(Words(f"Not trained: {en}.", f"未训练：{zh}。"))
    seed = (facts.get("config") or {}).get("seed")
    return out if seed is None else [*out, Words(f"Seed: {seed}.", f"随机种子：{seed}。")]


def _results(facts: Facts) -> list[Words]:
    out = [Words(said(facts["verdict"], "en"), said(facts["verdict"], "zh"))] if facts.get("verdict") else []
    scored: list[tuple[Pair | str, float | None, float | None, float | None]] = [
        (m["title"], m["value"], m.get("low"), m.get("high")) for m in defined(facts)
    ]
    if not scored and facts.get("value") is not None:
        main = facts.get("metric_title") or facts["metric"]
        scored = [(main, facts.get("value"), facts.get("low"), facts.get("high"))]
    for name, value, low, high in scored:
        ends = interval(low, high)
        title = Words(said(name, "en"), said(name, "zh"))
        out.append(
            Words(
                f"{title.en}: {number(value)}{f' (95 % interval {ends})' if ends else ''}",
                f"{title.zh}：{number(value)}{f'（95% 区间 {ends}）' if ends else ''}",
            )
        )
    return out + [_against(b) for b in facts.get("baselines") or []]


def _against(other: BaselineFact) -> Words:
    """Say how the model compares with another on the test rows: better, worse, or not to be told apart."""
    ends, name = interval(other["low"], other["high"]), other["name"]
    if not ends:  # undefined on these rows
        return Words(f"It cannot be compared with `{name}` on these rows.", f"在这些行上无法与 `{name}` 比较。")
    difference = number(abs(other["difference"]))
    if other["low"] > 0:
        return Words(f"Better than `{name}` by {difference} ({ends}).", f"优于 `{name}`，相差 {difference}（{ends}）。")
    if other["high"] < 0:
        return Words(f"Worse than `{name}` by {difference} ({ends}).", f"不如 `{name}`，相差 {difference}（{ends}）。")
    return Words(
        f"No clear difference from `{name}` on these rows: the difference is {number(other['difference'])} ({ends}).",
        f"在这些行上与 `{name}` 没有明显差别：差值为 {number(other['difference'])}（{ends}）。",
    )


def _limits(facts: Facts) -> list[Words]:
    out = []
    for s in (facts.get("slices") or [])[:5]:
        words = Words(said(s["words"], "en"), said(s["words"], "zh"))
        out.append(
            Words(
                f"Weaker where {words.en}: {said(s['metric'], 'en')} {number(s['value'])} instead of {number(s['overall'])} ({counted(s['rows'], 'row')}).",
                f"{words.zh} 时较弱：{said(s['metric'], 'zh')} {number(s['value'])}，整体为 {number(s['overall'])}（{s['rows']} 行）。",
            )
        )
    for p in (facts.get("per_class") or [])[:3]:
        if p["f1"] < 0.8:
            out.append(
                Words(
                    f"Weak at `{p['label']}`: F1 {number(p['f1'])}, {counted(p['rows'], 'row')}.",
                    f"对 `{p['label']}` 较弱：F1 {number(p['f1'])}，{p['rows']} 行。",
                )
            )
    if facts.get("asked") and not facts.get("met"):
        out.append(Words("It does not meet the gate that was asked for.", "未满足所要求的门槛。"))
    out.append(
        Words(
            "Measured once, on data from one time and source: measure again when the data changes.",
            "仅在特定时间与来源的数据上测得：数据变化后应重新评估。",
        )
    )
    return out


def _cost(facts: Facts) -> list[Words]:
    out = []
    if facts.get("ms_per_row") is not None:
        one, many = facts["ms_per_row"], facts["batch_ms"]
        out.append(
            Words(
                f"One answer takes about {one:.2g} ms; in batches, a row takes about {many:.2g} ms.",
                f"回答一行约需 {one:.2g} 毫秒；批量时每行约 {many:.2g} 毫秒。",
            )
        )
    if facts.get("budget"):
        budget = told_words(facts["budget"])
        out.append(Words(f"Budget of the run: {budget.en}.", f"本次运行的预算：{budget.zh}。"))
    return out


def _findings(facts: Facts) -> list[Words]:
    grave = [f for f in facts.get("findings") or [] if f["severity"] != "info"]
    return [
        Words(
            f"{said(f['words'], 'en')} {said(f['advice'], 'en')}".strip(),
            f"{said(f['words'], 'zh')}{said(f['advice'], 'zh')}",
        )
        for f in grave[:20]
    ]


def _origin(facts: Facts) -> list[Words]:
    out = []
    if facts.get("created"):
        out.append(
            Words(
                f"Made with Modelwright {facts.get('modelwright', '')} on {facts['created']}.",
                f"由 Modelwright {facts.get('modelwright', '')} 于 {facts['created']} 生成。",
            )
        )
    out += [_pretrained(o) for o in facts.get("origins") or []]
    out += [Words(f"{k}: {v}", f"{_MACHINE.get(k, k)}：{v}") for k, v in (facts.get("environment") or {}).items()]
    return out


def _pretrained(origin: OriginFact) -> Words:
    """Say which pretrained encoder a model was made from; its weights are part of the bundle."""
    known = [
        (Words("revision", "版本"), origin.get("revision")),
        (Words("SHA-256 of its weights", "权重 SHA-256"), origin.get("sha256")),
        (Words("licence", "许可"), origin.get("licence")),
        (Words("paper", "论文"), origin.get("paper")),
    ]
    en = "".join(f"; {w.en} {value}" for w, value in known if value is not None)
    zh = "".join(f"；{w.zh} {value}" for w, value in known if value is not None)
    return Words(
        f"Made from the pretrained encoder {origin['name']} ({origin['kind']}), whose weights this bundle carries{en}.",
        f"基于预训练编码器 {origin['name']}（{origin['kind']}），其权重包含在模型包中{zh}。",
    )
