"""Folders and zip archives of media as tables: a folder of class folders, or a table beside the files it names."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from modelwright.core.encrypted_files import open_plain
from modelwright.core.envelope import SUFFIX
from modelwright.core.errors import DataError
from modelwright.core.reading import Detected, Reading
from modelwright.core.registry import names_in
from modelwright.data._faults import FAULTS
from modelwright.data._files import file_batches
from modelwright.data.arrow import plain
from modelwright.data.collect import collect
from modelwright.data.folders import files_below
from modelwright.data.kinds.base import KINDS, kind_of

_MOST_MEMBERS = 1_000_000
_RATIO = 200  # of unpacked to packed bytes; media hardly shrink, so more is a bomb
_TABLES = (".csv", ".tsv", ".jsonl", ".parquet")
_BATCH = 8192  # rows
LABEL = "label"  # the column of the names of class folders


def suffix_kinds() -> dict[str, str]:
    """Return the modality of every file ending that some kind of media reads."""
    out: dict[str, str] = {}
    for name in names_in(KINDS):
        kind = kind_of(name)
        out.update(dict.fromkeys(getattr(kind, "suffixes", ()), name))
    return out


def folder_table(folder: Path) -> pa.Table:
    """Return a folder's media as a table: the path in a column named after the modality, the folder's name as `label`.

    Raises DataError where there are no media, or where they do not lie in class folders.
    """
    root = folder.resolve()
    files = files_below(root)
    return _table(str(folder), [str(p) for p in files], [p.relative_to(root).as_posix() for p in files], None)


def zip_table(path: Path, memory: int, reading: Reading | None = None, detected: Detected | None = None) -> pa.Table:
    """Return an archive's media, or the table in it with the files it names, as bytes; nothing is written to disk.

    That class folders say the target is noted in `detected`.

    Raises DataError for a damaged archive, an encrypted one, or one that holds more than the memory (bytes) allows.
    """
    try:
        with open_plain(path) as opened, zipfile.ZipFile(opened) as archive:
            members = [m for m in archive.infolist() if not m.is_dir() and not _hidden(m.filename)]
            if len(members) > _MOST_MEMBERS:
                raise DataError(f"{path} holds more than a million files.", f"{path} 中的文件超过一百万个。")
            names = {m.filename: m for m in members}
            left = [memory]

            def read(name: str) -> bytes:
                return _member(path, archive, names[name], left)

            tables = [n for n in names if PurePosixPath(n).suffix.lower() in _TABLES]
            if len(tables) == 1:
                return _listed(tables[0], names, read, reading)
            table = _table(str(path), list(names), list(names), read)
            if detected is not None:
                detected.target = LABEL
            return table
    except FAULTS as e:
        raise DataError(
            f"{path} is not a complete zip archive, or it is encrypted ({e}).",
            f"{path} 不是完整的 zip 文件，或已加密（{e}）。",
        ) from e


def _hidden(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(name).parts)


def _member(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo, left: list[int]) -> bytes:
    """Return a member's bytes, counted as they come, since the sizes in an archive's headers can lie."""
    most = min(left[0], max(1 << 20, _RATIO * member.compress_size))
    with archive.open(member) as f:
        data = f.read(most + 1)
    if len(data) > most:
        raise DataError(
            f"{path}: {member.filename} unpacks to more than the memory allows, or than media can; unpack it to a folder first.",
            f"{path}：{member.filename} 解压后超出可用内存或正常比例；请先解压到文件夹。",
        )
    left[0] -= len(data)
    return data


def _table(source: str, values: list[str], names: list[str], read: Callable[[str], bytes] | None) -> pa.Table:
    known = suffix_kinds()
    kinds = [known.get(PurePosixPath(n.removesuffix(SUFFIX)).suffix.lower()) for n in names]
    counts = {k: kinds.count(k) for k in sorted({k for k in kinds if k})}
    if not counts:
        tables = [n for n in names if PurePosixPath(n).suffix.lower() in _TABLES][:5]
        if tables:
            listed = ", ".join(tables)
            raise DataError(
                f"{source} is a folder; it holds {listed}: name one of them.",
                f"{source} 是文件夹；请指定其中的文件：{listed}。",
            )
        shown = ", ".join(sorted(known))
        raise DataError(
            f"{source} holds no media files ({shown}). Name a table file in it, or a folder of class folders.",
            f"{source} 中没有媒体文件（{shown}）。请指定其中的表格文件，或按类别分文件夹存放。",
        )
    modality = max(counts, key=lambda k: counts[k])
    own = [i for i, k in enumerate(kinds) if k == modality]
    labels = [PurePosixPath(names[i]).parent.name for i in own]
    if all(not label for label in labels):
        raise DataError(
            f"The {modality} files of {source} lie in no class folders (CLASS/FILE). Put each class into a folder of its name, "
            "or give a table with a column of paths.",
            f"{source} 中的文件没有放在类别文件夹里（类别/文件）。请按类别建文件夹，或提供含路径列的表格。",
        )
    cells: list[Any] = [values[i] if read is None else read(values[i]) for i in own]
    return pa.table(
        {
            modality: pa.array(cells, pa.string() if read is None else pa.large_binary()),
            LABEL: pa.array(labels, pa.string()),
        }
    )


def _listed(table: str, names: dict[str, Any], read: Callable[[str], bytes], reading: Reading | None) -> pa.Table:
    """Return the one table in an archive, cells that name another member replaced by its bytes."""
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / f"table{PurePosixPath(table).suffix.lower()}"
        file.write_bytes(read(table))
        how = reading or Reading()
        parts = file_batches(file, file.suffix, how, _BATCH, None, None, Detected())
        raw = collect((plain(part) for part in parts), how, table)
    base = PurePosixPath(table).parent
    columns: dict[str, Any] = {}
    for name in raw.column_names:
        cells = raw.column(name).to_pylist()
        places = [str(base / c) if isinstance(c, str) and str(base / c) in names else None for c in cells]
        if sum(p is not None for p in places) >= 0.5 * max(1, len(cells)):
            columns[name] = pa.array([None if p is None else read(p) for p in places], pa.large_binary())
        else:
            columns[name] = raw.column(name)
    return pa.table(columns)


def batches(table: pa.Table, rows: int) -> Iterator[pa.Table]:
    """Yield a table in parts of up to `rows` rows."""
    for start in range(0, table.num_rows, rows):
        yield table.slice(start, rows)
