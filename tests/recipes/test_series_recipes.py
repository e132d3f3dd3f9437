"""Recipes for series: the closed form against refits, wide rows narrowed exactly, and a run from a table to answers."""

import json

import numpy as np
import pyarrow as pa
import pytest
from scipy.sparse import csr_matrix

import modelwright as mw
from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.budget import Deadline
from modelwright.core.recipe import get_recipe
from modelwright.core.schema import Column, Schema
from modelwright.recipes.shared import solvers as _solvers
from modelwright.recipes.shared.ridge import ridge_left_out

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("weighted", [False, True])
def test_left_out_answers_are_those_of_refits_without_the_row(weighted):
    x = RNG.normal(size=(14, 30)).astype(np.float32)
    y = RNG.normal(size=(14, 2))
    weight = RNG.uniform(0.5, 2, 14) if weighted else None
    found = ridge_left_out(x, y, weight, lambda a: float(((a - y) ** 2).mean()))
    w = np.ones(14) if weight is None else weight / weight.mean()

    def fit(rows):
        design = np.concatenate([x[rows], np.ones((len(rows), 1))], axis=1).astype(np.float64)
        penalty = found.alpha * np.eye(31)
        penalty[-1, -1] = 0
        return np.linalg.solve((design.T * w[rows]) @ design + penalty, (design.T * w[rows]) @ y[rows])

    assert np.allclose(found.weights, fit(np.arange(14)), atol=1e-4)
    for i in (0, 5, 13):
        without = fit(np.delete(np.arange(14), i))
        assert np.allclose(found.left_out[i], np.append(x[i], 1.0) @ without, atol=1e-4)


def test_narrowed_rows_give_the_weights_of_the_whole():
    x = RNG.normal(size=(20, 60)).astype(np.float32)
    goal = (RNG.random((20, 3)) < 0.4).astype(np.float64)
    deadline = Deadline.after(60)
    small, basis = _solvers.narrowed(csr_matrix(x))
    assert small.shape[0] == 20
    start = np.zeros((61, 3), np.float32)
    whole = _solvers.logistic(csr_matrix(x), goal, 0.5, None, deadline, start, False)
    part = _solvers.logistic(small, goal, 0.5, None, deadline, start[: small.shape[1] + 1], False)
    lifted = np.concatenate([basis @ part[:-1], part[-1:]])
    assert np.allclose(lifted, whole, atol=5e-3)
    assert _solvers.narrowed(csr_matrix(x.T)) is None
    assert _solvers.narrowed(csr_matrix(np.eye(20, 60, dtype=np.float32))) is None


def test_refusals_say_why():
    target = ClassesCodec.fit(pa.array(["a", "b"]))
    plain, series = Schema((Column("x", "number"),)), Schema((Column("x", "series"),))
    for name in ("minirocket", "inceptiontime", "resnet1d", "lstm-series"):
        recipe = get_recipe(name)
        assert "time series" in recipe.refuses(plain, target, 100).en
        assert recipe.refuses(series, target, 100) is None
    assert "linear" in get_recipe("minirocket").refuses(series, target, 100_000).en


def wave(state, length, rng):
    return np.sin(np.arange(length) * (0.3, 0.9)[state] + rng.uniform(0, 6)) + rng.normal(0, 0.1, length)


def test_a_table_of_series_becomes_a_model(tmp_path):
    rng = np.random.default_rng(3)
    states = rng.integers(0, 2, 80)
    rows = [
        {"signal": wave(s, int(rng.integers(24, 40)), rng).round(3).tolist(), "age": int(rng.integers(20, 60)), "kind": "ab"[s]}
        for s in states
    ]  # fmt: skip
    run = mw.fit(rows, "kind", out=tmp_path, budget="30s", recipes=["minirocket", "trees"], search="none")
    assert run.metrics["accuracy"] >= 0.9
    model = mw.load(run.folder)
    fresh = [{"signal": wave(s, 30, rng).tolist(), "age": 30} for s in (0, 1)]
    assert [a["prediction"] for a in model.predict(fresh)] == ["a", "b"]
    answers = model.predict([{"signal": "not a series"}, {"age": 3}], allow_missing=True)
    assert "list of numbers" in answers[0]["error"]
    assert answers[1]["prediction"] in ("a", "b")


def test_a_wide_table_is_answered_as_it_came(tmp_path):
    from modelwright.release.predict_file import predict_file

    rng = np.random.default_rng(4)
    states = rng.integers(0, 2, 60)
    waves = np.stack([wave(s, 20, rng) for s in states]).round(3)
    columns = {f"t{i}": waves[:, i].tolist() for i in range(20)}
    data = tmp_path / "wide.csv"
    names = [*columns, "kind"]
    lines = [",".join(names)] + [",".join([*map(str, w), "ab"[s]]) for w, s in zip(waves, states)]
    data.write_text("\n".join(lines) + "\n", encoding="utf-8")
    run = mw.fit(data, "kind", out=tmp_path, budget="30s", recipes=["minirocket"], search="none", series=["wave=t*"])
    out = tmp_path / "answers.jsonl"
    summary = predict_file(str(run.folder), str(data), out, strict=True)
    answers = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert summary["answered"] == 60
    assert answers[0]["t0"] == str(waves[0, 0])
    right = np.mean([a["prediction"] == "ab"[s] for a, s in zip(answers, states)])
    assert right >= 0.9
    assert run.predict({f"t{i}": waves[0, i] for i in range(20)})[0]["prediction"] == answers[0]["prediction"]


def test_a_long_table_is_answered_with_one_row_a_series(tmp_path):
    from modelwright.release.predict_file import predict_file

    rng = np.random.default_rng(5)
    states = rng.integers(0, 2, 40)
    lines = ["run,t,v,kind"]
    for n, s in enumerate(states):
        lines += [f"r{n},{t},{v:.3f},{'ab'[s]}" for t, v in enumerate(wave(s, 20, rng))]
    data = tmp_path / "long.csv"
    data.write_text("\n".join(lines) + "\n", encoding="utf-8")
    run = mw.fit(
        data, "kind", out=tmp_path, budget="30s", recipes=["minirocket"], search="none", series_id="run", series_time="t"
    )  # fmt: skip
    out = tmp_path / "answers.csv"
    summary = predict_file(str(run.folder), str(data), out, strict=True)
    assert summary["answered"] == 40
    assert len(out.read_text(encoding="utf-8").splitlines()) == 41


@pytest.mark.parametrize("name", ["inceptiontime", "lstm-series"])
def test_networks_for_series_export_with_their_length_open(name, tmp_path):
    from modelwright.core.task import get_task
    from modelwright.release.bundle import Predictor
    from modelwright.release.export import export_onnx
    from modelwright.testing import context, sample_table

    task = get_task("classification")
    table, target = sample_table(task, 16, modality="series")
    recipe = get_recipe(name)
    options = recipe.variants(table.schema, target, 16)[0].model_copy(update={"epochs": 1, "base": 4, "hidden": 8})
    model = recipe.fit(table, None, options, context(task, target))
    folder = export_onnx(Predictor(task, table.schema, target, [(1.0, model)]), tmp_path / "onnx")  # compares answers
    assert (folder / "member-0.onnx").is_file()
