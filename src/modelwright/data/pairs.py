"""A folder of pictures as rows: pairs of what is given and what is wanted, or good pictures alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from modelwright.core.envelope import SUFFIX
from modelwright.core.errors import DataError
from modelwright.core.words import counted, some_of
from modelwright.data.folders import files_below
from modelwright.data.kinds.image import SUFFIXES

GIVEN, WANTED = "picture", "good"
# what people call the two sides, in folders (low/, high/) and in names of files (street_low.png)
_SIDES: tuple[tuple[str, str], ...] = (
    ("input", "target"), ("input", "output"), ("low", "high"), ("lr", "hr"), ("lq", "gt"), ("lq", "hq"), ("noisy", "clean"), ("noisy", "gt"),
    ("blur", "sharp"), ("before", "after"), ("bad", "good"), ("picture", "good"), ("rain", "clear"), ("source", "target"), ("a", "b"), ("x", "y"),
    ("输入", "输出"), ("输入", "目标"), ("原图", "效果"), ("前", "后"),
)  # fmt: skip


def pairs_table(folder: Path) -> pa.Table:
    """Return a folder's pictures as a table of paths: `picture` and `good` for pairs, `good` alone for good pictures.

    Pairs are two folders (low/ and high/, noisy/ and clean/, input/ and target/ ...) with files of the same names, or files that
    differ in such a word (street_low.png, street_high.png). Raises DataError where there are no pictures, or some have no partner.
    """
    files = files_of(folder)
    found = _by_folder(folder, files) or _by_name(folder, files)
    if found is None:
        return pictures_table(folder)
    given, wanted = found
    return pa.table(
        {
            GIVEN: pa.array([str(p.resolve()) for p in given], pa.string()),
            WANTED: pa.array([str(p.resolve()) for p in wanted], pa.string()),
        }
    )


def pictures_table(folder: Path) -> pa.Table:
    """Return a folder's pictures as a table of paths in the column `good`. Raises DataError where there are none."""
    return pa.table({WANTED: pa.array([str(p.resolve()) for p in files_of(folder)], pa.string())})


def files_of(folder: Path) -> list[Path]:
    """Return the pictures in a folder and those below it, in order. Raises DataError where there are none."""
    files = [p for p in files_below(folder) if ending(p) in SUFFIXES]
    if not files:
        raise DataError(
            f"{folder} holds no pictures ({', '.join(sorted(SUFFIXES))}).",
            f"{folder} 中没有图片（{'、'.join(sorted(SUFFIXES))}）。",
        )
    return files


def ending(path: Path) -> str:
    """Return the ending of a file's name in small letters, encrypted or not."""
    return Path(path.name.removesuffix(SUFFIX)).suffix.lower()


def _stem(path: Path) -> str:
    return Path(path.name.removesuffix(SUFFIX)).stem


Found = tuple[list[Path], list[Path]]


def _by_folder(folder: Path, files: Sequence[Path]) -> Found | None:
    tops = {p.relative_to(folder).parts[0] for p in files if len(p.relative_to(folder).parts) > 1}
    names = {t.lower(): t for t in tops}
    for a, b in _SIDES:
        if len(tops) == 2 and a in names and b in names:
            sides = [{_key(p, folder): p for p in files if p.relative_to(folder).parts[0] == names[s]} for s in (a, b)]
            return _joined(folder, sides[0], sides[1], names[a], names[b])
    return None


def _key(path: Path, folder: Path) -> str:
    inside = path.relative_to(folder).parts[1:-1]
    return "/".join((*inside, _stem(path)))


def _by_name(folder: Path, files: Sequence[Path]) -> Found | None:
    for a, b in _SIDES:
        sides: list[dict[str, Path]] = [{}, {}]
        for p in files:
            for side, word in zip(sides, (a, b), strict=True):
                cut = re.sub(rf"(?i)(^|[_\-. ]){re.escape(word)}(?=$|[_\-. ])", r"\1", _stem(p))
                if cut != _stem(p):
                    side[str(p.relative_to(folder).parent / cut.strip("_-. "))] = p
        if sides[0] and sides[1] and len(sides[0]) + len(sides[1]) == len(files):
            return _joined(folder, sides[0], sides[1], f"*{a}*", f"*{b}*")
    return None


def _joined(folder: Path, given: dict[str, Path], wanted: dict[str, Path], a: str, b: str) -> Found:
    alone = [given[k] for k in given if k not in wanted] + [wanted[k] for k in wanted if k not in given]
    if alone:
        shown, one = some_of(str(p.relative_to(folder)) for p in sorted(alone)), len(alone) == 1
        raise DataError(
            f"{folder}: {counted(len(alone), 'picture')} {'has' if one else 'have'} no partner of the same name in `{a}` and `{b}`: {shown.en}. Add or remove {'it' if one else 'them'}.",
            f"{folder}：{len(alone)} 张图片在 `{a}` 与 `{b}` 中没有同名的另一半：{shown.zh}。请补齐或移除。",
        )
    keys = sorted(given)
    return [given[k] for k in keys], [wanted[k] for k in keys]
