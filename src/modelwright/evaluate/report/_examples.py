"""Rows of the report, quoted: those that were answered rightly beside those that were not, with what spoke for each answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from modelwright.core.facts.details import AttributionFact, QuotedRow
from modelwright.core.facts.run import Facts
from modelwright.core.words import Words
from modelwright.evaluate.report.html import Html, code, esc, join, number, tag
from modelwright.evaluate.report.pictures import of_mistake

_MISTAKES = 5  # shown at once, the others on demand


def examples(facts: Facts, lang: str) -> Html:
    """Return rows that were answered rightly, then the mistakes."""
    zh = lang == "zh"
    good, bad = _right(facts, lang), mistakes(facts, lang)
    if not good or not bad:
        return join([good, bad])
    heads = ("预测正确的行", "预测错误的行") if zh else ("Right", "Wrong")
    return join([tag("h3", heads[0]), good, tag("h3", heads[1]), bad])


def _right(facts: Facts, lang: str) -> Html:
    found = facts.get("right") or []
    if not found:
        return Html("")
    zh = lang == "zh"
    words = Words(
        "Rows that the model got right, one for each of its labels where there are few: what everyday answers look like.",
        "预测正确的行（标签不多时每个标签一行），可由此了解日常预测的样子。",
    )
    if facts.get("task") == "regression":
        words = Words(
            "Rows with a typical error: half of all predictions are closer to the truth, half are further off.",
            "误差处于中等水平的行：一半的预测更准，另一半误差更大。",
        )
    cards = [_mistake(m, zh) for m in found]
    return join([tag("p", code(words.to(lang)), class_="note"), tag("div", *cards, class_="pair")])


def mistakes(facts: Facts, lang: str) -> Html:
    """Return the mistakes of highest confidence with their inputs; words are tinted by what they spoke for."""
    found = facts.get("mistakes") or []
    if not found:
        return Html("")
    zh = lang == "zh"
    words = Words(
        "Wrong predictions in which the model was most confident. Either the model misses something or the label in the data is wrong; both are worth a look. Blue marks what spoke for the prediction, red what spoke against it.",
        "置信度最高却预测错误的行。可能是模型有所遗漏，也可能是数据中的标签有误，都值得查看。蓝色表示支持该预测的内容，红色表示反对的内容。",
    )
    if facts.get("task") == "regression":
        words = Words(
            "The predictions that are furthest off. Blue marks what raised the prediction, red what lowered it.",
            "与真实值相差最大的预测。蓝色表示使预测值升高的内容，红色表示使其降低的内容。",
        )
    if any(m.get("pictures") for m in found):
        words = Words(f"{words.en} In pictures the place is marked.", f"{words.zh}图片中标出相应位置。")
    cards = [_mistake(m, zh) for m in found]
    out = [tag("p", code(words.to(lang)), class_="note"), *cards[:_MISTAKES]]
    if len(cards) > _MISTAKES:
        more = f"另外 {len(cards) - _MISTAKES} 行" if zh else f"{len(cards) - _MISTAKES} more"
        out.append(tag("details", tag("summary", more), *cards[_MISTAKES:]))
    return join(out)


def _mistake(mistake: QuotedRow, zh: bool) -> Html:
    m = mistake
    sure = "" if m.get("confidence") is None else f"{'，置信度' if zh else ', confidence'} {number(m['confidence'])}"
    same = m["said"] == m["true"]
    first = join([
        f"第 {m['row']} 行：预测为 " if zh else f"Row {m['row']}: predicted ", tag("strong", _answer(m["said"])),
        *([] if same else ["，实际为 " if zh else ", actually ", tag("strong", _answer(m["true"]))]), tag("span", sure, class_="quiet"),
    ])  # fmt: skip
    inputs = []
    most = max((abs(e["weight"]) for e in m.get("explanation") or []), default=0.0)
    for name, text in m["inputs"].items():
        parts = [e for e in m.get("explanation") or [] if e["column"] == name]
        inputs += [tag("dt", name), tag("dd", of_mistake(m, name, "zh" if zh else "en"), tinted(text, parts, most))]
    return tag("article", tag("h3", first), tag("dl", *inputs), class_="mistake")


def _answer(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    return number(value) if isinstance(value, float) else str(value)


def tinted(text: str, parts: Iterable[AttributionFact], most: float) -> Html:
    """Return a text whose stretches are tinted by their weights; a whole value is tinted when it has no stretches.

    `most` is the largest weight of the row, which has the full tint.
    """
    known = [p for p in parts if p.get("weight")]
    placed = ((p.get("start"), p.get("end"), p["weight"]) for p in known)
    spans = sorted(
        (
            (start, end, weight)
            for start, end, weight in placed
            if start is not None and end is not None and end <= len(text)
        ),
        key=lambda span: span[0],
    )
    whole = [p for p in known if p.get("start") is None]
    if whole and not spans:
        return _mark(text, whole[0]["weight"], most)
    out: list[Html] = []
    at = 0
    for start, end, weight in spans:
        if start >= at:
            out += [esc(text[at:start]), _mark(text[start:end], weight, most)]
            at = end
    return join([*out, text[at:]])


def _mark(text: str, weight: float, most: float) -> Html:
    share = round(abs(weight) / most, 2) if most else 0.0
    return (
        tag("mark", text, class_="for" if weight > 0 else "against", style=f"--w:{share}")
        if share >= 0.1
        else esc(text)
    )
