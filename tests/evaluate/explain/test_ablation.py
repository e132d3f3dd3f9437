"""What each column adds: a column that others repeat adds nothing, though shuffling it would hurt."""

import numpy as np
import pyarrow as pa
import pytest

from clock_made import stopped_clock
from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.schema import Column, Schema, Table
from modelwright.evaluate.explain.ablation import without, without_columns, worth_it
from modelwright.evaluate.metrics.chosen import CLASSIFICATION

METRIC = next(m for m in CLASSIFICATION if m.name == "accuracy")
TARGET = ClassesCodec(["a", "b"], [1, 1])
SCHEMA = Schema(
    (Column("text", "text"), Column("copy", "text"), Column("noise", "number"), Column("y", "category", "target"))
)


def rows(count=200):
    rng = np.random.default_rng(0)
    truth = [("a", "b")[i] for i in rng.integers(0, 2, count)]
    told = [t if rng.random() < 0.95 else "?" for t in truth]
    data = {"text": truth, "copy": told, "noise": rng.normal(size=count), "y": truth}
    return Table.of(pa.table({k: pa.array(v) for k, v in data.items()}), SCHEMA)


def scores(table):
    """Reads the text, else its copy, else guesses `a`."""
    out = []
    for i in range(len(table)):
        said = table.column("text")[i].as_py() or table.column("copy")[i].as_py()
        out.append([0.1, 0.9] if said == "b" else [0.9, 0.1])
    return np.array(out)


def test_what_another_column_repeats_adds_little():
    found = {a.column: a for a in without_columns(scores, rows(), TARGET, METRIC, seconds=5.0)}
    assert set(found) == {"text", "copy", "noise"}
    assert 0 < found["text"].drop < 0.1
    assert found["text"].low <= found["text"].drop <= found["text"].high
    assert found["copy"].drop == found["noise"].drop == 0
    assert found["text"].rows == 200
    assert next(iter(found)) == "text"
    only = without(rows(), "copy")
    hard = {a.column: a for a in without_columns(scores, only, TARGET, METRIC, seconds=5.0)}
    assert hard["text"].drop == pytest.approx(0.5, abs=0.1)
    assert hard["text"].low > 0.3


def test_thresholds_are_kept():
    always = without_columns(scores, rows(), TARGET, METRIC, thresholds=[0.05], seconds=5.0)
    assert [a.drop for a in always] == [0, 0, 0]  # every row is answered `b`, with or without


def test_time_bounds_the_rows(monkeypatch):
    clock = stopped_clock(monkeypatch, "modelwright.evaluate.explain.ablation")

    def slow(table):
        clock.sleep(0.002 * len(table))
        return scores(table)

    found = without_columns(slow, rows(3000), TARGET, METRIC, seconds=1.5)
    assert clock.now - 1000 < 1.5
    assert 30 <= found[0].rows < 300
    assert without_columns(slow, rows(3000), TARGET, METRIC, seconds=0.01) == []
    assert without_columns(scores, rows(20), TARGET, METRIC) == []


def test_only_few_columns_of_unlike_kinds_are_worth_it():
    assert worth_it(SCHEMA)
    assert not worth_it(Schema((Column("x", "image"), Column("y", "category", "target"))))
    assert not worth_it(Schema(tuple(Column(n, "number") for n in "abc")))
    assert not worth_it(Schema(tuple(Column(n, "text") for n in "abcdefg")))


def test_a_column_is_missing_everywhere_and_the_others_stay():
    less = without(rows(), "noise")
    assert less.column("noise").null_count == 200
    assert less.column("text").equals(rows().column("text"))
    assert less.column("noise").type == pa.float64()
