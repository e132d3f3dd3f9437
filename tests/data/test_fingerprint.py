"""Digests of tables: every value and the order count, how rows lie in memory does not."""

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.schema import MEDIA, Column, Schema, Table
from modelwright.data.fingerprint import digests, whole


def table(rows: int = 1000) -> pa.Table:
    rng = np.random.default_rng(0)
    gap = rng.random(rows) < 0.1
    return pa.table({
        "number": pa.array(rng.normal(size=rows), mask=gap),
        "whole": pa.array(rng.integers(0, 9, rows)),
        "text": pa.array([None if g else f"词 {i}" for i, g in enumerate(gap)]),
        "truth": pa.array([None if g else bool(i % 3) for i, g in enumerate(gap)]),
        "day": pa.array(rng.integers(0, 10**15, rows), pa.timestamp("us")),
        "many": pa.array([["a", str(i)] if i % 5 else None for i in range(rows)]),
        "nothing": pa.nulls(rows),
    })  # fmt: skip


def test_how_rows_lie_in_memory_does_not_count():
    plain = table()
    parts = pa.concat_tables([plain.slice(0, 3), plain.slice(3, 701), plain.slice(704)])
    shifted = pa.concat_tables([table(1000).slice(0, 5), plain]).slice(5)
    packed = plain.set_column(2, "text", plain.column("text").combine_chunks().dictionary_encode())
    large = plain.set_column(2, "text", plain.column("text").cast(pa.large_string()))
    for other in (parts, shifted, packed, large):
        assert digests(other) == digests(plain)


def test_what_stands_under_a_gap_does_not_count():
    mask = np.array([True, False])
    a, b = (pa.array(np.array([v, 1.0]), mask=mask) for v in (7.0, 8.0))
    assert digests(pa.table({"x": a})) == digests(pa.table({"x": b}))


@pytest.mark.parametrize("name", ["number", "whole", "text", "truth", "day", "many"])
def test_any_one_value_and_any_gap_counts_in_its_column_alone(name):
    plain = table()
    at = plain.column_names.index(name)
    values = plain.column(name).to_pylist()
    for row in (0, 501, 999):
        for new in (None, next(v for v in values if v is not None and v != values[row])):
            if values[row] == new:
                continue
            column = pa.array([*values[:row], new, *values[row + 1 :]], plain.schema.field(name).type)
            changed = digests(plain.set_column(at, name, column))
            assert [n for n, d in digests(plain).items() if changed[n] != d] == [name]


def test_the_order_of_rows_and_of_columns_counts():
    plain = table()
    turned = digests(plain.take(pa.array(np.arange(1000)[::-1])))
    assert all(turned[n] != d for n, d in digests(plain).items() if n != "nothing")
    columns = digests(plain.select(plain.column_names[::-1]))
    assert columns == digests(plain)
    assert whole(columns, 1000) != whole(digests(plain), 1000)


def test_rows_behind_the_first_block_count():
    plain = pa.table({"x": np.arange(200_000)})
    other = pa.table({"x": np.r_[np.arange(199_999), -1]})
    assert digests(plain) != digests(other)


def test_letters_that_move_from_one_cell_to_the_next_count():
    assert digests(pa.table({"x": ["ab", "c"]})) != digests(pa.table({"x": ["a", "bc"]}))


def test_pictures_count_by_what_the_files_hold():
    raw = pa.table({"picture": ["a.png"]})
    schema = Schema((Column("picture", "image"),))
    held = [Table.of(pa.table({"picture": pa.array([{"path": "a.png", "bytes": None, "digest": d}], MEDIA)}), schema)
            for d in ("one", "other")]  # fmt: skip
    assert digests(raw, held[0]) != digests(raw, held[1])
