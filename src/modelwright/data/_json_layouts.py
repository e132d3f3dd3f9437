"""One JSON object that holds a table: rows under a key such as `data`, columns as lists, and what pandas' `to_json` writes under each `orient`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from modelwright.core.errors import DataError
from modelwright.core.words import Words

_ROWS_UNDER = ("data", "rows", "records")  # keys of an object under which its rows may stand
_INDEX = "index"  # the column of names of rows, as pandas' `reset_index` calls it
_MANY = 3  # times as many rows as columns, or columns as rows, tell which is which
_Rows = Iterable[dict[str, Any]]


def rows_of(
    held: Mapping[str, Any],
    source: str,
    lists: Collection[str],
    names: Collection[str],
    say: Callable[[Words], None] | None,
) -> _Rows | None:
    """Return the rows of a table that an object of `source` holds; None where it is a row itself.

    Cells of columns in `lists` are lists themselves, `names` are columns that a model reads. `say` hears of lists that are no columns. Raises
    DataError for rows of another length than their columns, and where rows cannot be told from columns.
    """
    under = next((held[k] for k in _ROWS_UNDER if k in held), None)
    if isinstance(under, list) and under:
        if all(isinstance(row, dict) for row in under):
            return _without_count(under) if _pandas_index(held.get("schema")) else under
        if (columns := _names_in(held.get("columns"))) and all(isinstance(row, list) for row in under):
            return _split(columns, under, held.get("index"), source)
    if len(held) > 1 and all(isinstance(c, dict) for c in held.values()):
        return _by_two_names(held, source, names)
    if _counted(held):
        return _by_columns(held)
    return _columns(held, lists, say)


def _pandas_index(schema: Any) -> bool:
    """Whether a description of a table (pandas, orient="table") says that its rows are named by an index without a name of its own."""
    return isinstance(schema, dict) and schema.get("primaryKey") == [_INDEX] and "pandas_version" in schema


def _without_count(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows without an index that only counts them."""
    labels = [row.get(_INDEX) for row in rows]
    bare = [{name: cell for name, cell in row.items() if name != _INDEX} for row in rows]
    return _with_names(bare, labels)


def _names_in(columns: Any) -> list[str]:
    """Return the names in a list of names, or of objects with a `name` each; none for anything else."""
    if not isinstance(columns, list):
        return []
    found = [c.get("name") if isinstance(c, dict) else c for c in columns]
    return [str(c) for c in found] if all(isinstance(c, str | int) for c in found) else []


def _split(columns: Sequence[str], rows: Sequence[list[Any]], index: Any, source: str) -> _Rows:
    twice = next((c for c in columns if columns.count(c) > 1), None)
    if twice is not None:
        raise DataError(
            f"{source}: expected different names in `columns`, received `{twice}` twice. Rename one of them.",
            f"{source}：`columns` 中的列名应各不相同，收到两个 `{twice}`。请改名其中一个。",
        )
    for i, row in enumerate(rows, 1):
        if len(row) != len(columns):
            raise DataError(
                f"{source}, row {i}: expected {len(columns)} values as `columns` names them, received {len(row)}. Write one object a row.",
                f"{source} 第 {i} 行：`columns` 列出 {len(columns)} 列，收到 {len(row)} 个值。请将每行写为一个对象。",
            )
    labels = index if isinstance(index, list) and len(index) == len(rows) else []
    return _with_names([dict(zip(columns, row, strict=True)) for row in rows], labels)


def _with_names(rows: list[dict[str, Any]], labels: Sequence[Any]) -> list[dict[str, Any]]:
    """Return rows with their names in a column of their own, unless they only count the rows."""
    if not labels or all(str(x).isdigit() for x in labels) or any(_INDEX in row for row in rows):
        return rows
    return [{_INDEX: label, **row} for label, row in zip(labels, rows, strict=True)]


def _counted(held: Mapping[str, Any]) -> bool:
    columns = list(held.values())
    keys = list(columns[0]) if columns and isinstance(columns[0], dict) else []
    counted = len(keys) > 1 and keys == [str(i) for i in range(len(keys))]
    return counted and all(isinstance(c, dict) and list(c) == keys for c in columns)


def _by_columns(held: Mapping[str, Mapping[str, Any]]) -> _Rows:
    keys = list(next(iter(held.values())))
    return _with_names([{name: cells[k] for name, cells in held.items()} for k in keys], keys)


def _by_rows(held: Mapping[str, Mapping[str, Any]]) -> _Rows:
    return _with_names([dict(cells) for cells in held.values()], list(held))


def _by_two_names(held: Mapping[str, Mapping[str, Any]], source: str, names: Collection[str]) -> _Rows | None:
    """Return the rows of objects in an object: {row: {column: value}} or {column: {row: value}}; None for one row of unlike objects."""
    inner = {key: None for cells in held.values() for key in cells}
    if not inner or any(2 * len(cells) < len(inner) for cells in held.values()):
        return None
    alike = all(len(cells) == len(inner) for cells in held.values())
    if names:
        if any(name.partition(".")[0] in held and name not in held for name in names):
            return None  # fields of objects in one row
        if bool(held.keys() & names) != bool(inner.keys() & names):
            return _by_columns(held) if held.keys() & names and alike else _by_rows(held)
    by_row, by_column = (all(str(k).isdigit() for k in keys) for keys in (held, inner))
    if by_row == by_column:
        by_row, by_column = len(held) >= _MANY * len(inner), len(inner) >= _MANY * len(held)
    if by_row == by_column:
        by_row = _of_one_kind([[c[k] for c in held.values() if k in c] for k in inner])
        by_column = _of_one_kind([list(c.values()) for c in held.values()])
    if by_row and not by_column:
        return _by_rows(held)
    if by_column and not by_row and alike:
        return _by_columns(held)
    if not alike:
        return None
    first, other = next(iter(held)), next(iter(inner))
    raise DataError(
        f'{source}: in objects of objects such as `{first}` and `{other}` either may be the column. Write one object a row; pandas does by orient="records".',
        f'{source}：对象中嵌套对象（如 `{first}` 与 `{other}`），无法判断哪个是列名。请将每行写为一个对象；pandas 可用 orient="records"。',
    )


def _of_one_kind(columns: Iterable[Sequence[Any]]) -> bool:
    """Whether the values of each column are all numbers, all text, all truth values or all something else."""
    return all(
        len({float if isinstance(v, int) and not isinstance(v, bool) else type(v) for v in c if v is not None}) < 2
        for c in columns
    )


def _columns(held: Mapping[str, Any], lists: Collection[str], say: Callable[[Words], None] | None) -> _Rows | None:
    columns = list(held.values())
    sizes = {name: len(cells) for name, cells in held.items() if isinstance(cells, list)}
    beside = any(isinstance(c, list) and not any(isinstance(v, dict | list) for v in c) for c in columns)
    if len(sizes) != len(held) or not all(_cells(held[name], name in lists, beside) for name in held):
        return None
    if set(sizes.values()) - {0, 1} and len(set(sizes.values())) == 1:
        return (dict(zip(held, cells)) for cells in zip(*columns))
    if len(set(sizes.values())) > 1 and say is not None:
        shown, shown_zh = (mark.join(f"`{n}` {size}" for n, size in list(sizes.items())[:6]) for mark in (", ", "、"))
        say(
            Words(
                f"{shown}: lists of different lengths are no columns of a table, so the object is read as one row.",
                f"{shown_zh}：各列表长度不同，不能作为表格的列，该对象按一行读取。",
            )
        )
    return None


def _cells(cells: Sequence[Any], nested: bool, beside: bool) -> bool:
    """Whether the items of a list may be the cells of a column: lists only where the column holds such; objects in all of them or in none,
    and only `beside` columns of values, since messages beside tools are one row of a conversation."""
    if nested:
        return all(isinstance(c, list) for c in cells)
    objects = [isinstance(c, dict) for c in cells if c is not None]
    return not any(objects) or (all(objects) and beside)
