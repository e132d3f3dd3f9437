"""A pretrained sentence encoder over single texts: passages, their titles, questions. Legend: N texts, D width."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from modelwright.core.recipe import FitContext
from modelwright.core.schema import Column, Schema, Table
from modelwright.data.passages import Passage
from modelwright.features.base import load_codecs, save_codecs
from modelwright.recipes.shared.embeddings import Embedder, Embeddings
from modelwright.recipes.shared.pretrained import origins

_LENGTH = 256  # tokens of a passage that are read at most


def _table(texts: Sequence[str]) -> Table:
    return Table.of(pa.table({"text": pa.array(list(texts), pa.string())}), Schema((Column("text", "text"),)))


class TextEncoder:
    """Texts to vectors of unit length [N, D]; saved whole, so that a bundle needs no other folder."""

    def __init__(self, embeddings: Embeddings) -> None:
        self.embeddings = embeddings

    @classmethod
    def of(cls, passages: Sequence[Passage], name: str, ctx: FitContext) -> TextEncoder:
        """Load the encoder of that name; how much it reads of a text is fitted to the passages."""
        return cls(_embedder(passages, name, ctx).embeddings)

    @property
    def origins(self) -> list[dict[str, str]]:
        """Where the encoder comes from."""
        return origins(self.embeddings.codecs)

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        if not texts:
            return np.zeros((0, sum(e.width for e in self.embeddings.encoders)), np.float32)
        return self.embeddings.of(_table(texts))

    def save(self, folder: Path) -> None:
        """Write codec and weights."""
        folder.mkdir(parents=True, exist_ok=True)
        save_codecs(folder, self.embeddings.codecs)
        self.embeddings.save(folder)

    @classmethod
    def load(cls, folder: Path) -> TextEncoder:
        """Read what `save` wrote."""
        return cls(Embeddings.load(load_codecs(folder), folder))


def _embedder(passages: Sequence[Passage], name: str, ctx: FitContext) -> Embedder:
    return Embedder.of(_table([p.text for p in passages]), {"text": {"pretrained": name, "length": _LENGTH}}, ctx)


def vectors_of(
    encoder: TextEncoder, passages: Sequence[Passage], name: str, ctx: FitContext
) -> tuple[np.ndarray, np.ndarray]:
    """Return the vectors of passages' texts [N, D] and of their titles, in the order that `Knowledge` has them.

    What was embedded before in this run is not embedded again. Raises ModelwrightError where the deadline passes.
    """
    texts = [p.text for p in passages]
    titles = [t for p in passages for t in (p.asked or ((p.heading,) if p.heading else ()))]
    made = _embedder(passages, name, ctx).embed(_table([*texts, *titles]), ctx)
    return made[: len(texts)], made[len(texts) :]
