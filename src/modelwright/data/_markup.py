"""Markdown and HTML to sections of plain text, as a reader sees them.

What is struck through no longer holds and is left out. Foot-notes follow the paragraph that calls them, cells of tables
are kept apart by bars, code keeps every sign of it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

from modelwright.core.words import Words
from modelwright.data._outline import Outline, lowered, raised

Parts = Iterator[tuple[tuple[str, ...], str]]
_FENCE = re.compile(r"^\s{0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r"^\s{0,3}(#{1,6})\s+(.*?)(?:\s+#+)?\s*$")  # the last letter of `C#` is no mark
_TARGET = r"(?:\((?:[^()]|\([^()]*\))*\)|\[[^\]]*\])"  # an address may hold a pair of brackets
_IMAGE = re.compile(rf"!\[([^\]]*)\]{_TARGET}")
_LINK = re.compile(rf"\[([^\]]*)\]{_TARGET}")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_REFERENCE = re.compile(  # an address and perhaps a title, nothing else: `[Note]: some words` is read
    r"""^[ ]{0,3}\[[^\]^][^\]\n]*\]:[ \t]*\n?[ \t]*(?:<[^<>\n]*>|[^\s<]\S*)(?:\s+(?:"[^"\n]*"|'[^'\n]*'|\([^()\n]*\)))?[ \t]*$""",
    re.MULTILINE,
)
_NOTE = re.compile(r"^\s{0,3}\[\^([^\]\s]+)\]:[ \t]*(.*)$")
_CALL = re.compile(r"\[\^([^\]\s]+)\]")
_CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_STRUCK = re.compile(
    r"<(del|s|strike)(?:\s[^<>]*)?>(?:(?!<\1[\s>]|</?(?:script|style|table|body|h[1-6])\b).)*?</\1>",
    re.DOTALL | re.IGNORECASE,
)
_STRUCK_MARKS = re.compile(r"(?<!~)~~(?=[^\s~])(?:(?!\n[ \t]*\n|~~).)+(?<=[^\s~])~~(?!~)", re.DOTALL)
_SMALL = re.compile(r"<(sup|sub)(?:\s[^<>]*)?>([^<>]*)</\1>", re.IGNORECASE)
_UNSEEN = re.compile(r"display:none|visibility:(?:hidden|collapse)|(?:^|;)font-size:0(?:\.0*)?(?:[a-z]+|%)?(?:!|;|$)")
_KEPT = re.compile("\ue000(\\d+)\ue001")  # private characters: what stands between is put back at the end
_ITEM = re.compile(r"\s*(?:[-*+•·]|\d+[.)、]|[(（]?[一二三四五六七八九十]+[)）、.]|\||>|\ue000)")


def flowing(text: str) -> str:
    """Join the lines of each paragraph; items of lists and rows of tables stay on lines of their own."""
    out: list[str] = []
    for line in text.split("\n"):
        held = out[-1] if out else ""
        if not line.strip() or not held.strip() or _ITEM.match(line) or held.lstrip().startswith(("|", "\ue000")):
            out.append(line)
        else:
            han = "\u2e80" <= held.rstrip()[-1] <= "\uffef" and "\u2e80" <= line.lstrip()[0] <= "\uffef"
            out[-1] = held.rstrip() + ("" if han else " ") + line.strip()
    return "\n".join(out)


# -- Markdown --------------------------------------------------------------------------------------------------------


def markdown_parts(text: str) -> Parts:
    """Cut at headings, those written with `#` and those underlined; front matter is left out."""
    text = text.replace("\r\n", "\n").replace("\ue000", "").replace("\ue001", "")
    text = re.sub(r"\A---\n.*?\n---\n", "", text, count=1, flags=re.DOTALL)
    lines, notes = _without_notes(text.split("\n"))
    outline = Outline()
    held: list[str] = []
    fence = ""
    for at, line in enumerate(lines):
        mark = _FENCE.match(line)
        if mark and (not fence or (mark[1].startswith(fence) and not line.strip().strip(fence[0]))):
            fence = "" if fence else mark[1]
            held.append("")
            continue
        if fence:
            held.append(f"\ue000{line}\ue001")  # code: told apart until its signs are safe
            continue
        found = _HEADING.match(line)
        level, title = (len(found[1]), found[2]) if found else (0, "")
        after = lines[at + 1].strip() if at + 1 < len(lines) else ""
        if not found and line.strip() and re.fullmatch(r"=+|-{3,}", after) and held[-1:] in ([], [""]):
            level, title = (1 if after[0] == "=" else 2), line.strip()
        elif not found and re.fullmatch(r"=+|-{3,}", line.strip()):
            continue
        if level:
            yield outline.titles, _without_marks("\n".join(held), notes)
            outline.begin(level, _without_marks(title, {}))
            held = []
        else:
            held.append(line)
    last = _without_marks("\n".join(held), notes)
    left = "\n\n".join(f"[{name}] {note}" for name, note in notes.items())  # called by nothing
    yield outline.titles, f"{last}\n\n{_without_marks(left, {})}" if left else last


def _without_notes(lines: list[str]) -> tuple[list[str], dict[str, str]]:
    """Return the lines without the definitions of foot-notes, and those by name."""
    out: list[str] = []
    notes: dict[str, str] = {}
    name, fence = "", ""
    for line in lines:
        mark = _FENCE.match(line)
        if mark and not name:
            fence = "" if fence and mark[1].startswith(fence) else fence or mark[1]
        found = None if fence else _NOTE.match(line)
        if found:
            name = found[1]
            notes[name] = found[2].strip()
        elif name and re.match(r"(?: {2,}|\t)\S", line):
            notes[name] = f"{notes[name]} {line.strip()}"
        else:
            name = name if name and not line.strip() else ""
            out.append(line)
    return out, notes


def _without_marks(text: str, notes: dict[str, str]) -> str:
    """Return Markdown without marks: of links and pictures only their words stay, of code every sign.

    Notes that are called follow their paragraph, and are taken out of `notes`.
    """
    kept: list[str] = []

    def keep(code: str) -> str:
        kept.append(code)
        return f"\ue000{len(kept) - 1}\ue001"

    text = re.sub("\ue000(.*)\ue001", lambda m: keep(m[1]), text)
    text = _CODE.sub(lambda m: keep(m[2].strip() or m[2]), text)
    text = _ESCAPED.sub(lambda m: keep(m[1]), text)
    text = re.sub(r"^\s{0,3}>\s?", "", _REFERENCE.sub("", text), flags=re.MULTILINE)
    text = "\n\n".join(_with_notes(p, notes) for p in re.split(r"\n[ \t]*\n", text))
    text = _LINK.sub(r"\1", _IMAGE.sub(r"\1", text))
    text = re.sub(r"<((?:https?://|mailto:)[^>\s]+)>", r"\1", text)
    text = re.sub(r"<!--.*?-->", " ", text, flags=re.DOTALL)
    text = _STRUCK_MARKS.sub("", _STRUCK.sub("", text))
    text = _SMALL.sub(lambda m: (raised if m[1].lower() == "sup" else lowered)(m[2]), text)
    text = re.sub(r"</?[a-zA-Z][^<>]*>", " ", text)
    text = re.sub(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1", r"\2", text)
    text = flowing(text)
    text = html.unescape(re.sub(r"^\s*\|?[\s:|-]+\|[\s:|-]*$", "", text, flags=re.MULTILINE))
    return _KEPT.sub(lambda m: kept[int(m[1])], text)


def _with_notes(paragraph: str, notes: dict[str, str]) -> str:
    called = [n for n in dict.fromkeys(_CALL.findall(paragraph)) if n in notes]
    more = "".join(f"\n\n[{n}] {notes.pop(n)}" for n in called)
    return _CALL.sub(r"[\1]", paragraph) + more


# -- HTML ------------------------------------------------------------------------------------------------------------

_SILENT = frozenset(("script", "style", "noscript", "template", "nav", "object", "head", "select"))
_FOREIGN = {
    "svg": Words("drawing", "个矢量图"), "iframe": Words("embedded page", "个嵌入页面"),
    "canvas": Words("canvas", "个画布"), "video": Words("video", "段视频"), "audio": Words("recording", "段录音"),
}  # fmt: skip
_BLOCKS = frozenset(
    ("p", "div", "li", "ul", "ol", "tr", "table", "section", "article", "header", "footer", "br", "dt", "dd", "pre",
     "blockquote", "figcaption", "main", "hr", "form", "fieldset", "legend", "caption", "details", "summary", "address")
)  # fmt: skip
_ENDS_PARAGRAPH = _BLOCKS - {"br", "li", "tr", "dt", "dd", "legend", "caption", "summary"} | {
    f"h{i}" for i in range(1, 7)
}
_APART = frozenset(("label", "textarea", "button", "input", "output"))  # stand beside text with a gap
_VOID = frozenset(
    ("br", "hr", "img", "input", "meta", "link", "source", "wbr", "area", "base", "col", "embed", "track")
)
_LONG = 200  # characters of a cell that is repeated in the rows that it spans
_MOST_SPAN = 1000


@dataclass
class _Table:
    """Where a table stands: the column of the next cell, and cells of rows above that go on, by column."""

    column: int = 0
    spans: dict[int, tuple[int, str]] = field(default_factory=dict)
    cell: tuple[int, int, int, int] | None = None  # of the open one: where its text begins, its column, and its spans


class _Page(HTMLParser):
    """Gathers visible text under headings; elements hidden by attribute or style are passed over."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[tuple[tuple[str, ...], str]] = []
        self.foreign: dict[str, int] = {}
        self._outline = Outline()
        self._code = 0  # elements within each other that keep their lines
        self._small: list[int] = []  # where what stands above or below the line begins
        self._held: list[str] = []
        self._title: list[str] | None = None
        self._silent: list[str] = []
        self._tables: list[_Table] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._silent == ["p"] and tag in _ENDS_PARAGRAPH:  # a paragraph need not be closed
            self._silent = []
        if self._silent:
            if tag == self._silent[0] and tag not in _VOID:
                self._silent.append(tag)
            return
        told = {k: (v or "") for k, v in attrs}
        style = told.get("style", "").replace(" ", "").lower()
        unseen = _UNSEEN.search(style) is not None
        hidden = "hidden" in told or told.get("aria-hidden") == "true" or unseen
        if tag in _FOREIGN and not hidden:
            self.foreign[tag] = self.foreign.get(tag, 0) + 1
        if (tag in _SILENT or tag in _FOREIGN or hidden) and tag not in _VOID:
            self._silent = [tag]
        elif re.fullmatch(r"h[1-6]", tag):
            self._cut()
            self._outline.close(int(tag[1]))
            self._title = []
        elif tag in ("td", "th"):
            self._open_cell(told)
        elif tag in _BLOCKS:
            self._block(tag)
        elif tag in _APART:
            self._held.append(" ")
        elif tag in ("sup", "sub"):
            self._small.append(len(self._text))

    @property
    def _text(self) -> list[str]:
        """Where words go that come next: a heading, or what stands below it."""
        return self._held if self._title is None else self._title

    def _block(self, tag: str) -> None:
        if tag == "tr" and self._tables:
            self._end_row()
        self._code += tag == "pre"
        self._held.append("\n" if tag in ("br", "tr", "li", "dt", "dd") else "\n\n")
        if tag == "table":
            self._tables.append(_Table())

    def _open_cell(self, told: dict[str, str]) -> None:
        if not self._tables:
            self._held.append(" ")
            return
        self._end_cell()
        table = self._tables[-1]
        self._go_on(table)
        if table.column and self._held:
            self._held.append(" | ")
        spans = [int(v) if (v := told.get(k, "1")).isdigit() and len(v) < 5 else 1 for k in ("rowspan", "colspan")]
        rows, columns = (max(1, min(s, _MOST_SPAN)) for s in spans)
        table.cell = (len(self._held), table.column, rows, columns)
        table.column += columns

    def _go_on(self, table: _Table) -> None:
        """Write the cells of rows above that reach into the place of the next one."""
        while (span := table.spans.get(table.column)) is not None:
            left, text = span
            if table.column:
                self._held.append(" | ")
            self._held.append(text)
            if left > 1:
                table.spans[table.column] = (left - 1, text)
            else:
                del table.spans[table.column]
            table.column += 1

    def _end_cell(self) -> None:
        table = self._tables[-1]
        if table.cell is None:
            return
        start, column, rows, _ = table.cell
        table.cell = None
        text = " ".join("".join(self._held[start:]).split())
        if rows > 1 and len(text) <= _LONG:
            table.spans[column] = (rows - 1, text)

    def _end_row(self) -> None:
        self._end_cell()
        table = self._tables[-1]
        if table.column:
            self._go_on(table)
        table.column = 0

    def handle_endtag(self, tag: str) -> None:
        if self._silent == ["p"] and tag != "p" and tag in _BLOCKS:
            self._silent = []
        if self._silent:
            if tag == self._silent[-1]:
                self._silent.pop()
        elif self._title is not None and re.fullmatch(r"h[1-6]", tag):
            self._outline.begin(int(tag[1]), "".join(self._title))
            self._title = None
        elif tag in ("td", "th") and self._tables:
            self._end_cell()
        elif tag in _APART:
            self._held.append(" ")
        elif tag in ("sup", "sub") and self._small:
            start = self._small.pop()
            text = "".join(self._text[start:])
            self._text[start:] = [raised(text) if tag == "sup" else lowered(text)]
        elif tag in _BLOCKS:
            if tag in ("tr", "table") and self._tables:
                self._end_row()
            if tag == "pre":
                self._code = max(0, self._code - 1)
            if tag == "table" and self._tables:
                self._tables.pop()
            self._held.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            text = data if self._code else re.sub(r"\s+", " ", data)
            if text == " " and self._tables and self._tables[-1].cell is None and self._title is None:
                return  # between the tags of a table
            self._text.append(text)

    def close(self) -> None:
        super().close()
        self._cut()

    def _cut(self) -> None:
        self.parts.append((self._outline.titles, "".join(self._held)))
        self._held, self._small = [], []
        for table in self._tables:  # a heading inside of a cell: the table only lays out the page
            table.cell = None


def html_parts(text: str, name: str, unread: list[Words]) -> Parts:
    """Cut a page at its headings. What holds no text that can be read is added to `unread`."""
    page = _Page()
    page.feed(_STRUCK.sub("", text))
    page.close()
    found = {tag: n for tag, n in page.foreign.items() if tag != "svg"}  # drawings of a page are its ornaments
    if found:
        en = ", ".join(f"{n} {_FOREIGN[tag].en}{'s' * (n > 1)}" for tag, n in sorted(found.items()))
        zh = "、".join(f"{n} {_FOREIGN[tag].zh}" for tag, n in sorted(found.items()))
        unread.append(Words(f"{name}: not read: {en}", f"{name}：未读取 {zh}"))
    yield from page.parts
