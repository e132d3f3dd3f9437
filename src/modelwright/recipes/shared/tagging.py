"""What the recipes that mark spans share: which column they read, how units are tagged, how tags become answers.

Legend: N rows, P pieces, S units, B pieces of a batch, T longest of them, K tags.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelwright.core.answers.base import TargetCodec, as_objects
from modelwright.core.errors import ModelwrightError
from modelwright.core.recipe import FitContext, Recipe
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.features.shared import lexicon as _lexicon
from modelwright.features.shared.pieces import Pieces, pieces
from modelwright.features.shared.spans import LEXICAL, SPELLING, TEMPLATES, Span, Tags, by_letters, tags_of
from modelwright.models.chain import Chain, expect, viterbi
from modelwright.recipes.shared.rows import known_rows

TASK = "token-classification"
LONGEST = 256  # units of a piece
MOST = 1_000_000  # linear features kept
_BATCH = 64  # pieces decoded together
_SOME = 2000  # texts looked at to tell whether they are Chinese
Emit = Callable[[np.ndarray, int], np.ndarray]  # pieces [B], T -> emissions [B, T, K]


def text_column(schema: Schema) -> str | None:
    """Return the column that is read: the first text among the inputs, else the first category."""
    for modality in ("text", "category", "id"):
        for column in schema.inputs:
            if column.modality == modality:
                return column.name
    return None


@dataclass(frozen=True)
class Reading:
    """How texts are read: the column, whether by characters, units of a piece, whether with the dictionary."""

    column: str
    letters: bool
    longest: int
    lexicon: bool

    def __post_init__(self) -> None:
        """Refuse a length in which no piece ends, as a damaged file may say. Raises ValueError."""
        if not isinstance(self.longest, int) or self.longest < 1:
            raise ValueError(f"pieces of {self.longest} units")

    @classmethod
    def fit(cls, table: Table, spans: Sequence[Sequence[Span]], longest: int = LONGEST) -> Reading:
        """Tell from training rows. Raises ModelwrightError where there is no text column."""
        name = text_column(table.schema)
        if name is None:
            raise ModelwrightError("there is no text column to mark spans in", "没有可标注片段的文本列")
        texts = [t or "" for t in table.column(name).to_pylist()]
        some = "".join(texts[:_SOME])
        han = sum("\u4e00" <= c <= "\u9fff" for c in some)
        chinese = han > 0.2 * max(1, len(some)) and _lexicon.installed()
        return cls(name, by_letters(texts, spans), longest, chinese)

    def pieces(self, table: Table) -> Pieces:
        """Return the pieces of a table's texts."""
        return pieces(table.column(self.column).to_pylist(), self.letters, self.longest)

    def dictionary(self) -> _lexicon.Lexicon | None:
        """Return the dictionary where it is used. Raises MissingExtra where it is not installed."""
        return _lexicon.Lexicon() if self.lexicon else None

    def state(self) -> dict[str, Any]:
        """Return JSON values from which `Reading(**state)` makes the same."""
        return dict(self.__dict__)


def templates(reading: Reading) -> tuple[Any, ...]:
    """Return the features that suit how texts are read."""
    return TEMPLATES + (() if reading.letters else SPELLING) + (LEXICAL if reading.lexicon else ())


class Known:
    """The features kept, as sorted hashes [D]; others fall on number D, whose weights stay zero."""

    def __init__(self, keys: np.ndarray) -> None:
        self.keys = keys

    @classmethod
    def fit(cls, hashes: np.ndarray, least: int) -> Known:
        """Keep of hashes [S, F] what occurs `least` times, of very many the most frequent."""
        keys, times = np.unique(hashes, return_counts=True)
        kept = times >= least
        if kept.sum() > MOST:
            kept &= times >= np.sort(times)[-MOST]
        return cls(keys[kept])

    def find(self, hashes: np.ndarray) -> np.ndarray:
        """Return numbers of features [S, F] int32."""
        if len(self.keys) == 0:
            return np.zeros(hashes.shape, np.int32)
        at = np.searchsorted(self.keys, hashes)
        at = np.minimum(at, len(self.keys) - 1)
        return np.where(self.keys[at] == hashes, at, len(self.keys)).astype(np.int32)


def marked_rows(table: Table, target: TargetCodec) -> tuple[Table, list[list[Span]]]:
    """Return the rows that were marked (with no spans, perhaps), and their spans."""
    table, truth = known_rows(table, target)
    return table, [list(t) for t in truth]


def batches_of(lengths: np.ndarray, batch: int) -> Iterator[np.ndarray]:
    """Yield piece numbers [B], those of like length together."""
    order = np.argsort(lengths, kind="stable")
    for start in range(0, len(order), batch):
        yield order[start : start + batch]


def padded(flat: np.ndarray, found: Pieces, index: np.ndarray, longest: int) -> np.ndarray:
    """Return units' values [S, ...] of pieces [B] as [B, T, ...], padded with 0."""
    starts, sizes = found.offsets[index], found.lengths[index]
    place = np.arange(longest)[None]
    out = flat[np.minimum(starts[:, None] + place, max(0, len(flat) - 1))]
    out[place >= sizes[:, None]] = 0
    return out


def answers(found: Pieces, rows: int, tags: Tags, chain: Chain, emit: Emit) -> np.ndarray:
    """Return the spans of every row as scores [N, 1]: the best sequence; how sure is the least sure of a span's tags."""
    out: list[list[dict[str, Any]]] = [[] for _ in range(rows)]
    lengths = found.lengths
    for index in batches_of(lengths, _BATCH):
        longest = int(lengths[index].max())
        emissions = emit(index, longest)
        best = viterbi(emissions, lengths[index], chain)
        sure = expect(emissions, lengths[index], chain).tags
        for i, piece in enumerate(index.tolist()):
            row, first = int(found.row[piece]), int(found.offsets[piece])
            for a, b, label in tags.spans(best[i, : lengths[piece]]):
                start, end = int(found.starts[first + a]), int(found.ends[first + b])
                chances = sure[i, np.arange(a, b + 1), best[i, a : b + 1]]
                out[row].append(
                    {
                        "start": start, "end": end, "label": label, "text": found.texts[row][start:end],
                        "confidence": round(float(np.clip(chances.min(), 0, 1)), 4),
                    }
                )  # fmt: skip
    return as_objects([sorted(spans, key=lambda s: s["start"]) for spans in out])[:, None]


def truth_of(found: Pieces, spans: Sequence[Sequence[Span]], tags: Tags) -> np.ndarray:
    """Return the tags of all units [S]."""
    return tags_of(found, spans, tags)


class TaggerRecipe(Recipe):
    """A recipe that marks spans."""

    tasks = frozenset({TASK})

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        if text_column(schema) is None:
            return Words("made for a text column, and there is none", "用于文本列，但没有这类列")
        if not target.labels and type(self).rank > 0:
            return Words("no span is marked in the training rows", "训练数据中没有任何标注片段")
        return None


def watched(scores: np.ndarray, valid: Table, ctx: FitContext) -> float:
    """Return the ranking metric of scores [N, 1] of validation rows, signed so that more is better."""
    value = ctx.value(valid, scores)
    return value if np.isfinite(value) else 0.0
