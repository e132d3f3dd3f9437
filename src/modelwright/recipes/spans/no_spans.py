"""The answer that marks nothing: what every tagger has to beat."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from modelwright.core.answers.base import TargetCodec, as_objects
from modelwright.core.recipe import Axis, Estimate, FitContext, Model, Options
from modelwright.core.saved import Loading, read_state, write_state
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.shared.tagging import TaggerRecipe


class NoSpansOptions(Options):
    """There is nothing to choose."""


class NoSpansModel(Model):
    """No span in any row."""

    recipe = "no-spans"

    def __init__(self) -> None:
        self.extent: dict[str, Any] = {}
        self.history: list[dict[str, float]] = []

    def scores(self, table: Table) -> np.ndarray:
        return as_objects([[] for _ in range(len(table))])[:, None]

    def save(self, folder: Path) -> None:
        write_state(folder, {})

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> NoSpansModel:
        with Loading(folder):
            read_state(folder)
        return cls()


class NoSpans(TaggerRecipe):
    """Marks nothing."""

    name = "no-spans"
    title = Words("marks nothing", "不标注任何片段")
    rank = 0
    paper = ""
    needs = ()
    extra = ""
    baseline = True
    options = NoSpansOptions
    model = NoSpansModel
    space: ClassVar[dict[str, Axis]] = {}

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [NoSpansOptions()]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        return Estimate(1e-6 * len(train), 1 << 20)

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> NoSpansModel:
        return NoSpansModel()


RECIPE = NoSpans
