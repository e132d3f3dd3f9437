"""A pretrained encoder as a sentence encoder: as it came, or tuned on the pairs, whole or with adapters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import pyarrow as pa
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.pretrained import find
from modelwright.core.recipe import Axis, Choice, Estimate, FitContext, Options, Range
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.features.base import codec_class
from modelwright.models.searchers import Texts
from modelwright.recipes.match._sentence import (
    TEXT_COLUMN,
    SentenceMatcher,
    SentenceModel,
    SentenceOptions,
    SentenceRecipe,
)
from modelwright.recipes.shared.pretrained import NEEDS, refused_without_text

_LENGTH = 256


class PretrainedSentenceOptions(SentenceOptions):
    """`base` names the encoder (the saved model does not); `epochs` 0 leaves it as it came; `lora_rank` adds adapters."""

    base: str = ""
    encoder_lr: float = Field(default=1e-4, gt=0, le=1)
    layer_decay: float = Field(default=0.9, gt=0, le=1)
    train_embeddings: bool = False
    lora_rank: int = Field(default=0, ge=0, le=512)
    dropout: float = 0.0
    batch: int = 32
    epochs: int = 3
    lr: float = 1e-3


class PretrainedSentenceMatcher(SentenceMatcher):
    """A pretrained encoder with its own tokens; without training its cosines are what they were."""

    hub = True

    @classmethod
    def options_class(cls) -> type[SentenceOptions]:
        return PretrainedSentenceOptions

    def save(self, folder: Any) -> dict[str, Any]:
        state = super().save(folder)
        state["options"]["base"] = ""
        return state


class PretrainedSentenceModel(SentenceModel):
    """A pretrained sentence encoder."""

    recipe = "pretrained-sentence"
    matcher_class = PretrainedSentenceMatcher


class PretrainedSentence(SentenceRecipe):
    """Sentence vectors of a pretrained encoder, tuned contrastively where that helps on validation rows."""

    name = "pretrained-sentence"
    title = Words("pretrained sentence encoder", "预训练句子编码器")
    rank = 12
    paper = "Reimers & Gurevych 2019, arXiv 1908.10084; Gao, Yao & Chen 2021, arXiv 2104.08821"
    needs: ClassVar[tuple[str, ...]] = NEEDS
    extra = "pretrained"
    options = PretrainedSentenceOptions
    model = PretrainedSentenceModel
    matcher = PretrainedSentenceMatcher
    space: ClassVar[Mapping[str, Axis]] = {
        "encoder_lr": Range(1e-5, 4e-4, log=True),
        "epochs": Choice((0, 1, 2, 4)),
        "batch": Choice((16, 32, 64)),
        "contrast": Range(0.0, 0.6),
    }

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        return super().refuses(schema, target, rows) or refused_without_text(self.bases.encoders)

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        out: list[Options] = []
        for base in self.bases.encoders.get("text", ()):
            rate = 1e-4 * min(1.0, 384 / find(base).width)
            frozen = PretrainedSentenceOptions(base=base, epochs=0)
            tuned = PretrainedSentenceOptions(base=base, encoder_lr=rate, epochs=4 if rows < 5000 else 2)
            adapted = tuned.model_copy(update={"lora_rank": 16, "encoder_lr": 10 * rate})
            out += [frozen, tuned, adapted]
        return out

    def make_codec(self, texts: Texts, options: Any, ctx: FitContext) -> Any:
        cls = codec_class("text", "hub")
        assert cls is not None
        told = replace(TEXT_COLUMN, options={"pretrained": options.base, "length": _LENGTH})
        return cls.fit(pa.array(list(texts), pa.string()), told, None, ctx.seed)

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        cost = super().estimate(train, options, ctx)
        return Estimate(cost.seconds + 0.02 * len(train), cost.memory)

    def finish(self, matcher: SentenceMatcher) -> None:
        from modelwright.models.pretrained import merge_lora

        if getattr(matcher.options, "lora_rank", 0):
            merge_lora(matcher.network)
        super().finish(matcher)


RECIPE = PretrainedSentence
