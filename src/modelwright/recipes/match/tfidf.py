"""Cosine of weighted bags of words and characters: nothing is learnt but how rare they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field
from scipy.sparse import csr_matrix, diags

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Axis, Choice, Estimate, FitContext, Model, Options
from modelwright.core.saved import read_arrays, write_arrays
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.models.retrieval import terms, unit_rows
from modelwright.models.searchers import Searcher, SparseSearcher, Texts
from modelwright.recipes.shared.matching import Matcher, MatchModel, MatchRecipe, Material, finished


class TfidfOptions(Options):
    """`grams` are words with Han characters and pairs (`words`), or characters in ones, twos and threes (`letters`)."""

    grams: str = Field(default="words", pattern="^(words|letters)$")
    buckets: int = Field(default=1 << 18, ge=1 << 10, le=1 << 22)


class TfidfMatcher(Matcher):
    """Hashed n-grams, each with its inverse document frequency [D], in rows of unit length."""

    def __init__(self, grams: str, idf: np.ndarray) -> None:
        self.grams, self.idf = grams, idf

    @classmethod
    def fit(cls, texts: Texts, options: TfidfOptions) -> TfidfMatcher:
        """Learn how rare n-grams are."""
        out = cls(options.grams, np.ones(options.buckets, np.float32))
        some = list(texts)
        counts = out._counts(some)
        held = np.bincount(counts.indices, minlength=options.buckets)
        out.idf = (np.log((1 + len(some)) / (1 + held)) + 1).astype(np.float32)
        return out

    def _counts(self, texts: Texts) -> csr_matrix:
        from sklearn.feature_extraction.text import HashingVectorizer

        told: dict[str, Any] = {"n_features": len(self.idf), "norm": None, "alternate_sign": False, "dtype": np.float32}
        if self.grams == "words":
            made = HashingVectorizer(analyzer=terms, **told)
        else:
            made = HashingVectorizer(analyzer="char", ngram_range=(1, 3), **told)
        return csr_matrix(made.transform(list(texts)))

    def rows(self, texts: Texts) -> csr_matrix:
        """Return weighted bags of unit length [N, D]."""
        counts = self._counts(texts)
        counts.data = 1 + np.log(counts.data)
        return unit_rows(counts @ diags(self.idf))

    def similarity(self, a: Texts, b: Texts) -> np.ndarray:
        return np.asarray(self.rows(a).multiply(self.rows(b)).sum(axis=1), np.float64).ravel()

    def index(self, contents: Sequence[Texts]) -> Searcher:
        return SparseSearcher(self.rows(["\n".join(c) for c in contents]), self.rows)

    def save(self, folder: Path) -> dict[str, Any]:
        write_arrays(folder / "idf.safetensors", {"idf": self.idf})
        return {"grams": self.grams}

    @classmethod
    def load(cls, folder: Path, state: Mapping[str, Any]) -> TfidfMatcher:
        return cls(str(state["grams"]), read_arrays(folder / "idf.safetensors")["idf"])

    def restored(
        self, contents: Sequence[Texts] | None, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> Searcher:
        return SparseSearcher(SparseSearcher.matrix(state, arrays), self.rows)


class TfidfModel(MatchModel):
    """Cosines of bags."""

    recipe = "tfidf"
    matcher_class = TfidfMatcher


class Tfidf(MatchRecipe):
    """Bags of n-grams weighted by how rare they are."""

    name = "tfidf"
    title = Words("cosine of weighted n-grams (TF-IDF)", "TF-IDF 余弦相似度")
    rank = 1
    paper = "Salton & Buckley 1988; Spärck Jones 1972"
    baseline = True
    seeded = False
    options = TfidfOptions
    model = TfidfModel
    space: ClassVar[dict[str, Axis]] = {"grams": Choice(("words", "letters"))}

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [TfidfOptions(), TfidfOptions(grams="letters")]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        return Estimate(1e-4 * len(train) + 0.1, 4000 * len(train) + (32 << 20))

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        assert isinstance(options, TfidfOptions)
        material = Material(train, ctx.target)
        matcher = TfidfMatcher.fit(material.texts, options)
        return finished(TfidfModel, matcher, material, ctx.target, {})


RECIPE = Tfidf
