"""The contract of encoders: one column's tensors to a vector, or to a sequence of vectors.

One file per modality in this folder; its name is the modality's. It defines `ENCODERS`, name -> class, the first being
the default. Legend: B batch, T tokens, D width.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

from torch import Tensor, nn

from modelwright.core.registry import load_file
from modelwright.core.words import Words
from modelwright.features.base import Codec

PACKAGE = "modelwright.models.encoders"


class Encoded(NamedTuple):
    """What an encoder gives: `vector` [B, D]; `sequence` [B, T, D] and `mask` [B, T] (true where real) if it has one."""

    vector: Tensor
    sequence: Tensor | None = None
    mask: Tensor | None = None


Mix = tuple[Tensor, float, bool]  # partners [B], share of the row itself, whether by area (CutMix) or by value (Mixup)


class Encoder(nn.Module):
    """Encodes one column. Built from its codec and the network's options; `width` is D.

    An encoder that `mixes` blends its inputs by `mix` where the network sets it; of others the vectors are blended.
    `turn` [B] says which rows one that mirrors its inputs in training should mirror; None leaves it to chance.
    """

    width: int
    mixes: ClassVar[bool] = False
    mix: Mix | None = None
    turn: Tensor | None = None

    def __init__(self, codec: Codec, options: Any) -> None:
        super().__init__()

    def forward(self, inputs: dict[str, Tensor]) -> Encoded:
        """Return the encoding of a batch of the codec's tensors [B, ...] (ragged ones padded with 0)."""
        raise TypeError(f"{type(self).__name__} does not say how it encodes")


def encoder_class(modality: str, name: str | None = None) -> type[Encoder]:
    """Return a modality's encoder by name, or its default."""
    found: dict[str, type[Encoder]] = load_file(PACKAGE, modality, Words("modality", "模态")).ENCODERS
    return found[name] if name in found else next(iter(found.values()))
