"""The loss of a step: the task's own, with smoothing, weights and mixed rows; and the truth as it takes it."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelwright.core.answers.value import ValueCodec
from modelwright.core.recipe import FitContext
from modelwright.core.schema import Table
from modelwright.recipes.shared.rows import soft_truth


def truth_of(values: Any, ctx: FitContext) -> Any:
    """Return a tensor of the truth as the loss takes it: class numbers, label sets, or standardised values."""
    return as_truth(ctx.target.encode(values), ctx)


def as_truth(encoded: np.ndarray, ctx: FitContext) -> Any:
    """Return answers that the target's codec has encoded ([N] or [N, K]) as a tensor of that shape; numbers standardised, float32."""
    import torch

    if isinstance(ctx.target, ValueCodec):
        encoded = ((encoded - ctx.target.mean) / ctx.target.std).astype(np.float32)
    return torch.from_numpy(np.ascontiguousarray(encoded))


def learnt_of(table: Table, ctx: FitContext) -> Any:
    """Return a tensor of what rows with known answers are learnt by: their truth, or that mixed with what a teacher says."""
    import torch

    name = table.schema.target
    values = table.column(name.name if name else "")
    soft = soft_truth(table, ctx.target.encode(values), ctx)
    if soft is None:
        return truth_of(values, ctx)
    if isinstance(ctx.target, ValueCodec):
        soft = (soft - ctx.target.mean) / ctx.target.std
    return torch.from_numpy(soft.astype(np.float32))


def step_loss(options: Any, ctx: FitContext, weights: Any, network: Any) -> Any:
    """Return the task's loss on raw outputs; over the members of a TabM it is their mean, over blended rows their blend."""

    def plain(outputs: Any, truth: Any, by_row: Any) -> Any:
        if outputs.dim() == 3:
            members = outputs.shape[1]
            truth = truth.repeat_interleave(members, dim=0)
            by_row = None if by_row is None else by_row.repeat_interleave(members, dim=0)
            outputs = outputs.reshape(-1, outputs.shape[2])
        more = {} if by_row is None else {"row_weight": by_row}
        return ctx.loss(outputs.float(), truth, smoothing=options.smoothing, class_weight=weights, **more)

    def loss(outputs: Any, truth: Any) -> Any:
        by_row = network.row_weight
        if network.mix is None:
            return plain(outputs, truth, by_row)
        partners, share, _ = network.mix
        of_partners = None if by_row is None else by_row[partners]
        return share * plain(outputs, truth, by_row) + (1 - share) * plain(outputs, truth[partners], of_partners)

    return loss
