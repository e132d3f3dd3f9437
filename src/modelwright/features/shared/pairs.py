"""Lexical features of pairs of texts: what they share in letters, pairs of letters, figures and length. Legend: N pairs."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import numpy as np

NAMES = ("letters", "pairs", "triples", "held", "length", "figures", "figures_differ", "prefix", "suffix")
_ALIKE = frozenset(
    ("1", "yes", "true", "y", "similar", "same", "duplicate", "paraphrase", "是", "相似", "相同", "同义")
)
_FIGURES = re.compile(r"\d+(?:\.\d+)?")


def alike_at(labels: Sequence[str]) -> int:
    """Return which of two labels says that a pair is alike: the one that is named so, else the later one."""
    named = [i for i, label in enumerate(labels) if label.strip().lower() in _ALIKE]
    return named[0] if len(named) == 1 else len(labels) - 1


def lexical(first: Sequence[str], second: Sequence[str]) -> np.ndarray:
    """Return the features [N, 9] float32, each in 0..1."""
    return np.array([_likeness(a, b) for a, b in zip(first, second, strict=True)], np.float32).reshape(-1, len(NAMES))


def _likeness(first: str, second: str) -> tuple[float, ...]:
    a, b = (re.sub(r"\s+", " ", unicodedata.normalize("NFKC", t).lower().strip()) for t in (first, second))
    figures_a, figures_b = set(_FIGURES.findall(a)), set(_FIGURES.findall(b))
    short = max(1, min(len(a), len(b)))
    return (
        _jaccard(set(a), set(b)),
        _jaccard(_grams(a, 2), _grams(b, 2)),
        _jaccard(_grams(a, 3), _grams(b, 3)),
        len(set(a) & set(b)) / max(1, min(len(set(a)), len(set(b)))),
        short / max(1, len(a), len(b)),
        float(bool(figures_a & figures_b)),
        float(figures_a != figures_b),
        _common(a, b) / short,
        _common(a[::-1], b[::-1]) / short,
    )


def _grams(text: str, n: int) -> set[str]:
    return {text[i : i + n] for i in range(len(text) - n + 1)}


def _jaccard(a: set[str], b: set[str]) -> float:
    return len(a & b) / max(1, len(a | b))


def _common(a: str, b: str) -> int:
    """Return how many characters both begin with."""
    at = 0
    for x, y in zip(a, b):
        if x != y:
            break
        at += 1
    return at
