"""Marks what was marked in the training rows, wherever it is written again: the longest entry from the left."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec, as_objects
from modelwright.core.recipe import Axis, Choice, Estimate, FitContext, Model, Options
from modelwright.core.saved import Loading, read_state, write_state
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.features.shared.pieces import places
from modelwright.features.shared.spans import by_letters
from modelwright.recipes.shared.tagging import TaggerRecipe, marked_rows, text_column

_LONGEST = 40  # characters of an entry
_LEAST = 0.5  # share of an entry's occurrences that are marked


class GazetteerOptions(Options):
    """`seen` is how often an entry must have been marked. Entries stand in the bundle as they are written."""

    seen: int = Field(default=2, ge=1, le=1000)


class GazetteerModel(Model):
    """Entries with their label and how often, of the times they stood in the training rows, they were marked so."""

    recipe = "gazetteer"

    def __init__(self, column: str, letters: bool, entries: dict[str, tuple[str, float]]) -> None:
        self.column, self.letters, self.entries = column, letters, entries
        self.longest = max(map(len, entries), default=0)
        self.extent: dict[str, Any] = {}
        self.history: list[dict[str, float]] = []

    def scores(self, table: Table) -> np.ndarray:
        return as_objects([self._entries_in(t or "") for t in table.column(self.column).to_pylist()])[:, None]

    def _entries_in(self, text: str) -> list[dict[str, Any]]:
        out: list[dict[str, Any]] = []
        units = places(text, self.letters)
        ends = {b: i for i, (_, b) in enumerate(units)}
        at = 0
        while at < len(units):
            start = units[at][0]
            for end in range(min(len(text), start + self.longest), start, -1):
                found = self.entries.get(text[start:end]) if end in ends else None
                if found:
                    label, share = found
                    span = {"start": start, "end": end, "label": label, "text": text[start:end]}
                    out.append({**span, "confidence": round(share, 4)})
                    at = ends[end]
                    break
            at += 1
        return out

    def save(self, folder: Path) -> None:
        entries = [[text, label, share] for text, (label, share) in self.entries.items()]
        write_state(folder, {"column": self.column, "letters": self.letters, "entries": entries})

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> GazetteerModel:
        with Loading(folder):
            data = read_state(folder)
            entries = {str(t): (str(label), float(share)) for t, label, share in data["entries"]}
            return cls(data["column"], bool(data["letters"]), entries)


class Gazetteer(TaggerRecipe):
    """A list of the entries of the training rows, each with its most frequent label."""

    name = "gazetteer"
    title = Words("list of marked entries", "词表匹配（训练集中标注过的片段）")
    rank = 1
    paper = ""
    baseline = True
    seeded = False
    options = GazetteerOptions
    model = GazetteerModel
    space: ClassVar[dict[str, Axis]] = {"seen": Choice((1, 2, 3))}

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [GazetteerOptions(seen=2 if rows >= 200 else 1)]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        return Estimate(2e-4 * len(train), 32 << 20)

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> GazetteerModel:
        assert isinstance(options, GazetteerOptions)
        train, spans = marked_rows(train, ctx.target)
        column = text_column(train.schema)
        assert column is not None
        texts = [t or "" for t in train.column(column).to_pylist()]
        labels: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for text, marked in zip(texts, spans, strict=True):
            for s in marked:
                if s["end"] - s["start"] <= _LONGEST:
                    labels[text[s["start"] : s["end"]]][s["label"]] += 1
        letters = by_letters(texts, spans)
        known = {t: (c.most_common(1)[0][0], 1.0) for t, c in labels.items() if c.total() >= options.seen}
        # entries that stand unmarked more often than marked are words of their own
        seen: Counter[str] = Counter()
        for row in GazetteerModel(column, letters, known).scores(train)[:, 0]:
            seen.update(s["text"] for s in row)
        kept = {}
        for text, (label, _) in known.items():
            share = min(1.0, labels[text][label] / max(1, seen[text], labels[text].total()))
            if share >= _LEAST:
                kept[text] = (label, share)
        return GazetteerModel(column, letters, kept)


RECIPE = Gazetteer
