"""A small network that is taught to rebuild rows through a narrow place; what it rebuilds badly is unusual.

Trained by the one training loop on rows of which a part is hidden (a denoising autoencoder), answered by numpy.
Legend: N rows, D features, H hidden, Z narrowest layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import Field

from modelwright.core.answers.anomaly import AnomalyCodec
from modelwright.core.recipe import Axis, Estimate, FitContext, Options, Range
from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.recipes.shared.loop_options import LoopOptions, Optimizer
from modelwright.recipes.shared.outlier_rows import RowModel, RowReader
from modelwright.recipes.shared.outliers import OutlierModel, OutlierRecipe, anomalies

if TYPE_CHECKING:
    import torch

_ARRAYS = ("w0", "b0", "w1", "b1", "w2", "b2", "w3", "b3", "left")
_WATCHED = 0.1  # of the training rows, by which the epoch is chosen


class AutoencoderOptions(LoopOptions):
    """`narrow`: Z as a share of D; `hide`: share of the features hidden in training."""

    narrow: float = Field(default=0.3, gt=0, le=1)
    hide: float = Field(default=0.2, ge=0, lt=1)
    batch: int = Field(default=128, ge=1)
    epochs: int = 60
    lr: float = 3e-3
    weight_decay: float = 1e-5
    optimizer: Optimizer = "adamw"
    ema: float = 0.0
    patience: int = 8


class AutoencoderModel(RowModel):
    """Weights of the network, and how large its errors usually are, feature by feature."""

    recipe = "autoencoder"

    def __init__(self, target: AnomalyCodec, reader: RowReader, arrays: Mapping[str, np.ndarray]) -> None:
        super().__init__(target, reader)
        self.arrays = {k: np.asarray(arrays[k], np.float64) for k in _ARRAYS}

    def rebuilt(self, rows: np.ndarray) -> np.ndarray:
        """Return rows [N, D] as the network rebuilds them."""
        x, a = np.asarray(rows, np.float64), self.arrays
        for i in range(4):
            x = x @ a[f"w{i}"].T + a[f"b{i}"]
            x = np.tanh(x) if i < 3 else x
        return x

    def measured(self, rows: np.ndarray) -> np.ndarray:
        return np.asarray(((rows - self.rebuilt(rows)) ** 2 / self.arrays["left"]).sum(axis=1))

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        return {"columns": self.reader.columns}, self.arrays

    @classmethod
    def made(cls, target: AnomalyCodec, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> OutlierModel:
        reader = RowReader(state["columns"])
        width, hidden = reader.width, len(arrays["b0"])
        narrow = len(arrays["b1"])
        sizes = [(hidden, width), (narrow, hidden), (hidden, narrow), (width, hidden)]
        fits = all(arrays[f"w{i}"].shape == s and arrays[f"b{i}"].shape == s[:1] for i, s in enumerate(sizes))
        if not fits or arrays["left"].shape != (width,) or not (arrays["left"] > 0).all():
            raise ValueError("layers")
        return cls(target, reader, arrays)


class Autoencoder(OutlierRecipe):
    """Finds rows whose columns go together in ways that are not linear."""

    name = "autoencoder"
    title = Words("autoencoder", "自编码器")
    rank = 3
    paper = "Vincent et al. 2008, Extracting and composing robust features with denoising autoencoders"
    needs = ("torch",)
    trains_with = ("torch",)
    extra = "nn"
    options = AutoencoderOptions
    model = AutoencoderModel
    seeded = True
    space: ClassVar[dict[str, Axis]] = {
        "narrow": Range(0.1, 0.8),
        "hide": Range(0.05, 0.5),
        "lr": Range(3e-4, 1e-2, log=True),
    }

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, AutoencoderOptions)
        width = 4 * max(1, len(train.schema.inputs))
        steps = options.epochs * max(1, len(train) // options.batch)
        each = 1.2e-3 + 4e-9 * options.batch * width**2
        return Estimate(1.5 + steps * each, 64 * len(train) * width + (300 << 20), 1.5 + 0.2 * steps * each)

    def grown(self, train: Table, options: Options, ctx: FitContext) -> OutlierModel:
        import torch

        from modelwright.models.autoencoder import DenoisingAutoencoder
        from modelwright.train.batches import RowFeed
        from modelwright.train.loop import train as fit

        assert isinstance(options, AutoencoderOptions)
        target = anomalies(ctx.target)
        reader = RowReader.fit(train, target.columns_read)
        rows = reader.encode(train).astype(np.float32)
        torch.manual_seed(ctx.seed)
        width = rows.shape[1]
        hidden, narrow = int(np.clip(2 * width, 16, 256)), max(1, min(width, round(options.narrow * width)))
        network = DenoisingAutoencoder(width, hidden, narrow, options.hide)
        mixed = np.random.default_rng(ctx.seed).permutation(len(rows))
        watched = rows[mixed[: max(1, round(_WATCHED * len(rows)))]]
        own = rows if ctx.extent else rows[mixed[len(watched) :]]
        own = own if len(own) else rows
        feed = RowFeed({"0.rows": own}, torch.from_numpy(own), options.batch)

        def loss(outputs: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
            return ctx.loss(outputs, truth)

        def watch(net: torch.nn.Module) -> tuple[float, float]:
            with torch.inference_mode():
                there = torch.from_numpy(watched).to(ctx.device)
                value = float(ctx.loss(net({"0.rows": there}), there))
            return value, -value

        epochs = int(ctx.extent["epochs"]) if ctx.extent else options.epochs
        trained = fit(network, feed, loss, None if ctx.extent else watch, options, ctx, epochs=epochs)
        layers = [m for m in network.cpu().modules() if isinstance(m, torch.nn.Linear)]
        arrays = {f"w{i}": layer.weight.detach().numpy() for i, layer in enumerate(layers)}
        arrays |= {f"b{i}": layer.bias.detach().numpy() for i, layer in enumerate(layers)}
        model = AutoencoderModel(target, reader, {**arrays, "left": np.ones(rows.shape[1])})
        errors = (rows - model.rebuilt(rows)) ** 2
        model.arrays["left"] = np.median(errors, axis=0) / 0.455 + 0.02 * float(errors.mean()) + 1e-9
        model.extent, model.history = (
            {"epochs": trained.best_epoch or trained.epochs},
            [{k: v for k, v in row.items() if k != ctx.metric.name} for row in trained.history],
        )
        return model


RECIPE = Autoencoder
