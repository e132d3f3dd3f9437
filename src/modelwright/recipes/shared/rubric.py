"""Marks by rubric from recipes for ordered labels: one model for each criterion, over the same columns.

Legend: N rows, K labels of all criteria together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from modelwright.core.answers.base import TargetCodec, as_label
from modelwright.core.answers.ordered import OrderedCodec
from modelwright.core.answers.rubric import RubricCodec, read_marks
from modelwright.core.recipe import Estimate, FitContext, Model, Options, Recipe, get_recipe
from modelwright.core.saved import Loading, read_state, write_state
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words


class RubricModel(Model):
    """A model for each criterion, in the codec's order."""

    inner: ClassVar[str]

    def __init__(self, target: RubricCodec, models: Mapping[str, Model]) -> None:
        self.target, self.models = target, dict(models)
        self.extent = {name: model.extent for name, model in self.models.items()}
        self.history = next((m.history for m in self.models.values()), [])

    def scores(self, table: Table) -> np.ndarray:
        return np.concatenate([np.asarray(m.scores(table), np.float64) for m in self.models.values()], axis=1)

    def save(self, folder: Path) -> None:
        write_state(folder, {"criteria": list(self.models)}, "rubric.json")
        for i, model in enumerate(self.models.values()):
            (folder / str(i)).mkdir()
            model.save(folder / str(i))

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> Model:
        with Loading(folder):
            if not isinstance(target, RubricCodec) or read_state(folder, "rubric.json")["criteria"] != list(
                target.criteria
            ):
                raise ValueError("criteria")
        own: Any = type(get_recipe(cls.inner)).model
        return cls(target, {n: own.load(folder / str(i), c) for i, (n, c) in enumerate(target.criteria.items())})


def table_of(table: Table, criterion: str) -> Table:
    """Return the rows with a mark of a criterion, and that mark as their target."""
    column = table.schema.target
    assert column is not None
    cells = [None if v is None else read_marks(v).get(criterion) for v in table.column(column.name).to_pylist()]
    marks = pa.array([None if c is None else as_label(c) for c in cells], pa.string())
    at = table.data.column_names.index(column.name)
    data = table.data.set_column(at, column.name, marks)
    schema = table.schema.with_column(column.name, modality="category", options={})
    rows = np.flatnonzero([c is not None for c in cells])
    return Table(data, schema, table.rows, table.source).take(rows)


class RubricRecipe(Recipe):
    """A recipe for ordered labels, named by `inner`, for each criterion."""

    inner: ClassVar[str]
    tasks: ClassVar[frozenset[str] | None] = frozenset({"essay-scoring"})
    needs = ()
    extra = ""

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        if not isinstance(target, RubricCodec):
            return Words("it gives marks by rubric", "仅用于按评分标准评分")
        first = next(iter(target.criteria.values()))
        return get_recipe(self.inner).refuses(schema, first, rows)

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        assert isinstance(target, RubricCodec)
        return get_recipe(self.inner).variants(schema, next(iter(target.criteria.values())), rows)

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(ctx.target, RubricCodec)
        name, codec = next(iter(ctx.target.criteria.items()))
        one = get_recipe(self.inner).estimate(table_of(train, name), options, self._context(ctx, name, codec, 1))
        count = len(ctx.target.criteria)
        return Estimate(count * one.seconds, one.memory, count * one.least_seconds)

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        assert isinstance(ctx.target, RubricCodec)
        models: dict[str, Model] = {}
        for i, (name, codec) in enumerate(ctx.target.criteria.items()):
            own = self._context(ctx, name, codec, len(ctx.target.criteria) - i)
            held = None if valid is None else table_of(valid, name)
            models[name] = get_recipe(self.inner).fit(
                table_of(train, name), held if held is not None and len(held) else None, options, own
            )
        made: Any = self.model
        found: Model = made(ctx.target, models)
        return found

    def _context(self, ctx: FitContext, name: str, codec: OrderedCodec, left: int) -> FitContext:
        """Return the context of one criterion's fit: its part of the time left, its own target, metric and encodings."""
        extent = None if ctx.extent is None else ctx.extent.get(name)
        return replace(
            ctx, target=codec, deadline=ctx.deadline.sub(ctx.deadline.remaining() / left), extent=extent, loss=_loss,
            metric=qwk(), cache=ctx.cache.setdefault(("rubric", name), {}), folder=None,
        )  # fmt: skip


def qwk() -> Any:
    """Return the metric of one criterion."""
    from modelwright.core.judged import Metric

    def agreement(judged: Any) -> float:
        truth, said = judged.truth, judged.chosen
        spread = float(((truth[:, None] - said[None]) ** 2).mean()) if len(truth) else 0.0
        return 1 - float(((truth - said) ** 2).mean()) / spread if spread > 0 else 0.0

    return Metric("qwk", Words("quadratic kappa", "二次加权 kappa"), True, agreement, low=-1)


def _loss(outputs: Any, truth: Any, **_: Any) -> Any:
    from torch.nn.functional import cross_entropy

    return cross_entropy(outputs, truth)
