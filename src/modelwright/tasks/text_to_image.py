"""Pictures of words, learnt from pictures with captions."""

from __future__ import annotations

from modelwright.core.schema import Column, Schema
from modelwright.core.words import Words
from modelwright.tasks._generation import Generation, need_text


class TextToImage(Generation):
    """Words that were never seen in training say nothing to it."""

    name = "text-to-image"
    title = Words("text to image", "文生图")
    condition = "text"

    def _asks(self, column: Column) -> bool:
        return column.modality in ("text", "category")

    def _found(self, known: list[Column], schema: Schema) -> None:
        need_text(known, schema)


TASK = TextToImage
