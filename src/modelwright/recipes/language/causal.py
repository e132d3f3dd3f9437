"""Tuning the language model that `--base` names: all weights or LoRA, on texts, chats (SFT) or preferences (DPO), by TRL."""

from __future__ import annotations

import json
from typing import Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Axis, FitContext, Model, Options, Range
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.features.shared.chats import Chat, documents, opening
from modelwright.features.shared.vocabulary import Vocabulary
from modelwright.recipes.language._causal import CausalModel, CausalRecipe


class CausalOptions(Options):
    """`way` lora trains small additions of rank `rank` beside frozen weights, full all weights. `length` is the longest row
    in ids; `beta` how far DPO may go from the base model."""

    base: str = ""
    way: Literal["lora", "full"] = "lora"
    rank: int = Field(default=16, ge=1, le=512)
    lr: float = Field(default=2e-4, gt=0, le=1)
    batch: int = Field(default=8, ge=1, le=1024)
    epochs: float = Field(default=3, gt=0, le=1000)
    length: int = Field(default=1024, ge=16, le=131_072)
    beta: float = Field(default=0.1, gt=0, le=10)
    weight_decay: float = Field(default=0.0, ge=0, le=1)


class TunedModel(CausalModel):
    """A tuned language model."""

    recipe = "causal"


class Causal(CausalRecipe):
    """Supervised tuning on the assistant's words, or direct preference optimisation where rows are pairs."""

    name = "causal"
    title = Words("tuned language model (LoRA or full; SFT, DPO)", "微调语言模型（LoRA 或全量；SFT、DPO）")
    rank = 30
    paper = "LoRA, Hu et al. 2021; DPO, Rafailov et al. 2023"
    needs = ("torch", "transformers", "peft", "trl")
    extra = "llm"
    trains_with = ("trl",)
    options = CausalOptions
    model = TunedModel
    space: ClassVar[dict[str, Axis]] = {"lr": Range(2e-5, 1e-3, log=True), "epochs": Range(1, 6)}

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        base = next(iter(self.bases.causal), "")
        pairs = getattr(target, "form", "") == "preferences"
        rates = (2e-5, 5e-6) if pairs else (2e-4, 3e-5)
        return [CausalOptions(base=base, lr=rates[0]), CausalOptions(base=base, way="full", lr=rates[1])]

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        import tempfile
        from pathlib import Path

        from modelwright.features.shared.vocabulary import load_vocabulary
        from modelwright.train.llm import tune

        assert isinstance(options, CausalOptions)
        found = self.base(options)
        vocabulary = load_vocabulary(found.folder)
        form = str(getattr(ctx.target, "form", "texts"))
        rows = training_rows(train, form, vocabulary, options.length)
        history: list[dict[str, float]] = []
        epochs = float(ctx.extent["epochs"]) if ctx.extent else options.epochs
        with tempfile.TemporaryDirectory() as place:
            done = tune(
                found.folder, rows, form == "preferences", options, ctx, history, Path(place), vocabulary.end, epochs
            )
            vocabulary.save(Path(place))
            extent = {"epochs": max(0.01, round(done, 3))}
            return TunedModel.of_folder(
                Path(place), form, origins=[found.origin()], history=history, extent=extent, device=ctx.device
            )


def training_rows(table: Table, form: str, vocabulary: Vocabulary, length: int) -> list[dict[str, list[int]]]:
    """Return rows as TRL takes them, in the very ids that are served: `input_ids` and `labels`, or prompt, chosen, rejected."""
    column = table.schema.target
    cells = [c for c in table.column(column.name if column else "").to_pylist() if c]
    chat = Chat(vocabulary)
    if form == "preferences":
        return [_pair(json.loads(c), chat, length) for c in cells]
    docs = documents(cells, form, vocabulary, chat)
    if form == "chats":
        rows = [(d.ids[:length].tolist(), d.trained[:length].tolist()) for d in docs]
        rows = [r for r in rows if any(r[1])] or rows
    else:  # texts end to end, in blocks
        ids = [*opening(form, vocabulary), *(i for d in docs for i in d.ids.tolist())]
        size = min(length, max(16, len(ids)))
        rows = [(ids[i : i + size], [True] * len(ids[i : i + size])) for i in range(0, len(ids), size)]
    return [
        {"input_ids": i, "labels": [x if t else -100 for x, t in zip(i, trained)]} for i, trained in rows if len(i) > 1
    ]


def _pair(row: dict[str, Any], chat: Chat, length: int) -> dict[str, list[int]]:
    prompt = chat.prompt(row["prompt"])
    out = {"prompt_ids": prompt[-max(1, length // 2) :]}
    for name in ("chosen", "rejected"):
        ids = chat.document([*row["prompt"], *row[name]]).ids.tolist()
        out[f"{name}_ids"] = ids[len(prompt) :][: length - len(out["prompt_ids"])]
    return out


RECIPE = Causal
