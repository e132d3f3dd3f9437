"""A surface of second order over numbers: taken where trees are ahead with it, and no row can be read from it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.schema import Column, Schema, Table
from modelwright.core.task import get_task
from modelwright.recipes.columns import _tree_features
from modelwright.recipes.columns.trees import Trees, TreesModel, TreesOptions
from modelwright.recipes.shared.surface import MOST, Surface, smooth_numbers


def smooth(rows: int, labels: int, seed: int = 0) -> Table:
    """Return six numbers, a category, and a target that a sum and a product of the numbers tell."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 6))
    score = x[:, :5] @ np.array([1.0, -2.0, 1.5, 0.7, -1.0]) + x[:, 0] * x[:, 1] + rng.normal(0, 0.3, rows)
    return made(x, score, labels, rng)


def stepped(rows: int, labels: int, seed: int = 0) -> Table:
    """Return the same columns, and a target that steps of single numbers tell."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 6))
    return made(x, (np.abs(x[:, 0]) > 0.7) * 2.0 + (np.abs(x[:, 1] - 1) < 0.5) + rng.normal(0, 0.1, rows), labels, rng)


def made(x: np.ndarray, score: np.ndarray, labels: int, rng: np.random.Generator) -> Table:
    inputs = {f"x{i}": x[:, i] for i in range(x.shape[1])} | {"c": rng.choice(["a", "b"], len(x))}
    if labels:
        places = np.searchsorted(np.quantile(score, np.arange(1, labels) / labels), score)
        target, kind = np.array([f"k{i}" for i in range(labels)])[places], Column("y", "category", "target")
    else:
        target, kind = score, Column("y", "number", "target")
    columns = [Column(n, "number") for n in inputs if n != "c"]
    return Table.of(pa.table(inputs | {"y": target}), Schema((*columns, Column("c", "category"), kind)))


def context_of(context, table: Table, labels: int):
    task = get_task("classification" if labels else "regression")
    ctx = context(table)
    ctx.target, ctx.loss = task.fit_target(table.column("y"), table.schema["y"]), task.loss
    return ctx


@pytest.mark.parametrize("labels", [0, 2, 3])
def test_it_is_taken_where_trees_are_ahead_with_it_kept_and_explained(
    context, monkeypatch, tmp_path: Path, labels: int
) -> None:
    monkeypatch.setattr(_tree_features, "_VERY_MANY", 1000)
    table, other = smooth(6000, labels), smooth(3000, labels, seed=1)
    ctx = context_of(context, table, labels)
    short = TreesOptions(rounds=30, learning_rate=0.1)
    model = Trees().fit(table, other.part(0, 1500), short, ctx)
    assert model.extent["surface"] == [f"x{i}" for i in range(6)]
    without = Trees().fit(table, other.part(0, 1500), TreesOptions(rounds=30, learning_rate=0.1, surface=False), ctx)
    assert without.extent["surface"] == []
    rest = other.part(1500, 3000)
    lost = [ctx.target.losses(ctx.target.encode(rest.column("y")), m.scores(rest)).mean() for m in (model, without)]
    assert lost[0] < 0.9 * lost[1]
    model.save(tmp_path)
    again = TreesModel.load(tmp_path, ctx.target)
    assert np.array_equal(again.scores(rest), model.scores(rest))
    found = {c.column: abs(c.weight) for c in again.contributions(rest.part(0, 20))[3]}
    assert len(found) == 7
    _, shares = again._owners(again.columns.width + again.crosses.width)
    assert shares.sum(axis=1) == pytest.approx(np.ones(len(shares)))
    assert shares[-1].min() == 0.0  # the category has no part in it
    ctx.extent = model.extent
    assert Trees().fit(table, None, short, ctx).extent["surface"] == model.extent["surface"]


@pytest.mark.parametrize("labels", [0, 3])
def test_it_is_not_taken_where_the_target_goes_in_steps_or_rows_are_few(context, monkeypatch, labels: int) -> None:
    short = TreesOptions(rounds=5)
    few, watched = smooth(6000, labels), smooth(1500, labels, seed=1)
    assert Trees().fit(few, watched, short, context_of(context, few, labels)).extent["surface"] == []
    monkeypatch.setattr(_tree_features, "_VERY_MANY", 1000)
    table, watched = stepped(6000, labels), stepped(1500, labels, seed=1)
    assert Trees().fit(table, watched, short, context_of(context, table, labels)).extent["surface"] == []


def test_missing_and_far_numbers_count_as_the_mean_and_as_the_edge() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(5000, 3)).astype(np.float32)
    x[::7, 1] = np.nan
    truth = (2 * x[:, 0] - x[:, 2] + x[:, 0] * x[:, 2])[:, None].astype(np.float64)
    surface = Surface.fit(x, [0, 1, 2], truth)
    assert surface.encode(x)[:, 0] == pytest.approx(truth[:, 0], abs=0.05)
    ends = np.array([[1e30, 0, 0], [surface.centre[0] + 4 * surface.scale[0], 0, 0]], np.float32)
    assert np.isfinite(surface.encode(ends)).all()
    assert surface.encode(ends)[0] == pytest.approx(surface.encode(ends)[1], rel=1e-4)
    gone = np.array([[1.0, np.nan, 0.0], [1.0, surface.centre[1], 0.0]], np.float32)
    assert surface.encode(gone)[0] == pytest.approx(surface.encode(gone)[1], rel=1e-4)


def test_codes_and_very_many_numbers_have_none() -> None:
    x = np.random.default_rng(0).normal(size=(500, MOST + 1))
    assert smooth_numbers(x, range(MOST)) == list(range(MOST))
    assert smooth_numbers(x, range(MOST + 1)) == []
    x[:, 0] = np.arange(500) % 4
    assert smooth_numbers(x, [0, 1]) == []
    assert smooth_numbers(x, [0, 1, 2]) == [1, 2]


@pytest.mark.parametrize("damage", ["weights", "feature", "scale"])
def test_damage_is_refused(damage: str) -> None:
    x = np.random.default_rng(0).normal(size=(500, 2))
    surface = Surface.fit(x, [0, 1], x[:, :1])
    state, arrays = surface.state(), surface.arrays()
    if damage == "weights":
        arrays["surface.weights"] = np.full_like(arrays["surface.weights"], np.nan)
    else:
        state |= {"features": [0]} if damage == "feature" else {"scale": [1.0, 0.0]}
    with pytest.raises(ValueError, match="a surface"):
        Surface.restore(state, arrays)
