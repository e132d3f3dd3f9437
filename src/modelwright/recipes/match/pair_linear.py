"""A linear model of pairs: which words both share, which only one has, and how much they overlap.

Legend: N pairs, D hashed features.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field
from scipy.sparse import csr_matrix, hstack

from modelwright.core.answers.base import TargetCodec
from modelwright.core.errors import ModelwrightError
from modelwright.core.recipe import Axis, Estimate, FitContext, Model, Options, Range
from modelwright.core.saved import read_arrays, write_arrays
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.features.shared.pairs import lexical
from modelwright.models.retrieval import terms
from modelwright.models.searchers import Searcher, Texts
from modelwright.recipes.match._sentence import graded
from modelwright.recipes.shared.matching import PAIRS, Matcher, MatchModel, MatchRecipe, Material, check_time, finished

_BUCKETS = 1 << 18
_TURNS = 60  # of the solver


class PairLinearOptions(Options):
    """`c` is the inverse strength of the penalty."""

    c: float = Field(default=0.3, gt=0, le=1e4)


class PairLinearMatcher(Matcher):
    """Weights [D + L] over words shared, words of one side, and lexical features."""

    def __init__(self, weights: np.ndarray, bias: float) -> None:
        self.weights, self.bias = weights, bias

    @staticmethod
    def features(a: Texts, b: Texts) -> csr_matrix:
        """Return the features of pairs [N, D]: rows of unit length of words, beside the lexical ones."""
        from sklearn.feature_extraction import FeatureHasher

        def words() -> Any:
            for x, y in zip(a, b, strict=True):
                left, right = set(terms(x)), set(terms(y))
                yield {**{f"=:{t}": 1.0 for t in left & right}, **{f"~:{t}": 1.0 for t in left ^ right}}

        found = FeatureHasher(_BUCKETS, alternate_sign=False, dtype=np.float32).transform(words())
        lengths = np.sqrt(np.maximum(1, np.diff(found.indptr)))
        found.data /= np.repeat(lengths, np.diff(found.indptr)).astype(np.float32)
        overlap = lexical(a, b)
        return csr_matrix(hstack([found, csr_matrix(overlap)], format="csr", dtype=np.float32))

    def similarity(self, a: Texts, b: Texts) -> np.ndarray:
        if not a:
            return np.zeros(0)
        return np.asarray(self.features(a, b) @ self.weights + self.bias, np.float64)

    def index(self, contents: Sequence[Texts]) -> Searcher:
        raise ModelwrightError("pairs are compared, not searched", "仅比较句对，不用于检索")

    def save(self, folder: Path) -> dict[str, Any]:
        write_arrays(folder / "weights.safetensors", {"weights": self.weights})
        return {"bias": self.bias}

    @classmethod
    def load(cls, folder: Path, state: Mapping[str, Any]) -> PairLinearMatcher:
        return cls(read_arrays(folder / "weights.safetensors")["weights"], float(state["bias"]))

    def restored(
        self, contents: Sequence[Texts] | None, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> Searcher:
        return self.index([])


class PairLinearModel(MatchModel):
    """A linear model of pairs."""

    recipe = "pair-linear"
    matcher_class = PairLinearMatcher


class PairLinear(MatchRecipe):
    """Logistic regression over what two texts share and in what they differ; it learns which words may differ."""

    tasks = frozenset({PAIRS})
    name = "pair-linear"
    title = Words("linear model of shared and differing words", "共有词与差异词的线性模型")
    rank = 5
    paper = ""
    seeded = False
    options = PairLinearOptions
    model = PairLinearModel
    space: ClassVar[dict[str, Axis]] = {"c": Range(0.01, 30.0, log=True)}

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        if rows < 1000:
            return [PairLinearOptions(c=3.0), PairLinearOptions(c=0.3)]
        return [PairLinearOptions(), PairLinearOptions(c=1.0), PairLinearOptions(c=0.1)]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        return Estimate(5e-4 * len(train) + 0.2, 3000 * len(train) + (32 << 20))

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        import warnings

        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        assert isinstance(options, PairLinearOptions)
        material = Material(train, ctx.target)
        x = PairLinearMatcher.features(material.a, material.b)
        truth = graded(material.truth, ctx)
        check_time(ctx)
        # a grade between 0 and 1 is so much of a yes and so much of a no
        both = csr_matrix(hstack([x.T, x.T]).T) if ((truth > 0) & (truth < 1)).any() else x
        labels = np.r_[np.ones(len(truth)), np.zeros(len(truth))] if both is not x else truth
        weights = np.r_[truth, 1 - truth] if both is not x else None
        if len(np.unique(labels)) < 2:
            raise ModelwrightError("all pairs have the same label", "所有句对的标签相同")
        solver = LogisticRegression(C=options.c, solver="lbfgs", max_iter=_TURNS, tol=1e-3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the bound on turns is ours
            solver.fit(both, labels, sample_weight=weights)
        matcher = PairLinearMatcher(np.asarray(solver.coef_[0], np.float32), float(solver.intercept_[0]))
        made = finished(PairLinearModel, matcher, material, ctx.target, {})
        if ctx.target.kind != "value":  # its log odds are odds already; training pairs would make them too sure
            made.scale, made.shift = 1.0, 0.0
        return made


RECIPE = PairLinear
