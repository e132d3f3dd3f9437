"""Tone sandhi of Mandarin: third tones before third tones, 不 and 一 (Chen 2000, Tone Sandhi, doi 10.1017/CBO9780511486364).

Legend: L syllables, each pinyin with a tone such as `ni3`.
"""

from __future__ import annotations

from collections.abc import Sequence

_AFTER_FIRST = frozenset("第十百千万零〇二三四五六七八九年月")


def sandhi(syllables: Sequence[str], signs: str, words: Sequence[int] = ()) -> list[str]:
    """Return the syllables [L] of `signs` (L characters) as they are said; `words` are the lengths of the words they make.

    In a run of third tones all but the last rise, words first: 展览馆 is 2-2-3, 小老虎 is 3-2-3 as 小 stands alone before a word.
    """
    out = list(syllables)
    tones = [s[-1] if s[-1:].isdigit() else "5" for s in out]
    sizes = list(words) if sum(words) == len(out) else [1] * len(out)
    for i, sign in enumerate(signs):
        after = tones[i + 1] if i + 1 < len(out) else ""
        if sign == "不" and tones[i] in "24":
            tones[i] = "2" if after == "4" else "4"
        elif sign == "一" and out[i].startswith("yi"):
            tones[i] = _tone_of_one(signs, i, after)
    at = 0
    for size in sizes:  # inside words
        for i in range(at, at + size - 1):
            if tones[i] == "3" and tones[i + 1] == "3":
                tones[i] = "2"
        at += size
    at = 0
    for n, size in enumerate(sizes[:-1]):  # between them: a word of one syllable before a longer one keeps its tone
        at += size
        if tones[at - 1] == "3" and tones[at] == "3" and not (size == 1 and sizes[n + 1] > 1 and at > 1):
            tones[at - 1] = "2"
    return [s.rstrip("0123456789") + t for s, t in zip(out, tones, strict=True)]


def _tone_of_one(signs: str, i: int, after: str) -> str:
    """Return the tone of 一: 1 in counting and ordinals and at the end, 2 before a fourth tone, 4 before others, 5 between two alike."""
    before, then = signs[i - 1] if i else "", signs[i + 1] if i + 1 < len(signs) else ""
    if before and before == then:
        return "5"
    if not then or before in _AFTER_FIRST or then in "二三四五六七八九零点月日号十" or before == "一" or then == "一":
        return "1"
    return "2" if after == "4" else "4"
