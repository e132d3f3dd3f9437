"""What is given to be answered, as a source that can be read: a table, standard input (`-`), one picture, or a folder of them."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from modelwright.core.errors import DataError
from modelwright.core.schema import MODALITY_WORDS, Column
from modelwright.data._media import suffix_kinds
from modelwright.data.annotations.base import Marked
from modelwright.data.annotations.shared.source import marked_in
from modelwright.data.class_folders import classes_of
from modelwright.data.folders import files_below
from modelwright.data.pairs import ending
from modelwright.data.sources import folder_of

STDIN = "-"


@contextmanager
def given(data: str, inputs: Sequence[Column], labels: Sequence[str]) -> Iterator[tuple[Any, Path]]:
    """Give the source to read and the folder from which its paths are taken. `labels` are those that the model knows.

    Standard input is CSV or JSON Lines, told by its first character. One media file, or a folder of them, becomes a table
    with a row a file, under the name of the model's column of that modality; a folder of class folders says beside it what each file
    is, which any folder of files that somebody named does not. Raises DataError where there is no such column, or several.
    """
    if data == STDIN:
        with _piped() as file:
            yield file, Path().resolve()
        return
    files = _media_files(Path(data)) if "://" not in data else []
    if files:
        yield _table(data, files, inputs, labels), Path().resolve()
    elif (marked := marked_in(data, asked=False)) is not None:
        yield _marked_table(data, marked, inputs), folder_of(data)
    else:
        yield data, folder_of(data)


@contextmanager
def _piped() -> Iterator[str]:
    """Keep what is piped in as a file that only this user can read, and only for as long as it is read."""
    if sys.stdin.isatty():
        raise DataError(
            "Standard input is the keyboard; pipe rows in, such as: cat new.csv | modelwright predict RUN -",
            "标准输入是键盘；请用管道传入数据，例如：cat new.csv | modelwright predict RUN -",
        )
    stream = sys.stdin.buffer
    first = stream.read(1)
    while first and first in b" \t\r\n":
        first = stream.read(1)
    if not first:
        raise DataError("Standard input holds no rows (it is empty).", "标准输入没有任何数据。")
    ending = ".jsonl" if first in b"{[" else ".csv"
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / f"stdin{ending}"
        with file.open("wb") as out:
            out.write(first)
            while block := stream.read(1 << 20):
                out.write(block)
        yield str(file)


def _media_files(path: Path) -> list[Path]:
    """Return the media at a path: the file itself, or those of a folder; empty where it is a table, or is not there."""
    known = suffix_kinds()
    if path.is_file():
        return [path] if ending(path) in known else []
    if not path.is_dir():
        return []
    return [p for p in files_below(path) if ending(p) in known]


def _marked_table(data: str, marked: list[Marked], inputs: Sequence[Column]) -> pa.Table:
    """Return the pictures of a file of boxes under the name of the model's column of pictures: the boxes are what is asked for."""
    pictures = [c.name for c in inputs if c.modality == "image"]
    if len(pictures) != 1:
        shown = ", ".join(f"{c.name} ({c.modality})" for c in inputs[:8])
        raise DataError(
            f"{data} marks boxes in pictures; expected a model with one column of pictures, and this one reads: {shown}.",
            f"{data} 是图片中的标注框；需要只有一列图片的模型，而该模型读取：{shown}。",
        )
    return pa.table({pictures[0]: pa.array([m.picture for m in marked])})


def _table(data: str, files: list[Path], inputs: Sequence[Column], labels: Sequence[str]) -> pa.Table:
    known = suffix_kinds()
    here = {known[ending(p)] for p in files}
    fitting = [c for c in inputs if c.modality in here]
    if len(fitting) != 1:
        kinds, kinds_zh = ", ".join(sorted(here)), "、".join(MODALITY_WORDS[k].zh for k in sorted(here))
        shown = ", ".join(f"{c.name} ({c.modality})" for c in (fitting or inputs)[:8])
        if not fitting:
            raise DataError(
                f"{data} holds {kinds}, which the model does not read. It reads: {shown}.",
                f"{data} 中是{kinds_zh}，模型不读取这类数据。它读取的列：{shown}。",
            )
        raise DataError(
            f"The model has several columns for what {data} holds: {shown}. Give a table with the paths under these names.",
            f"模型中有多列可对应 {data} 的内容：{shown}。请给出以这些列名存放路径的表格。",
        )
    own = [p for p in files if known[ending(p)] == fitting[0].modality]
    columns: dict[str, Any] = {fitting[0].name: pa.array([str(p) for p in own], pa.string())}
    root = Path(data)
    if root.is_dir() and "label" not in columns:
        classes = classes_of([p.relative_to(root).as_posix() for p in own])
        if None not in classes and not set(classes).isdisjoint(labels):
            columns["label"] = pa.array(classes, pa.string())
    return pa.table(columns)
