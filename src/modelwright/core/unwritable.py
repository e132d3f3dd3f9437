"""What is said where the disk refuses to be written: why, in both languages, and what to do about it."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TypeVar

from modelwright.core.errors import InputError
from modelwright.core.words import Words

E = TypeVar("E", bound=InputError)

_ROOM = Words("Free some room there", "请清理空间")
_RIGHT = Words("Get the right to write there", "请取得写入权限")

# by the number of the system's error: why, and what mends it besides another place
_KNOWN = {
    errno.ENOSPC: (Words("the disk is full", "磁盘已满"), _ROOM),
    errno.EDQUOT: (Words("your share of the disk is used up", "磁盘配额已用尽"), _ROOM),
    errno.EFBIG: (
        Words("it would be larger than files may be here", "文件将超出允许的大小"),
        Words("Raise the limit (ulimit -f)", "请提高上限（ulimit -f）"),
    ),
    errno.EROFS: (Words("the disk can only be read", "磁盘为只读"), None),
    errno.EACCES: (Words("permission denied", "没有权限"), _RIGHT),
    errno.EPERM: (Words("permission denied", "没有权限"), _RIGHT),
    errno.EISDIR: (Words("it is a folder", "它是一个文件夹"), None),
    errno.ENOTDIR: (Words("a part of the path is a file, not a folder", "路径中有一部分是文件而不是文件夹"), None),
    errno.EEXIST: (Words("a file of that name stands there", "已有同名文件"), None),
    errno.ENAMETOOLONG: (Words("the name is too long", "名称过长"), None),
    errno.EMFILE: (
        Words("too many files are open", "打开的文件过多"),
        Words("Raise the limit (ulimit -n)", "请提高上限（ulimit -n）"),
    ),
    errno.EIO: (Words("the disk fails", "磁盘出错"), Words("Check the disk", "请检查磁盘")),
}  # fmt: skip


def why(error: OSError) -> Words:
    """Return why the system refused, in words; what we have no words for is told in its own."""
    known = _KNOWN.get(error.errno or 0)
    own = error.strerror or str(error)
    return known[0] if known else Words(own, own)


def cannot_write(
    kind: type[E], error: OSError, path: Path | str, *, what: Words | None = None, option: str | None = None
) -> E:
    """Return the error of a `kind` for a `path` that the system refused to be written by `error`: why, and what to do.

    `what` is the noun that stands before the path, `option` the option that names another place.
    """
    folder = Path(path).parent
    noun = Words(f"{what.en} ", what.zh + " ") if what is not None else Words("", "")
    if isinstance(error, FileNotFoundError) and not folder.exists():
        reason = Words(f"there is no folder {folder}", f"没有文件夹 {folder}")
        mend: Words | None = Words("Make it", "请先创建")
    else:
        reason, mend = why(error), (_KNOWN.get(error.errno or 0) or (None, None))[1]
    other = Words("name another place", "改用其他位置")
    if option is not None:
        other = Words(f"name another place with {option}", f"用 {option} 指定其他位置")
    todo = (
        Words(f"{other.en[0].upper()}{other.en[1:]}", f"请{other.zh}")
        if mend is None
        else Words(f"{mend.en}, or {other.en}", f"{mend.zh}，或{other.zh}")
    )
    return kind(
        f"Cannot write {noun.en}{path}: {reason.en}. {todo.en}.",
        f"无法写入{noun.zh or ' '}{path}：{reason.zh}。{todo.zh}。",
    )
