"""Documents to sections of plain text: Markdown, text, HTML, PDF, DOCX; files, or folders of them.

What a document holds is data to be quoted, never an instruction, a link to follow or a picture to fetch: invisible
characters are taken out (they can hide words from people that a model reads), links and pictures leave their words only.
"""

from __future__ import annotations

import html
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

from modelwright.core.errors import DataError, MissingExtra
from modelwright.data._text import find_encoding, open_bytes

SHARED = "shared"  # whose passages everybody may read
TENANTS = ("tenants", "租户")  # a folder of this name holds one folder for each tenant
_MOST_TEXT = 20_000_000  # characters of one document
_MOST_BYTES = 200 << 20
_MOST_PAGES = 5000
_RATIO = 200  # times that the parts of a DOCX may expand, above the first 64 MB

# zero-width and direction marks, soft hyphen, byte-order mark, tag characters, variation selectors, controls
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff9-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
    "|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"
)


@dataclass(frozen=True)
class Section:
    """A stretch of text under its headings, the outermost first; paragraphs are separated by an empty line."""

    headings: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Document:
    """A document by name (its path inside the folder), whose it is, and its sections in order."""

    name: str
    tenant: str
    sections: tuple[Section, ...]


def visible(text: str) -> str:
    """Return a text without the characters that nobody sees."""
    return _INVISIBLE.sub("", text)


def suffixes() -> frozenset[str]:
    """Return the endings of files that are read as documents."""
    return frozenset(_READERS)


def read_document(path: Path, name: str | None = None, tenant: str = SHARED) -> Document:
    """Read one file. Raises DataError for what cannot be read, MissingExtra where a library is absent."""
    if path.stat().st_size > _MOST_BYTES:
        raise DataError(
            f"{path} has more than {_MOST_BYTES >> 20} MB; split it.", f"{path} 超过 {_MOST_BYTES >> 20} MB，请拆分。"
        )
    found = _READERS[path.suffix.lower()](path)
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
            parts.append(Section(tuple(h for h in (_line(visible(h)) for h in headings) if h), text))
    return Document(name or path.name, tenant, tuple(parts))


def read_folder(folder: Path, more: Callable[[Path, str, str], None]) -> list[Document]:
    """Read every document below a folder, in the order of their names.

    Files below a folder called `tenants` (or 租户) belong to the tenant whose folder they lie in; all others to everybody.
    `more(path, name, tenant)` is called for every other file. Hidden files, and links that lead out, are passed over.
    """
    out = []
    root = folder.resolve()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        parts = path.relative_to(folder).parts
        if any(p.startswith((".", "~$")) for p in parts) or not path.resolve().is_relative_to(root):
            continue
        name, tenant = "/".join(parts), _tenant(parts)
        if path.suffix.lower() in _READERS:
            out.append(read_document(path, name, tenant))
        else:
            more(path, name, tenant)
    return out


def _tenant(parts: tuple[str, ...]) -> str:
    for word in TENANTS:
        if word in parts[:-2]:
            return parts[parts.index(word) + 1]
    return SHARED


def _tidy(text: str) -> str:
    text = re.sub(r"[ \t\u00a0\u3000]+", " ", text.replace("\r\n", "\n").replace("\r", "\n"))
    return re.sub(r"\n{3,}", "\n\n", re.sub(r" ?\n ?", "\n", text)).strip()


def _line(text: str) -> str:
    return " ".join(text.split())


# -- text and Markdown ----------------------------------------------------------------------------------------------

Parts = Iterator[tuple[tuple[str, ...], str]]
_FENCE = re.compile(r"^\s{0,3}(```|~~~)")
_HEADING = re.compile(r"^\s{0,3}(#{1,6})\s+(.*?)\s*#*\s*$")
_IMAGE = re.compile(r"!\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])")
_LINK = re.compile(r"\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])")
_REFERENCE = re.compile(r"^\s{0,3}\[[^\]]+\]:\s+\S+.*$", re.MULTILINE)


def _decoded(path: Path) -> str:
    with open_bytes(path) as f:
        data = f.read(_MOST_BYTES)
    encoding = find_encoding(data, path) if data else "utf-8"
    return data.decode(encoding, "replace")


def _text(path: Path) -> Parts:
    text = _decoded(path).replace("\r\n", "\n").replace("\r", "\n")
    lines = [line for line in text.split("\n") if line.strip()]
    # a text whose lines are broken at a width has long lines that end without a sentence's end
    broken = sum(len(x) > 50 and x.rstrip()[-1] not in _ENDS for x in lines) > 0.3 * len(lines)
    yield (), _flowing(text) if broken else text


_ENDS = '.!?。！？…:：;；"”’」』)）'
_ITEM = re.compile(r"\s*(?:[-*+•·]|\d+[.)、]|[(（]?[一二三四五六七八九十]+[)）、.]|\||>)")


def _flowing(text: str) -> str:
    """Join the lines of each paragraph; items of lists and rows of tables stay on lines of their own."""
    out: list[str] = []
    for line in text.split("\n"):
        held = out[-1] if out else ""
        if not line.strip() or not held.strip() or _ITEM.match(line) or held.lstrip().startswith("|"):
            out.append(line)
        else:
            han = "\u2e80" <= held.rstrip()[-1] <= "\uffef" and "\u2e80" <= line.lstrip()[0] <= "\uffef"
            out[-1] = held.rstrip() + ("" if han else " ") + line.strip()
    return "\n".join(out)


def _markdown(path: Path) -> Parts:
    """Cut at headings, those written with `#` and those underlined; front matter is left out."""
    text = re.sub(r"\A---\n.*?\n---\n", "", _decoded(path).replace("\r\n", "\n"), count=1, flags=re.DOTALL)
    headings: list[str] = []
    held: list[str] = []
    fenced = False
    lines = text.split("\n")
    for at, line in enumerate(lines):
        if _FENCE.match(line):
            fenced = not fenced
            continue
        found = None if fenced else _HEADING.match(line)
        level, title = (len(found[1]), found[2]) if found else (0, "")
        after = lines[at + 1].strip() if at + 1 < len(lines) else ""
        if not fenced and not found and line.strip() and re.fullmatch(r"=+|-{3,}", after) and held[-1:] in ([], [""]):
            level, title = (1 if after[0] == "=" else 2), line.strip()
        elif not fenced and not found and re.fullmatch(r"=+|-{3,}", line.strip()):
            continue
        if level:
            yield tuple(headings), _plain("\n".join(held))
            headings, held = [*headings[: level - 1], _plain(title)], []
        else:
            held.append(line)
    yield tuple(headings), _plain("\n".join(held))


def _plain(text: str) -> str:
    """Return Markdown without marks: of links and pictures only their words stay."""
    text = re.sub(r"^\s{0,3}>\s?", "", _REFERENCE.sub("", text), flags=re.MULTILINE)
    text = _LINK.sub(r"\1", _IMAGE.sub(r"\1", text))
    text = re.sub(r"<[a-zA-Z/!][^>]*>", " ", text)
    text = re.sub(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1", r"\2", text)
    text = re.sub(r"`([^`\n]+)`", r"\1", text)
    text = _flowing(text)
    return html.unescape(re.sub(r"^\s*\|?[\s:|-]+\|[\s:|-]*$", "", text, flags=re.MULTILINE))


# -- HTML -----------------------------------------------------------------------------------------------------------

_SILENT = frozenset(
    ("script", "style", "noscript", "template", "svg", "nav", "iframe", "object", "head", "select", "form")
)
_BLOCKS = frozenset(
    ("p", "div", "li", "ul", "ol", "tr", "table", "section", "article", "header", "footer", "br", "dt", "dd", "pre",
     "blockquote", "figcaption", "main", "hr")
)  # fmt: skip
_VOID = frozenset(
    ("br", "hr", "img", "input", "meta", "link", "source", "wbr", "area", "base", "col", "embed", "track")
)


class _Page(HTMLParser):
    """Gathers visible text under headings; elements hidden by attribute or style are passed over."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[tuple[tuple[str, ...], str]] = []
        self._headings: list[str] = []
        self._held: list[str] = []
        self._title: list[str] | None = None
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._silent:
            if tag == self._silent[0] and tag not in _VOID:
                self._silent.append(tag)
            return
        told = {k: (v or "") for k, v in attrs}
        style = told.get("style", "").replace(" ", "").lower()
        unseen = "display:none" in style or "visibility:hidden" in style or "font-size:0" in style
        hidden = "hidden" in told or told.get("aria-hidden") == "true" or unseen
        if (tag in _SILENT or hidden) and tag not in _VOID:
            self._silent = [tag]
        elif re.fullmatch(r"h[1-6]", tag):
            self._cut()
            self._headings = self._headings[: int(tag[1]) - 1]
            self._title = []
        elif tag in _BLOCKS:
            self._held.append("\n" if tag in ("br", "tr", "li", "dt", "dd") else "\n\n")
        elif tag in ("td", "th"):
            self._held.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if self._silent:
            if tag == self._silent[-1]:
                self._silent.pop()
        elif self._title is not None and re.fullmatch(r"h[1-6]", tag):
            self._headings = [*self._headings, "".join(self._title)]
            self._title = None
        elif tag in _BLOCKS:
            self._held.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            (self._held if self._title is None else self._title).append(re.sub(r"\s+", " ", data))

    def close(self) -> None:
        super().close()
        self._cut()

    def _cut(self) -> None:
        self.parts.append((tuple(self._headings), "".join(self._held)))
        self._held = []


def _html(path: Path) -> Parts:
    page = _Page()
    page.feed(_decoded(path))
    page.close()
    yield from page.parts


# -- PDF and DOCX ---------------------------------------------------------------------------------------------------


def _pdf(path: Path) -> Parts:
    """One section a page, headed by its number."""
    try:
        import pypdf
        from pypdf.errors import PyPdfError
    except ImportError as e:
        raise MissingExtra("documents", f"Reading {path}", f"读取 {path}") from e
    import logging

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        reader = pypdf.PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):
            raise DataError(f"{path} is locked by a password; unlock it first.", f"{path} 有密码保护，请先解除。")
        if len(reader.pages) > _MOST_PAGES:
            raise DataError(
                f"{path} has {len(reader.pages)} pages, at most {_MOST_PAGES} are read; split it.",
                f"{path} 共 {len(reader.pages)} 页，最多读取 {_MOST_PAGES} 页；请拆分。",
            )
        empty = True
        for number, page in enumerate(reader.pages, 1):
            text = page.extract_text() or ""
            empty = empty and not text.strip()
            yield (f"p. {number}",), _unbroken(text)
    except (PyPdfError, OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as e:
        raise DataError(
            f"{path} is not a complete PDF ({type(e).__name__}).", f"{path} 不是完整的 PDF（{type(e).__name__}）。"
        ) from e
    if empty:
        raise DataError(
            f"{path} holds no text, only pictures of it; run text recognition (OCR) over it first.",
            f"{path} 中没有文字，只有图片；请先做文字识别（OCR）。",
        )


def _unbroken(text: str) -> str:
    """Join lines that a page's width broke: words cut by a hyphen, and lines that end without a sentence's end."""
    text = re.sub(r"(?<=[a-z])-\n(?=[a-z])", "", text)
    text = re.sub(r"(?<=[\u3400-\u9fff，、；：])\n(?=[\u3400-\u9fff])", "", text)
    return re.sub(r"(?<=[\w,;)])\n(?=[a-z(\d])", " ", text)


def _docx(path: Path) -> Parts:
    """Cut at paragraphs in a heading's style; the rows of tables become lines."""
    try:
        import docx
        from docx.opc.exceptions import PackageNotFoundError
        from docx.table import Table
    except ImportError as e:
        raise MissingExtra("documents", f"Reading {path}", f"读取 {path}") from e
    try:
        with zipfile.ZipFile(path) as archive:
            # a member is never read past the size it declares, so the sum of those bounds what is unpacked
            if sum(m.file_size for m in archive.infolist()) > max(64 << 20, _RATIO * path.stat().st_size):
                raise DataError(
                    f"{path} expands more than {_RATIO} times, as a zip bomb does.",
                    f"{path} 解压超过 {_RATIO} 倍，疑似压缩炸弹。",
                )
        book = docx.Document(str(path))
        headings: list[str] = []
        held: list[str] = []
        for block in book.iter_inner_content():
            if isinstance(block, Table):
                held += [" | ".join(dict.fromkeys(c.text.strip() for c in row.cells)) for row in block.rows]
                continue
            style = (block.style.name if block.style is not None else "") or ""
            found = re.match(r"(?:heading|标题)\s*(\d)", style, re.IGNORECASE)
            if found or style == "Title":
                yield tuple(headings), "\n\n".join(held)
                level = int(found[1]) if found else 1
                headings, held = [*headings[: level - 1], block.text], []
            else:
                held.append(block.text)
        yield tuple(headings), "\n\n".join(held)
    except (zipfile.BadZipFile, PackageNotFoundError, KeyError, ValueError, OSError, AttributeError) as e:
        raise DataError(
            f"{path} is not a complete DOCX ({type(e).__name__}).", f"{path} 不是完整的 DOCX（{type(e).__name__}）。"
        ) from e


_READERS: dict[str, Callable[[Path], Parts]] = {
    ".md": _markdown, ".markdown": _markdown, ".txt": _text, ".html": _html, ".htm": _html, ".pdf": _pdf, ".docx": _docx,
}  # fmt: skip
