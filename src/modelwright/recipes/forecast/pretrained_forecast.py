"""A pretrained forecaster, as it came: it goes on with each history by itself, and learns nothing from the others.

Intervals are measured on validation rows, as for every recipe here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.forecast import ForecastCodec
from modelwright.core.errors import OptionError
from modelwright.core.pretrained import find
from modelwright.core.recipe import Estimate, FitContext, Options
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.recipes.shared.forecast import ForecastModel, ForecastRecipe, Row, codec

_PER_SECOND = 1e10  # multiplications of a core
_BYTES_PER_SECOND = 3e8  # at which weights are read


class PretrainedForecastOptions(Options):
    """`pretrained` is the model's folder or hub name, which no saved model repeats."""

    pretrained: str = ""


class PretrainedForecastModel(ForecastModel):
    """A network with its config; what it saves is whole and needs no base."""

    recipe = "pretrained-forecast"

    def __init__(
        self, target: ForecastCodec, config: Mapping[str, Any], origin: Mapping[str, str], network: Any
    ) -> None:
        super().__init__(target)
        self.config, self.origin, self.network = dict(config), dict(origin), network

    @property
    def origins(self) -> list[dict[str, str]]:
        """Where the model comes from."""
        return [self.origin]

    def ahead(self, rows: Sequence[Row]) -> np.ndarray:
        found: np.ndarray = self.network.ahead([r.history for r in rows], self.target.horizon)
        return found

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        own: dict[int, str] = {}  # tensors that several names share are kept once
        arrays = {}
        for key, tensor in self.network.state_dict().items():
            if own.setdefault(tensor.data_ptr(), key) == key:
                arrays[f"net.{key}"] = tensor.detach().cpu().numpy()
        return {"config": self.config, "origin": self.origin}, arrays

    @classmethod
    def made(
        cls, target: ForecastCodec, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray], folder: Path
    ) -> ForecastModel:
        import torch

        from modelwright.models.forecasters import built, fill

        try:
            network = built(state["config"])
            own = {
                k.removeprefix("net."): torch.from_numpy(np.array(a)) for k, a in arrays.items() if k.startswith("net.")
            }
            fill(network, own, "bundle")
        except OptionError as e:
            raise ValueError(str(e)) from e
        return cls(target, state["config"], state["origin"], network)


class PretrainedForecast(ForecastRecipe):
    """Chronos-Bolt, Chronos (T5) or TimesFM from a folder."""

    name = "pretrained-forecast"
    title = Words("pretrained forecaster", "预训练预测模型")
    rank = 8
    paper = "arXiv 2403.07815; arXiv 2310.10688"
    needs: ClassVar[tuple[str, ...]] = ("torch", "transformers")
    extra = "pretrained"
    options = PretrainedForecastOptions
    model = PretrainedForecastModel

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        why = super().refuses(schema, target, rows)
        if why is None and not self.bases.forecasters:
            return Words(
                "no pretrained forecaster was named: --pretrained FOLDER", "未指定预训练预测模型：--pretrained 文件夹"
            )
        return why

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [PretrainedForecastOptions(pretrained=name) for name in self.bases.forecasters]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, PretrainedForecastOptions)
        found = find(options.pretrained)
        size = sum(f.stat().st_size for f in found.folder.glob("*.safetensors"))
        own = found.config.get("chronos_config", found.config)
        tokens = int(own.get("context_length", 512)) // int(own.get("input_patch_size", own.get("patch_length", 1)))
        times = -(
            -codec(ctx.target).horizon // max(1, int(own.get("prediction_length", own.get("horizon_length", 64))))
        )
        each = times * (size / 4) * (tokens + (0 if "input_patch_size" in own else 64)) / _PER_SECOND
        return Estimate(1.0 + size / _BYTES_PER_SECOND + each * len(train), 3 * size + (200 << 20))

    def learn(self, rows: Sequence[Row], valid: Sequence[Row] | None, options: Any, ctx: FitContext) -> ForecastModel:
        from modelwright.models.forecasters import built, fill, weights_of

        found = find(options.pretrained)
        network = built(found.config)
        fill(network, weights_of(found.folder), found.name)
        return PretrainedForecastModel(codec(ctx.target), found.config, found.origin(), network)


RECIPE = PretrainedForecast
