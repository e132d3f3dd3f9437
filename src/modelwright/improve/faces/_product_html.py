"""The parts of the product page as HTML."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Any

from modelwright.core.words import Words
from modelwright.improve.product import Action, Facts

_DECISIONS = {
    "promoted": Words("promoted", "已上线"),
    "better": Words("better, waits", "更好，待上线"),
    "open": Words("no clear difference", "无明显差别"),
    "worse": Words("worse", "更差"),
}


def body_of(facts: Facts, lang: str, *, may: bool, price: float | None) -> str:
    """Return the page's body; with `may` its buttons."""

    def t(en: str, zh: str) -> str:
        return html.escape(Words(en, zh).to(lang))

    other = "en" if lang == "zh" else "zh"
    name = {"en": "English", "zh": "中文"}[other]
    parts = [
        f'<header><h1>{html.escape(facts.name)}</h1><nav><a href="./?lang={lang}">{t("Try it", "试用")}</a> '
        f'<a href="product?lang={other}" hreflang="{other}" lang="{other}">{name}</a></nav></header>',
        f"<h2>{t('What to do next', '下一步')}</h2>",
        _actions(facts.actions, lang, may),
        f"<h2>{t('Releases', '发布版本')}</h2>",
        _releases(facts, lang, may),
        _price_form(price, lang),
        _served(facts, lang),
    ]
    if facts.corrections:
        head = [t("predicted", "预测为"), t("actually", "实际为"), t("times", "次数")]
        rows = [[html.escape(a), html.escape(b), str(n)] for a, b, n in facts.corrections]
        parts += [
            f"<h2>{t('What people corrected', '用户的更正')}</h2>",
            _table(head, rows, (2,), lang, Words("What people corrected", "用户的更正")),
        ]
    if facts.experiments:
        parts.append(f"<h2>{t('Experiments', '实验')}</h2><ul>")
        for one, _, words in facts.experiments:
            state = t("runs", "进行中") if one.ended is None else t("ended", "已结束")
            said = html.escape(words.to(lang)) if words else t("no result was kept", "未保存结果")
            parts.append(f"<li><b>{one.number}</b> ({state}) {said}</li>")
        parts.append("</ul>")
    if facts.improvements:
        parts += [f"<h2>{t('Attempts to improve', '改进记录')}</h2>", _improvements(facts, lang)]
    if facts.adapt is not None:
        parts += [f"<h2>{t('Learning between retrainings', '两次训练之间的学习')}</h2>", _adapt(facts.adapt, lang)]
    return f'<main class="product">{"".join(parts)}</main>'


def _actions(actions: Sequence[Action], lang: str, may: bool) -> str:
    out = []
    for action in actions:
        command = f"<code>{html.escape(action.command)}</code>" if action.command else ""
        button = _button(*action.button, lang) if action.button and may else ""
        out.append(f"<li><p>{html.escape(action.words.to(lang))}</p>{command}{button}</li>")
    return f'<ol class="actions">{"".join(out)}</ol>'


def _button(act: str, version: int, lang: str) -> str:
    said = {
        "promote": Words(f"Let {version} answer", f"让 {version} 上线"),
        "rollback": Words(f"Back to {version}", f"回退到 {version}"),
    }[act]
    field = f'<input type="hidden" name="version" value="{version}">' if act == "promote" else ""
    return f'<form method="post" action="product/{act}?lang={lang}">{field}<button>{html.escape(said.to(lang))}</button></form>'


def _releases(facts: Facts, lang: str, may: bool) -> str:
    def t(en: str, zh: str) -> str:
        return html.escape(Words(en, zh).to(lang))

    head = [
        t("version", "版本"),
        t("test score", "测试得分"),
        t("right", "正确"),
        t("wrong", "错误"),
        t("thumbs", "赞 / 踩"),
        t("answers here", "本进程回答数"),
        t("cost of 1,000", "每千次成本"),
        "",
    ]
    rows = []
    for r in facts.releases:
        aliases = f" <small>{html.escape(', '.join(r['aliases']))}</small>" if r["aliases"] else ""
        score = r.get("score")
        title = html.escape(Words(*r["metric"]).to(lang)) if r.get("metric") else ""
        served = r.get("served") or {}
        button = ""
        if may and "previous" in r["aliases"]:
            button = _button("rollback", int(r["version"]), lang)
        elif may and "champion" not in r["aliases"]:
            button = _button("promote", int(r["version"]), lang)
        error = "" if r["error"] is None else f" <small>± {r['error']:.3g}</small>"
        rows.append(
            [
                f"<b>{html.escape(r['version'])}</b>{aliases}",
                f"{title} {score:.3f}" if isinstance(score, float) else "",
                f"{r['right']:,}",
                f"{r['wrong']:,}{error}",
                f"{r['up']:,} / {r['down']:,}",
                f"{served['rows']:,}" if served else "",
                _cost(served, lang),
                button,
            ]
        )
    return _table(head, rows, (2, 3, 4, 5, 6), lang, Words("Releases", "发布版本"))


def _cost(served: dict[str, Any], lang: str) -> str:
    if not served or served["seconds"] is None:
        return ""
    seconds = f"{served['seconds']:.3g} {Words('s of a core', '核·秒').to(lang)}"
    return seconds if served["cost"] is None else f"{served['cost']:.3g} <small>({seconds})</small>"


def _price_form(price: float | None, lang: str) -> str:
    label = html.escape(Words("Price of an hour of one core", "单核每小时价格").to(lang))
    show = html.escape(Words("Show cost", "显示成本").to(lang))
    value = "" if price is None else f"{price:g}"
    return (
        f'<form method="get" action="product" class="price"><input type="hidden" name="lang" value="{lang}">'
        f'<label for="price">{label}</label><input id="price" name="price" inputmode="decimal" value="{value}">'
        f"<button>{show}</button></form>"
    )


def _served(facts: Facts, lang: str) -> str:
    served = next((r["served"] for r in facts.releases if r.get("served")), None)
    if not served or not served["answers"]:
        return ""
    total = sum(n for _, n in served["answers"])
    title = Words(
        f"What version {served['version']} answers (this process, {served['hours']:.1f} h)",
        f"版本 {served['version']} 的回答（本进程，{served['hours']:.1f} 小时）",
    ).to(lang)
    rows = [[html.escape(label), f"{n:,}", f"{100 * n / total:.1f} %"] for label, n in served["answers"]]
    head = [html.escape(Words(*w).to(lang)) for w in (("answer", "回答"), ("times", "次数"), ("share", "比例"))]
    return f"<h2>{html.escape(title)}</h2>{_table(head, rows, (1, 2), lang, Words('Answers', '回答'))}"


def _improvements(facts: Facts, lang: str) -> str:
    def t(en: str, zh: str) -> str:
        return html.escape(Words(en, zh).to(lang))

    head = [
        t("when", "时间"),
        t("version", "版本"),
        t("corrections", "更正"),
        t("old test rows", "旧测试集"),
        t("fresh feedback", "新反馈"),
        t("judgement", "结论"),
    ]
    rows = []
    for one in facts.improvements[:20]:
        spans = []
        for part in ("old", "fresh"):
            b = one.facts.get(part)
            spans.append("" if b is None else f"{b['champion']:.3f} → {b['challenger']:.3f}")
        learnt = one.facts.get("rows", {}).get("learnt", 0)
        said = _DECISIONS.get(one.decision, Words(one.decision, one.decision)).to(lang)
        rows.append([html.escape(one.at), f"{one.champion} → {one.version}", f"{learnt:,}", *spans, html.escape(said)])
    return _table(head, rows, (2, 3, 4), lang, Words("Attempts to improve", "改进记录"))


def _adapt(state: dict[str, Any], lang: str) -> str:
    status = {
        "learning": Words("learns, not used yet", "学习中，尚未启用"),
        "used": Words("used", "已启用"),
        "fallen back": Words("fell back to the model alone", "已退回原模型"),
    }[state["status"]].to(lang)
    gain = ""
    if state["compared"]:
        said = Words(
            f"over the last {state['compared']} pieces of feedback: {state['alone']:.3f} alone, {state['adapted']:.3f} with what was learnt",
            f"最近 {state['compared']} 条反馈：原模型 {state['alone']:.3f}，加上所学 {state['adapted']:.3f}",
        )
        gain = f"; {said.en}" if lang != "zh" else f"；{said.zh}"
    learnt = Words(f"{state['updates']:,} learnt from", f"已学习 {state['updates']:,} 条").to(lang)
    return f"<p><b>{html.escape(status)}</b> ({html.escape(learnt)}){html.escape(gain)}</p>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int], lang: str, about: Words) -> str:
    """Return a table of HTML cells in a frame that scrolls by itself; columns of `numbers` are set to the right."""

    def cells(row: Sequence[str], tag: str) -> str:
        return "".join(
            f"<{tag}{' class=n' if i in numbers else ''}{' scope=col' if tag == 'th' and c else ''}>{c}</{tag}>"
            for i, c in enumerate(row)
        )

    top = "".join(
        f'<th scope="col"{" class=n" if i in numbers else ""}>{c}</th>' if c else "<td></td>"
        for i, c in enumerate(head)
    )
    label = html.escape(about.to(lang))
    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return f'<div class="wide" role="region" tabindex="0" aria-label="{label}"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
