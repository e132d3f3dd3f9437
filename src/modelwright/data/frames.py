"""Rows from objects in memory: data frames of any library, Arrow, mappings of lists, lists of mappings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from modelwright.core.errors import DataError
from modelwright.data.arrow import plain
from modelwright.data.text import column as as_array
from modelwright.data.text import from_rows, unique_names


def frame_batches(source: Any, rows: int) -> Iterator[pa.Table]:
    """Yield tables of up to `rows` rows. Raises DataError for what is no table, or has no rows."""
    data = _table(source)
    if data.num_rows == 0:
        raise DataError("The data has no rows (it is empty).", "数据没有任何行。")
    data = data.rename_columns(unique_names([str(n) for n in data.column_names]))
    for start in range(0, data.num_rows, rows):
        yield data.slice(start, rows)


def as_table(source: Any) -> pa.Table:
    """Return rows in memory as one table of plain types. Raises DataError for what is no table."""
    return plain(_table(source))


def _table(source: Any) -> pa.Table:
    if isinstance(source, pa.Table):
        return source
    library = type(source).__module__.split(".")[0]
    if library == "datasets":
        return _dataset(source)
    if library == "pandas" and hasattr(source, "columns"):
        return _pandas(source)
    if hasattr(source, "__arrow_c_stream__"):
        try:
            return pa.table(source)
        except (pa.ArrowException, TypeError, ValueError) as e:
            return _by_columns(source, e)
    if hasattr(source, "__arrow_c_array__"):
        try:
            return pa.Table.from_batches([pa.record_batch(source)])
        except (pa.ArrowException, TypeError, ValueError) as e:
            raise _no_table(source) from e
    if isinstance(source, Mapping):
        try:
            return pa.table({str(k): as_array(list(v)) for k, v in source.items()})
        except pa.ArrowInvalid as e:
            raise DataError(f"The columns have different lengths ({e}).", f"各列长度不一致（{e}）。") from e
    if isinstance(source, Sequence) and all(isinstance(r, Mapping) for r in source):
        return from_rows([dict(r) for r in source]) if source else pa.table({})
    raise _no_table(source)


def _no_table(source: Any) -> DataError:
    kind = type(source).__name__
    return DataError(
        f"Cannot read rows from a {kind}. Give a path, a URL, a list of mappings, a mapping of lists, "
        "or an object with the Arrow C-stream interface (pandas, polars, DuckDB, datasets).",
        f"无法从 {kind} 读取数据。可给出路径、URL、字典列表、列表字典，或支持 Arrow C-stream 接口的对象。",
    )


def _pandas(frame: Any) -> pa.Table:
    """Read a frame of pandas: an index with a name is a column, one without is only the rows' places."""
    levels = list(frame.index.names)
    if any(n is not None for n in levels):
        unnamed = [i for i, n in enumerate(levels) if n is None]
        frame = (frame.droplevel(unnamed) if unnamed else frame).reset_index(allow_duplicates=True)
    try:
        return pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        pass
    columns = []
    for i in range(frame.shape[1]):
        series = frame.iloc[:, i]
        try:
            found = pa.Array.from_pandas(series)
            columns.append(found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found)
        except (pa.ArrowException, TypeError, ValueError, OverflowError):  # several types in one column, sparse values
            columns.append(as_array([None if v is None or v != v else v for v in series.tolist()]))
    return pa.Table.from_arrays(columns, names=[str(n) for n in frame.columns])


def _by_columns(frame: Any, error: Exception) -> pa.Table:
    """Read a frame column by column where it cannot be handed over whole, as for numbers of 128 bits."""
    names, select = getattr(frame, "columns", None), getattr(frame, "select", None)
    if not names or select is None or not hasattr(frame, "get_column"):
        raise DataError(
            f"The {type(frame).__name__} cannot be read ({error}). Cast its columns to text, numbers or dates first.",
            f"无法读取 {type(frame).__name__}（{error}）。请先将各列转换为文本、数字或日期。",
        ) from error
    columns = []
    for name in names:
        try:
            columns.append(pa.table(select(name)).column(0))
        except (pa.ArrowException, TypeError, ValueError):
            columns.append(pa.chunked_array([as_array(frame.get_column(name).to_list())]))
    return pa.Table.from_arrays(columns, names=list(names))


def _dataset(source: Any) -> pa.Table:
    """Read a dataset of the library datasets, with its selection of rows; one split at a time."""
    if isinstance(source, Mapping):
        splits = ", ".join(map(str, source))
        raise DataError(
            f"The {type(source).__name__} holds the splits {splits}: give one of them, such as data['{next(iter(source), 'train')}'].",
            f"{type(source).__name__} 含有多个部分（{splits}）：请给出其中之一，如 data['{next(iter(source), 'train')}']。",
        )
    if hasattr(source, "with_format") and hasattr(source, "num_rows"):
        return source.with_format("arrow")[:]
    if hasattr(source, "__iter__"):
        return from_rows([dict(r) for r in source])
    raise _no_table(source)
