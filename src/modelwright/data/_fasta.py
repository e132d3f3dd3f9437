"""FASTA files as tables: columns id, description, sequence, and label where the headers say it.

A header `>name some words label=x` gives the label x; so does `>name|x` where x is one of a few that recur. What gave
the label is taken out of id and description, so that neither tells the answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from modelwright.core.errors import DataError
from modelwright.data.text import open_bytes

SUFFIXES = (".fa", ".fasta", ".fna", ".faa")
_LABEL = re.compile(r"(?:^|[\s;|])(?:label|class)=([^\s;|]+)", re.IGNORECASE)
_MOST = 64 << 20  # letters of one record
_MOST_CLASSES = 50


def records(path: Path) -> Iterator[tuple[str, str]]:
    """Yield header (without `>`) and letters of each record; lines of comments (`;`) are skipped.

    Raises DataError where letters come before the first header, where the file is no text, or a record is too long.
    """
    header: str | None = None
    parts: list[str] = []
    size = 0
    try:
        with open_bytes(path) as f:
            for number, raw in enumerate(f, 1):
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
                if line.startswith(">"):
                    if header is not None:
                        yield header, "".join(parts)
                    header, parts, size = line[1:].strip(), [], 0
                elif line and not line.startswith(";"):
                    if header is None:
                        raise DataError(
                            f"{path}, line {number}: expected a header that begins with `>`, received `{line[:40]}`.",
                            f"{path} 第 {number} 行：应为以 `>` 开头的标题行，收到的是 `{line[:40]}`。",
                        )
                    parts.append("".join(line.split()))
                    size += len(line)
                    if size > _MOST:
                        raise DataError(
                            f"{path}, line {number}: the record `{header[:40]}` has more than {_MOST >> 20} million letters.",
                            f"{path} 第 {number} 行：记录 `{header[:40]}` 超过 {_MOST >> 20} 百万个字母。",
                        )
    except (OSError, UnicodeDecodeError, EOFError) as e:
        raise DataError(
            f"{path} is not a complete FASTA file ({type(e).__name__}).",
            f"{path} 不是完整的 FASTA 文件（{type(e).__name__}）。",
        ) from e
    if header is not None:
        yield header, "".join(parts)


def fasta_batches(path: Path, rows: int) -> Iterator[pa.Table]:
    """Yield a FASTA file in tables of up to `rows` rows; whether there are labels is told from the first of them."""
    form: str | None = None
    pending: list[tuple[str, str]] = []
    for record in records(path):
        pending.append(record)
        if len(pending) == rows:
            form = form if form is not None else _form([h for h, _ in pending])
            yield _table(pending, form)
            pending = []
    if pending:
        yield _table(pending, form if form is not None else _form([h for h, _ in pending]))


def _form(headers: list[str]) -> str:
    """Return how the headers say a label: "named" (label=), "bar" (name|label), or "" where they say none."""
    if all(_LABEL.search(h) for h in headers):
        return "named"
    names = [(h.split(None, 1) or [""])[0] for h in headers]
    if all(n.count("|") == 1 for n in names):
        kinds = {n.split("|")[1] for n in names}
        if 2 <= len(kinds) <= min(_MOST_CLASSES, len(names) / 2) and "" not in kinds:
            return "bar"
    return ""


def _table(found: list[tuple[str, str]], form: str) -> pa.Table:
    columns: dict[str, list[str | None]] = {"id": [], "description": [], "sequence": [], "label": []}
    for header, letters in found:
        label = None
        if form == "named" and (said := _LABEL.search(header)):
            label = said.group(1)
            header = (header[: said.start()] + " " + header[said.end() :]).strip()
        name, _, rest = header.partition(" ")
        if form == "bar" and "|" in name:
            name, _, label = name.partition("|")
        columns["id"].append(name or None)
        columns["description"].append(rest.strip() or None)
        columns["sequence"].append(letters or None)
        columns["label"].append(label)
    if not form:
        del columns["label"]
    return pa.table({k: pa.array(v, pa.string()) for k, v in columns.items()})
