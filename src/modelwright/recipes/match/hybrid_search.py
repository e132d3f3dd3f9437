"""BM25 and a sentence encoder together: rare words and meaning, fused by the reciprocal of their ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Axis, Estimate, FitContext, Model, Options, Range, get_recipe
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.models.retrieval import BM25, fuse
from modelwright.models.searchers import FusedSearcher, LexicalSearcher, Searcher, Texts
from modelwright.recipes.shared.matching import SEARCH, Matcher, MatchModel, MatchRecipe, Material, finished, texts_of

_SHARES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)  # of the encoder
_CONSTANTS = (
    10.0,
    60.0,
)  # with few, good documents the first ranks should count for more than the paper's 60 lets them
_LOOK = 2000  # queries looked at to choose the share
_DENSE = ("pretrained-sentence", "sentence-encoder")


class HybridOptions(Options):
    """`dense` names the encoder's recipe and `inner` its options. `share` is the encoder's part, and `constant` that of
    the fusion: both are chosen where not given."""

    dense: str = "sentence-encoder"
    inner: dict[str, Any] = Field(default_factory=dict)
    share: float | None = Field(default=None, ge=0, le=1)
    constant: float | None = Field(default=None, ge=1, le=1000)
    k1: float = Field(default=1.2, ge=0, le=10)
    b: float = Field(default=0.75, ge=0, le=1)


class HybridMatcher(Matcher):
    """An encoder's matcher beside BM25."""

    def __init__(self, dense: Matcher, recipe: str, share: float, constant: float, k1: float, b: float) -> None:
        self.dense, self.recipe = dense, recipe
        self.share, self.constant, self.k1, self.b = share, constant, k1, b

    @property
    def origins(self) -> list[dict[str, str]]:
        """Where the encoder comes from."""
        return self.dense.origins

    def embed(self, texts: Texts) -> np.ndarray | None:
        return self.dense.embed(texts)

    def similarity(self, a: Texts, b: Texts) -> np.ndarray:
        return self.dense.similarity(a, b)

    def index(self, contents: Sequence[Texts]) -> Searcher:
        return self._fused([LexicalSearcher.build(contents, self.k1, self.b), self.dense.index(contents)])

    def _fused(self, members: Sequence[Searcher]) -> FusedSearcher:
        return FusedSearcher(members, [1 - self.share, self.share], self.constant)

    def set(self, share: float, constant: float, searcher: Searcher | None) -> None:
        """Take another share and constant, also in a searcher that was built before."""
        self.share, self.constant = share, constant
        if isinstance(searcher, FusedSearcher):
            searcher.weights, searcher.constant = [1 - share, share], constant

    def save(self, folder: Path) -> dict[str, Any]:
        (folder / "dense").mkdir()
        own = {"recipe": self.recipe, "share": self.share, "constant": self.constant, "k1": self.k1, "b": self.b}
        return {**own, "dense": self.dense.save(folder / "dense")}

    @classmethod
    def load(cls, folder: Path, state: Mapping[str, Any]) -> HybridMatcher:
        made: Any = type(get_recipe(_checked_dense(state["recipe"]))).model
        dense = made.matcher_class.load(folder / "dense", state["dense"])
        return cls(dense, state["recipe"], *(float(state[k]) for k in ("share", "constant", "k1", "b")))

    def restored(
        self, contents: Sequence[Texts] | None, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> Searcher:
        own = [{k[2:]: a for k, a in arrays.items() if k.startswith(f"{i}.")} for i in range(2)]
        words = LexicalSearcher(BM25.restore(state["members"][0], own[0]))
        return self._fused([words, self.dense.restored(contents, state["members"][1], own[1])])


def _checked_dense(name: str) -> str:
    if name not in _DENSE:
        raise ValueError(name)
    return name


class HybridModel(MatchModel):
    """BM25 with an encoder."""

    recipe = "hybrid-search"
    matcher_class = HybridMatcher


class Hybrid(MatchRecipe):
    """Two rankings as one. The encoder's share is chosen on validation queries, or training ones where it never saw them."""

    tasks = frozenset({SEARCH})
    name = "hybrid-search"
    title = Words("BM25 with a sentence encoder", "混合检索（BM25 + 句子编码器）")
    rank = 22
    paper = "Cormack, Clarke & Büttcher 2009 (reciprocal rank fusion)"
    needs: ClassVar[tuple[str, ...]] = ("torch",)
    extra = "nn"
    options = HybridOptions
    model = HybridModel
    space: ClassVar[dict[str, Axis]] = {"share": Range(0.2, 0.9), "constant": Range(5.0, 100.0, log=True)}

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        out: list[Options] = []
        for name in _DENSE:
            recipe = get_recipe(name)
            recipe.bases = self.bases
            if name == "pretrained-sentence" and recipe.refuses(schema, target, rows):
                continue
            own = recipe.variants(schema, target, rows)
            out += [HybridOptions(dense=name, inner=o.model_dump(mode="json")) for o in own[: 2 if len(own) > 2 else 1]]
        return out

    def _inner(self, options: HybridOptions) -> tuple[Any, Options]:
        recipe: Any = get_recipe(options.dense)
        recipe.bases = self.bases
        return recipe, type(recipe).options(**options.inner)

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, HybridOptions)
        recipe, inner = self._inner(options)
        cost: Estimate = recipe.estimate(train, inner, ctx)
        return Estimate(cost.seconds + 5e-4 * len(train), cost.memory + (16 << 20))

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        assert isinstance(options, HybridOptions)
        recipe, inner = self._inner(options)
        extent = dict(ctx.extent or {})
        share, constant = extent.pop("share", options.share), extent.pop("constant", options.constant)
        own = replace(ctx, extent=extent or None)
        dense: Any = recipe.fit(train, valid, inner, own)
        material = Material(train, ctx.target)
        matcher = HybridMatcher(
            dense.matcher, options.dense, 0.5 if share is None else share, constant or 60.0, options.k1, options.b
        )
        model = finished(HybridModel, matcher, material, ctx.target, dict(dense.extent), dense.history)
        assert isinstance(model, HybridModel)
        if share is None or constant is None:
            unseen = valid if valid is not None and len(valid) and dense.extent.get("epochs") else train
            self._choose(model, matcher, unseen.take(np.arange(min(len(unseen), _LOOK))), ctx, share, constant)
        model.extent |= {"share": matcher.share, "constant": matcher.constant}
        return model

    def _choose(
        self, model: HybridModel, matcher: HybridMatcher, table: Table, ctx: FitContext, share: float | None,
        constant: float | None,
    ) -> None:  # fmt: skip
        """Take the share and constant that rank best; of equal ones the share nearest to a half."""
        documents, searcher = model.with_documents_of(table)
        assert isinstance(searcher, FusedSearcher)
        queries = texts_of(table, model.columns[0])
        found = [m.search(queries, searcher.deep) for m in searcher.members]
        shares = _SHARES if share is None else (share,)
        values = {}
        for s in sorted(shares, key=lambda s: abs(s - 0.5)):
            for c in _CONSTANTS if constant is None else (constant,):
                scores = model.ranked(table, documents, fuse(found, searcher.deep, [1 - s, s], c))
                values[s, c] = ctx.value(table, scores)
        matcher.set(*max(values, key=lambda pair: values[pair]), model.searcher)


RECIPE = Hybrid
