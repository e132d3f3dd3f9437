"""What the folders that files lie in say of them: the class of each file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from modelwright.core.words import Words, counted

# folders that divide data into parts, as data sets name them; none of them is a class where classes lie in one, or where there are several
_PARTS = frozenset(
    "train training trainset train_set test testing testset test_set val valid validation valset dev eval "
    "训练 训练集 测试 测试集 验证 验证集".split()
)
_SHOWN = 5  # names in a message


def classes_of(names: Sequence[str]) -> list[str | None]:
    """Return the class of each file, told by the folders of its name (relative, with `/`); None where it lies in none.

    The class is the folder that a file lies in. Where that is the same for all (`cat/images/1.png`, `dog/images/1.png`) it is the
    nearest one above that is not. A part of the data (`train`, `test`) is no class.
    """
    folders = [PurePosixPath(n).parts[:-1] for n in names]
    if any(map(_part, folders)):  # classes lie in parts: what lies in a part itself has none
        folders = [() if _ends_in_part(f) else f for f in folders]
    elif len({f[-1] for f in folders if _ends_in_part(f)}) > 1:  # parts lie in classes, or there are none
        folders = [f[:-1] if _ends_in_part(f) else f for f in folders]
        if len({f[-1] for f in folders if f}) < 2:
            folders = [() for _ in folders]
    filed = [f for f in folders if f]
    up = 1
    while len({f[-up] for f in filed}) == 1 and all(len(f) > up for f in filed):
        up += 1
    classes = {f[-up].lower() for f in filed}
    if len(classes) < 2 or classes & _PARTS:
        up = 1
    return [f[-up] if f else None for f in folders]


def told_of_classes(names: Sequence[str], classes: Sequence[str | None]) -> list[Words]:
    """Return what is to be told of files and their classes: parts read together, files without a class, classes below several folders."""
    told = []
    folders = [PurePosixPath(n).parts[:-1] for n in names]
    parts = sorted({p for f, c in zip(folders, classes) if c is not None and (p := _part(f, whole=f[-1] != c))})
    if len(parts) > 1:
        en, zh = _first_names(parts)
        told.append(
            Words(
                f"{en} are read together, and test rows are drawn anew; to keep them apart, give one as the data and another with --test",
                f"{zh} 合并读取，并重新抽取测试集；如需保留原有划分，请以其中一个作为数据，另一个用 --test 指定",
            )
        )
    loose = [n for n, c in zip(names, classes) if c is None]
    if loose:
        en, zh = _first_names(loose)
        lie = "lies" if len(loose) == 1 else "lie"
        told.append(
            Words(
                f"{counted(len(loose), 'file')} {lie} in no class folder, and so without a label: {en}",
                f"{len(loose):,} 个文件不在类别文件夹中，没有标签：{zh}",
            )
        )
    above: dict[str, set[str]] = {}
    for folder, c in zip(folders, classes):
        at = len(folder) - 1 - folder[::-1].index(c) if c in folder else 0
        if at and folder[at - 1].lower() not in _PARTS:
            above.setdefault(str(c), set()).add(folder[at - 1])
    twice = sorted(c for c, holders in above.items() if len(holders) > 1)
    if twice:
        en, zh = _first_names(twice)
        held_en, held_zh = _first_names(sorted({h for c in twice for h in above[c]}))
        told.append(
            Words(
                f"the labels {en} are the innermost folders; should they be {held_en}, which lie above, give a table with a column of paths",
                f"标签取最里层的文件夹 {zh}；若应取其上层的 {held_zh}，请提供含路径列的表格",
            )
        )
    return told


def told_of_unread(names: Sequence[str]) -> Words | None:
    """Return how many files of which endings are not read; None where there are none."""
    counts: dict[str, int] = {}
    for name in names:
        if PurePosixPath(name).name.lower() not in _LEFT_BY_SYSTEMS:
            ending = PurePosixPath(name).suffix.lower()
            counts[ending] = counts.get(ending, 0) + 1
    if not counts:
        return None
    most = sorted(counts, key=lambda e: (-counts[e], e))
    more = sum(counts[e] for e in most[_SHOWN:])
    en = [f"{counts[e]:,} {e or 'without an ending'}" for e in most[:_SHOWN]] + ([f"{more:,} others"] if more else [])
    zh = [f"{e or '无扩展名'} {counts[e]:,} 个" for e in most[:_SHOWN]] + ([f"其他 {more:,} 个"] if more else [])
    return Words(f"files that are not read: {', '.join(en)}", f"未读取的文件：{'、'.join(zh)}")


_LEFT_BY_SYSTEMS = ("thumbs.db", "desktop.ini")


def _part(folders: tuple[str, ...], whole: bool = False) -> str | None:
    """Return the part of the data that holds a file's own folder (with `whole` also that folder itself), None where there is none."""
    return next((f for f in (folders if whole else folders[:-1]) if f.lower() in _PARTS), None)


def _ends_in_part(folders: tuple[str, ...]) -> bool:
    return bool(folders) and folders[-1].lower() in _PARTS and _part(folders) is None


def _first_names(names: Sequence[str]) -> tuple[str, str]:
    shown, more = [f"`{n}`" for n in names[:_SHOWN]], len(names) - _SHOWN
    rest = ([f"{more:,} more"], [f"另外 {more:,} 个"]) if more > 0 else ([], [])
    return ", ".join(shown + rest[0]), "、".join(shown + rest[1])
