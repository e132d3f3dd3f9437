"""What privacy found and did, for the report and the card: counts and reasons, never a value."""

from __future__ import annotations

from modelwright.core.facts.run import Facts
from modelwright.core.words import Words
from modelwright.evaluate.report.html import Html, code, join, number, said, table, tag

_ACTIONS = {
    "placeholder": Words("placeholder", "占位符"),
    "generalise": Words("coarser", "泛化"),
    "drop": Words("taken out", "移除"),
    "keep": Words("kept", "保留"),
}
PUBLIC = Words(
    "The data was declared public: personal data was not looked for, nor replaced.",
    "数据已声明为公开：未查找、也未替换其中的个人数据。",
)
NOTHING = Words("No personal data was found in the columns.", "各列中没有发现个人数据。")
SERVED = Words(
    "What is replaced here is replaced in the same way in every row that the model answers later.",
    "此处替换的内容，在模型今后回答的每一行中都会以同样方式替换。",
)


def private(facts: Facts, lang: str) -> Html:
    """Return what was found in which column, how surely and why, and what was done with it."""
    found = facts.get("private")
    if not found:
        return Html("")
    zh = lang == "zh"
    if not found["columns"]:
        return tag("p", (PUBLIC if found["public"] else NOTHING).to(lang))
    out = [tag("p", PUBLIC.to(lang) if found["public"] else SERVED.to(lang), class_="note")]
    if found.get("sampled"):
        out.append(tag("p", code(said(found["sampled"], lang)), class_="note"))
    head = [
        ("列" if zh else "column", "name"), ("类型" if zh else "type", ""), ("行数" if zh else "rows", "n"),
        ("取值" if zh else "values", "n"), ("处理" if zh else "done", ""), ("置信度" if zh else "confidence", "n"), ("依据" if zh else "why", ""),
    ]  # fmt: skip
    rows = []
    for c in found["columns"]:
        for f in c["found"]:
            done = said(c["done_words"], lang)
            if c["done"] == "replaced":
                done = _ACTIONS.get(f["action"], _ACTIONS["placeholder"]).to(lang)
            rows.append(
                ("", [c["column"], said(f["title"], lang), number(f["rows"]), number(f["values"]), done, number(f["confidence"]), said(f["why"], lang)])
            )  # fmt: skip
    return join([*out, table(head, rows, "个人数据" if zh else "personal data")])


def sentences(facts: Facts) -> list[Words]:
    """Return what a model card says of it."""
    found = facts.get("private")
    if not found:
        return []
    if found["public"]:
        return [PUBLIC]
    lines = [Words(*line) for line in found["lines"]]
    return [Words(f"Personal data: {w.en}.", f"个人数据：{w.zh}。") for w in lines[:12]]
