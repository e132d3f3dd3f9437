"""What recipes that train with differential privacy share: codecs fitted by noisy looks, options, steps, weights of rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from modelwright.core.errors import ModelwrightError
from modelwright.core.recipe import FitContext
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.words import Words
from modelwright.features.base import Codec, codec_class
from modelwright.recipes.shared.columns import identity

Looks = Mapping[str, int] | Words

# What differs from the options of plain training whatever the recipe: rows must not mix, and noise does the work of
# dropout and its like. Larger batches and longer averages tell signal from noise.
OPTIONS: Mapping[str, Any] = {
    "norm": "group", "mixup": 0.0, "column_dropout": 0.0, "word_dropout": 0.0, "dropout": 0.0, "smoothing": 0.0,
    "weight_decay": 0.0, "clip": 1.0, "clipping": "flat", "optimizer": "adamw", "ema": 0.99, "precision": "float32",
    "vectors": None,
}  # fmt: skip


def plan(rows: int) -> dict[str, Any]:
    """Return batch and epochs: a batch of about 1/30 of the rows, from 64 to 1024, and some 30 passes."""
    batch = int(np.clip(2 ** round(np.log2(max(1.0, rows / 30))), 64, 1024))
    return {"batch": batch, "epochs": 30}


def looks_at(schema: Schema, views: Mapping[str, str], codecs: Mapping[str, Mapping[str, Any]]) -> Looks:
    """Return how many noisy looks the codecs of a network take, by a key that tells alike ones; or which has no private form."""
    out: dict[str, int] = {}
    for column in schema.inputs:
        view = views.get(column.modality, "tensor")
        cls = codec_class(column.modality, view)
        if cls is None:
            continue
        own = _with(column, codecs)
        looks = cls.private_looks(own)
        if looks is None:
            return Words(
                f"its codec of `{column.name}` has no private form", f"其 `{column.name}` 的编码器没有差分隐私形式"
            )
        out[_key(own, cls)] = looks
    return out


def private_codec(table: Table, column: Column, cls: type[Codec], ctx: FitContext) -> Codec:
    """Return a column's codec, fitted by noisy looks, once for all recipes of a run."""
    assert ctx.private is not None
    key = ("private-codec", identity(table), _key(column, cls))
    if key not in ctx.cache:
        ctx.cache[key] = cls.fit_private(table.column(column.name), column, ctx.private, ctx.seed)
    found: Codec = ctx.cache[key]
    return found


def _with(column: Column, codecs: Mapping[str, Mapping[str, Any]]) -> Column:
    from dataclasses import replace

    wanted = codecs.get(column.modality)
    return replace(column, options={**column.options, **wanted}) if wanted else column


def _key(column: Column, cls: type[Codec]) -> str:
    return f"{column.name} {cls.__name__} {json.dumps(dict(column.options), sort_keys=True, default=str)}"


def affordable(epochs: int, seconds: float, ctx: FitContext) -> int:
    """Return how many of `epochs` passes, `seconds` in all, fit into the time: the noise depends on how many there are."""
    left = ctx.deadline.remaining()
    if not np.isfinite(left) or seconds <= 0:
        return epochs
    fits = int(epochs * min(1.0, 0.85 * left / seconds))
    if fits < 1:
        raise ModelwrightError("there was no time for one pass over the rows", "时间不足以完成一轮训练")
    return fits


def steps_of(
    network: Any, feed: Any, loss: Any, options: Any, ctx: FitContext, name: str, epochs: int
) -> tuple[Any, Any]:
    """Return the feed and the steps of a private fit of `epochs` passes, paid from the share `name`."""
    from modelwright.models.rowwise import read_singly
    from modelwright.train.private import PrivateFeed, private_steps

    assert ctx.private is not None
    read_singly(network)
    network.to(ctx.device)
    drawn = PrivateFeed(feed, options.batch, ctx.private.random)
    return drawn, private_steps(network, drawn, loss, ctx.private, name, options, epochs)


def settle(steps: Any, ctx: FitContext, name: str) -> dict[str, Any]:
    """Write down what a fit spent, however it ended, and return it for the model's extent; nothing where it was not private."""
    if steps is None or ctx.private is None:
        return {}
    look = steps.look(name)
    ctx.private.record(look)
    ctx.private.done(name)
    return {"private": look.to_json()}
