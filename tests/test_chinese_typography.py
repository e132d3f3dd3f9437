"""The rules of `modelwright.core.words.chinese`, held by every Chinese text that stands in the source beside its English one."""

import ast
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import modelwright

SOURCE = Path(modelwright.__file__).parent
HAN = "\u3400-\u9fff\uf900-\ufaff"
WIDE = "\u3001-\u303f\uff01-\uff5e“”‘’…—·"
ANY = "\ufffc"  # stands for what a text is filled with, of which nothing is known; a number is known, and stands as 9
RULES = {
    "a blank beside full-width punctuation": rf"[{WIDE}] +(?=\S)|(?<=\S) +[{WIDE}]",
    "a blank before %": rf"[\d{ANY}] [%％]",
    "half-width punctuation after Chinese": rf"[{HAN}”][,;:!?](?![A-Za-z0-9_/])",
    "half-width brackets around Chinese": rf"[{HAN}]\(|\)[{HAN}]|\([^()]*[{HAN}][^()]*\)",
    "no blank between Chinese and Latin": rf"[{HAN}][A-Za-z0-9`]|[A-Za-z0-9`%][{HAN}]",
}


def _text(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return None
    out = ""
    for part in node.values:
        if not isinstance(part, ast.FormattedValue):
            out += _text(part) or ""
            continue
        form = (_text(part.format_spec) if part.format_spec else None) or ""
        call = part.value
        counts = isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in ("len", "round")
        out += ("9" if counts or form[-1:] in tuple(",dfg%") else ANY) + ("%" if form.endswith("%") else "")
    return out


def _texts(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and text of every string in an expression; a text with places to fill as one, then what it is filled with."""
    text = _text(node)
    if text is not None:
        yield node.lineno, text
    for inner in [v.value for v in node.values if isinstance(v, ast.FormattedValue)] if isinstance(node, ast.JoinedStr) else ast.iter_child_nodes(node):  # fmt: skip
        yield from _texts(inner)


def _has_han(text: str) -> bool:
    return re.search(f"[{HAN}]", text) is not None


def _beside_english(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the expressions that stand second in a call or tuple, after one with English words: what people read comes in such pairs."""
    for node in ast.walk(tree):
        row = node.args if isinstance(node, ast.Call) else node.elts if isinstance(node, ast.Tuple) else []
        for first, second in itertools.pairwise(row):
            english = [t for _, t in _texts(first)]
            worded = any(re.search("[a-z]{2}", t) for t in english) and not any(map(_has_han, english))
            if worded and any(_has_han(t) for _, t in _texts(second)):
                yield second


def faults(source: str) -> list[str]:
    """Return what is wrong in the Chinese texts of a file: its line, the rule and the place."""
    found = {}
    for pair in _beside_english(ast.parse(source)):
        for line, text in _texts(pair):
            if re.search(r"\(\?|\[[^\]]*\]\{|\\[sdb]|^\[\S+\]$", text):  # a pattern is no text
                continue
            plain = re.sub("`[^`]*`", "`", text)
            for rule, pattern in RULES.items():
                if (at := re.search(pattern, plain)) is not None:
                    found[line, rule] = f"line {line}: {rule}: {plain[max(0, at.start() - 20) : at.end() + 20]}"
    return list(found.values())


def test_chinese_texts_keep_the_rules_of_typography():
    wrong = {}
    for path in sorted(SOURCE.rglob("*.py")):
        if found := faults(path.read_text(encoding="utf-8")):
            wrong[str(path.relative_to(SOURCE))] = found
    assert wrong == {}


def test_the_check_sees_each_fault_and_nothing_else():
    wrong = (
        "用 “理由”说明", "共 {x} %", "共 {x:.0f} %", "甲,乙", "用时(秒)", "均值(x)为", "共{len(x)}行", "共{x:,}行", "`a`列", "第3行", "占 {x:.0%}的行",
    )  # fmt: skip
    right = (
        "用“理由”说明",
        "共 {x}%",
        "甲，乙（{x}）",
        "均值 f(x) 为",
        "共 {len(x)} 行",
        "`列: 值` 与“{x}”",
        "甲：{x}",
        "https://x/甲",
    )
    source = 'Words("some words", f"{}")'
    assert [t for t in wrong if not faults(source.format(t))] == []
    assert [t for t in right if faults(source.format(t))] == []
    assert faults('Words("the " + name, "列" + f" {x} %" if x else "")') != []
    assert faults('names = ("甲 ，乙", "丙")') == []
