"""Tests of drift against what they promise: false alarms held, changes found, estimates near the truth."""

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.schema import Column, Schema, Table
from modelwright.evaluate.drift.distances import compare, effect, jensen_shannon, mmd
from modelwright.evaluate.drift.figures import named, ordered
from modelwright.evaluate.drift.labels import label_shares
from modelwright.evaluate.drift.performance import expected_accuracy
from modelwright.evaluate.drift.reference import make_reference
from modelwright.evaluate.drift.sequential import EVERY, Watch
from modelwright.evaluate.drift.units import unit_words
from modelwright.evaluate.drift.verdicts import looked, watched


def _looked(reference, rows):
    codes, tally = reference.read(rows)
    return looked(reference, reference.binned(codes), tally)


def _codes(figures, values):
    return np.stack([f.code(values[:, i]) for i, f in enumerate(figures)], axis=1)


def test_looked_at_all_the_time_without_a_change_it_seldom_alarms():
    rng = np.random.default_rng(1)
    tops = []
    for _ in range(12):
        seen = rng.standard_normal((300, 3))  # a small reference, whose own errors must raise no alarm
        figures = [ordered(f"c{i}", "value", seen[:, i]) for i in range(3)]
        watch = Watch(figures)
        top = -np.inf
        for _ in range(25):
            watch.add(_codes(figures, rng.standard_normal((160, 3))), rng)
            top = max(top, max(e.log_wealth for e in watch.evidence([[0], [1], [2]])))
        tops.append(top)
    assert np.mean(np.array(tops) > np.log(3 / 0.05)) <= 0.08


@pytest.mark.parametrize("before", [0, 5000])
def test_a_shift_is_found_soon_also_late(before):
    rng = np.random.default_rng(2)
    figures = [ordered("c", "value", rng.standard_normal(3000))]
    watch = Watch(figures)
    watch.add(_codes(figures, rng.standard_normal((before, 1))), rng)
    assert watch.evidence([[0]])[0].log_wealth < np.log(20)
    watch.add(_codes(figures, 0.6 + rng.standard_normal((400, 1))), rng)
    found = watch.evidence([[0]])[0]
    assert found.log_wealth > np.log(20 / 0.05)
    assert watch.began[found.since].rows >= before - 4 * EVERY


def test_a_watch_goes_on_from_its_state():
    rng = np.random.default_rng(3)
    figures = [ordered("c", "value", rng.standard_normal(500)), named("d", "state", ["a", "b"], [490, 10])]
    codes = np.stack([figures[0].code(rng.standard_normal(1200)), (rng.random(1200) < 0.02).astype(int)], axis=1)
    whole = Watch(figures)
    whole.add(codes[:700], np.random.default_rng(9))
    about, arrays = whole.state()
    again = Watch(figures).restored(about, arrays)
    for watch in (whole, again):
        watch.add(codes[700:], np.random.default_rng(10))
    assert whole.evidence([[0], [1]]) == again.evidence([[0], [1]])
    with pytest.raises(ValueError, match="other figures"):
        Watch(figures[:1]).restored(about, arrays)


def test_beginnings_are_thinned():
    figures = [ordered("c", "value", np.arange(100.0))]
    watch = Watch(figures)
    watch.add(np.zeros((100 * EVERY, 1), np.int16), np.random.default_rng(0))
    assert watch.number == 100
    assert len(watch.began) < 16
    assert watch.began[0].number == 0


def test_p_values_of_one_look_are_uniform_for_small_and_large_samples():
    rng = np.random.default_rng(4)
    for rows in (15, 400):
        found = []
        for seed in range(60):
            figure = ordered("c", "value", rng.standard_normal(400))
            counts = np.bincount(figure.code(rng.standard_normal(rows)), minlength=figure.bins)
            share = named("d", "value", ["a", "b", "c"], rng.multinomial(400, [0.6, 0.3, 0.1]))
            drawn = rng.multinomial(rows, [0.6, 0.3, 0.1])
            found.append((compare(figure, counts, seed).p, compare(share, drawn, seed).p))
        assert (np.mean(np.array(found) <= 0.05, axis=0) <= 0.13).all()


def test_effects():
    figure = ordered("c", "value", np.arange(1000.0))
    assert effect(figure, figure.counts) == 0
    shifted = np.bincount(figure.code(np.arange(500.0, 1500.0)), minlength=figure.bins)
    assert effect(figure, shifted) == pytest.approx(0.5, abs=0.05)
    assert jensen_shannon(np.array([1.0, 0]), np.array([0, 1.0])) == pytest.approx(1)
    assert jensen_shannon(np.array([0.5, 0.5]), np.array([0.5, 0.5])) == 0


def test_mean_discrepancy_knows_chance():
    rng = np.random.default_rng(5)
    x, y = rng.standard_normal((500, 8)), rng.standard_normal((300, 8))
    spread = np.linalg.eigvalsh(np.cov(x, rowvar=False))
    assert mmd(x.mean(0), 500, y.mean(0), 300, spread)[1] > 0.01
    assert mmd(x.mean(0), 500, y.mean(0) + 0.5, 300, spread)[1] < 0.01


def test_one_look_names_the_columns_that_changed(table, make):
    reference = make_reference(table, table.schema)
    states = {v.name: v.state for v in _looked(reference, make(400, 7))}
    assert set(states.values()) == {"steady"}
    states = {v.name: v.state for v in _looked(reference, make(400, 11, shift=8, other=True))}
    assert states == {"age": "drifted", "channel": "steady", "member": "steady", "message": "drifted"}


def test_a_small_change_is_told_and_does_not_alarm():
    rng = np.random.default_rng(0)
    schema = Schema((Column("age", "number"),))

    def rows(mean):
        return Table.of(pa.table({"age": rng.normal(mean, 10, 15_000)}), schema)

    reference = make_reference(rows(40), schema)
    codes, tally = reference.read(rows(40.8))
    assert [v.state for v in looked(reference, reference.binned(codes), tally)] == ["tiny"]
    watch = Watch(reference.figures)
    watch.add(codes, rng)
    assert [v.state for v in watched(reference, watch)] != ["drifted"]


def test_running_test_tells_units_and_gaps(table, make):
    reference = make_reference(table, table.schema)
    rows = make(400, 9)
    ages = np.asarray(rows.column("age").fill_null(40.0)) * 1000
    thousandfold = Table.of(rows.data.set_column(0, "age", pa.array(ages)), rows.schema)
    watch = Watch(reference.figures)
    codes, tally = reference.read(thousandfold)
    watch.add(codes, np.random.default_rng(0))
    age = next(v for v in watched(reference, watch, tally) if v.name == "age")
    assert age.note is not None
    assert "multiplied by 1,000" in age.note.en
    gone = Table.of(rows.data.set_column(3, "message", pa.nulls(400, pa.string())), rows.schema)
    codes, tally = reference.read(gone)
    message = next(v for v in looked(reference, reference.binned(codes), tally) if v.name == "message")
    assert message.figure.part == "state"
    assert "missing" in message.note.en


@pytest.mark.parametrize(
    ("factor", "shift", "said"),
    [(1000, 0, "1,000"), (0.01, 0, "100"), (1.8, 32, "Fahrenheit"), (1, 0, None), (1.4, 0, None)],
)
def test_units(factor, shift, said):
    values = np.random.default_rng(0).normal(18, 6, 500) * factor + shift
    words = unit_words((18.0, 6.0), np.array([500, values.sum(), (values**2).sum()]))
    assert words is None if said is None else said in words.en


def test_label_shares_are_found_without_labels():
    rng = np.random.default_rng(6)
    rates = np.array([[0.9, 0.2], [0.1, 0.8]])  # predicted, true
    confusion = np.stack([rng.multinomial(n, rates[:, j]) for j, n in enumerate((800, 200))], axis=1)
    now = np.array([0.4, 0.6])
    predicted = rng.multinomial(1500, rates @ now)
    found = label_shares(("a", "b"), confusion, predicted)
    assert found.known
    assert found.now == pytest.approx(now, abs=0.06)
    assert (found.low <= now).all()
    assert (now <= found.high).all()


def test_label_shares_are_not_told_where_labels_cannot_be_told_apart():
    confusion = np.array([[400, 100], [402, 99]])
    found = label_shares(("a", "b"), confusion, np.array([300, 300]))
    assert not found.known
    assert label_shares(("a", "b"), np.array([[400, 0], [3, 0]]), np.array([300, 300])) is None


def test_accuracy_without_labels():
    rng = np.random.default_rng(7)
    asked = np.array([[500, 500], [500, 500]])
    rates = np.array([[0.6, 0.95], [0.7, 0.99]])
    right = rng.binomial(asked, rates)
    came = np.array([[700, 100], [150, 50]])
    truth = (came * rates).sum() / came.sum()
    found = expected_accuracy(right, asked, came, 0.0)
    assert found.known
    assert found.low <= truth <= found.high
    assert found.accuracy == pytest.approx(truth, abs=0.03)
    strange = expected_accuracy(right, asked, came, 0.3)
    assert not strange.known
    assert strange.high - strange.low > found.high - found.low
    assert not expected_accuracy(right, asked, np.array([[3, 0], [1, 0]]), 0.0).known
    assert expected_accuracy(right, asked, 0 * came, 0.0) is None
