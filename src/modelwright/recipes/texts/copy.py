"""The answer that takes no learning: the source itself, its first sentences, or a filled-in template."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Estimate, FitContext, Model, Options
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.features.shared.slots import SlotCheck
from modelwright.features.shared.source import Source, SourceReader, says
from modelwright.recipes.texts._texts import StoredText, TextModel, TextRecipe, pairs, reading

_SENTENCE = re.compile(r"[^.!?。！？\n]*[.!?。！？\n]+[\"'”’」』）)]*|[^.!?。！？\n]+")
_TEMPLATES = 300
_OPEN, _CLOSE = "\ue100", "\ue101"  # around the name of a slot in a template


class CopyOptions(Options):
    """`copy` answers the source, `lead` its first sentences; rows of named values are answered by a template."""

    way: Literal["copy", "lead"] = "copy"


class CopyModel(TextModel):
    """`templates` are by the names of the slots, joined by line breaks."""

    recipe = "copy"

    def __init__(
        self, reader: SourceReader, check: SlotCheck | None, way: str, sentences: int, templates: Mapping[str, str]
    ) -> None:
        super().__init__(reader, check)
        self.way, self.sentences, self.templates = way, sentences, dict(templates)

    def answers(self, sources: Sequence[Source]) -> list[list[str]]:
        return [[self._answer_to(s)] for s in sources]

    def _answer_to(self, source: Source) -> str:
        if source.slots and self.templates:
            return self._filled(source)
        return lead(source.text, self.sentences) if self.way == "lead" else source.text

    def _filled(self, source: Source) -> str:
        names = {n for n, _ in source.slots}
        # the template of the slots most alike; among those as alike, the commonest
        best = max(
            self.templates, key=lambda k: len(names & set(k.split("\n"))) / max(1, len(names | set(k.split("\n"))))
        )
        values = dict(source.slots)
        found = re.sub(f"{_OPEN}(.*?){_CLOSE}", lambda m: values.get(m[1], ""), self.templates[best])
        return re.sub(r" {2,}", " ", found).strip()

    def state(self) -> dict[str, Any]:
        return {"way": self.way, "sentences": self.sentences, "templates": self.templates}

    @classmethod
    def restore(cls, stored: StoredText) -> CopyModel:
        state = stored.state
        return cls(stored.reader, stored.check, state["way"], int(state["sentences"]), state["templates"])


class Copy(TextRecipe):
    """The source as it is, its lead, or, for named values, the commonest answer of such rows with the values put in."""

    name = "copy"
    title = Words("the source itself, its lead, or a template", "原文、开头几句或模板")
    rank = 0
    paper = ""
    baseline = True
    seeded = False
    options = CopyOptions
    model = CopyModel

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        return [CopyOptions(way="lead" if getattr(target, "task", "") == "summarization" else "copy")]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        return Estimate(1e-4 * len(train), 64 << 20)

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        assert isinstance(options, CopyOptions)
        train, answers = pairs(train, ctx)
        reader, check, sources = reading(train, answers, ctx)
        templates = _templates(sources, answers) if reader.slotted else {}
        return CopyModel(reader, check, options.way, _sentences(sources, answers), templates)


def lead(text: str, count: int) -> str:
    """Return the first `count` sentences of a text."""
    return "".join(_SENTENCE.findall(text)[:count]).strip()


def _sentences(sources: Sequence[Source], answers: Sequence[str]) -> int:
    """Return how many sentences of the sources come nearest to the answers in length."""
    some = range(0, len(answers), max(1, len(answers) // 300))
    wanted = sum(len(answers[i]) for i in some)
    return min(range(1, 8), key=lambda k: abs(sum(len(lead(sources[i].text, k)) for i in some) - wanted))


def _templates(sources: Sequence[Source], answers: Sequence[str]) -> dict[str, str]:
    """Return by the names of slots the commonest answer whose values, as many as can be, are open."""
    found: dict[str, Counter[tuple[int, str]]] = {}
    for source, answer in zip(sources, answers, strict=True):
        names = sorted(n for n, v in source.slots if v)
        open_ = 0
        for name, value in sorted(source.slots, key=lambda s: -len(s[1])):
            if len(value) > 1 and says(answer, value):
                answer = re.sub(re.escape(value), f"{_OPEN}{name}{_CLOSE}", answer, flags=re.IGNORECASE)
                open_ += 1
        if names:
            found.setdefault("\n".join(names), Counter())[(open_, answer)] += 1
    common = sorted(found, key=lambda k: -found[k].total())[:_TEMPLATES]
    return {k: max(found[k].items(), key=lambda c: (c[0][0], c[1], c[0][1]))[0][1] for k in common}


RECIPE = Copy
