"""Numbers, categories, booleans and timestamps for linear models and trees."""

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.core.schema import Column
from modelwright.features._categories import category_codes
from modelwright.features._moments import PARTS, moments
from modelwright.features.base import Codec, codec_class, load_codecs, save_codecs
from modelwright.features.shared import table as _table

NAN = float("nan")
VALUES = {
    "Number": pa.array([1.0, 2.5, None, -7.0, float("inf"), 1e300] * 40),
    "Category": pa.array(["上海", "北京", None, "上海", "北京", "once only"] + ["上海"] * 70),
    "Boolean": pa.array([True, False, None, True]),
    "Timestamp": pa.array(
        [dt.datetime(2026, 11, 23, 13, 30), None, dt.datetime(1969, 12, 31, 1)] * 30, pa.timestamp("us")
    ),
}


def fitted(kind: str, view: str) -> tuple[Codec, pa.Array]:
    values = VALUES[kind]
    return getattr(_table, kind + view).fit(values, Column("c", kind.lower()), None, 0), values


def plain(encoding: object) -> np.ndarray:
    return encoding.toarray() if hasattr(encoding, "toarray") else np.asarray(encoding)


@pytest.mark.parametrize("view", ["Sparse", "Dense"])
@pytest.mark.parametrize("kind", list(VALUES))
def test_round_trip_single_rows_and_all_missing(kind: str, view: str) -> None:
    codec, values = fitted(kind, view)
    whole = plain(codec.encode(values))
    assert whole.dtype == np.float32
    again = type(codec).restore(json.loads(json.dumps(codec.state())), codec.arrays())
    assert np.array_equal(plain(again.encode(values)), whole, equal_nan=True)
    for i in range(6 if kind != "Boolean" else 4):
        assert np.array_equal(plain(codec.encode(values.slice(i, 1)))[0], whole[i], equal_nan=True)
    nothing = pa.nulls(5, values.type)
    missing = plain(codec.encode(nothing))
    assert missing.shape == (5, whole.shape[1])
    empty = type(codec).fit(nothing, Column("c", kind.lower()), None, 0)
    plain(empty.encode(values))
    if view == "Dense":
        assert np.isnan(missing[:, 0]).all()
        assert len(codec.categorical) == whole.shape[1]
    else:
        assert np.isfinite(whole).all()


def test_codecs_are_saved_and_loaded(tmp_path: Path) -> None:
    codecs = {}
    for kind, values in VALUES.items():
        for view in ("sparse", "dense"):
            column = Column(f"列 {kind} {view}", kind.lower())
            cls = codec_class(kind.lower(), view)
            assert cls is not None
            codecs[column.name] = (column, cls.fit(values, column, None, 0))
    save_codecs(tmp_path, codecs)
    again = load_codecs(tmp_path)
    assert list(again) == list(codecs)
    for name, (column, codec) in codecs.items():
        values = VALUES[column.modality.capitalize()]
        assert np.array_equal(plain(again[name][1].encode(values)), plain(codec.encode(values)), equal_nan=True)


def test_number_bins_grow_from_edge_to_edge() -> None:
    values = pa.array(np.arange(1000.0))
    codec = _table.NumberSparse.fit(values, Column("n", "number"), None, 0)
    low, middle, high, beyond = plain(codec.encode(pa.array([0.0, 499.5, 999.0, 5000.0])))
    bins = slice(2, None)
    assert low[bins].sum() == 0
    assert middle[bins].sum() == pytest.approx(high[bins].sum() / 2)
    assert np.array_equal(high[bins], beyond[bins])
    assert beyond[0] == 5.0  # clipped
    missing = plain(codec.encode(pa.array([None], pa.float64())))[0]
    assert missing[1] == 1
    assert missing.sum() == 1


def test_few_numbers_have_no_bins() -> None:
    codec = _table.NumberSparse.fit(pa.array([1.0, 2.0, 3.0]), Column("n", "number"), None, 0)
    assert codec.encode(pa.array([2.0])).shape == (1, 2)
    constant = _table.NumberSparse.fit(pa.array([4.0] * 500), Column("n", "number"), None, 0)
    assert np.isfinite(plain(constant.encode(pa.array([4.0, 9.0])))).all()


def test_dense_numbers_are_as_they_came() -> None:
    codec = _table.NumberDense()
    out = codec.encode(pa.array([1.5, None, float("-inf"), 1e300]))[:, 0]
    assert out[0] == 1.5
    assert np.isnan(out[1:3]).all()
    assert np.isfinite(out[3])


def test_rare_unknown_and_missing_categories() -> None:
    codec, _ = fitted("Category", "Sparse")
    out = plain(codec.encode(pa.array(["上海", "北京", "once only", "never", None])))
    assert (out.sum(axis=1) == 1).all()
    assert out.argmax(axis=1).tolist() == [0, 1, 2, 2, 3]
    assert "once only" not in json.dumps(codec.state(), ensure_ascii=False)


def test_many_categories_get_their_frequency() -> None:
    names = [f"c{i}" for i in range(40) for _ in range(2 + i)]
    codec = _table.CategoryDense.fit(pa.array(names), Column("c", "category"), None, 0)
    assert codec.categorical == (True, False)
    out = codec.encode(pa.array(["c39", "c0", "never", None]))
    assert out[:2, 0].tolist() == [0, 39]
    assert np.isnan(out[2:, 0]).all()
    assert out[0, 1] == pytest.approx(np.log1p(41))
    assert out[0, 1] > out[1, 1] > out[2, 1] > out[3, 1]


@given(st.lists(st.one_of(st.none(), st.sampled_from(["a", "b", "卡", "zz"])), max_size=80))
@settings(deadline=None)
def test_codes_are_alike_for_few_and_many(values: list[str | None]) -> None:
    known = ["a", "卡"]
    codes = category_codes(pa.array(values, pa.string()), {k: i for i, k in enumerate(known)})
    assert codes.tolist() == [-2 if v is None else known.index(v) if v in known else -1 for v in values]


@given(st.lists(st.datetimes(dt.datetime(1800, 1, 1), dt.datetime(2200, 1, 1)), min_size=1, max_size=20))
@settings(deadline=None)
def test_calendar_parts_are_those_of_the_calendar(stamps: list[dt.datetime]) -> None:
    out = moments(pa.array(stamps, pa.timestamp("us")))
    at = {name: out[:, i] for i, name in enumerate(PARTS)}
    for i, stamp in enumerate(stamps):
        assert [at[n][i] for n in ("year", "month", "day", "weekday", "hour")] == [
            stamp.year, stamp.month, stamp.day, stamp.weekday(), stamp.hour,
        ]  # fmt: skip
        assert at["days"][i] == pytest.approx((stamp - dt.datetime(1970, 1, 1)) / dt.timedelta(days=1), abs=1e-6)
    assert np.allclose(out[:, 6] ** 2 + out[:, 7] ** 2, 1)


def test_booleans() -> None:
    values = VALUES["Boolean"]
    assert plain(_table.BooleanSparse().encode(values)).argmax(axis=1).tolist() == [1, 0, 2, 1]
    assert np.array_equal(
        _table.BooleanDense().encode(values)[:, 0], np.array([1, 0, NAN, 1], np.float32), equal_nan=True
    )


@pytest.mark.parametrize("seed", range(6))
def test_numbers_in_bins_are_those_of_the_formula(seed):
    """Every bin runs from 0 at its lower edge to 1 at its upper one, as written for all bins of all rows at once."""
    rng = np.random.default_rng(seed)
    numbers = np.round(rng.normal(size=900) * 10.0 ** (seed - 2), 1 if seed % 2 else 9)
    numbers[rng.random(900) < 0.1] = NAN
    codec = _table.NumberSparse.fit(pa.array(numbers, from_pandas=True), Column("n", "number"), None, 0)
    asked = np.concatenate([numbers, codec.edges, [codec.centre, -1e9, 1e9]])
    got = plain(codec.encode(pa.array(asked, from_pandas=True)))
    missing = np.isnan(asked)
    known = np.where(missing, codec.centre, asked)
    steps = np.clip((known[:, None] - codec.edges[:-1]) / np.diff(codec.edges), 0, 1) * codec.bend
    steps[missing] = 0
    scaled = np.clip((known - codec.centre) / codec.scale, -5, 5)
    np.testing.assert_array_equal(got, np.column_stack([scaled, missing, steps]).astype(np.float32))
