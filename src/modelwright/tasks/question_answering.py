"""Question answering over own documents: an answer with its citations, or a refusal where nothing supports one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, create_model

from modelwright.core.answers.base import Answers, TargetCodec, as_objects
from modelwright.core.answers.corrections import expected, is_text
from modelwright.core.answers.objects import ObjectsCodec
from modelwright.core.errors import DataError
from modelwright.core.events import EventStream
from modelwright.core.facts.base import Pair
from modelwright.core.judged import Judged
from modelwright.core.reading import Detected, Reading
from modelwright.core.recipe import Model, own_recipes
from modelwright.core.schema import OPTIONAL, Column, Schema, Table
from modelwright.core.task import GeneratedTask, Section
from modelwright.core.words import Words, shortened
from modelwright.data.knowledge import COLUMNS, read_knowledge, read_questions
from modelwright.evaluate.metrics import answers as evaluate
from modelwright.models.rightness import answerable, handled

_LONGEST = 140  # characters of a cell of the report
_ROLES = {"question": ("text", "input"), "tenant": ("category", "input"), "document": ("text", "ignored"),
          "heading": ("text", "ignored"), "passage": ("text", "ignored"), "answer": ("text", "target")}  # fmt: skip

if TYPE_CHECKING:
    from modelwright.core.config import RunConfig


class Citation(BaseModel):
    """Where an answer stands: characters `start` to `end` of the section under `heading` in `document`."""

    document: str
    heading: str
    start: int
    end: int
    text: str


class Answered(BaseModel):
    """An answer with what it rests on; none, with a reason, where it was refused."""

    answer: str | None
    citations: list[Citation]
    confidence: float
    refused: bool
    reason: str | None


class AnswersCodec(ObjectsCodec):
    """What is right for a question, as JSON; what is answered, without the passages that metrics look at."""

    def __init__(self) -> None:
        super().__init__("question-answering")

    def encode(self, values: pa.Array) -> np.ndarray:
        return as_objects([None if v is None else _truth(v) for v in values.to_pylist()])

    def decode(self, scores: np.ndarray, thresholds: Sequence[float] | None = None) -> Answers:
        return Answers([shown(row) for row in scores[:, 0]], None)

    def told(self, value: Any, *, new: bool = False) -> tuple[Any, bool]:
        """As TargetCodec.told: the text of the answer, or null where the documents hold none."""
        if value is not None and (not is_text(value) or not value.strip()):
            raise expected("a text, or null where there is no answer,", "文本；没有答案时为 null")
        return value, False

    def gist(self, answer: Any) -> Any:
        """Return the text of the answer, None where it was refused."""
        text = answer.get("answer") if isinstance(answer, Mapping) else answer
        return text.strip() if isinstance(text, str) else None

    def perfect(self, truth: np.ndarray) -> np.ndarray:
        rows: list[dict[str, Any]] = []
        for t in truth:
            can = t is not None and answerable(t)
            at = (t.get("passages") or [0])[0] if can else 0
            hit = (
                {"id": at, "document": t.get("source") or "", "heading": "", "text": t.get("answer") or ""}
                if can
                else {}
            )
            cited = [{"document": "", "heading": "", "start": 0, "end": 0, "text": "", "passage": at}] if can else []
            rows.append({"answer": "…" if can else None, "citations": cited, "confidence": float(can), "refused": not can,
                         "reason": None if can else "no_support", "hits": [hit] if can else []})  # fmt: skip
        return as_objects(rows)[:, None]


def shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return an answer as people and programs get it."""
    out = {k: v for k, v in row.items() if k != "hits"}
    return out | {"citations": [{k: v for k, v in c.items() if k != "passage"} for c in row["citations"]]}


def _truth(cell: str) -> dict[str, Any]:
    try:
        found = json.loads(cell)
    except ValueError:
        found = {"answer": cell}  # rows that came as a plain table of questions and answers
    return found if isinstance(found, dict) else {"answer": cell}


class QuestionAnswering(GeneratedTask):
    """Documents, or stored questions with their answers, are searched; what supports an answer is quoted and cited."""

    name = "question-answering"
    title = Words("question answering", "问答")
    inputs = frozenset({"text", "category"})
    targets = frozenset({"text"})
    metrics = evaluate.METRICS
    keeps_unlabelled = True
    checked = False
    beside = Words("passages", "个段落")

    @property
    def recipes(self) -> tuple[str, ...]:
        return own_recipes(self.name)

    def accepts(self, values: pa.Array, column: Column) -> float:
        return 0.01 if column.modality == "text" and column.name == "answer" else 0.0

    def read(self, source: Any, reading: Reading, events: EventStream | None = None) -> tuple[pa.Table, Detected]:
        return read_knowledge(source, reading, events)

    def read_test(self, source: Any, reading: Reading, events: EventStream | None = None) -> tuple[pa.Table, Detected]:
        return read_questions(source, reading, events)

    def target_of(self, raw: pa.Table) -> str | None:
        return "answer"

    def typed(self, schema: Schema, config: RunConfig | None = None) -> Schema:
        changes: dict[str, Any] = {
            n: {"modality": m, "role": r, "options": {}, "reason": None} for n, (m, r) in _ROLES.items()
        }
        return schema.with_columns({n: c for n, c in changes.items() if n in schema})

    def fit_target(self, values: pa.Array, column: Column) -> TargetCodec:
        if len(values.drop_null()) == 0:
            raise DataError("There are no questions to judge answers by.", "没有可用于检验回答的问题。")
        return AnswersCodec()

    def restore_target(self, state: Mapping[str, Any]) -> TargetCodec:
        return AnswersCodec()

    def loss(
        self, outputs: Any, truth: Any, *, smoothing: float = 0.0, class_weight: Any = None, row_weight: Any = None
    ) -> Any:
        """Return the mean cross entropy of passages: outputs [B, N], truth [B]; no recipe of this task trains by it."""
        from torch.nn.functional import cross_entropy

        return cross_entropy(outputs, truth, label_smoothing=smoothing)

    def served(self, schema: Schema) -> Schema:
        return Schema(tuple(replace(c, options=OPTIONAL) if c.name == "tenant" else c for c in schema.inputs))

    def request(self, schema: Schema) -> type[BaseModel]:
        fields: dict[str, Any] = {"question": (str | None, None), "tenant": (str | None, None)}
        return create_model("Row", __config__=ConfigDict(extra="allow"), **fields)

    def response(self, target: TargetCodec) -> type[BaseModel]:
        return create_model("Answer", prediction=(Answered, ...))

    def sections(self, model: Model, judged: Judged, develop: Table, test: Table, seconds: float) -> list[Section]:
        return [_what_is_searched(develop), *_missed_questions(judged, test)]

    def told(self, model: Model) -> list[list[Pair]]:
        passages = getattr(getattr(model, "knowledge", None), "passages", [])
        tenants = sorted({p.tenant for p in passages})
        words = [
            f"The bundle holds the {len(passages)} passages that are searched, since answers are quoted from them: give it to "
            f"nobody who may not read the documents. Whose passages: {', '.join(tenants)}.",
            f"模型包中含有被检索的 {len(passages)} 个段落，因为回答引自其中：请勿交给无权阅读这些文档的人。"
            f"段落所属：{'、'.join(tenants)}。",
        ]
        return [[["Knowledge", "知识库"], words]]

    def sample(self, rows: int, seed: int) -> tuple[pa.Table, str]:
        table = read_knowledge([{"question": q, "answer": a, "similar": s} for q, a, s in _FAQ], Reading(seed=seed))[0]
        questions = [r for r in table.to_pylist() if r["answer"] is not None]
        passages = [r for r in table.to_pylist() if r["answer"] is None]
        rng = np.random.default_rng(seed)
        filler = ("", "please, ", "hello, ", "请问", "today: ")
        some = [dict(questions[i % len(questions)]) for i in range(max(2, rows - len(passages)))]
        for row in some[len(questions) :]:
            row["question"] = f"{filler[rng.integers(1, 5)]}{row['question']}"
        made = [*some, *passages]
        return pa.table({c: pa.array([r[c] for r in made], pa.string()) for c in COLUMNS}), "answer"


def _what_is_searched(develop: Table) -> Section:
    """Say what is searched, and where the questions came from that recipes were chosen by."""
    cells = [json.loads(c) for c in develop.column("passage").to_pylist() if c is not None]
    by_document: dict[tuple[str, str], int] = {}
    for c in cells:
        key = (c["document"], c["tenant"])
        by_document[key] = by_document.get(key, 0) + 1
    truths = [json.loads(v) for v in develop.column("answer").to_pylist() if v is not None]
    made = sum(bool(t.get("made")) for t in truths)
    return Section(
        "knowledge", Words("What is searched", "检索范围"),
        Words(
            f"{len(cells)} passages of {len(by_document)} documents. The recipes were chosen by {len(truths)} questions, {made} of "
            "them made from the documents themselves: these are easier than what people ask, so give real ones with --test.",
            f"共 {len(by_document)} 个文档、{len(cells)} 个段落。方案由 {len(truths)} 个问题选出，其中 {made} 个由文档自动构造："
            "它们比真实提问容易，请用 --test 给出真实问题。",
        ),
        (Words("document", "文档"), Words("tenant", "租户"), Words("passages", "段落")),
        [[d, t, str(n)] for (d, t), n in list(by_document.items())[:200]],
    )  # fmt: skip


def _missed_questions(judged: Judged, test: Table) -> list[Section]:
    """Show held-out questions that were not handled rightly."""
    texts = dict(zip(test.rows.tolist(), test.column("question").to_pylist(), strict=True))
    rows: list[Any] = []
    for row, truth, score in zip(judged.rows.tolist(), judged.truth, judged.scores[:, 0], strict=True):
        if not handled(truth, score) and len(rows) < 20:
            wanted = str(truth.get("answer") or truth.get("source") or ("…" if answerable(truth) else "–"))
            rows.append(
                [
                    str(texts.get(row)),
                    shortened(wanted, _LONGEST),
                    shortened(score["answer"] or "–", _LONGEST),
                    f"{score['confidence']:.2f}",
                ]
            )
    if not rows:
        return []
    return [
        Section(
            "wrong", Words("Questions handled wrongly", "处理有误的问题"),
            Words("A dash stands for a refusal.", "短横表示拒绝回答。"),
            (Words("question", "问题"), Words("should be", "应为"), Words("answer", "回答"), Words("confidence", "置信度")),
            rows, private=True,
        )
    ]  # fmt: skip


_FAQ = (
    ("How long does a refund take?", "Refunds reach your card within five working days.", "when do I get my money back|refund time"),
    ("Where is my parcel?", "Open Orders and press Track to see where your parcel is.", "parcel tracking|has my package shipped"),
    ("怎么重置密码？", "在登录页点击“忘记密码”，按短信提示重置。", "忘记密码了怎么办|密码不对登录不了"),
    ("怎么开发票？", "订单完成后，在订单详情页申请电子发票。", "发票在哪里申请|需要电子发票"),
)  # fmt: skip

TASK = QuestionAnswering
