"""One network for any mix of columns: encoders, fusion, a trunk (MLP or TabM), a head.

Legend: B batch, D fused width, K outputs, M members of the TabM ensemble.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from modelwright.core.schema import Column
from modelwright.features.base import Codec
from modelwright.models.encoders.base import Encoder, Mix, encoder_class
from modelwright.models.fusion import AttentionFusion, GatedFusion
from modelwright.models.rowwise import without_batch_norm


class ColumnNetwork(nn.Module):
    """Columns to raw outputs: [B, K], or [B, M, K] with the TabM trunk.

    Inputs are flat: `tensors[f"{i}.{name}"]` for the i-th column's tensor `name`.
    """

    def __init__(self, codecs: Mapping[str, tuple[Column, Codec]], outputs: int, options: Any) -> None:
        super().__init__()
        encoders: list[Encoder] = []
        for column, codec in codecs.values():
            encoders.append(encoder_class(column.modality, options.encoders.get(column.modality))(codec, options))
        self.encoders = nn.ModuleList(encoders)
        widths = [e.width for e in encoders]
        self.fusion: GatedFusion | AttentionFusion
        self.fusion = AttentionFusion(widths, options) if options.fusion == "attention" else GatedFusion(widths)
        # several columns: now and then one is hidden in training, so that one that is missing later is borne
        self.hide = float(options.column_dropout) if len(widths) > 1 else 0.0
        self.mixup = float(options.mixup)
        self.mix: Mix | None = None
        self.trunk: nn.Module
        self.trunk = (TabM if options.members else Trunk)(self.fusion.width, outputs, options)
        self.row_weight: Tensor | None = None
        if getattr(options, "norm", "batch") == "group":
            without_batch_norm(self)

    def forward(self, tensors: dict[str, Tensor]) -> Tensor:
        """Return raw outputs of a batch; `mix` then says how its rows were blended for training (None: not at all).

        `row_weight` is then what came as `weight` [B] with the batch, for the loss; None where nothing did.
        """
        self.row_weight = tensors.get("weight")
        if self.training:
            self.mix = self._draw_mix(tensors)
        parts = []
        encoders: list[Any] = list(self.encoders)
        for i, encoder in enumerate(encoders):
            start = f"{i}."
            own = {k[len(start) :]: v for k, v in tensors.items() if k.startswith(start)}
            encoder.mix = self.mix if self.training else None
            encoder.turn = tensors.get("turn") if self.training else None
            vector = encoder(own).vector
            if encoder.mix is not None and not encoder.mixes:
                partners, share, _ = encoder.mix
                vector = share * vector + (1 - share) * vector[partners]
            if self.training and self.hide:
                vector = vector * (torch.rand(len(vector), 1, device=vector.device) >= self.hide)
            parts.append(vector)
        return self.trunk(self.fusion(parts))

    def _draw_mix(self, tensors: dict[str, Tensor]) -> Mix | None:
        """Draw partners and a share for Mixup (arXiv 1710.09412) or CutMix (arXiv 1905.04899), one each half of the time."""
        if not self.mixup:
            return None
        first = next(iter(tensors.values()))
        partners = torch.randperm(len(first), device=first.device)
        share = float(torch.distributions.Beta(self.mixup, self.mixup).sample())
        return partners, share, bool(torch.rand(()) < 0.5)


class Trunk(nn.Module):
    """Dropout, hidden layers, and the head: [B, D] -> [B, K]."""

    def __init__(self, width: int, outputs: int, options: Any) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for _ in range(options.depth):
            layers += [nn.Dropout(options.dropout), nn.Linear(width, options.width), nn.SiLU()]
            width = options.width
        self.hidden = nn.Sequential(*layers, nn.Dropout(options.dropout))
        self.head = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.hidden(x))
        return out


class TabM(nn.Module):
    """M networks in one that share their weights but for scaling vectors (Gorishniy et al., arXiv 2410.24210).

    Each member scales the first layer's inputs by its own signs, later layers' by ones that training moves apart,
    and has a head of its own: [B, D] -> [B, M, K].
    """

    def __init__(self, width: int, outputs: int, options: Any) -> None:
        super().__init__()
        m = int(options.members)
        self.first = nn.Parameter(torch.randint(0, 2, (m, width)).float() * 2 - 1)
        self.linears, self.scales, self.biases = nn.ModuleList(), nn.ParameterList(), nn.ParameterList()
        for _ in range(max(1, options.depth)):
            linear = nn.Linear(width, options.width, bias=False)
            self.linears.append(linear)
            self.biases.append(nn.Parameter((torch.rand(m, options.width) * 2 - 1) / width**0.5))
            self.scales.append(nn.Parameter(torch.ones(m, options.width)))
            width = options.width
        self.dropout = nn.Dropout(options.dropout)
        self.head = nn.Parameter((torch.rand(m, width, outputs) * 2 - 1) / width**0.5)
        self.head_bias = nn.Parameter(torch.zeros(m, outputs))

    def forward(self, x: Tensor) -> Tensor:
        y = x[:, None, :] * self.first
        for linear, scale, bias in zip(self.linears, self.scales, self.biases, strict=True):
            y = self.dropout((linear(y) * scale + bias).relu())
        return torch.einsum("bmd,mdk->bmk", y, self.head) + self.head_bias


class Answering(nn.Module):
    """A network that ends in scores [B, K] instead of raw outputs: what is exported.

    `names` is the order of the flat tensors that `forward` takes. Values come back in the target's unit.
    """

    def __init__(self, network: ColumnNetwork, names: tuple[str, ...], kind: str, mean: float = 0.0, std: float = 1.0):
        super().__init__()
        self.network, self.names, self.kind, self.mean, self.std = network, names, kind, mean, std

    def forward(self, *tensors: Tensor) -> Tensor:
        """Return scores [B, K] of flat tensors in the order of `names`."""
        return to_scores(self.network(dict(zip(self.names, tensors, strict=True))), self.kind, self.mean, self.std)


def to_scores(outputs: Tensor, kind: str, mean: float, std: float) -> Tensor:
    """Turn raw outputs [B, K] or [B, M, K] into scores [B, K]; members are averaged as probabilities."""
    if kind == "classes":
        scores = outputs.float().softmax(-1)
    elif kind == "label_sets":
        scores = outputs.float().sigmoid()
    else:
        scores = outputs.float() * std + mean
    return scores.mean(1) if scores.dim() == 3 else scores
