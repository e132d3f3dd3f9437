"""The contract of kinds: how cells of a modality beyond plain tables are told apart, read, and checked.

One file per modality in this folder; its name is the modality's. It defines `KIND`, a subclass of `Kind`. Media (images,
sound, clips) stand in a table as `core.schema.MEDIA`: a path or the bytes as they came, and a digest of the content.
They are decoded late, by the codecs in `features/`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import json
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, cast
from urllib.parse import unquote, urlsplit

import numpy as np
import pyarrow as pa

from modelwright.core.encrypted_files import open_plain
from modelwright.core.envelope import SUFFIX
from modelwright.core.registry import load_file, names_in
from modelwright.core.schema import Column
from modelwright.core.words import Words

KINDS = "modelwright.data.kinds"
_LOOK = 200  # cells looked at to tell a column's modality
_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w.+=-]+)*;base64,", re.IGNORECASE)
_MOST_BYTES = 1 << 30  # of one file
_SHORTEST = 64  # characters of media as plain base64


class Unreadable(ValueError):
    """A cell that cannot be read as its column's modality; `words` say what was expected and what came."""

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en)
        self.words = Words(en, zh)


class Kind(ABC):
    """How cells of one modality are recognised and read.

    `slow` ones are read in threads; `suffixes` are the endings of files that hold one cell each.
    """

    modality: ClassVar[str]
    title: ClassVar[Words]
    slow: ClassVar[bool] = False
    suffixes: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def recognise(self, name: str, values: pa.ChunkedArray) -> Mapping[str, Any] | None:
        """Return the column's options (JSON values) where its cells are of this modality, else None."""

    @abstractmethod
    def read(self, value: Any, column: Column, folder: Path | None) -> Any:
        """Return the cell in the modality's canonical type (`core.schema.arrow_type`), None where it is missing.

        Paths are taken from `folder`; without one (a request from outside) they are refused. Raises Unreadable.
        """

    @abstractmethod
    def sample(self, states: Sequence[int], seed: int) -> list[Any]:
        """Return synthetic raw cells, each showing its state (0, 1 or 2), for the conformance kit and demos."""

    def settle(self, column: Column, values: pa.ChunkedArray, folder: Path | None) -> Column:
        """Return a column of raw cells with what only all of them can say, in its options: a cell alone would be guessed.

        Some cells are opened; paths are taken from `folder`. What is settled is told by the column's `reason`.
        """
        return column

    def groups(self, values: pa.Array, column: Column) -> list[str | None] | None:
        """Return for each canonical cell the family it belongs to, for `--split scaffold`: rows of a family stay together.

        None for a cell is a family of its own; None instead of a list where the modality knows no families.
        """
        return None


@cache
def kind_of(modality: str) -> Kind | None:
    """Return the kind of a modality, or None for those of plain tables."""
    if modality not in names_in(KINDS):
        return None
    kind: type[Kind] = load_file(KINDS, modality, Words("modality", "模态")).KIND
    return kind()


def recognise(name: str, values: pa.ChunkedArray) -> tuple[str, Mapping[str, Any]] | None:
    """Return modality and options of a column whose cells some kind knows as its own; None for a plain column."""
    for modality in names_in(KINDS):
        kind = kind_of(modality)
        options = kind.recognise(name, values) if kind else None
        if options is not None:
            return modality, options
    return None


def some_strings(values: pa.ChunkedArray) -> list[str]:
    """Return some distinct cells of a string column; [] for other types."""
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        return []
    distinct = values.slice(0, 20 * _LOOK).unique().drop_null().to_pylist()
    return [v for v in distinct if v.strip()][:_LOOK]


def some_bytes(values: pa.ChunkedArray) -> list[bytes]:
    """Return the beginnings of some cells that hold bytes, by themselves or in a struct with `bytes`; [] for others."""
    kind = values.type
    if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
        values = _field(values, "bytes")
        kind = values.type
    if not (pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
        return []
    return [v[:64] for v in values.slice(0, _LOOK).to_pylist() if v]


def _field(values: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    import pyarrow.compute as pc  # takes longer than all of this module, and helpers that decode never need it

    return pc.struct_field(values, name)


def looks_like(values: pa.ChunkedArray, suffixes: frozenset[str], mime: str, magic: Sequence[bytes]) -> bool:
    """Whether nearly all cells are paths with one of the suffixes, data URLs of the MIME type, or bytes that begin so.

    A struct with `path` (as the datasets library keeps media) counts by its paths.
    """
    starts = some_bytes(values)
    if starts:
        return sum(any(_begins(s, m) for m in magic) for s in starts) >= 0.8 * len(starts)
    if pa.types.is_struct(values.type) and values.type.get_field_index("path") >= 0:
        values = _field(values, "path")
    cells = some_strings(values)
    own = sum(
        c[:40].lower().startswith(f"data:{mime}/")
        if c[:5].lower() == "data:"
        else len(c) < 1000 and Path(c.strip().removesuffix(SUFFIX)).suffix.lower() in suffixes
        for c in cells
    )
    return bool(cells) and own >= 0.8 * len(cells)


def _begins(start: bytes, magic: bytes) -> bool:
    """Compare with a mark in which `?` stands for any byte."""
    return len(start) >= len(magic) and all(m in (ord("?"), s) for s, m in zip(start, magic))


def media(value: Any, folder: Path | None) -> dict[str, Any] | None:
    """Return a cell as the fields of `MEDIA`: a path or bytes, and the digest of the content; None where it is empty.

    Takes a path (from `folder`), a data URL, plain base64 where paths are refused, bytes, or a mapping with `path` or
    `bytes`. Raises Unreadable for what does not exist or is no media.
    """
    if isinstance(value, Mapping):
        value = value.get("bytes") or value.get("path")
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _of_bytes(bytes(value))
    text = str(value).strip()
    found = _DATA_URL.match(text[:200])
    if found or folder is None:
        try:
            if not found and len(text) < _SHORTEST:  # a path can pass for base64
                raise ValueError(text)
            return _of_bytes(base64.b64decode(text[found.end() if found else 0 :], validate=True))
        except (binascii.Error, ValueError):
            said = text[:40]
            raise Unreadable(
                f"expected a data URL (data:...;base64,...), received `{said}`",
                f"应为 data URL（data:...;base64,...），收到的是 `{said}`",
            ) from None
    path = _place(text, folder)
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise Unreadable(f"{text} is larger than 1 GB", f"{text} 超过 1 GB")
        with open_plain(path) as f:
            digest = hashlib.file_digest(cast(Any, f), "blake2b").hexdigest()[:32]
    except OSError:
        raise Unreadable(f"there is no file {text[-120:]}", f"找不到文件 {text[-120:]}") from None
    return {"path": str(path), "bytes": None, "digest": digest}


def _place(text: str, folder: Path) -> Path:
    """Return where a cell says that a file lies: a path from `folder`, as Windows writes it too, or a `file://` URL."""
    if text[:7].lower() == "file://":
        return Path(unquote(urlsplit(text).path))
    path = folder / text  # an absolute one stands for itself
    return path if "\\" not in text or path.exists() else folder / text.replace("\\", "/")


def with_how(cell: dict[str, Any], how: Mapping[str, Any]) -> dict[str, Any]:
    """Return a cell that says how it is to be decoded; {} for the usual way. What is kept by digest is kept apart."""
    if not how:
        return cell
    told = json.dumps(how, sort_keys=True)
    return {**cell, "how": told, "digest": f"{cell['digest']} {told}"}


def how_of(cell: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a media cell is to be decoded."""
    told = cell.get("how")
    return json.loads(told) if told else {}


def some_media(values: pa.ChunkedArray, folder: Path | None, most: int) -> list[dict[str, Any]]:
    """Return up to `most` media cells of a raw column, from all over it; those that cannot be opened are passed over."""
    places = np.unique(np.linspace(0, max(0, len(values) - 1), min(most, len(values))).astype(np.int64))
    out = []
    for value in values.take(pa.array(places)).to_pylist():
        try:
            cell = media(value, folder)
        except Unreadable:
            continue
        if cell is not None:
            out.append(cell)
    return out


def _of_bytes(data: bytes) -> dict[str, Any]:
    return {"path": None, "bytes": data, "digest": hashlib.blake2b(data).hexdigest()[:32]}


def content(cell: Mapping[str, Any]) -> bytes:
    """Return the bytes of a media cell. Raises Unreadable where its file has gone."""
    if cell.get("bytes") is not None:
        return bytes(cell["bytes"])
    try:
        with open_plain(Path(cell["path"])) as f:
            return f.read()
    except OSError:
        raise Unreadable(f"there is no file {cell['path']}", f"找不到文件 {cell['path']}") from None


@contextmanager
def opened(cell: Mapping[str, Any]) -> Iterator[tuple[BinaryIO, int]]:
    """Open a media cell to be read in parts; gives the file and its bytes. Raises Unreadable where its file has gone."""
    if cell.get("bytes") is not None:
        data = bytes(cell["bytes"])
        yield io.BytesIO(data), len(data)
        return
    try:
        file = open_plain(Path(cell["path"]))  # closed below; errors of its readers are not "no file"
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
    except OSError:
        raise Unreadable(f"there is no file {cell['path']}", f"找不到文件 {cell['path']}") from None
    with file:
        yield file, size


def seeded(states: Sequence[int], seed: int) -> np.random.Generator:
    """Return a generator for samples."""
    return np.random.default_rng([seed, len(states)])
