"""The nearest items of very many by the product of vectors, through FAISS: short codes are scanned, the best of them looked at exactly.

Product quantisation with four-bit codes (Jegou et al. 2011, doi 10.1109/TPAMI.2010.57; Andre et al. 2017, arXiv 1704.07355).

Legend: I items, D width of a vector, M candidates.
"""

from __future__ import annotations

import importlib.util
import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from modelwright.core.answers.ranked import Ranking
from modelwright.recipes.shared.recommend import best

if TYPE_CHECKING:
    from modelwright.recipes.shared.recommend import RankModel

FEWEST = 100_000  # items from which an index is made
_LEARNT = 40_000  # vectors that the codes are learnt from
_LOOKED = 40  # times K candidates are looked at exactly
_LEAST = 1500
log = logging.getLogger("modelwright")


class Index:
    """Codes of the items' vectors, and the vectors themselves [I, D]."""

    def __init__(self, model: RankModel, vectors: np.ndarray) -> None:
        import faiss

        self.model, self.vectors = model, np.ascontiguousarray(vectors, np.float32)
        width = self.vectors.shape[1]
        parts = max(1, width // 2)
        while width % parts:
            parts -= 1
        self._codes: Any = faiss.IndexPQFastScan(width, parts, 4, faiss.METRIC_INNER_PRODUCT)
        some = np.random.default_rng(0).permutation(len(self.vectors))[:_LEARNT]
        self._codes.train(self.vectors[some])
        self._codes.add(self.vectors)

    @classmethod
    def of(cls, model: RankModel) -> Index | None:
        """Return an index of a model's items, None where they are few, are no vectors, or FAISS is not installed."""
        vectors = model.item_vectors
        if vectors is None or len(vectors) < FEWEST:
            return None
        if importlib.util.find_spec("faiss") is None:
            log.warning(
                'There are %s items: answers are quicker with pip install "modelwright[retrieval]". 物品较多，安装该扩展后回答更快。',
                f"{len(vectors):,}",
            )
            return None
        return cls(model, vectors)

    def search(self, had: np.ndarray, length: int, out: np.ndarray) -> Ranking | None:
        """Return the best items for a history, at most `length`, without those that are `out` [I]; None where too few are left of
        what was found."""
        if not len(had):
            return None
        query = np.ascontiguousarray(self.model.query([had]), np.float32)
        many = min(len(self.vectors), max(_LEAST, _LOOKED * length))
        _, found = self._codes.search(query, many)
        places = found[0][found[0] >= 0]
        places = np.sort(places[~out[places]])  # of equal scores the more frequent item comes first
        if len(places) < min(length, len(out)) and len(places) < int((~out).sum()):
            return None
        near = best(self.vectors[places] @ query[0], length)
        return Ranking(places[near.items].astype(np.int32), near.scores)
