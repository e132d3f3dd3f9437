"""Importance finds what a model uses, within its time."""

import numpy as np
import pyarrow as pa

from clock_made import stopped_clock
from evaluate import made
from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.schema import Column, Schema, Table
from modelwright.evaluate.explain import importance
from modelwright.evaluate.explain.importance import Importance, conclusion, permutation, surest
from modelwright.evaluate.metrics import chosen as m

ACCURACY = next(x for x in m.CLASSIFICATION if x.name == "accuracy")
LOSS = next(x for x in m.CLASSIFICATION if x.name == "log_loss")


def rows(n=600):
    rng = np.random.default_rng(0)
    state = rng.integers(0, 2, n)
    weak = np.where(rng.random(n) < 0.6, state, 1 - state)
    names = {"strong": state, "weak": weak, "noise": rng.integers(0, 2, n)}
    data = pa.table({**{k: v.astype(float) for k, v in names.items()}, "y": ["no" if s == 0 else "yes" for s in state]})
    columns = (*(Column(k, "number") for k in names), Column("y", "category", "target"))
    return Table.of(data, Schema(columns)), ClassesCodec(["no", "yes"], [1, 1])


def scores(table):
    values = {k: np.asarray(table.column(k)) for k in ("strong", "weak")}
    p = 1 / (1 + np.exp(-(4 * values["strong"] + values["weak"] - 2.5)))
    return np.stack([1 - p, p], 1)


def test_strong_columns_first_and_unused_ones_at_zero():
    table, target = rows()
    found = permutation(scores, table, target, LOSS, seconds=10)
    assert [i.column for i in found] == ["strong", "weak", "noise"]
    strong, weak, noise = found
    assert strong.low > weak.high > weak.low > 0
    assert noise.drop == noise.low == noise.high == 0


def test_the_drop_is_what_shuffling_costs():
    table, target = rows()
    strong = permutation(scores, table, target, ACCURACY, seconds=10)[0]
    assert 0.4 < strong.drop < 0.6  # shuffled, it is guessing between two even classes
    assert strong.low < 0.5 < strong.high


def test_the_time_cap_is_kept_by_taking_fewer_rows(monkeypatch):
    clock = stopped_clock(monkeypatch, importance)
    table, target = rows(2000)
    seen = []

    def slow(part):
        seen.append(len(part))
        clock.sleep(len(part) / 2000 * 0.4)
        return scores(part)

    found = permutation(slow, table, target, ACCURACY, seconds=1.0)
    assert clock.now - 1000 < 1.6
    assert {i.column for i in found} == {"strong", "weak", "noise"}
    assert max(seen) < 3 * 2000  # all columns of all rows


def test_every_column_is_measured_before_any_is_measured_well(monkeypatch):
    clock = stopped_clock(monkeypatch, importance)
    names = [f"c{i}" for i in range(30)]
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 3000)
    data = pa.table(
        {**{n: rng.normal(size=3000) for n in names}, "z": truth * 1.0, "y": [("a", "b")[t] for t in truth]}
    )
    columns = (*(Column(n, "number") for n in [*names, "z"]), Column("y", "category", "target"))
    calls = []

    def slow(part):  # reads the last column alone
        calls.append(len(part))
        clock.sleep(0.01 + 0.0001 * len(part))
        p = np.asarray(part.column("z"))
        return np.stack([1 - p, p], 1)

    found = permutation(slow, Table.of(data, Schema(columns)), ClassesCodec(["a", "b"], [1, 1]), ACCURACY, seconds=0.5)
    assert len(found) == 31
    assert found[0].column == "z"
    assert surest(found) is found[0]
    assert "most rests on `z`" in conclusion(found, Schema(columns)).en.lower()


def test_what_was_not_measured_is_said_and_nothing_is_concluded_from_noise():
    schema = Schema((Column("a", "number"), Column("text", "text"), Column("y", "category", "target")))
    found = [Importance("a", 0.02, -0.01, 0.05, 40)]
    told = conclusion(found, schema)
    assert "rests" not in told.en
    assert "`text`" in told.en
    assert "`text`" in told.zh
    two = [Importance("a", 0.30, 0.1, 0.5), Importance("text", 0.28, 0.1, 0.4)]
    assert "stands out" in conclusion(two, schema).en
    few = [Importance("a", 0.3, float("nan"), float("nan"))]
    assert surest(few) is None


def test_the_interval_holds_the_truth_as_often_as_it_says():
    table, target = rows(4000)
    large = {i.column: i.drop for i in permutation(scores, table, target, LOSS, seconds=20, rows=4000, repeats=3)}
    hits = []
    for seed in range(60):
        some = table.take(np.random.default_rng(seed).permutation(4000)[:80])
        found = permutation(scores, some, target, LOSS, seconds=5, repeats=2, seed=seed)
        hits += [i.low <= large[i.column] <= i.high for i in found if i.column != "noise"]
    assert np.mean(hits) >= 0.88


def test_no_time_still_tells_something():
    table, target = rows()
    assert len(permutation(scores, table, target, ACCURACY, seconds=0.0)) >= 1


def test_the_table_is_left_as_it_was():
    judged = made.of_classes(100)
    table = made.table(judged)
    before = table.data
    permutation(lambda t: judged.scores[t.rows - 1], table, judged.target, m.CLASSIFICATION[0], seconds=0.5)
    assert table.data.equals(before)
