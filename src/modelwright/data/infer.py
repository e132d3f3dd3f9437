"""From raw columns to typed ones: what modality each is, and values in the canonical Arrow type of theirs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.budget import step
from modelwright.core.errors import ColumnError, OptionError, unknown
from modelwright.core.reading import ORDERS, Detected, Reading
from modelwright.core.schema import MODALITIES, Column, Schema
from modelwright.core.words import Words, in_a_row
from modelwright.data._channels import checked
from modelwright.data._distinct import first_distinct
from modelwright.data._durations import span_form, span_words
from modelwright.data._gifs import moving
from modelwright.data._label_cells import label_options, listed, perhaps_several, separator_of, spelt_as_given
from modelwright.data._long_integers import beyond_floats
from modelwright.data._missing_marks import marked, marks_of, words_of
from modelwright.data._number_spellings import codes, one_number, rounded, versions
from modelwright.data._quantities import (
    Quantities,
    bounds_told,
    find_quantities,
    mostly_numbers,
    quantities_of,
    read_as,
    rows_of,
    to_quantity,
)
from modelwright.data._word_columns import (
    LOOK,
    coded_kind,
    marks_left_out,
    names_beside_numbers,
    words_kind,
)
from modelwright.data.dates import (
    Order,
    date_words,
    form_of,
    may_be_dates,
    names_time,
    no_times,
    number_form,
    settle,
    several_forms,
    zoned,
)
from modelwright.data.decimals import find_decimals
from modelwright.data.kinds.base import kind_of, recognise
from modelwright.data.values import PLAIN, is_mark, is_missing, to_bool, to_number, to_truth

_SOME = 400  # of them that are read as numbers first: where none is, three quarters cannot be
_MOST_MARKS = 20  # spellings of missing in one column
_ROOM = r"^[0-9]+E[0-9]+$"  # `7E9` may be a power of ten or the name of a room
_COLUMN = Words("column", "列")
_PLAIN = re.compile(PLAIN)


def infer_schema(
    raw: pa.Table,
    *,
    overrides: Mapping[str, str] | None = None,
    target: str | None = None,
    group: str | None = None,
    time: str | None = None,
    weight: str | None = None,
    ignore: Sequence[str] = (),
    folder: Path | None = None,
    reading: Reading | None = None,
    detected: Detected | None = None,
    channel: str | None = None,
    na: Sequence[str] = (),
) -> Schema:
    """Tell the modality and role of every column; `overrides` maps a column to a modality, `channel` is that of sound.

    `na` are numbers that stand for no value, in all columns of numbers (`-999`) or in one (`age=-999`).

    Paths in cells are taken from `folder`: GIFs are opened, since they may be pictures or clips.
    `reading` says what was asked about the spelling of numbers and dates, `detected` what its source told; the decimal sign is noted there.

    Raises ColumnError for a named column that is absent, OptionError for an unknown modality and for `na` that is no number.
    """
    overrides = dict(overrides or {})
    roles = {target: "target", group: "group", time: "time", weight: "weight"}
    roles.pop(None, None)
    for name in [*roles, *overrides, *ignore]:
        if name not in raw.column_names:
            raise unknown(_COLUMN, str(name), raw.column_names, ColumnError)
    for modality in overrides.values():
        if modality not in MODALITIES:
            raise unknown(Words("modality", "模态"), modality, MODALITIES, OptionError)
    how, detected = reading or Reading(), detected or Detected()
    decimals = find_decimals(raw, how.decimal, detected.delimiter)
    detected.decimal = decimals.sign
    columns: list[Column] = []
    orders: dict[str, Order] = {}
    for i, name in enumerate(raw.column_names):
        step()
        role = roles.get(name, "ignored" if name in ignore else "input")
        column = _infer_column(name, raw.column(i), role == "target", overrides.get(name), decimals.of(name))
        column = spelt_as_given(column, raw.column(i)) if role == "target" else column
        column = replace(column, reason=in_a_row([column.reason, rounded(raw.column(i))]))
        if column.modality == "timestamp" and "form" in column.options:
            orders[name] = settle(raw.column(i), column.options["form"], how.dates)
            column = replace(column, options={**column.options, "form": orders[name].form})
        reason = in_a_row([column.reason, decimals.words(name) if column.modality == "number" else None])
        if role == "ignored":
            reason = Words("left out as asked", "按要求忽略")
        elif role == "input" and column.modality == "id" and name not in overrides:
            same = Words("identifier: nearly every row has its own value", "标识列：几乎每行取值都不同")
            role, reason = "ignored", in_a_row([same, column.reason])
        elif role == "input" and column.modality == "image" and name not in overrides:
            reason = moving(raw.column(i), folder)
            column = replace(column, modality="video", options={}) if reason else column
        kind = kind_of(column.modality) if role != "ignored" else None
        if kind is not None:
            if channel is not None and column.modality == "audio":
                column = replace(column, options={**column.options, "channel": checked(channel)})
            column = kind.settle(column, raw.column(i), folder)
            reason = reason or column.reason
        columns.append(Column(name, column.modality, role, column.options, reason))  # type: ignore[arg-type]
    if channel is not None and not any(c.modality == "audio" for c in columns):
        raise OptionError(
            "--channel names a channel of sound, but no column holds sound.", "--channel 指定音频声道，但没有音频列。"
        )
    return marked(_with_words(zoned(_ordered(Schema(tuple(columns)), orders), raw), raw), na)


def _with_words(schema: Schema, raw: pa.Table) -> Schema:
    """Settle for columns of words which words of missing are values there; the reason of a column says so."""
    known = frozenset(raw.column_names)
    texts = [
        (i, c) for i, c in enumerate(schema) if c.modality == "category" and c.role != "ignored" and c.name in known
    ]
    elsewhere: set[str] = set()
    for i, column in enumerate(schema if texts else ()):
        if column.modality in ("number", "timestamp", "boolean"):
            elsewhere |= marks_of(raw.column(i))
    changes: dict[str, dict[str, Any]] = {}
    for i, column in texts:
        found = words_of(raw.column(i), elsewhere)
        if found is not None:
            changes[column.name] = {
                "options": {**column.options, "words": found[0]},
                "reason": column.reason or found[1],
            }
    return schema.with_columns(changes)


def _ordered(schema: Schema, orders: Mapping[str, Order]) -> Schema:
    """Let columns of dates whose order cannot be told follow the others of their table; else say so.

    Raises ColumnError where rows are to be split by such a column.
    """
    sure = {o.name for o in orders.values() if not o.others and o.name in ORDERS}
    changes: dict[str, dict[str, Any]] = {}
    for name, order in orders.items():
        if not order.others or schema[name].role == "ignored":
            continue
        others = [f for f in (order.form, *order.others) if f[:3] in sure]
        if len(others) == 1:
            changes[name] = {"options": {**schema[name].options, "form": others[0]}}
            continue
        words = order.words()
        if schema[name].role == "time":
            raise ColumnError(f"--time {name}: {words.en}.", f"--time {name}：{words.zh}。")
        changes[name] = {"reason": words}
    return schema.with_columns(changes)


def _infer_column(name: str, values: pa.ChunkedArray, target: bool, asked: str | None, decimal: str) -> Column:
    kind = values.type
    if asked is not None:
        said = quantities_of(values, decimal, name).said if asked == "number" else None
        return Column(name, asked, options=_options(name, values, asked, decimal), reason=said)
    coded = pa.types.is_dictionary(kind)
    if coded or pa.types.is_null(kind):
        values, kind = values.cast(pa.string()), pa.string()
    if beyond_floats(values) and not (pa.types.is_integer(kind) and number_form(name, _floats(values))):
        return Column(name, "category" if target or _recurs(values) else "id")
    plain = None if target or decimal == "," else _plain_numbers(name, values)
    if plain is not None:
        return plain
    own = None if target else recognise(name, values)
    if own is not None:
        return Column(name, own[0], options=own[1])
    if coded:
        return Column(name, "category" if target else coded_kind(name, values))
    if pa.types.is_large_binary(kind):
        try:
            values, kind = values.cast(pa.string()), pa.string()
        except pa.ArrowInvalid:  # neither text nor media
            return Column(name, "text")
    if pa.types.is_boolean(kind):
        return Column(name, "boolean")
    if pa.types.is_duration(kind):
        return Column(name, "number", options={"form": "duration"})
    if pa.types.is_time(kind):
        return Column(name, "timestamp", options={"form": "clock", "utc": True})
    if pa.types.is_temporal(kind):
        return Column(name, "timestamp", options={"utc": True})
    if pa.types.is_nested(kind):
        options, said = label_options(name, values) if target else ({}, None)
        return Column(name, "labels" if target else "text", options=options, reason=said)
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        form = None if target else number_form(name, _floats(values))
        if form:
            said = date_words([f"{_floats(values)[0]:.0f}"], form)
            return Column(name, "timestamp", options={"form": form, "utc": True}, reason=said)
        return Column(name, _number_or_class(values, target) if not counts_rows(name, values) or target else "id")
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return Column(name, "text")
    return _infer_text(name, values, target, decimal)


def _plain_numbers(name: str, values: pa.ChunkedArray) -> Column | None:
    """Return a column of cells such as `-1.5`, told from whole arrays; None where some are written otherwise."""
    if not pa.types.is_string(values.type) or may_be_dates(name, some := first_distinct(values, LOOK)):
        return None
    plain = pc.match_substring_regex(some, PLAIN)
    others = some.filter(pc.invert(plain))
    if len(others) == len(some) or len(others) > _MOST_MARKS:
        return None
    if not all(is_missing(c) or is_mark(c) for c in others.to_pylist()):
        return None
    first = values.slice(0, 5000)
    numbers = pc.cast(first.filter(pc.match_substring_regex(first, PLAIN)), pa.float64())
    if counts_rows(name, numbers):
        return Column(name, "id")
    cells = some.filter(plain)
    if (
        pc.any(pc.starts_with(cells, "0")).as_py()
        and (found := codes(name, cells.to_pylist(), len(values))) is not None
    ):
        return _coded(name, values, cells.to_pylist(), found)
    told = None
    powers = cells.filter(pc.match_substring_regex(cells, _ROOM))
    if len(pc.unique(pc.cast(cells, pa.float64()))) < len(cells):
        spelt = cells.to_pylist()
        if (told := versions(name, spelt)) is not None:
            return Column(name, "category", reason=told)
        told = one_number(name, spelt)
    if len(powers):
        told = in_a_row([read_as(powers[0].as_py(), {}), told])
    return Column(name, "number", reason=told)


def _coded(name: str, values: pa.ChunkedArray, cells: list[str], found: tuple[dict[str, Any], Words]) -> Column:
    """Return a column of codes in digits: categories, characters where there are many of them, or an identifier."""
    kind = words_kind(name, pc.unique(values).drop_null(), cells, len(values) - values.null_count)
    return Column(name, kind, options=found[0] if kind != "text" else {}, reason=found[1])


def _infer_text(name: str, values: pa.ChunkedArray, target: bool, decimal: str) -> Column:
    distinct = pc.unique(values).drop_null()
    cells = [c for c in distinct.slice(0, LOOK).to_pylist() if not is_missing(c)]
    total = len(values) - values.null_count
    if not cells:
        return Column(name, "category")
    if target and (lists := listed(cells)) is not None:
        return Column(name, "labels", options=lists[0], reason=lists[1])
    plain = [c for c in cells if not is_mark(c)] or cells
    numbers = 0
    if any(to_number(c, decimal=decimal) is not None for c in plain[:: max(1, len(plain) // _SOME)]):
        numbers = sum(to_number(c, decimal=decimal) is not None for c in plain)
    if (
        len(cells) <= 8
        and any(to_bool(c) is not None for c in cells)
        and {to_truth(c) for c in cells} == {True, False}
        and not target
    ):
        return Column(name, "boolean")
    span = None if target and len(distinct) <= 20 else span_form(name, plain)
    if span is not None:
        clock = span == "clock"
        options: dict[str, Any] = {"form": span, **({"utc": True} if clock else {})}
        return Column(name, "timestamp" if clock else "number", options=options, reason=span_words(plain, span))
    form = form_of(name, plain)
    if form is None and numbers == len(plain) and names_time(name):
        form = number_form(name, np.array([to_number(c, decimal=decimal) for c in plain]))
    if form and not (target and len(distinct) <= 20):
        return Column(name, "timestamp", options={"form": form, "utc": True}, reason=date_words(plain, form))
    found = Quantities(True, {"decimal": ","} if decimal == "," else {})
    if numbers < len(plain) or not all(map(_PLAIN.match, plain)):
        found = find_quantities(plain, decimal, name, rows_of(values))
    mostly = found.numbers or (numbers >= 0.75 * len(plain) and mostly_numbers(values, found.options))
    if mostly and (told := versions(name, plain)) is not None:
        return Column(name, "category", reason=told)
    if mostly and not target and (coded := codes(name, plain, total)) is not None:
        return _coded(name, values, plain, coded)
    if mostly and not found.numbers:
        told = names_beside_numbers(name, values, [c for c in plain if to_quantity(c, found.options) is None])
        found = replace(found, said=in_a_row([told or bounds_told(plain, found.options), found.said]))
        mostly = told is None
    if mostly:
        options = {**found.options}
        read = [to_quantity(c, options) for c in plain]
        as_numbers = pa.chunked_array([pa.array(read, pa.float64())])
        if target:
            if None in read and (separator := separator_of(cells)):
                return Column(name, "labels", options={"separator": separator})
            modality = "category" if None in read else _number_or_class(as_numbers, True, len(distinct), total)
            number = modality == "number"
            return Column(name, modality, options=options if number else {}, reason=found.said if number else None)
        first = [to_quantity(v, options) if v else None for v in values.slice(0, 5000).to_pylist()]
        if counts_rows(name, pa.chunked_array([pa.array(first, pa.float64())])):
            return Column(name, "id")
        return Column(name, "number", options=options, reason=in_a_row([found.said, one_number(name, plain)]))
    else:
        found = replace(found, said=found.said or several_forms(plain))
    if target:
        if separator := separator_of(cells):
            return Column(name, "labels", options={"separator": separator})
        several = perhaps_several(name, cells)
        return Column(name, "category", reason=in_a_row([found.said, several, marks_left_out(cells)]))
    kind = words_kind(name, distinct, cells, total)
    return Column(name, kind, reason=in_a_row([found.said, None if kind == "text" else marks_left_out(cells)]))


def _recurs(values: pa.ChunkedArray) -> bool:
    """Whether the values of a column are few enough to be categories."""
    return len(pc.unique(values)) <= max(2, min(1000, 0.2 * len(values)))


def _floats(values: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(values.drop_null().cast(pa.float64(), safe=False))


def counts_rows(name: str, values: pa.ChunkedArray) -> bool:
    """Whether whole numbers count the rows up one by one, or are named an identifier and all differ."""
    numbers = _floats(values)
    if len(numbers) < 20 or not np.all(numbers == np.floor(numbers)):
        return False
    if len(np.unique(numbers)) < len(numbers):
        return False
    steps = np.diff(numbers)
    named = re.search(r"(^|[_\s])(id|no|index|rowid|编号|序号|单号)$|Id$|ID$", name, re.IGNORECASE) is not None
    return bool(np.all(steps == 1)) or named


def _number_or_class(
    values: pa.ChunkedArray, target: bool, distinct: int | None = None, total: int | None = None
) -> str:
    """Numbers stay numbers, but a target of few whole numbers is a class."""
    if not target:
        return "number"
    numbers = _floats(values)
    numbers = numbers[np.isfinite(numbers)]
    if len(numbers) == 0:
        return "category"
    found = distinct if distinct is not None else len(np.unique(numbers))
    rows = total if total is not None else len(numbers)
    whole = bool(np.all(numbers == np.floor(numbers)))
    return "category" if whole and (found <= 2 or found <= min(20, 0.05 * rows + 5)) and found < rows else "number"


def _options(name: str, values: pa.ChunkedArray, modality: str, decimal: str) -> dict[str, Any]:
    """Return what coercion needs for a modality that the user named."""
    if modality == "labels":
        return label_options(name, values)[0]
    special = kind_of(modality)
    if special is not None:
        return dict(special.recognise(name, values) or {})
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        if modality != "timestamp":
            span = pa.types.is_duration(values.type) or pa.types.is_time(values.type)
            return {"form": "duration"} if modality == "number" and span else {}
        if pa.types.is_time(values.type):
            return {"form": "clock", "utc": True}
        numeric = pa.types.is_floating(values.type) or pa.types.is_integer(values.type)
        form = number_form("date", _floats(values)) if numeric else None
        return {"form": form, "utc": True} if form else {"utc": True}
    distinct = first_distinct(values, LOOK).to_pylist()
    cells = [v for v in distinct if not is_missing(v)]
    if modality == "timestamp":
        numbers = [n for n in (to_number(c) for c in cells) if n is not None]
        form = span_form("", cells) if span_form("", cells) == "clock" else None
        form = (
            form
            or form_of(f"date {name}", cells)
            or (number_form("date", np.array(numbers)) if len(numbers) == len(cells) else None)
        )
        if form is None:
            raise no_times(name, cells)
        return {"form": form, "utc": True}
    if modality == "number" and span_form("", cells) is not None:
        return {"form": "duration"}
    if modality == "number":
        return dict(quantities_of(values, decimal, name).options) or ({"decimal": ","} if decimal == "," else {})
    return {}
