"""Retrieval: the documents that answer a query, best first. Its encoders' vectors serve feature extraction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, create_model

from modelwright.core.answers.base import Answers, TargetCodec
from modelwright.core.answers.corrections import MOST, Form, expected, is_text, unknown_label
from modelwright.core.answers.objects import ObjectsCodec
from modelwright.core.errors import DataError
from modelwright.core.events import EventStream
from modelwright.core.judged import Judged
from modelwright.core.reading import Detected, Reading
from modelwright.core.recipe import Model, own_recipes
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.task import GeneratedTask, Section
from modelwright.core.words import Words, shortened
from modelwright.data.several_texts import read_unrolled
from modelwright.evaluate.metrics import ranking as evaluate
from modelwright.tasks._matching import answer, questions

_POSITIVES = ("positive", "positives", "pos", "positive_passages", "positive_ctxs", "正例")
_LONGEST = 120  # characters of a cell of the report
_LABEL = 30  # characters of a label at most
_TIMES = 4.0  # rows of a label at least, on average


class Hit(BaseModel):
    """A document, or a label, with its score; `id` is its number in the index."""

    text: str
    score: float
    id: int


class RankedCodec(ObjectsCodec):
    """Documents as their text; `labels` where the answers are few and short, as classes are: their texts are not kept."""

    told_as: ClassVar[Form] = "documents"

    def __init__(self, labels: Sequence[str] = ()) -> None:
        super().__init__("retrieval")
        self.labels = tuple(labels)  # type: ignore[assignment]

    def decode(self, scores: np.ndarray, thresholds: Sequence[float] | None = None) -> Answers:
        return Answers([row["hits"] for row in scores[:, 0]], None)

    def told(self, value: Any, *, new: bool = False) -> tuple[Any, bool]:
        """As TargetCodec.told: the texts of the right documents, the best first; one by itself too."""
        texts = [value] if isinstance(value, str) else value
        fits = isinstance(texts, list) and 0 < len(texts) <= MOST and all(is_text(t) and t.strip() for t in texts)
        if not fits:
            raise expected("the texts of the right documents, the best first,", "相关文档的文本列表（最相关的在前）")
        more = bool(self.labels) and any(t not in self.labels for t in texts)
        if more and not new:
            raise unknown_label(self.labels)
        return list(dict.fromkeys(texts)), more

    def gist(self, answer: Any) -> Any:
        """Return the text of the best document."""
        best = answer[0] if answer else None
        return best.get("text") if isinstance(best, Mapping) else best

    def perfect(self, truth: np.ndarray) -> np.ndarray:
        out = np.empty((len(truth), 1), object)
        for i, text in enumerate(truth):
            out[i, 0] = {"hits": [{"text": text, "score": 1.0, "id": i}], "rank": 1}
        return out

    def state(self) -> dict[str, Any]:
        return {**super().state(), "labels": list(self.labels)}


class Retrieval(GeneratedTask):
    """A query in, a ranked list of documents out; trained from pairs of both, with negatives where there are any."""

    name = "retrieval"
    title = Words("retrieval (semantic search)", "检索（语义搜索）")
    inputs = frozenset({"text", "category", "id"})
    targets = frozenset({"text"})
    metrics = evaluate.retrieval()

    @property
    def recipes(self) -> tuple[str, ...]:
        return own_recipes(self.name)

    def accepts(self, values: pa.Array, column: Column) -> float:
        return 0.01 if column.modality == "text" else 0.0

    def read(self, source: Any, reading: Reading, events: EventStream | None = None) -> tuple[pa.Table, Detected]:
        from modelwright.recipes.shared.matching import NEGATIVES

        return read_unrolled(source, reading, events, _POSITIVES, NEGATIVES)

    def target_of(self, raw: pa.Table) -> str | None:
        names = {n.lower(): n for n in raw.column_names}
        return next((names[n] for n in (*_POSITIVES, "document", "answer", "答案") if n in names), None)

    def fit_target(self, values: pa.Array, column: Column) -> TargetCodec:
        counts = Counter(v for v in values.to_pylist() if v)
        if len(counts) < 2:
            raise DataError(
                f"Retrieval needs at least two different documents in `{column.name}`, received {len(counts)}.",
                f"检索至少需要两个不同的文档，列 `{column.name}` 中只有 {len(counts)} 个。",
            )
        short = max(map(len, counts)) <= _LABEL and counts.total() >= _TIMES * len(counts)
        return RankedCodec(tuple(sorted(counts)) if short else ())

    def restore_target(self, state: Mapping[str, Any]) -> TargetCodec:
        return RankedCodec(tuple(state["labels"]))

    def loss(
        self, outputs: Any, truth: Any, *, smoothing: float = 0.0, class_weight: Any = None, row_weight: Any = None
    ) -> Any:
        from torch.nn.functional import cross_entropy

        return cross_entropy(outputs, truth, label_smoothing=smoothing)

    def response(self, target: TargetCodec) -> type[BaseModel]:
        fields: dict[str, Any] = {"prediction": (list[Hit], ...)}
        return create_model("Answer", **fields)

    def served(self, schema: Schema) -> Schema:
        from modelwright.recipes.shared.matching import text_columns

        names = text_columns(schema)[:1]
        return Schema(tuple(c for c in schema if c.role != "input" or c.name in names))

    def sections(self, model: Model, judged: Judged, develop: Table, test: Table, seconds: float) -> list[Section]:
        from modelwright.recipes.shared.matching import text_columns

        asked = dict(zip(test.rows.tolist(), test.column(text_columns(test.schema)[0]).to_pylist(), strict=True))
        rows: list[list[str]] = []
        for row, truth, score in zip(judged.rows.tolist(), judged.truth, judged.scores[:, 0], strict=True):
            rank = evaluate.rank_of(score)
            if rank != 1 and len(rows) < 12:
                found = score["hits"][0]["text"] if score["hits"] else "–"
                rows.append(
                    [
                        str(row),
                        *(shortened(t or "", _LONGEST) for t in (asked.get(row), truth, found)),
                        str(rank or "–"),
                    ]
                )
        ranks = [evaluate.rank_of(s) for s in judged.scores[:, 0]]
        far = [
            str(sum(r is not None and low <= r <= high for r in ranks))
            for low, high in ((1, 1), (2, 5), (6, 10), (11, 10**9))
        ]
        none = str(sum(r is None for r in ranks))
        ranked = Section(
            "ranks", Words("Ranks", "排名分布"),
            Words(
                f"The rank of the right document, among the documents of all rows ({len(getattr(model, 'documents', []))} in the index and those of the test rows).",
                f"正确文档所在的名次（索引中 {len(getattr(model, 'documents', []))} 个文档，另加测试行的文档）。",
            ),
            (Words("first", "第 1"), Words("2 to 5", "2–5"), Words("6 to 10", "6–10"), Words("further down", "更后"), Words("not found", "未找到")),
            [[*far, none]],
        )  # fmt: skip
        if not rows:
            return [ranked]
        missed = Section(
            "missed", Words("Queries whose document is not first", "未排在首位的查询"),
            Words("What comes first instead.", "排在首位的是另一文档。"),
            (Words("row", "行"), Words("query", "查询"), Words("should find", "应找到"), Words("first", "首位"), Words("rank", "名次")),
            rows, private=True,
        )  # fmt: skip
        return [ranked, missed]

    def sample(self, rows: int, seed: int) -> tuple[pa.Table, str]:
        rng = np.random.default_rng(seed)
        asked, about = questions(rng, rows)
        return pa.table({"query": asked, "document": [answer(a) for a in about]}), "document"


TASK = Retrieval
