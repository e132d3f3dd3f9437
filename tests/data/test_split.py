"""Splits that leak nothing."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.core.errors import DataError
from modelwright.core.schema import Column, Schema, Table
from modelwright.data.split import folds, holdout, row_codes

SCHEMA = Schema(
    (
        Column("x", "number"),
        Column("shop", "category", "group"),
        Column("day", "number", "time"),
        Column("y", "category", "target"),
    )
)


def table(n: int, seed: int = 0, values: int = 1000) -> Table:
    rng = np.random.default_rng(seed)
    data = pa.table({
        "x": rng.integers(0, values, n).astype(float), "shop": [f"s{i}" for i in rng.integers(0, 9, n)],
        "day": rng.permutation(n).astype(float), "y": [str(i) for i in rng.integers(0, 3, n)],
    })  # fmt: skip
    return Table.of(data, SCHEMA)


def codes(t: Table) -> np.ndarray:
    return np.array([int(v) for v in t.column("y").to_pylist()])


@settings(max_examples=40, deadline=None)
@given(n=st.integers(2, 200), seed=st.integers(0, 99), values=st.sampled_from([3, 1000]), fraction=st.floats(0.1, 0.5))
def test_holdout_covers_all_once_and_keeps_equal_rows_together(n, seed, values, fraction):
    t = table(n, seed, values)
    a, b = holdout(t, codes(t), fraction=fraction, group=None, time=None, seed=seed)
    assert sorted([*a, *b]) == list(range(n))
    same = row_codes(t)
    assert not set(same[a]) & set(same[b])
    again = holdout(t, codes(t), fraction=fraction, group=None, time=None, seed=seed)
    assert np.array_equal(a, again[0])


def test_classes_keep_their_shares():
    t = table(900, values=10**9)
    a, b = holdout(t, codes(t), fraction=0.2, group=None, time=None, seed=0)
    for k in range(3):
        assert abs((codes(t)[b] == k).mean() - (codes(t)[a] == k).mean()) < 0.03
    assert abs(len(b) / 900 - 0.2) < 0.03


def test_groups_never_straddle():
    t = table(200)
    shop = np.array(t.column("shop").to_pylist())
    for a, b in [
        holdout(t, codes(t), fraction=0.3, group="shop", time=None, seed=1),
        *folds(t, codes(t), k=4, group="shop", time=None, seed=1),
    ]:
        assert not set(shop[a]) & set(shop[b])
        assert len(a) + len(b) == 200
    with pytest.raises(DataError):
        folds(t, codes(t), k=20, group="shop", time=None, seed=1)


def test_time_goes_forward():
    t = table(100)
    day = np.array(t.column("day").to_pylist())
    for a, b in [
        holdout(t, None, fraction=0.2, group=None, time="day", seed=0),
        *folds(t, None, k=4, group=None, time="day", seed=0),
    ]:
        assert day[a].max() < day[b].min()


def test_folds_cover_all_once_per_repeat_and_repeats_differ():
    t = table(120)
    parts = folds(t, codes(t), k=5, repeats=2, group=None, time=None, seed=0)
    assert len(parts) == 10
    for i in (0, 5):
        assert sorted(np.concatenate([v for _, v in parts[i : i + 5]])) == list(range(120))
    assert not np.array_equal(parts[0][1], parts[5][1])


def test_a_class_of_one_row_breaks_nothing():
    t = table(40)
    lonely = np.zeros(40, int)
    lonely[7] = 1
    a, b = holdout(t, lonely, fraction=0.2, group=None, time=None, seed=0)
    assert 7 in a
    assert len(b)
    assert len(folds(t, lonely, k=5, group=None, time=None, seed=0)) == 5
