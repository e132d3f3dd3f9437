"""What can be asked for, and the pictures that it is learnt from. Legend: N rows, C channels, S side, D width, T words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modelwright.core.schema import Table

_TOKEN = re.compile("[\u3400-\u9fff]|[^\\W_\u3400-\u9fff]+")
_MOST_WORDS, _LONGEST = 4000, 24


@dataclass(frozen=True)
class Asked:
    """What can be asked for: nothing, one of `labels`, or words out of `words`. `column` names the input that says it."""

    column: str = ""
    labels: tuple[str, ...] = ()
    words: tuple[str, ...] = ()

    @classmethod
    def of(cls, table: Table) -> Asked:
        """Return what training rows ask for, from the first input that is a category or a text."""
        for column in table.schema.inputs:
            values = (
                table.column(column.name).drop_null().to_pylist() if column.modality in ("category", "text") else []
            )
            if column.modality == "category" and values:
                return cls(column.name, labels=tuple(sorted(set(values))))
            if column.modality == "text":
                counts = Counter(w for v in values for w in words_of(v))
                return cls(column.name, words=tuple(w for w, _ in counts.most_common(_MOST_WORDS)))
        return cls()

    def encode(self, values: Sequence[Any]) -> np.ndarray:
        """Return conditions int64, [N] for labels and [N, T] for words; 0 for none and what was never seen."""
        if self.words:
            place = {w: i + 1 for i, w in enumerate(self.words)}
            out = np.zeros((len(values), _LONGEST), np.int64)
            for i, value in enumerate(values):
                known = [place[w] for w in words_of(value) if w in place][:_LONGEST]
                out[i, : len(known)] = known
            return out
        place = {w: i + 1 for i, w in enumerate(self.labels)}
        return np.array([place.get(str(v), 0) if v is not None else 0 for v in values], np.int64)

    def network(self, width: int) -> Any:
        """Return what makes conditions into vectors [N, width]."""
        from modelwright.models.generate import flow

        return flow.Words(len(self.words), width) if self.words else flow.Labels(len(self.labels), width)

    def of_rows(self, table: Table) -> np.ndarray:
        """Return the conditions [N, ...] of a table's rows."""
        here = self.column and self.column in table.data.column_names
        return self.encode(table.column(self.column).to_pylist() if here else [None] * len(table))


def words_of(text: Any) -> list[str]:
    """Return words in lower case, and Han one by one."""
    return _TOKEN.findall(str(text).lower()) if text is not None else []


@dataclass(frozen=True)
class Pictures:
    """Training pictures uint8 [N, C, S, S] with their conditions, kept small; `rows` [N] are their places in the training table."""

    pixels: np.ndarray
    asked: np.ndarray
    told: Asked
    rows: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
