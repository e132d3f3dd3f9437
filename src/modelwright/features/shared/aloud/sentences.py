"""Texts cut into sentences, so that however long a text is, one sentence at a time is spoken."""

from __future__ import annotations

import re
from collections.abc import Iterator

LONGEST = 240  # letters of a sentence, some 15 s; longer ones are cut where it hurts least
_SYLLABLE = 3  # letters that a Chinese character takes as long as
_HAN = re.compile(r"[\u3400-\u9fff]")
_END = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s|$)|[。！？；…]+[”’」』）]*|\n+|;(?=\s)")
_SHORT = re.compile(
    r"(?:^|[\s(])(?:mr|mrs|ms|dr|prof|st|jr|sr|vs|etc|approx|dept|inc|ltd|fig|vol|no|gen|col|capt|lt|rev|sgt|e\.g|i\.e|[a-z])\.$", re.I
)  # fmt: skip
_CUTS = (re.compile(r"[,:，、：—–]\s*"), re.compile(r"\s+"))
ENDS = {"?": "?", "？": "?", "!": "!", "！": "!"}


def sentences(text: str) -> Iterator[tuple[str, str]]:
    """Yield each sentence without its mark, and the mark it ends with: `.`, `?`, `!`, or nothing where the text just stops."""
    start = 0
    for m in _END.finditer(text):
        said = text[start : m.end()].rstrip()
        if m[0][0] == "." and _SHORT.search(said) and m.end() < len(text):
            continue
        yield from _cut(text[start : m.start()], next((ENDS[c] for c in m[0] if c in ENDS), "."))
        start = m.end()
    yield from _cut(text[start:], "")


def letters(text: str) -> int:
    """Return how long a text is to speak, in letters of an alphabet."""
    return len(text) + (_SYLLABLE - 1) * len(_HAN.findall(text))


def _cut(text: str, mark: str) -> Iterator[tuple[str, str]]:
    text = text.strip()
    while letters(text) > LONGEST:
        most = min(len(text), LONGEST)
        while letters(text[:most]) > LONGEST:
            most -= max(1, (letters(text[:most]) - LONGEST) // _SYLLABLE)
        at = next((c for cut in _CUTS if (c := _last(cut, text, most)) is not None), most)
        yield text[:at].strip(" ,，"), ","
        text = text[at:].strip()
    if text:
        yield text, mark


def _last(cut: re.Pattern[str], text: str, most: int) -> int | None:
    found = [m.end() for m in cut.finditer(text[:most]) if m.end() > most // 4]
    return found[-1] if found else None
