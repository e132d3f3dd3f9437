"""Weights of rows: a column that says how much each row counts in training. Scores count every row once."""

from __future__ import annotations

import numpy as np

from modelwright.core.errors import ColumnError, OptionError
from modelwright.core.schema import Schema, Table
from modelwright.core.words import counted
from modelwright.pipeline.concerns.base import Concern
from modelwright.pipeline.state import State


class Weights(Concern):
    """The column that `--weight` names is read as numbers, checked, and kept from the inputs."""

    name = "weights"

    def schema_inferred(self, schema: Schema) -> Schema:
        """Raises ColumnError where the column is absent, OptionError where it is the target."""
        name = self.config.weight
        if name is None:
            return schema
        if schema[name].role == "target":
            raise OptionError(
                f"`{name}` is the target; --weight names a column that says how much each row counts.",
                f"`{name}` 是目标列；--weight 用于指定每行权重所在的列。",
            )
        options = schema[name].options if schema[name].modality == "number" else {}
        return schema.with_columns({name: {"modality": "number", "role": "weight", "options": options, "reason": None}})

    def rows_labelled(self, table: Table) -> Table:
        """Raises ColumnError where a weight is missing, negative or no number, or all are 0."""
        name = self.config.weight
        if name is None:
            return table
        values = np.asarray(table.column(name).fill_null(float("nan")), np.float64)
        wrong = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
        if len(wrong):
            row = int(table.rows[wrong[0]])
            raise ColumnError(
                f"`{name}` must hold a number of at least 0 in every row, and does not in {counted(len(wrong), 'row')}; the first is row {row} of {table.source}.",
                f"`{name}` 的每一行都应为不小于 0 的数；有 {len(wrong):,} 行不符合，第一处是 {table.source} 的第 {row} 行。",
            )
        if not values.any():
            raise ColumnError(
                f"`{name}` is 0 in every row, so that nothing would be learnt.",
                f"`{name}` 在所有行中都为 0，无从学习。",
            )
        return table

    def target_fitted(self, state: State) -> None:
        """Raises OptionError where answers are neither one label nor one number, or under differential privacy."""
        if self.config.weight is None:
            return
        if not state.parts.target.weighs_rows:
            raise OptionError(
                f"--weight is for answers of one label or one number; task `{state.task.name}` has others.",
                f"--weight 仅用于每行一个标签或一个数值的任务；任务 `{state.task.name}` 不是。",
            )
        if self.config.epsilon is not None:
            raise OptionError(
                "--weight cannot be kept under differential privacy, which bounds what each row may do. Leave out one of them.",
                "差分隐私限制每行的影响，不能与 --weight 同时使用。请去掉其中之一。",
            )
