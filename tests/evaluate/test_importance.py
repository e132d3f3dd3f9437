"""Importance finds what a model uses, within its time."""

import time

import numpy as np
import pyarrow as pa

from evaluate import made
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.target import ClassesCodec
from modelwright.evaluate import metrics as m
from modelwright.evaluate.importance import permutation

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


def test_the_time_cap_is_kept_by_taking_fewer_rows():
    table, target = rows(2000)
    seen = []

    def slow(part):
        seen.append(len(part))
        time.sleep(len(part) / 2000 * 0.4)
        return scores(part)

    started = time.monotonic()
    found = permutation(slow, table, target, ACCURACY, seconds=1.0)
    assert time.monotonic() - started < 1.6
    assert {i.column for i in found} == {"strong", "weak", "noise"}
    assert seen[0] == 2000 > seen[1] >= 200


def test_no_time_still_tells_something():
    table, target = rows()
    assert len(permutation(scores, table, target, ACCURACY, seconds=0.0)) >= 1


def test_the_table_is_left_as_it_was():
    judged = made.of_classes(100)
    table = made.table(judged)
    before = table.data
    permutation(lambda t: judged.scores[t.rows - 1], table, judged.target, m.CLASSIFICATION[0], seconds=0.5)
    assert table.data.equals(before)
