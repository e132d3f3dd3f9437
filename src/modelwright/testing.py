"""The conformance kit: what every task, recipe and codec must do. Shipped, so that users can test their own.

    from modelwright.testing import check_recipe, check_task, check_codec

    check_recipe(MyRecipe())
    check_task(MyTask())

Each function raises AssertionError with a sentence that says what does not hold.
"""

from __future__ import annotations

import importlib.util
import json
import math
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.answers.base import TargetCodec, target_from_state
from modelwright.core.budget import Deadline
from modelwright.core.config import make_config
from modelwright.core.errors import ModelwrightError
from modelwright.core.events import EventStream
from modelwright.core.judged import Judged, Metric, judge
from modelwright.core.recipe import Choice, FitContext, Model, Options, Range, Recipe
from modelwright.core.schema import Column, Related, Table
from modelwright.core.task import Split, Task
from modelwright.data.coerce import coerce
from modelwright.data.infer import infer_schema
from modelwright.data.kinds.base import kind_of
from modelwright.features.base import Ragged, codec_class
from modelwright.tune.parts import check_split

TOLERANCE = 1e-5
_ROWS = 20, 150, 1500, 20_000, 2_000_000  # plans of options differ by these


def sample_table(task: Task, rows: int, seed: int = 0, modality: str = "") -> tuple[Table, TargetCodec]:
    """Return the task's own sample as a typed table, and the target codec fitted on it.

    With `modality`, a column of that kind is added which shows the answer, and the text is left out.
    """
    raw, target = task.sample(rows, seed)
    modality = modality if task.by_columns else ""
    kind = kind_of(modality)
    if kind is not None:
        cells = kind.sample(_states(raw.column(target).to_pylist()), seed)
        raw = raw.append_column(modality, pa.array(cells)).drop_columns(["message"])
    overrides = {target: min(task.targets)} if len(task.targets) == 1 else {}
    if task.target_read_as is not None and task.target_read_as not in task.targets:
        overrides = {target: task.target_read_as}
    schema = task.typed(infer_schema(raw, target=target, overrides=overrides))
    table, bad = coerce(raw, schema, folder=Path())
    assert not bad, f"the sample of {task.name} holds values that cannot be read: {bad[:3]}"
    table = task.formed(table, make_config(data="memory", target=target, task=task.name)).table
    table = table.beside({n: _related(*found) for n, found in task.sample_related(rows, seed).items()})
    return table, task.fit_codec(table)


def _related(raw: pa.Table, key: str) -> Related:
    schema = infer_schema(raw, overrides={key: "id"}).with_column(key, role="ignored")
    return Related(coerce(raw, schema)[0], key)


def _states(answers: list[Any]) -> list[int]:
    """Return 0, 1 or 2 for every answer: by third of the values, by place among the labels, by the first label."""
    if all(isinstance(a, (int, float)) for a in answers):
        return [int(v) for v in np.searchsorted(np.quantile(np.array(answers, float), [1 / 3, 2 / 3]), answers)]
    plain = [str(a) for a in answers]
    known = sorted(set(plain))
    return [known.index(a) % 3 for a in plain]


def context(task: Task, target: TargetCodec, seconds: float = 600.0, **changes: Any) -> FitContext:
    """Return a context for a fit in a test: one thread, CPU, no folder."""
    return FitContext(
        loss=task.loss,
        target=target,
        deadline=Deadline.after(seconds),
        events=EventStream(),
        metric=task.metrics[0],
        **changes,
    )


def judged(table: Table, target: TargetCodec, scores: np.ndarray, metrics: Iterable[Metric] = ()) -> Judged:
    """Return a table's rows judged by scores [N, K], in the units that `metrics` ask for."""
    column = table.schema.target
    assert column is not None
    return judge(target, table.column(column.name), scores, table.rows).in_units(table, metrics)


def check_task(task: Task) -> None:
    """Check what a task declares: sample, target codec, request and response, metrics, plots."""
    table, target = sample_table(task, 90)
    assert task.name == type(task).__module__.rsplit(".", 1)[-1].replace("_", "-"), "the file's name is the task's name"
    assert task.metrics, f"{task.name} declares no metric"
    assert target_from_state(json.loads(json.dumps(target.state()))).state() == target.state(), "target codec JSON"
    column = table.schema.target
    assert column is not None
    assert task.accepts(table.column(column.name), column) > 0, f"{task.name} does not accept its own sample"
    perfect = _perfect_scores(table, target)
    right = judged(table, target, perfect, task.metrics)
    wrong = judged(table, target, perfect[::-1], task.metrics)
    for metric in task.metrics:
        best, worse = metric(right), metric(wrong)
        assert math.isfinite(best), f"{metric.name} of perfect answers is {best}"
        better = best >= worse if metric.higher else best <= worse
        assert better or not math.isfinite(worse), f"{metric.name} prefers wrong answers: {worse} to {best}"
    row = task.request(table.schema).model_validate({c.name: None for c in table.schema.inputs})
    assert row is not None
    answer: dict[str, Any] = {"prediction": right.answers.predictions[0]}
    if right.answers.confidence is not None:
        answer["confidence"] = float(right.answers.confidence[0])
    answer |= {name: values[0] for name, values in right.answers.beside.items()}
    shaped = task.response(target).model_validate(answer)
    assert json.loads(shaped.model_dump_json())["prediction"] == answer["prediction"], "response JSON round trip"
    _check_losses(task, table, target)
    _check_split(task, table)
    for plot in task.plots(right, table):
        assert plot.svg.lstrip().startswith("<svg"), f"plot {plot.name} is no SVG"
        assert plot.says.en, f"plot {plot.name} says nothing in English"
        assert plot.says.zh, f"plot {plot.name} says nothing in Chinese"


def _check_losses(task: Task, table: Table, target: TargetCodec) -> None:
    """Ask for the loss with each option that shared code may pass: smoothing, weights of classes, weights of rows."""
    if importlib.util.find_spec("torch") is None:
        return
    import torch

    rows = min(4, len(table))
    name = table.schema.target.name if table.schema.target else ""
    width = target.outputs if target.link else 3  # of answers that are made, a network chooses parts
    outputs = torch.linspace(-1, 1, rows * width).reshape(rows, width)
    truth: Any = torch.arange(rows) % width
    if target.media:  # what is made and what is wanted are of one shape
        truth = torch.zeros(rows, width)
    elif target.link:
        truth = torch.as_tensor(
            target.encode(table.column(name).slice(0, rows)).copy()
        )  # Arrow lends what cannot be written
        truth = truth.float() if truth.is_floating_point() else truth
    asked: dict[str, Any] = {"smoothing": 0.1, "row_weight": torch.ones(rows)}
    if target.probabilities:
        asked["class_weight"] = torch.ones(width)
    for options in ({}, *({name: value} for name, value in asked.items())):
        shown = ", ".join(options) or "no option"
        try:
            found = task.loss(outputs, truth, **options)
        except TypeError as e:
            raise AssertionError(f"{task.name}: loss with {shown} fails: {e}") from e
        assert math.isfinite(float(found)), f"{task.name}: loss with {shown} is {float(found)}"
        assert found.ndim == 0, f"{task.name}: loss with {shown} is no scalar"


def _check_split(task: Task, table: Table) -> None:
    """Split the sample with and without official test rows, twice alike."""
    name = table.schema.target.name if table.schema.target else None
    config = make_config(data="memory", target=name, task=task.name)
    for official in (False, True):
        found, again = (task.split(table, config, official) for _ in range(2))
        assert (found is None) == (again is None), f"{task.name}: split gives rows only at times"
        if found is None or again is None:
            continue
        try:
            check_split(found, len(table), official)
        except ModelwrightError as e:
            raise AssertionError(f"{task.name}: {e}") from e
        for a, b in zip(_rows_of(found), _rows_of(again), strict=True):
            assert np.array_equal(a, b), f"{task.name}: the same rows are split otherwise a second time"


def _rows_of(split: Split) -> list[np.ndarray]:
    return [split.develop, split.test, split.always, *(part for window in split.windows for part in window)]


def _perfect_scores(table: Table, target: TargetCodec) -> np.ndarray:
    column = table.schema.target
    assert column is not None
    truth = target.encode(table.column(column.name))
    return target.perfect(truth)


def check_recipe(recipe: Recipe, task: Task, rows: int = 16) -> None:
    """Check a recipe on a task: declares itself, overfits, saves, loads, answers one row as it answers many.

    A recipe marked `baseline` need not overfit. One that refuses the task's sample is checked for saying why.
    """
    declared = type(recipe)
    for name in ("name", "title", "rank", "paper", "needs", "extra", "baseline", "options", "model", "space"):
        assert hasattr(declared, name), f"recipe {declared.__name__} does not declare `{name}`"
    for axis_name, axis in declared.space.items():
        assert axis_name in declared.options.model_fields, f"search space of {recipe.name}: no option `{axis_name}`"
        values = axis.values if isinstance(axis, Choice) else (axis.low, axis.high)
        for value in values:
            chosen: dict[str, Any] = {axis_name: int(value) if isinstance(axis, Range) and axis.whole else value}
            declared.options(**chosen)
    table, target = sample_table(task, max(rows, 16), modality=recipe.leads)
    why = recipe.refuses(table.schema, target, len(table))
    if why is not None:
        assert why.en, "a refusal says why in English"
        assert why.zh, "a refusal says why in Chinese"
        return
    variants = recipe.variants(table.schema, target, len(table))
    assert variants, f"{recipe.name} offers no variant"
    for many in _ROWS:
        assert recipe.variants(table.schema, target, many), f"{recipe.name} offers no variant for {many:,} rows"
    options = variants[0]
    assert declared.options(**json.loads(options.model_dump_json())) == options, "options JSON round trip"
    ctx = context(task, target)
    cost = recipe.estimate(table, options, ctx)
    assert cost.seconds >= 0, f"{recipe.name} estimates {cost.seconds} seconds"
    assert cost.memory >= 0, f"{recipe.name} estimates {cost.memory} bytes"
    model = recipe.fit(table, table, options, ctx)
    scores = model.judge(table)
    _check_scores(scores, table, target, recipe.name)
    if task.recalls and not declared.baseline:
        _check_overfits(table, target, scores, task, recipe.name)
    if task.in_turn:
        _check_in_turn(model, table, scores, recipe.name)
    else:
        _check_alone(model, table, scores, recipe.name)
    _check_missing(model, table, target, recipe.name)
    _check_saved(model, table, target, scores, recipe.name)
    _check_repeats(recipe, table, task, target, options, scores)


def _check_scores(scores: np.ndarray, table: Table, target: TargetCodec, name: str) -> None:
    shape = (len(table), target.outputs)
    assert scores.shape[:2] == shape, f"{name}: scores have shape {scores.shape}, expected {shape}"
    faults = target.faults(scores)
    assert faults is None, f"{name}: {faults}"


def _check_overfits(table: Table, target: TargetCodec, scores: np.ndarray, task: Task, name: str) -> None:
    found = judged(table, target, scores)
    agreement = found.target.agreement(found.truth, found.chosen)
    if agreement is None:
        metric, truth = task.metrics[0], _perfect_scores(table, target)
        best, lost = (metric(judged(table, target, t, [metric])) for t in (truth, truth[::-1]))
        value = metric(found.in_units(table, [metric]))
        near = (value - lost) / (best - lost) if np.isfinite(lost) and best != lost else 1.0
        assert near >= 0.5, f"{name}: {metric.name} is {value:.3f} on its own {len(table)} training rows"
    else:
        least = target.agrees_from
        assert agreement >= least, (
            f"{name}: answers to its own {len(table)} training rows agree to {agreement:.2f} only"
        )


def _check_alone(model: Model, table: Table, scores: np.ndarray, name: str) -> None:
    for i in range(min(4, len(table))):
        alone = model.judge(table.take(np.array([i])))
        assert _alike(alone, scores[i : i + 1], scores), f"{name}: row {i} differs by itself"


def _check_in_turn(model: Model, table: Table, scores: np.ndarray, name: str) -> None:
    """Rows are judged from those before them: what comes later changes nothing, and without a truth each row answers by itself."""
    for count in {1, len(table) // 2, len(table) - 1} - {0}:
        first = model.judge(table.take(np.arange(count)))
        assert _alike(first, scores[:count], scores), f"{name}: later rows change what the first {count} are judged"
    asked = model.scores(table)
    for i in range(min(4, len(table))):
        alone = model.scores(table.take(np.array([i])))
        assert _alike(alone, asked[i : i + 1], asked), f"{name}: row {i} differs by itself"


def _alike(a: np.ndarray, b: np.ndarray, whole: np.ndarray, tolerance: float = TOLERANCE) -> bool:
    """Whether scores are equal but for rounding, which is counted against the largest of them."""
    if a.dtype == object:
        return a.shape == b.shape and all(_same_json(x, y) for x, y in zip(a.ravel(), b.ravel(), strict=True))
    return bool(np.allclose(a, b, atol=tolerance * max(1, float(np.abs(whole).max()))))


def _same_json(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, (int, float)):
        return math.isclose(a, b, rel_tol=1e-4, abs_tol=1e-4)
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same_json(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_same_json(x, y) for x, y in zip(a, b, strict=True))
    return a == b


def _check_missing(model: Model, table: Table, target: TargetCodec, name: str) -> None:
    data = table.data
    for column in table.schema.inputs:
        empty = pa.nulls(len(table), data.schema.field(column.name).type)
        data = data.set_column(data.column_names.index(column.name), column.name, empty)
    scores = model.scores(table.with_data(data))
    assert target.finite(scores), f"{name}: rows without any value are not answered"


def _check_saved(model: Model, table: Table, target: TargetCodec, scores: np.ndarray, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder))
        kinds = {p.suffix for p in Path(folder).rglob("*") if p.is_file()}
        assert kinds <= {".json", ".safetensors", ".txt"}, f"{name}: a saved model holds {kinds}"
        again = type(model).load(Path(folder), target)
        assert _alike(again.judge(table), scores, scores), f"{name}: load differs from save"


def _check_repeats(
    recipe: Recipe, table: Table, task: Task, target: TargetCodec, options: Options, scores: np.ndarray
) -> None:
    again = recipe.fit(table, table, options, context(task, target))
    assert _alike(again.judge(table), scores, scores, 1e-4), f"{recipe.name}: a seed gives two models"


def check_codec(modality: str, view: str, values: pa.Array, target: np.ndarray | None = None) -> None:
    """Check a codec: encodes missing values, one row as many, and survives JSON and arrays unchanged.

    `target` [N] or [N, K] is the encoded truth of `values`. Raises AssertionError that says what does not hold.
    """
    cls = codec_class(modality, view)
    assert cls is not None, f"{modality} has no view {view}"
    codec = cls.fit(values, Column("x", modality), target, 0)
    whole = codec.encode(values)
    state = json.loads(json.dumps(codec.state(), ensure_ascii=False))
    again = cls.restore(state, codec.arrays())
    assert _same(again.encode(values), whole), f"{modality}/{view}: restored codec encodes differently"
    for i in range(min(3, len(values))):
        assert _same(codec.encode(values.slice(i, 1)), _row(whole, i)), f"{modality}/{view}: row {i} differs by itself"
    codec.encode(pa.nulls(3, values.type))


def _row(encoded: Any, i: int) -> Any:
    if isinstance(encoded, dict):
        return {k: _row(v, i) for k, v in encoded.items()}
    if isinstance(encoded, Ragged):
        start, end = encoded.offsets[i], encoded.offsets[i + 1]
        return Ragged(encoded.values[start:end], np.array([0, end - start]))
    return encoded[i : i + 1]


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_same(a[k], b[k]) for k in a)
    if isinstance(a, Ragged):
        return np.array_equal(a.values, b.values) and np.array_equal(a.offsets, b.offsets)
    if hasattr(a, "toarray"):
        a, b = a.toarray(), b.toarray()
    return a.shape == b.shape and np.allclose(np.nan_to_num(a), np.nan_to_num(b), atol=1e-6)
