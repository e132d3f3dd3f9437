"""Boosted trees: they learn, stop in time, repeat their rounds, and are the same after saving."""

import hashlib
import json
import re
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.errors import BundleError
from modelwright.core.schema import Column, Schema, Table
from modelwright.recipes.columns import trees
from modelwright.recipes.columns.trees import Trees, TreesModel, TreesOptions
from modelwright.recipes.shared import affordable, boosting
from modelwright.recipes.shared.crosses import Crosses

KINDS = [("classes", 2), ("classes", 3), ("label_sets", 3), ("value", 2)]
QUICK = TreesOptions(rounds=60, learning_rate=0.1, num_leaves=8, min_child_samples=5)


def halves(table: Table) -> tuple[Table, Table]:
    return table.take(np.arange(0, len(table), 2)), table.take(np.arange(1, len(table), 2))


def quality(kind: str, truth: np.ndarray, scores: np.ndarray) -> float:
    """Accuracy, or the share of variance explained."""
    if kind == "classes":
        return float((scores.argmax(axis=1) == truth).mean())
    if kind == "label_sets":
        return float(((scores > 0.5) == (truth > 0.5)).mean())
    return float(1 - ((scores[:, 0] - truth) ** 2).mean() / truth.var())


@pytest.mark.parametrize("crosses", [False, True])
@pytest.mark.parametrize(("kind", "labels"), KINDS)
def test_learns_and_survives_saving(mixed, context, tmp_path: Path, kind: str, labels: int, crosses: bool) -> None:
    train, valid = halves(mixed(kind, labels=labels, text=True, rows=400))
    ctx = context(train, kind)
    model = Trees().fit(train, valid, QUICK.model_copy(update={"crosses": crosses}), ctx)
    truth = ctx.target.encode(valid.column("answer"))
    scores = model.scores(valid)
    assert scores.dtype == np.float64
    assert scores.shape == (len(valid), ctx.target.outputs)
    assert quality(kind, truth, scores) > (0.7 if kind == "value" else 0.9)
    if kind == "classes":
        assert np.allclose(scores.sum(axis=1), 1)
    assert model.history[0]["valid_loss"] > model.history[-1]["valid_loss"]
    model.save(tmp_path)
    assert {p.suffix for p in tmp_path.iterdir()} == {".json", ".safetensors", ".txt"}
    again = TreesModel.load(tmp_path, ctx.target)
    assert np.array_equal(again.scores(valid), scores)
    assert again.extent == model.extent
    assert np.array_equal(model.scores(valid.take(np.array([5])))[0], scores[5])


def test_refit_repeats_the_rounds(mixed, context) -> None:
    table = mixed("classes", rows=300)
    first = Trees().fit(*halves(table), QUICK, context(table))
    again = Trees().fit(table, None, QUICK, context(table, extent=first.extent))
    assert first.extent["rounds"][0] <= again.extent["rounds"][0] <= round(first.extent["rounds"][0] * 1.1) + 1
    assert again.boosters[0].num_trees() == again.extent["rounds"][0]


@pytest.mark.parametrize(("kind", "labels"), KINDS)
def test_stops_at_the_deadline(mixed, context, kind: str, labels: int) -> None:
    table = mixed(kind, labels=labels, rows=2000)
    options = TreesOptions(rounds=100_000, learning_rate=1e-5, num_leaves=64, min_child_samples=1)
    ctx = context(table, kind, seconds=1.0)
    start = time.monotonic()
    model = Trees().fit(*halves(table), options, ctx)
    assert time.monotonic() - start < 4.0
    assert np.isfinite(model.scores(table)).all()


def test_same_seed_same_trees(mixed, context) -> None:
    table = mixed("classes", labels=3, text=True)
    first, second = (Trees().fit(*halves(table), QUICK, context(table)).scores(table) for _ in range(2))
    assert np.array_equal(first, second)


def test_class_weights_raise_the_rare_class(mixed, context) -> None:
    table = mixed("classes", rows=400)
    truth = np.array(table.column("answer").to_pylist()) == "标签1"
    table = table.take(np.concatenate([np.flatnonzero(~truth), np.flatnonzero(truth)[:30]]))
    plain, weighted = (
        Trees().fit(table, None, QUICK, context(table, class_weight=flag, extent={"rounds": [10]}))
        for flag in (False, True)
    )
    assert weighted.scores(table)[:, 1].mean() > 1.5 * plain.scores(table)[:, 1].mean()


@pytest.mark.parametrize(("kind", "labels"), KINDS)
def test_contributions_name_the_columns(mixed, context, kind: str, labels: int) -> None:
    table = mixed(kind, labels=labels)
    model = Trees().fit(*halves(table), QUICK.model_copy(update={"crosses": True}), context(table, kind))
    for found in model.contributions(table.take(np.arange(4))):
        assert {c.column for c in found} == {"金额", "noise", "city", "old", "seen"}
        assert found[0].column != "noise"


def test_too_many_labels_are_refused_in_both_languages(mixed) -> None:
    target = ClassesCodec([f"k{i}" for i in range(500)], [2] * 500)
    words = Trees().refuses(mixed("classes").schema, target, 1000)
    assert words is not None
    assert "500" in words.en
    assert "500" in words.zh
    assert Trees().refuses(mixed("classes").schema, ClassesCodec(["a", "b"], [1, 1]), 100) is None


def test_damaged_bundles_are_refused(mixed, context, tmp_path: Path) -> None:
    table = mixed("classes")
    ctx = context(table)
    Trees().fit(*halves(table), QUICK, ctx).save(tmp_path)
    text = (tmp_path / "trees-0.txt").read_text(encoding="utf-8")
    (tmp_path / "trees-0.txt").write_text(text[: len(text) // 3], encoding="utf-8")
    with pytest.raises(BundleError):
        TreesModel.load(tmp_path, ctx.target)


@pytest.mark.parametrize("damage", ["feature", "classes"])
def test_damage_is_refused_though_the_checksum_fits(mixed, context, tmp_path: Path, damage: str) -> None:
    table = mixed("classes", labels=3)
    ctx = context(table)
    Trees().fit(*halves(table), QUICK, ctx).save(tmp_path)
    text = (tmp_path / "trees-0.txt").read_text()
    target = ctx.target
    if damage == "feature":
        text = re.sub(r"split_feature=\d", "split_feature=9", text)
    else:
        target = ClassesCodec([f"l{i}" for i in range(4)], [1] * 4)
    (tmp_path / "trees-0.txt").write_text(text)
    state = json.loads((tmp_path / "model.json").read_text())
    state["sha256"] = [hashlib.sha256(text.encode()).hexdigest()]
    (tmp_path / "model.json").write_text(json.dumps(state))
    with pytest.raises(BundleError, match="out of range" if damage == "feature" else "another question"):
        TreesModel.load(tmp_path, target)


def test_estimates_and_variants(mixed, context) -> None:
    for kind, labels in KINDS:
        few, many = mixed(kind, labels=labels, rows=100), mixed(kind, labels=labels, rows=3000)
        ctx = context(few, kind)
        variants = Trees().variants(few.schema, ctx.target, 100)
        assert len(set(variants)) == len(variants) >= 2
        for options in variants:
            small, large = (Trees().estimate(t, options, ctx) for t in (few, many))
            assert 0 < small.seconds < large.seconds
            assert 0 < small.memory < large.memory


def test_cells_find_what_two_numbers_tell_together() -> None:
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(3000, 3)).astype(np.float32)
    truth = np.sin(3 * matrix[:, 0]) * np.sin(3 * matrix[:, 1]) + rng.normal(0, 0.1, 3000)
    crosses, more = Crosses.fit(matrix, [0, 1, 2], truth, 0)
    assert [(i, j) for i, j, _ in crosses.cells] == [(0, 1)]
    assert len(crosses.pairs()) == more.shape[1] == 9 + 2
    assert np.corrcoef(more[:, -1], truth)[0, 1] > 0.5
    fresh = rng.normal(size=(500, 3)).astype(np.float32)
    out = crosses.encode(fresh)
    assert np.corrcoef(out[:, -1], np.sin(3 * fresh[:, 0]) * np.sin(3 * fresh[:, 1]))[0, 1] > 0.6
    fresh[0, 1] = np.nan
    assert np.isnan(crosses.encode(fresh)[0]).sum() >= 2 * 3 + 2
    again = Crosses.restore(crosses.state(), crosses.arrays())
    assert np.array_equal(again.encode(fresh), crosses.encode(fresh), equal_nan=True)


def test_a_row_does_not_tell_itself_its_target() -> None:
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(3000, 2)).astype(np.float32)
    noise = rng.normal(size=3000)
    signal = np.where((matrix > 0).sum(axis=1) == 1, 3.0, -3.0)
    crosses, more = Crosses.fit(matrix, [0, 1], signal + noise, 0)
    assert crosses.cells
    assert abs(np.corrcoef(more[:, -1] - signal, noise)[0, 1]) < 0.1
    counts_safe = [g.means for _, _, grids in crosses.cells for g in grids]
    assert all(np.isfinite(m).all() for m in counts_safe)


def test_where_time_is_short_a_part_of_a_large_table_is_learnt_from(mixed, context, monkeypatch) -> None:
    table = mixed("classes", labels=2, text=False)
    monkeypatch.setattr(trees, "FEWEST", 60)
    monkeypatch.setattr(affordable, "FEWEST", 60)
    read: list[int] = []
    real = trees.encoded
    monkeypatch.setattr(trees, "encoded", lambda train, *more: read.append(len(train)) or real(train, *more))
    for seconds in (1e-6, 3600.0):
        Trees().fit(table, table.take(np.arange(40)), TreesOptions(rounds=5), context(table, seconds=seconds))
    assert read == [60, len(table)]
    short, long = (Trees().estimate(t, TreesOptions(), context(table)).least for t in (table, table.concat(table)))
    assert long - short < 0.1 * short  # the least time hardly grows with rows that can be left out


def test_of_very_many_rows_as_many_are_learnt_from_as_a_measured_round_allows(context, monkeypatch):
    rows = 130_000
    numbers = np.random.default_rng(0).normal(size=(rows, 2))
    data = {"a": numbers[:, 0], "b": numbers[:, 1], "y": np.array(["no", "yes"])[(numbers[:, 0] > 0).astype(int)]}
    schema = Schema((Column("a", "number"), Column("b", "number"), Column("y", "category", "target")))
    table = Table.of(pa.table(data), schema)
    told, asked = (numbers[:, 0] > 0).astype(int), []
    monkeypatch.setattr(affordable, "FEWEST", 1000)

    def measured(matrix, *_):
        asked.append(len(matrix))
        return 1e-6

    def count(seconds):
        options = trees.TreesOptions().model_dump()
        return affordable.affordable(table, told, rows, options, context(table, seconds=seconds))

    assert count(3600.0) == rows
    assert asked == []  # with so much time nothing is tried out
    real = affordable.seconds_a_row
    monkeypatch.setattr(affordable, "seconds_a_row", measured)
    assert count(0.5) == pytest.approx(0.7 * 0.5 / (1e-6 * 1.5 * 100), rel=0.6)
    assert asked == [affordable.LOOK]
    assert count(1e-6) == 1000
    monkeypatch.setattr(affordable, "seconds_a_row", real)
    assert 1000 < count(0.8) <= rows


def test_a_rate_that_falls_ends_low_and_falls_again_in_a_refit(context, monkeypatch):
    rates = []
    real = boosting._Falling.__call__

    def heard(self, env):
        real(self, env)
        rates.append(self.rate + (boosting._LAST_RATE - self.rate) * self.at / boosting._STEPS)

    monkeypatch.setattr(boosting._Falling, "__call__", heard)
    rng = np.random.default_rng(0)
    a = rng.normal(size=400)
    data = pa.table({"a": a, "y": np.array(["no", "yes"])[(a + rng.normal(0, 0.5, 400) > 0).astype(int)]})
    table = Table.of(data, Schema((Column("a", "number"), Column("y", "category", "target"))))
    ctx = context(table)
    ctx.extent = {"rounds": [40]}
    Trees().fit(table, None, TreesOptions(learning_rate=0.3, falls=True), ctx)
    assert rates[0] == 0.3
    assert rates[-1] == pytest.approx(0.0625)
    assert rates == sorted(rates, reverse=True)
    assert TreesOptions(learning_rate=0.3, falls=True) in Trees().cheaper(TreesOptions(), table.schema)


def test_rounds_that_overfit_are_taken_back_and_slower_ones_follow(context, monkeypatch):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1200, 6))
    y = np.array(["no", "yes"])[(x[:, 0] + x[:, 1] * x[:, 2] + rng.normal(0, 1.5, 1200) > 0).astype(int)]
    schema = Schema((*(Column(f"x{k}", "number") for k in range(6)), Column("y", "category", "target")))
    train, valid = halves(Table.of(pa.table({**{f"x{k}": x[:, k] for k in range(6)}, "y": y}), schema))
    options = TreesOptions(learning_rate=0.3, falls=True)

    def fitted(watched, seconds=600.0, extent=None):
        ctx = context(train, seconds=seconds)
        ctx.extent = extent
        model = Trees().fit(train, watched, options, ctx)
        p = model.scores(valid)[np.arange(len(valid)), ctx.target.encode(valid.column("y"))]
        return model, -np.log(p).mean()

    model, loss = fitted(valid)
    shares, rates = zip(*model.extent["rates"], strict=True)
    assert (shares[0], rates[0], rates[-1]) == (0, 0.3, boosting._LAST_RATE)
    assert list(rates) == sorted(rates, reverse=True)
    assert list(shares) == sorted(shares)
    assert shares[-1] < 1
    assert model.boosters[0].current_iteration() == model.extent["rounds"][0]
    steps = [h["step"] for h in model.history]
    assert steps == sorted(set(steps))  # none of those that were taken back

    shrinkages = [
        float(s)
        for s in re.findall(r"shrinkage=(\S+)", fitted(None, extent=model.extent)[0].boosters[0].model_to_string())
    ]
    assert {rates[0], rates[-1]} <= set(shrinkages[1:])  # the first tree holds the mean and is scaled once more
    assert shrinkages[1:] == sorted(shrinkages[1:], reverse=True)

    monkeypatch.setattr(boosting._Falling, "slow", lambda _: False)
    kept, before = fitted(valid)
    assert "rates" not in kept.extent
    assert loss < before - 0.002


@pytest.mark.parametrize("labels", [2, 3])
def test_exact_amounts_and_leading_pairs_are_found_and_kept(context, tmp_path: Path, labels: int) -> None:
    rng = np.random.default_rng(0)
    rows = 1500
    names = np.random.default_rng(9).integers(0, labels, 40)
    at = rng.integers(0, 40, rows)
    noise = rng.normal(size=(rows, 11))
    truth = names[at]
    far = rng.random(rows) < 0.3
    truth = np.where(far, (noise[:, 9] > noise[:, 10]).astype(int), truth)
    columns = [Column(f"n{k}", "number") for k in range(11)]
    data = {f"n{k}": noise[:, k] for k in range(11)}
    data |= {"amount": at * 17.0, "far": far.astype(float), "answer": [f"l{t}" for t in truth]}
    schema = Schema(
        (*columns, Column("amount", "number"), Column("far", "number"), Column("answer", "category", "target"))
    )
    table = Table.of(pa.table(data), schema)
    train, valid = halves(table)
    ctx = context(train, "classes")
    model = Trees().fit(train, valid, QUICK.model_copy(update={"crosses": True}), ctx)
    assert model.extent["means"] == ["amount"]
    assert len(model.extent["paired"]) == 8
    assert {"amount", "n9", "n10"} <= set(model.extent["paired"])
    plain = Trees().fit(train, valid, QUICK.model_copy(update={"value_means": False}), ctx)
    right = [(m.scores(valid).argmax(1) == ctx.target.encode(valid.column("answer"))).mean() for m in (model, plain)]
    assert right[0] > right[1] + 0.02
    assert len(model.contributions(valid.take(np.arange(3)))[0]) == 13
    model.save(tmp_path)
    assert np.array_equal(TreesModel.load(tmp_path, ctx.target).scores(valid), model.scores(valid))
    again = Trees().fit(train, None, QUICK.model_copy(update={"crosses": True}), replace(ctx, extent=model.extent))
    assert {k: again.extent[k] for k in ("means", "paired")} == {k: model.extent[k] for k in ("means", "paired")}
