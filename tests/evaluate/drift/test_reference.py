"""The reference: what it keeps, that it comes back equal, and that damaged ones are refused."""

import json

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.schema import Column, Schema, Table
from modelwright.evaluate.drift.answers import fit_answers
from modelwright.evaluate.drift.figures import FEW, ordered, shares
from modelwright.evaluate.drift.reference import Reference, Tally, make_reference


def test_reads_the_training_rows_as_it_counted_them(table):
    reference = make_reference(table, table.schema)
    back = Reference.from_json(json.loads(json.dumps(reference.to_json())))
    codes, tally = back.read(table)
    assert tally.rows == len(table)
    for i, figure in enumerate(back.figures):
        counts = np.bincount(codes[codes[:, i] >= 0, i], minlength=figure.bins)
        assert counts.tolist() == figure.counts.tolist(), figure


def test_keeps_no_value_that_few_rows_have(table):
    rare = Table.of(
        table.data.set_column(1, "channel", pa.array(["web"] * 1990 + [f"secret-{i}" for i in range(10)])), table.schema
    )
    text = json.dumps(make_reference(rare, rare.schema).to_json())
    assert "web" in text
    assert "secret" not in text
    ages = np.asarray(table.column("age").drop_null())
    outermost = [f"{v!r}" for v in (ages.min(), ages.max())]
    assert not any(v in text for v in outermost)


def test_edges_are_rounded_and_hold_some_rows_each():
    values = np.random.default_rng(0).lognormal(9, 2, 300)
    figure = ordered("x", "value", values)
    assert min(figure.counts) >= FEW // 2
    assert not set(figure.edges) & set(values.tolist())


@pytest.mark.parametrize(
    "values",
    [np.zeros(0), np.array([1.0]), np.full(500, 3.0), np.full(500, np.nan), np.array([np.inf, -np.inf] * 300)],
)
def test_numbers_without_spread_have_a_figure(values):
    figure = ordered("x", "value", values)
    assert figure.rows == (~np.isnan(values)).sum()
    codes = figure.code(np.array([np.nan, 3.0, np.inf, -np.inf]))
    assert codes[0] == -1
    assert (codes[1:] >= 0).all()


def test_all_missing_and_one_row(make):
    schema = Schema((Column("a", "number"), Column("b", "text"), Column("c", "timestamp")))
    empty = pa.table(
        {"a": pa.nulls(5, pa.float64()), "b": pa.nulls(5, pa.string()), "c": pa.nulls(5, pa.timestamp("us"))}
    )
    reference = make_reference(Table.of(empty, schema), schema)
    codes, _ = reference.read(Table.of(empty.slice(0, 1), schema))
    assert len(codes) == 1
    one = make(1)
    codes, tally = make_reference(one, one.schema).read(one)
    assert tally.rows == 1


def test_a_column_that_is_absent_counts_as_missing(table):
    reference = make_reference(table, table.schema)
    some = Table.of(table.data.drop_columns(["age"]), table.schema)
    codes, _ = reference.read(some)
    at = next(i for i, f in enumerate(reference.figures) if f.column == "age" and f.part == "state")
    assert (codes[:, at] == 1).all()


def test_unknown_values_fall_into_the_last_bin():
    figure = shares("c", "value", pa.array(["a"] * 50 + ["b"] * 50))
    assert figure.code_values(pa.array(["b", "zzz", None, "a"])).tolist() == [1, 2, -1, 0]


def test_tallies_add_up(table, make):
    reference = make_reference(table, table.schema)
    both, total = make(400, 3), Tally()
    for part in (both.take(np.arange(150)), both.take(np.arange(150, 400))):
        total.add(reference.read(part)[1])
    _, whole = reference.read(both)
    assert (total.rows, total.outside) == (whole.rows, whole.outside)
    np.testing.assert_allclose(total.fourier["message"], whole.fourier["message"])
    np.testing.assert_allclose(total.moments["age"], whole.moments["age"])


@pytest.mark.parametrize("path", ["form", "columns", "answers", "rows"])
def test_a_damaged_reference_is_refused(table, path):
    data = make_reference(table, table.schema, fit_answers([{"prediction": 1.0}] * 30)).to_json()
    data[path] = {"form": 99, "columns": [{"column": "a"}], "answers": {"figures": [{}]}, "rows": "x"}[path]
    with pytest.raises((KeyError, ValueError, TypeError)):
        Reference.from_json(data)


def test_answers_of_errors_are_left_out():
    answers = (
        [{"prediction": "a", "confidence": 0.9}] * 40
        + [{"error": {}}] * 5
        + [{"prediction": "b", "confidence": 0.6}] * 40
    )
    reader = fit_answers(answers, ["a", "b"], ["a"] * 45 + ["b"] * 40)
    assert reader.asked is not None
    assert reader.asked.sum() == 80
    assert (reader.codes(answers)[40:45] == -1).all()
    assert reader.confusion.tolist() == [[40, 0], [0, 40]]


def test_strange_rows_surprise_more(table, make):
    reference = make_reference(table, table.schema)
    usual = reference.surprise(reference.read(make(200, 5))[0])
    strange = reference.surprise(reference.read(make(200, 6, shift=60, other=True))[0])
    assert abs(usual.mean()) < 0.3
    assert strange.min() > np.median(usual)


def test_a_frequent_number_has_a_bin_of_its_own():
    figure = ordered("x", "value", np.concatenate([np.zeros(300), np.arange(1.0, 301)]))
    below, at, above = figure.code(np.array([-1.0, 0.0, 0.5])).tolist()
    assert below < at < above
    constant = ordered("x", "value", np.full(500, 7.0))
    assert len(set(constant.code(np.array([6.0, 7.0, 8.0])).tolist())) == 3
    assert constant.counts.tolist() == [0, 500, 0]
