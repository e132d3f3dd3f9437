"""Text generation: a language model of the run's own texts, chats or preferences, which goes on with any prompt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, create_model

from modelwright.core.answers.base import TargetCodec, as_objects
from modelwright.core.answers.objects import ObjectsCodec
from modelwright.core.events import EventStream
from modelwright.core.judged import Judged, Metric
from modelwright.core.reading import Detected, Reading
from modelwright.core.recipe import Model, own_recipes
from modelwright.core.schema import OPTIONAL, Column, Schema, Table
from modelwright.core.task import GeneratedTask, Plot, Section
from modelwright.core.words import Words
from modelwright.data.corpus import read_corpus, target_column
from modelwright.evaluate.metrics import language

if TYPE_CHECKING:
    from modelwright.core.config import RunConfig


class TextsCodec(ObjectsCodec):
    """Texts as they are; `form` says what a cell holds: passages of a longer text, whole texts, chats, preferences."""

    def __init__(self, form: str) -> None:
        super().__init__("text-generation")
        self.form = form

    def perfect(self, truth: np.ndarray) -> np.ndarray:
        """Return the likelihoods [N, 1] of a model that foresees every byte."""
        rows = [{"bits": 0.0, "bytes": float(max(1, len(t.encode()))), "tokens": 1.0, "hits": 1.0} for t in truth]
        rows = [r | {"pairs": 1.0, "won": 1.0} for r in rows]
        return as_objects(rows)[:, None]

    def state(self) -> dict[str, Any]:
        return super().state() | {"form": self.form}


class TextGeneration(GeneratedTask):
    """The likelihood of held-out texts ranks; `predict` and the service go on with prompts."""

    name = "text-generation"
    title = Words("text generation", "文本生成")
    inputs = frozenset({"text"})
    targets = frozenset({"text"})
    metrics = language.METRICS
    needs_inputs = False

    @property
    def recipes(self) -> tuple[str, ...]:
        return own_recipes(self.name)

    def accepts(self, values: pa.Array, column: Column) -> float:
        return 0.01 if column.modality == "text" else 0.0

    def read(self, source: Any, reading: Reading, events: EventStream | None = None) -> tuple[pa.Table, Detected]:
        return read_corpus(source, reading, events)

    def target_of(self, raw: pa.Table) -> str | None:
        return target_column(raw)

    def typed(self, schema: Schema, config: RunConfig | None = None) -> Schema:
        """Return the schema with all columns ignored but the texts, and those that say how to split."""
        reason = Words("not read by language models", "语言模型不读取该列")
        changes = {c.name: {"role": "ignored", "reason": reason} for c in schema.inputs}
        return schema.with_columns(changes)

    def ranks(self, table: Table) -> Metric:
        target = table.schema.target
        pairs = target is not None and target.name == "preference"
        return self.metric("preference_accuracy" if pairs else "bits_per_byte")

    def fit_target(self, values: pa.Array, column: Column) -> TargetCodec:
        return TextsCodec(
            {"passage": "passages", "messages": "chats", "preference": "preferences"}.get(column.name, "texts")
        )

    def restore_target(self, state: Mapping[str, Any]) -> TargetCodec:
        return TextsCodec(str(state["form"]))

    def loss(
        self, outputs: Any, truth: Any, *, smoothing: float = 0.0, class_weight: Any = None, row_weight: Any = None
    ) -> Any:
        from torch.nn.functional import cross_entropy

        return cross_entropy(outputs.flatten(0, -2), truth.flatten(), ignore_index=-100, label_smoothing=smoothing)

    def served(self, schema: Schema) -> Schema:
        target = schema.target
        if target is not None and target.name in ("messages", "preference"):  # one of the two is asked
            return Schema((Column("prompt", "text", options=OPTIONAL), Column("messages", "text", options=OPTIONAL)))
        return Schema((Column("prompt", "text"),))

    def request(self, schema: Schema) -> type[BaseModel]:
        fields: dict[str, Any] = {c.name: (str | list[dict[str, str]] | None, None) for c in schema.inputs}
        return create_model("Row", __config__=ConfigDict(extra="allow"), **fields)

    def response(self, target: TargetCodec) -> type[BaseModel]:
        return create_model("Answer", prediction=(str | dict[str, float], ...))

    def plots(self, judged: Judged, table: Table) -> list[Plot]:
        return language.plots(judged)

    def sections(self, model: Model, judged: Judged, develop: Table, test: Table, seconds: float) -> list[Section]:
        from modelwright.evaluate.memorisation import sections

        column = develop.schema.target
        cells = develop.column(column.name if column else "").to_pylist()
        return sections(model, [c for c in cells if c], seconds)

    def sample(self, rows: int, seed: int) -> tuple[pa.Table, str]:
        rng = np.random.default_rng(seed)
        who = ("the cat", "a child", "our neighbour", "小猫", "邻居")
        does = ("sees", "likes", "喜欢", "找到")
        what = ("the red ball", "an old book", "a warm meal", "红色的球", "一本旧书")
        cells = [
            " ".join((who[rng.integers(5)], does[rng.integers(4)], what[rng.integers(5)])) + f" {i}."
            for i in range(rows)
        ]
        return pa.table({"text": cells}), "text"


TASK = TextGeneration
