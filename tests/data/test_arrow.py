"""The same values in any of Arrow's layouts, and from any library, read as the same columns."""

import datetime as dt
import random

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.feather
import pytest

from modelwright.core.errors import DataError
from modelwright.data.arrow import plain
from modelwright.data.coerce import coerce
from modelwright.data.infer import infer_schema
from modelwright.data.sources import read

RNG = random.Random(0)
N = 120
VALUES = {
    "town": [RNG.choice(["Oslo", "Bern", "Turin", None]) for _ in range(N)],
    "size": [RNG.random() for _ in range(N)],
    "when": [dt.datetime(2025, 1, 1) + dt.timedelta(hours=i) for i in range(N)],
    "words": [None if i % 11 == 0 else f"the letter {i} has {RNG.choice(['not', 'just'])} come" for i in range(N)],
    "label": [RNG.choice(["yes", "no"]) for _ in range(N)],
}
TABLE = pa.table(VALUES)
RUNS = pa.RunEndEncodedArray.from_arrays


def strings(change):
    return pa.table({n: change(c) if pa.types.is_string(c.type) else c for n, c in zip(VALUES, TABLE.columns)})


def in_runs(column):
    return RUNS(pa.array(np.arange(1, N + 1), pa.int32()), column.combine_chunks().cast(pa.string_view()))


WAYS = {
    "mapping": VALUES,
    "pandas": pd.DataFrame(VALUES),
    "pandas objects": pd.DataFrame(VALUES).astype({"town": object, "words": object}),
    "pandas shuffled": pd.DataFrame(VALUES).set_axis([f"r{N - i}" for i in range(N)]),
    "pandas categories": pd.DataFrame(VALUES).astype({"town": "category", "label": pd.CategoricalDtype(["no", "yes"], True)}),
    "polars": pl.DataFrame(VALUES),
    "polars enum": pl.DataFrame(VALUES).with_columns(
        pl.col("town").cast(pl.Categorical), pl.col("label").cast(pl.Enum(["no", "yes"])), pl.col("words").cast(pl.Categorical)
    ),
    "duckdb": duckdb.from_arrow(TABLE),
    "string_view": strings(lambda c: c.cast(pa.string_view())),
    "large_string": strings(lambda c: c.cast(pa.large_string())),
    "binary": strings(lambda c: c.cast(pa.binary())),
    "binary_view": strings(lambda c: c.cast(pa.binary_view())),
    "dictionary": strings(lambda c: c.dictionary_encode()),
    "runs": strings(in_runs),
    "reader": pa.RecordBatchReader.from_batches(TABLE.schema, TABLE.to_batches(50)),
    "batch": TABLE.combine_chunks().to_batches()[0],
    "nanoseconds": TABLE.set_column(2, "when", TABLE["when"].cast(pa.timestamp("ns"))),
}  # fmt: skip


def seen(source):
    raw = read(source)
    schema = infer_schema(raw, target="label")
    table, bad = coerce(raw, schema)
    assert not bad
    return [(c.name, c.modality, c.role) for c in schema], table.data.to_pydict()


@pytest.mark.parametrize("way", WAYS)
def test_the_same_values_are_the_same_columns(way):
    columns, values = seen(WAYS[way])
    assert [c[1] for c in columns] == ["category", "number", "timestamp", "text", "category"]
    assert values == VALUES


@pytest.mark.parametrize("how", [{}, {"compression": "zstd"}, {"compression": "lz4"}])
def test_files_that_polars_writes(tmp_path, how):
    frame = pl.DataFrame(VALUES).with_columns(pl.col("town").cast(pl.Categorical))
    frame.write_ipc(tmp_path / "a.arrow", **how)
    frame.write_ipc_stream(tmp_path / "b.arrow", **how)
    frame.write_parquet(tmp_path / "c.parquet")
    for name in ("a.arrow", "b.arrow", "c.parquet"):
        assert seen(tmp_path / name)[1] == VALUES


def test_a_truncated_file_of_polars_is_refused(tmp_path):
    pl.DataFrame(VALUES).write_ipc(tmp_path / "a.arrow")
    whole = (tmp_path / "a.arrow").read_bytes()
    (tmp_path / "b.arrow").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="not a complete Arrow file"):
        read(tmp_path / "b.arrow")


def test_offsets_that_lead_outside_are_refused(tmp_path):
    good = pa.array(["ab", "cd", "ef"])
    offsets = pa.py_buffer(np.array([0, 2, 4000, 6], np.int32))
    bent = pa.Array.from_buffers(pa.string(), 3, [None, offsets, good.buffers()[2]])
    pa.feather.write_feather(pa.table({"a": bent}), tmp_path / "a.feather", compression="uncompressed")
    with pytest.raises(DataError, match="not a complete Arrow file"):
        read(tmp_path / "a.feather")


def one(values):
    return plain(pa.table({"a": values})).column("a")


def test_types_of_other_libraries():
    assert one(pa.array([b"a" * 16, None], pa.uuid())).to_pylist() == ["61616161-6161-6161-6161-616161616161", None]
    assert one(pa.ExtensionArray.from_storage(pa.bool8(), pa.array([0, 1, None], pa.int8()))).to_pylist() == [
        False,
        True,
        None,
    ]
    assert one(pa.array(np.array([1.5], np.float16))).to_pylist() == [1.5]
    assert one(pa.array([1, None], pa.decimal256(50, 2))).to_pylist() == [1.0, None]
    assert one(pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64()))).to_pylist() == ['{"k": 1}', None]
    union = pa.UnionArray.from_sparse(pa.array([0, 1], pa.int8()), [pa.array([1, 2]), pa.array(["a", "b"])])
    assert one(union).to_pylist() == ["1", "b"]
    tensor = pa.FixedShapeTensorArray.from_numpy_ndarray(np.arange(12.0).reshape(2, 2, 3))
    assert one(tensor).to_pylist() == np.arange(12).reshape(2, 2, 3).tolist()
    opaque = pa.ExtensionArray.from_storage(pa.opaque(pa.binary(), "bignum", "DuckDB"), pa.array([b"\x80"]))
    with pytest.raises(DataError, match="`a` is of a type that only its own library"):
        one(opaque)


def test_intervals_of_sql_are_durations(tmp_path):
    made = duckdb.sql(
        "select case when i <> 3 then interval (i) hour + interval (i) day end as wait from range(60) t(i)"
    )
    spans = [None if i == 3 else dt.timedelta(days=i, hours=i) for i in range(60)]
    table = read(made)
    assert table.column("wait").to_pylist() == spans
    assert plain(made.to_arrow_table().slice(2, 3)).column("wait").to_pylist() == spans[2:5]
    assert infer_schema(table)["wait"].options == {"form": "duration"}
    months = pa.array([(2, 1, 1_500), (-1, 0, -1_000)], pa.month_day_nano_interval())
    assert one(months).to_pylist() == [dt.timedelta(days=61, microseconds=1), dt.timedelta(days=-30, microseconds=-1)]
    made.write_parquet(str(tmp_path / "d.parquet"))
    assert read(tmp_path / "d.parquet").column("wait").to_pylist() == spans


def test_intervals_and_periods_of_pandas():
    frame = pd.DataFrame(
        {
            "bin": pd.cut([0.5, 1.5, 7.0], [0, 1, 5, 9]),
            "month": pd.period_range("2024-11", periods=3, freq="M"),
            "quarter": pd.period_range("2024-10", periods=3, freq="Q"),
            "sparse": pd.arrays.SparseArray([0, 1, 0]),
            "mixed": pd.Series([1, "a", None], dtype=object),
        }
    )
    got = read(frame).to_pydict()
    assert got["bin"] == ["(0, 1]", "(1, 5]", "(5, 9]"]
    assert got["month"] == [dt.datetime(2024, 11, 1), dt.datetime(2024, 12, 1), dt.datetime(2025, 1, 1)]
    assert got["quarter"][:2] == [dt.datetime(2024, 10, 1), dt.datetime(2025, 1, 1)]
    assert got["sparse"] == [0, 1, 0]
    assert got["mixed"] == ["1", "a", None]


def test_slices_keep_their_place():
    runs = pa.table({"a": RUNS(pa.array([3, 7, 10], pa.int32()), pa.array(["x", None, "y"]))})
    told = ["x"] * 3 + [None] * 4 + ["y"] * 3
    for start in range(10):
        for length in range(1, 11 - start):
            assert plain(runs.slice(start, length))["a"].to_pylist() == told[start : start + length]
    nested = pa.table(
        {
            "f": pa.array([[1, 2], None, [3, 4], [5, 6]], pa.list_(pa.int64(), 2)),
            "s": pa.array([{"x": "a"}, None, {"x": None}, {"x": "d"}], pa.struct([("x", pa.string_view())])),
            "l": pa.array([["a"], None, [], ["b", None]], pa.large_list(pa.string_view())),
            "v": pa.array([["a"], None, [], ["b", "c"]], pa.list_view(pa.string_view())),
        }
    ).slice(1, 3)
    assert plain(nested).to_pylist() == nested.to_pylist()


def test_a_dictionary_with_a_missing_word_and_parts_with_others():
    first = pa.DictionaryArray.from_arrays(pa.array([0, 1, None], pa.uint8()), pa.array(["a", None], pa.string_view()))
    second = pa.DictionaryArray.from_arrays(pa.array([1, 0], pa.uint8()), pa.array(["b", "c"], pa.string_view()))
    table = pa.concat_tables([plain(pa.table({"a": p})) for p in (first, second)]).combine_chunks()
    assert table["a"].to_pylist() == ["a", None, None, "c", "b"]


def test_bytes_that_are_no_text_are_named():
    raw = read({"a": [b"\xff\xfe\x00"] * 3, "label": ["x", "y", "x"]})
    table, bad = coerce(raw, infer_schema(raw, target="label"))
    assert [b.row for b in bad] == [1, 2, 3]
    assert "no UTF-8" in bad[0].words.en
    assert table.column("a").null_count == 3
