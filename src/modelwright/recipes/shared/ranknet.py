"""What networks that recommend share: their options, and the fit by the one training loop.

Legend: B users, I items, D width.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from modelwright.core.errors import ModelwrightError
from modelwright.core.recipe import Estimate, FitContext
from modelwright.core.schema import Table
from modelwright.recipes.shared.loop_options import LoopOptions, Optimizer
from modelwright.recipes.shared.recommend import RankModel, RankRecipe

_PROBE = 6  # steps that tell what a step takes
_WATCHED = 1000  # users on whom a network is watched


class RankNetOptions(LoopOptions):
    """How a network that recommends is trained; `tokens` are the events of a batch."""

    width: int = Field(default=64, ge=4, le=1024)
    dropout: float = Field(default=0.3, ge=0, lt=1)
    negatives: int = Field(default=512, ge=1, le=65_536)
    tokens: int = Field(default=2048, ge=16, le=1 << 20)
    epochs: int = 60
    weight_decay: float = 0.0
    optimizer: Optimizer = "adamw"
    clip: float = 5.0
    ema: float = 0.0
    patience: int = 6


class RankNetRecipe(RankRecipe):
    """A network trained by the one loop, and watched by what ranks on some of the held-out users."""

    needs: ClassVar[tuple[str, ...]] = ("torch",)
    extra = "nn"
    seeded = True

    def run(
        self, network: Any, feed: Any, loss: Callable[[Any, Any], Any], valid: Table | None, options: RankNetOptions,
        ctx: FitContext, model: Callable[[Any], RankModel],
    ) -> RankModel:  # fmt: skip
        """Train a network and return the model that `model` makes of it. Raises ModelwrightError where no epoch came to its end."""
        from modelwright.train.loop import train as run_loop

        epochs = int(ctx.extent["epochs"]) if ctx.extent else options.epochs
        watch = None
        looks = 0.0
        if valid is not None and len(valid):
            some = self.watched(valid, ctx)
            looks = 0.2

            def watch(net: Any) -> tuple[float, float]:
                value = ctx.value(some, model(net).scores(some))
                value = value if np.isfinite(value) else 0.0
                return -value, value

        trained = run_loop(network, feed, loss, watch, options, ctx, epochs=epochs, looks=looks)
        if valid is None and trained.epochs < epochs and ctx.deadline.expired():
            raise ModelwrightError("time ran out before the refit was finished", "重训未完成，时间已用尽")
        made = model(network)
        made.extent = {"epochs": max(1, trained.best_epoch or trained.epochs)}
        made.history = trained.history
        return made

    def watched(self, valid: Table, ctx: FitContext) -> Table:
        """Return the rows of at most so many users as a look at them may take."""
        from modelwright.recipes.shared.histories import user_column

        codes = valid.column(user_column(valid.schema).name).dictionary_encode()
        count = len(codes.dictionary)
        if count <= _WATCHED:
            return valid
        some = np.zeros(count, bool)
        some[np.random.default_rng(0).choice(count, _WATCHED, replace=False)] = True
        at = np.asarray(codes.indices.fill_null(0), np.int64)
        return valid.take(np.flatnonzero(some[at]))

    def probed(
        self, key: tuple[Any, ...], make: Callable[[], tuple[Any, Any, Callable[[Any, Any], Any]]], epochs: int,
        rows: int, size: int, ctx: FitContext,
    ) -> Estimate:  # fmt: skip
        """Return what a fit takes, from some steps; `make` gives network, feed and loss."""
        import torch

        if key not in ctx.cache:
            torch.manual_seed(0)
            torch.set_num_threads(max(1, ctx.threads))
            network, feed, loss = make()
            network.to(ctx.device)
            network.train()
            batches = feed.epoch(np.random.default_rng(0))
            times = []
            began = time.process_time()
            for batch in (batches * _PROBE)[:_PROBE]:
                start = time.process_time()
                tensors, due = feed.load(batch, ctx.device)
                loss(network(tensors), due).backward()
                for p in network.parameters():  # what a step of the optimiser takes
                    if p.grad is not None:
                        p.grad.mul_(0.9).add_(p.data, alpha=1e-9)
                        p.data.sub_(p.grad, alpha=1e-9)
                network.zero_grad(set_to_none=True)
                times.append(time.process_time() - start)
                if time.process_time() - began > ctx.probe:
                    break
            weights = sum(p.numel() for p in network.parameters())
            ctx.cache[key] = (float(np.median(times)) * 1.15, len(batches), weights)
        step, steps, weights = ctx.cache[key]
        epoch = step * steps
        return Estimate(
            epoch * epochs + 3e-6 * rows + 1.0, 24 * weights + 200 * rows + 4 * size * 512, min(4, epochs) * epoch + 1.0
        )
