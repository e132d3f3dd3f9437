"""Documents to sections of plain text: Markdown, text, HTML, PDF, DOCX; files, or folders of them.

What a document holds is data to be quoted, never an instruction, a link to follow or a picture to fetch: invisible
characters are taken out (they can hide words from people that a model reads), links and pictures leave their words only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from modelwright.core.errors import DataError
from modelwright.core.words import Words
from modelwright.data._docx import docx_parts
from modelwright.data._markup import flowing, html_parts, markdown_parts
from modelwright.data._pdf import pdf_parts
from modelwright.data.encodings import find_encoding
from modelwright.data.folders import files_below
from modelwright.data.text import open_bytes

SHARED = "shared"  # whose passages everybody may read
TENANTS = ("tenants", "租户")  # a folder of this name holds one folder for each tenant
_MOST_TEXT = 20_000_000  # characters of one document
_MOST_BYTES = 200 << 20

# zero-width and direction marks, soft hyphen, byte-order mark, tag characters, variation selectors, controls
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff9-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
    "|[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]"
)


@dataclass(frozen=True)
class Section:
    """A stretch of text under its headings, the outermost first; paragraphs are separated by an empty line."""

    headings: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Document:
    """A document by name (its path inside the folder), whose it is, and its sections in order.

    `unread` says what of it holds no text that could be read.
    """

    name: str
    tenant: str
    sections: tuple[Section, ...]
    unread: tuple[Words, ...] = ()


def visible(text: str) -> str:
    """Return a text without the characters that nobody sees."""
    return _INVISIBLE.sub("", text)


def suffixes() -> frozenset[str]:
    """Return the endings of files that are read as documents."""
    return frozenset(_READERS) | frozenset(_TEXTS)


def read_document(path: Path, name: str | None = None, tenant: str = SHARED, encoding: str | None = None) -> Document:
    """Read one file; `encoding` is that of plain text, Markdown and HTML, detected if not given. Raises DataError for what cannot be read, MissingExtra where a library is absent."""
    if path.stat().st_size > _MOST_BYTES:
        raise DataError(
            f"{path} has more than {_MOST_BYTES >> 20} MB; split it.", f"{path} 超过 {_MOST_BYTES >> 20} MB，请拆分。"
        )
    unread: list[Words] = []
    kind = path.suffix.lower()
    found = (
        _READERS[kind](path, unread) if kind in _READERS else _TEXTS[kind](_decoded(path, encoding), path.name, unread)
    )
    parts, size = [], 0
    for headings, text in found:
        text = _tidy(visible(text))
        size += len(text)
        if size > _MOST_TEXT:
            raise DataError(
                f"{path} holds more than {_MOST_TEXT:,} characters; split it.",
                f"{path} 超过 {_MOST_TEXT:,} 个字符，请拆分。",
            )
        if text:
            parts.append(Section(tuple(h for h in (_in_one_line(visible(h)) for h in headings) if h), text))
    return Document(name or path.name, tenant, tuple(parts), tuple(unread))


def read_folder(folder: Path, more: Callable[[Path, str, str], None], encoding: str | None = None) -> list[Document]:
    """Read every document below a folder, in the order of their names.

    Files below a folder called `tenants` (or 租户) belong to the tenant whose folder they lie in; all others to everybody.
    `more(path, name, tenant)` is called for every other file. Hidden files, and links that lead out, are passed over.
    """
    out = []
    root = folder.resolve()
    for path in files_below(folder):
        parts = path.relative_to(folder).parts
        if not path.resolve().is_relative_to(root):
            continue
        name, tenant = "/".join(parts), _tenant(parts)
        if path.suffix.lower() in suffixes():
            out.append(read_document(path, name, tenant, encoding))
        else:
            more(path, name, tenant)
    return out


def _tenant(parts: tuple[str, ...]) -> str:
    for word in TENANTS:
        if word in parts[:-2]:
            return parts[parts.index(word) + 1]
    return SHARED


_BREAKS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")  # Word ends lines by \x0b, pages of text end by \x0c


def _tidy(text: str) -> str:
    text = re.sub(r"[ \t\u00a0\u3000]+", " ", _BREAKS.sub("\n", text))
    return re.sub(r"\n{3,}", "\n\n", re.sub(r" ?\n ?", "\n", text)).strip()


def _in_one_line(text: str) -> str:
    return " ".join(text.split())


Parts = Iterator[tuple[tuple[str, ...], str]]


def _decoded(path: Path, asked: str | None) -> str:
    with open_bytes(path) as f:
        data = f.read(_MOST_BYTES)
    encoding = find_encoding(data, path, asked) if data else "utf-8"
    return data.decode(encoding, "replace")


def _text(text: str, name: str, unread: list[Words]) -> Parts:
    text = _BREAKS.sub("\n", text)
    lines = [line for line in text.split("\n") if line.strip()]
    # a text whose lines are broken at a width has long lines that end without a sentence's end
    broken = sum(len(x) > 50 and x.rstrip()[-1] not in _ENDS for x in lines) > 0.3 * len(lines)
    yield (), flowing(text) if broken else text


_ENDS = '.!?。！？…:：;；"”’」』)）'


def _markdown(text: str, name: str, unread: list[Words]) -> Parts:
    yield from markdown_parts(text)


_TEXTS: dict[str, Callable[[str, str, list[Words]], Parts]] = {
    ".md": _markdown, ".markdown": _markdown, ".txt": _text, ".html": html_parts, ".htm": html_parts,
}  # fmt: skip
_READERS: dict[str, Callable[[Path, list[Words]], Parts]] = {".pdf": pdf_parts, ".docx": docx_parts}
