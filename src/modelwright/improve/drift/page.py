"""The page `/drift`: what changed, before and after, and what to do; made on the server, without a script."""

from __future__ import annotations

import html
import time
from typing import Any

from modelwright.core.words import Words, counted
from modelwright.improve.drift.drawing import histogram
from modelwright.improve.drift.wording import name_words, part_words, state_words

STYLE = """
.drift { max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
.drift header { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: .4rem 1rem; }
.drift h1 { margin: 0; overflow-wrap: anywhere; }
.drift h2 { margin: 2.2rem 0 .8rem; font-size: 1.2rem; }
.drift h3 { margin: 0 0 .3rem; font-size: 1.05rem; overflow-wrap: anywhere; }
.drift p { margin: .3rem 0; overflow-wrap: anywhere; }
.drift .muted { color: var(--muted); }
.drift .cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 21rem), 1fr)); gap: 1rem; }
.drift article { border: 1px solid var(--line); border-radius: 10px; padding: 1rem; background: var(--paper); min-width: 0; }
.drift article.drifted { border-color: var(--harm); border-left-width: 5px; }
.drift .drift-plot { width: 100%; height: auto; margin: .6rem 0 .2rem; display: block; }
.drift .drift-plot .before { fill: var(--paper); stroke: var(--muted); stroke-width: 1; }
.drift .drift-plot .after { fill: var(--accent); stroke: var(--accent); stroke-width: 1; }
.drift .drift-plot .ground { stroke: var(--line); }
.drift .drift-plot text { fill: var(--muted); font-size: 10px; }
.drift .key { display: inline-block; width: .8em; height: .8em; border: 1px solid var(--muted); margin: 0 .35em 0 0; }
.drift .key.now { background: var(--accent); border-color: var(--accent); margin-left: 1em; }
.drift .wide { overflow-x: auto; }
.drift table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
.drift th, .drift td { text-align: left; padding: .4rem .6rem .4rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
.drift td.number, .drift th.number { text-align: right; }
.drift .state { font-weight: 650; }
.drift .state.drifted { color: var(--harm); }
.drift a:focus-visible, .drift .wide:focus-visible, .drift summary:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
"""


def page(facts: dict[str, Any], lang: str) -> str:
    """Return the body of the page from what `/drift/state` answers."""
    other = "en" if lang == "zh" else "zh"
    parts = [
        f"<header><h1>{_w('Drift', '数据漂移', lang)}: {html.escape(facts['name'])} {html.escape(str(facts['version']))}</h1>"
        f'<a href="drift?lang={other}" hreflang="{"zh-CN" if other == "zh" else "en"}" lang="{"zh-CN" if other == "zh" else "en"}">'
        f"{'中文' if other == 'zh' else 'English'}</a></header>"
    ]
    if facts.get("reference") is False:
        why = facts["why"]
        parts.append(f"<p>{html.escape(why['zh'] if lang == 'zh' else why['en'])}</p>")
        return f'<main class="drift">{"".join(parts)}</main>'
    parts.append(f"<p>{html.escape(_overview(facts, lang))}</p>")
    for said in (facts["performance_words"], facts["labels_words"]):
        if said:
            parts.append(f"<p>{html.escape(said['zh'] if lang == 'zh' else said['en'])}</p>")
    drifted = [c for c in facts["columns"] if c["state"] == "drifted"]
    rest = [c for c in facts["columns"] if c["state"] != "drifted"]
    legend = (
        f'<p class="muted"><span class="key" aria-hidden="true"></span>{_w("in training", "训练时", lang)}'
        f'<span class="key now" aria-hidden="true"></span>{_w("now", "现在", lang)}</p>'
    )
    if drifted:
        parts.append(f"<h2>{_w('What changed', '发生的变化', lang)}</h2>{legend}")
        parts.append(f'<div class="cards">{"".join(_card(c, lang) for c in drifted)}</div>')
    if rest:
        parts.append(f"<h2>{_w('Other columns', '其他列', lang)}</h2>{_table(rest, lang)}")
    if facts["alarms"]:
        parts.append(f"<h2>{_w('Alarms', '告警记录', lang)}</h2>{_alarms(facts['alarms'], lang)}")
    return f'<main class="drift">{"".join(parts)}</main>'


def _w(en: str, zh: str, lang: str) -> str:
    return html.escape(Words(en, zh).to(lang))


def _overview(facts: dict[str, Any], lang: str) -> str:
    count = sum(c["state"] == "drifted" for c in facts["columns"])
    rows = facts["rows"]
    if rows == 0:
        return Words("No rows have come yet.", "尚未收到数据。").to(lang)
    looked = Words(f"{counted(rows, 'row')} looked at", f"已检查 {rows:,} 行").to(lang)
    if facts["skipped"]:
        skipped = facts["skipped"]
        looked += Words(f", {skipped:,} more came too fast for that", f"，另有 {skipped:,} 行因过快而未检查").to(lang)
    if count == 0:
        return looked + Words(". They are like the training data.", "，与训练数据一致。").to(lang)
    return looked + Words(f". {count} of {len(facts['columns'])} columns have drifted.", f"。{len(facts['columns'])} 列中有 {count} 列发生漂移。").to(lang)  # fmt: skip


def _card(column: dict[str, Any], lang: str) -> str:
    name = html.escape(name_words(column["column"], column["role"]).to(lang))
    note, advice = column["note"], column["advice"]
    part = part_words(column["part"])
    since = column["since"]
    facts = Words(
        f"{part.en}: {column['effect']:.0%} of the rows fall elsewhere than in training", f"{part.zh}：{column['effect']:.0%} 的数据落在与训练时不同的区间"
    ).to(lang)  # fmt: skip
    began = Words(f"; since about {when(since)}, {counted(column['rows'], 'row')}", f"；约自 {when(since)} 起，{column['rows']:,} 行").to(lang) if since else ""  # fmt: skip
    said = f'<p class="state drifted">{html.escape(note["zh"] if lang == "zh" else note["en"])}</p>' if note else ""
    return (
        f'<article class="drifted"><h3>{name}</h3>{said}{histogram(column, lang)}'
        f'<p class="muted">{html.escape(facts + began + Words(".", "。").to(lang))}</p><p>{html.escape(advice["zh"] if lang == "zh" else advice["en"])}</p></article>'
    )


def _table(columns: list[dict[str, Any]], lang: str) -> str:
    head = "".join(
        f'<th scope="col"{" class=number" if number else ""}>{_w(en, zh, lang)}</th>'
        for en, zh, number in (("column", "列", False), ("state", "状态", False), ("most changed", "变化最大的指标", False), ("change", "变化", True))
    )  # fmt: skip
    rows = "".join(
        f'<tr><th scope="row">{html.escape(name_words(c["column"], c["role"]).to(lang))}</th>'
        f"<td>{html.escape(state_words(c['state']).to(lang))}</td><td>{html.escape(part_words(c['part']).to(lang))}</td>"
        f'<td class="number">{c["effect"]:.0%}</td></tr>'
        for c in columns
    )
    label = _w("other columns", "其他列", lang)
    return f'<div class="wide" tabindex="0" role="region" aria-label="{label}"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _alarms(alarms: list[dict[str, Any]], lang: str) -> str:
    items = []
    for a in alarms:
        name = name_words(a["column"], a["role"]).to(lang)
        ended = Words(f"over since {when(a['ended'])}", f"已于 {when(a['ended'])} 结束").to(lang) if a["ended"] else Words("stands", "持续中").to(lang)  # fmt: skip
        head = html.escape(f"{when(a['began'])} · {a['version']} · {name} · {ended}")
        note = a["facts"].get("note")
        said = f"<p>{html.escape(note['zh'] if lang == 'zh' else note['en'])}</p>" if note else ""
        items.append(f"<details><summary>{head}</summary>{said}{histogram(a['facts'], lang)}</details>")
    return "".join(items)


def when(seconds: float | None) -> str:
    """Return a time of the machine as people read it."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds)) if seconds else "-"
