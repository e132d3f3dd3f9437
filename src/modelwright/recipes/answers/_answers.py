"""What recipes share that answer questions from passages: reading rows, trusting an answer, refusing, citing, saving.

The passages are the knowledge that is searched, so a bundle holds them; see the threat model. How far an answer is to be
trusted, and from where on it is given, is told in `_answer_trust`.
Legend: N questions, F features.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec, as_objects
from modelwright.core.errors import ModelwrightError
from modelwright.core.recipe import Axis, Estimate, FitContext, Model, Options, Range, Recipe
from modelwright.core.saved import Loading, read_arrays, read_state, write_arrays, write_state
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.data.documents import visible
from modelwright.data.passages import Passage
from modelwright.models.knowledge import FEATURES, Asked, By, Found, Knowledge, window
from modelwright.recipes.answers._answer_trust import Trust, learnt

TASK = "question-answering"
SHOWN = 5  # passages that are kept with an answer
NO_QUESTION, NO_SUPPORT, NO_TENANT = "no_question", "no_support", "no_tenant"


class AnswerOptions(Options):
    """`title` is the weight of headings and stored questions against texts, `balance` that of vectors against words.

    `wrong` is the share of questions that the documents do not answer which may be answered all the same.
    """

    title: float = Field(default=0.5, ge=0, le=1)
    balance: float = Field(default=0.7, ge=0, le=1)
    wrong: float = Field(default=0.1, gt=0, lt=1)
    encoder: str | None = None


class AnswerModel(Model):
    """Passages, how they are searched, and how far answers are trusted; answers by quoting what supports them best."""

    recipe = ""
    by: ClassVar[By] = "words"

    def __init__(self, knowledge: Knowledge, trust: Trust, options: AnswerOptions, encoder: Any = None) -> None:
        self.knowledge, self.trust, self.options, self.encoder = knowledge, trust, options, encoder
        self.extent: dict[str, Any] = {}
        self.history: list[dict[str, float]] = []

    @property
    def origins(self) -> list[dict[str, str]]:
        """Where its encoder comes from."""
        return self.encoder.origins if self.encoder is not None else []

    def scores(self, table: Table) -> np.ndarray:
        return self.answer(asked_of(table))

    def judge(self, table: Table) -> np.ndarray:
        """As Model.judge; made questions are asked with what their truth says is hidden or left out."""
        return self.answer(asked_of(table, truths(table)))

    def answer(self, asked: Sequence[Asked]) -> np.ndarray:
        """Return answers [N, 1]: what is said, what it rests on, how sure it is, or why nothing is said."""
        found = self.knowledge.find(asked, SHOWN)
        sure = self.trust.sure(np.stack([f.features for f in found])) if found else np.empty(0)
        refused = [self._refusal(a, f, float(s)) for a, f, s in zip(asked, found, sure, strict=True)]
        given = [i for i, r in enumerate(refused) if r is None]
        said = dict(zip(given, self.say([asked[i] for i in given], [found[i] for i in given]), strict=True))
        rows = []
        for i, row in enumerate(refused):
            text, citations = said.get(i, ("", []))
            hits = [self._hit(at) for at in found[i].ids]
            if row is None and not text:
                row = refusal(NO_SUPPORT, float(sure[i]), hits)
            rows.append(row or {"answer": text, "citations": citations, "confidence": round(float(sure[i]), 6),
                                "refused": False, "reason": None, "hits": hits})  # fmt: skip
        return as_objects(rows)[:, None]

    def _refusal(self, asked: Asked, found: Found, sure: float) -> dict[str, Any] | None:
        if not asked.text.strip():
            return refusal(NO_QUESTION, 0.0, [])
        if not found.ids and self.knowledge.tenanted and not self.knowledge.allowed(asked.tenant).any():
            return refusal(NO_TENANT, 0.0, [])
        if not found.ids or sure < self.trust.threshold:
            return refusal(NO_SUPPORT, sure, [self._hit(i) for i in found.ids])
        return None

    def say(self, asked: Sequence[Asked], found: Sequence[Found]) -> list[tuple[str, list[dict[str, Any]]]]:
        """Return answers with their citations to questions that are supported; an empty one refuses after all."""
        return [self.said(a, f) for a, f in zip(asked, found, strict=True)]

    def said(self, asked: Asked, found: Found) -> tuple[str, list[dict[str, Any]]]:
        """Return the answer and its citations; here the stretch of the first passage that says most of what is asked."""
        at = found.ids[0]
        start, end = window(self.knowledge.passages[at], self.knowledge.mass(asked))
        return self.knowledge.passages[at].text[start:end], [self.citation(at, start, end)]

    def citation(self, at: int, start: int, end: int) -> dict[str, Any]:
        """Return where a stretch of a passage stands: `start` and `end` count characters in its section."""
        p = self.knowledge.passages[at]
        return {"document": p.document, "heading": p.heading, "start": p.start + start, "end": p.start + end,
                "text": p.text[start:end], "passage": at}  # fmt: skip

    def _hit(self, at: int) -> dict[str, Any]:
        p = self.knowledge.passages[at]
        return {"id": at, "document": p.document, "heading": p.heading, "text": p.text}

    def save(self, folder: Path) -> None:
        k = self.knowledge
        write_state(folder, [p.to_json() for p in k.passages], "passages.json")
        state = {
            "options": self.options.model_copy(update={"encoder": None}).model_dump(),
            "trust": {
                "weights": self.trust.weights.tolist(),
                "shift": self.trust.shift,
                "threshold": self.trust.threshold,
            },
            "features": list(FEATURES),
        }
        write_state(folder, state)
        if self.encoder is not None and k.vectors is not None:
            self.encoder.save(folder / "encoder")
            write_arrays(folder / "vectors.safetensors", {"texts": k.vectors[0], "titles": k.vectors[1]})

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> AnswerModel:
        with Loading(folder):
            return cls._load(folder)

    @classmethod
    def _load(cls, folder: Path) -> AnswerModel:
        state = read_state(folder)
        passages = [Passage.from_json(p) for p in read_state(folder, "passages.json")]
        options, encoder, vectors = cls._options(state["options"]), None, None
        if (folder / "vectors.safetensors").is_file():
            from modelwright.recipes.answers._answer_encoder import TextEncoder

            encoder, found = TextEncoder.load(folder / "encoder"), read_arrays(folder / "vectors.safetensors")
            vectors = found["texts"], found["titles"]
            if len(vectors[0]) != len(passages):
                raise ValueError("vectors and passages do not fit together")
        by: By = cls.by if encoder is not None else "words"
        knowledge = Knowledge(passages, by, options.title, encoder, vectors, options.balance)
        t = state["trust"]
        named = dict(zip(state["features"], t["weights"], strict=True))
        if not named.keys() <= set(FEATURES):
            raise ValueError("features do not fit")
        weights = np.array([float(named.get(f, 0.0)) for f in FEATURES])  # older bundles know fewer
        return cls(knowledge, Trust(weights, t["shift"], t["threshold"]), options, encoder)

    @classmethod
    def _options(cls, values: dict[str, Any]) -> AnswerOptions:
        return AnswerOptions(**values)


def refusal(reason: str, sure: float, hits: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the answer that says nothing, and why."""
    return {
        "answer": None,
        "citations": [],
        "confidence": round(sure, 6),
        "refused": True,
        "reason": reason,
        "hits": hits,
    }


def asked_of(table: Table, told: Sequence[dict[str, Any] | None] | None = None) -> list[Asked]:
    """Return the questions of a table's rows, and whose they are; `told` are their truths where they are to be judged."""
    texts, tenants = table.cells("question"), table.cells("tenant")
    out = []
    for i, (text, tenant) in enumerate(zip(texts, tenants, strict=True)):
        truth = (told[i] if told else None) or {}
        out.append(Asked(visible(str(text or "")), tenant, truth.get("hidden"), tuple(truth.get("without") or ())))
    return out


def truths(table: Table) -> list[dict[str, Any] | None]:
    """Return what is right for each row, where it is known."""
    if "answer" not in table.data.column_names:
        return [None] * len(table)
    return [None if v is None else json.loads(v) for v in table.column("answer").to_pylist()]


def passages_of(table: Table) -> list[Passage]:
    """Return the passages among a table's rows. Raises ModelwrightError where there are none."""
    cells = table.column("passage").to_pylist() if "passage" in table.data.column_names else []
    out = [Passage.from_json(json.loads(c)) for c in cells if c is not None]
    if not out:
        raise ModelwrightError(
            "there are no passages to answer from; give a folder of documents or a table of questions and answers",
            "没有可用于回答的段落；请给出文档文件夹或问答表格",
        )
    return out


class AnswerRecipe(Recipe):
    """Searches passages one way and answers by quoting; trust is learnt from the training questions."""

    tasks = frozenset({TASK})
    needs: ClassVar[tuple[str, ...]] = ()
    extra = ""
    baseline = False
    seeded = False
    options: ClassVar[type[AnswerOptions]] = AnswerOptions
    model: ClassVar[type[AnswerModel]] = AnswerModel
    space: ClassVar[dict[str, Axis]] = {"title": Range(0.0, 1.0)}

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        if self.model.by != "words" and not self.bases.encoders.get("text"):
            return Words(
                "no sentence encoder was named: --pretrained NAME_OR_FOLDER",
                "未指定句子编码器：--pretrained 名称或文件夹",
            )
        return None

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        names = self.bases.encoders.get("text", ()) if self.model.by != "words" else (None,)
        return [self.options(encoder=name) for name in names]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        per_row = 2e-3 if self.model.by == "words" else 2e-2
        return Estimate(0.2 + per_row * len(train), (64 << 20) + 20_000 * len(train))

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> AnswerModel:
        assert isinstance(options, AnswerOptions)
        passages = passages_of(train)
        encoder, vectors = None, None
        by: By = self.model.by if options.encoder is not None else "words"
        if by != "words":
            from modelwright.recipes.answers._answer_encoder import TextEncoder, vectors_of

            encoder = TextEncoder.of(passages, str(options.encoder), ctx)
            vectors = vectors_of(encoder, passages, str(options.encoder), ctx)
        knowledge = Knowledge(passages, by, options.title, encoder, vectors, options.balance)
        told = truths(train)
        trust = learnt(knowledge, asked_of(train, told), told, options.wrong)
        return self.made(knowledge, trust, options, encoder, ctx)

    def made(
        self, knowledge: Knowledge, trust: Trust, options: AnswerOptions, encoder: Any, ctx: FitContext
    ) -> AnswerModel:
        """Return the model of a fitted search."""
        return self.model(knowledge, trust, options, encoder)
