"""What recipes that compare texts share: pairs of texts and how alike they are, documents and how they are searched.

Two tasks use them. In `sentence-similarity` a row holds two texts and how alike they are; in `retrieval` a query and the
document it should find, or a label for it. A recipe brings a `Matcher`; everything else is here.
Legend: N rows, Q queries, K results.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from modelwright.core.answers.base import TargetCodec, as_objects
from modelwright.core.answers.value import ValueCodec
from modelwright.core.errors import ModelwrightError, OptionError
from modelwright.core.recipe import FitContext, Model, Recipe
from modelwright.core.saved import Loading, read_arrays, read_state, write_arrays, write_state
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.features.shared.pairs import alike_at
from modelwright.models.retrieval import Hits
from modelwright.models.searchers import Searcher, Texts
from modelwright.recipes.shared.rows import known_rows

PAIRS, SEARCH = "sentence-similarity", "retrieval"
DEEP = 1000  # ranks looked at when a model is judged
SHOWN = 10  # documents of an answer
NEGATIVES = (
    "negative",
    "negatives",
    "neg",
    "hard_negative",
    "negative_passages",
    "hard_negative_ctxs",
    "负例",
    "负样本",
)
_READABLE = ("text", "category", "id")


def text_columns(schema: Schema) -> list[str]:
    """Return the columns that hold texts to compare, in order; those of negatives are not among them."""
    return [c.name for c in schema.inputs if c.modality in _READABLE and not is_negative(c.name)]


def is_negative(name: str) -> bool:
    """Return whether a column's name says that it holds documents that do not answer the query."""
    return name.lower().rstrip("0123456789_") in NEGATIVES


def texts_of(table: Table, name: str) -> list[str]:
    """Return a column's texts, missing ones empty."""
    return [str(v) if v is not None else "" for v in table.column(name).to_pylist()]


class Matcher(ABC):
    """What a recipe learns: how alike two texts are, and an index over documents."""

    @abstractmethod
    def similarity(self, a: Texts, b: Texts) -> np.ndarray:
        """Return how alike the texts of pairs are [N]: any scale, more is more alike."""

    @abstractmethod
    def index(self, contents: Sequence[Texts]) -> Searcher:
        """Return a searcher over documents."""

    @abstractmethod
    def save(self, folder: Path) -> dict[str, Any]:
        """Write what was learnt into a folder, and return its JSON part."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path, state: Mapping[str, Any]) -> Self:
        """Read what `save` wrote."""

    @abstractmethod
    def restored(
        self, contents: Sequence[Texts] | None, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> Searcher:
        """Return the searcher that `state` and `arrays`, in their shapes, describe; `contents` where documents are kept as texts."""

    def embed(self, texts: Texts) -> np.ndarray | None:
        """Return vectors of unit length [N, D] float32, or None where texts have none."""
        return None

    @property
    def origins(self) -> list[dict[str, str]]:
        """Where pretrained parts come from."""
        return []


class MatchModel(Model):
    """A matcher with what turns its similarities into probabilities, or with the documents it finds.

    `scale` and `shift` make log odds (or standardised values) of similarities. In retrieval `documents` are what is
    answered: texts, or labels, whose texts are not kept.
    """

    matcher_class: ClassVar[type[Matcher]]

    def __init__(
        self, matcher: Matcher, target: TargetCodec, columns: Sequence[str], extent: dict[str, Any],
        history: list[dict[str, float]] | None = None,
    ) -> None:  # fmt: skip
        self.matcher, self.target, self.columns = matcher, target, list(columns)
        self.scale, self.shift = 1.0, 0.0
        self.documents: list[str] = []
        self.searcher: Searcher | None = None
        self.extent, self.history = extent, history or []

    @property
    def origins(self) -> list[dict[str, str]]:
        """Where its encoders come from."""
        return self.matcher.origins

    @property
    def labelled(self) -> bool:
        """Whether the answers are labels."""
        return bool(self.target.labels) and self.target.kind == "objects"

    # -- pairs -----------------------------------------------------------------------------------------------------

    def calibrate(self, a: Texts, b: Texts, truth: np.ndarray) -> None:
        """Fit scale and shift on pairs: logistic regression on one number, or least squares for graded pairs."""
        x = self.matcher.similarity(a, b)
        if isinstance(self.target, ValueCodec):
            y = (truth - self.target.mean) / self.target.std
            spread = float(x.var())
            self.scale = float(np.cov(x, y, bias=True)[0, 1] / spread) if spread > 1e-12 else 0.0
            self.shift = float(y.mean() - self.scale * x.mean())
            return
        y = (truth == alike_at(self.target.labels)).astype(float)
        self.scale, self.shift = _logistic(x, y)

    def scores(self, table: Table) -> np.ndarray:
        if self.target.kind == "objects":
            return self._hits_of_rows(table)
        x = self.matcher.similarity(texts_of(table, self.columns[0]), texts_of(table, self.columns[1]))
        z = self.scale * np.asarray(x, np.float64) + self.shift
        if isinstance(self.target, ValueCodec):
            return (z * self.target.std + self.target.mean)[:, None]
        p = 1 / (1 + np.exp(-np.clip(z, -40, 40)))
        out = np.empty((len(table), 2))
        out[:, alike_at(self.target.labels)] = p
        out[:, 1 - alike_at(self.target.labels)] = 1 - p
        return out

    # -- documents -------------------------------------------------------------------------------------------------

    def search(self, query: str, k: int = SHOWN) -> list[dict[str, Any]]:
        """Return the best `k` documents of a query: `{"text": ..., "score": ..., "id": ...}`, `id` counting from 0.

        Raises OptionError for a model of pairs.
        """
        if self.target.kind != "objects":
            raise OptionError(
                "A model of pairs cannot search; train one with --task retrieval.",
                "句对模型不支持检索；请用 --task retrieval 训练。",
            )
        return self._hits([query], k)[0]

    def embed(self, texts: Texts) -> np.ndarray:
        """Return vectors of unit length [N, D] float32. Raises ModelwrightError where the recipe makes none."""
        found = self.matcher.embed(list(texts))
        if found is None:
            raise ModelwrightError(
                f"`{self.recipe}` compares words and has no vectors; train with --recipes sentence-encoder.",
                f"`{self.recipe}` 只比较词语，没有向量；请用 --recipes sentence-encoder 训练。",
            )
        return np.asarray(found, np.float32)

    def set_documents(self, documents: Sequence[str], contents: Sequence[Texts] | None = None) -> None:
        """Index documents anew; what was learnt stays. `contents` are the texts of each where documents are labels."""
        self.documents = list(documents)
        self.searcher = self.matcher.index(contents if contents is not None else [[d] for d in documents])

    def _hits(self, queries: Texts, k: int) -> list[list[dict[str, Any]]]:
        if self.searcher is None or not self.documents:
            return [[] for _ in queries]
        found = self.searcher.search(list(queries), min(k, len(self.documents)))
        return [
            [
                {"text": self.documents[i], "score": round(float(s), 5), "id": int(i)}
                for i, s in zip(ids.tolist(), scores.tolist())
                if i >= 0
            ]
            for ids, scores in zip(found.ids, found.scores)
        ]

    def _hits_of_rows(self, table: Table) -> np.ndarray:
        hits = self._hits(texts_of(table, self.columns[0]), SHOWN)
        return as_objects([{"hits": h} for h in hits])[:, None]

    def judge(self, table: Table) -> np.ndarray:
        """Return scores [N, 1] with the rank of what should be found: among all documents known, and those of these rows."""
        if self.target.kind != "objects":
            return self.scores(table)
        documents, searcher = self.with_documents_of(table)
        if searcher is None or len(table) == 0:
            return as_objects([{"hits": [], "rank": None}] * len(table))[:, None]
        found = searcher.search(texts_of(table, self.columns[0]), min(DEEP, len(documents)))
        return self.ranked(table, documents, found)

    def with_documents_of(self, table: Table) -> tuple[list[str], Searcher | None]:
        """Return documents and searcher, those of a table's rows added that are not known yet."""
        if self.labelled:
            return self.documents, self.searcher
        known = set(self.documents)
        more = [t for t in dict.fromkeys(_targets(table)) if t and t not in known]
        if not more:
            return self.documents, self.searcher
        documents = [*self.documents, *more]
        return documents, self.matcher.index([[d] for d in documents])

    def ranked(self, table: Table, documents: Sequence[str], found: Hits) -> np.ndarray:
        """Return the scores [N, 1] of hits: what stands first, and the rank of what should."""
        place = {d: i for i, d in enumerate(documents)}
        out = []
        for row, wanted in enumerate(_targets(table)):
            at = np.flatnonzero(found.ids[row] == place.get(wanted, -2))
            top = [
                {"text": documents[i], "score": round(float(s), 5), "id": int(i)}
                for i, s in zip(found.ids[row, :1].tolist(), found.scores[row, :1].tolist())
                if i >= 0
            ]
            out.append({"hits": top, "rank": int(at[0]) + 1 if len(at) else None})
        return as_objects(out)[:, None]

    # -- keeping ---------------------------------------------------------------------------------------------------

    def save(self, folder: Path) -> None:
        state = {
            "matcher": self.matcher.save(folder), "columns": self.columns, "scale": self.scale, "shift": self.shift,
            "documents": self.documents, "index": self.searcher.state() if self.searcher else None,
            "extent": self.extent,
        }  # fmt: skip
        if self.searcher:
            write_arrays(folder / "index.safetensors", self.searcher.arrays())
        write_state(folder, state)

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> MatchModel:
        with Loading(folder):
            data = read_state(folder)
            out = cls(cls.matcher_class.load(folder, data["matcher"]), target, data["columns"], data["extent"])
            out.scale, out.shift = float(data["scale"]), float(data["shift"])
            out.documents = [str(d) for d in data["documents"]]
            if data["index"] is not None:
                contents = None if out.labelled else [[d] for d in out.documents]
                arrays = read_arrays(folder / "index.safetensors")
                out.searcher = out.matcher.restored(contents, data["index"], arrays)
        return out


def _targets(table: Table) -> list[str]:
    column = table.schema.target
    return texts_of(table, column.name if column else "")


def _logistic(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Return slope and intercept of a logistic regression on one number, by Newton's method, a little regularised."""
    middle, spread = float(x.mean()), float(x.std()) or 1.0
    z = (np.asarray(x, np.float64) - middle) / spread
    w = np.array([1.0, np.log((y.sum() + 1) / (len(y) - y.sum() + 1))])
    design = np.stack([z, np.ones_like(z)], axis=1)
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(design @ w, -40, 40)))
        slope = design.T @ (p - y) + np.array([1e-3 * w[0], 0])
        curve = (design * (p * (1 - p) + 1e-9)[:, None]).T @ design + 1e-3 * np.eye(2)
        step = np.linalg.solve(curve, slope)
        w -= np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-8:
            break
    return float(w[0] / spread), float(w[1] - w[0] * middle / spread)


class Material:
    """What a matcher learns from: queries or first texts `a`, documents or second texts `b`, `truth`, negatives, labels."""

    def __init__(self, table: Table, target: TargetCodec) -> None:
        table, truth = known_rows(table, target)
        names = text_columns(table.schema)
        self.columns = names[:2] if target.kind != "objects" else names[:1]
        self.a = texts_of(table, names[0])
        self.truth = truth
        self.labels: np.ndarray | None = None
        self.negatives: list[str] | None = None
        self.documents: list[str] = []
        if target.kind != "objects":
            self.b = texts_of(table, names[1])
            return
        self.b = [str(t) for t in truth]
        self.documents = list(dict.fromkeys(self.b))
        if target.labels:
            index = {d: i for i, d in enumerate(self.documents)}
            self.labels = np.array([index[d] for d in self.b])
            return
        found = [c.name for c in table.schema.inputs if is_negative(c.name)]
        if found:
            self.negatives = texts_of(table, found[0])

    @property
    def contents(self) -> list[list[str]]:
        """The texts of every document: itself, or those of the rows with its label."""
        if self.labels is None:
            return [[d] for d in self.documents]
        return [[self.a[i] for i in np.flatnonzero(self.labels == at)] for at in range(len(self.documents))]

    @property
    def texts(self) -> list[str]:
        """All texts that a vocabulary may be learnt from, each once."""
        more = self.negatives or []
        return [t for t in dict.fromkeys([*self.a, *([] if self.labels is not None else self.b), *more]) if t]


def finished(cls: type[MatchModel], matcher: Matcher, material: Material, target: TargetCodec, extent: dict[str, Any],
             history: list[dict[str, float]] | None = None) -> MatchModel:  # fmt: skip
    """Return the model of a fitted matcher: calibrated for pairs, with its documents for retrieval."""
    model = cls(matcher, target, material.columns, extent, history)
    if target.kind == "objects":
        model.set_documents(material.documents, material.contents)
    else:
        model.calibrate(material.a, material.b, material.truth)
    return model


class MatchRecipe(Recipe):
    """A recipe that compares texts."""

    tasks = frozenset({PAIRS, SEARCH})

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        need = 1 if target.kind == "objects" else 2
        if len(text_columns(schema)) < need:
            return Words(f"made for {need} text column(s), and there are fewer", f"需要 {need} 个文本列，但数量不足")
        return None


def check_time(ctx: FitContext) -> None:
    """Raise ModelwrightError where the deadline has passed."""
    if ctx.deadline.expired():
        raise ModelwrightError("time ran out while texts were read", "读取文本时时间已用尽")
