"""Text to text, and data to text: any text, or named values, to the text that is wanted."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from modelwright.core.recipe import own_recipes
from modelwright.core.words import Words
from modelwright.evaluate.metrics.texts import BLEU, CHRF, EXACT, LENGTH, ROUGE_L, SLOTS
from modelwright.tasks._texts import TextTask


class Text2Text(TextTask):
    """BLEU ranks; where texts are made from named values, the slot error says how often one is missing or added."""

    name = "text2text-generation"
    title = Words("text to text", "文本生成")
    metrics = (BLEU, CHRF, ROUGE_L, SLOTS, EXACT, LENGTH)

    @property
    def recipes(self) -> tuple[str, ...]:
        return own_recipes(self.name)

    def sample(self, rows: int, seed: int) -> tuple[pa.Table, str]:
        rng = np.random.default_rng(seed)
        names = [f"{a}{b}" for a in ("Ka", "Lo", "Mi", "Su") for b in ("ra", "den", "vo", "tix")]
        out: dict[str, list[object]] = {"name": [], "kind": [], "price": [], "copy": []}
        for _ in range(rows):
            name, kind, price = (
                str(rng.choice(names)),
                str(rng.choice(("lamp", "chair", "desk"))),
                int(rng.integers(10, 99)),
            )
            out["name"].append(name)
            out["kind"].append(kind)
            out["price"].append(price)
            out["copy"].append(f"The {name} is a fine {kind} for only {price} euros.")
        return pa.table(out), "copy"


TASK = Text2Text
