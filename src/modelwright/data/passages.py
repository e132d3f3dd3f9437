"""Passages: pieces of documents of a length that can be cited, cut at headings, paragraphs and sentences.

A passage keeps where it comes from. Passages of one section overlap by a sentence, so that what stands at a cut is whole
in one of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from modelwright.data.documents import Document, Section

LONGEST = 600  # weighted characters of a passage: a Han character counts twice, it says about as much as two letters
OVERLAP = 120  # of the last passage that the next may repeat

# Western marks end a sentence before a blank; Chinese ones wherever they stand, with the quotes that close after them.
_END = re.compile(r"(?<=[。！？；…])[”’」』）\"]*|(?<=[.!?])[\"')\]]*(?=\s)|\n+")
_SHORT = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|Mr|Mrs|Ms|Dr|St|No|Fig|approx|Inc|Ltd|Co)|\b[A-Z]|^\s*\d+)\.$")


@dataclass(frozen=True)
class Passage:
    """A piece of a document, or the stored answer of an FAQ, whose `asked` are the questions that it answers.

    `start` counts characters from the beginning of its section (PDF: page).
    """

    document: str
    tenant: str
    heading: str
    text: str
    start: int = 0
    asked: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the passage as JSON values."""
        return {**asdict(self), "asked": list(self.asked)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Passage:
        """Read what `to_json` wrote. Raises KeyError or TypeError where it does not fit."""
        return cls(**{**data, "asked": tuple(data["asked"])})


def weight(text: str) -> int:
    """Return how long a text is, Han and Kana counted twice."""
    return len(text) + sum("\u3040" <= c <= "\u9fff" for c in text)


def sentences(text: str) -> list[tuple[int, int]]:
    """Return the sentences of a text as (start, end); ends of lines and Chinese marks end one too."""
    out: list[tuple[int, int]] = []
    start = 0
    for mark in _END.finditer(text):
        end = mark.end()
        if end <= start or (mark[0][:1] != "\n" and _SHORT.search(text, start, mark.start())):
            continue
        _add(out, text, start, end)
        start = end
    _add(out, text, start, len(text))
    return out


def _add(out: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    piece = text[start:end]
    inner = piece.strip()
    if any(c.isalnum() for c in inner):
        start += len(piece) - len(piece.lstrip())
        out.append((start, start + len(inner)))


def cut(document: Document, longest: int = LONGEST, overlap: int = OVERLAP) -> list[Passage]:
    """Return the passages of a document in order. Short sections under one heading stay whole."""
    return [p for section in document.sections for p in _section(document, section, longest, overlap)]


def _section(document: Document, section: Section, longest: int, overlap: int) -> list[Passage]:
    text, heading = section.text, " > ".join(section.headings)
    if weight(text) <= longest:
        return [Passage(document.name, document.tenant, heading, text)]
    pieces = [p for span in sentences(text) for p in _split(text, span, longest)]
    out, first = [], 0
    while first < len(pieces):
        last = first + 1
        while last < len(pieces) and weight(text[pieces[first][0] : pieces[last][1]]) <= longest:
            last += 1
        start, end = pieces[first][0], pieces[last - 1][1]
        out.append(Passage(document.name, document.tenant, heading, text[start:end], start))
        if last == len(pieces):
            break
        # go back over whole sentences, as long as they are short and something new still fits
        first = last
        while (
            pieces[first - 1][0] > start
            and weight(text[pieces[first - 1][0] : end]) <= overlap
            and weight(text[pieces[first - 1][0] : pieces[last][1]]) <= longest
        ):
            first -= 1
    return out


def _split(text: str, span: tuple[int, int], longest: int) -> list[tuple[int, int]]:
    """Cut a sentence that is longer than a passage, at a blank or comma where there is one."""
    start, end = span
    out = []
    while weight(text[start:end]) > longest:
        size, at = 0, start
        while size + 2 <= longest and at < end:
            size += weight(text[at])
            at += 1
        near = max(text.rfind(mark, start + (at - start) // 2, at) for mark in (" ", "，", "、", ","))
        at = near + 1 if near > start else at
        out.append((start, at))
        start = at
    return [*out, (start, end)] if start < end else out


def distinct(passages: Sequence[Passage]) -> list[Passage]:
    """Return passages with each text of a tenant once; the questions of equal ones are joined."""
    found: dict[tuple[str, str], Passage] = {}
    for p in passages:
        key = (p.tenant, p.text if not p.asked else f"\0{p.text}")
        if key in found:
            asked = tuple(dict.fromkeys((*found[key].asked, *p.asked)))
            found[key] = Passage(**{**asdict(found[key]), "asked": asked})
        else:
            found[key] = p
    return list(found.values())
