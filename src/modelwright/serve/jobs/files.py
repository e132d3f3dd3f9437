"""The files of jobs: what was sent, and the answers in parts that are whole or absent. Encrypted where a vault is open.

jobs/ID/sent.csv                     the file as it came (csv, jsonl, parquet)
jobs/ID/000000000500-000000001000    answers to rows 501 to 1000, one JSON object a line
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from modelwright.core.encrypted_files import SealWriter, open_plain, vault_keys

FORMS = ("csv", "jsonl", "parquet")


class Written:
    """A file that is being written beside its place; it takes the place at `done`, and is removed otherwise."""

    def __init__(self, place: Path) -> None:
        self._place, self._part = place, place.with_name(f".{place.name}.{os.getpid()}.part")
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._raw: IO[bytes] = os.fdopen(handle, "wb")
        keys = vault_keys()
        self._seal = SealWriter(self._raw, keys[0]) if keys else None
        self.size = 0

    def write(self, data: bytes) -> None:
        """Write on. Raises OSError where the disk is full."""
        self.size += len(data)
        if self._seal is not None:
            self._seal.write(data)
        else:
            self._raw.write(data)

    def done(self) -> None:
        """Put the file in its place, on the disk for good. Raises OSError."""
        if self._seal is not None:
            self._seal.close()
        self._raw.flush()
        os.fsync(self._raw.fileno())
        self._raw.close()
        os.replace(self._part, self._place)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._seal is not None and not self._seal.closed:
            self._seal.drop()
        with contextlib.suppress(OSError):
            self._raw.close()
        self._part.unlink(missing_ok=True)


def sent(folder: Path, form: str) -> Path:
    """Return where the file of a job stands."""
    return folder / f"sent.{form}"


def write_part(folder: Path, first: int, answers: list[dict[str, Any]]) -> None:
    """Keep the answers to rows from `first` (0-based) on. Raises OSError where the disk is full."""
    with Written(folder / f"{first:012d}-{first + len(answers):012d}") as file:
        file.write("".join(json.dumps(a, ensure_ascii=False) + "\n" for a in answers).encode("utf-8", "replace"))
        file.done()


def parts(folder: Path) -> list[tuple[int, int, Path]]:
    """Return the parts that follow one another without a gap from the first row on: (first row, row after the last, path)."""
    found: list[tuple[int, int, Path]] = []
    for path in sorted(folder.glob("[0-9]*-[0-9]*")):
        head, _, tail = path.name.partition("-")
        found.append((int(head), int(tail), path))
    out: list[tuple[int, int, Path]] = []
    at = 0
    for first, end, path in found:
        if first == at:
            out.append((first, end, path))
            at = end
    return out


def answers(folder: Path) -> Iterator[list[dict[str, Any]]]:
    """Yield the answers of a job, a part at a time."""
    for _, _, path in parts(folder):
        with open_plain(path) as file:
            yield [json.loads(line) for line in file.read().decode().splitlines()]


def remove(folder: Path) -> None:
    """Remove all files of a job."""
    shutil.rmtree(folder, ignore_errors=True)


# -- the result in the form that is asked for ------------------------------------------------------------------------


def as_jsonl(found: Iterable[list[dict[str, Any]]]) -> Iterator[bytes]:
    """Yield answers as JSON lines."""
    for part in found:
        yield "".join(json.dumps(a, ensure_ascii=False) + "\n" for a in part).encode("utf-8", "replace")


def as_csv(found: Iterable[list[dict[str, Any]]]) -> Iterator[bytes]:
    """Yield answers as CSV; what is no plain value stands as JSON."""
    import csv
    import io

    columns: list[str] = []
    for part in _to_the_first_answer(found):
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if not columns:
            columns = _columns(part)
            writer.writerow(columns)
        writer.writerows([_csv_cell(a.get(c)) for c in columns] for a in part)
        yield text.getvalue().encode("utf-8", "replace")


def as_parquet(found: Iterable[list[dict[str, Any]]]) -> Iterator[bytes]:
    """Yield answers as a Parquet file: numbers of rows, all else as text."""
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    sink, writer, columns = io.BytesIO(), None, list[str]()
    for part in _to_the_first_answer(found):
        if writer is None:
            columns = _columns(part)
            schema = pa.schema([(c, pa.int64() if c == "row" else pa.string()) for c in columns])
            writer = pq.ParquetWriter(sink, schema)
        cells: dict[str, list[Any]] = {c: [a.get(c) if c == "row" else _text(a.get(c)) for a in part] for c in columns}
        writer.write_table(pa.table(cells, schema=schema))
        yield sink.getvalue()
        sink.seek(0)
        sink.truncate()
    if writer is not None:
        writer.close()
        yield sink.getvalue()


def _to_the_first_answer(found: Iterable[list[dict[str, Any]]]) -> Iterator[list[dict[str, Any]]]:
    """Yield the parts of answers, those up to the first row that could be read as one: it tells the columns."""
    held: list[dict[str, Any]] = []
    rest = iter(found)
    for part in rest:
        held += part
        if not all("error" in a for a in part):
            break
    if held:
        yield held
    yield from rest


def _columns(part: list[dict[str, Any]]) -> list[str]:
    """Return the columns of a table of answers: those of the first part, and those which later parts may need."""
    late = ("warnings", "error")
    return list(dict.fromkeys([*(k for a in part for k in a if k not in late), *late]))


def _csv_cell(value: Any) -> Any:
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    # a spreadsheet must not take an answer for a formula
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)
