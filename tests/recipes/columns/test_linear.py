"""Linear models: they learn, stop in time, explain, and are the same after saving."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from clock_made import stopped_clock
from modelwright.core import budget
from modelwright.core.budget import Deadline
from modelwright.core.errors import BundleError, ColumnError
from modelwright.core.recipe import Estimate
from modelwright.core.schema import Table
from modelwright.data.coerce import coerce
from modelwright.data.infer import infer_schema
from modelwright.recipes.columns import _rows_read, linear
from modelwright.recipes.columns.linear import Linear, LinearModel, LinearOptions
from modelwright.recipes.shared.calibration import fit_sigmoid, fit_temperature, sigmoid, softmax

KINDS = [("classes", 2), ("classes", 3), ("label_sets", 3), ("value", 2)]


def halves(table: Table) -> tuple[Table, Table]:
    return table.take(np.arange(0, len(table), 2)), table.take(np.arange(1, len(table), 2))


def quality(kind: str, truth: np.ndarray, scores: np.ndarray) -> float:
    """Accuracy, or the share of variance explained."""
    if kind == "classes":
        return float((scores.argmax(axis=1) == truth).mean())
    if kind == "label_sets":
        return float(((scores > 0.5) == (truth > 0.5)).mean())
    return float(1 - ((scores[:, 0] - truth) ** 2).mean() / truth.var())


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize(("kind", "labels"), KINDS)
def test_learns_and_survives_saving(mixed, context, tmp_path: Path, kind: str, labels: int, text: bool) -> None:
    table = mixed(kind, labels=labels, text=text)
    train, valid = halves(table)
    ctx = context(train, kind)
    model = Linear().fit(train, valid, LinearOptions(), ctx)
    truth = ctx.target.encode(valid.column("answer"))
    scores = model.scores(valid)
    assert scores.dtype == np.float64
    assert scores.shape == (len(valid), ctx.target.outputs)
    assert quality(kind, truth, scores) > (0.7 if kind == "value" or not text else 0.95)
    if kind == "classes":
        assert np.allclose(scores.sum(axis=1), 1)
    model.save(tmp_path)
    assert sorted(p.suffix for p in tmp_path.iterdir()) == [".json", ".json", ".safetensors", ".safetensors"]
    again = LinearModel.load(tmp_path, ctx.target)
    assert np.array_equal(again.scores(valid), scores)
    assert again.extent == model.extent
    for row in (0, 5):
        assert np.allclose(model.scores(valid.take(np.array([row])))[0], scores[row], atol=1e-5)


@pytest.mark.parametrize(("kind", "labels"), KINDS)
def test_refit_repeats_what_was_chosen(mixed, context, kind: str, labels: int) -> None:
    table = mixed(kind, labels=labels, text=True)
    train, valid = halves(table)
    first = Linear().fit(train, valid, LinearOptions(), context(train, kind))
    again = Linear().fit(table, None, LinearOptions(), context(table, kind, extent=first.extent))
    assert again.extent == {**first.extent, "learnt": len(table)}
    alone = Linear().fit(table, None, LinearOptions(), context(table, kind))
    truth = context(table, kind).target.encode(table.column("answer"))
    assert quality(kind, truth, alone.scores(table)) > 0.7


@pytest.mark.parametrize("options", [LinearOptions(loss="hinge"), LinearOptions(loss="logistic"), LinearOptions(c=0.5)])
def test_an_expired_deadline_still_gives_a_model(mixed, context, options: LinearOptions) -> None:
    for kind, labels in KINDS:
        table = mixed(kind, labels=labels, text=True)
        ctx = context(table, kind)
        ctx.deadline.stop()
        model = Linear().fit(*halves(table), options, ctx)
        truth = ctx.target.encode(table.column("answer"))
        assert quality(kind, truth, model.scores(table)) > (0.3 if kind == "value" else 0.6)


def test_an_svm_that_would_not_end_in_time_becomes_a_logistic_regression(mixed, context, monkeypatch) -> None:
    table = mixed("classes", labels=3, text=True)
    train, valid = halves(table)
    svm = LinearOptions(loss="hinge", c=1.0)
    assert Linear().fit(train, valid, svm, context(train)).extent["loss"] == "hinge"
    monkeypatch.setattr(Linear, "estimate", lambda *_: Estimate(100.0, 0))
    made = Linear().fit(train, valid, svm, replace(context(train), deadline=Deadline.after(60)))
    assert (made.extent["loss"], made.extent["c"]) == ("logistic", 30.0)
    assert quality("classes", context(train).target.encode(valid.column("answer")), made.scores(valid)) > 0.95
    again = Linear().fit(table, None, svm, context(table, extent=made.extent))
    assert again.extent["loss"] == "logistic"
    assert np.abs(again.scores(valid) - made.scores(valid)).max() < 0.5


def test_same_seed_same_model(mixed, context) -> None:
    table = mixed("classes", labels=3, text=True)
    first, second = (Linear().fit(*halves(table), LinearOptions(), context(table)).scores(table) for _ in range(2))
    assert np.array_equal(first, second)


def test_contributions_add_up_and_point_at_words(mixed, context) -> None:
    for kind, labels in KINDS:
        table = mixed(kind, labels=labels, text=True)
        model = Linear().fit(*halves(table), LinearOptions(), context(table, kind))
        few = table.take(np.arange(6))
        for row, found in enumerate(model.contributions(few)):
            text = few.column("text")[row].as_py()
            spans = [c for c in found if c.column == "text"]
            assert all(text[c.start : c.end] == c.value for c in spans)
            assert {c.column for c in found} >= {"金额", "city", "old", "seen"}
            assert [abs(c.weight) for c in found] == sorted((abs(c.weight) for c in found), reverse=True)
            if kind == "classes" and labels > 2:
                best = max(spans, key=lambda c: c.weight)
                assert best.value in "退款refund快递parcel密码password发票invoice"


def test_contributions_are_measured_from_the_average_row(mixed, context) -> None:
    table = mixed("value")
    model = Linear().fit(table, None, LinearOptions(), context(table, "value", extent={"c": 1.0}))
    scores = model.scores(table)[:, 0]
    for row, found in enumerate(model.contributions(table.take(np.arange(5)))):
        assert sum(c.weight for c in found) == pytest.approx(scores[row] - scores.mean(), abs=1e-3 * scores.std())


def test_class_weights_raise_the_rare_class(mixed, context) -> None:
    table = mixed("classes", rows=400)
    truth = np.array(table.column("answer").to_pylist()) == "标签1"
    table = table.take(np.concatenate([np.flatnonzero(~truth), np.flatnonzero(truth)[:20]]))
    plain, weighted = (
        Linear().fit(table, None, LinearOptions(c=1.0), context(table, class_weight=flag, extent={"c": 1.0}))
        for flag in (False, True)
    )
    assert weighted.scores(table)[:, 1].mean() > 1.5 * plain.scores(table)[:, 1].mean()


def test_absent_columns_and_damaged_bundles(mixed, context, tmp_path: Path) -> None:
    table = mixed("classes")
    ctx = context(table)
    model = Linear().fit(table, None, LinearOptions(), ctx)
    with pytest.raises(ColumnError):
        model.scores(Table.of(table.data.drop_columns(["city"]), table.schema))
    with pytest.raises(BundleError):
        LinearModel.load(tmp_path, ctx.target)
    model.save(tmp_path)
    (tmp_path / "weights.safetensors").write_bytes(b"broken")
    with pytest.raises(BundleError):
        LinearModel.load(tmp_path, ctx.target)


def test_estimates_are_quick_and_grow(mixed, context) -> None:
    few, many = mixed("classes", rows=100, text=True), mixed("classes", rows=1000, text=True)
    recipe = Linear()
    for options in recipe.variants(few.schema, context(few).target, 100):
        small, large = (recipe.estimate(t, options, context(t)) for t in (few, many))
        assert 0 < small.seconds <= large.seconds
        assert 0 < small.memory <= large.memory


def test_temperature_and_sigmoid_recover_what_made_the_truth() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(20_000, 3))
    truth = (rng.random(20_000)[:, None] > np.cumsum(softmax(2.5 * values), axis=1)).sum(axis=1)
    assert fit_temperature(values, truth) == pytest.approx(2.5, rel=0.1)
    one = rng.normal(size=20_000)
    a, b = fit_sigmoid(one, (rng.random(20_000) < sigmoid(1.7 * one - 0.6)).astype(int))
    assert (a, b) == pytest.approx((1.7, -0.6), abs=0.1)
    a, b = fit_sigmoid(np.array([-1.0, 1.0]), np.array([1, 0]))
    assert a > 0


def test_log_count_ratios_weigh_up_what_tells_the_classes_apart():
    from scipy.sparse import csr_matrix

    from modelwright.recipes.shared.solvers import log_count_ratio

    rng = np.random.default_rng(0)
    positive = rng.random(400) < 0.5
    dense = (rng.random((400, 3)) < 0.5).astype(np.float32)
    dense[:, 0] = positive  # tells all
    ratio = log_count_ratio(csr_matrix(dense), positive, 1.0)
    assert ratio[0] > 5 * np.abs(ratio[1:]).max()
    flat = log_count_ratio(csr_matrix(dense), positive, 0.5)
    assert ratio[0] / np.abs(ratio[1:]).max() > flat[0] / np.abs(flat[1:]).max() > 1
    weighed = dense * flat
    assert float((weighed**2).sum()) == pytest.approx(float((dense**2).sum()), rel=1e-5)


def test_large_tables_are_learnt_from_a_sample_and_scored_in_parts(mixed, context, monkeypatch) -> None:
    read: list[int] = []
    real = linear.encoded
    monkeypatch.setattr(linear, "encoded", lambda train, *more: read.append(len(train)) or real(train, *more))
    monkeypatch.setattr(_rows_read, "ENOUGH", 80)
    monkeypatch.setattr(_rows_read, "_VALUES", 0)
    for text in (False, True):
        table = mixed("classes", labels=2, text=text)
        train, valid = halves(table)
        model = Linear().fit(train, valid, LinearOptions(), context(train, "classes"))
        whole = model.scores(valid)
        with monkeypatch.context() as patch:
            patch.setattr(linear, "_AT_ONCE", 37)
            assert np.allclose(model.scores(valid), whole)
    assert read == [80, len(train)]
    assert len(train) > 80


@pytest.mark.parametrize("kind", ["classes", "value"])
def test_many_categories_are_settled_by_further_rows(context, monkeypatch, kind: str) -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 300, (8000, 2))
    told = (codes % 7 < 3).sum(axis=1)
    answer = np.where(told >= 1, "up", "down") if kind == "classes" else told + rng.normal(0, 0.1, len(told))
    raw = pa.table({f"c{i}": np.char.add("k", codes[:, i].astype(str)) for i in range(2)} | {"answer": answer})
    table, _ = coerce(raw, infer_schema(raw, target="answer"))
    train, valid = halves(table)
    truth = np.asarray(valid.column("answer"))

    def fitted(extent=None):
        model = Linear().fit(train, None if extent else valid, LinearOptions(), context(train, kind, extent=extent))
        scores = model.scores(valid)
        good = (
            (scores.argmax(axis=1) == (truth == "up")).mean()
            if kind == "classes"
            else -((scores[:, 0] - truth) ** 2).mean()
        )
        return model, float(good)

    monkeypatch.setattr(_rows_read, "ENOUGH", 400)
    model, good = fitted()
    again, _ = fitted(model.extent)
    assert model.extent["learnt"] == again.extent["learnt"] == len(train)
    monkeypatch.setattr(_rows_read, "_VALUES", 0)
    fewer, less = fitted()
    assert fewer.extent["learnt"] == 400
    assert good > less + 0.05
    monkeypatch.setattr(_rows_read, "_VALUES", 10_000_000)
    stopped_clock(monkeypatch, budget)
    whole = Deadline.after(60)
    assert _rows_read.most_rows(train.schema, 2, whole) == 5_000_000
    assert _rows_read.most_rows(train.schema, 2, whole.sub(0.1)) == pytest.approx(10_000, abs=1)
    monkeypatch.setattr(_rows_read, "ENOUGH", 50_000)
    assert _rows_read.most_rows(train.schema, 2, whole.sub(0.1)) == 50_000
    assert _rows_read.most_rows(train.schema, 2, Deadline.after(0.1)) == pytest.approx(15_000, abs=1)
    assert _rows_read.most_rows(train.schema, 2, Deadline.after(0.1), 3.0) == pytest.approx(5_000, abs=1)
    assert _rows_read.most_rows(train.schema, 2, Deadline.after(0)) == 2000


def test_texts_are_learnt_from_as_many_rows_as_the_run_has_time_for(mixed, context, monkeypatch) -> None:
    with monkeypatch.context() as patch:
        stopped_clock(patch, budget)
        assert _rows_read.in_time(10_000, 8.0, Deadline.after(100)) == 10_000
        assert _rows_read.in_time(10_000, 8.0, Deadline.after(8)) == pytest.approx(5_000, abs=1)
        assert _rows_read.in_time(10_000, 8.0, Deadline.after(0)) == 2000
        assert _rows_read.in_time(100, 8.0, Deadline.after(0)) == 100
    table = mixed("classes", labels=2, text=True)
    train, valid = halves(table)
    monkeypatch.setattr(_rows_read, "FEWEST", 60)
    monkeypatch.setattr(Linear, "estimate", lambda *_: Estimate(1e9, 0))
    model = Linear().fit(train, valid, LinearOptions(), context(train, "classes"))
    assert model.extent["learnt"] == 60
    again = Linear().fit(train, None, LinearOptions(), context(train, "classes", extent=model.extent))
    assert again.extent["learnt"] == 60
    monkeypatch.undo()
    again = Linear().fit(table, None, LinearOptions(), context(table, "classes", extent=model.extent))
    assert again.extent["learnt"] == pytest.approx(len(table) * 60 / len(train), abs=1)


@pytest.mark.parametrize("kind", ["classes", "value"])
def test_large_tables_have_a_straight_model_whatever_the_time(context, monkeypatch, kind: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3000, 20))
    told = x[:, :10].sum(axis=1)
    answer = np.where(told > 0, "up", "down") if kind == "classes" else told
    raw = pa.table({f"x{i}": x[:, i] for i in range(20)} | {"answer": answer})
    table, _ = coerce(raw, infer_schema(raw, target="answer"))
    train, valid = halves(table)
    plain = context(train, kind)
    truth = plain.target.encode(valid.column("answer"))
    usual = Linear().fit(train, valid, LinearOptions(), plain)
    late = replace(plain, deadline=Deadline(time.monotonic() + 60).sub(-1))
    rushed = Linear().fit(train, valid, LinearOptions(), late)
    monkeypatch.setattr(linear, "_LARGE", 1000)
    model = Linear().fit(train, valid, LinearOptions(), late)
    assert model.extent["straight"]
    assert quality(kind, truth, model.scores(valid)) > 0.95
    assert quality(kind, truth, model.scores(valid)) > quality(kind, truth, rushed.scores(valid)) + (
        0.02 if kind == "classes" else 0.004
    )
    again = Linear().fit(train, None, LinearOptions(), replace(plain, extent=model.extent))
    assert again.extent == model.extent
    whole = Linear().fit(train, valid, LinearOptions(), plain)
    assert quality(kind, truth, whole.scores(valid)) > quality(kind, truth, usual.scores(valid)) - 0.01


def test_bends_are_learnt_in_large_tables_too(context, monkeypatch) -> None:
    monkeypatch.setattr(linear, "_LARGE", 1000)
    x = np.random.default_rng(0).uniform(-2, 2, (2000, 3))
    raw = pa.table({f"x{i}": x[:, i] for i in range(3)} | {"answer": np.where(np.abs(x[:, 0]) > 1, "far", "near")})
    table, _ = coerce(raw, infer_schema(raw, target="answer"))
    train, valid = halves(table)
    ctx = context(train, "classes")
    model = Linear().fit(train, valid, LinearOptions(), ctx)
    assert "straight" not in model.extent
    assert quality("classes", ctx.target.encode(valid.column("answer")), model.scores(valid)) > 0.95
