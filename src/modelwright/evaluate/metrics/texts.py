"""Metrics of texts that are made: BLEU, chrF, ROUGE, TER, exact match, length, slots; rows of one source are its references.

A score is {"text", "source"} and, where texts are made from named values, how many "slots" there are, which are "missing"
and which "added". The statistics of rows with the same source stand in the first of them and count it once, with all
references. Legend: N rows, S statistics.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from modelwright.core.errors import MissingExtra
from modelwright.core.judged import Judged, Metric
from modelwright.core.words import Words

_TOKEN = re.compile(
    "[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\\W_\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+|[^\\w\\s]"
)
_ORDER = 6  # of character n-grams
_BETA = 2.0  # how many times recall weighs in chrF

Pair = tuple[str, list[str]]


def grouped(judged: Judged) -> list[tuple[int, dict[str, Any], list[str]]]:
    """Return, for each source, the place of its first row, its score, and all its references."""
    out: dict[Any, tuple[int, dict[str, Any], list[str]]] = {}
    for i, (score, truth) in enumerate(zip(judged.scores[:, 0], judged.truth, strict=True)):
        key = i if score.get("source") is None else score["source"]
        found = out.setdefault(key, (i, score, []))
        found[2].extend(t for t in truth if t not in found[2])
    return list(out.values())


def _row_statistics(
    width: int, one: Callable[[str, list[str], str], Sequence[float]]
) -> Callable[[Judged], np.ndarray]:
    """Return the statistics [N, width] of rows from those of one source: `one(answer, references, tokeniser)`."""

    def parts(judged: Judged) -> np.ndarray:
        out = np.zeros((len(judged.rows), width))
        groups = grouped(judged)
        cut = str(getattr(judged.target, "cut", "13a"))
        for i, score, references in groups:
            out[i] = one(score["text"], references, cut)
        return out

    return parts


# -- BLEU, TER: by sacrebleu -------------------------------------------------------------------------------------------


def need_sacrebleu() -> Any:
    """Return the library. Raises MissingExtra."""
    try:
        import sacrebleu
    except ImportError as e:
        raise MissingExtra("language", "Judging texts that are made", "评估生成的文本") from e
    return sacrebleu


@cache
def _bleu(cut: str) -> Any:
    return need_sacrebleu().metrics.BLEU(tokenize=cut, effective_order=True)


def _bleu_of(text: str, references: list[str], cut: str) -> list[float]:
    found = _bleu(cut).sentence_score(text, references)
    return [*found.counts, *found.totals, found.sys_len, found.ref_len]


def bleu(s: np.ndarray) -> float:
    """Return corpus BLEU in 0..1 (Papineni et al. 2002) of matches [4], n-grams [4], length, references' length."""
    counts, totals = [int(v) for v in s[:4]], [int(v) for v in s[4:8]]
    return float(_bleu("13a").compute_bleu(counts, totals, int(s[8]), int(s[9]), smooth_method="exp").score) / 100


@cache
def _ter() -> Any:
    return need_sacrebleu().metrics.TER(normalized=True, asian_support=True)


def _ter_of(text: str, references: list[str], cut: str) -> list[float]:
    found = _ter().sentence_score(text, references)
    return [found.num_edits, found.ref_length]


# -- the others --------------------------------------------------------------------------------------------------------


def _ngrams(text: str) -> list[Counter[str]]:
    text = "".join(text.split())
    return [Counter(text[i : i + n] for i in range(len(text) - n + 1)) for n in range(1, _ORDER + 1)]


def _chrf_of(text: str, references: list[str], cut: str) -> list[float]:
    """Return, for the reference that serves the answer best, its n-grams, the answer's, and the matches, by order."""
    said = _ngrams(text)
    best: list[float] = []
    top = -1.0
    for reference in references:
        told = _ngrams(reference)
        rows = [(sum(t.values()), sum(s.values()), sum((s & t).values())) for s, t in zip(said, told, strict=True)]
        # as in sacrebleu: n-grams of an answer count only where the reference has any of that order
        flat = [float(v) for t, s, m in rows for v in (t, s if t else 0, m)]
        value = chrf(np.array(flat))
        if value > top:
            top, best = value, flat
    return best


def chrf(s: np.ndarray) -> float:
    """Return chrF2 in 0..1 (Popovic 2015) of character n-grams up to 6, of counts [18]: for each order the references', the answers', the matches."""
    told, said, hits = s.reshape(_ORDER, 3).T
    known = (told > 0) & (said > 0)
    if not known.any():
        return 0.0
    precision = float(np.mean(hits[known] / said[known]))
    recall = float(np.mean(hits[known] / told[known]))
    below = _BETA**2 * precision + recall
    return (1 + _BETA**2) * precision * recall / below if below else 0.0


def tokens(text: str) -> list[str]:
    """Return lower-cased words, marks, and Han or Kana one by one."""
    return _TOKEN.findall(text.lower())


def _f1(hits: float, said: float, told: float) -> float:
    return 2 * hits / (said + told) if said + told else 1.0


def _rouge_n(n: int) -> Callable[[str, list[str], str], list[float]]:
    def one(text: str, references: list[str], cut: str) -> list[float]:
        said = _runs(tokens(text), n)
        each = [
            (told := _runs(tokens(r), n)) and _f1((said & told).total(), said.total(), told.total()) for r in references
        ]
        return [max((float(v or 0.0) for v in each), default=0.0), 1.0]

    return one


def _runs(words: list[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def _rouge_l(text: str, references: list[str], cut: str) -> list[float]:
    said = tokens(text)
    each = [(_common(said, told), len(said), len(told)) for told in map(tokens, references)]
    return [max((_f1(*e) for e in each), default=0.0), 1.0]


def _common(a: list[str], b: list[str]) -> int:
    """Return the length of the longest common subsequence, by bits (Hyyro 2004): each word of `b` moves a whole row."""
    places: dict[str, int] = {}
    for i, word in enumerate(a):
        places[word] = places.get(word, 0) | 1 << i
    row = 0
    for word in b:
        met = row | places.get(word, 0)
        row = met & ~(met - ((row << 1) | 1))
    return row.bit_count()


def _exact(text: str, references: list[str], cut: str) -> list[float]:
    return [float(text.strip() in [r.strip() for r in references]), 1.0]


def _length(text: str, references: list[str], cut: str) -> list[float]:
    said = len(tokens(text))
    return [said, min((len(tokens(r)) for r in references), key=lambda n: (abs(n - said), n), default=0)]


def _slot_parts(judged: Judged) -> np.ndarray:
    out = np.zeros((len(judged.rows), 2))
    for i, score, _ in grouped(judged):
        if score.get("slots"):
            out[i] = len(score["missing"]) + len(score["added"]), score["slots"]
    return out


def ratio(s: np.ndarray) -> float:
    """Return the first of two sums [2] over the second; NaN where that is zero."""
    return float(s[0] / s[1]) if s[1] else float("nan")


BLEU = Metric("bleu", Words("BLEU", "BLEU"), True, bleu, parts=_row_statistics(10, _bleu_of))
CHRF = Metric("chrf", Words("chrF", "chrF"), True, chrf, parts=_row_statistics(3 * _ORDER, _chrf_of))
TER = Metric(
    "ter", Words("translation edit rate", "翻译编辑率"), False, ratio, high=np.inf, parts=_row_statistics(2, _ter_of)
)
ROUGE_1 = Metric("rouge_1", Words("ROUGE-1", "ROUGE-1"), True, ratio, parts=_row_statistics(2, _rouge_n(1)))
ROUGE_2 = Metric("rouge_2", Words("ROUGE-2", "ROUGE-2"), True, ratio, parts=_row_statistics(2, _rouge_n(2)))
ROUGE_L = Metric("rouge_l", Words("ROUGE-L", "ROUGE-L"), True, ratio, parts=_row_statistics(2, _rouge_l))
EXACT = Metric("exact_match", Words("exact match", "完全匹配率"), True, ratio, parts=_row_statistics(2, _exact))
LENGTH = Metric(
    "length_ratio",
    Words("length, answers to references", "长度比（回答/参考）"),
    True,
    ratio,
    high=np.inf,
    ideal=1.0,
    parts=_row_statistics(2, _length),
)
SLOTS = Metric("slot_error", Words("slot error", "槽位错误率"), False, ratio, high=np.inf, parts=_slot_parts)
TEXTS = (BLEU, CHRF, TER, ROUGE_1, ROUGE_2, ROUGE_L, EXACT, LENGTH, SLOTS)
