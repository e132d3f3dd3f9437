"""Metrics of transcripts: word, character and sentence errors, and of which kind they are.

Both sides are written by the run's rules (`features/shared/transcript_rules.py`) before they are compared. Where a script has no spaces,
its signs count as words. Legend: N rows, S statistics, W words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from modelwright.core.judged import Judged, Metric
from modelwright.core.words import Words
from modelwright.features.shared.edit_distance import ADD, DROP, SWAP, distance, edits
from modelwright.features.shared.transcript_rules import Rules, words_of


def rules_of(judged: Judged) -> Rules:
    """Return the rules of the run's transcripts."""
    found: Rules = getattr(judged.target, "rules", None) or Rules()
    return found


def sides(judged: Judged) -> list[tuple[str, str]]:
    """Return for each row what was said and what was heard, both by the rules."""
    rules = rules_of(judged)
    return [(str(t), rules.apply(s["text"])) for t, s in zip(judged.truth, judged.scores[:, 0], strict=True)]


def parts(judged: Judged) -> np.ndarray:
    """Return for each row [N, 8]: swaps, drops, adds, words; edited signs, signs; whether anything is wrong, 1."""
    out = np.zeros((len(judged.rows), 8))
    known: dict[tuple[str, str], list[float]] = {}
    for i, pair in enumerate(sides(judged)):
        if pair not in known:
            known[pair] = _of_pair(*pair)
        out[i] = known[pair]
    return out


def _of_pair(truth: str, said: str) -> list[float]:
    words, heard = words_of(truth), words_of(said)
    kinds = [0, len(words), 0, 0] if truth == said else np.bincount([e[0] for e in edits(words, heard)], minlength=4)
    plain = truth.replace(" ", ""), said.replace(" ", "")
    swaps, drops, adds = (0, 0, 0) if truth == said else (int(kinds[k]) for k in (SWAP, DROP, ADD))
    return [swaps, drops, adds, len(words), distance(*plain), len(plain[0]), float(words != heard), 1.0]


def _rate(of: Sequence[int], among: int) -> Callable[[np.ndarray], float]:
    """Return the sum of some statistics over another. Where no word was said at all, any word that was heard is a full error."""

    def rate(total: np.ndarray) -> float:
        errors = float(total[list(of)].sum())
        if total[among]:
            return errors / float(total[among])
        return float("nan") if total[7] == 0 else float(errors > 0)

    return rate


WER = Metric("wer", Words("word error rate", "词错误率"), False, _rate((0, 1, 2), 3), parts=parts)
CER = Metric("cer", Words("character error rate", "字错误率"), False, _rate((4,), 5), parts=parts)
SER = Metric("ser", Words("sentence error rate", "句错误率"), False, _rate((6,), 7), parts=parts)
SWAPS = Metric("substitutions", Words("words taken for others", "替换错误"), False, _rate((0,), 3), parts=parts)
DROPS = Metric("deletions", Words("words left out", "删除错误"), False, _rate((1,), 3), parts=parts)
ADDS = Metric("insertions", Words("words added", "插入错误"), False, _rate((2,), 3), parts=parts)
METRICS = (WER, CER, SER, SWAPS, DROPS, ADDS)
