"""What the column-and-head tasks share: any mix of columns in, one head out."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelwright.core.recipe import get_recipe, may_be_for
from modelwright.core.schema import MODALITIES

# Every modality with a codec can be an input; identifiers and label lists have none.
INPUTS = frozenset(m for m in MODALITIES if m not in ("id", "labels", "boxes"))


def column_recipes(ordered: bool = False) -> tuple[str, ...]:
    """Return the names of all recipes that work on columns, cheapest first; those for ordered labels, where
    asked for, before all but the constant."""
    made = {n: r for n in may_be_for(None) if (r := get_recipe(n)).tasks is None}
    special = {n for n, r in made.items() if getattr(r, "ordered", False)}
    names = [n for n in made if ordered or n not in special]
    return tuple(sorted(names, key=lambda n: (made[n].rank > 0, n not in special, made[n].rank)))


def sample_columns(rows: int, seed: int) -> tuple[np.random.Generator, dict[str, list[Any]], np.ndarray]:
    """Return a generator, four synthetic columns (number, category, boolean, bilingual text) and a hidden state.

    The hidden state [N] in 0..2 shows in every column, so that any recipe that reads any of them can learn.
    """
    rng = np.random.default_rng(seed)
    state = rng.integers(0, 3, rows)
    words = (
        ("refund please money back", "the payment failed twice", "我要退款 钱还没到账"),
        ("where is my parcel", "delivery is late again", "快递还没有送到"),
        ("how do I reset the password", "the app crashes on start", "登录不上 密码忘了"),
    )
    filler = ("hello", "thanks", "today", "你好", "谢谢", "urgent")
    columns: dict[str, list[Any]] = {
        "amount": [float(v) for v in np.round(state * 10 + rng.normal(0, 2, rows), 2)],
        "channel": [("mail", "phone", "chat")[s if rng.random() < 0.9 else rng.integers(3)] for s in state],
        "member": [bool(s == 1) if rng.random() < 0.9 else bool(rng.integers(2)) for s in state],
        "message": [f"{rng.choice(filler)} {words[s][rng.integers(3)]} {rng.choice(filler)}" for s in state],
    }
    return rng, columns, state
