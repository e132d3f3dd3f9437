"""Words that come with marked spans, compared with what stands at their offsets: tools count those in several ways."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

from modelwright.core.errors import DataError
from modelwright.core.words import Words

Span = dict[str, Any]


def check_words(
    raw: pa.Table, column: str, words: Sequence[Sequence[str | None]], spans: Sequence[list[Span] | None], source: str
) -> None:
    """Check the words that come with spans against what stands there in the row's texts. Raises DataError naming the first that differ.

    Where they match nowhere, whichever way offsets are counted, they are something else, such as an entity's usual name.
    """
    texts = [
        raw.column(n).to_pylist() for n in raw.column_names if n != column and pa.types.is_string(raw.column(n).type)
    ]
    counts: Counter[str] = Counter()
    wrong: dict[str, tuple[int, Span, str, str]] = {}
    for i, (told, found) in enumerate(zip(words, spans, strict=True)):
        here = [t[i] for t in texts if t[i]]
        for span, said in zip(found or (), told if found else (), strict=True):
            if said is None or not here:
                continue
            way = next(
                (
                    name
                    for name, cut in _WAYS.items()
                    if any(_same_words(cut(t, span), said, name == _SAID) for t in here)
                ),
                "",
            )
            counts[way] += 1
            wrong.setdefault(way, (i + 1, span, said, max(here, key=len)[span["start"] : span["end"]]))
    wrong.pop(_SAID, None)
    if not wrong or counts[""] == counts.total():
        return
    if "" in wrong and 2 * counts[""] > counts.total():
        return
    way, (row, span, said, stands) = min(wrong.items(), key=lambda item: item[1][0])
    hint = _HINTS.get(way, Words("", ""))
    place = f"{span['start']}..{span['end']}"
    raise DataError(
        f"{source}, row {row}, column `{column}`: the span {place} (`{span['label']}`) came with `{said[:40]}`, but `{stands[:40]}` stands there. "
        f"Offsets count characters, and `end` is the first one after the span{hint.en}.",
        f"{source} 第 {row} 行，列 `{column}`：片段 {place}（`{span['label']}`）附带的文字是 `{said[:40]}`，但该处是 `{stands[:40]}`。"
        f"位置按字符计，end 为片段之后的第一个字符{hint.zh}。",
    )


def _same_words(text: str, words: str, loose: bool) -> bool:
    """Return whether words are those of a text; `loose`: whatever their blanks, width and case."""
    if loose:
        text, words = ("".join(unicodedata.normalize("NFKC", t).casefold().split()) for t in (text, words))
    return text == words


def _cut(text: str, start: int, end: int) -> str:
    """Return what stands between two places; nothing where they lie outside."""
    return text[start:end] if start >= 0 and end <= len(text) else ""


def _by_utf16(text: str, span: Span) -> str:
    units = text.encode("utf-16-le", "surrogatepass")
    return units[2 * span["start"] : 2 * span["end"]].decode("utf-16-le", "replace")


def _by_bytes(text: str, span: Span) -> str:
    return text.encode("utf-8", "surrogatepass")[span["start"] : span["end"]].decode("utf-8", "replace")


_SAID = "characters"
_WAYS: dict[str, Callable[[str, Span], str]] = {
    _SAID: lambda text, span: _cut(text, span["start"], span["end"]),
    "utf-16": _by_utf16,
    "bytes": _by_bytes,
    "inclusive": lambda text, span: _cut(text, span["start"], span["end"] + 1),
    "exclusive": lambda text, span: _cut(text, span["start"], span["end"] - 1),
    "from one": lambda text, span: _cut(text, span["start"] - 1, span["end"]),
}
_HINTS = {
    "inclusive": Words("; these ends are the last character: add 1", "；这里的 end 是最后一个字符：请加 1"),
    "exclusive": Words(
        '; in types such as `{"name": {"Ann": [[0, 2]]}}` the last one: subtract 1 from these ends',
        '；而 `{"name": {"Ann": [[0, 2]]}}` 形式中 end 为最后一个字符：请将这里的 end 减 1',
    ),
    "from one": Words("; these starts count from 1: subtract 1", "；这里的 start 从 1 起计：请减 1"),
    "utf-16": Words(
        "; these count units of UTF-16, as JavaScript and Java do: an emoji is two of them",
        "；这里按 UTF-16 单元计数（JavaScript 与 Java 的做法），一个表情符号算两个",
    ),
    "bytes": Words("; these count bytes of UTF-8", "；这里按 UTF-8 字节计数"),
}
