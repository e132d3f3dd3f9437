"""Word files (DOCX) to text as a reader sees it, tracked changes accepted (ECMA-376, WordprocessingML).

Insertions, content controls, results of fields, text boxes, foot-notes, ticked boxes and nested tables are read; what was
deleted or is hidden is not. A cell that spans columns stands once, one that spans rows in each of them, an empty one keeps
its place. What holds no text that can be read (pictures, charts, embedded files) is counted, to be told.
"""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modelwright.core.errors import DataError, MissingExtra
from modelwright.core.words import Words
from modelwright.data._faults import FAULTS, damaged
from modelwright.data._numbering import Numbering
from modelwright.data._outline import Outline, lowered, raised

_RATIO = 200  # times that the parts of a DOCX may expand, above the first 64 MB
_DEEP = 60  # tables, boxes and controls within each other
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_GONE = frozenset(("del", "moveFrom", "pPrChange", "rPrChange", "sectPr", "tblPr", "tblGrid", "instrText", "delText"))
_CHOICE = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_UNREAD = {
    "picture": Words("picture", "张图片"), "chart": Words("chart", "个图表"), "diagram": Words("diagram", "个示意图"),
    "object": Words("embedded object", "个嵌入对象"), "part": Words("inserted document", "个插入的文档"),
}  # fmt: skip
_LINES = {"superscript": raised, "subscript": lowered}
_KIND = Words("a complete DOCX", "完整的 DOCX")

Parts = Iterator[tuple[tuple[str, ...], str]]


def docx_parts(path: Path, unread: list[Words]) -> Parts:
    """Yield headings and text of the sections. What could not be read is added to `unread`. Raises DataError."""
    try:
        import docx
        from docx.opc.exceptions import OpcError
    except ImportError as e:
        raise MissingExtra("documents", f"Reading {path}", f"读取 {path}") from e
    faults: tuple[type[Exception], ...] = (*FAULTS, OpcError)
    try:
        with zipfile.ZipFile(path) as archive:
            # a member is never read past the size it declares, so the sum of those bounds what is unpacked
            if sum(m.file_size for m in archive.infolist()) > max(64 << 20, _RATIO * path.stat().st_size):
                raise DataError(
                    f"{path} expands more than {_RATIO} times, as a zip bomb does.",
                    f"{path} 解压超过 {_RATIO} 倍，疑似压缩炸弹。",
                )
        reader = _Reader(docx.Document(str(path)))
        found = list(reader.sections())
    except faults as e:
        raise damaged(path, _KIND, e) from e
    if reader.unread:
        en = ", ".join(f"{n} {_UNREAD[k].en}{'s' * (n > 1)}" for k, n in sorted(reader.unread.items()))
        zh = "、".join(f"{n} {_UNREAD[k].zh}" for k, n in sorted(reader.unread.items()))
        unread.append(Words(f"{path.name}: not read: {en}", f"{path.name}：未读取 {zh}"))
    yield from found


class _Reader:
    """Walks the body of one document."""

    def __init__(self, book: Any) -> None:
        self.unread: Counter[str] = Counter()
        self._body = book.element.body
        self._levels = _levels(book)
        self._numbering = Numbering(_numbering(book), book.styles.element)
        self._notes = {"footnoteReference": _notes(book, "footnotes"), "endnoteReference": _notes(book, "endnotes")}
        self._numbers: dict[tuple[str, str], int] = {}
        self._fields: list[bool] = []  # of the fields that are open: whether their result has begun
        self._later: list[str] = []  # notes and text boxes, which follow their paragraph
        self._depth = 0

    def sections(self) -> Parts:
        outline = Outline()
        held: list[str] = []
        for level, text in self._blocks(self._body):
            if level:
                yield outline.titles, "\n\n".join(held)
                outline.begin(level, text)
                held = []
            else:
                held.append(text)
        yield outline.titles, "\n\n".join(held)

    def _blocks(self, parent: Any) -> Iterator[tuple[int, str]]:
        """Yield (level of a heading or 0, text) of paragraphs and the rows of tables."""
        self._depth += 1
        if self._depth > _DEEP:
            raise ValueError("parts nested too deeply")
        joined = ""
        for block in parent:
            name = _name(block)
            if name == "p":
                text = self._inline(block)
                number = self._numbering.before(block) if text.strip() else ""
                text = joined + (f"{number} {text}" if number else text)
                joined = text if _is_deleted(block) else ""  # its end was deleted: it goes on in the next one
                if not joined:
                    yield self._level(block), text
                    yield from ((0, t) for t in self._take_later())
            elif name == "tbl":
                yield from ((0, row) for row in self._rows(block))
            elif name == "altChunk":
                self.unread["part"] += 1
            elif name in ("sdt", "sdtContent", "customXml", "smartTag", "ins", "moveTo"):
                if not (name == "sdt" and _is_placeholder(block)):
                    yield from self._blocks(block)
            elif name == "AlternateContent":
                yield from self._blocks(_chosen(block))
        if joined:
            yield 0, joined
        self._depth -= 1

    def _take_later(self) -> list[str]:
        out, self._later = self._later, []
        return out

    def _level(self, paragraph: Any) -> int:
        """Return the level of a heading from 1, 0 for other paragraphs."""
        style = paragraph.find(f"{_W}pPr/{_W}pStyle")
        own = paragraph.find(f"{_W}pPr/{_W}outlineLvl")
        if own is not None and str(own.get(f"{_W}val", "")).isdigit():
            level = int(own.get(f"{_W}val")) + 1
            return level if level <= 9 else 0
        return self._levels.get(style.get(f"{_W}val"), 0) if style is not None else 0

    def _rows(self, table: Any) -> Iterator[str]:
        above: dict[int, str] = {}  # by its first column, a cell that may go on in the rows below
        for row in _inside(table, "tr"):
            told = row.find(f"{_W}trPr")
            if told is not None and (told.find(f"{_W}del") is not None or _on(told.find(f"{_W}hidden"))):
                continue
            before = told.find(f"{_W}gridBefore") if told is not None else None
            at = int(before.get(f"{_W}val", 0)) if before is not None else 0
            cells = []
            for cell in _inside(row, "tc"):
                kind = cell.find(f"{_W}tcPr")
                span = kind.find(f"{_W}gridSpan") if kind is not None else None
                merged = kind.find(f"{_W}vMerge") if kind is not None else None
                text = " ".join(" ".join(t.split()) for _, t in self._blocks(cell) if t.strip())
                if merged is not None and merged.get(f"{_W}val", "continue") == "continue":
                    text = text or above.get(at, "")
                above[at] = text
                cells.append(text)
                at += int(span.get(f"{_W}val", 1)) if span is not None else 1
            if any(cells):
                yield " | ".join(cells)

    def _inline(self, parent: Any) -> str:
        return "".join(self._runs(parent))

    def _runs(self, parent: Any) -> Iterator[str]:
        self._depth += 1
        if self._depth > _DEEP:
            raise ValueError("parts nested too deeply")
        for part in parent:
            name = _name(part)
            if name == "r":
                yield from self._run(part)
            elif name == "sdt":
                if not _is_placeholder(part):
                    yield from self._runs(part)
            elif name in ("oMath", "oMathPara"):
                yield "".join(t.text or "" for t in part.iter(f"{_MATH}t"))
            elif name == "ruby":
                base = part.find(f"{_W}rubyBase")
                yield from self._runs(base if base is not None else part)
            elif name == "AlternateContent":
                yield from self._runs(_chosen(part))
            elif name not in _GONE and name not in ("pPr", "rPr", "sdtPr"):
                yield from self._runs(part)
        self._depth -= 1

    def _run(self, run: Any) -> Iterator[str]:
        kind = run.find(f"{_W}rPr")
        gone = kind is not None and any(_on(kind.find(f"{_W}{way}")) for way in ("vanish", "strike", "dstrike"))
        line = kind.find(f"{_W}vertAlign") if kind is not None else None
        shown = _LINES.get(line.get(f"{_W}val", ""), str) if line is not None else str
        for part in run:
            name = _name(part)
            if name == "fldChar":
                said = self._field(part)  # where a field begins and ends counts even in a run that is not read
                yield "" if gone else said
            elif gone:
                continue
            elif self._fields and not all(self._fields):
                continue  # the instruction of a field, not its result
            elif name == "t":
                yield shown(part.text or "")
            elif name in ("tab", "ptab"):
                yield " "
            elif name in ("br", "cr"):
                yield "\n"
            elif name == "noBreakHyphen":
                yield "-"
            elif name == "sym":
                yield _symbol(part)
            elif name in self._notes:
                yield self._note(name, str(part.get(f"{_W}id")))
            elif name in ("drawing", "pict", "object", "AlternateContent"):
                self._drawn(_chosen(part) if name == "AlternateContent" else part, name)
            elif name == "ruby":
                yield from self._runs([part])

    def _field(self, mark: Any) -> str:
        kind = mark.get(f"{_W}fldCharType")
        if kind == "begin":
            self._fields.append(False)
            return _form(mark)
        if kind == "separate" and self._fields:
            self._fields[-1] = True
        elif kind == "end" and self._fields:
            self._fields.pop()
        return ""

    def _note(self, name: str, number: str) -> str:
        note = self._notes[name].get(number)
        if note is None:
            return ""
        counted = self._numbers.setdefault((name, number), len(self._numbers) + 1)
        held, self._later = self._later, []
        fields, self._fields = self._fields, []
        text = " ".join(" ".join(t.split()) for _, t in self._blocks(note) if t.strip())
        self._fields = fields
        self._later = [*held, f"[{counted}] {text}"] if text else held
        return f"[{counted}]" if text else ""

    def _drawn(self, part: Any, name: str) -> None:
        boxes = [b for b in part.iter(f"{_W}txbxContent") if not _within_fallback(b, part)]
        fields, self._fields = self._fields, []
        for box in boxes:
            held, self._later = self._later, []
            texts = [t for _, t in self._blocks(box) if t.strip()]
            self._later = [*held, *texts, *self._later]
        self._fields = fields
        if boxes:
            return
        about = {"chart": "chart", "relIds": "diagram", "OLEObject": "object", "pic": "picture", "imagedata": "picture"}
        found = [about[n] for e in part.iter() if (n := _name(e)) in about]
        if found:
            best = next(k for k in ("object", "chart", "diagram", "picture") if k in found)
            self.unread[best] += 1
        elif name == "object":
            self.unread["object"] += 1


def _name(element: Any) -> str:
    tag = element.tag
    return tag.rsplit("}", 1)[-1] if isinstance(tag, str) else ""  # comments and instructions have none


def _on(flag: Any) -> bool:
    return flag is not None and flag.get(f"{_W}val", "true") not in ("0", "false", "off")


def _inside(parent: Any, name: str) -> Iterator[Any]:
    """Yield the rows of a table or the cells of a row, also those within controls and insertions."""
    for child in parent:
        found = _name(child)
        if found == name:
            yield child
        elif found in ("sdt", "sdtContent", "customXml", "ins", "moveTo"):
            yield from _inside(child, name)


def _is_deleted(paragraph: Any) -> bool:
    """Whether the mark that ends a paragraph was deleted."""
    return paragraph.find(f"{_W}pPr/{_W}rPr/{_W}del") is not None


def _is_placeholder(control: Any) -> bool:
    """Whether a content control only shows what is to be entered."""
    return _on(control.find(f"{_W}sdtPr/{_W}showingPlcHdr"))


def _chosen(alternatives: Any) -> Any:
    """Return the first of several forms of one content."""
    return next((c for c in alternatives if _name(c) in ("Choice", "Fallback")), ())


def _within_fallback(box: Any, root: Any) -> bool:
    """Whether a text box stands in the second form of one, or inside of another box that is read anyway."""
    at = box.getparent()
    while at is not None and at is not root.getparent():
        if at.tag == f"{_CHOICE}Fallback" or at.tag == f"{_W}txbxContent":
            return True
        at = at.getparent()
    return False


def _symbol(part: Any) -> str:
    """Return a symbol of a font as a letter: boxes of Wingdings, else nothing, since the code means nothing elsewhere."""
    code = str(part.get(f"{_W}char", ""))[-2:].upper()
    if "Wingdings" in str(part.get(f"{_W}font", "")):
        return {"FE": "☑", "FD": "☒", "A8": "☐", "6F": "☐", "FC": "✓", "FB": "✗"}.get(code, "")
    return ""


def _form(mark: Any) -> str:
    """Return what an old form field shows by itself: a box, or the entry that was chosen from a list."""
    box = mark.find(f"{_W}ffData/{_W}checkBox")
    if box is not None:
        told = box.find(f"{_W}checked")
        return "☒" if _on(told if told is not None else box.find(f"{_W}default")) else "☐"
    chosen = mark.find(f"{_W}ffData/{_W}ddList")
    if chosen is not None:
        entries = [e.get(f"{_W}val", "") for e in chosen.findall(f"{_W}listEntry")]
        told = chosen.find(f"{_W}result")
        at = int(told.get(f"{_W}val", 0)) if told is not None else 0
        return entries[at] if 0 <= at < len(entries) else ""
    return ""


def _levels(book: Any) -> dict[str, int]:
    """Return the level of each style that makes headings, by its identifier."""
    out: dict[str, int] = {}
    based: dict[str, str] = {}
    for style in book.styles.element.findall(f"{_W}style"):
        key = style.get(f"{_W}styleId", "")
        name = style.find(f"{_W}name")
        said = name.get(f"{_W}val", "") if name is not None else ""
        found = re.match(r"(?:heading|标题)\s*(\d)", said, re.IGNORECASE)
        outline = style.find(f"{_W}pPr/{_W}outlineLvl")
        parent = style.find(f"{_W}basedOn")
        if found:
            out[key] = int(found[1])
        elif said.lower() == "title":
            out[key] = 1
        elif outline is not None and str(outline.get(f"{_W}val", "")).isdigit() and int(outline.get(f"{_W}val")) < 9:
            out[key] = int(outline.get(f"{_W}val")) + 1
        elif parent is not None:
            based[key] = parent.get(f"{_W}val", "")
    for key in based:
        at, seen = key, set()
        while at in based and at not in seen:
            seen.add(at)
            at = based[at]
        if at in out:
            out[key] = out[at]
    return out


def _numbering(book: Any) -> Any:
    """Return the element of the numbering part, None where the document has none."""
    for relation in book.part.rels.values():
        if relation.reltype.rsplit("/", 1)[-1] == "numbering" and not relation.is_external:
            return relation.target_part.element
    return None


def _notes(book: Any, kind: str) -> dict[str, Any]:
    """Return the foot-notes or end-notes by their number; those that only draw lines have no text."""
    from docx.oxml import parse_xml

    for relation in book.part.rels.values():
        if relation.reltype.rsplit("/", 1)[-1] == kind and not relation.is_external:
            root = parse_xml(relation.target_part.blob)
            return {str(n.get(f"{_W}id")): n for n in root if n.get(f"{_W}type") in (None, "normal")}
    return {}
