"""Series that lie spread over a table: over its columns (wide) or over its rows (long), gathered into one column.

A layout says where the moments of a series stand. It is kept in the options of the gathered column, so that a bundle
takes rows in the same layout: {"wide": [[column, ...] per channel]} or {"long": {"id", "time", "channels": [column, ...]}}, and
"decimal": "," beside it where the training data had decimal commas. {"trailing": ...} is told in `trailing_windows.py`, {"flags": ...} in
`flag_columns.py`.
Legend: N rows, C channels, T time.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.errors import ColumnError, DataError, OptionError, unknown
from modelwright.core.reading import Reading
from modelwright.core.schema import Schema
from modelwright.core.words import Words
from modelwright.data._moments import channel as channel_of
from modelwright.data._moments import floats, in_row, is_text, moments
from modelwright.data.decimals import find_decimals
from modelwright.data.flag_columns import flags_asked, joined_flags
from modelwright.data.text import from_rows
from modelwright.data.trailing_windows import gather_trailing
from modelwright.data.values import is_mark, is_missing, to_number

Layouts = dict[str, dict[str, Any]]  # by the name of the gathered column

LONG_NAME = "series"
_KINDS = ("wide", "long", "trailing")
_OVER_ROWS = ("long", "trailing")  # those whose series lie over rows
_COLUMN = Words("column", "列")
_NUMBERS = 0.95  # of the cells of a channel
_LOOK = 5000


def gathered_as_asked(
    raw: pa.Table, reading: Reading, *,
    target: str | None = None, group: str | None = None, time: str | None = None, ignore: Sequence[str] | None = None,
) -> tuple[pa.Table, Layouts, list[str]]:  # fmt: skip
    """Return a table with its series gathered as `reading` asks, their layouts, and the columns to be ignored.

    The identifier of series in a long table is ignored once they are gathered, since no later series will have it.
    """
    left_out = list(ignore or ())
    series_id = reading.series_id
    flags = flags_asked(target, raw, [("--group", group), ("--time", time), *(("--ignore", n) for n in left_out)])
    layouts = find_layouts(
        raw,
        reading.series,
        series_id,
        reading.series_time,
        apart=(target, *flags, group, time, *left_out),
        decimal=reading.decimal,
    )
    if target and flags:
        layouts[target] = {"flags": flags}
    if series_id:
        raw = raw.drop_columns([n for n in left_out if n in raw.column_names and n != series_id])
        left_out = [n for n in left_out if n in raw.column_names]
        if series_id not in (target, group, *left_out):
            left_out.append(series_id)
    return gathered(raw, layouts, strict=True, decimal=reading.decimal), layouts, left_out


def find_layouts(
    raw: pa.Table, series: Sequence[str], series_id: str | None, series_time: str | None, *,
    apart: Iterable[str | None], decimal: str | None = None,
) -> Layouts:  # fmt: skip
    """Return the layouts that the options ask for; columns `apart` (target, group, time, ignored) are no moments. `decimal` is the
    sign that was asked for; else the cells tell it.

    Raises OptionError or ColumnError for what does not fit the table.
    """
    beside = {a for a in apart if a}
    out: Layouts = {}
    for text in series:
        name, equals, spec = text.partition("=")
        if not equals or not name.strip() or not spec.strip():
            raise OptionError(
                f"Expected --series NAME=FIRST..LAST or NAME=PATTERN, received `{text}`.",
                f"应写作 `--series 名称=首列..末列` 或 `--series 名称=通配符`，收到的是 `{text}`。",
            )
        out[name.strip()] = {"wide": _wide(raw.column_names, text, spec, beside)}
    used = [n for layout in out.values() for channel in layout["wide"] for n in channel]
    if len(set(used)) < len(used):
        twice = next(n for n in used if used.count(n) > 1)
        raise OptionError(f"--series takes column `{twice}` twice.", f"--series 两次用到列 `{twice}`。")
    for name in out:
        if name in raw.column_names and name not in used:
            raise OptionError(
                f"--series {name}: the table has a column of that name already; give another name.",
                f"--series {name}：表中已有同名列，请换一个名称。",
            )
    if bool(series_id) != bool(series_time):
        raise OptionError(
            "--series-id and --series-time go together: one names the series, the other its moments.",
            "--series-id 与 --series-time 须同时给出：一个标明序列，一个标明时刻。",
        )
    if series_id and series_time:
        if series:
            raise OptionError(
                "Give --series for wide tables or --series-id for long ones, not both.",
                "宽表用 --series，长表用 --series-id，不能同时使用。",
            )
        for name in (series_id, series_time):
            if name not in raw.column_names:
                raise unknown(_COLUMN, name, raw.column_names, ColumnError)
        beside |= {series_id, series_time}
        signs = _signs(raw, [n for n in raw.column_names if n not in beside], decimal)
        channels = [n for n in raw.column_names if n not in beside and _is_numbers(raw.column(n), signs.get(n, "."))]
        if not channels:
            raise DataError(
                "There is no column of numbers beside --series-id and --series-time that could be a channel.",
                "除 --series-id 与 --series-time 外没有可作通道的数值列。",
            )
        name = LONG_NAME if LONG_NAME not in raw.column_names or LONG_NAME in channels else f"{LONG_NAME}_"
        out[name] = {"long": {"id": series_id, "time": series_time, "channels": channels}}
    for layout in out.values():
        found = list(_signs(raw, _columns(layout), decimal).values())
        if 2 * found.count(",") > len(found):
            layout["decimal"] = ","
    return out


def numbers_of(raw: pa.Table, apart: Iterable[str | None], decimal: str | None = None) -> dict[str, np.ndarray]:
    """Return the columns of numbers of a table by name [N], NaN where missing, but for those `apart`."""
    beside = set(apart)
    names = [n for n in raw.column_names if n not in beside]
    signs = _signs(raw, names, decimal)
    numbers = [n for n in names if _is_numbers(raw.column(n), signs.get(n, "."))]
    return {n: channel_of(raw, n, signs.get(n, ".")) for n in numbers}


def _columns(layout: Mapping[str, Any]) -> list[str]:
    """Return the columns of a layout that hold the numbers of its series."""
    for kind in ("long", "trailing"):
        if kind in layout:
            return list(layout[kind]["channels"])
    return [n for channel in layout["wide"] for n in channel]


def _signs(raw: pa.Table, names: Iterable[str], asked: str | None = None, usual: str = ".") -> dict[str, str]:
    """Return the decimal sign of columns of text: as asked, else as their cells say, else the usual one."""
    texts = [n for n in names if n in raw.column_names and is_text(raw.column(n).type)]
    if asked is not None or not texts:
        return dict.fromkeys(texts, asked or usual)
    found = find_decimals(raw.select(texts))
    return {n: found.of(n) if found.columns else usual for n in texts}


def _wide(names: list[str], text: str, spec: str, apart: set[str]) -> list[list[str]]:
    channels = []
    for part in (p.strip() for p in spec.split(";")):
        if not part:
            continue
        first, dots, last = part.partition("..")
        if dots and part not in names:
            for end in (first, last):
                if end not in names:
                    raise unknown(_COLUMN, end, names, ColumnError)
            found = names[names.index(first) : names.index(last) + 1]
            wrong = [n for n in found if n in apart]
            if wrong:
                raise OptionError(
                    f"--series {text}: the range takes in `{wrong[0]}`, which is not a moment of a series.",
                    f"--series {text}：范围内含有列 `{wrong[0]}`，它不是序列的时刻。",
                )
        else:
            found = [n for n in names if fnmatch.fnmatchcase(n, part) and n not in apart]
        if len(found) < 2:
            raise OptionError(
                f"--series {text}: `{part}` names {len(found)} columns; expected two or more, in table order.",
                f"--series {text}：`{part}` 只对应 {len(found)} 列；应至少两列，按表中顺序。",
            )
        channels.append(found)
    if not channels or len({len(c) for c in channels}) > 1:
        shown = ", ".join(str(len(c)) for c in channels)
        raise OptionError(
            f"--series {text}: the channels have {shown} columns; all need the same number.",
            f"--series {text}：各通道的列数为 {shown}，应当相同。",
        )
    return channels


def layouts_of(schema: Schema) -> Layouts:
    """Return the layouts that a schema's columns keep in their options."""
    return {
        c.name: {k: c.options[k] for k in (*_KINDS, "flags", "decimal") if k in c.options}
        for c in schema
        if (c.modality == "series" and any(k in c.options for k in _KINDS)) or "flags" in c.options
    }


def with_layouts(schema: Schema, layouts: Layouts) -> Schema:
    """Return a schema whose gathered columns keep their layouts."""
    return schema.with_columns({n: {"options": {**schema[n].options, **layout}} for n, layout in layouts.items()})


def gathered(raw: pa.Table, layouts: Layouts, *, strict: bool = False, decimal: str | None = None) -> pa.Table:
    """Return a table in which spread series have become columns; one that holds them already passes unchanged.

    Of a long table a row remains for each series, in the order in which they first come; its other columns keep
    their first value there, and `strict` refuses one with several. Numbers as text have the decimal sign that was asked for
    (`decimal`), else the one that these cells show, else that of the layout.
    """
    for name, layout in layouts.items():
        usual = layout.get("decimal", ".")
        if "flags" in layout:
            raw = joined_flags(raw, name, layout["flags"], strict=strict)
        elif "wide" in layout:
            names = [n for channel in layout["wide"] for n in channel]
            if any(n in raw.column_names for n in names) and _is_spread(raw, name, names):
                raw = _gather_wide(raw, name, layout["wide"], _signs(raw, names, decimal, usual))
        elif "trailing" in layout:
            if _is_spread(raw, name, layout["trailing"]["channels"]):
                signs = _signs(raw, _columns(layout), decimal, usual)
                raw = gather_trailing(raw, name, layout["trailing"], signs)
        elif layout["long"]["id"] in raw.column_names and _is_spread(raw, name, layout["long"]["channels"]):
            signs = _signs(raw, [*_columns(layout), layout["long"]["time"]], decimal, usual)
            raw = _gather_long(raw, name, strict=strict, signs=signs, **layout["long"])
    return raw


def gathered_rows(rows: Sequence[Mapping[str, Any]], layouts: Layouts) -> Sequence[Mapping[str, Any]]:
    """Do for rows given as mappings what `gathered` does for a table."""
    if any(kind in layout for layout in layouts.values() for kind in _OVER_ROWS):
        return gathered(from_rows([dict(r) for r in rows]), layouts).to_pylist() if rows else rows
    out = []
    for row in rows:
        made = dict(row)
        for name, layout in layouts.items():
            cells = [[_with_decimal_point(row.get(n), layout) for n in channel] for channel in layout["wide"]]
            ends = [max((i + 1 for i, c in enumerate(channel) if c not in (None, "")), default=0) for channel in cells]
            if max(ends) and (row.get(name) is None or not isinstance(row[name], (list, tuple))):
                made[name] = [channel[: max(ends)] for channel in cells]
        out.append(made)
    return out


def _with_decimal_point(cell: Any, layout: Mapping[str, Any]) -> Any:
    """Return a cell of a request as a number where its layout has decimal commas and it is a text with one."""
    if layout.get("decimal") != "," or not isinstance(cell, str) or "," not in cell:
        return cell
    found = to_number(cell, decimal=",")
    return cell if found is None else found


def whole(parts: Iterable[pa.Table], layouts: Layouts, *, together: bool = False) -> Iterator[pa.Table]:
    """Yield a stream's tables as they come, or one in all where series lie over rows, which parts would cut through, or where rows
    belong `together`; of series in a long table it has one row each, windows that end with a row are not gathered yet."""
    if not together and not any(kind in layout for layout in layouts.values() for kind in _OVER_ROWS):
        yield from parts
        return
    held = list(parts)
    if held:
        table = pa.concat_tables(held, promote_options="permissive")
        yield gathered(table, layouts) if any("long" in layout for layout in layouts.values()) else table


def _is_spread(raw: pa.Table, name: str, names: list[str]) -> bool:
    """Whether a column of the gathered name is absent, or itself one of those to be gathered and still plain."""
    if name not in raw.column_names:
        return True
    return name in names and not pa.types.is_list(raw.schema.field(name).type)


def _is_numbers(values: pa.ChunkedArray, decimal: str) -> bool:
    kind = values.type
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return True
    if not is_text(kind):
        return False
    cells = [c for c in values.slice(0, _LOOK).to_pylist() if c is not None and not is_missing(c) and not is_mark(c)]
    return bool(cells) and sum(to_number(c, decimal=decimal) is not None for c in cells) >= _NUMBERS * len(cells)


def _gather_wide(raw: pa.Table, name: str, channels: list[list[str]], signs: Mapping[str, str]) -> pa.Table:
    count = raw.num_rows
    empty = pa.chunked_array([pa.nulls(count, pa.float64())])
    held = {n: raw.column(n) if n in raw.column_names else empty for c in channels for n in c}
    found = {n: floats(values, signs.get(n, ".")) for n, values in held.items()}
    numbers = {n: v for n, v in found.items() if v is not None}
    cells: list[Any]
    if len(numbers) == len(held):
        x: np.ndarray = (
            np.stack([[numbers[n] for n in c] for c in channels]).astype(np.float32).transpose(2, 0, 1)
        )  # [N, C, T]
        known = np.asarray(np.isfinite(x).any(axis=1))
        # series of different length end in empty cells
        ends = np.where(known.any(axis=1), x.shape[2] - known[:, ::-1].argmax(axis=1), 0)
        cells = [list(row[:, :end]) if end else None for row, end in zip(x, ends)]
        column = pa.array(cells, pa.list_(pa.list_(pa.float32())))
    else:  # cells that are no numbers go on as they are, to be named when they are read
        text = {n: v.cast(pa.string()).to_pylist() for n, v in held.items()}
        cells = [[[text[n][i] for n in c] for c in channels] for i in range(count)]
        column = pa.array(cells, pa.list_(pa.list_(pa.string())))
    return raw.select([n for n in raw.column_names if n not in held]).append_column(name, column)


def _gather_long(
    raw: pa.Table, name: str, id: str, time: str, channels: list[str], *, strict: bool, signs: Mapping[str, str]
) -> pa.Table:
    for column in (id, time):
        if column not in raw.column_names:
            raise unknown(_COLUMN, column, raw.column_names, ColumnError)
    keys = raw.column(id).combine_chunks()
    absent = np.flatnonzero(np.asarray(keys.is_null()))
    if len(absent):
        raise in_row(absent[0], id, "expected the name of a series, received nothing", "应为序列名，收到空值")
    codes = keys.dictionary_encode()
    group = np.asarray(codes.indices if isinstance(codes, pa.DictionaryArray) else codes, np.int64)
    order = np.lexsort((moments(raw, time, signs.get(time, ".")), group))
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    ends = np.append(starts[1:], len(order))
    x = np.stack([channel_of(raw, c, signs.get(c, ".")) for c in channels])[:, order].astype(np.float32)
    cells = [list(x[:, a:b]) for a, b in zip(starts, ends, strict=True)]
    first = order[starts]
    columns = {id: keys.take(pa.array(first))}
    for other in raw.column_names:
        if other not in (id, time, *channels):
            values = raw.column(other).combine_chunks()
            if strict:
                _check_constant(values, other, id, keys, order, starts, ends)
            columns[other] = values.take(pa.array(first))
    columns[name] = pa.array(cells, pa.list_(pa.list_(pa.float32())))
    return pa.table(columns)


def _check_constant(
    values: pa.Array, name: str, id: str, keys: pa.Array, order: np.ndarray, starts: np.ndarray, ends: np.ndarray
) -> None:
    """Raise DataError, naming the row, where a column has several values in one series."""
    coded = values if isinstance(values, pa.DictionaryArray) else values.dictionary_encode()
    codes = np.asarray(coded.indices.fill_null(-1), np.int64)[order]
    low, high = np.minimum.reduceat(codes, starts), np.maximum.reduceat(codes, starts)
    wrong = np.flatnonzero(low != high)
    if len(wrong):
        at = int(starts[wrong[0]])
        row = int(order[at + int(np.flatnonzero(codes[at : int(ends[wrong[0]])] != codes[at])[0])])
        raise in_row(
            row, name,
            f"expected one value for all moments of `{keys[row]}` ({id}), received several; leave the column out with --ignore",
            f"同一序列 `{keys[row]}`（{id}）的所有时刻应为同一值，收到多个；可用 --ignore 忽略该列",
        )  # fmt: skip
