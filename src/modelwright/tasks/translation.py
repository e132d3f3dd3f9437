"""Translation: a text in one language to the same in another, learnt from pairs."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from modelwright.core.recipe import own_recipes
from modelwright.core.words import Words
from modelwright.evaluate.metrics.texts import BLEU, CHRF, EXACT, LENGTH, ROUGE_L, TER
from modelwright.tasks._texts import TextTask

_WORDS = {
    "the": "", "cat": "猫", "dog": "狗", "bird": "鸟", "sees": "看见", "likes": "喜欢", "red": "红", "small": "小", "old": "老",
}  # fmt: skip


class Translation(TextTask):
    """BLEU ranks (corpus, cased; cut by characters where the answers are Chinese)."""

    name = "translation"
    title = Words("translation", "机器翻译")
    metrics = (BLEU, CHRF, TER, ROUGE_L, EXACT, LENGTH)

    @property
    def recipes(self) -> tuple[str, ...]:
        return own_recipes(self.name)

    def sample(self, rows: int, seed: int) -> tuple[pa.Table, str]:
        rng = np.random.default_rng(seed)
        nouns, verbs, kinds = ("cat", "dog", "bird"), ("sees", "likes"), ("red", "small", "old")
        english = []
        for _ in range(rows):
            a, b = rng.choice(nouns, 2)
            english.append(f"the {rng.choice(kinds)} {a} {rng.choice(verbs)} the {rng.choice(kinds)} {b}")
        chinese = ["".join(_WORDS[w] for w in e.split()) + "。" for e in english]
        return pa.table({"en": english, "zh": chinese}), "zh"


TASK = Translation
