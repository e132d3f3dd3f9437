"""Summarization: a long text to a short one that says what matters."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from modelwright.core.recipe import own_recipes
from modelwright.core.words import Words
from modelwright.evaluate.metrics.texts import BLEU, CHRF, LENGTH, ROUGE_1, ROUGE_2, ROUGE_L
from modelwright.tasks._texts import TextTask


class Summarization(TextTask):
    """ROUGE-L ranks (F1 of the longest common subsequence; Han characters count one by one)."""

    name = "summarization"
    title = Words("summarization", "文本摘要")
    metrics = (ROUGE_L, ROUGE_1, ROUGE_2, BLEU, CHRF, LENGTH)

    @property
    def recipes(self) -> tuple[str, ...]:
        return own_recipes(self.name)

    def sample(self, rows: int, seed: int) -> tuple[pa.Table, str]:
        rng = np.random.default_rng(seed)
        things, states = ("parcel", "refund", "password", "invoice"), ("late", "missing", "wrong")
        small_talk = ("Thank you for your time.", "I hope you are well.", "Please call me back soon.")
        texts, short = [], []
        for _ in range(rows):
            a, b = rng.choice(things), rng.choice(states)
            texts.append(f"Hello. {rng.choice(small_talk)} My {a} is {b} again. {rng.choice(small_talk)}")
            short.append(f"{a} {b}")
        return pa.table({"message": texts, "summary": short}), "summary"


TASK = Summarization
