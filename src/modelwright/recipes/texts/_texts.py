"""What the recipes that make texts share: reading rows, checking slots, choosing among answers, saving.

Legend: N rows.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from modelwright.core.answers.base import TargetCodec
from modelwright.core.errors import DataError
from modelwright.core.recipe import FitContext, Model, Recipe
from modelwright.core.saved import Loading, read_arrays, read_state, write_arrays, write_state
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.features.shared.slots import SlotCheck
from modelwright.features.shared.source import Source, SourceReader
from modelwright.recipes.shared.rows import known_rows

_LOOK = 300  # validation sources that are answered at each look
_LOSSES = 24  # batches whose loss is told

TASKS = frozenset({"translation", "summarization", "text2text-generation"})


@dataclass(frozen=True)
class StoredText:
    """What was read from the folder of a model: the parts of every one, and `state` and `arrays`, which are its own."""

    reader: SourceReader
    check: SlotCheck | None
    state: dict[str, Any]
    arrays: dict[str, np.ndarray]
    folder: Path


class TextModel(Model):
    """A model that answers sources with texts."""

    def __init__(self, reader: SourceReader, check: SlotCheck | None) -> None:
        self.reader, self.check = reader, check
        self.extent: dict[str, Any] = {}
        self.history: list[dict[str, float]] = []

    @abstractmethod
    def answers(self, sources: Sequence[Source]) -> list[list[str]]:
        """Return the answers to each source that are to be chosen from, the likeliest first; at least one."""

    def scores(self, table: Table) -> np.ndarray:
        """As Model.scores: {"text", "source"} and what the check of slots found; equal sources are answered once."""
        sources = self.reader.read(table)
        place: dict[str, int] = {}
        for s in sources:
            place.setdefault(s.text, len(place))
        different = list({s.text: s for s in reversed(sources)}.values())
        different.sort(key=lambda s: place[s.text])
        chosen = self._choose(different, self.answers(different)) if different else []
        out = np.empty((len(sources), 1), object)
        for i, s in enumerate(sources):
            out[i, 0] = chosen[place[s.text]]
        return out

    def _choose(self, sources: Sequence[Source], answers: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
        """Return the answer of each source: the likeliest of those with the fewest wrong slots."""
        if self.check is None:
            return [{"text": a[0], "source": s.text} for s, a in zip(sources, answers, strict=True)]
        owner = [i for i, several in enumerate(answers) for _ in several]
        texts = [t for several in answers for t in several]
        found = self.check.check([sources[i].slots for i in owner], texts)
        best: list[dict[str, Any] | None] = [None] * len(sources)
        fewest = [1 << 30] * len(sources)
        for i, text, told in zip(owner, texts, found, strict=True):
            wrong = len(told["missing"]) + len(told["added"])
            if wrong < fewest[i]:
                fewest[i], best[i] = wrong, {"text": text, "source": sources[i].text, **told}
        return [b for b in best if b is not None]

    def save(self, folder: Path) -> None:
        data = {"reader": self.reader.state(), "check": self.check.state() if self.check else None, **self.state()}
        write_state(folder, data)
        arrays = self.arrays() | (self.check.arrays() if self.check else {})
        if arrays:
            write_arrays(folder / "arrays.safetensors", arrays)

    def state(self) -> dict[str, Any]:
        """Return what else is saved, as JSON values."""
        return {}

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what else is saved, as arrays, each in a shape of its own."""
        return {}

    @classmethod
    @abstractmethod
    def restore(cls, stored: StoredText) -> Self:
        """Make the model of what was saved."""

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> Self:
        with Loading(folder):
            data = read_state(folder)
            place = folder / "arrays.safetensors"
            arrays = read_arrays(place) if place.is_file() else {}
            check = SlotCheck.restore(data["check"], arrays) if data["check"] is not None else None
            return cls.restore(StoredText(SourceReader.restore(data["reader"], {}), check, data, arrays, folder))


class TextRecipe(Recipe):
    """A recipe for tasks that make a text of each row."""

    tasks = TASKS
    needs: ClassVar[tuple[str, ...]] = ()
    extra = ""
    baseline = False

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        return None if schema.inputs else Words("there is no column to read", "没有可读取的列")


def pairs(table: Table, ctx: FitContext) -> tuple[Table, list[str]]:
    """Return the rows with an answer, and these; the first one where a cell gives several. Raises DataError for none."""
    table, truth = known_rows(table, ctx.target)
    answers = [t[0] for t in truth]
    if not answers:
        raise DataError("There is no row with an answer to learn from.", "没有可学习的带答案的数据行。")
    return table, answers


def reading(table: Table, answers: list[str], ctx: FitContext) -> tuple[SourceReader, SlotCheck | None, list[Source]]:
    """Return how rows are read and slots checked, and the sources [N]; found once for the same rows."""
    key = ("text-reading", len(table), table.rows.tobytes())
    if key not in ctx.cache:
        reader = SourceReader.fit(table, answers)
        sources = reader.read(table)
        check = SlotCheck.fit([s.slots for s in sources], answers) if reader.slotted else None
        ctx.cache[key] = (reader, check, sources)
    found: tuple[SourceReader, SlotCheck | None, list[Source]] = ctx.cache[key]
    return found


def watcher(
    model: Any,
    feed_of: Callable[[Sequence[tuple[str, str]]], Any],
    loss: Callable[[Any, Any], Any],
    valid: Table,
    ctx: FitContext,
) -> Callable[[Any], tuple[float, float]]:
    """Return what the loop looks at: the loss of answers as given, and the ranking metric of some made greedily.

    `model` has `search(sources, beams)` and its `network` is the one that is trained; `feed_of` makes a feed of pairs.
    """
    import torch

    valid, answers = pairs(valid, ctx)
    sources = model.reader.read(valid)
    feed = feed_of([model.reader.hide(s, a) for s, a in zip(sources, answers, strict=True)])
    batches = feed.epoch(np.random.default_rng(0))[:_LOSSES]
    names = list(dict.fromkeys(s.text for s in sources))
    asked = set(np.random.default_rng(0).permutation(names)[:_LOOK].tolist())
    # all rows of the sources that are answered: they are each other's references
    looked = valid.take(np.array([i for i, s in enumerate(sources) if s.text in asked]))

    def watch(network: Any) -> tuple[float, float]:
        total, count = 0.0, 0
        with torch.inference_mode():
            for batch in batches:
                inputs, expected = feed.load(batch, ctx.device)
                total += float(loss(network(inputs), expected)) * len(expected)
                count += len(expected)
        kept, model.options = model.options, model.options.model_copy(update={"beams": 1})
        try:
            signed = ctx.value(looked, model.scores(looked))
        finally:
            model.options = kept
        return total / count, signed if np.isfinite(signed) else -total / count

    return watch
