"""Token classification: names, places, products in text, as spans with their place in the original text."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, Field, ValidationError, create_model

from modelwright.core.answers.base import TargetCodec, as_objects
from modelwright.core.answers.corrections import MOST, Form, expected, is_label, unknown_label
from modelwright.core.answers.objects import ObjectsCodec
from modelwright.core.errors import DataError
from modelwright.core.events import EventStream
from modelwright.core.judged import Judged
from modelwright.core.reading import Detected, Reading
from modelwright.core.recipe import Model, own_recipes
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.task import GeneratedTask, Section
from modelwright.core.words import Words
from modelwright.data import spans as data
from modelwright.evaluate.metrics import spans as evaluate
from modelwright.features.shared.spans import read_spans

_TEXT = ("text", "category", "id")


class Span(BaseModel):
    """A stretch of the text, `end` exclusive, in characters; `confidence` is that of the least sure of its parts."""

    start: int
    end: int
    label: str
    text: str = ""
    confidence: float = Field(default=1.0, ge=0, le=1)


class Told(BaseModel):
    """A span as people tell it; what else it holds (its text, a confidence) is passed over."""

    start: int = Field(ge=0, strict=True)
    end: int = Field(strict=True)
    label: str


def _place(span: Mapping[str, Any]) -> tuple[int, int]:
    return span["start"], span["end"]


class SpansCodec(ObjectsCodec):
    """Spans of a row as lists of {start, end, label}; `labels` are those of the development rows, most frequent first."""

    told_as: ClassVar[Form] = "spans"

    def __init__(self, labels: tuple[str, ...]) -> None:
        super().__init__("token-classification")
        self.labels = labels  # type: ignore[assignment]

    def encode(self, values: pa.Array) -> np.ndarray:
        return as_objects([None if v is None else read_spans(v) for v in values.to_pylist()])

    def unseen(self, values: pa.Array) -> dict[str, int]:
        rows = [{span["label"] for span in read_spans(v)} for v in values.to_pylist() if v is not None]
        counts = Counter(label for row in rows for label in row)
        return {label: n for label, n in counts.most_common() if label not in self.labels}

    def told(self, value: Any, *, new: bool = False) -> tuple[Any, bool]:
        """As TargetCodec.told: a list of spans, none inside another; it may be empty."""
        try:
            found = [Told.model_validate(v) for v in value] if isinstance(value, list) and len(value) <= MOST else None
        except ValidationError:
            found = None
        if found is None or any(s.end <= s.start or not is_label(s.label) for s in found):
            en, zh = "a list of spans {start, end, label}", "片段列表 {start, end, label}"
            raise expected(en, zh)
        spans: list[dict[str, Any]] = sorted(
            ({"start": s.start, "end": s.end, "label": s.label.strip()} for s in found), key=_place
        )
        if any(a["end"] > b["start"] for a, b in itertools.pairwise(spans)):
            raise expected("spans that do not overlap", "互不重叠的片段")
        more = any(s["label"] not in self.labels for s in spans)
        if more and not new:
            raise unknown_label(self.labels)
        return spans, more

    def gist(self, answer: Any) -> Any:
        """Return the places and labels of the spans, without their text and confidence."""
        return sorted([s["start"], s["end"], s["label"]] for s in answer)

    def perfect(self, truth: np.ndarray) -> np.ndarray:
        return as_objects([[{**s, "text": "", "confidence": 1.0} for s in row] for row in truth])[:, None]

    def state(self) -> dict[str, Any]:
        return {**super().state(), "labels": list(self.labels)}


class TokenClassification(GeneratedTask):
    """Spans with a label, none inside another, found in one text column."""

    name = "token-classification"
    title = Words("token classification (named entities)", "序列标注（命名实体识别）")
    inputs = frozenset(_TEXT)
    targets = frozenset({"text"})
    metrics = evaluate.metrics()
    points = True

    @property
    def recipes(self) -> tuple[str, ...]:
        return own_recipes(self.name)

    def accepts(self, values: pa.Array, column: Column) -> float:
        if column.modality != "text":
            return 0.0
        cells = values.slice(0, 200).drop_null().to_pylist()
        return 0.01 if all(c.lstrip().startswith("[") for c in cells) else 0.0

    def read(self, source: Any, reading: Reading, events: EventStream | None = None) -> tuple[pa.Table, Detected]:
        from modelwright.data.collect import collect
        from modelwright.data.sources import read_table, source_name

        name = source_name(source, "table")
        if isinstance(source, (str, Path)) and "://" not in str(source) and data.is_token_file(Path(source), reading):
            return collect(data.token_rows(Path(source), reading), reading, name, events), Detected()
        raw, detected = read_table(source, reading, events)
        return _checked(data.normalised(raw, name), name), detected

    def target_of(self, raw: pa.Table) -> str | None:
        return data.column_of(raw)

    def fit_target(self, values: pa.Array, column: Column) -> TargetCodec:
        counts: Counter[str] = Counter()
        for row, value in enumerate(values.to_pylist(), 1):
            try:
                counts.update(str(s["label"]) for s in read_spans(value))
            except (ValueError, KeyError, TypeError) as e:
                raise DataError(
                    f"Column `{column.name}`, row {row}: expected a list of spans with start, end and label, received "
                    f"`{str(value)[:60]}`.",
                    f"列 `{column.name}` 第 {row} 行：应为含 start、end、label 的片段列表，收到的是 `{str(value)[:60]}`。",
                ) from e
        if not counts:
            raise DataError(
                f"No span is marked in column `{column.name}`; at least some rows must have one.",
                f"列 `{column.name}` 中没有任何标注片段；至少部分行应有标注。",
            )
        return SpansCodec(tuple(sorted(counts, key=lambda n: (-counts[n], n))))

    def restore_target(self, state: Mapping[str, Any]) -> TargetCodec:
        return SpansCodec(tuple(state["labels"]))

    def loss(
        self, outputs: Any, truth: Any, *, smoothing: float = 0.0, class_weight: Any = None, row_weight: Any = None
    ) -> Any:
        from torch.nn.functional import cross_entropy

        return cross_entropy(outputs.flatten(0, -2), truth.flatten(), label_smoothing=smoothing, ignore_index=-100)

    def response(self, target: TargetCodec) -> type[BaseModel]:
        fields: dict[str, Any] = {"prediction": (list[Span], ...)}
        return create_model("Answer", **fields)

    def served(self, schema: Schema) -> Schema:
        from modelwright.recipes.shared.tagging import text_column

        name = text_column(schema)
        return Schema(tuple(c for c in schema if c.role != "input" or c.name == name))

    def sections(self, model: Model, judged: Judged, develop: Table, test: Table, seconds: float) -> list[Section]:
        from modelwright.recipes.shared.tagging import text_column

        name = text_column(test.schema)
        texts = dict(zip(test.rows.tolist(), test.column(name).to_pylist(), strict=True)) if name else {}
        found = [evaluate.per_label(judged), evaluate.mistakes(judged), evaluate.examples(judged, texts)]
        return [s for s in found if s.rows]

    def sample(self, rows: int, seed: int) -> tuple[pa.Table, str]:
        rng = np.random.default_rng(seed)
        people, places = ("李明", "王芳", "Anna Bell", "张伟"), ("北京", "上海", "Berlin", "Paris")
        frames = (
            "{p}昨天到了{c}。",
            "{p} moved to {c} last year.",
            "{c}的{p}打来电话",
            "We met {p} in {c}!",
            "今天没有消息",
        )
        texts, spans = [], []
        for _ in range(rows):
            parts = {"p": str(rng.choice(people)), "c": str(rng.choice(places))}
            text, marked = "", []
            rest = str(rng.choice(frames))
            while "{" in rest:
                before, _, after = rest.partition("{")
                text += before
                word = parts[after[0]]
                label = "person" if after[0] == "p" else "city"
                marked.append({"start": len(text), "end": len(text) + len(word), "label": label})
                text, rest = text + word, after[2:]
            texts.append(f"{text}{rest} {rng.integers(1000)}")
            spans.append(data.dumped(marked))
        return pa.table({"text": texts, "spans": spans}), "spans"


def _checked(raw: pa.Table, source: str) -> pa.Table:
    """Return the table after a check that its spans lie inside the text they mark. Raises DataError."""
    name = data.column_of(raw)
    texts = [n for n in raw.column_names if n != name and pa.types.is_string(raw.schema.field(n).type)]
    if name and texts:
        target = raw.column(name).to_pylist()
        text = (
            "text"
            if "text" in texts
            else max(texts, key=lambda n: sum(map(len, filter(None, raw.column(n).to_pylist()))))
        )
        data.check_spans(raw.column(text).to_pylist(), target, range(1, raw.num_rows + 1), source)
    return raw


TASK = TokenClassification
