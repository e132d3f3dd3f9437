"""Splits that leak nothing."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.core.errors import DataError, OptionError
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


def test_running_numbers_read_as_text_are_sorted_as_numbers_and_words_are_refused():
    schema = Schema((Column("no", "id", "time"), Column("x", "number")))

    def of(values):
        return Table.of(pa.table({"no": pa.array(values, pa.string()), "x": np.arange(float(len(values)))}), schema)

    for values in ([str(i) for i in range(120)], [f"{i}.0" for i in range(120)], [str(10**18 + i) for i in range(120)]):
        a, b = holdout(of(values), None, fraction=0.2, group=None, time="no", seed=0)
        assert (a.max(), b.tolist()) == (95, list(range(96, 120)))
    gaps = holdout(of([None, "3", "2", "1"]), None, fraction=0.25, group=None, time="no", seed=0)
    assert gaps[1].tolist() == [1]
    with pytest.raises(DataError, match="`soon` is no time"):
        holdout(of(["1", "soon"]), None, fraction=0.5, group=None, time="no", seed=0)


def later(seed: int, span: float) -> Table:
    """Shops that open one after the other and stay open for `span` days each."""
    rng = np.random.default_rng(seed)
    opens = rng.uniform(0, 300, 60)
    shop = rng.integers(0, 60, 400)
    data = pa.table({
        "x": rng.normal(size=400), "shop": [f"s{i}" for i in shop], "day": opens[shop] + rng.uniform(0, span, 400),
        "y": [str(i) for i in rng.integers(0, 3, 400)],
    })  # fmt: skip
    return Table.of(data, SCHEMA)


@pytest.mark.parametrize("seed", range(5))
def test_groups_with_time_are_whole_and_later(seed):
    t = later(seed, span=20)
    shop, day = (np.array(t.column(n).to_pylist()) for n in ("shop", "day"))
    pairs = [holdout(t, None, fraction=0.2, group="shop", time="day", seed=0)]
    pairs += folds(t, None, k=3, group="shop", time="day", seed=0)
    assert abs(len(pairs[0][1]) / 400 - 0.2) < 0.06
    for a, b in pairs:
        assert not set(shop[a]) & set(shop[b])
        assert day[a].max() < day[b].min()
        assert len(set(shop[b])) >= 2
    assert [a.max() for a, _ in pairs[1:]] == sorted(a.max() for a, _ in pairs[1:])


def test_groups_that_run_through_the_whole_time_are_refused():
    t = later(0, span=2000)
    for split in (holdout, folds):
        amount = {"fraction": 0.2} if split is holdout else {"k": 3}
        with pytest.raises(DataError, match="--group shop and --time day cannot both hold"):
            split(t, None, group="shop", time="day", seed=0, **amount)


def test_units_with_time_leave_earlier_kin_out():
    t = table(100)
    units = np.arange(100)
    order = np.argsort(t.column("day").to_pylist())
    units[order[-1]] = units[order[3]]  # a late row is nearly the same as an early one
    a, b = holdout(t, None, fraction=0.2, group=None, time="day", seed=0, units=units)
    assert order[3] not in a
    assert (len(a), len(b)) == (79, 20)
    for a, b in folds(t, None, k=4, group=None, time="day", seed=0, units=units):
        assert not set(units[a]) & set(units[b])
    twice = np.arange(100) % 50  # where most rows have kin, they stay
    a, b = holdout(t, None, fraction=0.4, group=None, time="day", seed=0, units=twice)
    assert len(a) + len(b) == 100


@pytest.mark.parametrize(("group", "time", "split"), [("shop", None, "scaffold"), (None, "day", "scaffold")])
def test_pairs_of_options_that_cannot_both_hold_are_refused(group, time, split):
    for one, amount in ((holdout, {"fraction": 0.2}), (folds, {"k": 3})):
        with pytest.raises(OptionError, match="cannot be held at once"):
            one(table(60), None, group=group, time=time, seed=0, split=split, **amount)


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


def molecules(n):
    from modelwright.core.schema import Column, Schema, Table

    rings = ["c1ccccc1", "c1ccncc1", "C1CCCCC1", "C1CCNCC1", "c1ccoc1", "c1ccsc1", "C1CCOC1", "c1ccc2ccccc2c1"]
    cells = [("C" * (i // 8) + rings[i % 8]) if i % 5 else "C" * (i + 1) for i in range(n)]
    return Table.of(pa.table({"m": cells}), Schema((Column("m", "molecule"),)))


def test_scaffolds_never_cross_a_split():
    pytest.importorskip("rdkit")
    from modelwright.data.kinds.molecule import scaffold

    table = molecules(120)
    keys = np.array([scaffold(v) or v for v in table.column("m").to_pylist()])
    pairs = [holdout(table, None, fraction=0.25, group=None, time=None, seed=s, split="scaffold") for s in range(4)]
    pairs += folds(table, None, k=3, group=None, time=None, seed=0, split="scaffold")
    for kept, held in pairs:
        assert len(kept)
        assert len(held)
        assert len(kept) + len(held) == 120
        assert not set(keys[kept]) & set(keys[held])
    assert any(not np.array_equal(pairs[0][1], other[1]) for other in pairs[1:4])  # seeds differ
    again = holdout(table, None, fraction=0.25, group=None, time=None, seed=0, split="scaffold")
    assert np.array_equal(again[1], pairs[0][1])
    plain, _ = holdout(table, None, fraction=0.25, group=None, time=None, seed=0)
    assert set(keys[plain]) & set(keys[np.setdiff1d(np.arange(120), plain)])  # a random split does cross


def test_scaffold_splits_that_cannot_be_are_refused():
    from modelwright.core.errors import OptionError

    table = molecules(20)
    with pytest.raises(OptionError, match="--group"):
        holdout(table, None, fraction=0.25, group="g", time=None, seed=0, split="scaffold")
    schema = table.schema.with_column("m", modality="text")
    with pytest.raises(OptionError, match=r"needs a column of molecules.*m \(text\)"):
        holdout(table.with_schema(schema), None, fraction=0.25, group=None, time=None, seed=0, split="scaffold")
