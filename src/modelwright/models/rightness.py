"""Whether an answer from documents is right: found, cited, or refused where nothing answers the question.

What is right for a question is told by passages (`passages`, for made questions), by the answer's text (`answer`), or by
where it stands (`source`); none of them where nothing should be found.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping
from typing import Any

_ALIKE = 0.6  # F1 of words from which two answers are the same
_HELD = 0.8  # share of an answer's words that a passage must hold


def answerable(truth: Mapping[str, Any]) -> bool:
    """Return whether a question has an answer in the documents."""
    return bool(truth.get("passages") or truth.get("answer") or truth.get("source"))


def rank(truth: Mapping[str, Any], score: Mapping[str, Any]) -> int | None:
    """Return the rank from 1 of the first passage that answers a question; None where none does."""
    return next((i for i, hit in enumerate(score["hits"], 1) if _right(truth, hit)), None)


def _right(truth: Mapping[str, Any], hit: Mapping[str, Any]) -> bool:
    if "passages" in truth:
        return hit["id"] in truth["passages"]
    if truth.get("answer"):
        return same(str(truth["answer"]), str(hit["text"]))
    return _source(truth, hit)


def _source(truth: Mapping[str, Any], hit: Mapping[str, Any]) -> bool:
    wanted = plain(str(truth.get("source") or ""))
    return bool(wanted) and wanted in (
        plain(hit["document"]),
        plain(hit["heading"]),
        plain(f"{hit['document']}{hit['heading']}"),
    )


def plain(text: str) -> str:
    """Return a text as it is compared: half width, lower case, letters and digits only."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).lower() if c.isalnum())


def same(answer: str, text: str) -> bool:
    """Return whether a text gives an answer: holds it, is it in other words, or holds nearly all of its words."""
    a, b = plain(answer), plain(text)
    if a and (a in b or (len(b) >= 20 and b in a)):
        return True
    said, told = Counter(_pieces(answer)), Counter(_pieces(text))
    common = (said & told).total()
    if not common:
        return False
    f1 = 2 * common / (said.total() + told.total())
    return f1 >= _ALIKE or (said.total() >= 4 and common / said.total() >= _HELD)


def _pieces(text: str) -> list[str]:
    """Return words, and Han characters one by one."""
    out, word = [], ""
    for c in unicodedata.normalize("NFKC", text).lower() + " ":
        if c.isalnum() and not "\u3040" <= c <= "\u9fff":
            word += c
            continue
        if word:
            out.append(word)
        word = ""
        if c.isalnum():
            out.append(c)
    return out


def cited_rightly(truth: Mapping[str, Any], score: Mapping[str, Any]) -> bool:
    """Return whether any citation of an answer is of what answers the question."""
    check = _source if truth.get("source") and "passages" not in truth else _right
    cited = {c["passage"] for c in score["citations"]}
    return any(check(truth, hit) for hit in score["hits"] if hit["id"] in cited)


def handled(truth: Mapping[str, Any], score: Mapping[str, Any]) -> bool:
    """Return whether a question was handled rightly: refused where nothing answers it, else answered from what does."""
    if not answerable(truth):
        return bool(score["refused"])
    return not score["refused"] and cited_rightly(truth, score)
