"""Rows in time become windows: what came before each, by series, in the order of time."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.errors import DataError
from modelwright.data.series import gathered, gathered_rows, whole
from modelwright.data.trailing_windows import find_season, in_order, length_of, season_of, trailing, with_units
from modelwright.features.shared.windows import windows_of

LAYOUT = {"series": {"trailing": {"time": "at", "id": "who", "channels": ["x", "y"], "length": 3, "season": 0}}}


def test_a_row_ends_its_window_and_no_series_looks_into_another():
    raw = pa.table(
        {
            "at": [2, 1, 1, 3, 2],
            "who": ["a", "a", "b", "a", "b"],
            "x": [12.0, 11, 21, 13, 22],
            "y": ["1", "2", "3", "4", "5"],
        }
    )
    made = gathered(raw, LAYOUT)
    assert made.column_names == ["at", "who", "series"]
    x = windows_of(made.column("series").combine_chunks(), 2, 3)
    nan = np.nan
    np.testing.assert_array_equal(x[:, 0], [[nan, 11, 12], [nan, nan, 11], [nan, nan, 21], [11, 12, 13], [nan, 21, 22]])
    np.testing.assert_array_equal(x[3, 1], [2, 1, 4])
    rows = gathered_rows(raw.to_pylist(), LAYOUT)
    np.testing.assert_array_equal(rows[3]["series"], [[11, 12, 13], [2, 1, 4]])
    assert gathered(made, LAYOUT) is made, "what is gathered passes unchanged"


def test_cells_that_are_no_numbers_or_times_are_named():
    raw = pa.table({"at": [1, 2], "x": ["1.5", "much"], "y": [1.0, 2.0]})
    with pytest.raises(DataError, match="Row 2, column `x`"):
        gathered(raw, LAYOUT)
    raw = pa.table({"at": ["2024-01-01", "later"], "x": [1.5, 1], "y": [1.0, 2.0]})
    with pytest.raises(DataError, match="Row 2, column `at`"):
        gathered(raw, LAYOUT)


def test_windows_of_nothing():
    assert trailing(np.empty((2, 0)), np.empty(0, int), np.empty(0, bool), 4).shape == (0, 2, 4)


@pytest.mark.parametrize("season", [7, 24, 150])
def test_a_season_is_found(season):
    rng = np.random.default_rng(0)
    t = np.arange(20 * season)
    shape = rng.normal(size=season)
    x = np.convolve(np.tile(shape, 20), [0.25, 0.5, 0.25], "same") + 0.2 * rng.normal(size=len(t)) + 0.002 * t
    assert find_season(x) == season


def test_no_season_is_made_up():
    rng = np.random.default_rng(0)
    assert find_season(rng.normal(size=2000)) == 0
    assert find_season(np.cumsum(rng.normal(size=2000))) == 0
    assert find_season(np.ones(500)) == 0
    assert find_season(np.full(50, np.nan)) == 0
    assert length_of(0) == length_of(12) == 218
    assert length_of(100) == 371
    assert length_of(500) == 1100


def test_the_season_is_that_of_each_series_in_the_order_of_time():
    hours = np.arange(240)
    wave = 5 * np.sin(hours * 2 * np.pi / 24)
    mixed = np.random.default_rng(0).permutation(480)
    raw = pa.table({"date": [f"2024-03-{1 + h // 24:02}" for h in hours] * 2, "hour": (hours % 24).tolist() * 2, "who": ["a"] * 240 + ["b"] * 240})  # fmt: skip
    x = np.tile(wave, 2)[mixed]
    order, begins = in_order(raw.take(pa.array(mixed)), "date + hour", "who")
    assert mixed[order].tolist() == list(range(480))
    assert np.flatnonzero(begins).tolist() == [0, 240]
    assert season_of({"x": x}, order, begins) == 24
    made = gathered(raw.take(pa.array(mixed)).append_column("x", pa.array(x)), {"series": {"trailing": {
        "time": "date + hour", "id": "who", "channels": ["x"], "length": 3, "season": 24}}})  # fmt: skip
    row = int(np.flatnonzero(mixed == 245)[0])
    np.testing.assert_allclose(windows_of(made.column("series").combine_chunks(), 1, 3)[row, 0], wave[3:6], atol=1e-6)
    assert made.column_names == ["date", "hour", "who", "series"]


def test_numbers_with_units_are_watched_and_read_alike_later():
    raw = pa.table(
        {"at": list(range(40)), "who": ["a"] * 40, "t": [f"{20 + i / 4}℃" for i in range(40)], "word": ["x", "y"] * 20}
    )
    units = with_units(raw, {"at"}, ".")
    assert list(units) == ["t"]
    layout = {
        "series": {"trailing": {"time": "at", "id": None, "channels": ["t"], "length": 2, "season": 0, "units": units}}
    }
    for part in (raw, raw.slice(0, 3)):
        made = gathered(part, layout)
        assert windows_of(made.column("series").combine_chunks(), 1, 2)[2, 0].tolist() == [20.25, 20.5]
        assert "t" not in made.column_names
    with pytest.raises(DataError, match=r"expected a number, received `hot`"):
        gathered(pa.table({"at": [1], "t": ["hot"]}), layout)


def test_rows_that_are_to_be_written_keep_their_own_columns():
    raw = pa.table({"at": [1, 2, 3], "who": ["a"] * 3, "x": [1.0, 2, 3], "y": [4.0, 5, 6]})
    (made,) = whole([raw.slice(0, 2), raw.slice(2)], LAYOUT)
    assert made.to_pylist() == raw.to_pylist()
