"""Right answers that people tell: what is wrong with one, in words.

What an answer type takes is its own affair (`TargetCodec.told`); this file holds what the types share.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

from modelwright.core.words import Words

# How a person writes an answer: one label, several, a number, a text, spans of a text, documents from the best on, marks by criterion, boxes.
Form = Literal["label", "labels", "number", "text", "spans", "documents", "marks", "boxes"]
LONGEST_LABEL = 200  # characters
LONGEST_TEXT = 100_000
MOST = 1000  # labels, spans or documents of one answer
_SHOWN = 12


class Unfit(Exception):
    """A right answer that does not fit the answer type. `code` is `kind` or `label`; the value itself is quoted nowhere."""

    def __init__(self, code: str, words: Words) -> None:
        super().__init__(words.en)
        self.code, self.words = code, words


def expected(en: str, zh: str) -> Unfit:
    """Return what to raise for an answer of the wrong kind."""
    return Unfit("kind", Words(f"Expected {en} as the answer.", f"答案应为{zh}。"))


def unknown_label(labels: Sequence[str]) -> Unfit:
    """Return what to raise for a label that was not learnt."""
    shown = ", ".join(f"`{label}`" for label in labels[:_SHOWN]) + (" ..." if len(labels) > _SHOWN else "")
    return Unfit(
        "label",
        Words(
            f"That label is not known. Known: {shown}. If it is a new one, add `new: true`.",
            f"该标签不存在。可用：{shown}。若确为新标签，请加 `new: true`。",
        ),
    )


def is_label(value: Any) -> bool:
    """Whether a JSON value can be a label: a short text that is not blank, a whole number, a finite number, true, false."""
    if isinstance(value, str):
        return bool(value.strip()) and len(value) <= LONGEST_LABEL and is_text(value)
    return isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value))


def is_text(value: Any) -> bool:
    """Whether a JSON value is a text that can be kept: no lone surrogates, not endless."""
    return isinstance(value, str) and len(value) <= LONGEST_TEXT and not any(0xD800 <= ord(c) < 0xE000 for c in value)
