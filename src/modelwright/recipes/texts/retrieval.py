"""The answer of the training row whose source is most alike: a translation memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from modelwright.core.recipe import Estimate, FitContext, Model, NoOptions, Options
from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.features.shared.slots import SlotCheck
from modelwright.features.shared.source import Source, SourceReader
from modelwright.recipes.texts._texts import StoredText, TextModel, TextRecipe, pairs, reading

_WIDTH = 1 << 18
_MOST = 100_000  # rows that are kept
_BLOCK = 256
_NEAR = 8
_COMMON, _MANY = 0.1, 500  # n-grams in more than a tenth of many rows tell little and cost most of the time
_LONGEST = 2000  # characters of a source that are looked at


class RetrievalModel(TextModel):
    """TF-IDF of character n-grams of the sources, in CSR, and their answers: a bundle of it holds training answers."""

    recipe = "retrieval"

    def __init__(
        self, reader: SourceReader, check: SlotCheck | None, texts: Sequence[str], rarity: np.ndarray, rows: Any
    ) -> None:
        super().__init__(reader, check)
        self.texts, self.rarity, self.rows = list(texts), rarity, rows

    def answers(self, sources: Sequence[Source]) -> list[list[str]]:
        out: list[list[str]] = []
        for i in range(0, len(sources), _BLOCK):
            some = sources[i : i + _BLOCK]
            asked = _weighed([self.reader.hide(s)[0] for s in some], self.rarity)
            alike = np.asarray((asked @ self.rows.T).toarray())
            count = min(_NEAR if self.check else 1, alike.shape[1])  # the check of slots chooses among several
            near = np.argsort(-alike, axis=1, kind="stable")[:, :count]
            out += [[self.reader.show(self.texts[j], s) for j in row] for row, s in zip(near, some, strict=True)]
        return out

    def state(self) -> dict[str, Any]:
        return {"texts": self.texts}

    def arrays(self) -> dict[str, np.ndarray]:
        return {"rarity": self.rarity, "data": self.rows.data, "indices": self.rows.indices, "indptr": self.rows.indptr}

    @classmethod
    def restore(cls, stored: StoredText) -> RetrievalModel:
        from scipy.sparse import csr_matrix

        texts, arrays = stored.state["texts"], stored.arrays
        held = (arrays["data"], arrays["indices"], arrays["indptr"])
        rows = csr_matrix(held, shape=(len(texts), _WIDTH))
        rows.check_format(full_check=True)
        return cls(stored.reader, stored.check, texts, arrays["rarity"], rows)


class Retrieval(TextRecipe):
    """The nearest training source by TF-IDF of character n-grams, its answer taken as it is."""

    name = "retrieval"
    title = Words("answer of the most alike training row", "最相似训练样本的答案")
    rank = 5
    paper = ""
    baseline = True
    seeded = False
    options = NoOptions
    model = RetrievalModel

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        return Estimate(3e-4 * min(len(train), _MOST), (64 << 20) + 4000 * min(len(train), _MOST))

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        train, answers = pairs(train, ctx)
        reader, check, sources = reading(train, answers, ctx)
        keep = np.sort(np.random.default_rng(ctx.seed).permutation(len(answers))[:_MOST])
        hidden = [reader.hide(sources[i], answers[i]) for i in keep]
        counts = _counts([s for s, _ in hidden])
        held = np.bincount(counts.indices, minlength=_WIDTH)
        rarity = (np.log((1 + len(keep)) / (1 + held)) + 1).astype(np.float32)
        if len(keep) >= _MANY:
            rarity[held > _COMMON * len(keep)] = 0
        return RetrievalModel(reader, check, [a for _, a in hidden], rarity, _scaled(counts, rarity))


def _counts(texts: Sequence[str]) -> Any:
    from sklearn.feature_extraction.text import HashingVectorizer

    made = HashingVectorizer(
        analyzer="char", ngram_range=(1, 4), n_features=_WIDTH, alternate_sign=False, norm=None, dtype=np.float32
    )
    return made.transform([t[:_LONGEST] for t in texts])


def _weighed(texts: Sequence[str], rarity: np.ndarray) -> Any:
    return _scaled(_counts(texts), rarity)


def _scaled(counts: Any, rarity: np.ndarray) -> Any:
    from sklearn.preprocessing import normalize

    counts = counts.copy()
    counts.data = (1 + np.log(counts.data)) * rarity[counts.indices]
    counts.eliminate_zeros()
    return normalize(counts, copy=False)


RECIPE = Retrieval
