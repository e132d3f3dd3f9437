"""What the recipes with pretrained encoders share: which columns they read with which encoder, and what a bundle keeps.

A run says by modality which encoders there are (`Recipe.bases.encoders`); a fit's options hold the chosen one as the codec option
`pretrained`, which no saved model repeats: a bundle names the encoder, never a path of the machine it was made on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import FitContext, Options
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.words import Words
from modelwright.features.base import Codec, codec_class
from modelwright.features.shared.hub import HubCodec
from modelwright.recipes.shared.image import may_flip
from modelwright.recipes.shared.network import NetworkModel, NetworkRecipe
from modelwright.recipes.shared.network_options import NetworkOptions

Codecs = dict[str, tuple[Column, Codec]]
_AT_ONCE = {"audio": 8, "video": 4}  # cells of a step: each is a thousand tokens and more
NEEDS = ("torch", "transformers", "tokenizers")


class HubOptions(NetworkOptions):
    """Options of networks around a pretrained encoder.

    `lr` is the rate of what is new, `encoder_lr` that of the encoder's top; each layer below it learns `layer_decay`
    times as fast. Tables of token embeddings are kept as they are unless `train_embeddings`: with few rows it costs
    nothing and saves a quarter of a step.
    """

    encoder_lr: float = Field(default=1e-4, gt=0, le=1)
    layer_decay: float = Field(default=0.9, gt=0, le=1)
    train_embeddings: bool = False
    lora_rank: int = Field(default=0, ge=0, le=512)
    flip: bool = False
    shift: float = Field(default=0.05, ge=0, le=0.5)
    dropout: float = 0.1
    batch: int = 32
    epochs: int = 8


_NONE_NAMED = Words(
    "no pretrained encoder was named: --pretrained NAME_OR_FOLDER",
    "未指定预训练编码器：--pretrained 名称或文件夹",
)


def refused_without_text(encoders: Mapping[str, tuple[str, ...]]) -> Words | None:
    """Return why no pretrained encoder of texts can be used, or None where one was named."""
    return None if "text" in encoders else _NONE_NAMED


def refused(schema: Schema, encoders: Mapping[str, tuple[str, ...]]) -> Words | None:
    """Return why no pretrained encoder can be used, or None where there is one for some column."""
    if not encoders:
        return _NONE_NAMED
    if not {c.modality for c in schema.inputs} & set(encoders):
        shown = ", ".join(sorted(encoders))
        return Words(f"made for {shown} columns, and there is none", f"用于 {shown} 列，但没有这类列")
    return None


def choices(schema: Schema, encoders: Mapping[str, tuple[str, ...]], length: int) -> list[dict[str, dict[str, Any]]]:
    """Return the codec options by modality to try: the first encoder of each, then the others one by one."""
    found = {m: names for m, names in encoders.items() if any(c.modality == m for c in schema.inputs)}
    first: dict[str, dict[str, Any]] = {m: _codec(m, names[0], length) for m, names in found.items()}
    return [first, *({**first, m: _codec(m, n, length)} for m, names in found.items() for n in names[1:])]


def _codec(modality: str, name: str, length: int) -> dict[str, Any]:
    return {"pretrained": name, **({"length": length} if modality == "text" else {})}


def hub_codecs(table: Table, wanted: Mapping[str, Mapping[str, Any]], seed: int) -> Codecs:
    """Return the codecs of the columns that a pretrained encoder reads, fitted; their columns as they came."""
    out: Codecs = {}
    for column in table.schema.inputs:
        own = wanted.get(column.modality, {})
        cls = codec_class(column.modality, "hub") if "pretrained" in own else None
        if cls is not None:
            told = replace(column, options={**column.options, **own})
            out[column.name] = (column, cls.fit(table.column(column.name), told, None, seed))
    return out


def origins(codecs: Mapping[str, tuple[Column, Codec]]) -> list[dict[str, str]]:
    """Return where the pretrained encoders among the codecs come from, each once."""
    found = {str(c.origin): c.origin for _, c in codecs.values() if isinstance(c, HubCodec)}
    return list(found.values())


class HubModel(NetworkModel):
    """A trained network around pretrained encoders; what it saves is whole and needs no base."""

    @property
    def origins(self) -> list[dict[str, str]]:
        """Where its encoders come from."""
        return origins(self.codecs)

    def save(self, folder: Path) -> None:
        named = {m: {k: v for k, v in own.items() if k != "pretrained"} for m, own in self.options.codecs.items()}
        kept, self.options = self.options, self.options.model_copy(update={"codecs": named})
        try:
            super().save(folder)
        finally:
            self.options = kept


class HubRecipe(NetworkRecipe):
    """A network around pretrained encoders, trained by the one loop and fused with the other columns."""

    needs: ClassVar[tuple[str, ...]] = NEEDS
    privacy: ClassVar[Literal["no", "yes", "only"]] = "no"  # what DP does to adapters and hub layers is not tested
    extra = "pretrained"
    leads = ""
    longest: ClassVar[int] = 256  # tokens of a text

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        return refused(schema, self.bases.encoders)

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        out: list[Options] = []
        for codecs in choices(schema, self.bases.encoders, self.longest):
            own = self._rates(codecs) | {
                "encoders": dict.fromkeys(codecs, "hub"),
                "codecs": codecs,
                "flip": may_flip(target),
            }
            plan = hub_plan(rows)
            plan["batch"] = min([plan["batch"], *(_AT_ONCE[m] for m in codecs if m in _AT_ONCE)])
            out.append(self.options(**{**plan, **own}))
        return out

    def _rates(self, codecs: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """Return learning rates that suit the encoders; none where the options' defaults do."""
        return {}

    def fit_codecs(self, table: Table, ctx: FitContext, options: NetworkOptions) -> Codecs:
        hub = hub_codecs(table, options.codecs, ctx.seed)
        other = super().fit_codecs(table, ctx, options.model_copy(update={"codecs": {}}))
        return {name: hub.get(name, pair) for name, pair in {**other, **hub}.items()}


def hub_plan(rows: int) -> dict[str, Any]:
    """Return batch, epochs and patience for a number of rows: a few hundred steps at least."""
    if rows < 400:
        epochs = min(100, max(12, 3200 // max(1, rows)))
        return {"batch": 16, "epochs": epochs, "patience": max(8, epochs // 3)}
    return {"batch": 16 if rows < 2000 else 32, "epochs": 10 if rows < 2000 else 8 if rows < 20_000 else 4}
