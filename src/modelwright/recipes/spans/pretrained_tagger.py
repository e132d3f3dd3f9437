"""A pretrained encoder that tags: each unit is read off its first sub-word, with a chain over the tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.pretrained import find
from modelwright.core.recipe import Axis, Choice, FitContext, Options, Range
from modelwright.core.schema import Column, Schema
from modelwright.core.words import Words
from modelwright.features.base import Ragged
from modelwright.features.shared.hub import HubTokens
from modelwright.features.shared.pieces import Pieces
from modelwright.features.shared.spans import Tags
from modelwright.recipes.shared.loop_options import Precision
from modelwright.recipes.shared.pretrained import NEEDS, refused_without_text
from modelwright.recipes.shared.tagging import Reading
from modelwright.recipes.spans._tagger_network import NetworkTagger, NetworkTaggerModel, TaggerOptions

_LENGTH = 512  # sub-words of a piece at most
_UNITS = 128  # units of a piece: words of up to four sub-words fit


class HubTaggerOptions(TaggerOptions):
    """`base` names the encoder (the saved model does not). `lora_rank` trains adapters in place of all layers."""

    base: str = ""
    encoder_lr: float = Field(default=1e-4, gt=0, le=1)
    layer_decay: float = Field(default=0.9, gt=0, le=1)
    train_embeddings: bool = False
    lora_rank: int = Field(default=0, ge=0, le=512)
    dropout: float = 0.1
    wide: bool = False
    lr: float = 1e-3
    epochs: int = 4
    precision: Precision = "auto"


@dataclass
class SubwordCodec:
    """Pieces as sub-word ids, and where each unit begins among them."""

    reading: Reading
    tokens: HubTokens

    def encode(self, found: Pieces) -> dict[str, Any]:
        """Return {"ids": ragged sub-words, id + 1; "first": ragged places + 1 of the units' first sub-words}."""
        made = self.tokens._tokens()
        starts, ends = found.starts, found.ends
        low = starts[found.offsets[:-1]]
        high = ends[found.offsets[1:] - 1]
        texts = [found.texts[r][a:b] for r, a, b in zip(found.row.tolist(), low.tolist(), high.tolist(), strict=True)]
        ids, offsets, first = [], [0], np.zeros(len(starts), np.int64)
        for piece, encoded in enumerate(made.encode_batch(texts)):
            own = encoded.ids or [0]
            ids += [i + 1 for i in own]
            offsets.append(len(ids))
            closes = np.array([b if b > a else -1 for a, b in encoded.offsets] or [0])
            part = slice(found.offsets[piece], found.offsets[piece + 1])
            first[part] = 1 + _first_subwords(closes, starts[part] - low[piece])
        return {
            "ids": Ragged(np.array(ids, np.int64), np.array(offsets, np.int64)),
            "first": Ragged(first, found.offsets),
        }

    def state(self) -> dict[str, Any]:
        """Return the JSON half of the state."""
        return {"reading": self.reading.state(), "tokens": self.tokens.state()}

    def arrays(self) -> dict[str, np.ndarray]:
        """There are none, of any shape."""
        return {}


def _first_subwords(closes: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """Return for units [T] that begin at characters the first sub-word that ends after that; the last where none does."""
    filled = np.maximum.accumulate(closes)  # special tokens have no place of their own
    at = np.searchsorted(filled, begins, "right")
    return np.minimum(at, max(0, int(np.argmax(filled))))


class HubTaggerModel(NetworkTaggerModel):
    """A pretrained encoder that tags."""

    recipe = "pretrained-tagger"

    @property
    def origins(self) -> list[dict[str, str]]:
        """Where its encoder comes from."""
        return [self.codec.tokens.origin]

    def _saved_options(self) -> dict[str, Any]:
        return {**self.options.model_dump(), "base": ""}

    @classmethod
    def built(
        cls, data: Mapping[str, Any], arrays: Mapping[str, np.ndarray], target: TargetCodec
    ) -> tuple[Any, Any, Any]:
        from modelwright.models.pretrained import HubText
        from modelwright.models.tagger import HubTagger

        tokens = HubTokens.restore(data["codec"]["tokens"], {})
        codec = SubwordCodec(Reading(**data["codec"]["reading"]), tokens)
        options = HubTaggerOptions(**data["options"])
        return codec, options, HubTagger(HubText(tokens, options), options, Tags(target.labels).allowed())


class PretrainedTagger(NetworkTagger):
    """An encoder of the BERT kind, tuned whole or with adapters."""

    name = "pretrained-tagger"
    title = Words("pretrained encoder with a chain over tags", "预训练编码器 + CRF")
    rank = 36
    paper = "Devlin et al. 2018, arXiv 1810.04805; Hu et al. 2021, arXiv 2106.09685"
    needs: ClassVar[tuple[str, ...]] = NEEDS
    extra = "pretrained"
    longest = _UNITS
    options = HubTaggerOptions
    model = HubTaggerModel
    space: ClassVar[Mapping[str, Axis]] = {
        "encoder_lr": Range(2e-5, 4e-4, log=True),
        "lr": Range(3e-4, 3e-3, log=True),
        "layer_decay": Choice((0.8, 0.9, 0.95)),
        "dropout": Range(0.0, 0.4),
    }

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        return super().refuses(schema, target, rows) or refused_without_text(self.bases.encoders)

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        out: list[Options] = []
        for base in self.bases.encoders.get("text", ()):
            rate = find(base).rate
            few = {"batch": 8, "epochs": min(40, max(8, 4000 // max(1, rows))), "patience": 8} if rows < 1000 else {}
            made: dict[str, Any] = {"base": base, "encoder_lr": rate, **few}
            out += [HubTaggerOptions(**made), HubTaggerOptions(**{**made, "lora_rank": 16, "encoder_lr": 5 * rate})]
        return out

    def make(self, reading: Reading, found: Pieces, options: Any, ctx: FitContext) -> tuple[Any, Any]:
        import torch

        from modelwright.models.pretrained import HubText
        from modelwright.models.tagger import HubTagger

        reading = replace(reading, lexicon=False)
        told = Column("text", "text", options={"pretrained": options.base, "length": _LENGTH})
        tokens = HubTokens.fit(pa.array(found.texts, pa.string()), told, None, ctx.seed)
        tokens.length = min(_LENGTH, _limit_of(tokens))
        tokens._made = None
        torch.manual_seed(ctx.seed)
        network = HubTagger(HubText(tokens, options), options, Tags(ctx.target.labels).allowed())
        return SubwordCodec(reading, tokens), network

    def finish(self, network: Any) -> None:
        from modelwright.models.pretrained import merge_lora

        if any("lora_" in n for n, _ in network.named_parameters()):
            merge_lora(network)
        network.eval()


def _limit_of(tokens: HubTokens) -> int:
    from modelwright.features.shared.hub import longest_of

    return longest_of(tokens.config)


RECIPE = PretrainedTagger
