"""Answers that are files, written into a folder beside the table that names them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from modelwright.core.answers.media import SUFFIXES, file_bytes
from modelwright.core.encrypted_files import SealWriter, vault_keys
from modelwright.core.envelope import SUFFIX
from modelwright.core.errors import DataError, OptionError
from modelwright.core.unwritable import cannot_write


class MediaFolder:
    """The folder `NAME-files` of a table NAME. It takes its place with the table, in that of an earlier one; nothing is left of one
    that was not finished. Where the table is encrypted, so are the files. Raises OptionError where there is no table to stand beside.
    """

    def __init__(self, out: Path | None) -> None:
        if out is None:
            raise OptionError(
                "The answers are files, which cannot go to standard output: name a table with --out, such as --out made.csv; the files are written beside it.",
                "答案是文件，无法写到标准输出：请用 --out 指定表格，例如 --out made.csv；文件写在其旁边。",
            )
        plain = out.name.removesuffix(SUFFIX)
        self._sealed = out.name.endswith(SUFFIX)
        self.place = out.with_name(f"{Path(plain).stem}-files")
        self._part = out.with_name(f".{self.place.name}.part")
        self._count = 0

    def open(self) -> None:
        """Begin an empty folder. Raises DataError where the disk refuses."""
        shutil.rmtree(self._part, ignore_errors=True)
        try:
            self._part.mkdir(mode=0o700 if self._sealed else 0o777)
        except OSError as e:
            raise self._refused(e) from e

    def write(self, answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Write the files of answers, and return the answers with paths, from the table's folder on, in their place."""
        out = []
        for answer in answers:
            self._count += 1
            data = file_bytes(answer["prediction"])
            if data is None:
                out.append({**answer, "prediction": None})
                continue
            ending = SUFFIXES.get(answer["prediction"]["type"], ".bin") + (SUFFIX if self._sealed else "")
            name = f"{self._count:06d}{ending}"
            try:
                self._put(self._part / name, data)
            except OSError as e:
                raise self._refused(e) from e
            out.append({**answer, "prediction": f"{self.place.name}/{name}"})
        return out

    def _put(self, path: Path, data: bytes) -> None:
        with path.open("wb") as file:
            if not self._sealed:
                file.write(data)
                return
            seal = SealWriter(file, vault_keys()[0])
            seal.write(data)
            seal.close()

    def settle(self) -> None:
        """Put the folder in its place. Raises DataError where the disk refuses."""
        try:
            if self.place.is_dir():
                old = self._part.with_suffix(".old")
                shutil.rmtree(old, ignore_errors=True)
                os.replace(self.place, old)
                os.replace(self._part, self.place)
                shutil.rmtree(old, ignore_errors=True)
            else:
                os.replace(self._part, self.place)
        except OSError as e:
            raise self._refused(e) from e

    def drop(self) -> None:
        """Remove what did not take its place."""
        shutil.rmtree(self._part, ignore_errors=True)

    def _refused(self, error: OSError) -> DataError:
        return cannot_write(DataError, error, self.place, option="--out")


class OneFile:
    """Writes the answer to one row as the file that it is, `made.png`; it takes its place only when the block ends well.

    Raises OptionError for several rows, or an ending that is not that of the answer.
    """

    def __init__(self, out: Path) -> None:
        self._out, self._data, self._rows = out, b"", 0
        self.left_out: list[str] = []
        self.replaced: list[str] = []

    def __enter__(self) -> OneFile:
        return self

    def write(self, raw: Any, answers: list[dict[str, Any]], target: Any, scores: bool = False) -> None:
        """Keep the answer; rows beside it are refused."""
        self._rows += len(answers)
        if self._rows > 1:
            raise OptionError(
                f"{self._out} takes one answer, and there are several rows: name a table with --out, such as --out made.csv; the files are written beside it.",
                f"{self._out} 只能容纳一个答案，而数据有多行：请用 --out 指定表格，例如 --out made.csv；文件写在其旁边。",
            )
        data = file_bytes(answers[0]["prediction"])
        kind = SUFFIXES.get(answers[0]["prediction"]["type"], "") if data is not None else ""
        if data is not None and kind != one_ending(self._out):
            raise OptionError(
                f"The answer is a {kind} file; name it so with --out, received {self._out}.",
                f"答案是 {kind} 文件；请用 --out 相应命名，收到的是 {self._out}。",
            )
        self._data = data or b""

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is not None or not self._data:
            return
        part = self._out.with_name(f".{self._out.name}.part")
        try:
            part.write_bytes(self._data)
            os.replace(part, self._out)
        except OSError as e:
            raise cannot_write(DataError, e, self._out, option="--out") from e
        finally:
            part.unlink(missing_ok=True)


def one_ending(out: Path | None) -> str | None:
    """Return the ending of a name that is one of an answer's file rather than a table's; None for a table."""
    ending = out.suffix.lower() if out is not None else ""
    return {".jpeg": ".jpg"}.get(ending, ending) if ending in (*SUFFIXES.values(), ".jpeg") else None
