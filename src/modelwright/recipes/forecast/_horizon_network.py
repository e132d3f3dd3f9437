"""What networks over lags share: examples from all series, the one training loop, and how they are stored.

Legend: E examples, L lags, H steps ahead, N rows.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.forecast import ForecastCodec
from modelwright.core.errors import ModelwrightError
from modelwright.core.recipe import Axis, Estimate, FitContext, Options, Range
from modelwright.core.schema import Schema, Table
from modelwright.recipes.forecast._lags import Centre, Levelling, Scale, answered, examples, fitting_lags, lags_for
from modelwright.recipes.shared.forecast import ForecastModel, ForecastRecipe, Row, codec, missed, size_of
from modelwright.recipes.shared.loop_options import LoopOptions, Optimizer

_FEWEST = 20  # examples below which nothing is learnt
_MOST = 1 << 26  # values of all examples
_PROBE = 3  # steps that tell what a fit takes


class HorizonOptions(LoopOptions):
    """Options of networks over lags; `lags` 0 takes what suits the seasons and the horizon."""

    lags: int = Field(default=0, ge=0)
    centre: Centre = "mean"
    scale: Scale = "deviation"
    log: bool = False
    patch: int = Field(default=16, ge=1, le=512)
    width: int = Field(default=64, ge=4, le=1024)
    layers: int = Field(default=2, ge=1, le=12)
    heads: int = Field(default=4, ge=1, le=32)
    hidden: int = Field(default=256, ge=4, le=4096)
    dropout: float = Field(default=0.2, ge=0, lt=1)
    batch: int = Field(default=256, ge=1, le=8192)
    epochs: int = 15
    lr: float = 1e-3
    optimizer: Optimizer = "adamw"
    patience: int = 4


class HorizonModel(ForecastModel):
    """A network from levelled lags to levelled steps; derived classes say which."""

    network: ClassVar[str]  # its class in models/horizons.py
    options: ClassVar[type[HorizonOptions]] = HorizonOptions

    def __init__(self, target: ForecastCodec, levelling: Levelling, plan: HorizonOptions, net: Any) -> None:
        super().__init__(target)
        self.levelling, self.plan, self.net = levelling, plan, net

    @classmethod
    def build(cls, lags: int, horizon: int, plan: HorizonOptions) -> Any:
        """Return a new network."""
        from modelwright.models import horizons

        return getattr(horizons, cls.network)(lags, horizon, plan)

    def ahead(self, rows: Sequence[Row]) -> np.ndarray:
        import torch

        def answer(lags: np.ndarray) -> np.ndarray:
            self.net.eval()
            device = next(self.net.parameters()).device
            with torch.inference_mode():
                made = [
                    self.net({"x": torch.from_numpy(lags[i : i + 512].astype(np.float32)).to(device)}).float().cpu()
                    for i in range(0, len(lags), 512)
                ]
            return np.asarray(torch.cat(made).numpy(), np.float64)

        return answered([r.history for r in rows], self.levelling, answer)

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        state = {"levelling": self.levelling.__dict__, "plan": self.plan.model_dump()}
        weights = {f"net.{k}": v.detach().cpu().numpy() for k, v in self.net.state_dict().items()}
        return state, weights

    @classmethod
    def made(
        cls, target: ForecastCodec, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray], folder: Path
    ) -> ForecastModel:
        import torch

        levelling, plan = Levelling(**state["levelling"]), cls.options(**state["plan"])
        net = cls.build(levelling.lags, target.horizon, plan)
        net.load_state_dict({k[4:]: torch.from_numpy(v) for k, v in arrays.items() if k.startswith("net.")})
        net.eval()
        return cls(target, levelling, plan, net)


class HorizonRecipe(ForecastRecipe):
    """A network over lags, trained on stretches of all series."""

    needs: ClassVar[tuple[str, ...]] = ("torch",)
    extra = "nn"
    seeded = True
    options: ClassVar[type[HorizonOptions]] = HorizonOptions
    model: ClassVar[type[HorizonModel]]
    family = "horizons"
    space: ClassVar[dict[str, Axis]] = {"lr": Range(2e-4, 3e-3, log=True), "dropout": Range(0.0, 0.5)}

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        log: list[Options] = [self.options(log=True, scale="none", centre="season")] if codec(target).positive else []
        return [self.options(), *log]

    def _feed(self, rows: Sequence[Row], plan: HorizonOptions, ctx: FitContext) -> tuple[Levelling, Any]:
        import torch

        from modelwright.train.batches import RowFeed

        target = codec(ctx.target)
        series = [r.whole for r in rows]
        lags = fitting_lags(series, (ctx.extent or {}).get("lags") or plan.lags or lags_for(target), target.horizon)
        levelling = Levelling(lags, plan.centre, plan.scale, plan.log, target.seasons[0] if target.seasons else 1)
        found = list(examples(series, levelling, target.horizon, _MOST))
        if sum(len(x) for x, _ in found) < _FEWEST:
            raise ModelwrightError("the series are too short to learn from", "序列太短，无法学习")
        lagged, steps = (np.concatenate([f[i] for f in found]) for i in (0, 1))
        return levelling, RowFeed({"x": lagged}, torch.from_numpy(steps), plan.batch)

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, HorizonOptions)
        target = codec(ctx.target)
        key = (self.name, options.model_dump_json(), len(train), size_of(train))
        if key not in ctx.cache:
            ctx.cache[key] = self._probe(options, ctx)
        lags = options.lags or lags_for(target)
        count = min(size_of(train), _MOST // (lags + target.horizon))
        steps = max(1, count // options.batch) * options.epochs
        return Estimate(2.0 + ctx.cache[key] * steps, 8 * min(_MOST, size_of(train) * lags) + (300 << 20))

    def _probe(self, options: HorizonOptions, ctx: FitContext) -> float:
        """Return the seconds of a training step."""
        import torch

        target = codec(ctx.target)
        lags = options.lags or lags_for(target)
        net = self.model.build(lags, target.horizon, options)
        x = {"x": torch.randn(options.batch, lags)}
        times = []
        for _ in range(_PROBE):
            begin = time.perf_counter()
            net(x).abs().mean().backward()
            times.append(time.perf_counter() - begin)
        return 1.3 * min(times)

    def learn(self, rows: Sequence[Row], valid: Sequence[Row] | None, options: Any, ctx: FitContext) -> ForecastModel:
        import torch

        from modelwright.train.loop import train as run_loop

        target = codec(ctx.target)
        levelling, feed = self._feed(rows, options, ctx)
        torch.manual_seed(ctx.seed)
        net = self.model.build(levelling.lags, target.horizon, options)
        model = self.model(target, levelling, options, net)

        def watch(_: Any) -> tuple[float, float]:
            assert valid is not None
            value = missed(model, valid)
            return value, -value

        def loss(outputs: Any, truth: Any) -> Any:
            return ctx.loss(outputs.float(), truth)

        epochs = int(ctx.extent["epochs"]) if ctx.extent else options.epochs
        trained = run_loop(net, feed, loss, watch if valid else None, options, ctx, epochs=epochs)
        net.to("cpu")
        model.extent = {"epochs": max(1, trained.best_epoch or trained.epochs), "lags": levelling.lags}
        model.history = trained.history
        return model
