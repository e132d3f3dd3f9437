"""Network recipes: they learn from any mix of columns, stop in time, refit, save, and export."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from modelwright.core.errors import BundleError
from modelwright.core.events import Step
from modelwright.core.recipe import get_recipe
from modelwright.core.schema import Table

RECIPES = ("tabm", "textcnn", "lstm", "transformer")
KINDS = [("classes", 3), ("label_sets", 3), ("value", 2)]
SMALL = {
    "embedding": 32, "filters": 16, "widest": 3, "hidden": 16, "layers": 1, "width": 48, "number_width": 6,
    "batch": 32, "epochs": 16, "lr": 5e-3,
}  # fmt: skip


def halves(table: Table) -> tuple[Table, Table]:
    return table.take(np.arange(0, len(table), 2)), table.take(np.arange(1, len(table), 2))


def options(name: str, **changes):
    return get_recipe(name).options(**{**SMALL, **({"members": 4} if name == "tabm" else {}), **changes})


def quality(kind: str, truth: np.ndarray, scores: np.ndarray) -> float:
    if kind == "classes":
        return float((scores.argmax(axis=1) == truth).mean())
    if kind == "label_sets":
        return float(((scores > 0.5) == (truth > 0.5)).mean())
    return float(1 - ((scores[:, 0] - truth) ** 2).mean() / truth.var())


def test_a_fit_makes_small_the_loss_that_it_is_handed(mixed, context) -> None:
    train, valid = halves(mixed("classes"))
    ctx = context(train)
    calls = []

    def loss(outputs, truth, **more):
        calls.append((outputs.shape, truth.shape))
        return 0.0 * outputs.sum()  # nothing to learn: the network stays as it began

    model = get_recipe("tabm").fit(train, valid, options("tabm", epochs=1), replace(ctx, loss=loss))
    assert calls
    assert {h["loss"] for h in model.history} == {0.0}


@pytest.mark.parametrize(("kind", "labels"), KINDS)
@pytest.mark.parametrize("name", RECIPES)
def test_learns_and_survives_saving(mixed, context, tmp_path: Path, name, kind, labels) -> None:
    train, valid = halves(mixed(kind, labels=labels, text=True))
    ctx = context(train, kind)
    steps: list[Step] = []
    ctx.events.listen(lambda e: steps.append(e) if isinstance(e, Step) else None)
    model = get_recipe(name).fit(train, valid, options(name), ctx)
    scores = model.scores(valid)
    assert scores.shape == (len(valid), ctx.target.outputs)
    assert scores.dtype == np.float64
    truth = ctx.target.encode(valid.column("answer"))
    assert quality(kind, truth, scores) > (0.45 if kind == "value" else 0.85)
    assert [h["epoch"] for h in model.history] == list(range(1, len(model.history) + 1))
    assert {"loss", "valid_loss", "seconds", ctx.metric.name} <= model.history[-1].keys()
    assert steps[-1].done <= steps[-1].total
    for row in (0, 7):
        alone = model.scores(valid.take(np.array([row])))[0]
        assert np.allclose(alone, scores[row], atol=1e-5 * max(1, np.abs(scores).max()))
    model.save(tmp_path)
    again = type(model).load(tmp_path, ctx.target)
    assert np.array_equal(again.scores(valid), scores)
    assert again.extent == model.extent


def test_one_cache_keeps_tables_of_equal_length_apart(mixed, context) -> None:
    parts = halves(mixed("classes", labels=3, text=True))
    shared = context(parts[0])
    for part in parts:
        scores = get_recipe("textcnn").fit(part, None, options("textcnn"), shared).scores(part)
        assert quality("classes", shared.target.encode(part.column("answer")), scores) > 0.85


@pytest.mark.parametrize("name", RECIPES)
def test_exports_with_any_batch_and_length(mixed, context, name) -> None:
    train, valid = halves(mixed("classes", labels=3, text=True, rows=80))
    model = get_recipe(name).fit(train, valid, options(name, epochs=1), context(train))
    examples, axes = model.example_inputs(), model.dynamic_axes()
    assert list(examples) == list(axes) == list(model.to_inputs(valid))
    sizes: dict[str, torch.export.Dim] = {}
    # torch.export unrolls an LSTM, so its length is fixed here; the ONNX exporter keeps it as one operator of any length
    free = {0} if name == "lstm" else {0, 1}
    shapes = tuple(
        {k: sizes.setdefault(v, torch.export.Dim(v, min=1)) for k, v in a.items() if k in free} for a in axes.values()
    )
    exported = torch.export.export(
        model.answering(tuple(examples)), tuple(examples.values()), dynamic_shapes=(shapes,), strict=False
    ).module()
    for rows in (1, 2, 40):
        some = valid.take(np.arange(rows))
        tensors = model.to_inputs(some)
        if name == "lstm":
            tensors = {k: torch.nn.functional.pad(v, (0, 9 - v.shape[1])) if v.dim() > 1 and v.dtype == torch.int64 else v
                       for k, v in tensors.items()}  # fmt: skip
        with torch.inference_mode():
            found = exported(*tensors.values()).double().numpy()
        assert np.allclose(found, model.scores(some), atol=1e-5)


def test_refit_repeats_the_epochs_and_needs_no_validation_rows(mixed, context) -> None:
    table = mixed(labels=3, text=True)
    first = get_recipe("textcnn").fit(*halves(table), options("textcnn", epochs=6), context(table))
    again = get_recipe("textcnn").fit(table, None, options("textcnn"), context(table, extent=first.extent))
    assert again.extent == first.extent
    assert len(again.history) == first.extent["epochs"]


def test_same_seed_same_scores(mixed, context) -> None:
    train, valid = halves(mixed(labels=3, text=True))
    for name in ("tabm", "textcnn"):
        one, two = (
            get_recipe(name).fit(train, valid, options(name, epochs=2), context(train)).scores(valid) for _ in range(2)
        )
        assert np.array_equal(one, two)


def test_an_expired_deadline_still_gives_a_model(mixed, context) -> None:
    train, valid = halves(mixed(labels=3, text=True))
    ctx = context(train)
    ctx.deadline.stop()
    assert np.isfinite(get_recipe("textcnn").fit(train, valid, options("textcnn"), ctx).scores(valid)).all()


def test_class_weights_raise_the_rare_class(mixed, context) -> None:
    table = mixed("classes", rows=400)
    rare = np.array(table.column("answer").to_pylist()) == "标签1"
    table = table.take(np.concatenate([np.flatnonzero(~rare), np.flatnonzero(rare)[:20]]))
    plain, weighted = (
        get_recipe("tabm").fit(table, None, options("tabm", epochs=8), context(table, class_weight=flag))
        for flag in (False, True)
    )
    assert weighted.scores(table)[:, 1].mean() > 1.3 * plain.scores(table)[:, 1].mean()


def test_unseen_and_missing_values_are_answered(mixed, context) -> None:
    table = mixed(text=True)
    model = get_recipe("textcnn").fit(*halves(table), options("textcnn", epochs=1), context(table))
    few = table.take(np.arange(3))
    data = few.data.set_column(few.data.column_names.index("city"), "city", pa.array(["新城", None, "elsewhere"]))
    data = data.set_column(data.column_names.index("text"), "text", pa.array(["\U0001f600", None, "ठीक है"]))
    assert np.isfinite(model.scores(Table.of(data, table.schema))).all()
    assert model.scores(table.take(np.array([], np.int64))).shape == (0, 2)


def test_refusals_name_what_is_lacking(mixed, context) -> None:
    table = mixed()
    target = context(table).target
    for name in ("textcnn", "lstm", "transformer"):
        why = get_recipe(name).refuses(table.schema, target, 100)
        assert why is not None
        assert "text" in why.en
    assert get_recipe("tabm").refuses(table.schema, target, 100) is None


def test_estimates_grow_with_rows_and_epochs(mixed, context) -> None:
    few, many = mixed(rows=100, text=True), mixed(rows=2000, text=True)
    recipe, ctx = get_recipe("textcnn"), context(many)
    short, long = (recipe.estimate(many, options("textcnn", epochs=e), ctx) for e in (2, 20))
    assert 0 < short.seconds < long.seconds
    assert recipe.estimate(few, options("textcnn", epochs=20), ctx).seconds < long.seconds
    assert short.memory > 0


def test_damaged_bundles_are_refused(mixed, context, tmp_path: Path) -> None:
    table = mixed()
    ctx = context(table)
    model = get_recipe("tabm").fit(*halves(table), options("tabm", epochs=1), ctx)
    with pytest.raises(BundleError):
        type(model).load(tmp_path, ctx.target)
    model.save(tmp_path)
    (tmp_path / "weights.safetensors").write_bytes(b"broken")
    with pytest.raises(BundleError):
        type(model).load(tmp_path, ctx.target)
