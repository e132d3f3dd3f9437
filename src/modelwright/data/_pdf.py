"""PDF to one section a page: its text, what its form fields were filled with, and notes typed onto it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modelwright.core.errors import DataError, MissingExtra
from modelwright.core.words import Words
from modelwright.data._faults import FAULTS, damaged

Parts = Iterator[tuple[tuple[str, ...], str]]
_MOST_PAGES = 5000
_MOST_PARENTS = 32  # of a form field
_KIND = Words("a complete PDF", "完整的 PDF")


def pdf_parts(path: Path, unread: list[Words]) -> Parts:
    """Yield the text of each page, headed by its number. Pages without text are added to `unread`. Raises DataError."""
    try:
        import pypdf
        from pypdf.errors import PyPdfError
    except ImportError as e:
        raise MissingExtra("documents", f"Reading {path}", f"读取 {path}") from e
    import logging

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    faults: tuple[type[Exception], ...] = (*FAULTS, PyPdfError)
    silent: list[int] = []
    try:
        reader = pypdf.PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):
            raise DataError(f"{path} is locked by a password; unlock it first.", f"{path} 有密码保护，请先解除。")
        count = len(reader.pages)
        if count > _MOST_PAGES:
            raise DataError(
                f"{path} has {count} pages, at most {_MOST_PAGES} are read; split it.",
                f"{path} 共 {count} 页，最多读取 {_MOST_PAGES} 页；请拆分。",
            )
        for number, page in enumerate(reader.pages, 1):
            text = _unbroken(page.extract_text() or "")
            more = [line for note in _annotations(page) if (line := _text_of_note(note)) and line not in text]
            whole = "\n\n".join([text, *more]).strip()
            resources: Any = page.get("/Resources")
            if not whole and hasattr(resources, "get") and "/XObject" in resources:
                silent.append(number)
            if whole:
                yield (f"p. {number}",), whole
            else:
                count -= 1
    except faults as e:
        raise damaged(path, _KIND, e) from e
    if count == 0:
        raise DataError(
            f"{path} holds no text, only pictures of it; run text recognition (OCR) over it first.",
            f"{path} 中没有文字，只有图片；请先做文字识别（OCR）。",
        )
    if silent:
        shown = ", ".join(map(str, silent[:10])) + (" ..." if len(silent) > 10 else "")
        unread.append(
            Words(
                f"{path.name}: pages without text, only pictures ({shown}): run text recognition (OCR) over them",
                f"{path.name}：以下页只有图片而没有文字（{shown}）：请先做文字识别（OCR）",
            )
        )


def _annotations(page: Any) -> Iterator[Any]:
    for note in page.get("/Annots") or ():
        found = note.get_object()
        if hasattr(found, "get"):
            yield found


def _text_of_note(note: Any) -> str:
    """Return what a filled form field or a typed note shows, empty for any other."""
    if int(note.get("/F", 0) or 0) & 2:  # hidden
        return ""
    kind = note.get("/Subtype")
    if kind == "/FreeText":
        return _value_text(note.get("/Contents"))
    if kind != "/Widget":
        return ""
    field, value = _inherited(note, "/FT"), _inherited(note, "/V")
    label = _value_text(note.get("/TU")) or _value_text(_inherited(note, "/TU")) or _value_text(_inherited(note, "/T"))
    if field == "/Btn":
        state = str(note.get("/AS") or value or "/Off")
        if int(_inherited(note, "/Ff") or 0) & (1 << 16) or state in ("/Off", ""):  # a button to push; not ticked
            return ""
        return f"{label}: ☒" if state in ("/Yes", "/On", "/1") else f"{label}: {state.lstrip('/')}"
    if field not in ("/Tx", "/Ch") or int(_inherited(note, "/Ff") or 0) & (1 << 13):  # a password
        return ""
    values = [_value_text(v) for v in value] if isinstance(value, list) else [_value_text(value)]
    shown = ", ".join(v for v in values if v)
    return f"{label}: {shown}" if label and shown else shown


def _inherited(field: Any, key: str) -> Any:
    """Return an entry of a form field, or of those that it is part of."""
    for _ in range(_MOST_PARENTS):
        if key in field:
            found = field[key]
            return found.get_object() if hasattr(found, "get_object") else found
        parent = field.get("/Parent")
        if parent is None:
            return None
        field = parent.get_object()
    return None


def _value_text(value: Any) -> str:
    if value is None:
        return ""
    if hasattr(value, "get_data"):  # a text kept as a stream
        return bytes(value.get_data()).decode("utf-8", "replace").strip()
    return str(value).strip()


def _unbroken(text: str) -> str:
    """Join lines that a page's width broke: words cut by a hyphen, and lines that end without a sentence's end."""
    text = re.sub(r"(?<=[a-z])-\n(?=[a-z])", "", text)
    text = re.sub(r"(?<=[\u3400-\u9fff，、；：])\n(?=[\u3400-\u9fff])", "", text)
    return re.sub(r"(?<=[\w,;)])\n(?=[a-z(\d])", " ", text)
