"""Rows of syllables as they come in Chinese, by the words of a dictionary and how often these are used: for language models of pinyin.

The dictionary is the one that comes with jieba (MIT licence), read as `features/shared/lexicon.py` does; pypinyin (MIT licence) says how its words are read.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

import numpy as np

_WORDS, _ROW = 60_000, 6  # words that are drawn, and of a row
_COMMON = 30_000  # words that are drawn from, the commonest


@cache
def dictionary_rows() -> list[list[str]]:
    """Return rows of syllables (`ni3`) of words drawn by their frequency; none where jieba is not installed."""
    from modelwright.features.shared.speech_units import syllables

    spec = importlib.util.find_spec("jieba")
    if spec is None or spec.origin is None:
        return []
    counts = {}
    for line in (Path(spec.origin).parent / "dict.txt").read_text(encoding="utf-8").splitlines():
        word, _, rest = line.partition(" ")
        if all("\u4e00" <= c <= "\u9fff" for c in word):
            counts[word] = int(rest.partition(" ")[0])
    words = sorted(counts, key=lambda w: (-counts[w], w))[:_COMMON]
    often = np.array([counts[w] for w in words], np.float64)
    drawn = np.random.default_rng(0).choice(len(words), _WORDS, p=often / often.sum())
    read = {int(i): syllables(words[i]) for i in np.unique(drawn)}
    return [[s for i in drawn[at : at + _ROW] for s in read[int(i)]] for at in range(0, len(drawn), _ROW)]
