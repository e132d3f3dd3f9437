"""Folders and zip archives of media as tables: a folder of class folders, or a table beside the files it names."""

from __future__ import annotations

import contextlib
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from modelwright.core.encrypted_files import open_plain
from modelwright.core.envelope import SUFFIX
from modelwright.core.errors import DataError
from modelwright.core.events import EventStream
from modelwright.core.reading import Detected, Reading
from modelwright.core.registry import names_in
from modelwright.core.words import counted
from modelwright.data._faults import FAULTS
from modelwright.data._files import file_batches
from modelwright.data.arrow import plain
from modelwright.data.class_folders import classes_of, told_of_classes, told_of_unread
from modelwright.data.collect import collect
from modelwright.data.encodings import guesses
from modelwright.data.folders import files_below
from modelwright.data.kinds.base import KINDS, kind_of

_MOST_MEMBERS = 1_000_000
_RATIO = 200  # of unpacked to packed bytes; media hardly shrink, so more is a bomb
_TABLES = (".csv", ".tsv", ".jsonl", ".parquet")
_BATCH = 8192  # rows
_UTF8 = 0x800  # the flag of a member whose name is UTF-8
_OF_NAMES = ("gb18030", "cp932", "cp949", "cp950", "cp866")  # encodings that names in archives are held in, unnamed
_WELL = 0.7  # the score from which names read well in one
_MEMBER = pa.struct([("bytes", pa.large_binary()), ("path", pa.string())])  # a file of an archive and its name there
LABEL = "label"  # the column of the names of class folders


def suffix_kinds() -> dict[str, str]:
    """Return the modality of every file ending that some kind of media reads."""
    out: dict[str, str] = {}
    for name in names_in(KINDS):
        kind = kind_of(name)
        out.update(dict.fromkeys(getattr(kind, "suffixes", ()), name))
    return out


def folder_table(folder: Path, events: EventStream | None = None) -> pa.Table:
    """Return a folder's media as a table: the path in a column named after the modality, the class by its folders as `label`.

    What is not read, and what folders leave open, is told. Raises DataError where there are no media, or where they do not lie in class folders.
    """
    root = folder.resolve()
    files = files_below(root)
    return _table(str(folder), [str(p) for p in files], [p.relative_to(root).as_posix() for p in files], None, events)


def zip_table(
    path: Path,
    memory: int,
    reading: Reading | None = None,
    detected: Detected | None = None,
    events: EventStream | None = None,
) -> pa.Table:
    """Return an archive's media, or the table in it with the files it names, as bytes beside their names; nothing is written to disk.

    That class folders say the target is noted in `detected`.

    Raises DataError for a damaged archive, an encrypted one, or one that holds more than the memory (bytes) allows.
    """
    try:
        with open_plain(path) as opened, zipfile.ZipFile(opened) as archive:
            held = [m for m in archive.infolist() if not m.is_dir()]
            if len(held) > _MOST_MEMBERS:
                raise DataError(f"{path} holds more than a million files.", f"{path} 中的文件超过一百万个。")
            named = _names(held, reading.encoding if reading else None)
            names = {name: m for name, m in zip(named, held) if not _hidden(name)}
            left = [memory]

            def read(name: str) -> bytes:
                return _member(path, archive, names[name], left)

            tables = [n for n in names if PurePosixPath(n).suffix.lower() in _TABLES]
            if len(tables) == 1:
                listed = _table_of_archive(tables[0], names, read, reading, events)
                if listed is not None:
                    return listed
            table = _table(str(path), list(names), list(names), read, events)
            if detected is not None:
                detected.target = LABEL
            return table
    except FAULTS as e:
        raise DataError(
            f"{path} is not a complete zip archive, or it is encrypted ({e}).",
            f"{path} 不是完整的 zip 文件，或已加密（{e}）。",
        ) from e


def _names(members: list[zipfile.ZipInfo], asked: str | None) -> list[str]:
    """Return the names of an archive's members, which many archives hold in the encoding of the machine that made them, unnamed.

    Those that are not said to be UTF-8 are read in the encoding asked for, else as UTF-8, else as East Asian or Cyrillic where they read well so,
    else as the format says (cp437).
    """
    bare = [
        m.filename.encode("cp437", "replace") for m in members if not m.flag_bits & _UTF8 and not m.filename.isascii()
    ]
    encoding = _encoding(b"\n".join(bare)) if asked is None else asked
    out = []
    for m in members:
        name = m.filename
        if not m.flag_bits & _UTF8 and not name.isascii():
            with contextlib.suppress(UnicodeError):  # names that are told twice, in Unicode too, have been read by that
                name = name.encode("cp437").decode(encoding)
        out.append(name.replace("\\", "/"))
    return out


def _encoding(names: bytes) -> str:
    for encoding in ("utf-8", "gb2312"):  # of GB 2312 both bytes are such as no other text has two of in a row for long
        with contextlib.suppress(UnicodeDecodeError):
            names.decode(encoding)
            return encoding
    best = next((g for g in guesses(names + b"\n") if g.encoding in _OF_NAMES), None)
    return best.encoding if best and best.score > _WELL else "cp437"


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


def _table(
    source: str,
    values: list[str],
    names: list[str],
    read: Callable[[str], bytes] | None,
    events: EventStream | None,
) -> pa.Table:
    known = suffix_kinds()
    kinds = [known.get(PurePosixPath(n.removesuffix(SUFFIX)).suffix.lower()) for n in names]
    counts = {k: kinds.count(k) for k in sorted({k for k in kinds if k})}
    tables = [n for n in names if PurePosixPath(n).suffix.lower() in _TABLES][:5]
    if not counts:
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
    labels = classes_of([names[i] for i in own])
    if all(label is None for label in labels):
        beside = (f" such as {', '.join(tables)}", f"（例如 {'、'.join(tables)}）") if tables else ("", "")
        raise DataError(
            f"The {modality} files of {source} lie in no class folders (CLASS/FILE). Put each class into a folder of its name, "
            f"or give a table with a column of paths{beside[0]}.",
            f"{source} 中的文件没有放在类别文件夹里（类别/文件）。请按类别建文件夹，或提供含路径列的表格{beside[1]}。",
        )
    if events:
        left = set(own)
        unread = told_of_unread([n for i, n in enumerate(names) if i not in left])
        for words in (unread, *told_of_classes([names[i] for i in own], labels)):
            if words is not None:
                events.warn(f"{source}: {words.en}.", f"{source}：{words.zh}。")
    cells: list[Any] = [values[i] if read is None else {"bytes": read(values[i]), "path": names[i]} for i in own]
    return pa.table(
        {
            modality: pa.array(cells, pa.string() if read is None else _MEMBER),
            LABEL: pa.array(labels, pa.string()),
        }
    )


def _table_of_archive(
    table: str,
    names: dict[str, Any],
    read: Callable[[str], bytes],
    reading: Reading | None,
    events: EventStream | None,
) -> pa.Table | None:
    """Return the one table in an archive, cells that name another member replaced by its bytes; None where it names none of the media.

    Cells that name none are read as missing, and told.
    """
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
        places = [_place(c, base, names) if isinstance(c, str) else None for c in cells]
        if sum(p is not None for p in places) >= 0.5 * max(1, len(cells)):
            gone = [c for c, p in zip(cells, places) if p is None and c and c.strip()]
            if gone and events:
                shown = [f"`{c}`" for c in gone[:3]]
                events.warn(
                    f"{table}, `{name}`: the archive does not hold {counted(len(gone), 'file')} that it names ({', '.join(shown)}); read as missing.",
                    f"{table} 的 `{name}` 列：其中 {len(gone):,} 个文件不在压缩包中（{'、'.join(shown)}），按缺失处理。",
                )
            columns[name] = pa.array(
                [None if p is None else {"bytes": read(p), "path": c} for c, p in zip(cells, places)], _MEMBER
            )
        else:
            columns[name] = raw.column(name)
    known = suffix_kinds()
    if not any(c.type == _MEMBER for c in columns.values()) and any(
        PurePosixPath(n).suffix.lower() in known for n in names
    ):
        return None
    return pa.table(columns)


def _place(cell: str, base: PurePosixPath, names: dict[str, Any]) -> str | None:
    """Return the name of the member that a cell of a table in the folder `base` names, None where there is none."""
    place = str(base / cell.strip().replace("\\", "/"))
    return place if place in names else None


def batches(table: pa.Table, rows: int) -> Iterator[pa.Table]:
    """Yield a table in parts of up to `rows` rows."""
    for start in range(0, table.num_rows, rows):
        yield table.slice(start, rows)
