"""The data doctor: what is wrong with the data before training, and what to do about it. Always runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.budget import step
from modelwright.core.schema import Table
from modelwright.core.unit import ROWS, Unit
from modelwright.core.words import Words, counted, some_of
from modelwright.data._distinct import first_distinct
from modelwright.data._leaks import leaks
from modelwright.data._missing_marks import marks_among, marks_finding
from modelwright.data._rows_checked import across, empty_rows, few, repeated
from modelwright.data._totals import total_rows
from modelwright.data.coerce import BadValue
from modelwright.data.finding import Finding as Finding
from modelwright.data.values import folded_label

TINY_CLASS = 10  # rows of a label below which it is told
_BEGINNING = 2_000  # characters of a text that tell its language

_LEADING_ZEROS = re.compile(r"^([-+]?)0+(?=\d+$)")  # of whole numbers


def check(
    table: Table,
    *,
    test: Table | None = None,
    bad: Sequence[BadValue] = (),
    raw: pa.Table | None = None,
    answers: bool = True,
    repeats: bool = False,
    quote: bool = True,
    unit: Unit = ROWS,
) -> list[Finding]:
    """Return all findings, the gravest first. Without `answers` the target's cells are not looked at: sentences, say.

    With `repeats` equal rows are events that happened again: nothing is said of them. Without `quote` their words hold no cell of the data.
    `unit` is what the rows are to people.
    """
    found = total_rows(table, bad, quote)
    summed = sorted({i for f in found for i in f.drop_rows})
    kept = np.delete(np.arange(len(table)), summed)
    if summed:
        # no other finding is to hang on rows that are left out: a total lies far from the rest, and seems to leak
        gone = {int(row) for row in table.rows[summed]}
        bad, table = [b for b in bad if b.row not in gone], table.take(kept)
    others = _check(table, bad, answers, repeats, quote, unit, len(summed))
    if test is not None:
        apart = _apart(table, others, bad)
        others += across(table, test, sorted(apart))
    found += [replace(f, drop_rows=tuple(kept[list(f.drop_rows)].tolist())) for f in others]
    if test is not None:
        found += [replace(f, drop_rows=(), drop_test_rows=f.drop_rows) for f in total_rows(test, (), quote, test=True)]
    grave = {"error": 0, "warning": 1, "info": 2}
    return sorted(found, key=lambda f: grave[f.severity])


def _check(
    table: Table, bad: Sequence[BadValue], answers: bool, repeats: bool, quote: bool, unit: Unit, gone: int
) -> list[Finding]:
    """Return what is found of rows none of which is a total; `gone` rows were."""
    found: list[Finding] = []
    for column in table.schema.inputs:
        step()
        found += _column(table, column.name)
    for column in table.schema:
        if column.role == "ignored" and column.reason:
            found.append(
                Finding(
                    "identifier", "info", column.name,
                    Words(f"`{column.name}` is ignored ({column.reason.en}).", f"`{column.name}` 已忽略（{column.reason.zh}）。"),
                    Words(f"Keep it with --column {column.name}=category if it means something.", f"若有意义，可用 --column {column.name}=category 保留。"),
                )
            )  # fmt: skip
        elif column.role in ("input", "target") and column.reason:
            told = Words(f"`{column.name}`: {column.reason.en}.", f"`{column.name}`：{column.reason.zh}。")
            advice = Words(
                "The bundle reads what it is to answer by the same rule.", "模型包按同一规则读取待预测的数据。"
            )
            if column.modality == "video":
                advice = Words(
                    f"For the first frame alone: --column {column.name}=image.",
                    f"若只用首帧：--column {column.name}=image。",
                )
            found.append(Finding("read-as", "info", column.name, told, advice))
    found += bad_values(bad if quote else [replace(b, value="...") for b in bad])
    empty = empty_rows(table, {f.column for f in found if f.drop_column and f.column})
    found += empty
    found += repeated(table, answers, repeats, sorted(_apart(table, found, bad)), unit)
    found += few(len(table) + gone, gone + len({i for f in found for i in f.drop_rows}), unit)
    target = table.schema.target
    if target is not None and answers:
        found += _target(table, target.name)
        found += leaks(table, target.name)
    return found


def _apart(table: Table, found: Sequence[Finding], bad: Sequence[BadValue]) -> set[int]:
    """Return the positions of rows without any input, and of those with one that cannot be read."""
    unread = {b.row for b in bad if b.column in table.schema.names and table.schema[b.column].role == "input"}
    empty = {i for f in found if f.code == "empty-rows" for i in f.drop_rows}
    return empty | set(np.flatnonzero(np.isin(table.rows, list(unread))).tolist())


def apply(findings: Sequence[Finding], table: Table) -> Table:
    """Do what the findings call for by themselves: leave out columns and duplicate rows."""
    changes = {
        f.column: {"role": "ignored", "reason": f.words}
        for f in findings
        if f.drop_column and f.column is not None and table.schema[f.column].role == "input"
    }
    schema = table.schema.with_columns(changes)
    stays = np.ones(len(table), bool)
    for f in findings:
        stays[list(f.drop_rows)] = False
    if not stays.all():
        table = table.take(np.flatnonzero(stays))
    return table.with_schema(schema)


def apply_to_test(findings: Sequence[Finding], test: Table) -> Table:
    """Leave out the rows to test on that the findings name."""
    gone = sorted({i for f in findings for i in f.drop_test_rows})
    return test.take(np.delete(np.arange(len(test)), gone)) if gone else test


def never_missing(table: Table) -> list[Finding]:
    """Return what to choose where numbers are never missing: what is answered where one is missing later."""
    names = [c.name for c in table.schema.inputs if c.modality == "number" and not table.column(c.name).null_count]
    if not names or not len(table):
        return []
    shown = ", ".join(f"`{n}`" for n in names[:6]) + (" ..." if len(names) > 6 else "")
    return [
        Finding(
            "never-missing", "info", names[0] if len(names) == 1 else None,
            Words(f"No row lacks {shown}, so a model never learns from rows that do.", f"{shown} 在所有行中都不缺失，因此模型学不到缺失的情形。"),
            Words(
                "Choose what is done with rows that lack one later: --missing median fills it in, --missing refuse gives them no answer; "
                "otherwise they are answered as they are, with a warning.",
                "请选择日后缺失时的处理方式：--missing median 用中位数填补，--missing refuse 不回答；否则照样回答并给出警告。",
            ),
        )
    ]  # fmt: skip


def _column(table: Table, name: str) -> list[Finding]:
    values, modality = table.column(name), table.schema[name].modality
    out: list[Finding] = []
    missing = values.null_count
    present = values.drop_null()
    nested = pa.types.is_nested(values.type)
    distinct = min(2, len(present)) if nested else len(first_distinct(present, 2))
    if distinct <= 1 and (missing == 0 or distinct == 0):
        what = (
            Words(f"`{name}` holds no values.", f"`{name}` 没有任何值。")
            if distinct == 0
            else Words(f"`{name}` is the same in every row.", f"`{name}` 在每一行都相同。")
        )
        out.append(Finding("constant", "info", name, what, Words("It is left out.", "已忽略该列。"), drop_column=True))
        return out
    if missing > 0.5 * len(values):
        share = round(100 * missing / len(values))
        out.append(
            Finding(
                "missing", "warning", name,
                Words(f"`{name}` is missing in {share} % of the rows.", f"`{name}` 有 {share}% 的行缺失。"),
                Words("Fill it in more often, or leave it out with --ignore.", "请补充该列数据，或用 --ignore 忽略它。"),
            )
        )  # fmt: skip
    if modality == "number" and len(present) > 20:
        numbers = np.asarray(present)
        marks = marks_among(numbers)
        if marks:
            out.append(marks_finding(name, numbers, marks))
            numbers = numbers[~np.isin(numbers, marks)]
        low, high = np.percentile(numbers, [1, 99])
        room = 10 * max(high - low, 1e-12)
        far = int(((numbers < low - room) | (numbers > high + room)).sum())
        if far:
            out.append(
                Finding(
                    "outlier", "info", name,
                    Words(f"`{name}` has {counted(far, 'value')} far outside the rest ({numbers.min():g} to {numbers.max():g}).", f"`{name}` 有 {far} 个明显偏离的值（{numbers.min():g} 到 {numbers.max():g}）。"),
                    Words("Check these rows for wrong units and typing errors.", "请检查这些行的单位和录入。"),
                )
            )  # fmt: skip
    if modality == "text":
        out.append(_text(name, present))
    return out


def _text(name: str, present: pa.Array) -> Finding:
    sample = present.slice(0, 2000).to_pylist()
    lengths = [len(t) for t in sample]
    languages = text_languages(sample)
    shown = ", ".join(f"{lang} {round(100 * share)} %" for lang, share in languages.items() if share >= 0.05)
    return Finding(
        "text", "info", name,
        Words(f"`{name}` is text: {shown}; median length {int(np.median(lengths))} characters, longest {max(lengths)}.", f"`{name}` 是文本：{shown}；长度中位数 {int(np.median(lengths))} 字符，最长 {max(lengths)}。"),
        Words("Nothing to do: one model reads all of them.", "无需处理；同一模型可同时读取多种语言。"),
    )  # fmt: skip


_STOPS = {
    "en": {"the", "and", "is", "to", "of", "my", "a", "i", "in", "for"},
    "de": {"der", "die", "und", "ist", "das", "nicht", "ich", "ein"},
    "fr": {"le", "la", "et", "les", "est", "je", "des", "une"},
    "es": {"el", "los", "que", "es", "una", "por", "y", "las"},
}


def text_languages(texts: Sequence[str]) -> dict[str, float]:
    """Return the share of texts by language, told from how they begin: zh, ja, ko by script; en, de, fr, es by common words; else other."""
    counts: dict[str, int] = {}
    for text in (t[:_BEGINNING] for t in texts):
        han = sum("\u4e00" <= c <= "\u9fff" for c in text)
        kana = sum("\u3040" <= c <= "\u30ff" for c in text)
        hangul = sum("\uac00" <= c <= "\ud7af" for c in text)
        letters = sum(c.isalpha() for c in text)
        if kana > 0.1 * max(1, letters):
            lang = "ja"
        elif hangul > 0.3 * max(1, letters):
            lang = "ko"
        elif han > 0.2 * max(1, letters):
            lang = "zh"
        else:
            words = set(text.lower().split())
            hits = {name: len(words & stops) for name, stops in _STOPS.items()}
            best = max(hits, key=lambda name: hits[name])
            lang = best if hits[best] else ("en" if text.isascii() and letters else "other")
        counts[lang] = counts.get(lang, 0) + 1
    total = max(1, len(texts))
    return {k: n / total for k, n in sorted(counts.items(), key=lambda kv: -kv[1])}


def bad_values(bad: Sequence[BadValue]) -> list[Finding]:
    """Return a finding for each column with cells that could not be read."""
    out = []
    for name in dict.fromkeys(b.column for b in bad):
        rows = [b for b in bad if b.column == name]
        shown = some_of(dict.fromkeys(b.value for b in rows))
        out.append(
            Finding(
                "unreadable", "warning", name,
                Words(f"`{name}`: {counted(len(rows), 'value')} cannot be read ({shown.en}); first in row {rows[0].row}: {rows[0].words.en}.", f"`{name}`：{len(rows)} 个值无法解读（{shown.zh}）；首个在第 {rows[0].row} 行：{rows[0].words.zh}。"),
                Words("They count as missing. Correct them, or say what the column holds with --column.", "按缺失处理。请修正，或用 --column 指定该列模态。"),
                rows=tuple(b.row for b in rows[:20]),
            )
        )  # fmt: skip
    return out


def _target(table: Table, name: str) -> list[Finding]:
    column, values = table.schema[name], table.column(name)
    out: list[Finding] = []
    if column.modality == "number" and len(values) - values.null_count > 20:
        numbers = np.asarray(values.drop_null())
        marks = marks_among(numbers)
        return [marks_finding(name, numbers, marks)] if marks else []
    if column.modality == "labels":
        return _alike_labels(name, [str(v) for v in pc.list_flatten(values).unique().to_pylist()])
    if column.modality == "number":
        return out
    counts = sorted(
        ((c["counts"], str(c["values"])) for c in values.drop_null().value_counts().to_pylist()), reverse=True
    )
    tiny = [label for n, label in counts if n < TINY_CLASS]
    if tiny and len(counts) > 1:
        shown = ", ".join(f"`{t}`" for t in tiny[:6]) + (" ..." if len(tiny) > 6 else "")
        out.append(
            Finding(
                "tiny-class", "warning", name,
                Words(f"{len(tiny)} of {len(counts)} labels have fewer than 10 rows: {shown}.", f"{len(counts)} 个标签中有 {len(tiny)} 个不足 10 行：{shown}。"),
                Words("Collect more rows of these, or merge them into another label.", "请为其收集更多数据，或合并到其他标签。"),
            )
        )  # fmt: skip
    out += _alike_labels(name, [label for _, label in counts])
    if len(counts) > 1 and counts[0][0] > 20 * counts[-1][0] and counts[0][0] > 0.5 * len(values):
        out.append(
            Finding(
                "imbalance", "warning", name,
                Words(f"`{counts[0][1]}` has {counts[0][0]} rows, `{counts[-1][1]}` {counts[-1][0]}.", f"`{counts[0][1]}` 有 {counts[0][0]} 行，`{counts[-1][1]}` 仅 {counts[-1][0]} 行。"),
                Words("Accuracy is misleading here; try --metric macro_f1 or --class-weight.", "此时准确率会误导；可用 --metric macro_f1 或 --class-weight。"),
            )
        )  # fmt: skip
    return out


def _alike_labels(name: str, labels: Sequence[str]) -> list[Finding]:
    """Find labels that are the same but for case, width, leading zeros, and blanks or marks at their ends."""
    groups: dict[str, list[str]] = {}
    for label in labels:
        groups.setdefault(_LEADING_ZEROS.sub(r"\1", folded_label(label)), []).append(label)
    alike = [group for plain, group in groups.items() if plain and len(group) > 1]
    if not alike:
        return []
    shown = "; ".join(", ".join(f"`{label}`" for label in group) for group in alike[:3]) + " ..." * (len(alike) > 3)
    return [
        Finding(
            "alike-labels", "warning", name,
            Words(
                f"Labels that differ by case, width, leading zeros or marks at their ends only count as different ones: {shown}.",
                f"仅大小写、全半角、前导零或首尾标点不同的标签按不同标签处理：{shown}。",
            ),
            Words("Spell them alike if they mean the same.", "若含义相同，请统一写法。"),
        )
    ]  # fmt: skip
